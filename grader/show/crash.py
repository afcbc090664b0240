"""Where the student's code stopped: the exception or the timeout, the line, and its values."""

import re
from collections.abc import Sequence

from grader.base.result import Frame, NamedValue, Operand, Raised, Samples
from grader.show.layout import (
    Line,
    Page,
    Paragraph,
    Piece,
    Span,
    align_right,
    as_paragraph,
    cells,
    clip,
    cut,
    dim,
    flow,
    join_blocks,
    line,
    pad,
    with_label,
)
from grader.show.values import describe_value

CODE_INDENT = 4  # columns of common indentation to keep


def exception_pieces(raised: Raised, page: Page, placed: bool = False, cause: bool = True) -> list[Piece]:
    """Return the exception's message, then the innermost frame of the student's code; all frames on a full page.

    `placed`: the file and line are already on the screen. `cause`: no better cause is known than the message.
    """
    blocks: list[list[Piece]] = [[Paragraph(raised.message, style="bold" if cause else "", label=raised.type)]]
    if raised.frames:
        *outer, inner = raised.frames
        shown = outer[-page.callers :] if page.callers else []
        if page.full:
            blocks += [block for caller in shown for block in frame_blocks(caller, page)]
        else:
            blocks.append([called_from for caller in shown for called_from in _caller(caller, page)])
        blocks += frame_blocks(inner, page)[1:] if placed else frame_blocks(inner, page)
    return join_blocks(*blocks)


def hidden_frames_sentence(raised: Raised) -> str:
    """Return a sentence about the frames outside the student's code; empty if there are none."""
    if raised.hidden_frames == 1:
        return "1 frame outside your code is hidden."
    return f"{raised.hidden_frames} frames outside your code are hidden." if raised.hidden_frames else ""


def sample_pieces(seen: Samples, page: Page) -> list[Piece]:
    """Return where a call that timed out was sampled, and which of its locals never changed."""
    blocks = frame_blocks(seen.frame, page) if seen.frame else []
    if seen.unchanged:
        items = [_named(local, page) for local in seen.unchanged]
        which = dim(f"the same in all {seen.count} samples")
        blocks.append([*_indented(flow([*items, line(which)], page.width - 4), page.text)])
    return join_blocks(*blocks)


def frame_blocks(at: Frame, page: Page) -> list[list[Piece]]:
    """Return a frame as blocks: its location, its source with operands drawn below the line, and its locals."""
    drawn = {operand.expression for operand in at.operands}
    failing = next((source.text for source in at.source if source.number == at.line), "")
    in_line = set(re.findall(r"\w+", failing))
    others = [local for local in at.locals if local.name not in drawn]
    others.sort(key=lambda local: local.name not in in_line)  # names in the failing line come first
    items = _indented(flow([_named(local, page) for local in others], page.width - 4), page.locals)
    return [as_paragraph(frame_location(at)), [*source_lines(at, page)], [*items]]


def frame_location(at: Frame) -> str:
    """Return the file, line and function of a frame."""
    inside = f", in {at.function}" if at.function and at.function != "<module>" else ""
    return f"{at.file}, line {at.line}{inside}"


def source_lines(at: Frame, page: Page) -> list[Line]:
    """Return the lines around the failing one, which is marked, with the values of its operands below it."""
    shown = [s for s in at.source if abs(s.number - at.line) <= page.context]
    if not shown:
        return []
    digits = max(len(str(s.number)) for s in shown)
    gutter = 6 + digits + 1
    room = page.width - gutter
    margin = max(_common_indent([s.text for s in shown]) - CODE_INDENT, 0)
    lines = []
    for each in shown:
        text = each.text[margin:].rstrip()
        number = align_right(str(each.number), digits)
        if each.number != at.line:
            lines.append(line(dim(f"      {number} "), cut(text, room, page)))
            continue
        text, moved = (text, 0) if page.whole else _around(text, (at.column or 0) - margin, room)
        lines.append(line(Span("    ▸ ", "red"), f"{number} ", text))
        marks = [(o, o.column - margin + moved) for o in at.operands]
        if marks:
            lines += _operands(text, marks, gutter, page)
        elif at.column is not None:
            lines.append(_underline(text, at.column - margin + moved, (at.end_column or 0) - margin + moved, gutter))
    return lines


def _common_indent(texts: Sequence[str]) -> int:
    return min((len(text) - len(text.lstrip(" ")) for text in texts if text.strip()), default=0)


def _around(text: str, column: int, room: int) -> tuple[str, int]:
    """Return the part of a long line that holds `column`, and by how much its columns have moved."""
    if cells(text) <= room:
        return text, 0
    if cells(text[:column]) <= room * 2 // 3:
        return clip(text, room), 0
    first = max(column - room // 4, 0)
    return "..." + clip(text[first:], room - 3), 3 - first


def _underline(text: str, start: int, end: int, gutter: int) -> Line:
    start = max(min(start, len(text)), 0)
    under = max(cells(text[start : max(end, start)]), 1)
    return line(" " * (gutter + cells(text[:start])), Span("^" * under, "red"))


def _operands(text: str, marks: Sequence[tuple[Operand, int]], gutter: int, page: Page) -> list[Line]:
    """Draw each operand's value on a line of its own, tied to its column; list those that cannot be drawn."""
    dtypes = len({o.value.dtype for o, _ in marks if o.value.dtype}) > 1
    values: dict[int, str] = {}  # by the cell below which they are drawn
    listed = []
    for operand, column in marks:
        if 0 <= column < len(text) and cells(text[:column]) not in values:
            values[cells(text[:column])] = describe_value(operand.value, dtypes)
        else:
            listed.append(operand)
    start = max(values, default=0) + 9
    if gutter + start + max(map(cells, values.values()), default=0) > page.width:
        listed, values = [operand for operand, _ in marks], {}
    items = [_named(NamedValue(o.expression, o.value), page, dtypes) for o in listed]
    return [*_drawn(values, start, gutter), *_indented(flow(items, page.width - gutter), page.text, gutter)]


def _drawn(values: dict[int, str], start: int, gutter: int) -> list[Line]:
    """Draw a line from each cell to its value, which begins at the cell `start`; the last cell comes first."""
    lines = []
    for at in sorted(values, reverse=True):
        drawing = ""
        for column in sorted(column for column in values if column < at):
            drawing = pad(drawing, column) + "│"
        drawing = pad(drawing, at) + "└"
        drawing += "─" * (start - 2 - len(drawing))
        lines.append(line(" " * gutter, dim(drawing), "  ", values[at]))
    return lines


def _caller(at: Frame, page: Page) -> list[Line]:
    text = next((s.text.strip() for s in at.source if s.number == at.line), "")
    inside = f"in {at.function}, line {at.line}" if at.function and at.function != "<module>" else f"line {at.line}"
    return with_label("from", [line(cut(pad(inside, 24) + "  " + text, page.width - 15, page))])


def _named(named: NamedValue, page: Page, dtype: bool = False) -> Line:
    """Return `x [T=4, D=8]` for a tensor, `k = 2` for another value."""
    equals = " " if named.value.shape is not None else " = "
    return line(cut(named.name + equals + describe_value(named.value, dtype), page.width - 8, page))


def _indented(lines: Sequence[Line], most: int, indent: int = 4) -> list[Line]:
    return [line(" " * indent, each) for each in lines[:most]]
