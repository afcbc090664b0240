"""Finds what a class handed in, in whatever way it is laid out."""

import stat
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.files import reading
from grader.base.text import did_you_mean
from grader.engine.submission.files import visible
from grader.teach.handins.archive import is_archive, is_other_archive, look_into, open_archive, stem_of
from grader.teach.handins.handed_out import handed_out
from grader.teach.handins.handin import Evidence, Found, Handin, Ignored, Kind, Student
from grader.teach.handins.items import Item, Known, is_code, without_number
from grader.teach.handins.layouts import canvas, flat, folder, git, gradescope, moodle, nbgrader, student
from grader.teach.handins.layouts.piece import Layout, Piece
from grader.teach.handins.mapping import Mapping
from grader.teach.handins.tree import Tree, loose, unread, walk
from grader.teach.handins.versions import choose

_SURE = (gradescope.LAYOUT, nbgrader.LAYOUT, moodle.LAYOUT)  # each by a mark that nothing else has
_SHAPES = (canvas.LAYOUT, student.LAYOUT, folder.LAYOUT, flat.LAYOUT)
_ALL = {each.name: each for each in (*_SURE, *_SHAPES, git.LAYOUT)}

LAYOUTS = tuple(sorted(_ALL))

NOT_NAMED = "named for no exercise"
NOT_CODE = "neither .py nor .ipynb, nor a quiz form"
NOT_ASKED = "for another exercise than was asked for"
HANDED_OUT = "handed out with the course, and no part of a submission"
NESTED = "an archive in an archive that was handed in; it is not looked into"
OTHER_ARCHIVE = "an archive of a kind that is not read; ask for a .zip"


def find(
    paths: Sequence[Path],
    exercises: Iterable[str],
    quizzes: Iterable[str] = (),
    *,
    layout: str | None = None,
    only: Iterable[str] = (),
    prefix: str | None = None,
    logins: Iterable[str] = (),
    mapping: Mapping | None = None,
) -> Found:
    """What was handed in, below folders, in archives and in files named one by one.

    `exercises` are the course's ids, `quizzes` the slugs of its lessons; `only` those that are to be graded, if not
    all: what is for other exercises is kept apart, since it may be imported. `layout` is one of LAYOUTS; without it,
    each path's is recognised. `prefix` is what the names of repositories begin with, before the student's login;
    without it, it is looked for by the class's `logins`. `mapping` says whose single files are, and for what. A form of
    a quiz that its name does not tell is a Handin of the item "". UsageError where nothing is recognised, where there
    are two readings, and where an archive of the instructor's is damaged or too large.
    """
    folded = frozenset(each.casefold() for each in logins)
    known = Known(tuple(exercises), tuple(quizzes), tuple(only), prefix, folded)
    if layout is not None and layout not in _ALL:
        hint = did_you_mean(layout, LAYOUTS)
        raise UsageError(f"There is no layout '{visible(layout)}'; they are {', '.join(LAYOUTS)}.{hint}")
    chosen = None if layout is None else _ALL[layout]
    layouts: list[str] = []
    ignored: list[Ignored] = []
    pieces: list[Piece] = []
    for tree in _trees(paths):
        owned, tree = _owned(tree, mapping)
        pieces += owned
        if owned and not tree.entries:
            ignored += [*tree.ignored, *(unread(entry.file, entry.refused) for entry in tree.unread)]
            continue
        read_as = _read_as(tree, known, chosen)
        if read_as is None:
            ignored += tree.ignored
            ignored += [Ignored(file=entry.file, why=_why(entry.name)) for entry in tree.entries]
            ignored += [unread(entry.file, entry.refused) for entry in tree.unread]
            continue
        recognised, part = read_as
        ignored += part.ignored
        if recognised.name not in layouts:
            layouts.append(recognised.name)
        for each in recognised.pieces(replace(part, entries=[*part.entries, *part.unread]), known):
            if isinstance(each, Piece):
                pieces.append(each)
            else:
                ignored.append(each)
    every = list(_handins(pieces, known, mapping, ignored))
    handins, left = choose(each for each in every if known.asked(each.item))
    others = [each for each in every if not known.asked(each.item)]
    ignored += left
    for other in {(each.students, each.file): each for each in others}.values():
        ignored += _of_all(other.students, other.file, NOT_ASKED, Kind.UNASKED)
    if not handins:
        raise _nothing(paths, known, ignored)
    handins.sort(key=lambda handin: (handin.students[0].id, handin.kind, handin.item, handin.version, handin.file))
    unused = [] if mapping is None else mapping.unused()
    return Found(", ".join(layouts), handins, ignored, choose(others)[0], not_found=unused)


# ------------------------------------------------------------ paths


