"""The parts of a course. The fields of `Description` and `Syllabus` are the keys of the YAML files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from grader.base.errors import UsageError
from grader.base.text import did_you_mean

Text = Annotated[str, Meta(min_length=1)]


class YamlStruct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base class of values read from YAML: unknown keys are errors."""


class Limits(YamlStruct, frozen=True):
    """The resources that one test of an exercise may use."""

    seconds: Annotated[float, Meta(gt=0, le=3600)] = 5.0  # wall
    memory: Annotated[int, Meta(ge=1, le=2**20)] = 1024  # MiB more than the warm process


class Reading(YamlStruct, frozen=True):
    """A text to read after the exercise."""

    title: Text
    arxiv: str | None = None  # "2401.04088"
    url: str | None = None


class Description(YamlStruct, frozen=True, kw_only=True):
    """The content of exercise.yaml."""

    title: Text
    lesson: Annotated[int, Meta(ge=1)]
    level: Annotated[int, Meta(ge=1, le=3)]
    minutes: Annotated[int, Meta(ge=1, le=1000)]
    points: Annotated[float, Meta(gt=0, le=1000)]
    passed: Text  # the sentence shown after a pass, which relates the exercise to real models
    needs: tuple[str, ...] = ()  # ids
    limits: Limits = Limits()
    hints: tuple[Text, ...] = ()
    hints_for: dict[str, Annotated[tuple[Text, ...], Meta(min_length=1)]] = {}  # by a function, a class or a test
    reading: tuple[Reading, ...] = ()
    lab_name: Annotated[str, Meta(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")] | None = (
        None  # the name of its lab in `grade lab`
    )


class Exercise(Description, frozen=True, kw_only=True):
    """An exercise: its description and the paths of its files."""

    id: str
    folder: Path
    solution: Path | None  # None: the course was released without solutions

    @property
    def stub(self) -> Path:
        """The file that the student completes."""
        return self.folder / f"{self.id}.py"

    @property
    def is_missing(self) -> bool:
        """Return whether the student's file was moved, renamed or deleted."""
        return not self.stub.is_file()

    @property
    def statement(self) -> Path:
        """The text of the task."""
        return self.folder / "README.md"

    @property
    def public_tests(self) -> Path:
        """The tests that students receive."""
        return self.folder / "test_public.py"

    @property
    def lab(self) -> Path:
        """The script of `grade lab`, which exists only if the exercise is a lab."""
        return self.folder / "lab.py"

    @property
    def lab_names(self) -> tuple[str, ...]:
        """The names by which `grade lab` finds the lab; the first one is shown."""
        return (self.lab_name or self.id.removesuffix("_lab"), self.id)

    @property
    def hidden_tests(self) -> Path:
        """The tests that students do not receive."""
        return self._solution / "test_hidden.py"

    @property
    def reference(self) -> Path:
        """The reference solution."""
        return self._solution / f"{self.id}.py"

    @property
    def mistakes(self) -> Path:
        """The known mistakes."""
        return self._solution / "mistakes.py"

    @property
    def variants(self) -> Path:
        """The correct solutions that are written differently."""
        return self._solution / "variants.py"

    @property
    def _solution(self) -> Path:
        if self.solution is None:
            raise UsageError(f"This course has no solution of {self.id}: it was released without solutions.")
        return self.solution


class Lesson(YamlStruct, frozen=True, kw_only=True):
    """A lesson, whose parts are in lessons/<folder_name>/."""

    number: Annotated[int, Meta(ge=1, le=99)]
    slug: Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: Text
    short: Annotated[str, Meta(min_length=1, max_length=16)]  # one or two words for the map
    names: tuple[str, ...] = ()  # other names in lower case, such as moe
    summary: str = ""  # one sentence: what it is about
    outcomes: tuple[Text, ...] = ()  # what one can do afterwards, a sentence each

    @property
    def folder_name(self) -> str:
        """The name of the lesson's folder: 03-mixture-of-experts."""
        return f"{self.number:02}-{self.slug}"


class Standards(YamlStruct, frozen=True):
    """The requirements of `grade check` for every lesson."""

    questions: Annotated[int, Meta(ge=1)] = 14  # the minimum of a quiz
    minutes: tuple[Annotated[int, Meta(ge=1)], int] = (8, 15)  # reading time of a part, from and to
    words: Annotated[int, Meta(ge=1)] | None = None  # the maximum of a part, without deep dives
    options: Annotated[int, Meta(ge=2)] = 2  # the minimum of a choice in a part
    numbers: Annotated[int, Meta(ge=0, le=100)] = 100  # % of a lesson's questions that may ask for a number
    longest: Annotated[int, Meta(ge=0, le=100)] = 100  # % of its choices whose right option may be the longest


class FrontPicture(YamlStruct, frozen=True):
    """A picture of a lesson."""

    lesson: int
    name: Text


class Front(YamlStruct, frozen=True, kw_only=True):
    """The first page of the course's site."""

    about: Text  # what the course is
    audience: Text  # whom it is for
    picture: FrontPicture | None = None


class Syllabus(YamlStruct, frozen=True, kw_only=True):
    """The content of course.yaml."""

    title: Text
    lessons: Annotated[tuple[Lesson, ...], Meta(min_length=1)]
    show_hidden_output: bool = False
    released: bool = False  # a student's edition, written by `grade release`
    digest: str = ""  # of the course that an edition was made from
    standards: Standards = Standards()
    front: Front | None = None


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A course. Its exercises are in the order in which students do them."""

    title: str
    root: Path
    lessons: tuple[Lesson, ...]
    exercises: tuple[Exercise, ...]
    show_hidden_output: bool = False  # show what the student's code prints during hidden tests
    released: bool = False  # a student's edition: without solutions, and perhaps without some lessons and exercises
    standards: Standards = Standards()
    front: Front | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that no submission may read: the course, and its solutions if they are elsewhere."""
        solutions = {each.solution.parent for each in self.exercises if each.solution is not None}
        return (self.root, *sorted(each for each in solutions if not each.is_relative_to(self.root)))

    def require_whole(self, command: str) -> None:
        """Raise UsageError if this is a student's edition, which lacks what `command` needs."""
        if self.released:
            raise UsageError(
                f"{command} needs the whole course, but this is a student's edition without solutions; "
                f"name the whole course before the command: grade --course DIR."
            )

    def exercise(self, exercise_id: str) -> Exercise:
        """Return the exercise with this id. Raise UsageError if there is none."""
        for exercise in self.exercises:
            if exercise.id == exercise_id:
                return exercise
        raise no_exercise(exercise_id, [e.id for e in self.exercises])

    def needed_by(self, exercise: Exercise) -> tuple[Exercise, ...]:
        """Return the exercises that an exercise needs, directly or indirectly: its reference may import theirs."""
        needed = set(exercise.needs)
        for each in reversed(self.exercises):  # an exercise comes after those that it needs
            if each.id in needed:
                needed.update(each.needs)
        return tuple(each for each in self.exercises if each.id in needed)

    def lesson(self, number: int) -> Lesson:
        """Return the lesson with this number. Raise KeyError if there is none."""
        return {lesson.number: lesson for lesson in self.lessons}[number]


def no_exercise(exercise_id: str, ids: Iterable[str]) -> UsageError:
    """Return the error for an unknown exercise id."""
    near = did_you_mean(exercise_id, ids) or " grade list --all shows them all."
    return UsageError(f"No exercise '{exercise_id}' in this course.{near}")
