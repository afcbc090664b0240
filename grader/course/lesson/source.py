"""The code of a part as one script, in which every line has the line number of the Markdown file."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.course.lesson.model import AnyBlock, Block, Code, Deep, Part, Predict, PrintedOutput
from grader.course.lesson.problem import Problem

MARK = "␞"  # printed on a separate line before every cell and at the end
_SEED = "__import__('torch').manual_seed({0}), __import__('random').seed({0}), __import__('numpy').random.seed({0})"
_PRINT_MARK = f"__import__('builtins').print({MARK!r})"


@dataclass
class CodeCell:
    """A block of code and its output. A missing output belongs after `last`, which is the code or its question."""

    code: Code
    output: PrintedOutput | None
    last: Block


def code_cells(part: Part) -> tuple[list[CodeCell], list[PrintedOutput]]:
    """Return the cells of a part in the order in which they run, and the outputs that belong to none.

    An output belongs to the code above it if both are in the same deep dive, or both in none.
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
    """Yield the syntax errors in the code of a part."""
    for cell in code_cells(part)[0]:
        try:
            ast.parse(cell.code.text)
        except SyntaxError as error:
            yield Problem(part.path, cell.code.line + (error.lineno or 1), f"SyntaxError: {error.msg}.")
        except ValueError as error:  # a null character
            yield Problem(part.path, cell.code.line, f"this is not Python: {error}.")


def source(part: Part, seed: int) -> str:
    """Return the script. Its first line, which is front matter in the file, seeds torch, numpy and random."""
    lines = [_SEED.format(seed)]
    for cell in code_cells(part)[0]:
        lines += [""] * (cell.code.line - 1 - len(lines))
        lines += [_PRINT_MARK, *cell.code.text.split("\n")]
    return "\n".join([*lines, _PRINT_MARK, ""])


def printed_by_cell(output: str) -> list[str]:
    """Return what every cell printed that ran to its end, by splitting the output at the marks."""
    return [strip_trailing(text) for text in output.split(f"{MARK}\n")[1:-1]]


def strip_trailing(text: str) -> str:
    """Strip spaces at the ends of lines, and empty lines at the end."""
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n")
