"""The cell magic `%%grade ID`: grades the cell, shows the result, and runs the cell in the kernel if that is safe."""

import atexit
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from IPython.core.error import UsageError as MagicUsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from grader.base.errors import UsageError
from grader.course import find_course
from grader.course.stub import interface
from grader.show.html import pre_element
from grader.show.layout import COLUMNS, Line, paint
from grader.study.notebook.session import GradedCell, NotebookSession

# Medium colours that are readable on light and dark backgrounds.
STYLE = """
.archgrade pre {
  background: none; color: inherit; margin: 0; overflow-x: auto; white-space: pre;
  font: 0.85em/1.4 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
.archgrade .bold { font-weight: 700; }
.archgrade .dim { opacity: 0.65; }
.archgrade .green { color: #2e9e4f; }
.archgrade .red { color: #e0524a; }
"""


@click.command("%%grade")
@click.argument("exercise_id", metavar="ID")
@click.argument("test", metavar="[TEST]", nargs=-1)
@click.option(
    "--course", metavar="DIR", type=click.Path(path_type=Path), help="A course that is not in the working directory."
)
@click.option("--timeout", metavar="S", type=click.FloatRange(min=0.1, max=3600), help="Seconds for each test.")
@click.option("--full", is_flag=True, help="Explain every failing test.")
def _parse_line(**options: Any) -> dict[str, Any]:
    """Grade the code below this line as exercise ID; with TEST, explain the test whose name contains it.

    The cell then runs in this kernel, too, unless it could not be loaded, or a test ended it or ran into a limit.
    """
    return options


class GradeMagic:
    """The `%%grade` magic of one kernel."""

    def __init__(self, shell: InteractiveShell):
        self._shell = shell
        self._session = NotebookSession()

    def register(self) -> None:
        """Register `%%grade`."""
        self._shell.input_transformers_cleanup.insert(0, _with_body)
        atexit.register(self._session.close)
        self._shell.register_magic_function(self.grade, "cell", "grade")  # type: ignore[arg-type]

    def grade(self, line: str, cell: str) -> None:
        """Grade the cell as exercise ID in a separate process, then run it here; `%%grade --help` tells more."""
        try:
            options = _options(line)
            if options is None:
                return
            graded = self._graded(options, cell)
        except KeyboardInterrupt:
            raise MagicUsageError("Interrupted; nothing was graded.") from None
        except UsageError as error:
            raise MagicUsageError(str(error)) from None
        display(mime_bundle(graded.screen_lines), raw=True)  # type: ignore[no-untyped-call]
        if graded.runs:
            sys.path += [folder for folder in map(str, graded.imports) if folder not in sys.path]
            self._shell.run_cell(cell, store_history=False)  # type: ignore[no-untyped-call]
            self._make_importable(graded)

    def _graded(self, options: dict[str, Any], cell: str) -> GradedCell:
        if not cell.strip():
            name = options["exercise_id"]
            raise UsageError(f"This cell has no code below %%grade {name}; !grade read {name} shows what to write.")
        root = find_course(Path.cwd(), options["course"])
        where = f" --course {shlex.quote(str(options['course']))}" if options["course"] else ""
        first = f"%%grade {options['exercise_id']}{where}"
        return self._session.grade(
            root,
            options["exercise_id"],
            cell,
            first,
            test=" ".join(options["test"]),
            full=options["full"],
            seconds=options["timeout"],
        )

    def _make_importable(self, graded: GradedCell) -> None:
        """Make the exercise importable by name, for cells below and for code from `grade shell --print`."""
        module = ModuleType(graded.exercise.id)
        names = {each.name for each in interface(graded.source)}
        vars(module).update({name: value for name, value in self._shell.user_ns.items() if name in names})
        sys.modules[graded.exercise.id] = module


def _options(line: str) -> dict[str, Any] | None:
    """Return the options in the first line of a cell, or None if it asks for help, which is then on the screen."""
    try:
        options = _parse_line.main(shlex.split(line), prog_name="%%grade", standalone_mode=False)
    except click.ClickException as error:
        raise UsageError(f"{error.format_message().rstrip('.')}: %%grade ID [TEST] [--course DIR].") from None
    except ValueError as error:  # unbalanced quotes
        raise UsageError(f"{error}: %%grade ID [TEST] [--course DIR].") from None
    return options if isinstance(options, dict) else None


def _with_body(lines: list[str]) -> list[str]:
    """Give a cell without code an empty line, since IPython rejects it before the magic could show help."""
    return [*lines, "\n"] if len(lines) == 1 and lines[0].startswith("%%grade") else lines


def mime_bundle(lines: list[Line]) -> dict[str, str]:
    """Return a screen as HTML and as plain text, by MIME type."""
    text = "".join(paint(line, COLUMNS, color=False) + "\n" for line in lines)
    html = f'<div class="archgrade"><style>{STYLE}</style>{pre_element(lines)}</div>'
    return {"text/plain": text.rstrip("\n"), "text/html": html}
