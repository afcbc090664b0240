"""The Markdown of lessons: CommonMark with tables, formulas between dollar signs, and deep dives as containers."""

from collections.abc import Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

DEEP = "deep"


@cache
def parser() -> MarkdownIt:
    """Return the parser of all lessons. Formulas are tokens `math_inline` and `math_block` with their TeX."""
    markdown = MarkdownIt("commonmark").enable("table")
    dollarmath_plugin(markdown, allow_space=False, double_inline=True)
    container_plugin(markdown, DEEP)
    return markdown


def closing(tokens: Sequence[Token], place: int) -> int:
    """Return the index of the token that closes the one at `place`, which may be the same."""
    depth = 0
    for end in range(place, len(tokens)):
        depth += tokens[end].nesting
        if depth == 0:
            return end
    raise AssertionError("markdown-it closes what it opens")
