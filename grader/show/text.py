"""Text as lines on a terminal: wrapped words, code, and the small subset of Markdown that questions use.

`grader.study.reader.markdown` renders the Markdown of lessons. Questions do not use it, because importing its parser
takes a third of the time to the first question of a quiz.
"""

import re
from collections.abc import Callable, Sequence

from grader.show.layout import BLANK, Line, Span, Style, cells, count_fitting, dim, line

NO_BREAK = "\u00a0"
SPACES = " \t\n\r\f\v"
_PIECES = re.compile(rf"[{SPACES}]+|[^{SPACES}]+")
_ITEM = re.compile(r"(\s*)([-*+]|\d+[.)]) +(.*)")
_FENCE = re.compile(r"\s*(```|~~~)")
INLINE = re.compile(
    r"(`+)(?P<code>.+?)\1|\*\*(?P<strong>.+?)\*\*|(?<![\w*])\*(?P<em>[^*\s](?:[^*]*[^*\s])?)\*(?![\w*])"
)


def markdown_lines(text: str, width: int, indent: int = 0) -> list[Line]:
    """Return the lines of a text, each indented by `indent` spaces and at most `width` cells wide."""
    lines: list[Line] = []
    paragraph: list[str] = []
    margin = " " * indent
    room = width - indent

    def flush() -> None:
        if paragraph:
            lines.extend(wrap_spans(parse_inline(" ".join(paragraph)), room, margin))
            paragraph.clear()

    fenced = False
    for raw in text.strip("\n").split("\n"):
        if _FENCE.match(raw):
            flush()
            fenced = not fenced
        elif fenced:
            lines += wrap_code(raw, room, margin + "  ")
        elif not raw.strip():
            flush()
            if lines and lines[-1] != BLANK:
                lines.append(BLANK)
        elif item := _ITEM.fullmatch(raw):
            flush()
            head = f"{item[1]}{item[2] if item[2][0].isdigit() else '-'} "
            lines += wrap_spans(parse_inline(item[3]), room, margin, head)
        else:
            paragraph.append(raw.strip())
    flush()
    return lines


def code_block(code: str, width: int, indent: int = 2) -> list[Line]:
    """Return code with line numbers."""
    return [each for row in code_rows(code, width, lambda _: line(" " * indent)) for each in row]


def code_rows(code: str, width: int, head: Callable[[int], Line]) -> list[list[Line]]:
    """Return each line of code as the screen lines it takes, with `head(i)` before the number of line i (from 0)."""
    rows = code.rstrip("\n").split("\n")
    wide = len(str(len(rows)))
    drawn = []
    for i, row in enumerate(rows):
        start = line(head(i), dim(f"{i + 1:>{wide}}"), "  ")
        margin = " " * sum(cells(span.text) for span in start)
        first, *rest = wrap_code(row, width - len(margin), "")
        drawn.append([line(start, first), *(line(margin, each) for each in rest)])
    return drawn


def wrap_code(row: str, room: int, margin: str) -> list[Line]:
    """Break a line of code at a space or bracket where possible; continuation lines are indented further."""
    parts = []
    rest = row.rstrip()
    start = rest[: min(len(rest) - len(rest.lstrip()), room // 2)]
    while cells(rest) > room > 8:
        end = max(count_fitting(rest, room), 1)
        end = max(rest.rfind(sign, room // 2, end) + 1 for sign in " ,([") or end
        parts.append(line(margin + rest[:end].rstrip()))
        rest = f"{start}    {rest[end:].lstrip()}"
    return [*parts, line(margin + rest)]


def parse_inline(text: str) -> Line:
    """Return the text without its Markdown: code and strong text in bold."""
    found: list[Span] = []
    end = 0
    for match in INLINE.finditer(text):
        found.append(Span(text[end : match.start()]))
        if match["em"] is not None:
            found.append(Span(match["em"]))
        else:
            found.append(Span((match["code"] or match["strong"]).strip(), "bold"))
        end = match.end()
    return tuple(span for span in (*found, Span(text[end:])) if span.text)


def wrap_spans(of: Line, room: int, margin: str = "", head: str = "") -> list[Line]:
    """Wrap spans into lines of at most `room` cells, the first after `head`, the others indented as far."""
    room = max(room - cells(head), 8)
    lines: list[list[Span]] = [[]]
    used = 0
    for word in split_words(of):
        size = sum(cells(span.text) for span in word)
        if used and used + 1 + size > room:
            lines.append([])
            used = 0
        if used:
            lines[-1].append(Span(" "))
            used += 1
        for text, style in word:
            while cells(text) > room - used:  # break a word that is longer than a line
                end = max(count_fitting(text, room - used), 1)
                lines[-1].append(Span(text[:end], style))
                text = text[end:]
                lines.append([])
                used = 0
            lines[-1].append(Span(text, style))
            used += cells(text)
    heads = [head, *[" " * cells(head)] * (len(lines) - 1)]
    return [line(margin + start, tuple(each)) for start, each in zip(heads, lines, strict=True)]


def with_head(head: Line, text: Line, width: int) -> list[Line]:
    """Wrap text after a head; further lines are indented as far."""
    start = sum(cells(span.text) for span in head)
    first, *rest = wrap_spans(text, width - start) or [BLANK]
    return [line(head, first), *(line(" " * start, each) for each in rest)]


def numbered_lines(texts: Sequence[str], width: int) -> list[Line]:
    """Return texts, each after its number."""
    return [
        each
        for i, text in enumerate(texts, start=1)
        for each in with_head(line(f"      {i}  "), parse_inline(text), width)
    ]


def split_words(of: Line) -> list[list[Span]]:
    """Return the words, each with one span per style. Words joined by NO_BREAK count as one."""
    found: list[list[Span]] = [[]]
    for text, style in of:
        for piece in _PIECES.findall(text):
            if piece[0] in SPACES:
                found.append([])
            else:
                found[-1].append(Span(piece.replace(NO_BREAK, " "), style))
    return [word for word in found if word]


def styled_lines(text: str, style: Style, width: int, indent: int) -> list[Line]:
    """Wrap sentences in one style."""
    return wrap_spans((Span(text, style),), width - indent, " " * indent)