def _trees(paths: Sequence[Path]) -> list[Tree]:
    trees = []
    files = []
    for path in paths:
        with reading(path):
            mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            trees.append(_opened(walk(path)))
        elif not stat.S_ISREG(mode):
            raise UsageError(f"{visible(path)} is neither a folder nor a file; name what holds the submissions.")
        elif is_archive(path.name):
            trees.append(open_archive(path))
        elif is_other_archive(path.name):
            raise UsageError(f"{visible(path)} is an archive of a kind that is not read; pack it as a .zip.")
        else:
            files.append(path)
    return [*trees, loose(files)] if files else trees


def _opened(tree: Tree) -> Tree:
    """A folder that holds one archive and nothing else is that archive."""
    if tree.folder is None or len(tree.entries) != 1 or not is_archive(tree.entries[0].name):
        return tree
    if len(tree.entries[0].path) > 1:
        return tree
    opened = open_archive(tree.folder / tree.entries[0].name)
    beside = [unread(each.file, each.refused) for each in tree.unread]
    return replace(opened, ignored=[*tree.ignored, *beside, *opened.ignored])


# ------------------------------------------------------------ which layout


def _read_as(tree: Tree, known: Known, layout: Layout | None) -> tuple[Layout, Tree] | None:
    """The layout, and the part of the tree that is laid out so; None where nothing is recognised."""
    if layout in (student.LAYOUT, folder.LAYOUT, git.LAYOUT) and layout is not None:
        return layout, _unwrapped(tree, known) if layout is not student.LAYOUT else tree
    level: Tree | None = tree
    while level is not None:
        sure = [each for each in _SURE if layout in (None, each)]
        found = [(each.name, claim) for each in sure if (claim := each.claims(level, known))]
        if len(found) > 1:
            raise _two_readings(tree, found)
        if found:
            return _ALL[found[0][0]], level
        if layout is not None and layout.claims(level, known):
            return layout, level
        level = level.inner()
    if layout is not None:
        raise UsageError(f"{tree.name} is not laid out as {layout.name}: no file in it is named so.")
    return _by_shape(tree, known)


def _by_shape(tree: Tree, known: Known) -> tuple[Layout, Tree] | None:
    found = _shapes(tree, known)
    inner = tree.inner()
    within = _shapes(inner, known) if inner is not None else {}
    if inner is not None and within and student.LAYOUT.name not in within:
        if not found or canvas.LAYOUT.name in within or _is_wrapper(tree, inner, known):
            return _by_shape(inner, known)
        name = next(iter(within))
        first = visible(tree.entries[0].path[0])
        other = f"name {inner.name}" if tree.folder is not None else f"unpack it and name {first}"
        raise UsageError(
            f"In {tree.name}, {first} may be a student's folder, or one around those of students "
            f"(as {name}: {within[name]}); say --layout folder for the first, {other} for the other."
        )
    if len(found) > 1:
        raise _two_readings(tree, list(found.items()))
    if not found:
        return None
    (name,) = found
    if name == folder.LAYOUT.name and git.is_checkouts(tree, known):
        return git.LAYOUT, tree
    return _ALL[name], tree


def _shapes(tree: Tree, known: Known) -> dict[str, str]:
    """The layouts that a tree may have by the names in it, each with a file that shows it."""
    return {each.name: claim for each in _SHAPES if (claim := each.claims(tree, known))}


def _unwrapped(tree: Tree, known: Known) -> Tree:
    inner = tree.inner()
    return _unwrapped(inner, known) if inner is not None and _is_wrapper(tree, inner, known) else tree


def _is_wrapper(tree: Tree, inner: Tree, known: Known) -> bool:
    """Whether the only folder of a tree is one around those of the students.

    It is where it has the archive's name, or where two folders in it hold the same exercise.
    """
    if tree.folder is None and inner.stem == tree.stem:
        return True
    holders: dict[str, str] = {}
    for entry in inner.entries:
        item = known.item(entry.name)
        if item and item.id and len(entry.path) > 1 and holders.setdefault(item.id, entry.path[0]) != entry.path[0]:
            return True
    return False


def _two_readings(tree: Tree, found: Sequence[tuple[str, str]]) -> UsageError:
    (first, file), (second, other) = found[:2]
    return UsageError(
        f"{tree.name} can be read in two ways: as {first}, because of {file}, and as {second}, because of {other}; "
        f"say which with --layout {first} or --layout {second}."
    )


def _nothing(paths: Sequence[Path], known: Known, ignored: Sequence[Ignored]) -> UsageError:
    named = ", ".join(visible(path) for path in paths[:3]) + (", ..." if len(paths) > 3 else "")
    names = known.only or known.exercises
    example = names[0] if names else "exercise"
    broken = next((each for each in ignored if each.kind is Kind.UNREAD), None)
    reason = f" Not read is {broken.file}: {broken.why}." if broken else ""
    return UsageError(
        f"No submissions were found in {named}; looked for files named for an exercise, such as {example}.py, in a "
        f"folder for each student (ada/{example}.py), or with the student in the name (ada_{example}.py), "
        f"and for what Canvas, Moodle, Gradescope and nbgrader export.{reason}"
    )


