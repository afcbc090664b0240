"""Writes a part of a lesson as a notebook: text, code, pictures, and exercises that are graded in place.

A question is above the cell whose output it is about, and its answer is folded below. Outputs that a question hides are
in the fold; all others are stored with their cells. The module of an earlier part is written to a file by a cell above
the first one that imports it.
"""

import base64
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import nbformat
from nbformat import v4

from grader.base.files import read_text
from grader.course import Course, load_exercise
from grader.course.lesson.model import (
    AnyBlock,
    Code,
    Deep,
    ExerciseDue,
    Figure,
    LabDue,
    Listing,
    Part,
    Predict,
    PrintedOutput,
    Prose,
    flatten,
)
from grader.course.lesson.modules import imported_names, modules_before, parts_with_modules
from grader.course.lesson.pictures import load_picture
from grader.course.load import exercise_ids
from grader.show.markdown import fenced
from grader.show.pictures.graphics import PNG_DENSITY, png
from grader.study.notebook.colab import GitHubFile
from grader.study.notebook.statement import statement_in_notebook

_NEEDS = """\
Text, code and pictures need nothing but PyTorch. The cells that begin with `%%grade` need the course, too: open the
notebook in the course's folder, with a Jupyter that was installed together with the course."""
_NEEDS_ON_GITHUB = """\
Text, code and pictures need nothing but PyTorch. The cells that begin with `%%grade` need the course, too. In Colab the
next cell installs it. Anywhere else, open the notebook in the course's folder, with a Jupyter that was installed
together with the course."""
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
}


def notebook_of(course: Course, part: Part, published: GitHubFile | None = None) -> str:
    """Return the text of the .ipynb file. The same part gives the same text.

    An exercise has its statement and a cell with the student's current file. A notebook that will be `published` has a
    badge that opens it in Colab. Raises UsageError if a file that the part refers to is missing or malformed.
    """
    made = v4.new_notebook(metadata=_METADATA)
    made.cells = _NotebookWriter(course, part, published).cells()
    for number, cell in enumerate(made.cells, start=1):
        cell.id = f"cell-{number}"
    nbformat.validate(made)
    return str(nbformat.writes(made))


