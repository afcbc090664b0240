"""Facts for a screen that neither the result nor the exercise holds: earlier attempts, and what comes next."""

import msgspec


class NeededExercise(msgspec.Struct, frozen=True):
    """An exercise that this one builds on."""

    id: str
    passed: bool


class NextStep(msgspec.Struct, frozen=True):
    """The command that continues the course, without `grade`, and what it is about."""

    command: str
    remark: str


class CourseProgress(msgspec.Struct, frozen=True):
    """How many exercises of the lesson and of the course are done."""

    lesson: str  # its short name, "experts"
    lesson_done: int
    lesson_total: int
    course_done: int
    course_total: int


class RunContext(msgspec.Struct, frozen=True):
    """The facts of a run that neither the result nor the exercise holds."""

    command: str = "grade"
    options: str = ""  # of this run, to repeat in the next: " --file mine.py"
    cell: str = ""  # first line of the graded notebook cell; empty if a file was graded
    hints_shown: int = 0
    hints_total: int = 0
    statement: str | None = None  # the command that shows the exercise's statement
    line: int | None = None  # first line of code that is not written yet
    write: tuple[str, ...] = ()  # signatures to write, for an exercise that is not started
    needs: tuple[NeededExercise, ...] = ()
    next: NextStep | None = None
    progress: CourseProgress | None = None
    tries: int = 0  # attempts with the student's own file, this one included
    before: float | None = None  # points of the attempt before
    repaired: tuple[str, ...] = ()  # tests that pass, and failed in the attempt before from a cause that was named
