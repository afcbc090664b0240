"""What is done to a score after it was measured: measured -> late -> adjustment -> final."""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from grader.show.numbers import format_change
from grader.teach.gradebook.late import LatePolicy
from grader.teach.gradebook.model import Handed, Points
from grader.teach.gradebook.tables import Adjustment, Extension

DIGITS = 6  # after the point: what is computed from percentages is rounded to these


class Policy:
    """The late policy, extensions and adjustments that are in force for a class."""

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
        """The students and items that an adjustment is for."""
        return set(self._adjustments)

    def large(self, student: str, item: str, maximum: float) -> bool:
        """Whether an adjustment gives or takes more than an item is worth."""
        adjustments = self._adjustments.get((student, item), ())
        return any(abs(each.points or 0.0) > maximum or abs(each.share or 0.0) > 1 for each in adjustments)

    def points(self, student: str, item: str, handed: Handed, measured: float, maximum: float) -> Points:
        """What a measured score becomes, with a sentence for each change.

        Lateness takes away no more than was measured. Adjustments come after it, may exceed the maximum, and leave at
        least 0.
        """
        late, reasons = self._late(student, item, handed, measured, maximum)
        adjustment = 0.0
        for each in self._adjustments.get((student, item), ()):
            if each.comment:
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
        """When an item is due for a student. An extension for the item goes before one for all items."""
        due = self.late.due_for(item) if self.late else None
        extension = self._extensions.get((student, item)) or self._extensions.get((student, None))
        if extension is None:
            return due
        if extension.due is not None:
            return extension.due
        return due and due + timedelta(days=extension.days or 0.0)

    def on_time(self, student: str, item: str, handed: Handed) -> bool | None:
        """Return True if something was handed in by its due date or within the grace, and None if that is not known."""
        due = self.due(student, item)
        if self.late is None or due is None:
            return None
        if handed.time is not None:
            return handed.time - due <= self.late.grace
        # a learning platform that gives no times may mark what is late, and knows of no extension
        return None if handed.late is None or due != self.late.due_for(item) else not handed.late

    def _late(
        self, student: str, item: str, handed: Handed, measured: float, maximum: float
    ) -> tuple[float, list[str]]:
        """What lateness takes away, as a negative number, and why."""
        if self.late is None:
            return 0.0, []
        due = self.due(student, item)
        if handed.time is None or due is None:
            if not handed.late:
                return 0.0, []
            missing = "no due date is given for it" if due is None else "when it was handed in is not known"
            return 0.0, [f"The learning platform says that it was late, but {missing}; nothing is taken away."]
        ordinary = self.late.due_for(item)
        reasons = []
        if ordinary is not None and due > ordinary and handed.time > ordinary:
            reasons.append(f"The due date was extended to {day(due)}.")
        late = handed.time - due
        if self.late.rejects(late):
            assert self.late.reject_after is not None
            limit = _words(self.late.reject_after)
            return -measured, [*reasons, f"Handed in {_words(late)} late; nothing counts after {limit}."]
        share = self.late.share(late)
        if not share:
            return 0.0, reasons
        sentence = f"Handed in {_words(late)} late: {100 * share:.10g} % of the maximum is taken away."
        return -min(share * maximum, measured), [*reasons, sentence]


def _round(points: float) -> float:
    return round(points, DIGITS) + 0.0  # -0.0 becomes 0.0


def day(time: datetime) -> str:
    """Return a time as sentences have it: `2026-10-01 23:59+03:00`."""
    return time.isoformat(" ", "minutes")


def _words(duration: timedelta) -> str:
    """`2 days 3 h`, `3 h 20 min`: the two largest parts, a part of a minute as a whole one."""
    minutes = math.ceil(duration / timedelta(minutes=1))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} day{'s' if days > 1 else ''}"] if days else []
    parts += [f"{hours} h"] if hours else []
    parts += [f"{minutes} min"] if minutes and not days else []
    return " ".join(parts) or "0 min"
