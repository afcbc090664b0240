"""Check the statement of an exercise: what a terminal shows of it fits, and its formulas can be read."""

from collections.abc import Iterator

from grader.course.lesson.check import COLUMNS
from grader.course.lesson.markdown import parser
from grader.show.layout import cells
from grader.show.tex import tex_to_text

FORMULA_COLUMNS = COLUMNS - 6  # a formula is indented


def statement_problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and a sentence for each thing in a statement that a terminal cannot show well."""
    for token in parser().parse(text):
        first = token.map[0] + 1 if token.map else 1
        match token.type:
            case "fence" | "code_block":
                start = first + (token.type == "fence")
                for line, row in enumerate(token.content.rstrip("\n").split("\n"), start):
                    if cells(row) > COLUMNS:
                        yield line, f"this line has {cells(row)} columns; {COLUMNS} fit a terminal."
            case "math_block" | "math_block_label":
                for row in tex_to_text(token.content).split("\n"):
                    if cells(row) > FORMULA_COLUMNS:
                        what = f"this formula has {cells(row)} columns in a terminal; {FORMULA_COLUMNS} fit: {row}"
                        yield first, what
                yield from _unreadable(token.content, first)
            case "inline":
                for inner in token.children or ():
                    if inner.type.startswith("math_inline"):
                        yield from _unreadable(inner.content, first)


def _unreadable(tex: str, line: int) -> Iterator[tuple[int, str]]:
    """Yield a problem if a formula would be shown in a terminal as the TeX that it is written in."""
    if "\\" in tex_to_text(tex):
        yield line, f"a terminal cannot show the formula {tex.strip()}; use simpler TeX."
