"""Check exercises: right solutions pass, mistakes fail and are named, texts and points agree."""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from grader.author.check.statement import statement_problems
from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.base.result import Outcome, Result
from grader.base.text import did_you_mean
from grader.course import Course, Exercise
from grader.course.stub import disagreements, interface, parse
from grader.course.variations import Variation, load_variations
from grader.engine.judge.materials import materials_of, reference_texts
from grader.engine.judge.messages import Job, Materials
from grader.engine.pool.client import Judges

FEWEST_MISTAKES = 3  # below which there is a warning
FEWEST_VARIANTS = 3
LONG_SEEDS = 1  # seeds on which tests with their own time limit or packages run
DIAGNOSED_SEEDS = 2  # seeds on which the diagnosis must name a mistake; on the others it must only fail


@dataclass
class ExerciseProblem:
    """A problem of an exercise, and the seeds on which it appeared."""

    where: str
    what: str
    seeds: set[int] = field(default_factory=set)  # empty if the problem is about a text


@dataclass
class ExerciseVerdict:
    """The outcome of checking one exercise."""

    exercise: str
    points: float
    mistakes: int
    variants: int
    slowest: float = 0.0  # seconds of the reference's slowest test, in its fastest run
    problems: list[ExerciseProblem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)  # what a good exercise has as well
    unavailable: list[str] = field(default_factory=list)  # why some tests could not run here


@dataclass(frozen=True)
class _Run:
    """A job, and the kind of submission that it grades."""

    label: str
    kind: str  # "stub", "reference", "mistake", "variant"
    job: Job


def _variants(exercise: Exercise, reference: str) -> Sequence[Variation]:
    """Return the right versions of an exercise beside its reference; an exercise may have none."""
    return load_variations(exercise.variants, reference, exercise.id) if exercise.variants.is_file() else ()


