"""The failing call of the last grading of each exercise, for `grade shell`."""

from contextlib import suppress
from pathlib import Path

import msgspec

from grader.base.files import Folder
from grader.base.result import Result

FOLDER = ".archgrade/failures"  # in the course's folder


class FailingCall(msgspec.Struct, frozen=True):
    """`text` is Python that makes the call's arguments and, in its last statement, the call."""

    file: str  # the submission, absolute
    text: str


def keep(root: Path, result: Result) -> None:
    """Keeps the failing call that the screen explains, or the first that can be made again; forgets the former one."""
    kept = f"{FOLDER}/{result.exercise}.json"
    tests = () if result.main_failure is None else (result.main_failure, *result.relevant_failures)
    text = next((t.failure.reproduction for t in tests if t.failure and t.failure.reproduction), None)
    with Folder(root) as folder:
        if text is not None:
            folder.write(kept, msgspec.json.encode(FailingCall(str(Path(result.file).absolute()), text)))
            return
        with suppress(FileNotFoundError):
            folder.remove(kept)


def load(root: Path, exercise_id: str) -> FailingCall | None:
    """What was kept for an exercise; None where its last grading left nothing."""
    kept = root / FOLDER / f"{exercise_id}.json"
    return msgspec.json.decode(kept.read_bytes(), type=FailingCall) if kept.is_file() else None
