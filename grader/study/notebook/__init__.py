"""Parts of lessons as notebooks, and the cell magic that grades an exercise in one.

    writer       write a part of a lesson as a notebook
    statement    the statement of an exercise, for a cell
    colab        a badge that opens the notebook in Colab, and a cell that installs the course there
    session      grade one cell after the other with one warm process
    magic        `%%grade ID` in IPython

`%load_ext grader.study.notebook` registers the magic.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Register the magic; IPython calls this for `%load_ext grader.study.notebook`."""
    from grader.study.notebook.magic import GradeMagic

    GradeMagic(shell).register()
