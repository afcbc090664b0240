"""grade shell: a Python prompt with the call that failed."""

import ast
import code
import contextlib
import importlib
import linecache
import sys
import textwrap
import types
from pathlib import Path

import click

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.names import ExerciseName, named
from grader.cli.screen import COLUMNS, bold, columns, course_root, say
from grader.course.progress import Progress
from grader.engine.submission import read_submission
from grader.study import failing_calls


@click.command("shell")
@click.argument("exercise_id", metavar="ID", type=ExerciseName())
@click.option("--print", "only_print", is_flag=True, help="Print the call as Python to paste, and open nothing.")
def command(exercise_id: str, only_print: bool) -> None:
    """A Python prompt with your module and the arguments of the call that failed last.

    It runs in your own Python, without the grader's bounds: it is your code on your machine.
    """
    root = course_root()
    exercise = named(root, exercise_id)
    failing = failing_calls.load(root, exercise.id)
    if failing is None and any(each.passed or each.public for each in Progress.load(root).attempts(exercise.id)[-1:]):
        raise UsageError(f"{exercise.id} passed when it was graded last; there is no failing call to look at.")
    if failing is None:
        raise UsageError(
            f"There is no failing call of {exercise.id} to look at; run grade exercise {exercise.id} first."
        )
    if only_print:
        say(f"# {exercise.id} is {shown(Path(failing.file))}", *failing.text.splitlines())
        return
    *setup, call = ast.parse(failing.text).body
    scope: dict[str, object] = {"__name__": "__console__"}
    sys.path += map(str, exercise.folder.parent.iterdir())  # the student's other exercises
    scope |= _load(exercise.id, failing.file)
    exec(compile(ast.Module(setup, []), "<failing call>", "exec"), scope)
    names = ", ".join(name for name in scope if not name.startswith("__"))

    def reload() -> None:
        """Takes your file as it is now."""
        scope.update(_load(exercise.id, failing.file))

    scope["reload"] = reload
    say("", f"  {bold(exercise.id)}   the call that failed: its arguments are set", "")
    say(*_labelled("names", names), *_labelled("call", ast.unparse(call)), "")
    say("  reload() takes your file as it is now. Tab completes, Ctrl-D ends.", "")
    with contextlib.suppress(ImportError):  # Windows has none: no history and no editing of the line then
        readline = importlib.import_module("readline")
        readline.set_completer(importlib.import_module("rlcompleter").Completer(scope).complete)
        readline.parse_and_bind("tab: complete")
    code.interact(banner="", local=scope, exitmsg="")


def _labelled(word: str, text: str) -> list[str]:
    """A text after a word, in as many lines as it takes."""
    first, *rest = textwrap.wrap(text, max(min(columns(), COLUMNS) - 12, 20), break_on_hyphens=False) or [""]
    return [f"    {word:<8}{first}", *(f"            {line}" for line in rest)]


def _load(name: str, file: str) -> dict[str, object]:
    """Imports the submission under the name by which the call knows it; returns the names that it defines.

    What it raises is what the student came for.
    """
    if not Path(file).is_file():
        raise UsageError(f"There is no file {shown(Path(file))} any more; run grade exercise {name} again.")
    text = read_submission(Path(file), name).text
    module = sys.modules[name] = types.ModuleType(name)
    module.__file__ = file
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file  # of a notebook: its code
    sys.path.insert(0, str(Path(file).parent))
    exec(compile(text, file, "exec"), vars(module))
    return {key: value for key, value in vars(module).items() if getattr(value, "__module__", None) == name}
