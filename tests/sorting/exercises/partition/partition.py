"""split a list by a pivot"""


def partition(numbers: list[int], pivot: int) -> tuple[list[int], list[int], list[int]]:
    """The numbers below the pivot, those equal to it, and those above, each in the order in which they came."""
    raise NotImplementedError
