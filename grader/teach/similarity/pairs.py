"""The hand-ins of one exercise that have more in common than the exercise, and what many wrote, lead to."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import combinations

import msgspec

from grader.teach.handins.handin import Student
from grader.teach.similarity.fingerprints import Prints, prints

LEAST = 8  # fingerprints of their own that two have in common
SHARE = 0.5  # of those of the shorter one
FEW = 4  # hand-ins that may have something in common without its being what many wrote
MANY = 20  # hand-ins beyond which a fingerprint says nothing of two of them


class Alike(StrEnum):
    """In what two are the same."""

    FILE = "the same file"
    CODE = "the same but for comments and formatting"
    NAMES = "the same but for names"
    PARTS = "the same in parts"


class Work(msgspec.Struct, frozen=True):
    """A file, and who handed it in: a group has one file."""

    sha256: str
    text: str
    handins: tuple[tuple[Student, ...], ...]


class Similar(msgspec.Struct, frozen=True):
    """Hand-ins that are alike. It is a reason to look, and no verdict."""

    handins: tuple[tuple[Student, ...], ...]
    alike: Alike
    share: float  # of what the shorter one has of its own


class _Code(msgspec.Struct, frozen=True):
    """Works with the same code."""

    prints: Prints
    works: tuple[Work, ...]

    @property
    def handins(self) -> tuple[tuple[Student, ...], ...]:
        return tuple(handin for work in self.works for handin in work.handins)


def similar(works: Iterable[Work], given: Sequence[str]) -> list[Similar]:
    """The hand-ins that are alike, those with most in common first.

    `given` is code that everybody may have: the stub, the reference. What more than a quarter of all have in common
    is left out too, since it is how the exercise is solved.
    """
    codes = _codes(works)
    hands = sum(len(code.handins) for code in codes)
    known = [prints(text) for text in given]
    named = _common([(code.prints.named, len(code.handins)) for code in codes], max(FEW, hands // 4))
    named.update(*(each.named for each in known))
    found = [_same(code) for code in codes if len(code.handins) > 1 and len(code.prints.named - named) >= LEAST]
    most = min(max(FEW, hands // 4), MANY)
    unnamed = _common([(code.prints.unnamed, len(code.handins)) for code in codes], most)
    unnamed.update(*(each.unnamed for each in known))
    found += _overlapping(codes, [code.prints.unnamed - unnamed for code in codes])
    apart = (each for each in found if len({student.id for handin in each.handins for student in handin}) > 1)
    return sorted(apart, key=lambda each: (-each.share, list(Alike).index(each.alike), each.handins[0][0].id))


def _codes(works: Iterable[Work]) -> list[_Code]:
    same: defaultdict[str, list[Work]] = defaultdict(list)
    of: dict[str, Prints] = {}
    for work in works:
        found = prints(work.text)
        of[found.code] = found
        same[found.code].append(work)
    return [_Code(of[code], tuple(each)) for code, each in same.items()]


def _common(sets: Iterable[tuple[frozenset[int], int]], most: int) -> set[int]:
    """The fingerprints of more than `most` hand-ins."""
    counts: Counter[int] = Counter()
    for found, times in sets:
        for each in found:
            counts[each] += times
    return {each for each, count in counts.items() if count > most}


def _same(code: _Code) -> Similar:
    return Similar(code.handins, Alike.FILE if len(code.works) == 1 else Alike.CODE, 1.0)


def _overlapping(codes: Sequence[_Code], own: Sequence[frozenset[int]]) -> list[Similar]:
    """The pairs of different code that share much of what they have of their own."""
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for place, found in enumerate(own):
        for each in found:
            holders[each].append(place)
    shared: Counter[tuple[int, int]] = Counter()
    for places in holders.values():
        shared.update(combinations(places, 2))
    pairs = []
    for (first, second), count in shared.items():
        share = count / min(len(own[first]), len(own[second]))
        if count >= LEAST and share >= SHARE:
            same = codes[first].prints.unnamed == codes[second].prints.unnamed
            handins = (*codes[first].handins[:1], *codes[second].handins[:1])
            pairs.append(Similar(handins, Alike.NAMES if same else Alike.PARTS, share))
    return pairs
