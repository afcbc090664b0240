"""A pytest plugin that runs the tests of exercises on submissions.

One pytest session collects the tests once and then takes job after job, since pytest allows an item to run again.
"""

import hashlib
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grader.base.errors import UsageError
from grader.base.result import Certainty, Diagnosis, Failure, Outcome, Output, Result, TestResult, Versions
from grader.base.seeds import derive_seed
from grader.base.text import clean_line
from grader.engine.judge.calls import failing_entry
from grader.engine.judge.collect import CollectedExercise, CollectedTest, collect, collection_fault, install_command
from grader.engine.judge.context import FailureContext
from grader.engine.judge.diagnosis.answer_cache import clear_if_too_large
from grader.engine.judge.diagnosis.evidence import RecordedTest
from grader.engine.judge.diagnosis.observe import add_observations
from grader.engine.judge.explain import explain, unexplained
from grader.engine.judge.faults import Fault
from grader.engine.judge.footprint import Footprint
from grader.engine.judge.known_runs import KnownRun, KnownRuns
from grader.engine.judge.messages import Job, JobGraded, Materials, Setup, TestStarted
from grader.engine.judge.results import blocked_result, result_of
from grader.engine.judge.running import RunningTest
from grader.engine.judge.session import Session, SessionLimits
from grader.engine.judge.silence import suppressed_output
from grader.engine.sandbox.starter import Starter
from grader.engine.submission.imports import built_on

PUBLIC = "test_public"  # the module of public tests
MAX_TIMEOUTS = 2  # of one submission; after them its other tests are skipped
_LIMITS = (Outcome.TIMEOUT, Outcome.MEMORY)


