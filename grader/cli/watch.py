"""grade watch: grades whenever a file of an exercise is saved."""

import os
import select
import shutil
import signal
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import click

from grader.base.errors import UsageError
from grader.cli.names import ExerciseName, last_or_next, named
from grader.cli.screen import course_root, dim, interactive, prose
from grader.cli.spinner import Spinner
from grader.course import Course, Exercise, load_course
from grader.course.progress import Progress
from grader.show.marks import encoding_of, unicode_on, writable
from grader.show.terminal import render
from grader.study.grading import keep_failing_call, own_submission, record, relative, view_of
from grader.study.reader.order import Step, done, in_order, steps
from grader.study.reader.terminal import keyboard, read_key
from grader.study.watch.grading import Grading, Task, Verdict
from grader.study.watch.saves import Saves

BURST = 1.0  # seconds within which a second save tells that more may follow
QUIET = 0.3  # seconds without a save after which none is expected
KEYS = {"h": "hint", "t": "next test", "n": "next exercise", "l": "lesson", "q": "quit"}
NEVER = float("-inf")
NO_BREAK = "\xa0"


@click.command("watch")
@click.argument("name", metavar="[ID]", type=ExerciseName(), required=False)
def command(name: str | None) -> None:
    """Grade exercise ID whenever you save it, and the one that you save next whenever you save that.

    Without ID, the exercise that grade exercise would take. Each verdict takes the place of the one before.
    """
    root = course_root()
    if not interactive():
        raise UsageError("grade watch needs a terminal to write to; grade exercise grades once.")
    Watching(root, last_or_next(root) if name is None else named(root, name).id).run()


