"""The cell magic `%%grade ID`: grades the cell, shows the result, and then runs the cell in the kernel."""

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
from grader.base.result import Outcome
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


@click.command("%%grade", add_help_option=False)
@click.argument("exercise_id", metavar="ID")
@click.argument("test", metavar="[TEST]", nargs=-1)
@click.option("--course", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--timeout", metavar="S", type=click.FloatRange(min=0.1, max=3600))
@click.option("--full", is_flag=True)
def _parse_line(**options: Any) -> dict[str, Any]:
    return options


class GradeMagic:
    """The `%%grade` magic of one kernel."""

    def __init__(self, shell: InteractiveShell):
        self._shell = shell
        self._session = NotebookSession()

    def register(self) -> None:
        """Register `%%grade`."""
        atexit.register(self._session.close)
        self._shell.register_magic_function(self.grade, "cell", "grade")  # type: ignore[arg-type]

    def grade(self, line: str, cell: str) -> None:
        """Grade the cell as exercise ID in a separate process, then run it here.

        %%grade ID [TEST] [--course DIR] [--timeout S] [--full]

        TEST is part of the name of a test, which is then explained in depth. Without --course, the course is the
        nearest course.yaml in the working directory or above.
        """
        try:
            graded = self._graded(line, cell)
        except KeyboardInterrupt:
            raise MagicUsageError("Interrupted; nothing was graded.") from None
        except UsageError as error:
            raise MagicUsageError(str(error)) from None
        display(mime_bundle(graded.screen_lines), raw=True)  # type: ignore[no-untyped-call]
        if graded.result.outcome in (Outcome.GRADED, Outcome.NOT_STARTED):  # otherwise it would fail or hang here too
            sys.path += [folder for folder in map(str, graded.imports) if folder not in sys.path]
            self._shell.run_cell(cell, store_history=False)  # type: ignore[no-untyped-call]
            self._make_importable(graded)

    def _graded(self, line: str, cell: str) -> GradedCell:
        try:
            options = _parse_line.main(shlex.split(line), prog_name="%%grade", standalone_mode=False)
        except click.ClickException as error:
            raise UsageError(f"{error.format_message().rstrip('.')}: %%grade ID [TEST] [--course DIR].") from None
        except ValueError as error:  # unbalanced quotes
            raise UsageError(f"{error}: %%grade ID [TEST] [--course DIR].") from None
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


def mime_bundle(lines: list[Line]) -> dict[str, str]:
    """Return a screen as HTML and as plain text, by MIME type."""
    text = "".join(paint(line, COLUMNS, color=False) + "\n" for line in lines)
    html = f'<div class="archgrade"><style>{STYLE}</style>{pre_element(lines)}</div>'
    return {"text/plain": text.rstrip("\n"), "text/html": html}
