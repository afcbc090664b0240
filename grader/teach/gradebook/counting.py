"""Chooses the version of a student's work that counts. All versions are graded; the policy applies when reading."""

import math
from collections.abc import Sequence

from grader.teach.gradebook.entries import GradebookEntry
from grader.teach.gradebook.policy import GradingPolicy, format_time


def counting_version(policy: GradingPolicy, versions: Sequence[GradebookEntry]) -> tuple[GradebookEntry, str | None]:
    """Return the version of a student's item that counts, and a sentence that says why.

    `versions` are in the order in which they were handed in. The sentence is None if there is only one.
    """
    if len(versions) == 1:
        return versions[0], None
    entry, why = _chosen(policy, versions)
    time, due = entry.handed.time, policy.due(entry.student, entry.item)
    if time is None:
        name = f"Version {entry.handed.version}"
    else:
        name = f"Version of {format_time(time.astimezone(due.tzinfo) if due else time)}"
    others = len(versions) - 1
    return entry, f"{name}, {why}; {others} other{'' if others == 1 else 's'}."


def _chosen(policy: GradingPolicy, versions: Sequence[GradebookEntry]) -> tuple[GradebookEntry, str]:
    """Return the version that counts, and the reason in a few words."""
    last = versions[-1]
    rule = policy.late.counts if policy.late else "last"
    if rule == "best":
        return max(reversed(versions), key=lambda each: _worth(policy, each)), "the best"
    if rule == "last" or policy.due(last.student, last.item) is None:
        return last, "the last"
    on_time = [policy.on_time(each.student, each.item, each.handed) for each in versions]
    if None in on_time:
        return last, "the last, because it is unknown which were on time"
    found = [each for each, is_on_time in zip(versions, on_time, strict=True) if is_on_time]
    return (found[-1], "the last on time") if found else (last, "the last, because none was on time")


def _worth(policy: GradingPolicy, entry: GradebookEntry) -> float:
    """Return the points after the late penalty."""
    if entry.result is None:
        return math.inf  # the grader failed: this may be the best version, so it counts, without a score
    points = policy.points(entry.student, entry.item, entry.handed, entry.result.score, entry.result.max_score)
    return points.measured + points.late