class Plugin:
    """Grades jobs one by one, and sends each result."""

    def __init__(
        self,
        setup: Setup,
        jobs: Iterable[Job],
        send: Callable[[TestStarted | JobGraded], None],
        starter: Starter,
        versions: Versions,
    ):
        self._setup = setup
        self._jobs = jobs
        self._send = send
        self._starter = starter
        self._versions = versions
        files = [Path(path) for materials in setup.materials for path in materials.tests]
        self._collected_paths = {path for file in files for path in (file, *file.parents)}
        self._exercises: dict[str, CollectedExercise] = {}
        self._passing: dict[bytes, bool] = {}  # whether an imported exercise's file passes, by a hash of the job
        self._known_runs = KnownRuns()
        self._running: RunningTest | None = None
        self._advice_errors: list[str] = []  # of the current job
        self.error: UsageError | None = None  # what is wrong with the tests of the course

    # ------------------------------------------------------------ pytest

    @pytest.fixture
    def submission(self) -> Any:
        """Return the student's module."""
        assert self._running is not None
        return self._running.fixture("submission")

    @pytest.fixture
    def reference(self) -> Any:
        """Return the reference solution, which is used like `submission`."""
        assert self._running is not None
        return self._running.fixture("reference")

    @pytest.fixture
    def rng(self) -> Any:
        """Return a source of random inputs, which depend on the test and the seed of the run."""
        assert self._running is not None
        return self._running.fixture("rng")

    def pytest_configure(self, config: pytest.Config) -> None:
        """Register the marks of tests."""
        config.addinivalue_line("markers", "points(n): the points of the test")
        config.addinivalue_line("markers", "needs(*tests, packages): skip this test unless these have passed")
        config.addinivalue_line("markers", "seconds(n): the time limit of the test")

    def pytest_exception_interact(self, node: pytest.Item | pytest.Collector) -> None:
        """Note why a test file cannot be collected."""
        if isinstance(node, pytest.Collector) and self.error is None:
            self.error = collection_fault(node.path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Path) -> bool:
        """Skip what does not lead to a test file, so that pytest examines no other exercise."""
        return collection_path not in self._collected_paths

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Let hidden tests import the public ones of their exercise, which are collected before them."""
        report = yield
        if isinstance(collector, pytest.Module) and collector.path.stem == PUBLIC and report.passed:
            sys.modules[PUBLIC] = collector.obj
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Grade all jobs instead of running each test once."""
        if self.error is None:
            try:
                self._exercises = collect(self._setup, session.items)
            except UsageError as error:
                self.error = error
        if self.error is None:
            footprint = Footprint()
            for job in self._jobs:
                result = self._grade(job)
                self._running = None  # frees the values of the last test
                clear_if_too_large(each.causes.answers for each in self._exercises.values() if each.causes is not None)
                footprint.tidy()
                self._send(JobGraded(job.id, result))
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: "pytest.CallInfo[None]") -> pytest.TestReport:
        """Note what a test raised. pytest's own report would be slow and is not needed."""
        assert self._running is not None
        if call.excinfo is not None:
            self._running.note_error(call.excinfo.value)
        outcome = "failed" if call.excinfo else "passed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]

    # ------------------------------------------------------------ a job

    def _grade(self, job: Job) -> Result:
        """Return the result of a job; an exception of the grader's own becomes the outcome error."""
        try:
            result, was_killed = self._attempt(job)
            if was_killed:  # perhaps because other processes used up the memory
                result, _ = self._attempt(job)
            blocking = None if _is_settled(result) else self._blocking(job, loaded=bool(result.tests))
        except Exception as error:
            fault = Fault(Outcome.ERROR, _error_text(error))
            rest = {"isolation": self._setup.isolation, "versions": self._versions, "seconds": 0.0}
            return result_of(job, self._exercises[job.exercise], [], fault, **rest)
        return result if blocking is None else blocked_result(result, blocking, job.absent.get(blocking))

    def _blocking(self, job: Job, *, loaded: bool) -> str | None:
        """Return the first exercise that this one imports and that the student has not solved.

        A file that could be loaded depends on the exercises of which it uses something; one that could not may have
        failed in any import. Of two exercises that import each other, neither blocks the other.
        """
        for each in built_on(job.exercise, job.imports, used=loaded):
            if each in job.absent or not (self._imports_back(each, job) or self._passes(each, job)):
                return each
        return None

    @staticmethod
    def _imports_back(exercise: str, job: Job) -> bool:
        return job.exercise in built_on(exercise, job.imports)

    def _passes(self, exercise: str, job: Job) -> bool:
        """Return whether the student's own file of another exercise passes its tests. Raises UsageError."""
        source = job.others[exercise]
        others = {each: job.others[each] for each in built_on(exercise, job.imports) if each in job.others}
        own = Job(job.id, exercise, f"{exercise}.py", source, "", job.seed, others, imports=job.imports, diagnose=False)
        key = hashlib.sha256(msgspec.msgpack.encode(msgspec.structs.replace(own, id=0))).digest()
        if key not in self._passing:
            result, _ = self._attempt(own)
            if result.is_faulty:
                raise UsageError(f"the tests of {exercise}, which this imports, ended with an error")
            self._passing[key] = result.passed
        return self._passing[key]

    def _attempt(self, job: Job) -> tuple[Result, bool]:
        """Return the result of a job, and whether a worker was killed meanwhile."""
        begun = time.monotonic()
        self._advice_errors = []
        exercise = self._exercises[job.exercise]
        limits = _limits(None, job, exercise.materials)
        all_seconds = sum(_limits(test, job, exercise.materials).seconds for test in exercise.tests)
        session = Session(
            self._starter,
            job.exercise,
            job.source,
            job.others,
            limits,
            all_seconds,
            code=job.code,
            examine=job.code is None,
        )
        load_fault: Fault | None = None
        results: list[TestResult] = []
        recorded: list[RecordedTest] = []
        diagnoses: tuple[Diagnosis, ...] = ()
        printed: Output | None = None
        try:
            printed = session.load()
            for test in sorted(exercise.tests, key=lambda test: test.item.name != job.failed_first):
                result = _not_run(test, results, session, job)
                record = None
                if result is None:
                    result, record = self._run(test, session, job, exercise)
                results.append(result)
                if record is not None:
                    recorded.append(record)
            results, diagnoses = self._diagnose(results, recorded, session, job, exercise)
        except Fault as error:
            load_fault, printed = error, session.take_output()
        finally:
            session.close()
        whole = result_of(
            job,
            exercise,
            results,
            load_fault,
            diagnoses=diagnoses,
            advice_errors=tuple(self._advice_errors),
            output=printed,
            isolation=self._setup.isolation,
            versions=self._versions,
            seconds=time.monotonic() - begun,
        )
        return whole, session.killed

    def _diagnose(
        self,
        results: list[TestResult],
        recorded: Sequence[RecordedTest],
        session: Session,
        job: Job,
        exercise: CollectedExercise,
    ) -> tuple[list[TestResult], tuple[Diagnosis, ...]]:
        """Return the results with observations, and the known mistakes that the submission makes."""
        diagnoses: tuple[Diagnosis, ...] = ()
        if not job.diagnose or exercise.causes is None:
            return results, diagnoses
        with suppressed_output():  # wrong versions of the reference may print
            with self._collecting_errors():
                diagnoses = exercise.causes.diagnose(recorded)
            with self._collecting_errors():
                found = self._look_behind(results, diagnoses, session, job, exercise)
                if found is not None:
                    result, record = found
                    results = [result if each.id == result.id else each for each in results]
                    recorded = [*recorded, record]
                    diagnoses = exercise.causes.diagnose(recorded)
            with self._collecting_errors():
                results = add_observations(results, recorded, diagnoses, exercise.causes, session)
        return results, diagnoses

    def _look_behind(
        self,
        results: Sequence[TestResult],
        diagnoses: Sequence[Diagnosis],
        session: Session,
        job: Job,
        exercise: CollectedExercise,
    ) -> tuple[TestResult, RecordedTest] | None:
        """Return the first skipped test that fails for another reason than the known mistakes; None if there is none.

        Tests are skipped because they need others to pass. If the mistakes that fail those are certain and do not
        change the answers to a skipped test, it shows a second mistake at once. It would have had no points either way.
        """
        assert exercise.causes is not None
        if job.exitfirst or not diagnoses or any(each.certainty is not Certainty.CERTAIN for each in diagnoses):
            return None
        waiting = {each.id for each in results if each.outcome is Outcome.SKIPPED and each.failure is None}
        for test in exercise.tests:
            if test.item.name not in waiting or not waiting.isdisjoint(test.needs):
                continue
            result, record = self._run(test, session, job, exercise)
            if result.outcome is Outcome.PASSED:
                waiting.discard(result.id)
            elif record is not None and exercise.causes.are_right(diagnoses, record):
                return result, record
        return None

    # ------------------------------------------------------------ a test

    def _run(
        self, test: CollectedTest, session: Session, job: Job, exercise: CollectedExercise
    ) -> tuple[TestResult, RecordedTest | None]:
        """Run one test; return its result, and its record if it can be diagnosed."""
        if job.announce:
            self._send(TestStarted(job.id, test.name))
        seed = derive_seed(job.exercise, test.item.name, job.seed)
        running = self._running = RunningTest(test, session, seed, exercise.reference)
        running.run(_limits(test, job, exercise.materials), () if job.anew else self._known_runs.of_test(seed))
        ended = running.known or self._ended(running, job, exercise)
        printed = session.take_output()
        shown = printed if not test.hidden or exercise.materials.show_hidden_output else None
        result = msgspec.structs.replace(_passed(test), seconds=running.seconds, output=shown)
        if ended.outcome is not Outcome.PASSED:
            result = msgspec.structs.replace(result, outcome=ended.outcome, points=0.0, failure=ended.failure)
        session.drop_large_log()
        return result, None if test.is_long else ended.record

    def _ended(self, running: RunningTest, job: Job, exercise: CollectedExercise) -> KnownRun:
        """Return the run of a test. Keep it if the same answers would have the same result in another submission."""
        record = self._record(running)
        outcome, failure, errors = Outcome.PASSED, None, len(self._advice_errors)
        if running.error is not None:
            outcome, failure = self._explain(running, running.error, record, job, exercise)
        ended = KnownRun(running.session.names_read(), running.session.log, record, outcome, failure)
        is_reusable = running.test.is_plain and _depends_on_answers(running.error) and not job.anew
        if is_reusable and len(self._advice_errors) == errors:
            self._known_runs.add(ended)
        return ended

    def _record(self, running: RunningTest) -> RecordedTest:
        name, log, seed, error = running.test.item.name, running.session.log, running.seed, running.error
        if error is not None:
            with self._collecting_errors():
                exceeded = error.outcome if isinstance(error, Fault) and error.outcome in _LIMITS else None
                return RecordedTest(name, log, seed, True, failing_entry(error, log), running.size_names(), exceeded)
        return RecordedTest(name, log, seed, error is not None)

    def _explain(
        self, running: RunningTest, error: BaseException, record: RecordedTest, job: Job, exercise: CollectedExercise
    ) -> tuple[Outcome, Failure]:
        """Return the outcome of a failed test, and why it failed."""
        test = running.test
        causes = None if test.is_long else exercise.causes
        context = FailureContext(
            source=job.source,
            module=job.exercise,
            file=job.file,
            reference=exercise.reference,
            expected=None if causes is None else partial(causes.answers.expected, record),
            sizes=record.sizes,
            log=running.session.log,
            seed=running.seed,
        )
        outcome, failure = unexplained(error)
        with self._collecting_errors():
            outcome, failure = explain(error, context)
        if _is_raised_in_submission(error):
            return outcome, failure
        if outcome is Outcome.MEMORY:
            running.free_memory()
        if outcome in (Outcome.WRONG_TYPE, Outcome.MEMORY) and running.fails_on_reference():
            what = f"{type(error).__name__}: {error}"
            return Outcome.ERROR, Failure(f"The test {test.item.name} fails on the reference too: {what}")
        return outcome, failure

    @contextmanager
    def _collecting_errors(self) -> Iterator[None]:
        """Turn an exception of the grader into an advice error, said once: the tests have run, so the grade stands."""
        try:
            yield
        except (Exception, Fault) as error:
            if (text := _error_text(error)) not in self._advice_errors:
                self._advice_errors.append(text)


