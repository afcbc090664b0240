"""What the reference and wrong versions of it answer to what tests ask, kept while there is room.

Most submissions of a class are asked the same.
"""

import hashlib
import types
from collections.abc import Iterable, Iterator

import msgspec

from grader.engine.judge.cpu import OWN_CPU
from grader.engine.judge.diagnosis.evidence import Case, Run, Wrong, wrong
from grader.engine.judge.diagnosis.reachability import asked_names, reached, uses
from grader.engine.judge.diagnosis.versions import Mistake, Version
from grader.engine.judge.replay import Answer, answers, names_of_slots, replay, size
from grader.engine.judge.session import Limits

MAX_KEPT = 16 << 20  # bytes of answers of the reference and of mistakes
MAX_IN_ALL = 64 << 20  # bytes of those of all exercises of a judge
PAIR_SECONDS = 0.2  # of CPU that two mistakes together may take for an answer: some never end
_encode = msgspec.msgpack.encode


class Memory:
    """The answers of one exercise's reference and of wrong versions of it: as many as fit into `MAX_KEPT`."""

    def __init__(self, reference: types.ModuleType, limits: Limits):
        """`limits`: those of a test, which the reference and the versions have for their answers."""
        self._reference = reference
        self._limits = limits
        self._pair_limits = Limits(PAIR_SECONDS / OWN_CPU, limits.memory)
        self._uses = uses(reference)
        self._right: dict[bytes, list[Answer]] = {}  # of the reference, by the questions
        self._wrong: dict[tuple[bytes, str], list[Wrong | None]] = {}  # of a version; None where it answers right
        self.kept = 0  # bytes of them

    def case(self, run: Run) -> Case:
        """A run with what the reference answers to its questions."""
        questions = _questions(run)
        names = reached(run.log, self._uses)
        return Case(run, answers(run.log), questions, self._answers(run, questions), asked_names(run.log), names)

    def right(self, run: Run) -> list[Answer]:
        """What the reference answers to the questions of a run."""
        return self._answers(run, _questions(run))

    def wrongs(self, case: Case, version: Version) -> Iterator[Wrong | None]:
        """What a version answers to the questions of a run, where it is wrong: what is kept of it, then by asking.

        Only those are asked that the submission has answered. Raises UsageError where an answer takes too long.
        """
        key = case.questions, version.name
        known = self._wrong.get(key, [])
        yield from known[: case.answered]
        if len(known) >= case.answered:
            return
        found: list[Wrong | None] = []
        limits = self._limits if isinstance(version, Mistake) else self._pair_limits
        replayed = replay(case.run.log[: case.answered], version.module, case.run.seed, limits)
        for answer, right in zip(replayed, case.right[: case.answered], strict=True):
            each = wrong(answer, right)
            found.append(each)
            if len(found) > len(known):
                self._make_room(size(each.answer) if each is not None else 0)
                self._wrong[key] = found
                yield each

    def _answers(self, run: Run, questions: bytes) -> list[Answer]:
        if questions not in self._right:
            found = list(replay(run.log, self._reference, run.seed, self._limits))
            self._make_room(sum(map(size, found)))
            self._right[questions] = found
        return self._right[questions]

    def forget(self) -> None:
        """Keep none of the answers."""
        self._right.clear()
        self._wrong.clear()
        self.kept = 0

    def _make_room(self, more: int) -> None:
        if self.kept + more > MAX_KEPT:
            self.forget()
        self.kept += more


def forget_too_many(memories: Iterable[Memory]) -> None:
    """Keep none of the answers of all exercises, if together they are too many."""
    memories = list(memories)
    if sum(each.kept for each in memories) > MAX_IN_ALL:
        for each in memories:
            each.forget()


def _questions(run: Run) -> bytes:
    """A hash of all that the answers of a replay depend on."""
    digest = hashlib.sha256(f"{run.seed}".encode())
    for entry in run.log:
        digest.update(_encode((entry.request, entry.blob, names_of_slots(entry.reply))))
    return digest.digest()
