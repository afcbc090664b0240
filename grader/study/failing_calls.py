"""Stores the failing call of each exercise's last grading, for `grade shell`."""

from contextlib import suppress
from pathlib import Path

import msgspec

from grader.base.files import Folder
from grader.base.result import Result

FOLDER = ".archgrade/failures"  # in the course's folder


class FailingCall(msgspec.Struct, frozen=True):
    """A failing call as Python code: it creates the arguments, and its last statement is the call."""

    file: str  # absolute path of the submission
    text: str


def save(root: Path, result: Result) -> None:
    """Store the failing call that the screen explains, else the first that can be reproduced. Remove the old one."""
    path = f"{FOLDER}/{result.exercise}.json"
    tests = () if result.main_failure is None else (result.main_failure, *result.relevant_failures)
    text = next((t.failure.reproduction for t in tests if t.failure and t.failure.reproduction), None)
    with Folder(root) as folder:
        if text is not None:
            folder.write(path, msgspec.json.encode(FailingCall(str(Path(result.file).absolute()), text)))
            return
        with suppress(FileNotFoundError):
            folder.remove(path)


def load(root: Path, exercise_id: str) -> FailingCall | None:
    """Return the stored failing call of an exercise, None if there is none."""
    path = root / FOLDER / f"{exercise_id}.json"
    return msgspec.json.decode(path.read_bytes(), type=FailingCall) if path.is_file() else None
