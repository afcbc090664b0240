"""Where the student's code stopped: the exception or the time limit, the line, and what stood in it."""

import re
from collections.abc import Sequence

from grader.base.result import Frame, NamedValue, Operand, Raised, Samples
from grader.show.layout import (
    Line,
    Page,
    Piece,
    Prose,
    Span,
    cells,
    clip,
    cut,
    dim,
    flow,
    labelled,
    line,
    pad,
    paragraphs,
    right,
    told,
)
from grader.show.values import describe

CODE_INDENT = 4  # columns of common indentation that are kept


def exception(raised: Raised, page: Page, placed: bool = False, cause: bool = True) -> list[Piece]:
    """The exception's own words, then the innermost frame of the student's; on a full page all frames.

    `placed`: the file and line stand on the screen already. `cause`: its words are all that is known of the cause.
    """
    blocks: list[list[Piece]] = [[Prose(raised.message, style="bold" if cause else "", label=raised.type)]]
    if raised.frames:
        *outer, inner = raised.frames
        shown = outer[-page.callers :] if page.callers else []
        if page.full:
            blocks += [block for caller in shown for block in frame(caller, page)]
        else:
            blocks.append([called_from for caller in shown for called_from in _caller(caller, page)])
        blocks += frame(inner, page)[1:] if placed else frame(inner, page)
    return paragraphs(*blocks)


def hidden(raised: Raised) -> str:
    """A sentence on the frames that are not the student's."""
    if raised.hidden_frames == 1:
        return "1 frame outside your code is hidden."
    return f"{raised.hidden_frames} frames outside your code are hidden." if raised.hidden_frames else ""


def samples(seen: Samples, page: Page) -> list[Piece]:
    """Where a call that did not end was seen, and which of its locals never changed."""
    blocks = frame(seen.frame, page) if seen.frame else []
    if seen.unchanged:
        items = [_named(local, page) for local in seen.unchanged]
        which = dim(f"the same in all {seen.count} samples")
        blocks.append([*_indented(flow([*items, line(which)], page.width - 4), page.text)])
    return paragraphs(*blocks)


def frame(at: Frame, page: Page) -> list[list[Piece]]:
    """A frame as blocks: its place, its source with the operands drawn under the line, and its locals."""
    drawn = {operand.expression for operand in at.operands}
    failing = next((source.text for source in at.source if source.number == at.line), "")
    in_line = set(re.findall(r"\w+", failing))
    others = [local for local in at.locals if local.name not in drawn]
    others.sort(key=lambda local: local.name not in in_line)  # what stands in the line comes first
    items = _indented(flow([_named(local, page) for local in others], page.width - 4), page.locals)
    return [told(place(at)), [*source(at, page)], [*items]]


def place(at: Frame) -> str:
    """Where a frame is: file, line and function."""
    inside = f", in {at.function}" if at.function and at.function != "<module>" else ""
    return f"{at.file}, line {at.line}{inside}"


def source(at: Frame, page: Page) -> list[Line]:
    """The lines around the failing one, which is marked, with the values of its operands drawn below it."""
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
        number = right(str(each.number), digits)
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
    """The part of a long line that holds `column`, and by how much its columns have moved."""
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
    """Each operand's value on a line of its own, tied to its column; what cannot be drawn is listed."""
    dtypes = len({o.value.dtype for o, _ in marks if o.value.dtype}) > 1
    columns: dict[int, Operand] = {}
    listed = []
    for operand, column in marks:
        if 0 <= column < len(text) and cells(text[:column]) not in columns:
            columns[cells(text[:column])] = operand
        else:
            listed.append(operand)
    label = max(columns, default=0) + 9
    if gutter + label + max((cells(describe(o.value, dtypes)) for o in columns.values()), default=0) > page.width:
        listed, columns = [operand for operand, _ in marks], {}

    ordered = sorted(columns)
    lines = []
    for i in range(len(ordered) - 1, -1, -1):
        drawing = ""
        for column in ordered[:i]:
            drawing = pad(drawing, column) + "│"
        drawing = pad(drawing, ordered[i]) + "└"
        drawing += "─" * (label - 2 - len(drawing))
        lines.append(line(" " * gutter, dim(drawing), "  ", describe(columns[ordered[i]].value, dtypes)))
    items = [_named(NamedValue(o.expression, o.value), page, dtypes) for o in listed]
    return lines + _indented(flow(items, page.width - gutter), page.text, gutter)


def _caller(at: Frame, page: Page) -> list[Line]:
    text = next((s.text.strip() for s in at.source if s.number == at.line), "")
    inside = f"in {at.function}, line {at.line}" if at.function and at.function != "<module>" else f"line {at.line}"
    return labelled("from", [line(cut(pad(inside, 24) + "  " + text, page.width - 15, page))])


def _named(named: NamedValue, page: Page, dtype: bool = False) -> Line:
    """`x [T=4, D=8]` for a tensor, `k = 2` for another value."""
    equals = " " if named.value.shape is not None else " = "
    return line(cut(named.name + equals + describe(named.value, dtype), page.width - 8, page))


def _indented(lines: Sequence[Line], most: int, indent: int = 4) -> list[Line]:
    return [line(" " * indent, each) for each in lines[:most]]
