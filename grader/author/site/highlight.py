"""Highlight code: Pygments assigns classes to tokens, and the style sheet has their colours for light and dark."""

from functools import cache
from html import escape

from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound


def code(text: str, language: str) -> str:
    """Return a block of code as HTML; code in an unknown language is not highlighted."""
    lexer = _lexer(language)
    inner = escape(text, quote=False) if lexer is None else highlight(text, lexer, _formatter()).rstrip("\n")
    return f'<pre class="code"><code>{inner}</code></pre>\n'


@cache
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False) if language and language != "text" else None
    except ClassNotFound:
        return None


@cache
def _formatter() -> "HtmlFormatter[str]":
    return HtmlFormatter(nowrap=True)
