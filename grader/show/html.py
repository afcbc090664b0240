"""Lines and paragraphs of a screen as HTML."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from grader.base.text import clean
from grader.show.layout import Line, Paragraph, Piece, Span


def pre_element(lines: Sequence[Line]) -> str:
    """Return the lines as a `pre` element, the style of each span as its class; the text is escaped and harmless."""
    body = "".join("".join(map(_span, line)) + "\n" for line in lines)
    return f'<pre tabindex="0">{body}</pre>'


def _span(span: Span) -> str:
    text = escape(clean(span.text))
    return f'<span class="{span.style}">{text}</span>' if span.style else text


def html_body(pieces: Sequence[Piece]) -> str:
    """Return paragraphs as `p` elements, and the drawn lines between them as `pre` elements."""
    parts = []
    for drawn, group in groupby(pieces, key=lambda piece: not isinstance(piece, Paragraph)):
        if drawn:
            lines = _trimmed([piece for piece in group if not isinstance(piece, Paragraph)])
            parts += [pre_element(lines)] if lines else []
        else:
            parts += [_paragraph(piece) for piece in group if isinstance(piece, Paragraph)]
    return "\n".join(parts)


def _trimmed(lines: list[Line]) -> list[Line]:
    """Return the lines without blank lines at both ends and without their common margin."""
    full = [i for i, line in enumerate(lines) if line]
    kept = lines[full[0] : full[-1] + 1] if full else []
    texts = ["".join(span.text for span in line) for line in kept]
    margin = min((len(text) - len(text.lstrip(" ")) for text in texts if text.strip()), default=0)
    return [_moved(line, margin) for line in kept]


def _moved(line: Line, margin: int) -> Line:
    """Return the line without its first `margin` characters."""
    spans = []
    for span in line:
        spans.append(Span(span.text[margin:], span.style))
        margin = max(margin - len(span.text), 0)
    return tuple(spans)


def _paragraph(prose: Paragraph) -> str:
    style = f' class="{prose.style}"' if prose.style else ""
    colon = ": " if prose.text else ""
    label = f"<strong>{escape(clean(prose.label))}</strong>{colon}" if prose.label else ""
    return f"<p{style}>{label}{escape(clean(prose.text))}</p>"
