"""Applies late penalties and adjustments to a measured score: measured -> late -> adjustment -> final."""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from grader.show.numbers import format_change
from grader.teach.gradebook.late import LatePolicy
from grader.teach.gradebook.model import GradedFile, Points
from grader.teach.gradebook.tables import Adjustment, Extension

DIGITS = 6  # after the decimal point, in points that are computed from percentages


class GradingPolicy:
    """The late policy, extensions and adjustments of a class."""

    def __init__(
        self,
        late: LatePolicy | None = None,
        extensions: Sequence[Extension] = (),
        adjustments: Sequence[Adjustment] = (),
    ):
        self.late = late
        self._extensions = {(each.student, each.item): each for each in extensions}
        self._adjustments: defaultdict[tuple[str, str], list[Adjustment]] = defaultdict(list)
        for each in adjustments:
            self._adjustments[each.student, each.item].append(each)

    @property
    def adjusted(self) -> set[tuple[str, str]]:
        """The students and items with an adjustment."""
        return set(self._adjustments)

    def has_large_adjustment(self, student: str, item: str, maximum: float) -> bool:
        """Return whether an adjustment adds or takes away more than the item's maximum."""
        adjustments = self._adjustments.get((student, item), ())
        return any(abs(each.points or 0.0) > maximum or abs(each.share or 0.0) > 1 for each in adjustments)

    def points(self, student: str, item: str, handed: GradedFile, measured: float, maximum: float) -> Points:
        """Return a measured score after late penalty and adjustments, with a sentence for each change.

        The late penalty is at most the measured score. Adjustments apply after it; the final score may exceed the
        maximum, but is at least 0.
        """
        late, reasons = self._late(student, item, handed, measured, maximum)
        adjustment = 0.0
        for each in self._adjustments.get((student, item), ()):
            if each.is_comment:
                reasons.append(f"Comment: {each.reason}")
                continue
            points = _round(each.points if each.points is not None else (each.share or 0.0) * maximum)
            adjustment += points
            reasons.append(f"{format_change(points)} point{'' if abs(points) == 1 else 's'}: {each.reason}")
        return Points(
            measured=measured,
            late=_round(late),
            adjustment=_round(adjustment),
            final=_round(max(measured + late + adjustment, 0.0)),
            max=maximum,
            reasons=tuple(reasons),
        )

    def due(self, student: str, item: str) -> datetime | None:
        """Return when an item is due for a student. An extension for the item overrides one for all items."""
        due = self.late.due_for(item) if self.late else None
        extension = self._extensions.get((student, item)) or self._extensions.get((student, None))
        if extension is None:
            return due
        if extension.due is not None:
            return extension.due
        return due and due + timedelta(days=extension.days or 0.0)

    def on_time(self, student: str, item: str, handed: GradedFile) -> bool | None:
        """Return whether a file was handed in by its due date or within the grace period; None if unknown."""
        due = self.due(student, item)
        if self.late is None or due is None:
            return None
        if handed.time is not None:
            return handed.time - due <= self.late.grace
        # a learning platform without times may mark files as late, but it does not know about extensions
        return None if handed.late is None or due != self.late.due_for(item) else not handed.late

    def _late(
        self, student: str, item: str, handed: GradedFile, measured: float, maximum: float
    ) -> tuple[float, list[str]]:
        """Return the late penalty as a negative number, and the reasons for it."""
        if self.late is None:
            return 0.0, []
        due = self.due(student, item)
        if handed.time is None or due is None:
            if not handed.late:
                return 0.0, []
            missing = "it has no due date" if due is None else "its time is unknown"
            return 0.0, [f"The learning platform marked it as late, but {missing}; nothing is taken away."]
        ordinary = self.late.due_for(item)
        reasons = []
        if ordinary is not None and due > ordinary and handed.time > ordinary:
            reasons.append(f"The due date was extended to {format_time(due)}.")
        late = handed.time - due
        if self.late.rejects(late):
            assert self.late.reject_after is not None
            limit = _format_duration(self.late.reject_after)
            return -measured, [*reasons, f"Handed in {_format_duration(late)} late; nothing counts after {limit}."]
        share = self.late.share(late)
        if not share:
            return 0.0, reasons
        sentence = f"Handed in {_format_duration(late)} late: {100 * share:.10g} % of the maximum is taken away."
        return -min(share * maximum, measured), [*reasons, sentence]


def _round(points: float) -> float:
    return round(points, DIGITS) + 0.0  # -0.0 becomes 0.0


def format_time(time: datetime) -> str:
    """Return a time as text for a sentence: `2026-10-01 23:59+03:00`."""
    return time.isoformat(" ", "minutes")


def _format_duration(duration: timedelta) -> str:
    """Return the two largest units, rounded up to minutes: `2 days 3 h`, `3 h 20 min`."""
    minutes = math.ceil(duration / timedelta(minutes=1))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} day{'s' if days > 1 else ''}"] if days else []
    parts += [f"{hours} h"] if hours else []
    parts += [f"{minutes} min"] if minutes and not days else []
    return " ".join(parts) or "0 min"
