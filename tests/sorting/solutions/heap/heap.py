"""a heap"""


class Heap:
    """Numbers of which the smallest is always at hand."""

    def __init__(self) -> None:
        """An empty heap."""
        self._numbers: list[float] = []

    def __len__(self) -> int:
        """How many numbers there are."""
        return len(self._numbers)

    def push(self, number: float) -> None:
        """Adds a number."""
        numbers, i = self._numbers, len(self._numbers)
        numbers.append(number)
        while i and numbers[(i - 1) // 2] > numbers[i]:
            numbers[(i - 1) // 2], numbers[i] = numbers[i], numbers[(i - 1) // 2]
            i = (i - 1) // 2

    def pop(self) -> float:
        """Takes the smallest number out. Raises IndexError where there is none."""
        numbers = self._numbers
        smallest, last = numbers[0], numbers.pop()
        if numbers:
            numbers[0] = last
            i = 0
            while 2 * i + 1 < len(numbers):
                child = min(range(2 * i + 1, min(2 * i + 3, len(numbers))), key=numbers.__getitem__)
                if numbers[i] <= numbers[child]:
                    break
                numbers[i], numbers[child] = numbers[child], numbers[i]
                i = child
        return smallest
