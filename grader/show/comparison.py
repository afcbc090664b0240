"""A table of two tensors that differ: the returned numbers on the left, the expected ones on the right."""

from collections.abc import Sequence

from grader.base.result import Axis, Comparison, Number, Row
from grader.show.layout import MANY, Line, Page, Span, align_right, cells, clip, dim, line, pad, width

WORST = "  worst"
TRUE, FALSE = "█░"


def comparison_table(comparison: Comparison, page: Page) -> list[Line]:
    """Return rows of numbers with the worst marked. If only some numbers of a row differ, these have a star.

    A row too long for the page is cut to the numbers around its worst one, or continued below on a full page; its label
    then says which numbers are shown. A last line says how many rows and columns are not shown.
    """
    rows = choose_rows(comparison.rows, page.rows if page.tight or len(comparison.rows) > page.rows + 1 else MANY)
    if not rows:
        return []
    texts = number_texts(rows)
    stars = needs_stars(rows)
    gap = " " if is_mask(rows) else "  "
    digits = max((cells(text) for row in texts for side in row for text in side), default=1)
    longest = max(len(row.yours) for row in rows)
    name = clip(comparison.name, 16)

    def widest_place(most: int) -> int:
        starts = range(max(longest - most, 0) + 1)
        places = [row_label(comparison.axes, row, first, most) for row in rows for first in starts]
        return max(cells(name), *map(cells, places))

    def numbers_beside(places: int) -> int:
        room = page.width - len("  ▸ ") - places - len("  ") - len(WORST)
        return max(room // (2 * (digits + len(gap)) + stars), 1)

    places = widest_place(longest)
    most = numbers_beside(places)
    if most < longest:  # places will name a part of the last axis
        places = widest_place(2)
        most = numbers_beside(places)
    shown = max(min(most, longest), 1)
    left = max(shown * (digits + len(gap) + stars), len("  yours") + stars)
    middle = max(shown * (digits + len(gap)), len("  expected"))

    heading = pad(name, places) + align_right("yours" + " " * stars, left) + "  " + align_right("expected", middle)
    lines = [line(dim("    " + heading))]
    for row, (yours, expected) in zip(rows, texts, strict=True):
        for first in window_starts(row, shown, page.full or page.whole):
            part = slice(first, first + shown)
            mine = _side(yours[part], row.differs[part] if stars else None, digits, gap)
            theirs = _side(expected[part], None, digits, gap)
            worst = row.worst and worst_position(row) in range(first, first + shown)
            lines.append(
                line(
                    Span("  ▸ ", "red") if worst else "    ",
                    pad(row_label(comparison.axes, row, first, shown), places),
                    " " * (left - width(mine)),
                    mine,
                    " " * (2 + middle - width(theirs)),
                    theirs,
                    WORST if worst else "",
                )
            )
    seen = longest if page.full or page.whole else shown
    wide = comparison.axes[-1].size if comparison.axes else longest
    more = [_more(len(comparison.rows) - len(rows), "row"), _more(wide - seen, "column")]
    if any(more) and not page.tight:
        lines.append(line(dim(f"    {', '.join(filter(None, more))}")))
    return lines


def _more(count: int, what: str) -> str:
    """Return how many are not shown: "7 more rows"."""
    return f"{count} more {what}{'s' * (count > 1)}" if count > 0 else ""


def _side(texts: Sequence[str], starred: Sequence[bool] | None, digits: int, gap: str) -> Line:
    """Return numbers in columns of `digits` cells, each with room for a star if any has one."""
    stars = [""] * len(texts) if starred is None else ["*" if star else " " for star in starred]
    columns = zip(texts, stars, strict=True)
    return line(*(line(gap, align_right(text, digits), Span(star, "red")) for text, star in columns))


def comparison_sentence(comparison: Comparison, page: Page) -> str:
    """Return how many numbers differ, and by how much."""
    largest = comparison.largest
    mask = is_mask(comparison.rows)
    by = "" if mask or (isinstance(largest, str) and largest not in ("inf", "-inf")) else _short(largest)
    if comparison.total == 1:
        return f"Your {comparison.name} differs" + (f" by {by}." if by else ".")
    one = comparison.differing == 1
    verb = "differs" if one else "differ"
    star = " (marked *)" if needs_stars(choose_rows(comparison.rows, page.rows)) else ""
    by = f", by {by}" if by and one else f", by at most {by}" if by else ""
    what = "values" if mask else "numbers"
    signs = f"; {TRUE} is True" if mask else ""
    return f"{comparison.differing} of {comparison.total} {what} in {comparison.name} {verb}{star}{by}{signs}."


def is_mask(rows: Sequence[Row]) -> bool:
    """Return whether all values are True or False, so that they can be drawn as a picture."""
    values = {value for row in rows for value in (*row.yours, *row.expected)}
    return bool(values) and values <= {"True", "False"}


def needs_stars(rows: Sequence[Row]) -> bool:
    """Return whether some numbers of the rows agree, so that those that differ need a star."""
    return not all(differs for row in rows for differs in row.differs)


def choose_rows(rows: Sequence[Row], most: int) -> list[Row]:
    """Return the first `most` rows, the worst one among them."""
    first = list(rows[:most])
    worst = [row for row in rows[most:] if row.worst]
    return [*first[: most - 1], worst[0]] if worst else first


def window_starts(row: Row, most: int, full: bool) -> list[int]:
    """Return where the shown stretches of at most `most` numbers of the row begin."""
    if full or len(row.yours) <= most:
        return list(range(0, len(row.yours), most))
    return [max(0, min(worst_position(row) - most // 2, len(row.yours) - most))]


def worst_position(row: Row) -> int:
    """Return the position of the number that differs most; NaN, infinities and words come first."""
    distances = [
        -1.0
        if not differs
        else abs(mine - theirs)
        if isinstance(mine, int | float) and isinstance(theirs, int | float)
        else float("inf")
        for mine, theirs, differs in zip(row.yours, row.expected, row.differs, strict=True)
    ]
    return distances.index(max(distances)) if distances else 0


def row_label(axes: Sequence[Axis], row: Row, first: int, most: int) -> str:
    """Return the position of a row: `[b=0, t=3]`, or `[b=0, t=3, 4:8]` for a part of the last axis."""
    parts = [
        f"{axis.name.lower()}={index}" if axis.name else str(index)
        for axis, index in zip(axes, row.index, strict=False)
    ]
    start, stop = row.start + first, row.start + min(first + most, len(row.yours))
    if axes and (start, stop) != (0, axes[-1].size):
        parts.append(f"{start}:{stop}" if stop - start > 1 else str(start))
    return f"[{', '.join(parts)}]" if parts else ""


def number_texts(rows: Sequence[Row]) -> list[tuple[list[str], list[str]]]:
    """Return the numbers of each row as text, with enough digits to see every difference."""
    pairs = [
        (mine, theirs)
        for row in rows
        for mine, theirs, differs in zip(row.yours, row.expected, row.differs, strict=True)
        if differs and isinstance(mine, int | float) and isinstance(theirs, int | float)
    ]
    if is_mask(rows):
        return [(_signs(row.yours), _signs(row.expected)) for row in rows]
    numbers = [n for row in rows for n in (*row.yours, *row.expected) if isinstance(n, int | float)]
    spec = _spec(numbers, pairs)

    def texts(side: Sequence[Number]) -> list[str]:
        return [n if isinstance(n, str) else _signless_zero(format(n, spec)) for n in side]

    return [(texts(row.yours), texts(row.expected)) for row in rows]


def _signs(side: Sequence[Number]) -> list[str]:
    return [TRUE if value == "True" else FALSE for value in side]


def _spec(numbers: Sequence[float], pairs: Sequence[tuple[float, float]]) -> str:
    if all(float(n).is_integer() and abs(n) < 1e15 for n in numbers):
        return ".0f"
    huge = any(abs(n) >= 1e7 for n in numbers)
    tiny = any(0 < max(abs(a), abs(b)) < 1e-5 for a, b in pairs)
    kind = "e" if huge or tiny else "f"
    for digits in range(4, 17):
        spec = f".{digits}{kind}"
        if all(_signless_zero(format(a, spec)) != _signless_zero(format(b, spec)) for a, b in pairs):
            return spec
    return ".16e"


def _signless_zero(text: str) -> str:
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def _short(largest: Number) -> str:
    if isinstance(largest, str):
        return largest
    return f"{largest:.0f}" if float(largest).is_integer() and abs(largest) < 1e15 else f"{largest:.4g}"
