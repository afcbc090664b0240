"""Cache of answers of the reference and its wrong versions: most submissions are asked the same."""

import hashlib
import itertools
import types
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from grader.engine.judge.cpu import JUDGE_CPU_FACTOR
from grader.engine.judge.diagnosis.evidence import Case, MismatchedAnswer, RecordedTest, wrong_answer
from grader.engine.judge.diagnosis.reachability import asked_names, reached_names, used_names
from grader.engine.judge.diagnosis.versions import SingleMistake, Version
from grader.engine.judge.replay import Answer, answers, names_of_slots, replay, size
from grader.engine.judge.session import SessionLimits

MAX_KEPT = 16 << 20  # bytes of answers per exercise
MAX_IN_ALL = 64 << 20  # bytes of answers of all exercises of a judge
KEY_SIZE = 200  # approximate bytes of an entry without an answer
PAIR_SECONDS = 0.2  # CPU time of two mistakes together for a call: some pairs never terminate
_encode = msgspec.msgpack.encode


class AnswerCache:
    """The answers of one exercise's reference and of its wrong versions, as many as fit into `MAX_KEPT`.

    An answer is looked up by a hash of its request and all earlier ones, so tests that fail at different calls share
    the answers before that.
    """

    def __init__(self, reference: types.ModuleType, limits: SessionLimits):
        self._reference = reference
        self._limits = limits
        self._pair_limits = SessionLimits(PAIR_SECONDS / JUDGE_CPU_FACTOR, limits.memory)
        self._used_names = used_names(reference)
        self._expected: dict[bytes, Answer] = {}  # of the reference
        self._wrong: dict[tuple[bytes, str], MismatchedAnswer | None] = {}  # of a version; None where it is right
        self.kept = 0  # bytes

    def case(self, test: RecordedTest) -> Case:
        """Return a recorded test with the reference's answers to its calls."""
        hashes = _hashes(test)
        names = reached_names(test.log, self._used_names)
        return Case(test, hashes, answers(test.log), self._answers(test, hashes), asked_names(test.log), names)

    def expected(self, test: RecordedTest) -> list[Answer]:
        """Return the reference's answers to the calls of a recorded test."""
        return self._answers(test, _hashes(test))

    def wrong_answers(self, case: Case, version: Version) -> Iterator[MismatchedAnswer | None]:
        """Yield a version's answer to each call that the submission answered, or None where the version is right.

        Answers that are not cached are computed on demand. Raises UsageError if one takes too long.
        """
        keys = [(each, version.name) for each in case.hashes[: case.answered]]
        known = [self._wrong[key] for key in itertools.takewhile(self._wrong.__contains__, keys)]
        yield from known
        if len(known) == len(keys):
            return
        limits = self._limits if isinstance(version, SingleMistake) else self._pair_limits
        replayed = replay(case.test.log[: case.answered], version.module, case.test.seed, limits)
        asked = zip(keys, replayed, case.expected[: case.answered], strict=True)
        for key, answer, right in itertools.islice(asked, len(known), None):
            each = wrong_answer(answer, right)
            self._make_room(KEY_SIZE if each is None else size(each.answer))
            self._wrong[key] = each
            yield each

    def clear(self) -> None:
        """Drop all answers."""
        self._expected.clear()
        self._wrong.clear()
        self.kept = 0

    def _answers(self, test: RecordedTest, hashes: Sequence[bytes]) -> list[Answer]:
        found = [self._expected[each] for each in hashes if each in self._expected]
        if len(found) < len(hashes):
            found = list(replay(test.log, self._reference, test.seed, self._limits))
            self._make_room(sum(map(size, found)))
            self._expected |= zip(hashes, found, strict=True)
        return found

    def _make_room(self, more: int) -> None:
        if self.kept + more > MAX_KEPT:
            self.clear()
        self.kept += more


def clear_if_too_large(caches: Iterable[AnswerCache]) -> None:
    """Clear all caches of a judge if together they exceed `MAX_IN_ALL`."""
    caches = list(caches)
    if sum(each.kept for each in caches) > MAX_IN_ALL:
        for each in caches:
            each.clear()


def _hashes(test: RecordedTest) -> list[bytes]:
    """Return, for each request of a log, a hash of everything that the answer in a replay depends on."""
    digest = hashlib.sha256(f"{test.seed}".encode())
    found = []
    for entry in test.log:
        digest.update(_encode((entry.request, entry.blob)))
        found.append(digest.digest())
        digest.update(_encode(names_of_slots(entry.reply)))
    return found
