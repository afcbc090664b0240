"""What a site says of a lesson as a whole: on the home page and on the lesson's own page."""

import msgspec

from grader.course.lesson.files import quiz_path
from grader.course.lesson.load import load_lesson
from grader.course.lesson.model import Part
from grader.course.model import Course, Exercise, Lesson


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A lesson with its parts, its exercises and its quiz."""

    lesson: Lesson
    parts: tuple[Part, ...]  # none: the lesson is not written yet, or not in this edition
    exercises: tuple[Exercise, ...]
    has_quiz: bool

    @property
    def folder(self) -> str:
        """The folder of the lesson's pages, such as `lessons/03-mixture-of-experts/`."""
        return f"lessons/{self.lesson.folder_name}/"

    @property
    def url(self) -> str:
        """The URL of the lesson's own page, which exists if the lesson has parts."""
        return f"{self.folder}index.html"

    @property
    def name(self) -> str:
        """The lesson's number and title."""
        return f"{self.lesson.number} {self.lesson.title}"

    @property
    def reading(self) -> int:
        """The minutes that its parts take to read."""
        return sum(part.minutes for part in self.parts)

    @property
    def doing(self) -> int:
        """The minutes that its exercises take."""
        return sum(exercise.minutes for exercise in self.exercises)

    @property
    def labs(self) -> tuple[Exercise, ...]:
        """Those of its exercises with which `grade lab` experiments."""
        return tuple(exercise for exercise in self.exercises if exercise.lab.is_file())


def overview(course: Course, lesson: Lesson) -> Overview:
    """Return the overview of a lesson. Raise UsageError if a file of the lesson is invalid."""
    return Overview(
        lesson=lesson,
        parts=load_lesson(course, lesson),
        exercises=tuple(exercise for exercise in course.exercises if exercise.lesson == lesson.number),
        has_quiz=quiz_path(course, lesson).is_file(),
    )


def duration(minutes: int) -> str:
    """Return a time in words: `1 minute`, `45 minutes`, `2 h 10 min`, `12 hours`. From an hour on, it is rounded."""
    if minutes < 60:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    if minutes >= 600:
        return f"{minutes / 60:.0f} hours"
    hours, rest = divmod(5 * round(minutes / 5), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
