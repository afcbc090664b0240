"""Runs cells in an IPython kernel, as Jupyter does."""

from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbformat import v4


def run(notebook: Any, folder: Path) -> list[Any]:
    """Run a notebook in a folder, and return its cells with their outputs, errors included."""
    NotebookClient(notebook, kernel_name="python3", allow_errors=True, timeout=600).execute(cwd=str(folder))
    return list(notebook.cells)


def run_cells(folder: Path, *sources: str) -> list[Any]:
    """Load the magic, run code cells, and return them."""
    cells = [v4.new_code_cell(source) for source in ("%load_ext grader.study.notebook", *sources)]
    return run(v4.new_notebook(cells=cells), folder)[1:]


def html(cell: Any) -> str:
    """Return the HTML that a graded cell displays."""
    (shown,) = [output.data for output in cell.outputs if output.output_type == "display_data"]
    return str(shown["text/html"])


def text(cell: Any) -> str:
    """Return everything that a cell displays or prints, as plain text."""
    return "".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def errors(cell: Any) -> list[str]:
    """Return the messages of the exceptions that a cell raised."""
    return [output.evalue for output in cell.outputs if output.output_type == "error"]
