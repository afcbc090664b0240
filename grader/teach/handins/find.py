"""Finds the hand-ins of a class in folders, archives and single files."""

import stat
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from grader.base.errors import UsageError
from grader.base.files import reading
from grader.base.text import closest, did_you_mean
from grader.engine.submission.files import visible
from grader.teach.handins.archive import (
    archive_stem,
    is_archive,
    is_unsupported_archive,
    open_archive,
    open_nested_archive,
)
from grader.teach.handins.course_files import find_course_files
from grader.teach.handins.file_map import FileMap
from grader.teach.handins.file_names import ItemRef, NameParser, is_code, split_number
from grader.teach.handins.handin import Evidence, Found, Handin, Ignored, IgnoredKind, Student
from grader.teach.handins.layouts import folder
from grader.teach.handins.layouts.detect import BY_NAME, LAYOUTS, detect_layout
from grader.teach.handins.layouts.layout import Layout, OwnedFile
from grader.teach.handins.tree import Tree, tree_of_files, tree_of_folder, unreadable_file
from grader.teach.handins.versions import choose_versions

NOT_NAMED = "not named after an exercise"
NOT_CODE = "neither .py nor .ipynb, nor a quiz form"
NOT_REQUESTED = "for an exercise or quiz that was not requested"
HANDED_OUT = "distributed with the course, not part of a submission"
NESTED = "an archive inside a student's archive; it is not opened"
UNSUPPORTED_ARCHIVE = "an archive in an unsupported format; ask for a .zip"


@dataclass(frozen=True)
class _Located:
    """The files of one or several trees, each with its students, and the files that are ignored."""

    layouts: list[str] = field(default_factory=list)
    files: list[OwnedFile] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)

    def add(self, other: "_Located") -> None:
        self.layouts.extend(each for each in other.layouts if each not in self.layouts)
        self.files.extend(other.files)
        self.ignored.extend(other.ignored)


def find_handins(
    paths: Sequence[Path],
    exercises: Iterable[str],
    quizzes: Iterable[str] = (),
    *,
    layout: str | None = None,
    only: Iterable[str] = (),
    prefix: str | None = None,
    logins: Iterable[str] = (),
    file_map: FileMap | None = None,
) -> Found:
    """Find the hand-ins below folders, in archives, and in single files.

    A quiz form whose name does not tell the quiz becomes a Handin with the item "".

    Args:
        paths: Folders, archives and files.
        exercises: The ids of the course's exercises.
        quizzes: The slugs of its lessons with a quiz.
        layout: One of LAYOUTS; by default each path's layout is detected.
        only: The items to grade; by default all. Files for other exercises are kept apart: hand-ins may import them.
        prefix: What the names of repositories begin with, before the student's login; by default it is guessed.
        logins: The logins of the class, used to guess the prefix.
        file_map: Assigns single files to students and items.

    Raises:
        UsageError: Nothing was found, a tree is ambiguous, or one of the given archives is damaged or too large.
    """
    folded = frozenset(each.casefold() for each in logins)
    parser = NameParser(tuple(exercises), tuple(quizzes), tuple(only), prefix, folded)
    chosen = None if layout is None else _layout_named(layout)
    located = _Located()
    for tree in _trees(paths):
        located.add(_locate(tree, parser, chosen, file_map))
    handins, ignored = _assign_items(located.files, parser, file_map)
    requested, left_out = choose_versions(each for each in handins if parser.is_requested(each.item))
    unrequested = [each for each in handins if not parser.is_requested(each.item)]
    ignored = [*located.ignored, *ignored, *left_out]
    for handin in {(each.students, each.file): each for each in unrequested}.values():
        ignored += _ignored_for_all(handin.students, handin.file, NOT_REQUESTED, IgnoredKind.UNASKED)
    if not requested:
        raise _nothing_found(paths, parser, ignored)
    requested.sort(key=lambda handin: (handin.students[0].id, handin.kind, handin.item, handin.version, handin.file))
    unused = [] if file_map is None else file_map.unused()
    return Found(", ".join(located.layouts), requested, ignored, choose_versions(unrequested)[0], not_found=unused)


def _layout_named(name: str) -> Layout:
    if name not in BY_NAME:
        hint = did_you_mean(name, LAYOUTS)
        raise UsageError(f"There is no layout '{visible(name)}'; they are {', '.join(LAYOUTS)}.{hint}")
    return BY_NAME[name]


