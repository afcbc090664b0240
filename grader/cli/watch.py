"""grade watch: grade an exercise whenever its file is saved."""

import os
import select
import shutil
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import click

from grader.base.errors import UsageError
from grader.cli.names import ExerciseName, find_exercise
from grader.cli.screen import course_root, dim, interactive, prose
from grader.cli.spinner import Spinner
from grader.course import Course, Exercise, load_course
from grader.course.progress import Progress
from grader.show.symbols import stream_encoding, supports_unicode, writable
from grader.show.terminal import render
from grader.study.grading import own_submission, record_result, relative, save_failing_call, view_for
from grader.study.reader.keyboard import Keyboard
from grader.study.reader.order import Step, in_order, is_done, steps
from grader.study.reader.reading import REDRAW_KEY
from grader.study.watch.grading import BackgroundGrader, GradingTask, TaskResult
from grader.study.watch.saves import SaveWatcher

BURST = 1.0  # seconds; two saves within this time may be followed by more
QUIET = 0.3  # seconds without a save after which no more are expected
KEYS = {"h": "hint", "t": "next test", "n": "next exercise", "l": "lesson", "q": "quit"}
NEVER = float("-inf")
NO_BREAK_SPACE = "\xa0"


@click.command("watch")
@click.argument("name", metavar="[ID]", type=ExerciseName(), required=False)
def command(name: str | None) -> None:
    """Grade exercise ID whenever you save it, and each other exercise that you save later.

    Without ID, starts with the exercise that grade exercise would grade. Each result replaces the one before.
    """
    root = course_root()
    if not interactive():
        raise UsageError("grade watch needs a terminal; use grade exercise to grade once.")
    WatchSession(root, find_exercise(root, name).id).run()


