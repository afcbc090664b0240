"""Runs the tests of exercises on submissions, as a plugin of pytest.

One pytest session collects the tests once and then takes job after job: pytest itself allows an item to be run again.
"""

import contextlib
import hashlib
import runpy
import signal
import time
import traceback
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest

from grader.errors import UsageError
from grader.judge.clean import clean, clean_line
from grader.judge.diagnosis import KnownMistakes, Mistake, Run
from grader.judge.explain import Setting, explain, raised, size_names
from grader.judge.messages import Graded, Job, Materials, Setup, Testing
from grader.judge.rng import Rng
from grader.judge.session import Fault, Limits, Session
from grader.result import (
    Failure,
    Frame,
    Outcome,
    Output,
    Raised,
    Result,
    SourceLine,
    TestResult,
    Versions,
)
from grader.sandbox.servant import execute, install
from grader.sandbox.starter import Starter
from grader.seeds import derive_seed
from grader.submission.examine import examine, used_modules

_OWN_CPU = 10  # times the limit of a test: CPU that the judge may take for it
_UNDECIDED = {Outcome.NOT_STARTED, Outcome.SKIPPED, Outcome.UNAVAILABLE}
MAX_TIMEOUTS = 2  # of one submission; after them its other tests are not run


@dataclass
class _Test:
    item: pytest.Function
    name: str
    description: str
    hidden: bool
    points: float
    needs: tuple[str, ...]
    requires: tuple[str, ...]  # packages
    missing: tuple[str, ...]  # of them
    seconds: float | None  # its own limit

    @property
    def long(self) -> bool:
        """Whether it is too costly to be repeated: on many seeds, or on every known mistake."""
        return bool(self.requires) or self.seconds is not None


@dataclass
class _Exercise:
    materials: Materials
    reference: types.ModuleType | None
    mistakes: KnownMistakes | None  # None where there is no reference
    tests: list[_Test] = field(default_factory=list)


