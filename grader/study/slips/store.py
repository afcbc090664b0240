"""Keeps the tries of a student whose cause was named.

Each is a JSON file beside the progress, on the student's own disk. The same mistake in the same exercise is kept once,
as it was made last.
"""

import re
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from grader.base.files import Folder
from grader.base.result import Certainty, Diagnosis, Failure, Number, Result
from grader.course.progress import Mended, Progress, SlipsForgotten, now
from grader.quiz.history import SLIPS, QuestionKey
from grader.show.numbers import format_number
from grader.show.values import describe_value

FOLDER = "slips"  # in the folder of the progress
MOST = 200  # files; the oldest are deleted


class WrongCall(msgspec.Struct, frozen=True):
    """A call whose result was wrong, and both results, as text."""

    code: str  # that repeats it
    returned: str
    expected: str


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """A file that made a known mistake."""

    exercise: str
    mistake: str  # its name
    advice: str
    text: str  # of the file
    call: WrongCall | None
    time: datetime
    mended: str | None = None  # what the file was when the exercise passed; None: it has not passed since

    @property
    def id(self) -> str:
        """The id of the question about it, which is also the name of its file."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.exercise} {self.mistake}".lower()).strip("-")


def keep_slip(progress: Progress, result: Result, text: str) -> None:
    """Keep the file if a mistake was named for certain; if the exercise passed, store what its slips became.

    Warns on stderr if a file cannot be written.
    """
    named = next((each for each in result.diagnoses if each.certainty is Certainty.CERTAIN), None)
    try:
        if result.passed and result.hidden_tests:
            _mend(progress, result.exercise, text)
        elif named is not None:
            _write(progress, _slip(result, named, text))
            for slip in sorted(load_slips(progress), key=lambda each: each.time, reverse=True)[MOST:]:
                _path(progress, slip).unlink(missing_ok=True)
    except OSError as error:
        print(f"warning: this try cannot be kept for grade review: {error.strerror}.", file=sys.stderr)


def load_slips(progress: Progress) -> list[Slip]:
    """Return the slips that are kept, without files that are torn or of another version."""
    return list(_load(_folder(progress)))


def forget_slips(progress: Progress) -> int:
    """Delete the files, and return how many there were. Raise OSError if one cannot be deleted."""
    files = list(_folder(progress).glob("*.json"))
    for file in files:
        file.unlink(missing_ok=True)
    if files:
        progress.record(SlipsForgotten())
    return len(files)


def _slip(result: Result, named: Diagnosis, text: str) -> Slip:
    failure = next((test.failure for test in result.tests if test.id == named.test), None)
    call = None if failure is None else _wrong_call(failure)
    return Slip(exercise=result.exercise, mistake=named.mistake, advice=named.advice, text=text, call=call, time=now())


def _mend(progress: Progress, exercise: str, text: str) -> None:
    from grader.quiz.review import due_after  # imports a scheduler that most tries do not need

    for slip in load_slips(progress):
        if slip.exercise == exercise and slip.mended is None:
            _write(progress, msgspec.structs.replace(slip, mended=text))
            moment = now()
            key = QuestionKey(SLIPS, slip.id)
            due = due_after(progress.events, key, 1.0, moment)  # who has mended it knows it today
            progress.record(Mended(exercise=exercise, slip=slip.id, due=due, time=moment))


def _wrong_call(failure: Failure) -> WrongCall | None:
    """Return the call of a failure with the row of numbers that differs most, or else with both shapes."""
    if failure.reproduction is None:
        return None
    if failure.comparison is not None:
        row = next((each for each in failure.comparison.rows if each.worst), None)
        if row is None:
            return None
        place = [*map(str, row.index), f"{row.start}:" if row.start else ":"]
        name = f"{failure.comparison.name}[{', '.join(place)}]" if failure.comparison.axes else failure.comparison.name
        return WrongCall(failure.reproduction, f"{name} = {_numbers(row.yours)}", f"{name} = {_numbers(row.expected)}")
    for part in failure.call.returned if failure.call is not None else ():
        if part.agrees is False and part.expected is not None:
            yours, expected = describe_value(part.yours, dtype=True), describe_value(part.expected, dtype=True)
            return WrongCall(failure.reproduction, f"{part.name}: {yours}", f"{part.name}: {expected}")
    return None


def _numbers(numbers: tuple[Number, ...]) -> str:
    return ", ".join(number if isinstance(number, str) else format_number(number) for number in numbers)


def _folder(progress: Progress) -> Path:
    return progress.file.parent / FOLDER


def _path(progress: Progress, slip: Slip) -> Path:
    return _folder(progress) / f"{slip.id}.json"


def _write(progress: Progress, slip: Slip) -> None:
    path = _path(progress, slip)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Folder(path.parent) as folder:
        folder.write(path.name, msgspec.json.encode(slip))


def _load(folder: Path) -> Iterator[Slip]:
    decoder = msgspec.json.Decoder(Slip)
    for file in sorted(folder.glob("*.json")):
        try:
            yield decoder.decode(file.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):  # torn, or written by another version
            continue
