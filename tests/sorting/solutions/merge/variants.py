"""Right solutions in other styles."""

import heapq

import numpy as np

from grader.testing import replaces


@replaces("merge")
def sorted_again(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sort(np.concatenate([a, b]), kind="stable")


@replaces("merge")
def by_places(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.insert(a, np.searchsorted(a, b, side="right"), b)


@replaces("merge")
def from_the_library(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array(list(heapq.merge(a.tolist(), b.tolist())), dtype=a.dtype)
