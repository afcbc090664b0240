"""The failing call of the last grading of each exercise, for `grade shell`."""

from pathlib import Path

import msgspec

from grader.result import Result

FOLDER = Path(".archgrade", "failures")  # in the course's folder


class FailingCall(msgspec.Struct, frozen=True):
    """`text` is Python that makes the call's arguments and, in its last statement, the call."""

    file: str  # the submission, absolute
    text: str


def keep(root: Path, result: Result) -> None:
    """Keeps the failing call that the screen explains, or the first that can be made again; forgets the former one."""
    kept = root / FOLDER / f"{result.exercise}.json"
    tests = () if result.explained is None else (result.explained, *result.telling)
    text = next((t.failure.reproduction for t in tests if t.failure and t.failure.reproduction), None)
    if text is None:
        kept.unlink(missing_ok=True)
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(msgspec.json.encode(FailingCall(str(Path(result.file).absolute()), text)))


def load(root: Path, exercise_id: str) -> FailingCall | None:
    """What was kept for an exercise; None where its last grading left nothing."""
    kept = root / FOLDER / f"{exercise_id}.json"
    return msgspec.json.decode(kept.read_bytes(), type=FailingCall) if kept.is_file() else None
