"""grade shell: a Python prompt with the call that failed."""

import ast
import code
import sys

import click

from grader import failures
from grader.cli.screen import bold, course_root, say
from grader.course import load_exercise
from grader.errors import UsageError


@click.command("shell")
@click.argument("exercise_id", metavar="ID")
@click.option("--print", "only_print", is_flag=True, help="Print the call as Python to paste, and open nothing.")
def command(exercise_id: str, only_print: bool) -> None:
    """A Python prompt with your module and the arguments of the call that failed last.

    It runs in your own Python, without the grader's bounds: it is your code on your machine.
    """
    root = course_root()
    exercise = load_exercise(root, exercise_id)
    text = failures.load(root, exercise.id)
    if text is None:
        raise UsageError(
            f"There is no failing call of {exercise.id} to look at; run grade exercise {exercise.id} first."
        )
    if only_print:
        say(f"# in {exercise.folder}", *text.splitlines())
        return
    *setup, call = ast.parse(text).body
    scope: dict[str, object] = {"__name__": "__console__"}
    sys.path.insert(0, str(exercise.folder))
    for statement in setup:
        # The student's own module is imported here, and may raise: then its traceback is what they came for.
        exec(compile(ast.Module([statement], []), "<failing call>", "exec"), scope)
    names = ", ".join(name for name in scope if not name.startswith("__"))
    say("", f"  {bold(exercise.id)}   the call that failed: its arguments are set", "")
    say(f"    names   {names}", f"    call    {ast.unparse(call)}", "", "  Ctrl-D ends.", "")
    code.interact(banner="", local=scope, exitmsg="")
