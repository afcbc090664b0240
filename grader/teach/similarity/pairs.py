"""Find hand-ins of one exercise that share more code than the exercise itself and common solutions explain."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import combinations

import msgspec

from grader.teach.handins.handin import Student
from grader.teach.similarity.fingerprints import Fingerprints, fingerprint

MIN_SHARED = 8  # fingerprints that similar hand-ins have in common
MIN_SHARE = 0.5  # of the shorter one's own fingerprints
MIN_COMMON = 4  # a fingerprint is never ignored as common if no more hand-ins have it
MAX_COMMON = 20  # a fingerprint that ignores names is always ignored as common if more hand-ins have it


class Similarity(StrEnum):
    """A degree of similarity, strongest first. The value is its description in the report."""

    FILE = "identical files"
    CODE = "identical except for comments and formatting"
    NAMES = "identical except for names"
    PARTS = "partly identical"


class SubmittedFile(msgspec.Struct, frozen=True):
    """The code of a file, and the students who handed it in. Each hand-in has one student or the members of a group."""

    sha256: str
    text: str
    handins: tuple[tuple[Student, ...], ...]


class SimilarHandins(msgspec.Struct, frozen=True):
    """Hand-ins that are similar, which is a reason to compare them and no proof of copying."""

    handins: tuple[tuple[Student, ...], ...]
    similarity: Similarity
    share: float  # of the shorter one's own fingerprints


class _SameCode(msgspec.Struct, frozen=True):
    """Files that differ only in comments, docstrings and formatting."""

    fingerprints: Fingerprints
    files: tuple[SubmittedFile, ...]

    @property
    def handins(self) -> tuple[tuple[Student, ...], ...]:
        return tuple(handin for file in self.files for handin in file.handins)


def find_similar(files: Iterable[SubmittedFile], given: Sequence[str]) -> list[SimilarHandins]:
    """Return the hand-ins that are similar, those with the largest share first.

    `given` is code that everybody may have, such as the stub and the reference. It is ignored, and so is what more
    than a quarter of the hand-ins have in common, since that is how the exercise is solved.
    """
    codes = _group_by_code(files)
    count = sum(len(code.handins) for code in codes)
    allowed = [fingerprint(text) for text in given]
    limit = max(MIN_COMMON, count // 4)

    named = _common([(code.fingerprints.named, len(code.handins)) for code in codes], limit)
    named.update(*(each.named for each in allowed))
    found = [
        SimilarHandins(code.handins, Similarity.FILE if len(code.files) == 1 else Similarity.CODE, 1.0)
        for code in codes
        if len(code.handins) > 1 and len(code.fingerprints.named - named) >= MIN_SHARED
    ]

    unnamed = _common([(code.fingerprints.unnamed, len(code.handins)) for code in codes], min(limit, MAX_COMMON))
    unnamed.update(*(each.unnamed for each in allowed))
    found += _overlapping(codes, [code.fingerprints.unnamed - unnamed for code in codes])

    by_different_students = (each for each in found if len({student.id for one in each.handins for student in one}) > 1)
    degrees = list(Similarity)
    return sorted(
        by_different_students,
        key=lambda each: (-each.share, degrees.index(each.similarity), each.handins[0][0].id),
    )


def _group_by_code(files: Iterable[SubmittedFile]) -> list[_SameCode]:
    groups: defaultdict[str, list[SubmittedFile]] = defaultdict(list)
    fingerprints: dict[str, Fingerprints] = {}
    for file in files:
        found = fingerprint(file.text)
        fingerprints[found.code] = found
        groups[found.code].append(file)
    return [_SameCode(fingerprints[code], tuple(same)) for code, same in groups.items()]


def _common(sets: Iterable[tuple[frozenset[int], int]], limit: int) -> set[int]:
    """Return the fingerprints of more than `limit` hand-ins. `sets` has fingerprints with their number of hand-ins."""
    counts: Counter[int] = Counter()
    for fingerprints, handins in sets:
        for each in fingerprints:
            counts[each] += handins
    return {each for each, count in counts.items() if count > limit}


def _overlapping(codes: Sequence[_SameCode], own: Sequence[frozenset[int]]) -> list[SimilarHandins]:
    """Return the pairs of codes that share many of their own fingerprints."""
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for index, fingerprints in enumerate(own):
        for each in fingerprints:
            holders[each].append(index)
    shared: Counter[tuple[int, int]] = Counter()
    for indices in holders.values():
        shared.update(combinations(indices, 2))
    pairs = []
    for (first, second), count in shared.items():
        share = count / min(len(own[first]), len(own[second]))
        if count >= MIN_SHARED and share >= MIN_SHARE:
            same = codes[first].fingerprints.unnamed == codes[second].fingerprints.unnamed
            handins = (*codes[first].handins[:1], *codes[second].handins[:1])
            pairs.append(SimilarHandins(handins, Similarity.NAMES if same else Similarity.PARTS, share))
    return pairs
