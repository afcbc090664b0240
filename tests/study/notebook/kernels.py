"""Cells run one after the other in a kernel of IPython, as Jupyter runs them."""

from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbformat import v4


def run(notebook: Any, folder: Path) -> list[Any]:
    """Runs a notebook in this folder, from top to bottom; returns its cells with their outputs. Errors stay in them."""
    NotebookClient(notebook, kernel_name="python3", allow_errors=True, timeout=600).execute(cwd=str(folder))
    return list(notebook.cells)


def run_cells(folder: Path, *sources: str) -> list[Any]:
    """Runs these code cells, after one that loads the magic; returns those given."""
    cells = [v4.new_code_cell(source) for source in ("%load_ext grader.study.notebook", *sources)]
    return run(v4.new_notebook(cells=cells), folder)[1:]


def html(cell: Any) -> str:
    """The result that a graded cell shows as HTML."""
    (shown,) = [output.data for output in cell.outputs if output.output_type == "display_data"]
    return str(shown["text/html"])


def text(cell: Any) -> str:
    """All that a cell shows or prints, as a console would have it."""
    return "".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def errors(cell: Any) -> list[str]:
    """The exceptions that a cell ended with, as a traceback shows them."""
    return [output.evalue for output in cell.outputs if output.output_type == "error"]
