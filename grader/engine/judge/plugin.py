"""Runs the tests of exercises on submissions, as a plugin of pytest.

One pytest session collects the tests once and then takes job after job: pytest itself allows an item to be run again.
"""

import gc
import hashlib
import time
import traceback
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grader.base.errors import UsageError
from grader.base.result import Diagnosis, Failure, Outcome, Output, Result, TestResult, Versions
from grader.base.seeds import derive_seed
from grader.base.text import clean_line
from grader.engine.judge.calls import failing_entry
from grader.engine.judge.collect import Test, Tested, collect, collection_fault
from grader.engine.judge.context import Setting
from grader.engine.judge.cpu import OWN_CPU, bounded_cpu
from grader.engine.judge.diagnosis.evidence import Run
from grader.engine.judge.diagnosis.memory import forget_too_many
from grader.engine.judge.diagnosis.observe import observed
from grader.engine.judge.explain import explain, unexplained
from grader.engine.judge.footprint import Footprint
from grader.engine.judge.messages import Graded, Job, Materials, Setup, Testing
from grader.engine.judge.reference_time import reference_seconds
from grader.engine.judge.results import blocked, result_of
from grader.engine.judge.rng import Rng
from grader.engine.judge.session import Fault, Limits, Session
from grader.engine.judge.silence import quiet
from grader.engine.judge.values import size_names
from grader.engine.sandbox.starter import Starter
from grader.engine.submission.imports import built_on

MAX_TIMEOUTS = 2  # of one submission; after them its other tests are not run


@dataclass
class _Running:
    """The test that runs: what its fixtures need, and what it raised."""

    session: Session
    seed: int
    reference: types.ModuleType | None
    error: BaseException | None = None

    def fixture(self, name: str) -> Any:
        """The value of one of `FIXTURES`."""
        match name:
            case "submission":
                return self.session.begin(self.seed)
            case "reference" if self.reference is None:
                raise UsageError("a public test uses the fixture reference, and the course was released without it")
            case "reference":
                return self.reference
            case "rng":
                return Rng(self.seed)