@dataclass
class _Running:
    """The test that runs: what its fixtures need, and what it raised."""

    session: Session
    seed: int
    reference: types.ModuleType | None
    error: BaseException | None = None


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
        self._exercises: dict[str, _Exercise] = {}
        self._passing: dict[bytes, bool] = {}  # whether the file of an exercise that another needs passes, by a hash
        self._running: _Running | None = None
        self.fault: UsageError | None = None

    # ------------------------------------------------------------ pytest

    @pytest.fixture
    def submission(self) -> Any:
        """The student's module."""
        assert self._running is not None
        return self._running.session.begin(self._running.seed)

    @pytest.fixture
    def reference(self) -> Any:
        """The reference solution, with the same face as `submission`."""
        assert self._running is not None
        if self._running.reference is None:
            raise UsageError("a public test uses the fixture reference, and the course was released without it")
        return self._running.reference

    @pytest.fixture
    def rng(self) -> Rng:
        """Random inputs that depend on the test and the seed of the run."""
        assert self._running is not None
        return Rng(self._running.seed)

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "points(n): what the test is worth")
        config.addinivalue_line("markers", "needs(*tests): tests without which this one says nothing")
        config.addinivalue_line("markers", "requires(*packages): packages without which it is not available")
        config.addinivalue_line("markers", "seconds(n): what this test may take")

    def pytest_exception_interact(self, node: pytest.Item | pytest.Collector) -> None:
        if isinstance(node, pytest.Collector) and self.fault is None:
            self.fault = _collection_fault(node.path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if self.fault is None:
            try:
                self._collect(session.items)
            except UsageError as error:
                self.fault = error
        if self.fault is None:
            for job in self._jobs:
                self._say(Graded(job.id, self._grade(job)))
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: "pytest.CallInfo[None]") -> pytest.TestReport:
        """Notes what a test raised. The report that pytest would make of it is not needed, and slow."""
        assert self._running is not None
        if call.excinfo is not None and self._running.error is None:
            self._running.error = call.excinfo.value
        outcome = "failed" if call.excinfo else "passed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]

    # ------------------------------------------------------------ collecting

    def _collect(self, items: Iterable[pytest.Item]) -> None:
        by_path: dict[str, list[pytest.Function]] = {}
        for item in items:
            assert isinstance(item, pytest.Function)
            by_path.setdefault(str(item.path), []).append(item)
        for materials in self._setup.materials:
            install(materials.others)
            reference = _reference(materials)
            known = [Mistake(m.name, m.replaces, m.advice, m.source) for m in materials.mistakes]
            mistakes = None if reference is None else KnownMistakes(reference, known, materials.memory)
            exercise = self._exercises[materials.id] = _Exercise(materials, reference, mistakes)
            for path in materials.tests:
                for item in by_path.get(path, []):
                    exercise.tests.append(_test(item, path == materials.hidden))
            _check_needs(exercise.tests)
            if self._setup.complete:
                _refuse_missing(materials.id, exercise.tests)

    # ------------------------------------------------------------ grading

    def _grade(self, job: Job) -> Result:
        """The result of a job; of a fault of ours, one whose outcome is error."""
        try:
            result, killed = self._attempt(job)
            if killed:  # by the system, which may have been short of memory for another's sake, or by itself again
                result, _ = self._attempt(job)
            blocking = None if result.passed or result.faulty else self._blocking(job, bool(result.tests))
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(frame.filename).name}:{frame.lineno}"
            fault = Fault(Outcome.ERROR, f"{where}: {type(error).__name__}: {clean_line(str(error))}")
            draft = _result(job, self._exercises[job.exercise], [], fault)
            return draft.replaced(isolation=self._setup.isolation, versions=self._versions, seconds=0.0)
        return result if blocking is None else _blocked(result, blocking)

    def _blocking(self, job: Job, loaded: bool) -> str | None:
        """The first exercise that this one builds on, and that the student has not solved.

        A file that could be loaded builds on those of which it uses something; another may have failed in an import.
        """
        needs = self._exercises[job.exercise].materials.needs
        if not needs or examine(job.source, job.file) is not None:  # a stub, or no Python: nothing else is at fault
            return None
        if loaded:
            used = used_modules(job.source)
            needs = tuple(each for each in needs if each in used)
        return next((each for each in needs if not self._passes(each, job)), None)

    def _passes(self, exercise: str, job: Job) -> bool:
        """Whether the student's own file of another exercise passes its tests."""
        if exercise not in job.others:
            return False
        needs = self._exercises[exercise].materials.needs
        others = {each: job.others[each] for each in needs if each in job.others}
        own = Job(job.id, exercise, f"{exercise}.py", job.others[exercise], "", job.seed, others, diagnose=False)
        key = hashlib.sha256(msgspec.msgpack.encode(msgspec.structs.replace(own, id=0))).digest()
        if key not in self._passing:
            result, _ = self._attempt(own)
            if result.faulty:
                raise RuntimeError(f"the tests of {exercise}, on which this builds, broke off")
            self._passing[key] = result.passed
        return self._passing[key]

    def _attempt(self, job: Job) -> tuple[Result, bool]:
        """The result of a job, and whether a worker was killed meanwhile."""
        begun = time.monotonic()
        exercise = self._exercises[job.exercise]
        materials = exercise.materials
        limits = _limits(None, job, materials)
        most = sum(_limits(test, job, materials).seconds for test in exercise.tests)
        session = Session(self._starter, job.exercise, job.source, job.others, limits, most)
        fault: Fault | None = None
        printed: Output | None = None
        results: list[TestResult] = []
        runs: list[Run] = []
        try:
            _refuse_unready(job)
            printed = session.load()
            for test in exercise.tests:
                result, run = self._run(test, results, session, job, exercise)
                results.append(result)
                if run is not None:
                    runs.append(run)
            diagnosis = None
            if job.diagnose and exercise.mistakes is not None:
                diagnosis = exercise.mistakes.diagnose(runs)
        except Fault as error:  # while loading
            fault, diagnosis, printed = error, None, session.take_output()
        finally:
            session.close()
        whole = _result(job, exercise, results, fault).replaced(
            diagnosis=diagnosis,
            output=printed,
            isolation=self._setup.isolation,
            versions=self._versions,
            seconds=time.monotonic() - begun,
        )
        return whole, session.killed

    def _run(
        self, test: _Test, before: list[TestResult], session: Session, job: Job, exercise: _Exercise
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
        if unmet or (job.exitfirst and any(t.failing for t in before)):
            return msgspec.structs.replace(result, outcome=Outcome.SKIPPED, points=0.0), None
        if session.timeouts >= MAX_TIMEOUTS:
            failure = Failure(f"Not run: {MAX_TIMEOUTS} tests of this submission did not end.")
            return msgspec.structs.replace(result, outcome=Outcome.SKIPPED, points=0.0, failure=failure), None
        seed = derive_seed(job.exercise, test.item.name, job.seed)
        session.limits = _limits(test, job, exercise.materials)
        if job.announce:
            self._say(Testing(job.id, test.name))
        running = self._running = _Running(session, seed, exercise.reference)
        begun = time.monotonic()
        with _own_cpu_bounded(_OWN_CPU * session.limits.seconds):
            test.item.ihook.pytest_runtest_protocol(item=test.item, nextitem=None)
        seconds = time.monotonic() - begun
        run = Run(test.item.name, session.log, seed, running.error is not None)
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

    def _explain(
        self, running: _Running, run: Run, test: _Test, job: Job, exercise: _Exercise
    ) -> tuple[Outcome, Failure]:
        error = running.error
        assert error is not None
        setting = Setting(
            source=job.source,
            module=job.exercise,
            file=job.file,
            reference=exercise.reference,
            right=None if exercise.mistakes is None or test.long else partial(exercise.mistakes.right, run),
            sizes=size_names(_locals(error, test.item.function)),
            log=running.session.log,
            seed=running.seed,
            limit=running.session.limits.seconds,
            memory=running.session.limits.memory,
        )
        outcome, failure = explain(error, setting)
        if outcome is Outcome.WRONG_TYPE and not isinstance(error, Fault) and self._fails_by_itself(test, running):
            what = f"{type(error).__name__}: {error}"
            return Outcome.ERROR, Failure(f"The test {test.item.name} fails on the reference too: {what}")
        return outcome, failure

    @staticmethod
    def _fails_by_itself(test: _Test, running: _Running) -> bool:
        """Whether a test that broke off breaks off on the reference as well: then the fault is the course's."""
        if running.reference is None:
            return False
        fixtures = {"submission": running.reference, "reference": running.reference, "rng": Rng(running.seed)}
        names = test.item.fixturenames
        if not set(names) <= set(fixtures):
            return False
        try:
            test.item.function(**{name: fixtures[name] for name in names})
        except Exception:  # whatever it is, the submission is not to blame
            return True
        return False


def _limits(test: _Test | None, job: Job, materials: Materials) -> Limits:
    """What a test may take; None: loading."""
    own = None if test is None else test.seconds
    return Limits(job.seconds or own or materials.seconds, materials.memory)


@contextlib.contextmanager
def _own_cpu_bounded(seconds: float) -> Iterator[None]:
    """Stops a test that keeps the judge itself busy: one that loops on a number that came from the submission, say."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: types.FrameType | None) -> NoReturn:
        raise Fault(Outcome.ERROR, f"The test itself takes more than {seconds:g} s of CPU, beside the submission.")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _locals(error: BaseException, function: Any) -> dict[str, Any]:
    """The locals of the test at the time of the error."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is function.__code__:
            return dict(trace.tb_frame.f_locals)
        trace = trace.tb_next
    return {}


def _test(item: pytest.Function, hidden: bool) -> _Test:
    where = f"{item.path}:{item.function.__code__.co_firstlineno}"
    marker = item.get_closest_marker("points")
    if marker is None or len(marker.args) != 1 or not isinstance(marker.args[0], int | float) or marker.args[0] < 0:
        raise UsageError(f"{where}: {item.name} has no points; put @points(1) above it.")
    if not item.function.__doc__:
        raise UsageError(f"{where}: {item.name} has no docstring; it is the line that the student reads.")
    needs = tuple(name for mark in item.iter_markers("needs") for name in mark.args)
    requires = tuple(name for mark in item.iter_markers("requires") for name in mark.args)
    limit = item.get_closest_marker("seconds")
    return _Test(
        item=item,
        name=item.name.removeprefix("test_").replace("_", " "),
        description=item.function.__doc__.strip().split("\n")[0],
        hidden=hidden,
        points=float(marker.args[0]),
        needs=needs,
        requires=requires,
        missing=tuple(name for name in requires if find_spec(name) is None),
        seconds=float(limit.args[0]) if limit is not None else None,
    )


def _not_available(packages: Sequence[str]) -> str:
    are = "is" if len(packages) == 1 else "are"
    return f"Not available here: {' and '.join(packages)} {are} not installed. docs/weights.md says how."


def _refuse_missing(exercise: str, tests: list[_Test]) -> None:
    """Raises UsageError where a test is not available: its points would be missing in some scores and not in others."""
    missing = sorted({package for test in tests for package in test.missing})
    if missing:
        what = f"Tests of {exercise} require {' and '.join(missing)}"
        raise UsageError(f"{what}, and scores without them would not compare; docs/weights.md says how to install.")


def _reference(materials: Materials) -> types.ModuleType | None:
    if materials.reference is None:
        return None
    try:
        return execute(materials.id, materials.reference)
    except Exception as error:
        file = f"{materials.id}.py"
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        line = own[-1].lineno if own else getattr(error, "lineno", None)
        what = f"the reference cannot be loaded: {type(error).__name__}: {error}"
        raise UsageError(f"solutions/{materials.id}/{file}:{line or 1}: {what}.") from error


def _check_needs(tests: list[_Test]) -> None:
    seen: dict[str, _Test] = {}
    for test in tests:
        for name in test.needs:
            where = f"{test.item.path}:{test.item.function.__code__.co_firstlineno}: {test.item.name} needs {name!r}"
            if name not in seen:
                raise UsageError(f"{where}, and no test of that name stands before it.")
            if not set(seen[name].requires) <= set(test.requires):
                raise UsageError(f"{where}, which is not available everywhere; let it require the same packages.")
        seen[test.item.name] = test


def _collection_fault(path: Path) -> UsageError:
    """What is wrong with a test file that pytest could not import: found by running it once more."""
    try:
        runpy.run_path(str(path))
    except SyntaxError as error:
        what, line = f"{type(error).__name__}: {error.msg}", error.lineno or 1
    except BaseException as error:
        what = f"{type(error).__name__}: {error}"
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = own[-1].lineno or 1 if own else 1
    else:
        what, line = "pytest cannot collect it", 1
    return UsageError(f"{path}:{line}: the test file cannot be loaded: {what}.")


def _result(job: Job, exercise: _Exercise, results: list[TestResult], fault: Fault | None) -> "_Draft":
    most = sum(test.points for test in exercise.tests if not test.missing and (job.long or not test.long))
    outcome, message, exception = Outcome.GRADED, None, None
    if fault is not None:
        outcome = fault.outcome
        message = fault.message if outcome is not Outcome.NOT_STARTED else None
        if fault.threw is not None:
            exception = raised(fault.threw, job.source, job.exercise, job.file, {})
        elif outcome is Outcome.SYNTAX_ERROR and fault.line is not None:
            exception = _syntax_error(fault, job)
    elif results and not {test.outcome for test in results} - _UNDECIDED:
        outcome = Outcome.NOT_STARTED
    score = sum(test.points for test in results)
    return _Draft(job, outcome, message, exception, tuple(results), score, most, exercise.materials.hidden is not None)


def _refuse_unready(job: Job) -> None:
    """Raises Fault for a submission that there is no need to run."""
    finding = examine(job.source, job.file)
    if finding is not None:
        raise Fault(finding.outcome, clean(finding.message), line=finding.line, column=finding.column)


def _blocked(result: Result, by: str) -> Result:
    """The result, with nothing said of the tests that failed: what is at fault may be the file that they build on."""
    silent = {"outcome": Outcome.BLOCKED, "failure": None}
    tests = tuple(
        msgspec.structs.replace(each, **silent) if each.failing else each
        for each in result.tests
    )
    message = f"This builds on your {by}, which does not pass its own tests yet."
    whole = {"outcome": Outcome.BLOCKED, "message": message, "blocked_by": by}
    return msgspec.structs.replace(result, tests=tests, exception=None, diagnosis=None, **whole)


def _syntax_error(fault: Fault, job: Job) -> Raised:
    line = fault.line or 1
    lines = job.source.split("\n")
    around = range(max(1, line - 2), min(len(lines), line + 1) + 1)
    source = tuple(SourceLine(n, clean_line(lines[n - 1])) for n in around)
    column = None if fault.column is None else max(0, fault.column - 1)
    return Raised("SyntaxError", fault.message, (Frame(job.file, line, "<module>", source, column),))


@dataclass(frozen=True)
class _Draft:
    job: Job
    outcome: Outcome
    message: str | None
    exception: Raised | None
    tests: tuple[TestResult, ...]
    score: float
    max_score: float
    hidden_tests: bool

    def replaced(self, **rest: Any) -> Result:
        return Result(
            exercise=self.job.exercise,
            file=self.job.file,
            sha256=self.job.sha256,
            outcome=self.outcome,
            score=self.score,
            max_score=self.max_score,
            message=self.message,
            exception=self.exception,
            tests=self.tests,
            hidden_tests=self.hidden_tests,
            seed=self.job.seed,
            **rest,
        )
