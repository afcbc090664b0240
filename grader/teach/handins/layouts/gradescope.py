"""The layout of Gradescope's export: `submission_metadata.yml` names the students of each `submission_12345/`."""

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
from grader.teach.handins.file_names import NameParser
from grader.teach.handins.handin import Ignored, Student
from grader.teach.handins.layouts.layout import Layout, OwnedFile, OwnedFiles, parse_time, student_id
from grader.teach.handins.tree import Tree, TreeEntry, unreadable_file

METADATA = "submission_metadata.yml"
LIMIT = 256 * MIB  # bytes; the metadata includes the results of earlier autograder runs

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # all scalars as text: a student's number keeps its zeros


@dataclass(frozen=True)
class _Submission:
    """An entry of the metadata."""

    folder: str
    students: tuple[Student, ...]
    complete: bool  # every submitter is identified
    time: datetime | None
    line: int  # in the metadata


def _detect(tree: Tree, parser: NameParser) -> str | None:
    return next((entry.file for entry in tree.entries if entry.path == (METADATA,)), None)


def _files(tree: Tree, parser: NameParser) -> OwnedFiles:
    metadata = next(entry for entry in tree.entries if entry.path == (METADATA,))
    submissions = {each.folder: each for each in _with_distinct_ids(list(_read_metadata(metadata)))}
    folders = {entry.path[0] for entry in tree.entries}
    for each in submissions.values():
        file = f"{tree.name}/{visible(each.folder)}"
        if not each.complete:
            why = "does not name every submitter by a sid, an email or a name"
            yield unreadable_file(file, f"{METADATA}:{each.line} {why}; export it from Gradescope again")
        if each.folder not in folders:
            for student in each.students:
                yield unreadable_file(file, f"listed in {METADATA}, but there is no such folder", student)
    for entry in tree.entries:
        if entry is metadata:
            continue
        submission = submissions.get(entry.path[0]) if len(entry.path) > 1 else None
        if submission is None:
            yield Ignored(file=entry.file, why=f"not in a folder listed in {METADATA}")
        elif submission.students:
            yield OwnedFile(submission.students, entry, entry.name, submission.time)


def _read_metadata(metadata: TreeEntry) -> Iterator[_Submission]:
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
        time = parse_time(str(about.get(":created_at", ""))) if isinstance(about, dict) else None
        line = text[: max(text.find(f"{folder}:"), 0)].count("\n") + 1
        yield _Submission(str(folder), students, bool(found) and None not in found, time, line)


def _with_distinct_ids(submissions: Sequence[_Submission]) -> Iterator[_Submission]:
    """Append the folder to the id of each student whose id is a name that several students have.

    An export has one folder for each student or group, so these folders belong to different students.
    """
    names = Counter(each.id for submission in submissions for each in submission.students if each.id == each.name)
    for submission in submissions:
        students = (
            replace(each, id=f"{each.id} ({submission.folder})")
            if each.id == each.name and names[each.id] > 1
            else each
            for each in submission.students
        )
        yield dataclasses.replace(submission, students=tuple(students))


def _student(about: Any) -> Student | None:
    if not isinstance(about, dict):
        return None
    name, sid, email = (_text(about.get(key)) for key in (":name", ":sid", ":email"))
    key = sid or email or name
    return Student(id=key, name=name, email=email) if key else None


def _text(value: Any) -> str | None:
    return student_id(value) or None if isinstance(value, str) and value not in ("~", "null") else None


LAYOUT = Layout("gradescope", _detect, _files)
