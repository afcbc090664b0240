"""Proves that exercises are good: right solutions pass, wrong ones fail and are named, texts and points agree."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.files import read_text
from grader.base.result import Outcome, Result
from grader.course import Course, Exercise
from grader.course.stub import disagreements
from grader.course.variations import Variation, load_variations
from grader.engine.judge.materials import materials_of, reference_texts
from grader.engine.judge.messages import Job, Materials
from grader.engine.pool.client import Judges

FEWEST_MISTAKES = 3
FEWEST_VARIANTS = 3
LONG_ON = 1  # seeds on which tests run that have a limit or packages of their own
NAMED_ON = 2  # seeds on which a mistake must be named; on the others it must only fail


@dataclass
class Problem:
    """Something that does not hold, of what, and on which seeds."""

    where: str
    what: str
    seeds: set[int] = field(default_factory=set)  # none: it is about a text


@dataclass
class Verdict:
    """What was proved of one exercise."""

    exercise: str
    points: float
    mistakes: int
    variants: int
    slowest: float = 0.0  # seconds of the slowest test of the reference, in the fastest of its runs
    problems: list[Problem] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)  # why tests were not proved here


@dataclass(frozen=True)
class _Run:
    """One job, and what must come of it."""

    label: str
    kind: str  # "stub", "reference", "mistake", "variant"
    job: Job


class _Proof:
    """The runs of one exercise, and what they have shown so far."""

    def __init__(self, course: Course, exercise: Exercise, seeds: int):
        self.exercise = exercise
        self.others = reference_texts(course.needed_by(exercise))
        self.reference = read_text(exercise.reference)
        self.mistakes = load_variations(exercise.mistakes, self.reference, exercise.id)
        self.variants = load_variations(exercise.variants, self.reference, exercise.id)
        self.seeds = seeds
        self.verdict = Verdict(exercise.id, exercise.points, len(self.mistakes), len(self.variants))
        self.open = 0  # runs that are not done
        self._fastest: dict[str, float] = {}  # seconds of each test of the reference
        self._long: set[str] = set()  # tests that run on few seeds
        self._cheapest: dict[str, str] = {}  # by run: of the tests that failed, the one that took the least time
        self._scores: dict[tuple[str, int], tuple[float, ...]] = {}
        self._said: dict[tuple[str, str], Problem] = {}
        self._texts()

    def _say(self, where: str, what: str, of: str = "", seed: int | None = None) -> None:
        """Notes a problem, once for all seeds on which it shows; `of` tells several of one place apart."""
        if (where, of) not in self._said:
            self._said[where, of] = Problem(where, what)
            self.verdict.problems.append(self._said[where, of])
        if seed is not None:
            self._said[where, of].seeds.add(seed)

    def _texts(self) -> None:
        exercise = self.exercise
        for sentence in disagreements(read_text(exercise.stub), self.reference):
            self._say(f"{exercise.id}.py", sentence, of=sentence)
        if not exercise.hints:
            self._say("exercise.yaml", "there are no hints.")
        if not exercise.statement.is_file() or not read_text(exercise.statement).strip():
            self._say("README.md", "the statement is missing.")
        if len(self.mistakes) < FEWEST_MISTAKES:
            self._say("mistakes.py", f"{len(self.mistakes)} known mistakes; at least {FEWEST_MISTAKES} are wanted.")
        if len(self.variants) < FEWEST_VARIANTS:
            self._say("variants.py", f"{len(self.variants)} variants; at least {FEWEST_VARIANTS} are wanted.")

    def runs(self, first: int) -> Iterator[_Run]:
        """All runs; `first` is the id of the first job."""
        plan: list[tuple[str, str, str, int]] = [("the stub", "stub", read_text(self.exercise.stub), 0)]
        plan += [("the reference", "reference", self.reference, seed) for seed in range(self.seeds)]
        kinds: list[tuple[str, Sequence[Variation]]] = [("mistake", self.mistakes), ("variant", self.variants)]
        for kind, variations in kinds:
            for seed in range(self.seeds):
                # what fails by its cost alone takes long, and costs the same on every seed
                tried = [each for each in variations if seed < NAMED_ON or not each.ends]
                plan += [(f"{kind} {each.name}", kind, each.source, seed) for each in tried]
        # once more with the first seed: a score is a function of the submission
        plan += [run for run in plan if run[3] == 0]
        self.open = len(plan)
        for offset, (label, kind, source, seed) in enumerate(plan):
            name = self.exercise.id
            job = Job(
                id=first + offset,
                exercise=name,
                file=f"{name}.py",
                source=source,
                sha256="",
                seed=seed,
                others=self.others,
                diagnose=kind == "mistake" and seed < NAMED_ON,
                long=seed < LONG_ON,
                exitfirst=kind == "mistake" and seed >= NAMED_ON,  # one failure is enough
            )
            yield _Run(label, kind, job)

    def next_job(self, run: _Run) -> Job:
        """The job of a run, by what is known when its turn comes: where one failure is enough, the likely one first."""
        if not run.job.exitfirst:
            return run.job
        return msgspec.structs.replace(run.job, failed_first=self._cheapest.get(run.label))

    def take(self, run: _Run, result: Result) -> None:
        """Checks the result of a run."""
        self.open -= 1
        broken = [test for test in result.tests if test.outcome is Outcome.ERROR]
        for test in broken:
            self._say(test.id, test.failure.message if test.failure else "breaks off.", seed=run.job.seed)
        for each in result.advice_errors:
            self._say(run.label, f"explaining it broke off: {each}.", each, run.job.seed)
        if result.outcome is Outcome.ERROR:
            self._say(run.label, f"cannot be graded: {result.message}", "error", run.job.seed)
        elif not broken:
            getattr(self, f"_take_{run.kind}")(run, result)
        left_out = [test for test in result.tests if test.outcome is Outcome.UNAVAILABLE]
        if left_out and run.job.long and not self.verdict.unavailable:
            self.verdict.unavailable = [f"{test.id}: {test.failure.message}" for test in left_out if test.failure]
        off = abs(result.max_score - self.exercise.points) > 1e-9
        if result.outcome is Outcome.GRADED and off and not left_out:
            self._say(
                "exercise.yaml",
                f"says {self.exercise.points:g} points, and the tests' marks add up to {result.max_score:g}.",
            )
        key = run.label, run.job.seed
        scores = tuple(test.points for test in result.tests)
        if self._scores.setdefault(key, scores) != scores:
            self._say(run.label, "scores differently from run to run.", "run to run", run.job.seed)
        if not self.open:
            self._take_times()

    def _take_stub(self, run: _Run, result: Result) -> None:
        if result.outcome is not Outcome.NOT_STARTED or result.score:
            self._say(run.label, f"is {result.outcome} with {result.score:g} points; it should be not_started with 0.")

    def _take_reference(self, run: _Run, result: Result) -> None:
        self._take_variant(run, result)
        for test in result.tests:
            if test.outcome is not Outcome.UNAVAILABLE:
                self._fastest[test.id] = min(test.seconds, self._fastest.get(test.id, test.seconds))
            elif not run.job.long:
                self._long.add(test.id)

    def _take_times(self) -> None:
        """Holds the fastest run of each test against its budget: on a busy machine some runs wait for others.

        A long test has a limit of its own, over which it would not have passed.
        """
        budget = self.exercise.limits.seconds
        self.verdict.slowest = max(self._fastest.values(), default=0.0)
        for test, seconds in self._fastest.items():
            if seconds > budget and test not in self._long:
                self._say(test, f"takes longer than its budget of {budget:g} s on the reference.", "slow")

    def _take_variant(self, run: _Run, result: Result) -> None:
        if not result.passed:
            self._say(run.label, f"is right, and fails: {_first_failure(result)}.", "fails", run.job.seed)

    def _take_mistake(self, run: _Run, result: Result) -> None:
        if result.passed:
            self._say(run.label, "passes every test.", "passes", run.job.seed)
            return
        failing = [test for test in result.tests if test.is_failing]
        if failing and not run.job.long:
            self._cheapest[run.label] = min(failing, key=lambda test: test.seconds).id
        name = run.label.removeprefix("mistake ")
        ends = next(each.ends for each in self.mistakes if each.name == name)
        if ends:
            others = {test.outcome for test in result.tests if test.is_failing} - {ends}
            if result.outcome is not Outcome.GRADED or others:
                what = f"should fail by {ends} and by nothing else: {_first_failure(result, besides=ends)}."
                self._say(run.label, what, "ends", run.job.seed)
        elif run.job.diagnose and result.diagnosis is None:
            what = f"fails, and is not named by the diagnosis: {_first_failure(result)}."
            self._say(run.label, what, "not named", run.job.seed)
        if result.diagnosis is not None and (ends or result.diagnosis.mistake != name):
            self._say(run.label, f"is taken for {result.diagnosis.mistake}.", "taken for", run.job.seed)


def _first_failure(result: Result, besides: str | None = None) -> str:
    if result.outcome is not Outcome.GRADED:
        return f"{result.outcome}, {result.message}"
    test = next(t for t in result.tests if t.is_failing and t.outcome != besides)
    return f"{test.id} is {test.outcome}, {test.failure.message if test.failure else ''}".rstrip(" .")


def solution_of(exercise: Exercise) -> Path:
    """The folder of an exercise's solution. Raises UsageError where there is none."""
    if exercise.solution is None:
        raise UsageError(f"There is no folder solutions/{exercise.id}; an exercise cannot be proved without it.")
    return exercise.solution