def _is_settled(result: Result) -> bool:
    """Return whether the exercises that a submission imports cannot be the cause of its result."""
    never_ran = not result.tests and (
        result.outcome is Outcome.SYNTAX_ERROR or (result.outcome is Outcome.NOT_STARTED and result.exception is None)
    )
    return result.passed or result.is_faulty or never_ran


def _passed(test: CollectedTest) -> TestResult:
    return TestResult(
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


def _not_run(test: CollectedTest, before: Sequence[TestResult], session: Session, job: Job) -> TestResult | None:
    """Return the result of a test that must not run; None if it must."""
    if test.missing or (test.is_long and not job.long):
        failure = Failure(_not_available(test.missing)) if test.missing else None
        nothing = {"outcome": Outcome.UNAVAILABLE, "points": 0.0, "max_points": 0.0}
        return msgspec.structs.replace(_passed(test), failure=failure, **nothing)
    skipped = msgspec.structs.replace(_passed(test), outcome=Outcome.SKIPPED, points=0.0)
    passed = {each.id for each in before if each.outcome is Outcome.PASSED}
    if test.item.name != job.failed_first and not passed.issuperset(test.needs):
        return skipped
    if job.exitfirst and any(each.is_failing for each in before):
        return skipped
    if session.timeouts >= MAX_TIMEOUTS:
        failure = Failure(f"Not run: {MAX_TIMEOUTS} tests of this submission did not end.")
        return msgspec.structs.replace(skipped, failure=failure)
    return None


def _is_raised_in_submission(error: BaseException) -> bool:
    return isinstance(error, Fault) or hasattr(error, "fault")


def _depends_on_answers(error: BaseException | None) -> bool:
    """Return whether what a test raised depends on nothing but the answers: not on the source or on free memory."""
    if error is None:
        return True
    return isinstance(error, AssertionError | pytest.fail.Exception) and not _is_raised_in_submission(error)


def _error_text(error: BaseException) -> str:
    """Return the message of an exception, with its place in the source unless it is a UsageError."""
    what = clean_line(str(error))
    if isinstance(error, UsageError):
        return what
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}: {type(error).__name__}: {what}"


def _limits(test: CollectedTest | None, job: Job, materials: Materials) -> SessionLimits:
    """Return the limits of a test; None: of loading."""
    own = None if test is None else test.seconds
    return SessionLimits(job.seconds or own or materials.seconds, materials.memory)


def _not_available(packages: Sequence[str]) -> str:
    are = "is" if len(packages) == 1 else "are"
    missing = f"{' and '.join(packages)} {are} not installed"
    return f"Not available here: {missing}. To run this test: {install_command(packages)}"
