"""The numbers and words behind a picture, as tables for those who do not see it."""

from collections.abc import Iterator, Sequence

from grader.pictures import Bars, Boxes, Curves, Dials, Grid, Heatmap, Matrix, Picture, Table, Timeline
from grader.show.numbers import format_number
from grader.show.pictures.grids import cell_texts, heatmap_texts, signs_before

POINTS = 9  # of a curve, at most: enough for its shape


def picture_tables(picture: Picture) -> list[Table]:
    """Return tables that say what the picture shows; all values are texts."""
    match picture:
        case Curves():
            return _curves(picture)
        case Heatmap():
            return [Table("", picture.columns, list(zip(picture.rows, heatmap_texts(picture), strict=True)))]
        case Bars():
            columns = tuple(series.label or picture.y or "value" for series in picture.series)
            bars = zip(*(map(format_number, series.values) for series in picture.series), strict=True)
            return [Table(picture.y, columns, list(zip(picture.groups, bars, strict=True)))]
        case Matrix():
            return [_grid(*each) for each in zip(picture.grids, signs_before(picture), strict=True)]
        case Boxes():
            return [Table("", ("arrow to", "label"), list(_arrows(picture)))]
        case Timeline():
            rows = [
                (lane.label, (each.label, format_number(each.start), format_number(each.end)))
                for lane in picture.lanes
                for each in lane.stretches
            ]
            return [Table("", ("what", f"from ({picture.unit})", f"to ({picture.unit})"), rows)]
        case Dials():
            return [
                Table(dial.title, ("degrees",), [(hand.label, (format_number(hand.degrees),)) for hand in dial.hands])
                for dial in picture.dials
            ]


def _curves(picture: Curves) -> list[Table]:
    """Return one table if all lines have the same x values, else one for each line."""
    first, *others = picture.lines
    groups = [picture.lines] if all(line.xs == first.xs for line in others) else [(line,) for line in picture.lines]
    tables = []
    for lines in groups:
        places = _sample(len(lines[0].xs))
        rows = [
            (format_number(lines[0].xs[place]), [format_number(line.ys[place]) for line in lines]) for place in places
        ]
        columns = tuple(line.label or picture.y for line in lines)
        tables.append(Table(f"{picture.y} by {picture.x}", columns, rows))
    return tables


def _sample(count: int) -> list[int]:
    """Return at most POINTS indices, evenly spaced, with the first and the last."""
    if count <= POINTS:
        return list(range(count))
    return [round(place * (count - 1) / (POINTS - 1)) for place in range(POINTS)]


def _grid(grid: Grid, sign: str) -> Table:
    texts = [
        [text or ("filled" if cell is True else "empty") for text, cell in zip(row, cells, strict=True)]
        for row, cells in zip(cell_texts(grid), grid.cells, strict=True)
    ]
    rows = [name or f"row {place}" for place, name in enumerate(grid.rows or [""] * len(texts), start=1)]
    columns = [name or f"column {place}" for place, name in enumerate(grid.columns or [""] * len(texts[0]), start=1)]
    return Table(f"{sign} {grid.title}".strip(), tuple(columns), list(zip(rows, texts, strict=True)))


def _arrows(picture: Boxes) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the start, the end and the label of each arrow, and the boxes that have none."""
    labels = {box.id: " ".join(box.label.split()) for box in picture.boxes}
    for arrow in picture.arrows:
        yield labels[arrow.start], (labels[arrow.end], arrow.label)
    joined = {end for arrow in picture.arrows for end in (arrow.start, arrow.end)}
    for box in picture.boxes:
        if box.id not in joined:
            yield labels[box.id], ("", "")
