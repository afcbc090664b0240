"""Right solutions in other styles."""

from grader.testing import replaces


@replaces("partition")
def one_loop(numbers: list[int], pivot: int) -> tuple[list[int], list[int], list[int]]:
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for each in numbers:
        parts[(each > pivot) - (each < pivot) + 1].append(each)
    return parts


@replaces("partition")
def filters(numbers: list[int], pivot: int) -> tuple[list[int], list[int], list[int]]:
    return list(filter(pivot.__gt__, numbers)), list(filter(pivot.__eq__, numbers)), list(filter(pivot.__lt__, numbers))


@replaces("partition")
def lists_of_one(numbers: list[int], pivot: int) -> list[list[int]]:
    if not numbers:
        return [[], [], []]
    below, equal, above = lists_of_one(numbers[1:], pivot)
    first = numbers[:1]
    if first[0] < pivot:
        return [first + below, equal, above]
    return [below, first + equal, above] if first[0] == pivot else [below, equal, first + above]