class WatchSession:
    """The main loop of grade watch: waits for saves, verdicts and keys, and draws the screen."""

    def __init__(self, root: Path, exercise_id: str):
        self._root = root
        self._course, self._order = _load(root)
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()  # from other threads
        self._wake_reader, self._wake_writer = os.pipe()
        self._keyboard = Keyboard()
        self._spinner = Spinner()
        self._grading = BackgroundGrader(self._in_main_loop(self._receive), self._spinner.update)
        self._exercise = self._course.exercise(exercise_id)
        self._saved_at = NEVER
        self._is_grading_due = False  # grade once no more is saved
        self._held_verdict: TaskResult | UsageError | None = None  # shown if no more is saved
        self._verdict: TaskResult | UsageError | None = None  # the one on the screen
        self._test_index = -1  # of the failing test that is shown in depth; -1: none

    def run(self) -> None:
        """Watch until the student quits."""
        folders = [self._root / "exercises", self._root / "solutions"]
        with SaveWatcher(folders, self._in_main_loop(self._save)), self._grading, self._keyboard:
            try:
                self._draw()
                self._grade()
                while self._wait():
                    pass
            finally:
                self._spinner.stop()
        click.echo()

    def _next_exercise(self) -> Exercise:
        """Return the next exercise that is not passed, preferably one whose prerequisites are."""
        exercises = list(self._course.exercises)
        place = exercises.index(self._exercise) + 1
        progress = Progress.load(self._root)
        passed = {each.id for each in exercises if is_done(each, progress)}
        left = [each for each in exercises[place:] + exercises[: place - 1] if each.id not in passed]
        ready = [each for each in left if passed.issuperset(each.needs)]
        return next(iter([*ready, *left, exercises[place % len(exercises)]]))

    # ------------------------------------------------------------ events

    def _in_main_loop(self, function: Callable[..., None]) -> Callable[..., None]:
        """Return a function that other threads can call, to have `function` called in the main loop."""

        def call_later(*arguments: Any) -> None:
            self._calls.put(lambda: function(*arguments))
            os.write(self._wake_writer, b"!")

        return call_later

    def _wait(self) -> bool:
        """Wait for the next event and handle it. Returns False if the student quits."""
        is_waiting_for_quiet = self._is_grading_due or self._held_verdict is not None
        left = max(0.0, self._saved_at + QUIET - time.monotonic()) if is_waiting_for_quiet else None
        ready, _, _ = select.select([*self._keyboard.files, self._wake_reader], [], [], left)
        if self._wake_reader in ready:
            os.read(self._wake_reader, 1 << 10)
            while True:
                try:
                    self._calls.get_nowait()()
                except Empty:
                    break
        elif not ready:
            self._finish_saves()
        if any(each in ready for each in self._keyboard.files):
            try:
                return self._press(self._keyboard.read())
            except EOFError:
                return False
        return True

    def _save(self, paths: set[Path]) -> None:
        """Handle saved files: a submission, or another file of the course, which is then loaded again."""
        exercises = {exercise.stub: exercise for exercise in self._course.exercises}
        own = [exercises[path] for path in paths if path in exercises]
        before, self._saved_at = self._saved_at, time.monotonic()
        self._held_verdict = None
        if own:
            self._exercise = own[0]
        else:
            try:
                self._course, self._order = _load(self._root)
                self._exercise = self._course.exercise(self._exercise.id)
            except UsageError as error:
                self._receive(error)
                return
        self._is_grading_due = self._saved_at - before < BURST
        if not self._is_grading_due:
            self._grade()

    def _finish_saves(self) -> None:
        """Do what was postponed until no more is saved."""
        if self._is_grading_due:
            self._is_grading_due = False
            self._grade()
        elif self._held_verdict is not None:
            verdict, self._held_verdict = self._held_verdict, None
            self._show(verdict)

    def _grade(self) -> None:
        """Start grading the exercise, unless the verdict on the screen is about the same text and tests."""
        try:
            task = GradingTask.of(self._course, self._exercise, own_submission(self._exercise))
        except UsageError as error:
            self._receive(error)
            return
        shown_task = self._verdict.task if isinstance(self._verdict, TaskResult) else None
        if shown_task is not None and shown_task.has_same_tests(task) and shown_task == task:
            return
        self._spinner.start("starting")
        self._grading.submit(task)

    def _receive(self, verdict: TaskResult | UsageError) -> None:
        """Show a verdict, but hold back one without test runs: the file may be saved only in part."""
        self._spinner.stop()
        if self._is_grading_due:
            return
        has_run = isinstance(verdict, TaskResult) and verdict.ran
        if has_run or time.monotonic() >= self._saved_at + QUIET:
            self._show(verdict)
        else:
            self._held_verdict = verdict

    # ------------------------------------------------------------ the screen

    def _show(self, verdict: TaskResult | UsageError) -> None:
        self._verdict, self._test_index = verdict, -1
        if isinstance(verdict, TaskResult):
            record_result(Progress.load(self._root), verdict.task.exercise, verdict.result, verdict.task.submission)
            save_failing_call(self._root, verdict.result)
        self._draw()

    def _draw(self) -> None:
        """Clear the screen, and write the verdict and the keys."""
        size = shutil.get_terminal_size()
        footer = _footer(size.columns)
        match self._verdict:
            case None:
                lines = prose(f"{relative(self._exercise.stub)} is graded whenever you save it.", 2)
            case UsageError() as error:
                lines = prose(f"{error}", 2)
            case verdict:
                lines = self._render(verdict, size.columns, size.lines - len(footer) - 3).splitlines()
        text = "\n".join(["", *lines, "", *footer, ""])
        self._spinner.stop()
        click.echo("\x1b[2J\x1b[H" + writable(text, stream_encoding(sys.stdout)), nl=False)

    def _render(self, verdict: TaskResult, columns: int, rows: int) -> str:
        task, result = verdict.task, verdict.result
        view = view_for(task.course, self._order, task.exercise, Progress.load(self._root), task.submission, result)
        return render(
            result,
            task.exercise,
            view,
            only=result.relevant_failures[self._test_index].id if self._test_index >= 0 else None,
            width=columns,
            height=rows,
            unicode=supports_unicode(sys.stdout),
            color=True,
        )

    # ------------------------------------------------------------ keys

    def _press(self, key: str) -> bool:
        """Handle a key. Returns False if the student quits."""
        match key.lower():
            case "q":
                return False
            case "h":
                self._run("hint", self._exercise.id)
            case "t":
                self._show_next_test()
            case "n":
                self._exercise = self._next_exercise()
                self._verdict = None
                self._draw()
                self._grade()
            case "l":
                self._run("lesson", str(self._exercise.lesson))
                self._draw()
            case "\n" | "\r" | " " | "\x1b":
                self._test_index = -1
                self._draw()
            case key if key == REDRAW_KEY:
                self._draw()
        return True

    def _show_next_test(self) -> None:
        """Show the next failing test in depth; after the last one, show all again."""
        if isinstance(self._verdict, TaskResult) and self._verdict.result.relevant_failures:
            count = len(self._verdict.result.relevant_failures)
            self._test_index = -1 if self._test_index + 1 == count else self._test_index + 1
            self._draw()

    def _run(self, *words: str) -> None:
        """Run another command on a cleared screen."""
        from grader.cli import grade

        self._spinner.stop()
        click.echo("\x1b[2J\x1b[H", nl=False)
        self._keyboard.release()
        try:
            grade.main(["--course", str(self._root), *words], prog_name="grade")
        except SystemExit:  # the command has printed its errors
            click.echo(f"\n  {dim('Enter')}   back to the verdict")
        finally:
            self._keyboard.take()


def _load(root: Path) -> tuple[Course, list[Step]]:
    """Load the course, with its exercises in the order of the lessons, and its steps."""
    course = load_course(root)
    order = list(steps(course))
    return in_order(course, order), order


def _footer(columns: int) -> list[str]:
    """Format the keys, in as many lines as they need."""
    keys = "   ".join(f"{key} {word}".replace(" ", NO_BREAK_SPACE) for key, word in KEYS.items())
    return [f"  {dim(line.replace(NO_BREAK_SPACE, ' '))}" for line in textwrap.wrap(keys, columns - 2)]
