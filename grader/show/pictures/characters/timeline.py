"""Lanes over time: each stretch between brackets, with its label or a number for it."""

from grader.pictures import Lane, Timeline
from grader.show.layout import cells, pad
from grader.show.numbers import even_ticks, format_number, numbered
from grader.show.pictures.characters.blocks import block_width, center, flow_items, shorten_labels
from grader.show.pictures.characters.symbols import FULL, LONG


def timeline_lines(picture: Timeline, width: int) -> list[str]:
    """Return the lines of a timeline."""
    lanes, lane_key = shorten_labels([lane.label for lane in picture.lanes], width // 3)
    heads = block_width(lanes) + 1
    axis = _Axis(picture, width - heads)
    numbers: dict[str, int] = {}  # for labels that do not fit
    lines = [pad(label, heads) + axis.lane(lane, numbers) for label, lane in zip(lanes, picture.lanes, strict=True)]
    ruler = [" " * heads + line for line in axis.ruler(picture.unit)]
    return [*lines, *ruler, *flow_items(lane_key, width), *flow_items(numbered(list(numbers)), width)]


class _Axis:
    """The time axis, in cells."""

    def __init__(self, picture: Timeline, room: int) -> None:
        stretches = [stretch for lane in picture.lanes for stretch in lane.stretches]
        self.room = room
        self.start = min([0.0, *(stretch.start for stretch in stretches)])
        self.end = max(stretch.end for stretch in stretches)

    def cell(self, time: float) -> int:
        return round((time - self.start) / (self.end - self.start) * self.room)

    def lane(self, lane: Lane, numbers: dict[str, int]) -> str:
        line = [" "] * self.room
        for stretch in lane.stretches:
            begin = min(self.cell(stretch.start), self.room - 1)
            end = max(self.cell(stretch.end), begin + 1)
            while begin < end and line[begin] != " ":  # a short stretch before it takes a whole cell
                begin += 1
            text, length = stretch.label, end - begin
            if cells(text) > length - 2 and text:
                text = str(numbers.setdefault(text, len(numbers) + 1))
            if length:
                line[begin:end] = [_stretch(text, length), *[""] * (length - 1)]
        return "".join(line).rstrip()

    def ruler(self, unit: str) -> list[str]:
        line, labels = ["─"] * self.room, ""
        for tick in even_ticks(self.start, self.end, max(self.room // 10, 2)):
            at = min(self.cell(tick), self.room - 1)
            line[at] = "┴"
            text = format_number(tick)
            begin = min(max(at - len(text) // 2, 0), self.room - len(text))
            labels = pad(labels, begin) + text
        if cells(labels) + 1 + cells(unit) <= self.room:
            return ["".join(line), f"{labels} {unit}"]
        return ["".join(line), labels, center(unit, self.room).rstrip()]


def _stretch(text: str, length: int) -> str:
    if length < 3:
        return text if cells(text) == length else FULL * length
    room = length - 2
    if cells(text) > room:
        return f"[{LONG * room}]"
    if not text or cells(text) + 2 > room:
        return f"[{pad(text, room) if text else LONG * room}]"
    left = (room - cells(text) - 2) // 2
    return f"[{LONG * left} {text} {LONG * (room - cells(text) - 2 - left)}]"
