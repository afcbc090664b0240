"""Proves tests by mutants: every reference with one thing changed by machine must fail, or be equal to it.

What is equal stands in `solutions/ID/equivalents.yaml`, with the reason.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from grader.author.check.changes import Definition, changes
from grader.author.check.exercises import proof_materials, solution_of
from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.base.result import Outcome, Result
from grader.course import Course, Exercise
from grader.course.document import Document
from grader.engine.judge.materials import reference_texts
from grader.engine.judge.messages import Job
from grader.engine.pool.client import Judges

EQUIVALENTS = "equivalents.yaml"


class Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change after which a reference does the same, and why."""

    function: str
    was: str
    becomes: str
    why: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.function, self.was, self.becomes


@dataclass(frozen=True)
class Mutant:
    """A reference with one thing changed: what stood there, in a line or several, and what stands there now."""

    function: str
    was: str
    becomes: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """By which it is found among the equivalents."""
        return self.function, self.was, self.becomes


@dataclass
class MutantVerdict:
    """What became of the mutants of one exercise."""

    exercise: str
    killed: int = 0
    equivalent: int = 0
    survivors: list[Mutant] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # of equivalents.yaml

    @property
    def count(self) -> int:
        """How many mutants there are."""
        return self.killed + self.equivalent + len(self.survivors)


def mutants(source: str) -> list[Mutant]:
    """All mutants of a reference, each once."""
    found: dict[str, Mutant] = {}
    for statement in ast.parse(source).body:
        if not isinstance(statement, Definition):
            continue
        before = ast.unparse(statement)
        for _ in changes(statement):
            after = _unparsed(statement)
            if after is not None and after not in (before, *found):
                was, becomes = (" ⏎ ".join(line.strip() for line in lines) for lines in _differing(before, after))
                found[after] = Mutant(statement.name, was, becomes, f"{source.rstrip()}\n\n\n{after}\n")
    return list(found.values())


def _unparsed(statement: ast.stmt) -> str | None:
    try:
        text = ast.unparse(statement)
        compile(text, "mutant", "exec")
    except (SyntaxError, ValueError, TypeError):
        return None
    return text


def _differing(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines of both texts from the first that differs to the last, at least one of each."""
    was, becomes = before.split("\n"), after.split("\n")
    while min(len(was), len(becomes)) > 1 and was[-1] == becomes[-1]:
        del was[-1], becomes[-1]
    while min(len(was), len(becomes)) > 1 and was[0] == becomes[0]:
        del was[0], becomes[0]
    return was, becomes


def prove(
    course: Course, exercises: Sequence[Exercise], judges: int, progress: Callable[[int, int], None]
) -> Iterator[MutantVerdict]:
    """Runs the tests of exercises on the mutants of their references; yields each verdict as it is complete.

    What survives is run once more with the tests that have limits of their own. Raises UsageError for a file that
    cannot be read as what it should be.
    """
    known = {exercise.id: _equivalents(exercise) for exercise in exercises}
    made = {exercise.id: mutants(read_text(exercise.reference)) for exercise in exercises}
    total = sum(map(len, made.values()))
    done = 0
    with Judges(judges, many=True) as pool:
        pool.prepare(proof_materials(course, exercises), forbidden=course.folders)
        for exercise in exercises:
            verdict = MutantVerdict(exercise.id)
            equal = {each.key for each in known[exercise.id]}
            left = [each for each in made[exercise.id] if each.key not in equal]
            verdict.equivalent = len(made[exercise.id]) - len(left)
            done += verdict.equivalent
            for long in (False, True):
                surviving: list[Mutant] = []
                for job, result in pool.grade(_jobs(course, exercise, left, long)):
                    done += not long
                    progress(min(done, total), total)
                    if result.outcome is Outcome.ERROR:
                        raise UsageError(f"A mutant of {exercise.id} cannot be graded: {result.message}")
                    surviving += [left[job.id]] if _survives(result) else []
                left = [each for each in left if each in surviving]
            verdict.survivors = left
            verdict.killed = len(made[exercise.id]) - verdict.equivalent - len(left)
            verdict.problems = list(_problems(exercise, equal, made[exercise.id]))
            yield verdict


def _problems(exercise: Exercise, equal: set[tuple[str, str, str]], made: Sequence[Mutant]) -> Iterator[str]:
    """What is wrong with equivalents.yaml: entries that are those of no mutant, or of several."""
    path = shown(solution_of(exercise) / EQUIVALENTS)
    counts = Counter(each.key for each in made)
    for key in sorted(equal):
        if counts[key] != 1:
            many = "no mutant" if not counts[key] else f"each of {counts[key]} mutants"
            yield f"{path}: {many} of {key[0]} changes {key[1]!r} to {key[2]!r}."


def _jobs(course: Course, exercise: Exercise, tried: Sequence[Mutant], long: bool) -> Iterator[Job]:
    others = reference_texts(course.needed_by(exercise))
    for place, mutant in enumerate(tried):
        yield Job(
            id=place,
            exercise=exercise.id,
            file=f"{exercise.id}.py",
            source=mutant.source,
            sha256="",
            seed=0,
            others=others,
            diagnose=False,
            long=long,
            exitfirst=True,
        )


def _survives(result: Result) -> bool:
    return result.outcome is Outcome.GRADED and not any(test.is_failing for test in result.tests)


def _equivalents(exercise: Exercise) -> list[Equivalent]:
    path = solution_of(exercise) / EQUIVALENTS
    if not path.is_file():
        return []
    document = Document(path, list)
    return [document.convert(Equivalent, place) for place in range(len(document.value))]
