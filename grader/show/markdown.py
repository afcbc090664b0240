"""Text as Markdown."""

import re


def fenced(text: str, language: str = "text") -> str:
    """Return a fenced code block that no line of the text can end."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{fence}{language}\n{text}\n{fence}"