def _nothing_found(paths: Sequence[Path], parser: NameParser, ignored: Sequence[Ignored]) -> UsageError:
    named = ", ".join(visible(path) for path in paths[:3]) + (", ..." if len(paths) > 3 else "")
    names = parser.only or parser.exercises
    example = names[0] if names else "exercise"
    broken = next((each for each in ignored if each.kind is IgnoredKind.UNREAD), None)
    reason = f" One file cannot be read: {broken.file}: {broken.why}." if broken else ""
    return UsageError(
        f"No submissions were found in {named}; looked for files named after an exercise, such as {example}.py, in a "
        f"folder for each student (ada/{example}.py), or with the student in the name (ada_{example}.py), "
        f"and for exports of Canvas, Moodle, Gradescope and nbgrader.{reason}"
    )


# ------------------------------------------------------------ paths


def _trees(paths: Sequence[Path]) -> list[Tree]:
    trees = []
    files = []
    for path in paths:
        with reading(path):
            mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            trees.append(_open_only_archive(tree_of_folder(path)))
        elif not stat.S_ISREG(mode):
            raise UsageError(f"{visible(path)} is neither a folder nor a file; name a folder or file of submissions.")
        elif is_archive(path.name):
            trees.append(open_archive(path))
        elif is_unsupported_archive(path.name):
            raise UsageError(f"{visible(path)} is an archive in an unsupported format; pack it as a .zip.")
        else:
            files.append(path)
    return [*trees, tree_of_files(files)] if files else trees


def _open_only_archive(tree: Tree) -> Tree:
    """Return the archive's tree for a folder that contains one archive and nothing else."""
    if tree.folder is None or len(tree.entries) != 1 or not is_archive(tree.entries[0].name):
        return tree
    if len(tree.entries[0].path) > 1:
        return tree
    opened = open_archive(tree.folder / tree.entries[0].name)
    return replace(opened, ignored=[*tree.ignored, *_unreadable(tree), *opened.ignored])


def _unreadable(tree: Tree) -> list[Ignored]:
    return [unreadable_file(each.file, each.refused) for each in tree.unread]


# ------------------------------------------------------------ whose the files are


def _locate(tree: Tree, parser: NameParser, layout: Layout | None, file_map: FileMap | None) -> _Located:
    """Find the owners of a tree's files: by the file map, else by the tree's layout."""
    mapped, tree = _split_mapped(tree, file_map)
    if mapped and not tree.entries:
        return _Located(files=mapped, ignored=[*tree.ignored, *_unreadable(tree)])
    detected = detect_layout(tree, parser, layout)
    if detected is None:
        unnamed = [Ignored(file=entry.file, why=_why_unrecognized(entry.name, parser)) for entry in tree.entries]
        return _Located(files=mapped, ignored=[*tree.ignored, *unnamed, *_unreadable(tree)])
    chosen, part = detected
    located = _Located([chosen.name], mapped, list(part.ignored))
    for each in chosen.files(replace(part, entries=[*part.entries, *part.unread]), parser):
        if isinstance(each, OwnedFile):
            located.files.append(each)
        else:
            located.ignored.append(each)
    return located


def _split_mapped(tree: Tree, file_map: FileMap | None) -> tuple[list[OwnedFile], Tree]:
    """Return the files that the file map assigns to students, and the tree without them."""
    if file_map is None:
        return [], tree
    mapped, rest = [], []
    for entry in tree.entries:
        row = file_map.row(entry.file)
        if row is None or row.student is None:
            rest.append(entry)
        else:
            mapped.append(OwnedFile((row.student,), entry, entry.name, item=row.item))
    return mapped, replace(tree, entries=rest)


# ------------------------------------------------------------ what the files are for


def _assign_items(
    located: Iterable[OwnedFile], parser: NameParser, file_map: FileMap | None
) -> tuple[list[Handin], list[Ignored]]:
    """Return the files that are for an exercise or a requested quiz as hand-ins, and the other files."""
    handins: list[Handin] = []
    ignored: list[Ignored] = []
    by_students: defaultdict[tuple[str, ...], list[OwnedFile]] = defaultdict(list)
    for each in located:
        unpacked, not_unpacked = _unpack(each)
        ignored += not_unpacked
        for file in unpacked:
            mapped = _apply_map(file, file_map)
            by_students[tuple(student.id for student in mapped.students)].append(mapped)
    for files in by_students.values():
        found, others = _assign_items_of_students(files, parser)
        handins += found
        ignored += others
    return handins, ignored


