"""grade shell: open a Python prompt with the call that failed."""

import ast
import code
import contextlib
import importlib
import linecache
import sys
import types
from collections.abc import Mapping
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
@click.argument("exercise_id", metavar="[ID]", type=ExerciseName(), required=False)
@click.option("--print", "only_print", is_flag=True, help="Print the call as Python code instead.")
def command(exercise_id: str | None, only_print: bool) -> None:
    """Open a Python prompt with your module and the arguments of the call that failed last.

    Without ID, takes the exercise that grade exercise would grade. The prompt runs in your own Python, without the
    grader's sandbox and limits.
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
    sys.path += map(str, exercise.folder.parent.iterdir())  # the student's other exercises
    scope: dict[str, object] = {"__name__": "__console__"}
    scope |= _import(exercise.id, failing.file)
    exec(compile(ast.Module(setup, []), "<failing call>", "exec"), scope)
    module = sys.modules[exercise.id]
    scope[exercise.id] = getattr(module, exercise.id, module)  # a function of this name, which the setup has hidden
    names = ", ".join(name for name in scope if not name.startswith("__"))
    call = _WithoutModule(module, scope).visit(call)

    def reload() -> None:
        """Import your file again after a change."""
        scope.update(_import(exercise.id, failing.file))

    scope["reload"] = reload
    arguments = ": its arguments are set" if any(isinstance(each, ast.Assign) for each in setup) else ""
    say("", f"  {bold(exercise.id)}   the call that failed{arguments}", "")
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


class _WithoutModule(ast.NodeTransformer):
    """Replaces `module.name` by `name` where the scope of the prompt has the module's."""

    def __init__(self, module: types.ModuleType, scope: Mapping[str, object]):
        self._module, self._scope = module, scope

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """Return the name alone, or the attribute as it is."""
        self.generic_visit(node)
        own = vars(self._module).get(node.attr)
        is_short = own is not None and self._scope.get(node.attr) is own
        if is_short and isinstance(node.value, ast.Name) and node.value.id == self._module.__name__:
            return ast.Name(node.attr, node.ctx)
        return node


def _import(name: str, file: str) -> dict[str, object]:
    """Import the submission as the module `name`, and return the module and what it defines, by name.

    A function with the module's name hides it. Exceptions are not caught: the student wants to see them.
    """
    if not Path(file).is_file():
        raise UsageError(f"{shown(Path(file))} no longer exists; run grade exercise {name} again.")
    text = read_submission(Path(file), name).text
    module = sys.modules[name] = types.ModuleType(name)
    module.__file__ = file
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file  # for tracebacks into notebooks
    sys.path.insert(0, str(Path(file).parent))
    exec(compile(text, file, "exec"), vars(module))
    own = {key: value for key, value in vars(module).items() if getattr(value, "__module__", None) == name}
    return {name: module} | own