def proof_materials(course: Course, exercises: Sequence[Exercise]) -> list[Materials]:
    """What judges need to grade references and versions of them: of these exercises, and of those they build on."""
    needed = [need.id for each in exercises for need in course.needed_by(each)]
    return materials_of(course, exercises, needed)


def check(
    course: Course,
    exercises: Sequence[Exercise],
    seeds: int,
    judges: int,
    progress: Callable[[int, int], None],
) -> Iterator[Verdict]:
    """Proves exercises on `seeds` seeds, on so many judges at a time; yields each verdict as it is complete.

    Raises UsageError for a file that cannot be read as what it should be.
    """
    for exercise in exercises:
        solution_of(exercise)
        _require(exercise.mistakes, exercise.variants, exercise.reference, exercise.hidden_tests)
    with Judges(judges, many=True) as pool:
        proofs = {exercise.id: _Proof(course, exercise, seeds) for exercise in exercises}
        runs: dict[int, _Run] = {}
        for proof in proofs.values():
            runs |= {run.job.id: run for run in proof.runs(len(runs))}
        pool.prepare(proof_materials(course, exercises), forbidden=course.folders)
        jobs = (proofs[run.job.exercise].next_job(run) for run in runs.values())
        for done, (job, result) in enumerate(pool.grade(jobs), start=1):
            progress(done, len(runs))
            proof = proofs[job.exercise]
            proof.take(runs[job.id], result)
            if not proof.open:
                yield proof.verdict


def _require(*paths: Path) -> None:
    for path in paths:
        if not path.is_file():
            raise UsageError(f"There is no file {path}; grade new shows what an exercise consists of.")
