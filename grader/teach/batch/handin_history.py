"""Finds what a submission imports: the student's other exercises, as handed in by that time."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from grader.base.errors import UsageError
from grader.engine.submission import submission_of
from grader.engine.submission.imports import Imports, gather_imports
from grader.teach.handins.handin import Handin


class HandinHistory:
    """Everything that the students of a class have handed in, by time."""

    def __init__(self, handins: Iterable[Handin], exercises: Iterable[str]):
        self._exercises = list(exercises)  # ids of the course's exercises, which may be imported
        self._handins: defaultdict[tuple[str, str], list[Handin]] = defaultdict(list)  # by student and item
        for each in sorted(handins, key=lambda handin: handin.version):
            for student in each.students:
                self._handins[student.id, each.item].append(each)

    def times(self, handin: Handin) -> list[datetime | None]:
        """Return the times at which a version, or something that it imports, was handed in.

        It ends with the next version of the item. Each change of an import makes a version of its own.
        """
        times = [handin.time]
        changes = self._changes(handin)
        if not changes:
            return times
        try:
            text = submission_of(handin.read(), handin.plain_name, handin.item).text
        except UsageError:
            return times
        imports = self.imports(handin, text, handin.time)
        for time in changes:
            before, imports = imports, self.imports(handin, text, time)
            times += [time] if imports != before else []
        return times

    def imports(self, handin: Handin, text: str, time: datetime | None) -> Imports:
        """Return the student's other exercises that a text imports, as handed in by a time; None: the latest."""

        def read(name: str) -> str:
            versions = self._handins.get((handin.students[0].id, name), [])
            there = [each for each in versions if time is None or each.time is None or each.time <= time]
            if not there:
                raise UsageError(f"that exercise was not handed in{' until later' if versions else ''}.")
            return submission_of(there[-1].read(), there[-1].plain_name, name).text

        return gather_imports(handin.item, text, self._exercises, read)

    def _changes(self, handin: Handin) -> list[datetime]:
        """Return the times of the student's other hand-ins between this version and the next one of its item."""
        student, since = handin.students[0].id, handin.time
        if since is None or handin.kind == "quiz":
            return []
        later = [each.time for each in self._handins[student, handin.item] if each.version > handin.version]
        until = later[0] if later else None
        others = {each.time for name in self._exercises for each in self._handins.get((student, name), [])}
        return sorted(each for each in others if each and each > since and (until is None or each < until))
