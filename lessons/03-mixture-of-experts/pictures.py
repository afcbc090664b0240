"""The pictures of lesson 3."""

from grader.picture import Grid, Matrix

CHOICES = ((1, 3), (1, 0), (1, 2), (0, 1), (0, 3), (0, 1), (0, 3), (1, 0))  # of each token, the best first
EXPERTS, CAPACITY = 4, 4


def buckets() -> Matrix:
    """Tokens in the buffers of their experts: all first choices in their order, then all second ones."""
    slots: list[list[str]] = [[] for _ in range(EXPERTS)]
    dropped: list[list[str]] = [[] for _ in range(EXPERTS)]
    for rank, mark in enumerate(("", "'")):
        for token, experts in enumerate(CHOICES):
            expert = experts[rank]
            (slots if len(slots[expert]) < CAPACITY else dropped)[expert].append(f"{token}{mark}")
    experts = tuple(f"expert {e}" for e in range(EXPERTS))
    grids = (_grid("slots", experts, slots), _grid("dropped", experts, dropped))
    return Matrix("buckets", "tokens in the buffers of four experts", grids, ("",))


def _grid(title: str, experts: tuple[str, ...], rows: list[list[str]]) -> Grid:
    width = max(map(len, rows))
    cells = [row + [""] * (width - len(row)) for row in rows]
    return Grid(title, experts, tuple(map(str, range(width))), cells)
