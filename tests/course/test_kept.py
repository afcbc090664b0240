"""A course that was loaded before is not read again, unless anything in it has changed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course import load, load_course, load_exercise, load_lessons
from grader.course.workspace.progress_folder import FOLDER
from tests.course.on_disk import COURSE, add

LONG_AGO = 10**18  # ns


def age(root: Path, when: int = LONG_AGO) -> None:
    """Set the time of the last change of everything in a course."""
    for path in (root, *root.rglob("*")):
        os.utime(path, ns=(when, when))


@pytest.fixture
def kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a course that has been loaded and kept; the grader's own files are old as well."""
    (root / FOLDER).mkdir()
    (root / "exercises" / "drafts").mkdir()
    age(root)
    monkeypatch.setattr("grader.course.kept.time.time_ns", lambda: 1 << 62)
    load_course(root)
    return root


def test_a_kept_course_is_the_one_that_was_loaded(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kept / FOLDER / "course.msgpack").rename(kept / "aside")
    whole, lessons, one = load_course(kept), load_lessons(kept), load_exercise(kept, "one")
    monkeypatch.setattr(load, "Document", None)  # nothing can be parsed from here
    assert (load_course(kept), load_lessons(kept), load_exercise(kept, "one")) == (whole, lessons, one)
    with pytest.raises(UsageError, match="No exercise 'tow' in this course"):
        load_exercise(kept, "tow")


def described_again(root: Path) -> None:
    path = root / "exercises" / "one" / "exercise.yaml"
    path.write_text(path.read_text("utf-8").replace("points: 3", "points: 4"), "utf-8")


def one_more(root: Path) -> None:
    add(root, "two")


def solved(root: Path) -> None:
    (root / "solutions" / "one").mkdir(parents=True)


def renamed(root: Path) -> None:
    (root / "course.yaml").write_text(COURSE.replace("title: ", "title: Another ", 1), "utf-8")


@pytest.mark.parametrize("change", [described_again, one_more, solved, renamed])
def test_a_change_is_seen(kept: Path, change: Callable[[Path], None]) -> None:
    before = load_course(kept)
    change(kept)
    after = load_course(kept)
    assert after != before
    assert load_course(kept) == after


def test_an_exercise_that_lost_its_description_is_seen(kept: Path) -> None:
    (kept / "exercises" / "drafts" / "drafts.py").write_text("", "utf-8")
    with pytest.raises(UsageError, match=r"exercise\.yaml does not exist"):
        load_course(kept)


def test_a_course_that_changed_a_moment_ago_is_not_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / FOLDER).mkdir()
    age(root, 1 << 62)
    monkeypatch.setattr("grader.course.kept.time.time_ns", lambda: (1 << 62) + 10**9)
    load_course(root)
    assert not list((root / FOLDER).iterdir())


def test_nothing_is_kept_where_the_grader_has_no_folder(root: Path) -> None:
    age(root)
    before = sorted(root.rglob("*"))
    load_course(root)
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("data", [b"", b"\x92\x90", b"not a course"])
def test_a_kept_course_that_cannot_be_read_is_replaced(kept: Path, data: bytes) -> None:
    file = kept / FOLDER / "course.msgpack"
    whole = file.read_bytes()
    file.write_bytes(data)
    assert load_course(kept).exercise("one").id == "one"
    assert file.read_bytes() == whole
