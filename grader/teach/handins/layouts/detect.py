"""Detects the layout of a tree: by unique marks first, then by the names of its files."""

from collections.abc import Sequence

from grader.base.errors import UsageError
from grader.engine.submission.files import visible
from grader.teach.handins.file_names import NameParser
from grader.teach.handins.layouts import canvas, flat, folder, git, gradescope, moodle, nbgrader, student
from grader.teach.handins.layouts.layout import Layout
from grader.teach.handins.tree import Tree

_UNIQUE = (gradescope.LAYOUT, nbgrader.LAYOUT, moodle.LAYOUT)  # each has a mark that no other layout has
_BY_NAMES = (canvas.LAYOUT, student.LAYOUT, folder.LAYOUT, flat.LAYOUT)
_FOLDERS = (folder.LAYOUT, git.LAYOUT)

BY_NAME = {each.name: each for each in (*_UNIQUE, *_BY_NAMES, git.LAYOUT)}
LAYOUTS = tuple(sorted(BY_NAME))


def detect_layout(tree: Tree, parser: NameParser, layout: Layout | None = None) -> tuple[Layout, Tree] | None:
    """Return the layout, and the part of the tree that has it; None if no layout fits.

    Raise UsageError if the tree is ambiguous, or does not have the given layout.
    """
    if layout is student.LAYOUT:
        return layout, tree
    if layout in _FOLDERS and layout is not None:
        return layout, _unwrap(tree, parser)
    level: Tree | None = tree
    while level is not None:
        unique = [each for each in _UNIQUE if layout in (None, each)]
        found = [(each.name, file) for each in unique if (file := each.detect(level, parser))]
        if len(found) > 1:
            raise _ambiguous(tree, found)
        if found:
            return BY_NAME[found[0][0]], level
        if layout is not None and layout.detect(level, parser):
            return layout, level
        level = level.only_folder()
    if layout is not None:
        raise UsageError(f"{tree.name} is not laid out as {layout.name}: no file in it has such a name.")
    return _detect_by_names(tree, parser)


def _detect_by_names(tree: Tree, parser: NameParser) -> tuple[Layout, Tree] | None:
    found = _layouts_by_names(tree, parser)
    inner = tree.only_folder()
    in_inner = _layouts_by_names(inner, parser) if inner is not None else {}
    if inner is not None and in_inner and student.LAYOUT.name not in in_inner:
        if not found or canvas.LAYOUT.name in in_inner or _is_wrapper(tree, inner, parser):
            return _detect_by_names(inner, parser)
        raise _one_student_or_class(tree, inner, in_inner)
    if len(found) > 1:
        raise _ambiguous(tree, list(found.items()))
    if not found:
        return None
    (name,) = found
    if name == folder.LAYOUT.name and git.is_checkouts(tree, parser):
        return git.LAYOUT, tree
    return BY_NAME[name], tree


def _layouts_by_names(tree: Tree, parser: NameParser) -> dict[str, str]:
    """Return the layouts that a tree may have by the names in it, each with a file that shows it."""
    return {each.name: file for each in _BY_NAMES if (file := each.detect(tree, parser))}


def _unwrap(tree: Tree, parser: NameParser) -> Tree:
    inner = tree.only_folder()
    return _unwrap(inner, parser) if inner is not None and _is_wrapper(tree, inner, parser) else tree


def _is_wrapper(tree: Tree, inner: Tree, parser: NameParser) -> bool:
    """Return whether the only folder of a tree contains the students' folders, rather than being one.

    It does if it has the archive's name, or if two folders in it contain the same exercise.
    """
    if tree.folder is None and inner.stem == tree.stem:
        return True
    holders: dict[str, str] = {}
    for entry in inner.entries:
        item = parser.item(entry.name)
        if item and item.id and len(entry.path) > 1 and holders.setdefault(item.id, entry.path[0]) != entry.path[0]:
            return True
    return False


def _one_student_or_class(tree: Tree, inner: Tree, in_inner: dict[str, str]) -> UsageError:
    name = next(iter(in_inner))
    first = visible(tree.entries[0].path[0])
    other = f"name {inner.name}" if tree.folder is not None else f"unpack it and name {first}"
    return UsageError(
        f"In {tree.name}, {first} may be a student's folder, or a folder of students' folders "
        f"(as {name}: {in_inner[name]}); use --layout folder for the first, {other} for the second."
    )


def _ambiguous(tree: Tree, found: Sequence[tuple[str, str]]) -> UsageError:
    (first, file), (second, other) = found[:2]
    return UsageError(
        f"{tree.name} can be read in two ways: as {first}, because of {file}, and as {second}, because of {other}; "
        f"say which with --layout {first} or --layout {second}."
    )
