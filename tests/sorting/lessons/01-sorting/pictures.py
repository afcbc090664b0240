"""The picture of the lesson."""

import numpy as np

from grader.pictures import Curves, Line


def comparisons() -> Curves:
    """Comparisons of two ways to sort, over the number of cards."""
    cards = np.arange(2, 41, 2)
    lines = (
        Line("smallest first", cards.tolist(), (cards * (cards - 1) / 2).tolist()),
        Line("halves", cards.tolist(), (cards * np.log2(cards)).tolist()),
    )
    return Curves("comparisons", "how many comparisons", "cards", "comparisons", lines)
