"""Right solutions in other styles."""

import heapq
from bisect import insort

from grader.testing import replaces


class _Kept:
    def __init__(self) -> None:
        self.numbers: list[float] = []

    def __len__(self) -> int:
        return len(self.numbers)


@replaces("Heap")
class FromTheLibrary(_Kept):
    def push(self, number: float) -> None:
        heapq.heappush(self.numbers, number)

    def pop(self) -> float:
        return heapq.heappop(self.numbers)


@replaces("Heap")
class KeptInOrder(_Kept):
    def push(self, number: float) -> None:
        insort(self.numbers, number)

    def pop(self) -> float:
        return self.numbers.pop(0)


@replaces("Heap")
class SearchedLate(_Kept):
    def push(self, number: float) -> None:
        self.numbers.append(number)

    def pop(self) -> float:
        if not self.numbers:
            raise IndexError("empty")
        self.numbers.remove(smallest := min(self.numbers))
        return smallest
