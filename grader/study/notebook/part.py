"""A part of a lesson as a notebook: text, code that runs from top to bottom, and exercises that are graded in place.

Whatever waits for a question is folded away with its answer. Outputs that do not wait are stored with their cells.
"""

import base64
from collections.abc import Iterator, Sequence
from html import escape
from itertools import takewhile
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
from grader.course.lesson.pictures import load_picture
from grader.course.load import exercise_ids
from grader.show.graphics import svg
from grader.show.markdown import fenced

_NEEDS = """\
Text, code and pictures need nothing but PyTorch. The cells that begin with `%%grade` need the course, too. In a Jupyter
that was installed with the course it is there. Anywhere else, as in Colab, run this in a cell above, with the address
of the course's repository:

    !git clone ADDRESS course
    %cd course
    %pip install --quiet ."""
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
}


def notebook_of(course: Course, part: Part) -> str:
    """The text of the .ipynb file: the same part gives the same text.

    An exercise that is due has a cell with the student's file as it stands. UsageError where a file of the course that
    belongs to the part is missing or wrong.
    """
    made = v4.new_notebook(metadata=_METADATA)  # type: ignore[no-untyped-call]
    made.cells = _Maker(course, part).cells()
    for number, cell in enumerate(made.cells, start=1):
        cell.id = f"cell-{number}"
    nbformat.validate(made)
    return str(nbformat.writes(made))  # type: ignore[no-untyped-call]


class _Maker:
    """Makes cells of the blocks of one part."""

    def __init__(self, course: Course, part: Part):
        self._course = course
        self._part = part
        self._cells: list[Any] = []
        self._loaded = False  # the extension that grades

    def cells(self) -> list[Any]:
        """The title, then the cells of all blocks."""
        part = self._part
        where = f"{self._course.title}, lesson {part.lesson}, part {part.number}; about {_minutes(part.minutes)}"
        grades = any(isinstance(block, ExerciseDue) for block in flatten(part.blocks))
        self._markdown(_joined(f"# {part.title}", f"{where}.", _NEEDS if grades else ""))
        self._blocks(part.blocks)
        return self._cells

    def _blocks(self, blocks: Sequence[AnyBlock]) -> None:
        rest = iter(range(len(blocks)))
        for place in rest:
            match blocks[place]:
                case Prose(text=text):
                    self._markdown(text)
                case Code(text=text):
                    self._code(text)
                case Listing(language=language, text=text):
                    self._markdown(fenced(text, language))
                case Predict() as question:
                    waiting = list(_waiting(blocks[place + 1 :], question))
                    self._question(question, waiting)
                    for _ in waiting:
                        next(rest)
                case PrintedOutput(after=None) as output:
                    self._output(output)
                case Figure(after=None) as figure:
                    self._markdown(self._figure(figure))
                case PrintedOutput() | Figure() as hidden:  # its question stands outside of the deep dive
                    self._markdown(_folded("Once you have an answer", self._hidden(hidden)))
                case ExerciseDue() as due:
                    self._exercise(due)
                case LabDue(lab=lab, text=text):
                    self._markdown(_joined(f"**Lab:** `grade lab {lab}`, in a terminal.", text))
                case Deep(title=title, blocks=inner):
                    end = "" if title.endswith(("?", ".")) else "."
                    self._markdown(f"---\n\n**Deep dive: {title}{end}** You can pass over it, to the next line.")
                    self._blocks(inner)
                    self._markdown("---\n\n*Here the deep dive ends.*")

    def _markdown(self, text: str) -> None:
        self._cells.append(v4.new_markdown_cell(text))  # type: ignore[no-untyped-call]

    def _code(self, text: str) -> None:
        self._cells.append(v4.new_code_cell(text))  # type: ignore[no-untyped-call]

    def _output(self, output: PrintedOutput) -> None:
        """Stored with the cell that prints it, as if that had run."""
        if self._cells[-1].cell_type != "code":
            self._markdown(fenced(output.text))
            return
        stream = v4.new_output("stream", name="stdout", text=output.text + "\n")  # type: ignore[no-untyped-call]
        self._cells[-1].outputs.append(stream)

    def _question(self, question: Predict, waiting: Sequence[PrintedOutput | Figure]) -> None:
        options = "\n".join(f"- {option}" for option in question.options)
        when = "**Before you run the cell above:** " if any(isinstance(each, PrintedOutput) for each in waiting) else ""
        answer = f"**{question.answer}**"
        fold = _folded("Answer", answer, question.because, *map(self._hidden, waiting))
        self._markdown(_joined(f"{when}{question.ask}", options, fold))

    def _hidden(self, block: PrintedOutput | Figure) -> str:
        return fenced(block.text) if isinstance(block, PrintedOutput) else self._figure(block)

    def _figure(self, figure: Figure) -> str:
        """The picture within the text, so that it needs no other file, and its caption."""
        picture = load_picture((self._course.root / self._part.path).parent, figure.name)
        data = base64.b64encode(svg(picture, alone=True).encode()).decode()
        image = f'<img alt="{escape(picture.title)}" src="data:image/svg+xml;base64,{data}">'
        return _joined(image, figure.caption)

    def _exercise(self, due: ExerciseDue) -> None:
        if self._course.released and due.exercise not in exercise_ids(self._course.root):
            self._markdown(_joined(f"**Exercise:** `{due.exercise}`, which is not in this edition.", due.text))
            return
        exercise = load_exercise(self._course.root, due.exercise)
        head = f"**Exercise:** {exercise.title}, about {_minutes(exercise.minutes)}."
        statement = f"The statement: `exercises/{exercise.id}/README.md`." if exercise.statement.is_file() else ""
        self._markdown(_joined(head, due.text, statement))
        if not self._loaded:
            self._code("%load_ext grader.study.notebook")
            self._loaded = True
        self._code(f"%%grade {exercise.id}\n{read_text(exercise.stub)}".rstrip("\n"))


def _waiting(blocks: Sequence[AnyBlock], question: Predict) -> Iterator[PrintedOutput | Figure]:
    """The blocks at the beginning that stay hidden until the question is answered."""
    for block in takewhile(
        lambda block: isinstance(block, PrintedOutput | Figure) and block.after == question.id, blocks
    ):
        assert isinstance(block, PrintedOutput | Figure)
        yield block


def _folded(summary: str, *texts: str) -> str:
    return _joined(f"<details>\n<summary>{summary}</summary>", *texts, "</details>")


def _joined(*paragraphs: str) -> str:
    return "\n\n".join(each.strip("\n") for each in paragraphs if each)


def _minutes(count: int) -> str:
    return f"{count} minute{'' if count == 1 else 's'}"