def _assign_items_of_students(files: Sequence[OwnedFile], parser: NameParser) -> tuple[list[Handin], list[Ignored]]:
    handins: list[Handin] = []
    ignored: list[Ignored] = []
    items = _items(files, parser)
    paths = [file.entry.path for file in files]
    course_files = find_course_files(paths, frozenset(parser.exercises)) if any(items) else set()
    readable = {item for file, item in zip(files, items, strict=True) if not file.entry.refused}
    for file, item in zip(files, items, strict=True):
        if file.entry.refused and (item is None or item in readable):
            ignored += _unreadable_for_all(file, file.entry.refused)
        elif item is None:
            ignored += _unrecognized(file, parser, is_course_file=file.entry.path in course_files)
        elif item.kind == "quiz" and not parser.is_requested(item.id):
            ignored += _ignored_for_all(file.students, file.entry.file, NOT_REQUESTED, IgnoredKind.UNASKED)
        else:
            handins.append(_handin(file, item))
    return handins, ignored


def _items(files: Sequence[OwnedFile], parser: NameParser) -> list[ItemRef | None]:
    """Return what each file is for. The only code file is for the only requested exercise, whatever its name."""
    items = [file.item or parser.item(file.name) for file in files]
    code = [i for i, file in enumerate(files) if is_code(file.name)]
    if parser.only_exercise is not None and len(code) == 1 and items[code[0]] is None:
        items[code[0]] = ItemRef("exercise", parser.only_exercise)
    return items


def _apply_map(file: OwnedFile, file_map: FileMap | None) -> OwnedFile:
    row = file_map.row(file.entry.file) if file_map else None
    if row is None:
        return file
    students = file.students if row.student is None else (row.student,)
    return replace(file, students=students, item=row.item or file.item, mapped=row.item is not None)


def _unpack(file: OwnedFile) -> tuple[list[OwnedFile], list[Ignored]]:
    """Return the files in a student's archive, and the members that are not read; any other file as it is."""
    if not is_archive(file.name) or file.entry.refused:
        return [file], []
    try:
        tree = open_nested_archive(file.entry)
    except UsageError as error:  # a student's broken archive must not prevent grading the others
        return [], _unreadable_for_all(file, str(error).removeprefix(f"{file.entry.file} ").removesuffix("."))
    ignored: list[Ignored] = []
    for each in tree.ignored:
        ignored += _ignored_for_all(file.students, each.file, each.why, each.kind)
    members = [replace(file, entry=each, name=each.name, archive=file) for each in (*tree.entries, *tree.unread)]
    for nested in (each for each in members if is_archive(each.name)):
        ignored += _unreadable_for_all(nested, NESTED)
    return [each for each in members if not is_archive(each.name)], ignored


def _handin(file: OwnedFile, item: ItemRef) -> Handin:
    entry, outer = file.entry, file.archive
    stem, number, _ = split_number(archive_stem(outer.name)) if outer else ("", 0, False)
    evidence = Evidence(
        mapped=file.mapped,
        archive=(stem, number),
        tree=outer.entry.root if outer else entry.root,
        in_place=entry.path[-3:] == (folder.EXERCISES, item.id, f"{item.id}.py"),
        depth=len(entry.path) + (len(outer.entry.path) if outer else 0),
        number=item.number,
        changed=entry.time,
    )
    return Handin(file.students, item.id, item.kind, entry.file, entry.read, file.time, file.late, evidence)


# ------------------------------------------------------------ ignored files


def _ignored_for_all(students: Sequence[Student], file: str, why: str, kind: IgnoredKind) -> list[Ignored]:
    """Return the file as ignored, once for each of its students."""
    return [Ignored(file=file, why=why, kind=kind, student=student) for student in students]


def _unreadable_for_all(file: OwnedFile, why: str) -> list[Ignored]:
    return _ignored_for_all(file.students, file.entry.file, why, IgnoredKind.UNREAD)


def _unrecognized(file: OwnedFile, parser: NameParser, *, is_course_file: bool) -> list[Ignored]:
    if is_course_file:
        return _ignored_for_all(file.students, file.entry.file, HANDED_OUT, IgnoredKind.NOISE)
    if is_unsupported_archive(file.name):
        return _unreadable_for_all(file, UNSUPPORTED_ARCHIVE)
    why = _why_unrecognized(file.name, parser)
    return _ignored_for_all(file.students, file.entry.file, why, IgnoredKind.UNRECOGNISED)


def _why_unrecognized(name: str, parser: NameParser) -> str:
    if not is_code(name):
        return NOT_CODE
    near = closest(PurePath(name).stem, parser.exercises)
    return f"{NOT_NAMED} (did you mean '{near}'?)" if near else NOT_NAMED
