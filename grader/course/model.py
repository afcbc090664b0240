"""What a course consists of. The fields of `Description` and `Syllabus` are the keys of the YAML files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from grader.base.errors import UsageError
from grader.base.text import did_you_mean

Text = Annotated[str, Meta(min_length=1)]


class YamlStruct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what is read from YAML: an unknown key is an error."""


class Limits(YamlStruct, frozen=True):
    """What one test of an exercise may use."""

    seconds: Annotated[float, Meta(gt=0, le=3600)] = 5.0  # wall
    memory: Annotated[int, Meta(ge=1, le=2**20)] = 1024  # MiB beyond the warm process


class Reading(YamlStruct, frozen=True):
    """Something to read after the exercise."""

    title: Text
    arxiv: str | None = None  # "2401.04088"
    url: str | None = None


class Description(YamlStruct, frozen=True, kw_only=True):
    """exercise.yaml."""

    title: Text
    lesson: Annotated[int, Meta(ge=1)]
    level: Annotated[int, Meta(ge=1, le=3)]
    minutes: Annotated[int, Meta(ge=1, le=1000)]
    points: Annotated[float, Meta(gt=0, le=1000)]
    passed: Text  # the sentence shown after a pass: ties the exercise to something real
    needs: tuple[str, ...] = ()  # ids
    limits: Limits = Limits()
    hints: tuple[Text, ...] = ()
    reading: tuple[Reading, ...] = ()
    lab_name: Annotated[str, Meta(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")] | None = None  # what `grade lab` calls its lab


class Exercise(Description, frozen=True, kw_only=True):
    """One exercise: its description, and where its files are."""

    id: str
    folder: Path
    solution: Path | None  # None: the course was released without solutions

    @property
    def stub(self) -> Path:
        """The file that the student completes."""
        return self.folder / f"{self.id}.py"

    @property
    def is_missing(self) -> bool:
        """Whether the student's file is not there: moved, renamed or deleted."""
        return not self.stub.is_file()

    @property
    def statement(self) -> Path:
        return self.folder / "README.md"

    @property
    def public_tests(self) -> Path:
        return self.folder / "test_public.py"

    @property
    def lab(self) -> Path:
        """The script of `grade lab`; only a lab has one."""
        return self.folder / "lab.py"

    @property
    def lab_names(self) -> tuple[str, ...]:
        """What `grade lab` finds the lab by; first the name that is shown."""
        return (self.lab_name or self.id.removesuffix("_lab"), self.id)

    @property
    def hidden_tests(self) -> Path:
        return self._solution / "test_hidden.py"

    @property
    def reference(self) -> Path:
        return self._solution / f"{self.id}.py"

    @property
    def mistakes(self) -> Path:
        return self._solution / "mistakes.py"

    @property
    def variants(self) -> Path:
        return self._solution / "variants.py"

    @property
    def _solution(self) -> Path:
        if self.solution is None:
            raise UsageError(f"This course has no solution of {self.id}: it was released without solutions.")
        return self.solution


class Lesson(YamlStruct, frozen=True, kw_only=True):
    """One topic. Its texts are in lessons/<folder_name>/."""

    number: Annotated[int, Meta(ge=1, le=99)]
    slug: Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: Text
    short: Annotated[str, Meta(min_length=1, max_length=16)]  # one or two words for the map
    names: tuple[str, ...] = ()  # other words by which it is called, in lower case: moe

    @property
    def folder_name(self) -> str:
        """`03-mixture-of-experts`"""
        return f"{self.number:02}-{self.slug}"


class Standards(YamlStruct, frozen=True):
    """What `grade check` wants of every lesson."""

    questions: Annotated[int, Meta(ge=1)] = 14  # of a quiz, at least
    minutes: tuple[Annotated[int, Meta(ge=1)], int] = (8, 15)  # that a part takes to read, from and to


class Syllabus(YamlStruct, frozen=True, kw_only=True):
    """course.yaml."""

    title: Text
    lessons: Annotated[tuple[Lesson, ...], Meta(min_length=1)]
    show_hidden_output: bool = False
    released: bool = False  # a student's edition, written by `grade release`
    standards: Standards = Standards()


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A whole course. Exercises are in the order in which they are taken."""

    title: str
    root: Path
    lessons: tuple[Lesson, ...]
    exercises: tuple[Exercise, ...]
    show_hidden_output: bool = False  # what a student's code prints during hidden tests
    released: bool = False  # a student's edition: no solutions, and perhaps not all lessons and exercises
    standards: Standards = Standards()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that no submission may read: the course, and where its solutions lie if not in it."""
        solutions = {each.solution.parent for each in self.exercises if each.solution is not None}
        return (self.root, *sorted(each for each in solutions if not each.is_relative_to(self.root)))

    def require_whole(self, command: str) -> None:
        """UsageError where this is a student's edition, and a command needs what students do not get."""
        if self.released:
            raise UsageError(
                f"{command} needs the whole course, and this is a student's edition, without solutions; "
                f"name the other before the command: grade --course DIR."
            )

    def exercise(self, exercise_id: str) -> Exercise:
        """The exercise of that id. UsageError where there is none."""
        for exercise in self.exercises:
            if exercise.id == exercise_id:
                return exercise
        raise no_exercise(exercise_id, [e.id for e in self.exercises])

    def needed_by(self, exercise: Exercise) -> tuple[Exercise, ...]:
        """The exercises whose references that of an exercise may import: what it needs, and what those need."""
        needed = set(exercise.needs)
        for each in reversed(self.exercises):  # what is needed stands before what needs it
            if each.id in needed:
                needed.update(each.needs)
        return tuple(each for each in self.exercises if each.id in needed)

    def lesson(self, number: int) -> Lesson:
        """The lesson of that number. KeyError where there is none."""
        return {lesson.number: lesson for lesson in self.lessons}[number]


def no_exercise(exercise_id: str, ids: Iterable[str]) -> UsageError:
    """The error for an id that no exercise has."""
    near = did_you_mean(exercise_id, ids) or " grade list --all has them all."
    return UsageError(f"No exercise '{exercise_id}' in this course.{near}")
