"""Check tests with mutants: a reference with one change must fail, unless it is equivalent to the reference.

Equivalent mutants are listed in `solutions/ID/equivalents.yaml`, each with a reason.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from grader.author.check.changes import Definition, changes
from grader.author.check.exercises import reference_materials, solution_of
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
    """A change that does not alter what a reference computes, and why."""

    function: str
    was: str
    becomes: str
    why: str

    @property
    def key(self) -> tuple[str, str, str]:
        """The change, to compare with that of a mutant."""
        return self.function, self.was, self.becomes


@dataclass(frozen=True)
class Mutant:
    """A reference with one change: the changed lines before and after, and the whole source."""

    function: str
    was: str
    becomes: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """The change, to compare with the equivalents."""
        return self.function, self.was, self.becomes


@dataclass
class MutantVerdict:
    """The outcome of testing the mutants of one exercise."""

    exercise: str
    killed: int = 0
    equivalent: int = 0
    survivors: list[Mutant] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # of equivalents.yaml

    @property
    def count(self) -> int:
        """The number of mutants."""
        return self.killed + self.equivalent + len(self.survivors)


def mutants(source: str) -> list[Mutant]:
    """Return all distinct mutants of a reference."""
    found: dict[str, Mutant] = {}
    for statement in ast.parse(source).body:
        if not isinstance(statement, Definition):
            continue
        before = ast.unparse(statement)
        for _ in changes(statement):
            after = _unparse(statement)
            if after is not None and after not in (before, *found):
                was, becomes = (" ⏎ ".join(line.strip() for line in lines) for lines in _changed_lines(before, after))
                found[after] = Mutant(statement.name, was, becomes, f"{source.rstrip()}\n\n\n{after}\n")
    return list(found.values())


def _unparse(statement: ast.stmt) -> str | None:
    """Return the source of a statement, or None if it is not valid Python."""
    try:
        text = ast.unparse(statement)
        compile(text, "mutant", "exec")
    except (SyntaxError, ValueError, TypeError):
        return None
    return text


def _changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the lines of both texts without their common beginning and end, at least one line of each."""
    was, becomes = before.split("\n"), after.split("\n")
    while min(len(was), len(becomes)) > 1 and was[-1] == becomes[-1]:
        del was[-1], becomes[-1]
    while min(len(was), len(becomes)) > 1 and was[0] == becomes[0]:
        del was[0], becomes[0]
    return was, becomes


def check_mutants(
    course: Course, exercises: Sequence[Exercise], judges: int, progress: Callable[[int, int], None]
) -> Iterator[MutantVerdict]:
    """Run the tests of exercises on the mutants of their references, and yield each verdict once it is complete.

    Mutants that survive the short tests are run with the long ones too. Calls `progress` with the number of finished
    mutants and their total. Raises UsageError if a file is invalid.
    """
    equivalents = {exercise.id: {each.key for each in _equivalents(exercise)} for exercise in exercises}
    all_mutants = {exercise.id: mutants(read_text(exercise.reference)) for exercise in exercises}
    total = sum(map(len, all_mutants.values()))
    done = 0
    with Judges(judges, many=True) as pool:
        pool.prepare(reference_materials(course, exercises), forbidden=course.folders)
        for exercise in exercises:
            verdict = MutantVerdict(exercise.id)
            made, equivalent = all_mutants[exercise.id], equivalents[exercise.id]
            survivors = [each for each in made if each.key not in equivalent]
            verdict.equivalent = len(made) - len(survivors)
            done += verdict.equivalent
            for long in (False, True):
                surviving: set[int] = set()  # indices
                for job, result in pool.grade(_jobs(course, exercise, survivors, long)):
                    done += not long
                    progress(min(done, total), total)
                    if result.outcome is Outcome.ERROR:
                        raise UsageError(f"A mutant of {exercise.id} cannot be graded: {result.message}")
                    if _survives(result):
                        surviving.add(job.id)
                survivors = [each for index, each in enumerate(survivors) if index in surviving]
            verdict.survivors = survivors
            verdict.killed = len(made) - verdict.equivalent - len(survivors)
            verdict.problems = list(_problems(exercise, equivalent, made))
            yield verdict


def _problems(exercise: Exercise, equivalent: set[tuple[str, str, str]], made: Sequence[Mutant]) -> Iterator[str]:
    """Yield the entries of equivalents.yaml that match no mutant, or several."""
    path = shown(solution_of(exercise) / EQUIVALENTS)
    counts = Counter(each.key for each in made)
    for key in sorted(equivalent):
        if counts[key] != 1:
            which = "no mutant" if not counts[key] else f"each of {counts[key]} mutants"
            yield f"{path}: {which} of {key[0]} changes {key[1]!r} to {key[2]!r}."


def _jobs(course: Course, exercise: Exercise, made: Sequence[Mutant], long: bool) -> Iterator[Job]:
    others = reference_texts(course.needed_by(exercise))
    for index, mutant in enumerate(made):
        yield Job(
            id=index,
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
