"""Wrong versions that students write."""

from grader.testing import replaces


class _Kept:
    def __init__(self) -> None:
        self._numbers: list[float] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def push(self, number: float) -> None:
        self._numbers.append(number)


@replaces("Heap")
class Queue(_Kept):
    """What was put in first comes out first. The smallest number should."""

    def pop(self) -> float:
        return self._numbers.pop(0)


@replaces("Heap")
class LargestFirst(_Kept):
    """The largest number comes out first. The smallest should."""

    def pop(self) -> float:
        self._numbers.sort()
        return self._numbers.pop()


@replaces("Heap")
class WithoutEqual(_Kept):
    """A number that was there already was left out. Equal numbers stand side by side."""

    def push(self, number: float) -> None:
        if number not in self._numbers:
            self._numbers.append(number)

    def pop(self) -> float:
        self._numbers.sort()
        return self._numbers.pop(0)
