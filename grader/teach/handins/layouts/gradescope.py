"""Gradescope's export: `submission_metadata.yml` says whose each folder `submission_12345/` is."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml
from msgspec.structs import replace

from grader.base.errors import UsageError
from grader.engine.submission.files import MIB, visible
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.items import Known
from grader.teach.handins.layouts.piece import Layout, Piece, Pieces, moment_of, student_id
from grader.teach.handins.tree import Entry, Tree, unread

METADATA = "submission_metadata.yml"
LIMIT = 256 * MIB  # bytes: it holds the results of former autograders

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # all scalars as text: a student's number keeps its zeros


@dataclass(frozen=True)
class _Owners:
    """Whose a folder is."""

    folder: str
    students: tuple[Student, ...]
    whole: bool  # nobody is missing among them
    time: datetime | None
    line: int  # of the metadata


def _claims(tree: Tree, known: Known) -> str | None:
    return next((entry.file for entry in tree.entries if entry.path == (METADATA,)), None)


def _pieces(tree: Tree, known: Known) -> Pieces:
    metadata = next(entry for entry in tree.entries if entry.path == (METADATA,))
    owners = {each.folder: each for each in _told_apart(list(_owners(metadata)))}
    there = {entry.path[0] for entry in tree.entries}
    for each in owners.values():
        file = f"{tree.name}/{visible(each.folder)}"
        if not each.whole:
            why = "does not name every submitter by a sid, an email or a name"
            yield unread(file, f"{METADATA}:{each.line} {why}; export it from Gradescope again")
        if each.folder not in there:
            for student in each.students:
                yield unread(file, f"is in {METADATA}, and there is no such folder", student)
    for entry in tree.entries:
        if entry is metadata:
            continue
        if len(entry.path) > 1 and entry.path[0] in owners:
            owner = owners[entry.path[0]]
            if owner.students:
                yield Piece(owner.students, entry, entry.name, owner.time)
        else:
            yield Ignored(file=entry.file, why=f"lies in no folder that is in {METADATA}")


def _owners(metadata: Entry) -> Iterator[_Owners]:
    text = metadata.read(LIMIT).decode("utf-8", "replace")
    try:
        content = yaml.load(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise UsageError(f"{metadata.file}:{line}: not valid YAML: {visible(str(error.problem))}.") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"{metadata.file}:1: not valid YAML: {visible(str(error))}.") from None
    if not isinstance(content, dict):
        raise UsageError(f"{metadata.file}:1: expected a key for each submission; export it from Gradescope again.")
    for folder, about in content.items():
        listed = about.get(":submitters") if isinstance(about, dict) else None
        found = [_student(each) for each in listed] if isinstance(listed, list) else []
        students = tuple(each for each in found if each)
        time = moment_of(str(about.get(":created_at", ""))) if isinstance(about, dict) else None
        line = text[: max(text.find(f"{folder}:"), 0)].count("\n") + 1
        yield _Owners(str(folder), students, bool(found) and None not in found, time, line)


def _told_apart(owners: Sequence[_Owners]) -> Iterator[_Owners]:
    """Those known by name alone, of whom there are several: each is called by the folder too.

    An export has one folder for each student or group, so they are no versions of one student's work.
    """
    names = Counter(each.id for owner in owners for each in owner.students if each.id == each.name)
    for owner in owners:
        students = (
            replace(each, id=f"{each.id} ({owner.folder})") if each.id == each.name and names[each.id] > 1 else each
            for each in owner.students
        )
        yield dataclasses.replace(owner, students=tuple(students))


def _student(about: Any) -> Student | None:
    if not isinstance(about, dict):
        return None
    name, sid, email = (_text(about.get(key)) for key in (":name", ":sid", ":email"))
    key = sid or email or name
    return Student(id=key, name=name, email=email) if key else None


def _text(value: Any) -> str | None:
    return student_id(value) or None if isinstance(value, str) and value not in ("~", "null") else None


LAYOUT = Layout("gradescope", _claims, _pieces)
