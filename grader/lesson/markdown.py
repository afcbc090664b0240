"""The Markdown of lessons: CommonMark with tables, formulas between dollars, and containers for deep dives."""

from functools import cache

from markdown_it import MarkdownIt
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
