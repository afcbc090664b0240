"""Notebooks: a part of a lesson as one, and the cell magic that grades an exercise in it.

    part       from a part of a lesson to the text of a notebook
    drawing    pictures of lessons as SVG
    desk       grades one cell after the other, with one warm process
    magic      `%%grade ID` in IPython

`%load_ext grader.study.notebook` makes the magic known.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """What IPython calls for `%load_ext grader.study.notebook`."""
    from grader.study.notebook.magic import Magic

    Magic(shell).register()