class Watching:
    """What is on the screen, and what is awaited."""

    def __init__(self, root: Path, exercise_id: str):
        self._root = root
        self._course, self._order = _load(root)
        self._heard: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._awake, self._wake = os.pipe()
        self._spinner = Spinner()
        self._grading = Grading(self._tell(self._decide), self._spinner.says)
        self._exercise = self._course.exercise(exercise_id)
        self._saved = NEVER  # when
        self._due = False  # whether what was saved is to be graded once no more is saved
        self._held: Verdict | UsageError | None = None  # what is shown if no more is saved
        self._shown: Verdict | UsageError | None = None
        self._depth = -1  # which of the failing tests is on the screen, in depth

    def run(self) -> None:
        """Watches until the student stops it."""
        signal.signal(signal.SIGWINCH, lambda *_: self._tell(self._draw)())
        folders = [self._root / "exercises", self._root / "solutions"]
        with Saves(folders, self._tell(self._save)), self._grading, keyboard() as keys:
            try:
                self._draw()
                self._grade()
                while self._listen(keys):
                    pass
            finally:
                self._spinner.stop()
        click.echo()

    def _following(self) -> Exercise:
        """The first exercise after this one that is not passed, and that nothing keeps from being begun."""
        exercises = list(self._course.exercises)
        place = exercises.index(self._exercise) + 1
        progress = Progress.load(self._root)
        passed = {each.id for each in exercises if done(each, progress)}
        left = [each for each in exercises[place:] + exercises[: place - 1] if each.id not in passed]
        ready = [each for each in left if passed.issuperset(each.needs)]
        return next(iter([*ready, *left, exercises[place % len(exercises)]]))

    # ------------------------------------------------------------ what happens

    def _tell(self, what: Callable[..., None]) -> Callable[..., None]:
        """What other threads call, to have it done by the one that draws."""

        def told(*words: Any) -> None:
            self._heard.put(lambda: what(*words))
            os.write(self._wake, b"!")

        return told

    def _listen(self, keys: int) -> bool:
        """Waits for what happens next, and does what follows from it. False when the student stops."""
        waits = self._due or self._held is not None
        left = max(0.0, self._saved + QUIET - time.monotonic()) if waits else None
        ready, _, _ = select.select([keys, self._awake], [], [], left)
        if self._awake in ready:
            os.read(self._awake, 1 << 10)
            while True:
                try:
                    self._heard.get_nowait()()
                except Empty:
                    break
        elif not ready:
            self._no_more_is_saved()
        if keys in ready:
            try:
                return self._press(read_key(keys))
            except EOFError:
                return False
        return True

    def _save(self, paths: set[Path]) -> None:
        """Files of the course were saved: the student's, or others."""
        known = {exercise.stub: exercise for exercise in self._course.exercises}
        own = [known[path] for path in paths if path in known]
        before, self._saved = self._saved, time.monotonic()
        self._held = None
        if own:
            self._exercise = own[0]
        else:
            try:
                self._course, self._order = _load(self._root)
                self._exercise = self._course.exercise(self._exercise.id)
            except UsageError as error:
                self._decide(error)
                return
        self._due = self._saved - before < BURST
        if not self._due:
            self._grade()

    def _no_more_is_saved(self) -> None:
        if self._due:
            self._due = False
            self._grade()
        elif self._held is not None:
            held, self._held = self._held, None
            self._show(held)

    def _grade(self) -> None:
        """Has the exercise graded as it is now, unless the verdict on the screen is of this very text."""
        try:
            task = Task.of(self._course, self._exercise, own_submission(self._exercise))
        except UsageError as error:
            self._decide(error)
            return
        shown = self._shown.task if isinstance(self._shown, Verdict) else None
        if shown is not None and shown.same_tests(task) and shown == task:
            return
        self._spinner.start("starting")
        self._grading.begin(task)

    def _decide(self, verdict: Verdict | UsageError) -> None:
        """Shows a verdict; but one that no test was run for may be of a text that is not written to its end."""
        self._spinner.stop()
        ran = isinstance(verdict, Verdict) and verdict.ran
        if self._due:
            return
        if ran or time.monotonic() >= self._saved + QUIET:
            self._show(verdict)
        else:
            self._held = verdict

    # ------------------------------------------------------------ the screen

    def _show(self, verdict: Verdict | UsageError) -> None:
        self._shown, self._depth = verdict, -1
        if isinstance(verdict, Verdict):
            record(Progress.load(self._root), verdict.task.exercise, verdict.result)
            keep_failing_call(self._root, verdict.result)
        self._draw()

    def _draw(self) -> None:
        """Writes the screen anew: the verdict, and what can be done."""
        size = shutil.get_terminal_size()
        foot = _foot(size.columns)
        match self._shown:
            case None:
                lines = prose(f"{relative(self._exercise.stub)} is graded whenever you save it.", 2)
            case UsageError() as error:
                lines = prose(f"{error}", 2)
            case verdict:
                lines = self._screen(verdict, size.columns, size.lines - len(foot) - 3).splitlines()
        text = "\n".join(["", *lines, "", *foot, ""])
        self._spinner.stop()
        click.echo("\x1b[2J\x1b[H" + writable(text, encoding_of(sys.stdout)), nl=False)

    def _screen(self, verdict: Verdict, columns: int, rows: int) -> str:
        task, result = verdict.task, verdict.result
        view = view_of(task.course, self._order, task.exercise, Progress.load(self._root), task.submission, result)
        return render(
            result,
            task.exercise,
            view,
            only=result.relevant_failures[self._depth].id if self._depth >= 0 else None,
            width=columns,
            height=rows,
            unicode=unicode_on(sys.stdout),
            color=True,
        )

    # ------------------------------------------------------------ keys

    def _press(self, key: str) -> bool:
        """Does what a key is for. False: stops."""
        match key.lower():
            case "q":
                return False
            case "h":
                self._run("hint", self._exercise.id)
            case "t":
                self._deeper()
            case "n":
                self._exercise = self._following()
                self._shown = None
                self._draw()
                self._grade()
            case "l":
                self._run("lesson", str(self._exercise.lesson))
                self._draw()
            case "\n" | "\r" | " " | "\x1b":
                self._depth = -1
                self._draw()
        return True

    def _deeper(self) -> None:
        """The next failing test in depth, and after the last the whole again."""
        if isinstance(self._shown, Verdict) and self._shown.result.relevant_failures:
            count = len(self._shown.result.relevant_failures)
            self._depth = -1 if self._depth + 1 == count else self._depth + 1
            self._draw()

    def _run(self, *words: str) -> None:
        """Runs another command on a screen of its own."""
        from grader.cli import grade

        self._spinner.stop()
        click.echo("\x1b[2J\x1b[H", nl=False)
        try:
            grade.main(["--course", str(self._root), *words], prog_name="grade")
        except SystemExit:  # it has said what there was to say
            click.echo(f"\n  {dim('Enter')}   back to the verdict")


def _load(root: Path) -> tuple[Course, list[Step]]:
    """The course with its exercises in the order in which the lessons ask for them, and its steps."""
    course = load_course(root)
    order = list(steps(course))
    return in_order(course, order), order


def _foot(columns: int) -> list[str]:
    """The keys, in as many lines as they take."""
    keys = "   ".join(f"{key} {word}".replace(" ", NO_BREAK) for key, word in KEYS.items())
    return [f"  {dim(line.replace(NO_BREAK, ' '))}" for line in textwrap.wrap(keys, columns - 2)]