class _ExerciseCheck:
    """The check of one exercise: plans its runs and collects problems from their results."""

    def __init__(self, course: Course, exercise: Exercise, seeds: int):
        self.exercise = exercise
        self.others = reference_texts(course.needed_by(exercise))
        self.reference = read_text(exercise.reference)
        self.mistakes = load_variations(exercise.mistakes, self.reference, exercise.id)
        self.variants = _variants(exercise, self.reference)
        self.seeds = seeds
        self.verdict = ExerciseVerdict(exercise.id, exercise.points, len(self.mistakes), len(self.variants))
        self.pending = 0  # runs without a result
        self._fastest: dict[str, float] = {}  # seconds of each test of the reference
        self._long: set[str] = set()  # tests that run on few seeds
        self._cheapest: dict[str, str] = {}  # the fastest failing test, by label of the run
        self._scores: dict[tuple[str, int], tuple[float, ...]] = {}
        self._problems: dict[tuple[str, str], ExerciseProblem] = {}
        self._check_texts()

    def _report(self, where: str, what: str, kind: str = "", seed: int | None = None) -> None:
        """Add a problem, once for all seeds; `kind` separates several problems of one place."""
        if (where, kind) not in self._problems:
            self._problems[where, kind] = ExerciseProblem(where, what)
            self.verdict.problems.append(self._problems[where, kind])
        if seed is not None:
            self._problems[where, kind].seeds.add(seed)

    def _check_texts(self) -> None:
        exercise = self.exercise
        for sentence in disagreements(read_text(exercise.stub), self.reference):
            self._report(f"{exercise.id}.py", sentence, kind=sentence)
        statement = read_text(exercise.statement) if exercise.statement.is_file() else ""
        if not statement.strip():
            self._report("README.md", "the statement is missing.")
        for line, sentence in statement_problems(statement):
            self._report(f"README.md:{line}", sentence, kind=sentence)
        if not exercise.hints:
            self.verdict.warnings.append("exercise.yaml: no hints.")
        if exercise.hints_for:
            self._check_hints()
        for file, found, fewest in (
            ("mistakes.py", len(self.mistakes), FEWEST_MISTAKES),
            ("variants.py", len(self.variants), FEWEST_VARIANTS),
        ):
            if found < fewest:
                self.verdict.warnings.append(f"{file}: {found} found; a good exercise has at least {fewest}.")

    def _check_hints(self) -> None:
        tests = (names_of_tests(file) for file in (self.exercise.public_tests, self.exercise.hidden_tests))
        known = {each.name for each in interface(self.reference)}.union(*tests)
        for name in self.exercise.hints_for.keys() - known:
            what = f"hints_for has {name!r}, which is no function, class or test.{did_you_mean(name, known)}"
            self._report("exercise.yaml", what, kind=name)

    def runs(self, first_id: int) -> Iterator[_Run]:
        """Yield all runs; their jobs have the ids from `first_id` on."""
        plan: list[tuple[str, str, str, int]] = [("the stub", "stub", read_text(self.exercise.stub), 0)]
        plan += [("the reference", "reference", self.reference, seed) for seed in range(self.seeds)]
        kinds: list[tuple[str, Sequence[Variation]]] = [("mistake", self.mistakes), ("variant", self.variants)]
        for kind, variations in kinds:
            for seed in range(self.seeds):
                # mistakes that run into a limit are slow, and do so on every seed
                chosen = [each for each in variations if seed < DIAGNOSED_SEEDS or not each.ends]
                plan += [(f"{kind} {each.name}", kind, each.source, seed) for each in chosen]
        once = len(plan)
        plan += [run for run in plan if run[3] == 0]  # the score must not change from run to run
        self.pending = len(plan)
        for offset, (label, kind, source, seed) in enumerate(plan):
            name = self.exercise.id
            job = Job(
                id=first_id + offset,
                exercise=name,
                file=f"{name}.py",
                source=source,
                sha256="",
                seed=seed,
                others=self.others,
                diagnose=kind == "mistake" and seed < DIAGNOSED_SEEDS,
                long=seed < LONG_SEEDS,
                exitfirst=kind == "mistake" and seed >= DIAGNOSED_SEEDS,  # one failure is enough
                anew=offset >= once,
            )
            yield _Run(label, kind, job)

    def next_job(self, run: _Run) -> Job:
        """Return the job of a run. If one failure is enough, the test that failed fastest so far runs first."""
        if not run.job.exitfirst:
            return run.job
        return msgspec.structs.replace(run.job, failed_first=self._cheapest.get(run.label))

    def add_result(self, run: _Run, result: Result) -> None:
        """Check the result of a run."""
        self.pending -= 1
        seed = run.job.seed
        errors = [test for test in result.tests if test.outcome is Outcome.ERROR]
        for test in errors:
            self._report(test.id, test.failure.message if test.failure else "raises an error.", seed=seed)
        for each in result.advice_errors:
            self._report(run.label, f"explaining its failure raised an error: {each}.", each, seed)
        if result.outcome is Outcome.ERROR:
            self._report(run.label, f"cannot be graded: {result.message}", "error", seed)
        elif not errors:
            checks = {
                "stub": self._check_stub,
                "reference": self._check_reference,
                "variant": self._check_variant,
                "mistake": self._check_mistake,
            }
            checks[run.kind](run, result)
        self._check_points(run, result)
        scores = tuple(test.points for test in result.tests)
        if self._scores.setdefault((run.label, seed), scores) != scores:
            self._report(run.label, "scores differently from run to run.", "run to run", seed)
        if not self.pending:
            self._check_times()

    def _check_points(self, run: _Run, result: Result) -> None:
        """Check that the points of the tests add up, unless some tests are unavailable here."""
        unavailable = [test for test in result.tests if test.outcome is Outcome.UNAVAILABLE]
        if unavailable and run.job.long and not self.verdict.unavailable:
            self.verdict.unavailable = [f"{test.id}: {test.failure.message}" for test in unavailable if test.failure]
        differ = abs(result.max_score - self.exercise.points) > 1e-9
        if result.outcome is Outcome.GRADED and differ and not unavailable:
            what = f"says {self.exercise.points:g} points, but the tests' points add up to {result.max_score:g}."
            self._report("exercise.yaml", what)

    def _check_stub(self, run: _Run, result: Result) -> None:
        if result.outcome is not Outcome.NOT_STARTED or result.score:
            what = f"is {result.outcome} with {result.score:g} points; it should be not_started with 0."
            self._report(run.label, what)

    def _check_reference(self, run: _Run, result: Result) -> None:
        self._check_variant(run, result)
        for test in result.tests:
            if test.outcome is not Outcome.UNAVAILABLE:
                self._fastest[test.id] = min(test.seconds, self._fastest.get(test.id, test.seconds))
            elif not run.job.long:
                self._long.add(test.id)

    def _check_times(self) -> None:
        """Compare the fastest run of each test with the time limit, because slower runs may have waited for a CPU.

        Long tests have a time limit of their own, which the judge enforces.
        """
        limit = self.exercise.limits.seconds
        self.verdict.slowest = max(self._fastest.values(), default=0.0)
        for test, seconds in self._fastest.items():
            if seconds > limit and test not in self._long:
                self._report(test, f"takes longer than its limit of {limit:g} s on the reference.", "slow")

    def _check_variant(self, run: _Run, result: Result) -> None:
        if not result.passed:
            self._report(run.label, f"is right, but fails: {_first_failure(result)}.", "fails", run.job.seed)

    def _check_mistake(self, run: _Run, result: Result) -> None:
        if result.passed:
            self._report(run.label, "passes every test.", "passes", run.job.seed)
            return
        failing = [test for test in result.tests if test.is_failing]
        if failing and not run.job.long:
            self._cheapest[run.label] = min(failing, key=lambda test: test.seconds).id
        name = run.label.removeprefix("mistake ")
        mistake = next(each for each in self.mistakes if each.name == name)
        if mistake.ends:
            others = {test.outcome for test in result.tests if test.is_failing} - {mistake.ends}
            if result.outcome is not Outcome.GRADED or others:
                what = f"should fail with {mistake.ends} only: {_first_failure(result, ignored=mistake.ends)}."
                self._report(run.label, what, "ends", run.job.seed)
        elif run.job.diagnose and result.diagnosis is None:
            what = f"fails, but the diagnosis does not name it: {_first_failure(result)}."
            self._report(run.label, what, "not named", run.job.seed)
        named = result.diagnosis.mistake if result.diagnosis is not None else name
        if named.partition("[")[0] != mistake.definition:
            what = f"is diagnosed as {named}."
            self._report(run.label, what, "misdiagnosed", run.job.seed)


