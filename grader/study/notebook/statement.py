"""The statement of an exercise as Markdown for a cell of a notebook."""

import re

from grader.course.lesson.markdown import parser

_LOWER = "##"  # a statement's title becomes a heading of the third level, below a section of the lesson
_LINK_TO_FILE = re.compile(r"\[([^\[\]]+)\]\((?![a-z]+:)[^()\s]+\.md(?:#[^()\s]*)?\)")


def statement_in_notebook(text: str) -> str:
    """Return a statement with lower headings, and without links to files that a notebook does not come with."""
    lines = text.split("\n")
    for token in parser().parse(text):
        if token.type == "heading_open" and token.markup.startswith("#") and token.map:
            lines[token.map[0]] = _LOWER + lines[token.map[0]].lstrip()
    return _LINK_TO_FILE.sub(r"\1", "\n".join(lines))
