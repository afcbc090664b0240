"""Wrong versions that students write."""

from grader.testing import replaces


@replaces("partition")
def sorted_parts(numbers: list[int], pivot: int) -> tuple[list[int], list[int], list[int]]:
    """The parts are sorted. They keep the order in which the numbers came."""
    numbers = sorted(numbers)
    return (
        [each for each in numbers if each < pivot],
        [each for each in numbers if each == pivot],
        [each for each in numbers if each > pivot],
    )


@replaces("partition")
def equal_is_above(numbers: list[int], pivot: int) -> tuple[list[int], list[int], list[int]]:
    """What equals the pivot is among the larger numbers, too."""
    return (
        [each for each in numbers if each < pivot],
        [each for each in numbers if each == pivot],
        [each for each in numbers if each >= pivot],
    )


@replaces("partition")
def other_way_round(numbers: list[int], pivot: int) -> tuple[list[int], list[int], list[int]]:
    """The larger numbers come first. The first list has those below the pivot."""
    return (
        [each for each in numbers if each > pivot],
        [each for each in numbers if each == pivot],
        [each for each in numbers if each < pivot],
    )
