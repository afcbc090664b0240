"""Wrong versions that students write."""

import numpy as np

from grader.testing import replaces


@replaces("merge")
def one_after_the_other(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The second array stands behind the first, and nothing was compared."""
    return np.concatenate([a, b])


@replaces("merge")
def without_the_rest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """When one array is used up, the rest of the other one is missing."""
    merged, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        if a[i] <= b[j]:
            merged.append(a[i])
            i += 1
        else:
            merged.append(b[j])
            j += 1
    return np.array(merged, dtype=a.dtype)


@replaces("merge")
def falling(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The largest number comes first. The arrays are ascending, and so is the result."""
    return np.sort(np.concatenate([a, b]))[::-1]
