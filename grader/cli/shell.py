"""grade shell: open a Python prompt with the call that failed."""

import ast
import code
import contextlib
import importlib
import linecache
import sys
import types
from pathlib import Path

import click

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.names import ExerciseName, find_exercise
from grader.cli.screen import COLUMNS, bold, columns, course_root, say
from grader.course.progress import Progress
from grader.engine.submission import read_submission
from grader.show.layout import wrap
from grader.study import failing_calls


@click.command("shell")
@click.argument("exercise_id", metavar="ID", type=ExerciseName())
@click.option("--print", "only_print", is_flag=True, help="Print the call as Python code instead.")
def command(exercise_id: str, only_print: bool) -> None:
    """Open a Python prompt with your module and the arguments of the call that failed last.

    It runs in your own Python, without the grader's sandbox and limits.
    """
    root = course_root()
    exercise = find_exercise(root, exercise_id)
    failing = failing_calls.load(root, exercise.id)
    if failing is None and any(each.passed or each.public for each in Progress.load(root).attempts(exercise.id)[-1:]):
        raise UsageError(f"{exercise.id} passed when it was last graded, so there is no failing call.")
    if failing is None:
        raise UsageError(f"There is no failing call of {exercise.id}; run grade exercise {exercise.id} first.")
    if only_print:
        say(f"# {exercise.id} is {shown(Path(failing.file))}", *failing.text.splitlines())
        return
    *setup, call = ast.parse(failing.text).body
    scope: dict[str, object] = {"__name__": "__console__"}
    sys.path += map(str, exercise.folder.parent.iterdir())  # the student's other exercises
    scope |= _import(exercise.id, failing.file)
    exec(compile(ast.Module(setup, []), "<failing call>", "exec"), scope)
    names = ", ".join(name for name in scope if not name.startswith("__"))

    def reload() -> None:
        """Import your file again after a change."""
        scope.update(_import(exercise.id, failing.file))

    scope["reload"] = reload
    say("", f"  {bold(exercise.id)}   the call that failed: its arguments are set", "")
    say(*_labelled("names", names), *_labelled("call", ast.unparse(call)), "")
    say("  reload() imports your file again. Tab completes, Ctrl-D exits.", "")
    with contextlib.suppress(ImportError):  # Windows has no readline
        readline = importlib.import_module("readline")
        readline.set_completer(importlib.import_module("rlcompleter").Completer(scope).complete)
        readline.parse_and_bind("tab: complete")
    code.interact(banner="", local=scope, exitmsg="")


def _labelled(word: str, text: str) -> list[str]:
    """Format a label and a text, which is wrapped and indented."""
    first, *rest = wrap(text, max(min(columns(), COLUMNS) - 12, 20))
    return [f"    {word:<8}{first}", *(f"            {line}" for line in rest)]


def _import(name: str, file: str) -> dict[str, object]:
    """Import the submission as the module `name`, and return what it defines.

    Its exceptions are not caught: the student wants to see them.
    """
    if not Path(file).is_file():
        raise UsageError(f"{shown(Path(file))} no longer exists; run grade exercise {name} again.")
    text = read_submission(Path(file), name).text
    module = sys.modules[name] = types.ModuleType(name)
    module.__file__ = file
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file  # for tracebacks into notebooks
    sys.path.insert(0, str(Path(file).parent))
    exec(compile(text, file, "exec"), vars(module))
    return {key: value for key, value in vars(module).items() if getattr(value, "__module__", None) == name}
