"""What a screen says that neither the result nor the exercise knows: what was done before, and what comes next."""

import msgspec


class Need(msgspec.Struct, frozen=True):
    """An exercise that this one builds on."""

    id: str
    passed: bool


class Next(msgspec.Struct, frozen=True):
    """The command that leads on in the course, without `grade`, and what it is about."""

    command: str
    remark: str


class Progress(msgspec.Struct, frozen=True):
    """How far the student is in the lesson and in the course, in exercises."""

    lesson: str  # its short name, "experts"
    lesson_done: int
    lesson_total: int
    course_done: int
    course_total: int


class View(msgspec.Struct, frozen=True):
    """What the screen says that neither the result nor the exercise knows."""

    command: str = "grade"
    options: str = ""  # that this run had and the next should have: " --file mine.py"
    cell: str = ""  # the first line of the cell of a notebook that was graded; "": a file was
    hints_shown: int = 0
    hints_total: int = 0
    statement: str | None = None  # the command that shows the exercise's statement
    line: int | None = None  # of the code that is not written yet
    write: tuple[str, ...] = ()  # the interface to write, for an exercise that is not started
    needs: tuple[Need, ...] = ()
    next: Next | None = None
    progress: Progress | None = None
    tries: int = 0  # with this one, where it is the student's own file
    before: float | None = None  # the points of the try before
