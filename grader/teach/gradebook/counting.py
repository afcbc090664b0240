"""Choose which of a student's versions of one item counts: all are graded, and the policy decides at reading."""

import math
from collections.abc import Sequence

from grader.teach.gradebook.entries import Entry
from grader.teach.gradebook.policy import Policy, day


def counting(policy: Policy, versions: Sequence[Entry]) -> tuple[Entry, str | None]:
    """Return the version that counts of those of a student for an item, given in order, and a sentence that says why.

    The sentence is None if there is one version.
    """
    if len(versions) == 1:
        return versions[0], None
    entry, why = _chosen(policy, versions)
    time, due = entry.handed.time, policy.due(entry.student, entry.item)
    if time is None:
        name = f"Version {entry.handed.version}"
    else:
        name = f"Version of {day(time.astimezone(due.tzinfo) if due else time)}"
    others = len(versions) - 1
    return entry, f"{name}, {why}; {others} other{'' if others == 1 else 's'}."


def _chosen(policy: Policy, versions: Sequence[Entry]) -> tuple[Entry, str]:
    """Return the version that counts, and why in a few words."""
    last = versions[-1]
    rule = policy.late.counts if policy.late else "last"
    if rule == "best":
        return max(reversed(versions), key=lambda each: _worth(policy, each)), "the best"
    if rule == "last" or policy.due(last.student, last.item) is None:
        return last, "the last"
    on_time = [policy.on_time(each.student, each.item, each.handed) for each in versions]
    if None in on_time:
        return last, "the last, since it is not known which were on time"
    found = [each for each, is_on_time in zip(versions, on_time, strict=True) if is_on_time]
    return (found[-1], "the last on time") if found else (last, "the last, since none was on time")


def _worth(policy: Policy, entry: Entry) -> float:
    """Return the points after lateness."""
    if entry.scored is None:
        return math.inf  # a fault of the grader: it may be the best, so what counts is not known
    points = policy.points(entry.student, entry.item, entry.handed, entry.scored.score, entry.scored.max_score)
    return points.measured + points.late