class Plugin:
    """Grades the jobs of an iterator, one by one, and says each result."""

    def __init__(
        self,
        setup: Setup,
        jobs: Iterable[Job],
        say: Callable[[Testing | Graded], None],
        starter: Starter,
        versions: Versions,
    ):
        self._setup = setup
        self._jobs = jobs
        self._say = say
        self._starter = starter
        self._versions = versions
        self._exercises: dict[str, Tested] = {}
        self._passing: dict[bytes, bool] = {}  # whether the file of an exercise that another needs passes, by a hash
        self._running: _Running | None = None
        self._broken: list[str] = []  # what went wrong while the failures of a job were explained
        self.fault: UsageError | None = None

    # ------------------------------------------------------------ pytest

    @pytest.fixture
    def submission(self) -> Any:
        """The student's module."""
        assert self._running is not None
        return self._running.fixture("submission")

    @pytest.fixture
    def reference(self) -> Any:
        """The reference solution, with the same face as `submission`."""
        assert self._running is not None
        return self._running.fixture("reference")

    @pytest.fixture
    def rng(self) -> Any:
        """Random inputs that depend on the test and the seed of the run."""
        assert self._running is not None
        return self._running.fixture("rng")

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "points(n): what the test is worth")
        config.addinivalue_line("markers", "needs(*tests): tests without which this one says nothing")
        config.addinivalue_line("markers", "requires(*packages): packages without which it is not available")
        config.addinivalue_line("markers", "seconds(n): what this test may take")

    def pytest_exception_interact(self, node: pytest.Item | pytest.Collector) -> None:
        if isinstance(node, pytest.Collector) and self.fault is None:
            self.fault = collection_fault(node.path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if self.fault is None:
            try:
                self._exercises = collect(self._setup, session.items)
            except UsageError as error:
                self.fault = error
        if self.fault is None:
            footprint = Footprint()
            for job in self._jobs:
                result = self._grade(job)
                self._running = None  # it holds what the last test had
                forget_too_many(each.causes.memory for each in self._exercises.values() if each.causes is not None)
                footprint.tidy()
                self._say(Graded(job.id, result))
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: "pytest.CallInfo[None]") -> pytest.TestReport:
        """Notes what a test raised. The report that pytest would make of it is not needed, and slow."""
        assert self._running is not None
        if call.excinfo is not None and self._running.error is None:
            self._running.error = call.excinfo.value
        outcome = "failed" if call.excinfo else "passed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]

    # ------------------------------------------------------------ grading

    def _grade(self, job: Job) -> Result:
        """The result of a job; of a fault of ours, one whose outcome is error."""
        try:
            result, killed = self._attempt(job)
            if killed:  # by the system, which may have been short of memory for another's sake, or by itself again
                result, _ = self._attempt(job)
            unrun = not result.tests and (
                result.outcome is Outcome.SYNTAX_ERROR
                or (result.outcome is Outcome.NOT_STARTED and result.exception is None)
            )
            settled = result.passed or result.is_faulty or unrun
            blocking = None if settled else self._blocking(job, loaded=bool(result.tests))
        except Exception as error:
            fault = Fault(Outcome.ERROR, _told(error))
            rest = {"isolation": self._setup.isolation, "versions": self._versions, "seconds": 0.0}
            return result_of(job, self._exercises[job.exercise], [], fault, **rest)
        return result if blocking is None else blocked(result, blocking, job.absent.get(blocking))

    def _blocking(self, job: Job, *, loaded: bool) -> str | None:
        """The first exercise that this one builds on, and that the student has not solved.

        A file that could be loaded builds on those of which it uses something; another may have failed in an import.
        Two that import each other do not wait for each other.
        """
        for each in built_on(job.exercise, job.imports, used=loaded):
            if each in job.absent or not (self._imports_back(each, job) or self._passes(each, job)):
                return each
        return None

    @staticmethod
    def _imports_back(exercise: str, job: Job) -> bool:
        """Whether the student's file of another exercise imports that of this one."""
        return job.exercise in built_on(exercise, job.imports)

    def _passes(self, exercise: str, job: Job) -> bool:
        """Whether the student's own file of another exercise passes its tests."""
        source = job.others[exercise]
        others = {each: job.others[each] for each in built_on(exercise, job.imports) if each in job.others}
        own = Job(job.id, exercise, f"{exercise}.py", source, "", job.seed, others, imports=job.imports, diagnose=False)
        key = hashlib.sha256(msgspec.msgpack.encode(msgspec.structs.replace(own, id=0))).digest()
        if key not in self._passing:
            result, _ = self._attempt(own)
            if result.is_faulty:
                raise UsageError(f"the tests of {exercise}, on which this builds, broke off")
            self._passing[key] = result.passed
        return self._passing[key]

    def _attempt(self, job: Job) -> tuple[Result, bool]:
        """The result of a job, and whether a worker was killed meanwhile."""
        begun = time.monotonic()
        self._broken = []
        exercise = self._exercises[job.exercise]
        materials = exercise.materials
        limits = _limits(None, job, materials)
        most = sum(_limits(test, job, materials).seconds for test in exercise.tests)
        session = Session(
            self._starter, job.exercise, job.source, job.others, limits, most, code=job.code, examine=job.code is None
        )
        fault: Fault | None = None
        printed: Output | None = None
        results: list[TestResult] = []
        runs: list[Run] = []
        diagnoses: tuple[Diagnosis, ...] = ()
        try:
            printed = session.load()
            for test in sorted(exercise.tests, key=lambda test: test.item.name != job.failed_first):
                result, run = self._run(test, results, session, job, exercise)
                results.append(result)
                if run is not None:
                    runs.append(run)
            if job.diagnose and exercise.causes is not None:
                with quiet(), self._advising():  # wrong versions run, which nobody has asked to print
                    diagnoses = exercise.causes.diagnose(runs)
                with quiet(), self._advising():
                    results = observed(results, runs, diagnoses, exercise, session)
        except Fault as error:  # while loading
            fault, printed = error, session.take_output()
        finally:
            session.close()
        whole = result_of(
            job,
            exercise,
            results,
            fault,
            diagnoses=diagnoses,
            advice_errors=tuple(self._broken),
            output=printed,
            isolation=self._setup.isolation,
            versions=self._versions,
            seconds=time.monotonic() - begun,
        )
        return whole, session.killed

    def _run(
        self, test: Test, before: list[TestResult], session: Session, job: Job, exercise: Tested
    ) -> tuple[TestResult, Run | None]:
        result = TestResult(
            id=test.item.name,
            name=test.name,
            description=test.description,
            visibility="hidden" if test.hidden else "public",
            outcome=Outcome.PASSED,
            points=test.points,
            max_points=test.points,
            seconds=0.0,
            needs=test.needs,
        )
        if test.missing or (test.long and not job.long):
            failure = Failure(_not_available(test.missing)) if test.missing else None
            nothing = {"outcome": Outcome.UNAVAILABLE, "points": 0.0, "max_points": 0.0}
            return msgspec.structs.replace(result, failure=failure, **nothing), None
        passed = {t.id for t in before if t.outcome is Outcome.PASSED}
        unmet = [name for name in test.needs if name not in passed]
        if (unmet and test.item.name != job.failed_first) or (job.exitfirst and any(t.is_failing for t in before)):
            return msgspec.structs.replace(result, outcome=Outcome.SKIPPED, points=0.0), None
        if session.timeouts >= MAX_TIMEOUTS:
            failure = Failure(f"Not run: {MAX_TIMEOUTS} tests of this submission did not end.")
            return msgspec.structs.replace(result, outcome=Outcome.SKIPPED, points=0.0, failure=failure), None
        seed = derive_seed(job.exercise, test.item.name, job.seed)
        session.limits = _limits(test, job, exercise.materials)
        if job.announce:
            self._say(Testing(job.id, test.name))
        running = self._running = _Running(session, seed, exercise.reference)
        session.reference_seconds = partial(_pace, test, running)
        session.start_clock()
        begun = time.monotonic()
        most = OWN_CPU * session.limits.seconds
        busy = Fault(Outcome.ERROR, f"The test itself takes more than {most:g} s of CPU, beside the submission.")
        with bounded_cpu(most, busy):
            if test.plain:
                running.error = _call(test, running)
            else:
                test.item.ihook.pytest_runtest_protocol(item=test.item, nextitem=None)
        seconds = max(0.0, time.monotonic() - begun - session.waited())
        run = Run(test.item.name, session.log, seed, running.error is not None)
        if running.error is not None:
            with self._advising():
                failing = failing_entry(running.error, session.log)
                run = replace(run, shown=failing, sizes=_sizes(running, test))
        repeated = None if test.long else run
        printed = session.take_output()
        shown = printed if not test.hidden or exercise.materials.show_hidden_output else None
        result = msgspec.structs.replace(result, seconds=seconds, output=shown)
        if running.error is None:
            session.settle()
            return result, repeated
        outcome, failure = self._explain(running, run, test, job, exercise)
        session.settle()
        return msgspec.structs.replace(result, outcome=outcome, points=0.0, failure=failure), repeated

    def _explain(self, running: _Running, run: Run, test: Test, job: Job, exercise: Tested) -> tuple[Outcome, Failure]:
        error = running.error
        assert error is not None
        setting = Setting(
            source=job.source,
            module=job.exercise,
            file=job.file,
            reference=exercise.reference,
            right=None if exercise.causes is None or test.long else partial(exercise.causes.memory.right, run),
            sizes=run.sizes,
            log=running.session.log,
            seed=running.seed,
        )
        outcome, failure = unexplained(error)
        with self._advising():
            outcome, failure = explain(error, setting)
        here = not isinstance(error, Fault) and not hasattr(error, "fault")  # raised here, and not in the submission
        if here and outcome is Outcome.MEMORY:  # what fills it goes, so that the reference has all of it
            running.session.log.clear()
            error.__traceback__ = None
            gc.collect()
        if here and outcome in (Outcome.WRONG_TYPE, Outcome.MEMORY) and self._fails_by_itself(test, running):
            what = f"{type(error).__name__}: {error}"
            return Outcome.ERROR, Failure(f"The test {test.item.name} fails on the reference too: {what}")
        return outcome, failure

    @staticmethod
    def _fails_by_itself(test: Test, running: _Running) -> bool:
        """Whether a test that broke off breaks off on the reference as well: then the fault is the course's."""
        if running.reference is None or not test.plain:
            return False
        try:
            _call_on_reference(test, running)
        except (Exception, pytest.fail.Exception):  # whatever it is, the submission is not to blame
            return True
        return False

    @contextmanager
    def _advising(self) -> Iterator[None]:
        """Let an exception of ours cost the advice and not the grade: the tests have been run."""
        try:
            yield
        except (Exception, Fault) as error:
            self._broken.append(_told(error))


