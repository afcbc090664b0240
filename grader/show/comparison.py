"""A table of two tensors that differ: the returned numbers on the left, the expected ones on the right."""

from collections.abc import Sequence
from typing import NamedTuple

from grader.base.result import Axis, Comparison, Number, Row
from grader.show.layout import MANY, Line, Page, Span, align_right, cells, clip, dim, line, pad, width

WORST = "  worst"
TRUE, FALSE = "█░"


class _Widths(NamedTuple):
    """The widths of the columns of a table, in cells."""

    label: int
    number: int
    gap: str  # before each number
    star: int  # 1 if there is room for a star after each returned number
    shown: int  # numbers of a row that are shown side by side

    @property
    def yours(self) -> int:
        return max(self.shown * (self.number + len(self.gap) + self.star), len("  yours") + self.star)

    @property
    def expected(self) -> int:
        return max(self.shown * (self.number + len(self.gap)), len("  expected"))


def comparison_table(comparison: Comparison, page: Page) -> list[Line]:
    """Return rows of numbers with the worst marked. If only some numbers of a row differ, these have a star.

    A row too long for the page is cut to the numbers around its worst one, or continued below on a full page; its label
    then says which numbers are shown. A last line says how many rows and columns are not shown.
    """
    rows = choose_rows(comparison.rows, page.rows if page.tight or len(comparison.rows) > page.rows + 1 else MANY)
    if not rows:
        return []
    texts = number_texts(rows)
    widths = _widths(comparison, rows, texts, page)
    all_columns = page.full or page.whole

    yours, expected = align_right("yours" + " " * widths.star, widths.yours), align_right("expected", widths.expected)
    lines = [line(dim(f"    {pad(_name(comparison), widths.label)}{yours}  {expected}"))]
    for row, sides in zip(rows, texts, strict=True):
        for first in window_starts(row, widths.shown, all_columns):
            lines.append(_table_line(comparison, row, sides, first, widths))
    longest = max(len(row.yours) for row in rows)
    seen = longest if all_columns else widths.shown
    wide = comparison.axes[-1].size if comparison.axes else longest
    more = [_more(len(comparison.rows) - len(rows), "row"), _more(wide - seen, "column")]
    if any(more) and not page.tight:
        lines.append(line(dim(f"    {', '.join(filter(None, more))}")))
    return lines


def _table_line(
    comparison: Comparison, row: Row, sides: tuple[list[str], list[str]], first: int, widths: _Widths
) -> Line:
    """Return the numbers of a row from `first` on: returned and expected."""
    part = slice(first, first + widths.shown)
    yours = _side(sides[0][part], row.differs[part] if widths.star else None, widths)
    expected = _side(sides[1][part], None, widths)
    worst = row.worst and first <= worst_position(row) < first + widths.shown
    return line(
        Span("  ▸ ", "red") if worst else "    ",
        pad(row_label(comparison.axes, row, first, widths.shown), widths.label),
        " " * (widths.yours - width(yours)),
        yours,
        " " * (2 + widths.expected - width(expected)),
        expected,
        WORST if worst else "",
    )


def _widths(
    comparison: Comparison, rows: Sequence[Row], texts: Sequence[tuple[list[str], list[str]]], page: Page
) -> _Widths:
    """Return the widths with which as many numbers of each row as possible are shown."""
    gap = " " if is_mask(rows) else "  "
    star = int(needs_stars(rows))
    number = max((cells(text) for sides in texts for side in sides for text in side), default=1)
    longest = max(len(row.yours) for row in rows)

    def fitting(label: int) -> int:
        room = page.width - len("  ▸ ") - label - len("  ") - len(WORST)
        return max(room // (2 * (number + len(gap)) + star), 1)

    label = _label_width(comparison, rows, longest)
    if fitting(label) < longest:  # labels will name a part of the last axis
        label = _label_width(comparison, rows, 2)
    return _Widths(label, number, gap, star, max(min(fitting(label), longest), 1))


def _label_width(comparison: Comparison, rows: Sequence[Row], most: int) -> int:
    """Return the width of the longest label if `most` numbers of a row are shown."""
    longest = max(len(row.yours) for row in rows)
    starts = range(max(longest - most, 0) + 1)
    labels = [row_label(comparison.axes, row, first, most) for row in rows for first in starts]
    return max(map(cells, [_name(comparison), *labels]))


def _name(comparison: Comparison) -> str:
    return clip(comparison.name, 16)


def _more(count: int, what: str) -> str:
    """Return how many are not shown: "7 more rows"."""
    return f"{count} more {what}{'s' * (count > 1)}" if count > 0 else ""


def _side(texts: Sequence[str], starred: Sequence[bool] | None, widths: _Widths) -> Line:
    """Return numbers in columns, each with room for a star if `starred` is given."""
    stars = [""] * len(texts) if starred is None else ["*" if star else " " for star in starred]
    columns = zip(texts, stars, strict=True)
    return line(*(line(widths.gap, align_right(text, widths.number), Span(star, "red")) for text, star in columns))


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
