"""The late policy: which version counts, and the penalty for lateness. Read from a YAML file.

    due: {all: 2026-10-01T23:59+03:00, moe_router: 2026-10-08T23:59+03:00}
    counts: last-on-time
    grace: 15 min
    per_day: 10%
    at_most: 50%
    reject_after: 7 days

Percentages are of the item's maximum.
"""

import math
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from grader.base.text import did_you_mean
from grader.course.document import Document
from grader.course.model import YamlStruct

ALL = "all"  # the key of `due` for all items without a key of their own

Counts: TypeAlias = Literal["last-on-time", "last", "best"]  # which version; the best after late penalties

_UNITS = {"min": "minutes", "minute": "minutes", "h": "hours", "hour": "hours", "day": "days", "week": "weeks"}


class _File(YamlStruct, frozen=True):
    """The contents of late.yaml, with durations and percentages as text."""

    due: dict[str, str] | str | None = None
    counts: Counts | None = None
    grace: str = "0 min"
    per_day: str | None = None
    per_hour: str | None = None
    at_most: str = "100%"
    reject_after: str | None = None


class LatePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The due dates, and the penalty for lateness. Shares are of the item's maximum, from 0 to 1."""

    due: dict[str, datetime]  # by item; `all` for every other one
    counts: Counts = "last-on-time"
    step: timedelta  # each one begun since the due date costs `per_step`
    per_step: float  # share
    at_most: float = 1.0  # share
    grace: timedelta = timedelta()  # within it a submission is not late; after it, it is late from the due date on
    reject_after: timedelta | None = None  # a submission later than that gets no points

    def due_for(self, item: str) -> datetime | None:
        """Return when an item is due; None if it never is."""
        return self.due.get(item, self.due.get(ALL))

    def share(self, late: timedelta) -> float:
        """Return the penalty for lateness as a share of the maximum; 0 within the grace period."""
        if late <= self.grace:
            return 0.0
        return min(math.ceil(late / self.step) * self.per_step, self.at_most)

    def rejects(self, late: timedelta) -> bool:
        """Return whether a submission is too late to count."""
        return self.reject_after is not None and late > max(self.reject_after, self.grace)


def read_late_policy(path: Path, items: list[str]) -> LatePolicy:
    """Read a policy for these items from a YAML file. Raise UsageError with file and line for anything wrong in it."""
    document = Document(path)
    file = document.convert(_File)
    if file.per_day is not None and file.per_hour is not None:
        raise document.error(("per_hour",), "give either per_day or per_hour.")
    has_penalty = {file.per_day, file.per_hour, file.reject_after} != {None}
    if file.due is None and (has_penalty or file.counts != "best"):
        raise document.error((), "'due' is missing.")
    if not has_penalty and file.counts is None:
        raise document.error((), "this policy has no effect; add per_day, per_hour, reject_after or counts.")
    per_step = _share(document, "per_hour", file.per_hour) if file.per_hour is not None else 0.0
    per_step = _share(document, "per_day", file.per_day) if file.per_day is not None else per_step
    return LatePolicy(
        due=_due(document, file, items),
        counts=file.counts or "last-on-time",
        step=timedelta(hours=1) if file.per_hour is not None else timedelta(days=1),
        per_step=per_step,
        at_most=_share(document, "at_most", file.at_most),
        grace=_duration(document, "grace", file.grace),
        reject_after=None if file.reject_after is None else _duration(document, "reject_after", file.reject_after),
    )


def parse_due_time(text: str) -> datetime:
    """Parse a date and time with a time zone: `2026-10-01T23:59+03:00`.

    Raise ValueError with a message for the user if the text is invalid.
    """
    example = "write it as 2026-10-01T23:59+03:00"
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a date and time; {example}.") from None
    if time.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; {example}.")
    return time


def _due(document: Document, file: _File, items: list[str]) -> dict[str, datetime]:
    named = {ALL: file.due} if isinstance(file.due, str) else file.due or {}
    due = {}
    for item, text in named.items():
        if item not in (ALL, *items):
            raise document.error(("due", item), f"nothing was handed in as '{item}'.{did_you_mean(item, items)}")
        try:
            due[item] = parse_due_time(text)
        except ValueError as error:
            raise document.error(("due", item), str(error)) from None
    return due


def _duration(document: Document, key: str, text: str) -> timedelta:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+?)s?\s*", text)
    if match is None or match[2] not in _UNITS:
        raise document.error((key,), f"'{key}' must be a time such as 15 min, 2 hours or 7 days, not {text!r}.")
    try:
        return timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError:
        raise document.error((key,), f"'{key}' is too long: {text!r}.") from None


def _share(document: Document, key: str, text: str) -> float:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", text)
    if match is None or float(match[1]) > 100:
        raise document.error((key,), f"'{key}' must be a percentage of the maximum such as 10%, not {text!r}.")
    return float(match[1]) / 100