def _told(error: BaseException) -> str:
    """Return what an exception says, with its place unless it is a sentence for users."""
    what = clean_line(str(error))
    if isinstance(error, UsageError):
        return what
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}: {type(error).__name__}: {what}"


def _limits(test: Test | None, job: Job, materials: Materials) -> Limits:
    """What a test may take; None: loading."""
    own = None if test is None else test.seconds
    return Limits(job.seconds or own or materials.seconds, materials.memory)


def _call(test: Test, running: _Running) -> BaseException | None:
    """Calls a plain test, and returns what it raised. What pytest does around it costs as much as it."""
    try:
        test.item.obj(**{name: running.fixture(name) for name in test.item.fixturenames})
    except BaseException as error:  # pytest.fail, a Fault and SystemExit are no Exceptions
        return error
    return None


def _call_on_reference(test: Test, running: _Running) -> None:
    """Calls a plain test with the reference in the place of the submission."""
    names = test.item.fixturenames
    test.item.obj(**{name: running.fixture("reference" if name == "submission" else name) for name in names})


def _pace(test: Test, running: _Running) -> float | None:
    """Seconds that the reference takes for what the running test has asked; None where it cannot be told."""
    if running.reference is None:
        return None
    session = running.session
    whole_test = partial(_call_on_reference, test, running) if test.plain else None
    return reference_seconds(session.log, running.reference, running.seed, session.limits, whole_test)


def _sizes(running: _Running, test: Test) -> dict[int, str]:
    """What the test that failed calls the sizes that occur in it."""
    if running.error is None:
        return {}
    function = test.item.function
    used = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    return size_names(used | _locals(running.error, function))


def _locals(error: BaseException, function: Any) -> dict[str, Any]:
    """The locals of the test at the time of the error."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is function.__code__:
            return dict(trace.tb_frame.f_locals)
        trace = trace.tb_next
    return {}


def _not_available(packages: Sequence[str]) -> str:
    are = "is" if len(packages) == 1 else "are"
    return f"Not available here: {' and '.join(packages)} {are} not installed. docs/weights.md says how."