def _first_failure(result: Result, ignored: str | None = None) -> str:
    """Describe the first failing test whose outcome is not `ignored`."""
    if result.outcome is not Outcome.GRADED:
        return f"{result.outcome}, {result.message}"
    test = next(t for t in result.tests if t.is_failing and t.outcome != ignored)
    return f"{test.id} is {test.outcome}, {test.failure.message if test.failure else ''}".rstrip(" .")


def names_of_tests(file: Path) -> set[str]:
    """Return the names of the tests in a file."""
    functions = (each for each in parse(read_text(file), shown(file)).body if isinstance(each, ast.FunctionDef))
    return {each.name for each in functions if each.name.startswith("test_")}


def solution_of(exercise: Exercise) -> Path:
    """Return the folder of an exercise's solution. Raises UsageError if there is none."""
    if exercise.solution is None:
        raise UsageError(f"There is no folder solutions/{exercise.id}, without which the exercise cannot be checked.")
    return exercise.solution


def reference_materials(course: Course, exercises: Sequence[Exercise]) -> list[Materials]:
    """Return what judges need to grade references of these exercises, and of those that they build on."""
    needed = [need.id for each in exercises for need in course.needed_by(each)]
    return materials_of(course, exercises, needed)


def check_exercises(
    course: Course,
    exercises: Sequence[Exercise],
    seeds: int,
    judges: int,
    progress: Callable[[int, int], None],
) -> Iterator[ExerciseVerdict]:
    """Check exercises on `seeds` seeds with `judges` judges in parallel, and yield each verdict once it is complete.

    Calls `progress` with the number of finished runs and their total. Raises UsageError if a file is missing or
    invalid.
    """
    for exercise in exercises:
        solution_of(exercise)
        _require_files(exercise.mistakes, exercise.reference, exercise.hidden_tests)
    with Judges(judges, many=True) as pool:
        checks = {exercise.id: _ExerciseCheck(course, exercise, seeds) for exercise in exercises}
        runs: dict[int, _Run] = {}
        for check in checks.values():
            runs |= {run.job.id: run for run in check.runs(len(runs))}
        pool.prepare(reference_materials(course, exercises), forbidden=course.folders)
        jobs = (checks[run.job.exercise].next_job(run) for run in runs.values())
        for done, (job, result) in enumerate(pool.grade(jobs), start=1):
            progress(done, len(runs))
            check = checks[job.exercise]
            check.add_result(runs[job.id], result)
            if not check.pending:
                yield check.verdict


def _require_files(*paths: Path) -> None:
    for path in paths:
        if not path.is_file():
            raise UsageError(f"There is no file {path}; grade new creates all files that an exercise needs.")
