"""Lines of a screen as HTML."""

from collections.abc import Sequence
from html import escape

from grader.clean import clean
from grader.report.layout import Line, Span


def pre(lines: Sequence[Line]) -> str:
    """The lines as an element `pre`, the style of each span as its class. Text is escaped, and hides nothing."""
    body = "".join("".join(map(_span, line)) + "\n" for line in lines)
    return f'<pre tabindex="0">{body}</pre>'


def _span(span: Span) -> str:
    text = escape(clean(span.text))
    return f'<span class="{span.style}">{text}</span>' if span.style else text
