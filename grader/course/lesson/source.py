"""The code of a part as one text to run, with every line where it stands in the Markdown file."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.course.lesson.model import AnyBlock, Block, Code, Deep, Part, Predict, PrintedOutput
from grader.course.lesson.problem import Problem

MARK = "␞"  # printed on a line of its own before each block, and at the end
_SEED = "__import__('torch').manual_seed({0}), __import__('random').seed({0}), __import__('numpy').random.seed({0})"
_PRINT_MARK = f"__import__('builtins').print({MARK!r})"


@dataclass
class CodeCell:
    """A block of code and its output. An output that is missing belongs after `last`: the code, or its question."""

    code: Code
    output: PrintedOutput | None
    last: Block


def code_cells(part: Part) -> tuple[list[CodeCell], list[PrintedOutput]]:
    """The blocks of code of a part in the order in which they run, and the outputs that belong to none of them.

    An output belongs to the code above it; code and output stand both in one deep dive, or both outside.
    """
    strays: list[PrintedOutput] = []
    return list(_cells(part.blocks, strays)), strays


def _cells(blocks: Sequence[AnyBlock], strays: list[PrintedOutput]) -> Iterator[CodeCell]:
    cell: CodeCell | None = None
    above: AnyBlock | None = None
    for block in blocks:
        match block:
            case Code():
                cell = CodeCell(block, None, block)
                yield cell
            case PrintedOutput() if cell is not None and cell.output is None:
                cell.output = block
            case PrintedOutput():
                strays.append(block)
            case Predict() if cell is not None and above is cell.code:
                cell.last = block
            case Deep():
                yield from _cells(block.blocks, strays)
        above = block


def syntax_problems(part: Part) -> Iterator[Problem]:
    """The blocks of a part that are no Python."""
    for cell in code_cells(part)[0]:
        try:
            ast.parse(cell.code.text)
        except SyntaxError as error:
            yield Problem(part.path, cell.code.line + (error.lineno or 1), f"SyntaxError: {error.msg}.")
        except ValueError as error:  # a null character
            yield Problem(part.path, cell.code.line, f"this is no Python: {error}.")


def source(part: Part, seed: int) -> str:
    """The text to run. The first line, which is part of the title, seeds torch, numpy and random."""
    lines = [_SEED.format(seed)]
    for cell in code_cells(part)[0]:
        lines += [""] * (cell.code.line - 1 - len(lines))
        lines += [_PRINT_MARK, *cell.code.text.split("\n")]
    return "\n".join([*lines, _PRINT_MARK, ""])


def printed_by_cell(output: str) -> list[str]:
    """What each block printed that ran to its end: to the mark of the next."""
    return [strip_trailing(text) for text in output.split(f"{MARK}\n")[1:-1]]


def strip_trailing(text: str) -> str:
    """Without spaces at the ends of lines and empty lines at the end."""
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n")
