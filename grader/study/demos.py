"""Demos: short scripts that run the student's own code of a lesson's exercises on small examples.

A demo is written like a lab (see `grader.lab`). Its file, `demos/ID.py` in the folder of a lesson, is named after the
exercise whose code it runs; the first line of its docstring says what is shown.
"""

import msgspec

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.base.text import did_you_mean
from grader.course.lab_script import lab_signature
from grader.course.lesson.files import lesson_folder
from grader.course.model import Course, Exercise, Lesson
from grader.engine.judge.materials import MIB
from grader.engine.judge.messages import LabCode, RunLab

FOLDER = "demos"


class Demo(msgspec.Struct, frozen=True):
    """What a lesson shows with the code of one exercise."""

    exercise: Exercise
    path: str  # of its script
    title: str

    def job(self, code: LabCode) -> RunLab:
        """Return the message to a judge that runs the demo on this code."""
        return RunLab(path=self.path, codes=(code,), options={}, seed=0, memory=self.exercise.limits.memory * MIB)


def demos_of(course: Course, lesson: Lesson) -> tuple[Demo, ...]:
    """Return the demos of a lesson in the order of its exercises. Raise UsageError if a file is named after none."""
    folder = lesson_folder(course, lesson) / FOLDER
    files = {path.stem: path for path in sorted(folder.glob("*.py"))}
    exercises = {exercise.id: exercise for exercise in course.exercises if exercise.lesson == lesson.number}
    for name, path in files.items():
        if name not in exercises:
            raise UsageError(
                f"{shown(path)}: a demo is named after an exercise of its lesson, "
                f"but lesson {lesson.number} has none that is called {name}.{did_you_mean(name, list(exercises))}"
            )
    return tuple(
        Demo(exercise, str(files[name].resolve()), lab_signature(files[name]).title)
        for name, exercise in exercises.items()
        if name in files
    )
