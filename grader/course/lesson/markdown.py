"""The Markdown of lessons: CommonMark with tables, formulas between dollars, and containers for deep dives."""

from collections.abc import Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

DEEP = "deep"


@cache
def parser() -> MarkdownIt:
    """The parser of all lessons. Its tokens are `math_inline` and `math_block` for formulas, which it leaves as TeX."""
    markdown = MarkdownIt("commonmark").enable("table")
    dollarmath_plugin(markdown, allow_space=False, double_inline=True)
    container_plugin(markdown, DEEP)
    return markdown


def closing(tokens: Sequence[Token], place: int) -> int:
    """The place of the token that closes what is opened at `place`, or that place itself."""
    depth = 0
    for end in range(place, len(tokens)):
        depth += tokens[end].nesting
        if depth == 0:
            return end
    raise AssertionError("markdown-it closes what it opens")
