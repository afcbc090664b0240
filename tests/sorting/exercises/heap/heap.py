"""a heap"""


class Heap:
    """Numbers of which the smallest is always at hand."""

    def __init__(self) -> None:
        """An empty heap."""
        raise NotImplementedError

    def __len__(self) -> int:
        """How many numbers there are."""
        raise NotImplementedError

    def push(self, number: float) -> None:
        """Adds a number."""
        raise NotImplementedError

    def pop(self) -> float:
        """Takes the smallest number out. Raises IndexError where there is none."""
        raise NotImplementedError
