"""Write the files of a course into a workspace, for `grade init` and `grade update`.

Only files that the student has not changed are replaced or removed.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from grader import __version__
from grader.base.errors import UsageError
from grader.base.files import Folder, writing
from grader.course.workspace.digest import course_digest, exercise_digests
from grader.course.workspace.installed import installed_course, require_same_course, title_of
from grader.course.workspace.marker import COURSE_FILE, FOLDERS, Workspace, new_id, workspace_at, write_marker
from grader.course.workspace.progress_folder import own_workspace, remember_root, remembered_id


class Filled(msgspec.Struct, frozen=True):
    """What was done to the files of a workspace, by path."""

    root: Path
    written: tuple[str, ...] = ()  # new, or replaced
    kept: tuple[str, ...] = ()  # changed by the student, and newer in the course than they were told
    removed: tuple[str, ...] = ()  # no longer in the course, and unchanged by the student


def init(root: Path) -> Filled:
    """Make a folder, which may contain other files, a workspace. Raise UsageError if it is a course already."""
    root = root.absolute()
    require_no_course(root)
    return _fill(root, Workspace(remembered_id(root) or new_id(), __version__))


def require_no_course(root: Path) -> None:
    """Raise UsageError if a folder is a workspace or a course already."""
    if workspace_at(root) is not None:
        raise UsageError(f"{root} is a workspace already; grade update brings it up to date.")
    if (root / COURSE_FILE).exists() and (root / "solutions").exists():
        raise UsageError(f"{root} is a course already; name another folder: grade init DIR.")


def update(root: Path) -> Filled:
    """Bring a workspace up to date with the installed course. Raise UsageError if it is not one of this course."""
    workspace = own_workspace(root)
    if workspace is None:
        raise UsageError(f"{root} is no workspace; update a clone with git pull.")
    require_same_course(root, workspace)
    return _fill(root, workspace)


def is_stub(path: str) -> bool:
    """Return whether a file of a course is one that students complete."""
    place = PurePosixPath(path)
    return place.parts[0] == "exercises" and place.parent.name == place.stem and place.suffix == ".py"


def _fill(root: Path, workspace: Workspace) -> Filled:
    course = installed_course()
    fresh = {path.relative_to(course).as_posix(): path.read_bytes() for path in _given(course)}
    with writing(root, inside=True):
        root.mkdir(parents=True, exist_ok=True)
        with Folder(root) as folder:
            filled, given, declined = _planned(root, folder, workspace, fresh)
            for name in filled.written:
                folder.write(name, fresh[name])
            for name in filled.removed:
                folder.remove(name)
            exercises = exercise_digests(course)
            digest = course_digest(course, exercises)
            marker = Workspace(workspace.id, __version__, given, title_of(course), digest, exercises, declined)
            write_marker(folder, marker)
        remember_root(workspace.id, root)
    return filled


def _planned(
    root: Path, folder: Folder, workspace: Workspace, fresh: Mapping[str, bytes]
) -> tuple[Filled, dict[str, str], dict[str, str]]:
    """Return what to do with the files of a workspace, and the `files` and `declined` of its new marker.

    All files are read before any is changed, so if one cannot be read, all stay as they are. `workspace` is the old
    marker, and `fresh` has the files of the course. A file that the student keeps is reported once.
    """
    before = workspace.files
    written, kept, declined = [], [], {}
    given = {name: before[name] for name in before.keys() & fresh.keys()}
    for name, data in fresh.items():
        here, digest = folder.read(name), _digest(data)
        if here is not None and here != data and _digest(here) != before.get(name):
            if digest != before.get(name):
                declined[name] = digest
                if digest != workspace.declined.get(name):
                    kept.append(name)
            continue
        if here != data:
            written.append(name)
        given[name] = digest
    old = {name: folder.read(name) for name in sorted(before.keys() - fresh.keys())}
    removed = [name for name, here in old.items() if here is not None and _digest(here) == before[name]]
    filled = Filled(root, tuple(written), tuple(kept), tuple(removed))
    return filled, dict(sorted(given.items())), declined


def _given(course: Path) -> Iterator[Path]:
    """Yield the files of a course that are copied to a workspace."""
    yield course / COURSE_FILE
    for folder in FOLDERS:
        for path in sorted((course / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
