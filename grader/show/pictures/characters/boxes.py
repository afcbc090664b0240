"""Boxes and arrows, or the arrows in words if no layout is narrow enough."""

from grader.pictures import Boxes
from grader.show.layout import cells
from grader.show.pictures.arrow_labels import arrows_in_words
from grader.show.pictures.arrow_routes import BoxFrame, Cell, Route, share_an_end
from grader.show.pictures.box_layout import BoxLayout, lay_out_boxes
from grader.show.pictures.characters.blocks import flow_items
from grader.show.pictures.characters.symbols import HEADS

UP, RIGHT, DOWN, LEFT = 1, 2, 4, 8
BITS = {(0, -1): UP, (1, 0): RIGHT, (0, 1): DOWN, (-1, 0): LEFT}
MARKS = {
    UP | DOWN: "│", LEFT | RIGHT: "─", DOWN | RIGHT: "┌", DOWN | LEFT: "┐", UP | RIGHT: "└", UP | LEFT: "┘",
    UP | DOWN | RIGHT: "├", UP | DOWN | LEFT: "┤", LEFT | RIGHT | DOWN: "┬", LEFT | RIGHT | UP: "┴",
    UP | RIGHT | DOWN | LEFT: "┼",
}  # fmt: skip


def box_lines(picture: Boxes, width: int) -> list[str]:
    """Return the lines of boxes and arrows."""
    layout = lay_out_boxes(picture, width)
    if layout is None:
        return [line for sentence in arrows_in_words(picture) for line in flow_items([sentence], width)]
    return [*_lines(layout), *flow_items(layout.key, width)]


def _lines(layout: BoxLayout) -> list[str]:
    marks: dict[Cell, str] = {}
    for frame in layout.frames:
        marks |= _frame(frame)
    marks |= _arrows(layout.routes, marks)
    skipped: set[Cell] = set()
    for text in layout.texts:
        first, *rest = text.cells()
        marks[first] = text.text
        skipped.update(rest)
        on_a_way = [(text.at[0] - 1, text.at[1]), (text.at[0] + cells(text.text), text.at[1])]
        marks |= {cell: " " for cell in on_a_way if marks.get(cell) == "─"}
    lines = (
        "".join(marks.get((x, y), " ") for x in range(layout.width) if (x, y) not in skipped)
        for y in range(layout.height)
    )
    return [line.rstrip() for line in lines]


def _frame(frame: BoxFrame) -> dict[Cell, str]:
    marks: dict[Cell, str] = {}
    for x in range(frame.left, frame.right + 1):
        marks |= {(x, frame.top): "─", (x, frame.bottom): "─"}
    for y in range(frame.top, frame.bottom + 1):
        marks |= {(frame.left, y): "│", (frame.right, y): "│"}
    corners = ((frame.left, frame.top, "┌"), (frame.right, frame.top, "┐"), (frame.left, frame.bottom, "└"))
    return marks | {(x, y): mark for x, y, mark in (*corners, (frame.right, frame.bottom, "┘"))}


def _arrows(routes: tuple[Route, ...], frames: dict[Cell, str]) -> dict[Cell, str]:
    """Return the characters of all arrows, and of the borders where they begin."""
    bits: dict[Cell, int] = {}
    users: dict[Cell, list[Route]] = {}
    marks: dict[Cell, str] = {}
    for route in routes:
        for before, at, after in zip(route.cells, route.cells[1:], route.cells[2:], strict=False):
            bits[at] = (
                bits.get(at, 0) | BITS[before[0] - at[0], before[1] - at[1]] | BITS[after[0] - at[0], after[1] - at[1]]
            )
            users.setdefault(at, []).append(route)
        start, first, last, end = route.cells[0], route.cells[1], route.cells[-2], route.cells[-1]
        marks[last] = HEADS[end[0] - last[0], end[1] - last[1]]
        out = BITS[first[0] - start[0], first[1] - start[1]]
        marks[start] = MARKS[out | (LEFT | RIGHT if frames[start] in "─┴┬" else UP | DOWN)]
    for at, mask in bits.items():
        strangers = not all(share_an_end(users[at][0].arrow, other.arrow) for other in users[at])
        marks.setdefault(at, "│" if strangers else MARKS[mask])
    return marks
