"""merge two sorted arrays"""

import numpy as np


def merge(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """All numbers of a and b, sorted.

    a, b: ascending, of one dtype, any length.
    Returns: an array of this dtype.
    """
    merged = np.empty(len(a) + len(b), dtype=a.dtype)
    i = j = 0
    for place in range(len(merged)):
        if j == len(b) or (i < len(a) and a[i] <= b[j]):
            merged[place] = a[i]
            i += 1
        else:
            merged[place] = b[j]
            j += 1
    return merged
