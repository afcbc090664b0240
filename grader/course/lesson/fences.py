"""The lines of fences in a Markdown file, counted from 1."""

from collections.abc import Iterator

from grader.course.lesson.markdown import DEEP, parser


def fences(text: str) -> dict[int, int]:
    """Return the first and the last line of every fence, nested ones included."""
    return {token.map[0] + 1: token.map[1] for token in parser().parse(text) if token.type == "fence" and token.map}


def unclosed(text: str) -> Iterator[tuple[int, str]]:
    """Yield the first line of every fence or deep dive that is not closed, with a sentence."""
    lines = text.split("\n")
    for token in parser().parse(text):
        if token.map is None:
            continue
        first, after = token.map
        if token.type == "fence" and (after - first < 2 or not lines[after - 1].strip(" >\r").endswith(token.markup)):
            yield first + 1, "this fence is not closed."
        if token.type == f"container_{DEEP}_open" and not "".join(lines[after : after + 1]).startswith(token.markup):
            yield first + 1, "this deep dive is not closed; close it with a line :::."
