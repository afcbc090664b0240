"""Where the fences of a part lie in its file. Lines count from 1."""

from collections.abc import Iterator

from grader.course.lesson.markdown import DEEP, parser


def fences(text: str) -> dict[int, int]:
    """The first and the last line of each fence, wherever it stands."""
    return {token.map[0] + 1: token.map[1] for token in parser().parse(text) if token.type == "fence" and token.map}


def unclosed(text: str) -> Iterator[tuple[int, str]]:
    """The lines on which a fence or a deep dive begins that nothing closes, and that in words."""
    lines = text.split("\n")
    for token in parser().parse(text):
        if token.map is None:
            continue
        first, after = token.map
        if token.type == "fence" and (after - first < 2 or not lines[after - 1].strip(" >\r").endswith(token.markup)):
            yield first + 1, "this fence is not closed."
        if token.type == f"container_{DEEP}_open" and not "".join(lines[after : after + 1]).startswith(token.markup):
            yield first + 1, "this deep dive is not closed: a line ::: does that."