class _NotebookWriter:
    """Builds the cells of one part."""

    def __init__(self, course: Course, part: Part, published: GitHubFile | None):
        self._course = course
        self._part = part
        self._published = published
        self._cells: list[Any] = []
        self._last_code: int | None = None  # index of the cell with the lesson's last code
        self._has_magic = False  # whether a cell loads the magic
        self._modules = modules_before(part, parts_with_modules(course))  # that no cell has written yet

    def cells(self) -> list[Any]:
        """Return a cell with the title, then the cells of all blocks."""
        part, published = self._part, self._published
        where = f"{self._course.title}, lesson {part.lesson}, part {part.number}; about {_minutes(part.minutes)}"
        grades = any(isinstance(block, ExerciseDue) for block in flatten(part.blocks))
        needs = "" if not grades else _NEEDS_ON_GITHUB if published else _NEEDS
        self._markdown(_paragraphs(published.badge if published else "", f"# {part.title}", f"{where}.", needs))
        if published and grades:
            self._code(published.installation)
        self._blocks(part.blocks)
        return self._cells

    def _blocks(self, blocks: Sequence[AnyBlock]) -> None:
        rest = list(blocks)
        while rest:
            block = rest.pop(0)
            if isinstance(block, Predict):
                hidden = list(_hidden_by(block, rest))
                self._question(block, hidden)
                del rest[: len(hidden)]
            else:
                self._block(block)

    def _block(self, block: AnyBlock) -> None:
        match block:
            case Prose(text=text):
                self._markdown(text)
            case Code(text=text):
                for name in sorted(imported_names(text) & self._modules.keys()):
                    self._code(f"%%writefile {name}.py\n{self._modules.pop(name)}")
                self._last_code = len(self._cells)
                self._code(text)
            case Listing(language=language, text=text):
                self._markdown(fenced(text, language))
            case PrintedOutput(after=None):
                self._output(block)
            case Figure(after=None):
                self._markdown(self._figure(block))
            case PrintedOutput() | Figure():  # its question is outside of the deep dive
                self._markdown(_folded("Once you have an answer", self._hidden(block)))
            case ExerciseDue():
                self._exercise(block)
            case LabDue(lab=lab, text=text):
                self._markdown(_paragraphs(f"**Lab:** `grade lab {lab}`, in a terminal.", text))
            case Deep():
                self._deep_dive(block)

    def _deep_dive(self, deep: Deep) -> None:
        period = "" if deep.title.endswith(("?", ".")) else "."
        self._markdown(f"---\n\n**Deep dive: {deep.title}{period}** You can skip it, down to the next line.")
        self._blocks(deep.blocks)
        self._markdown("---\n\n*End of the deep dive.*")

    def _markdown(self, text: str) -> None:
        self._cells.append(v4.new_markdown_cell(text))

    def _code(self, text: str) -> None:
        self._cells.append(v4.new_code_cell(text))

    def _output(self, output: PrintedOutput) -> None:
        """Store an output with the cell that prints it, as if the cell had run."""
        if self._cells[-1].cell_type != "code":
            self._markdown(fenced(output.text))
            return
        stream = v4.new_output("stream", name="stdout", text=output.text + "\n")
        self._cells[-1].outputs.append(stream)

    def _question(self, question: Predict, hidden: Sequence[PrintedOutput | Figure]) -> None:
        ask = _paragraphs(question.ask, "\n".join(f"- {option}" for option in question.options))
        fold = _folded("Answer", f"**{question.answer}**", question.because, *map(self._hidden, hidden))
        place = self._last_code
        if place is None or not any(isinstance(each, PrintedOutput) for each in hidden):
            self._markdown(_paragraphs(ask, fold))
            return
        code = self._cells.pop(place)
        self._markdown(f"**Before you run the next cell:** {ask}")
        self._last_code = len(self._cells)
        self._cells.append(code)
        self._markdown(fold)

    def _hidden(self, block: PrintedOutput | Figure) -> str:
        return fenced(block.text) if isinstance(block, PrintedOutput) else self._figure(block)

    def _figure(self, figure: Figure) -> str:
        """Return a figure with its picture as a PNG in a data URL.

        Colab shows neither SVG in Markdown nor attachments of cells. The element is HTML because Markdown has no width.
        """
        picture = load_picture((self._course.root / self._part.path).parent, figure.name)
        data = png(picture)
        # A PNG begins with a signature, the head of a chunk, and the width.
        width = int.from_bytes(data[16:20]) // PNG_DENSITY
        encoded = base64.b64encode(data).decode()
        image = f'<p><img alt="{escape(picture.title)}" width="{width}" src="data:image/png;base64,{encoded}"></p>'
        return _paragraphs(image, figure.numbered_caption)

    def _exercise(self, due: ExerciseDue) -> None:
        if self._course.released and due.exercise not in exercise_ids(self._course.root):
            self._markdown(_paragraphs(f"**Exercise:** `{due.exercise}`, which is not in this edition.", due.text))
            return
        exercise = load_exercise(self._course.root, due.exercise)
        head = f"**Exercise:** {exercise.title}, about {_minutes(exercise.minutes)}."
        self._markdown(_paragraphs(head, due.text))
        if exercise.statement.is_file():
            self._markdown(statement_in_notebook(read_text(exercise.statement)))
            self._markdown(f"Write it in the next cell, which takes the place of `{exercise.id}.py`.")
        if not self._has_magic:
            self._code("%load_ext grader.study.notebook")
            self._has_magic = True
        self._code(f"%%grade {exercise.id}\n{read_text(exercise.stub)}".rstrip("\n"))


def _hidden_by(question: Predict, following: Sequence[AnyBlock]) -> Iterator[PrintedOutput | Figure]:
    """Yield the blocks right after a question that stay hidden until it is answered."""
    for block in following:
        if not isinstance(block, PrintedOutput | Figure) or block.after != question.id:
            return
        yield block


def _folded(summary: str, *texts: str) -> str:
    return _paragraphs(f"<details>\n<summary>{summary}</summary>", *texts, "</details>")


def _paragraphs(*paragraphs: str) -> str:
    return "\n\n".join(each.strip("\n") for each in paragraphs if each)


def _minutes(count: int) -> str:
    return f"{count} minute{'' if count == 1 else 's'}"
