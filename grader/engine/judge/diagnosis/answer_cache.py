"""Cache of answers of the reference and its wrong versions: most submissions are asked the same."""

import hashlib
import types
from collections.abc import Iterable, Iterator

import msgspec

from grader.engine.judge.cpu import JUDGE_CPU_FACTOR
from grader.engine.judge.diagnosis.evidence import Case, MismatchedAnswer, RecordedTest, wrong_answer
from grader.engine.judge.diagnosis.reachability import asked_names, reached_names, used_names
from grader.engine.judge.diagnosis.versions import SingleMistake, Version
from grader.engine.judge.replay import Answer, answers, names_of_slots, replay, size
from grader.engine.judge.session import SessionLimits

MAX_KEPT = 16 << 20  # bytes of answers per exercise
MAX_IN_ALL = 64 << 20  # bytes of answers of all exercises of a judge
PAIR_SECONDS = 0.2  # CPU time of two mistakes together for a call: some pairs never terminate
_encode = msgspec.msgpack.encode


class AnswerCache:
    """The answers of one exercise's reference and of its wrong versions, as many as fit into `MAX_KEPT`."""

    def __init__(self, reference: types.ModuleType, limits: SessionLimits):
        self._reference = reference
        self._limits = limits
        self._pair_limits = SessionLimits(PAIR_SECONDS / JUDGE_CPU_FACTOR, limits.memory)
        self._used_names = used_names(reference)
        self._expected: dict[bytes, list[Answer]] = {}  # of the reference, by the hash of the log
        self._wrong: dict[tuple[bytes, str], list[MismatchedAnswer | None]] = {}  # of a version; None where it is right
        self.kept = 0  # bytes

    def case(self, test: RecordedTest) -> Case:
        """Return a recorded test with the reference's answers to its calls."""
        log_hash = _hash(test)
        names = reached_names(test.log, self._used_names)
        return Case(test, log_hash, answers(test.log), self._answers(test, log_hash), asked_names(test.log), names)

    def expected(self, test: RecordedTest) -> list[Answer]:
        """Return the reference's answers to the calls of a recorded test."""
        return self._answers(test, _hash(test))

    def wrong_answers(self, case: Case, version: Version) -> Iterator[MismatchedAnswer | None]:
        """Yield a version's answer to each call that the submission answered, or None where the version is right.

        Answers that are not cached are computed on demand. Raises UsageError if one takes too long.
        """
        key = case.log_hash, version.name
        known = self._wrong.get(key, [])
        yield from known[: case.answered]
        if len(known) >= case.answered:
            return
        found: list[MismatchedAnswer | None] = []
        limits = self._limits if isinstance(version, SingleMistake) else self._pair_limits
        replayed = replay(case.test.log[: case.answered], version.module, case.test.seed, limits)
        for answer, right in zip(replayed, case.expected[: case.answered], strict=True):
            each = wrong_answer(answer, right)
            found.append(each)
            if len(found) > len(known):
                self._make_room(size(each.answer) if each is not None else 0)
                self._wrong[key] = found
                yield each

    def clear(self) -> None:
        """Drop all answers."""
        self._expected.clear()
        self._wrong.clear()
        self.kept = 0

    def _answers(self, test: RecordedTest, log_hash: bytes) -> list[Answer]:
        if log_hash not in self._expected:
            found = list(replay(test.log, self._reference, test.seed, self._limits))
            self._make_room(sum(map(size, found)))
            self._expected[log_hash] = found
        return self._expected[log_hash]

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


def _hash(test: RecordedTest) -> bytes:
    """Return a hash of everything that the answers of a replay depend on."""
    digest = hashlib.sha256(f"{test.seed}".encode())
    for entry in test.log:
        digest.update(_encode((entry.request, entry.blob, names_of_slots(entry.reply))))
    return digest.digest()