def _owned(tree: Tree, mapping: Mapping | None) -> tuple[list[Piece], Tree]:
    """The files of a tree of which it is said whose they are, and the tree without them."""
    if mapping is None:
        return [], tree
    pieces, rest = [], []
    for entry in tree.entries:
        told = mapping.of(entry.file)
        if told is None or told.student is None:
            rest.append(entry)
        else:
            pieces.append(Piece((told.student,), entry, entry.name, item=told.item))
    return pieces, replace(tree, entries=rest)


# ------------------------------------------------------------ which files


def _handins(
    pieces: Iterable[Piece], known: Known, mapping: Mapping | None, ignored: list[Ignored]
) -> Iterable[Handin]:
    """The files that are for an exercise, or a quiz that is asked for; the rest is added to `ignored`."""
    of: dict[tuple[str, ...], list[Piece]] = defaultdict(list)
    for piece in pieces:
        for each in _looked_into(piece, ignored):
            told = _told(each, mapping)
            of[tuple(student.id for student in told.students)].append(told)
    for files in of.values():
        items = [piece.item or known.item(piece.name) for piece in files]
        if known.single is not None:
            code = [i for i, piece in enumerate(files) if is_code(piece.name)]
            if len(code) == 1 and items[code[0]] is None:
                items[code[0]] = Item("exercise", known.single)
        given = handed_out((piece.entry.path for piece in files), frozenset(known.exercises)) if any(items) else None
        readable = {item for piece, item in zip(files, items, strict=True) if not piece.entry.refused}
        for piece, item in zip(files, items, strict=True):
            if piece.entry.refused and (item is None or item in readable):
                ignored += _not_read(piece, piece.entry.refused)
            elif item is None and given is not None and given(piece.entry.path):
                ignored += _of_all(piece.students, piece.entry.file, HANDED_OUT, Kind.NOISE)
            elif item is None and is_other_archive(piece.name):
                ignored += _not_read(piece, OTHER_ARCHIVE)
            elif item is None:
                ignored += _of_all(piece.students, piece.entry.file, _why(piece.name), Kind.UNRECOGNISED)
            elif item.kind == "quiz" and not known.asked(item.id):
                ignored += _of_all(piece.students, piece.entry.file, NOT_ASKED, Kind.UNASKED)
            else:
                yield _handin(piece, item)


def _told(piece: Piece, mapping: Mapping | None) -> Piece:
    """The piece with what is said of its file."""
    told = mapping.of(piece.entry.file) if mapping else None
    if told is None:
        return piece
    students = piece.students if told.student is None else (told.student,)
    return replace(piece, students=students, item=told.item or piece.item, mapped=told.item is not None)


def _looked_into(piece: Piece, ignored: list[Ignored]) -> list[Piece]:
    """The piece, or if it is an archive, what is in it."""
    if not is_archive(piece.name) or piece.entry.refused:
        return [piece]
    try:
        tree = look_into(piece.entry)
    except UsageError as error:  # one student's broken archive does not keep the others from being graded
        ignored += _not_read(piece, str(error).removeprefix(f"{piece.entry.file} ").removesuffix("."))
        return []
    for each in tree.ignored:
        ignored += _of_all(piece.students, each.file, each.why, each.kind)
    inside = [replace(piece, entry=each, name=each.name, archive=piece) for each in (*tree.entries, *tree.unread)]
    for nested in (each for each in inside if is_archive(each.name)):
        ignored += _not_read(nested, NESTED)
    return [each for each in inside if not is_archive(each.name)]


def _not_read(piece: Piece, why: str) -> list[Ignored]:
    return _of_all(piece.students, piece.entry.file, why, Kind.UNREAD)


def _of_all(students: Sequence[Student], file: str, why: str, kind: Kind) -> list[Ignored]:
    """The file, once for each of those whose it is."""
    return [Ignored(file=file, why=why, kind=kind, student=student) for student in students]


def _handin(piece: Piece, item: Item) -> Handin:
    entry, outer = piece.entry, piece.archive
    stem, again, _ = without_number(stem_of(outer.name)) if outer else ("", 0, False)
    evidence = Evidence(
        mapped=piece.mapped,
        archive=(stem, again),
        tree=outer.entry.root if outer else entry.root,
        in_place=entry.path[-3:] == (folder.EXERCISES, item.id, f"{item.id}.py"),
        depth=len(entry.path) + (len(outer.entry.path) if outer else 0),
        number=item.number,
        changed=entry.time,
    )
    return Handin(piece.students, item.id, item.kind, entry.file, entry.read, piece.time, piece.late, evidence)


def _why(name: str) -> str:
    return NOT_NAMED if is_code(name) else NOT_CODE
