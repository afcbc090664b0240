"""Text as lines on a terminal: words wrapped, code with its columns, and the little Markdown that questions have.

The Markdown of lessons is `grader.study.reader.markdown`. A question must not wait for it: to import a whole parser
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
    """The lines of a text, each of at most `width` cells with `indent` spaces before it."""
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
    """Code with the numbers of its lines."""
    return [each for row in code_rows(code, width, lambda _: line(" " * indent)) for each in row]


def code_rows(code: str, width: int, head: Callable[[int], Line]) -> list[list[Line]]:
    """Each row of code as the lines that it takes: before its number stands the head for its place, from 0."""
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
    """A line of code, broken where it is too long, at a space or bracket if it has one, and continued further in."""
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
    """Text without its marks: code and strong in bold."""
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
    """Spans in lines of at most `room` cells, the first after `head` and the others as far in."""
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
            while cells(text) > room - used:  # a word longer than a line
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
    """Text after a head, its further lines as far in."""
    start = sum(cells(span.text) for span in head)
    first, *rest = wrap_spans(text, width - start) or [BLANK]
    return [line(head, first), *(line(" " * start, each) for each in rest)]


def numbered_lines(texts: Sequence[str], width: int) -> list[Line]:
    """Texts, each after its digit."""
    return [
        each
        for i, text in enumerate(texts, start=1)
        for each in with_head(line(f"      {i}  "), parse_inline(text), width)
    ]


def split_words(of: Line) -> list[list[Span]]:
    """The words, each in as many spans as it has styles. What NO_BREAK joins is one word."""
    found: list[list[Span]] = [[]]
    for text, style in of:
        for piece in _PIECES.findall(text):
            if piece[0] in SPACES:
                found.append([])
            else:
                found[-1].append(Span(piece.replace(NO_BREAK, " "), style))
    return [word for word in found if word]


def styled_lines(text: str, style: Style, width: int, indent: int) -> list[Line]:
    """Sentences in one style."""
    return wrap_spans((Span(text, style),), width - indent, " " * indent)
