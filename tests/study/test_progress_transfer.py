"""Progress taken from one place to another: all of it, and never mixed with other progress."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course.progress import Progress
from grader.quiz.history import student_salt
from grader.study.progress_transfer import export_to, import_from
from tests.passed import record


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """The progress of one exercise, exported."""
    record(tmp_path / "here", "alpha", 2)
    student_salt(tmp_path / "here")
    export_to(tmp_path / "out", Progress.load(tmp_path / "here"))
    return tmp_path / "out"


def test_all_of_it_arrives(tmp_path: Path, exported: Path) -> None:
    there = tmp_path / "there"
    assert import_from(exported, Progress.load(there)) == 1
    assert Progress.load(there).events == Progress.load(tmp_path / "here").events
    assert student_salt(there) == student_salt(tmp_path / "here")


def test_what_was_there_before_is_not_there_twice(tmp_path: Path, exported: Path) -> None:
    here = tmp_path / "here"
    assert import_from(exported, Progress.load(here)) == 0
    record(here, "alpha", 4)
    assert import_from(exported, Progress.load(here)) == 0  # here it has gone on
    export_to(tmp_path / "later", Progress.load(here))
    import_from(exported, Progress.load(tmp_path / "there"))
    assert import_from(tmp_path / "later", Progress.load(tmp_path / "there")) == 1  # and there it follows
    assert Progress.load(tmp_path / "there").events == Progress.load(here).events


def test_two_that_went_on_are_not_mixed(tmp_path: Path, exported: Path) -> None:
    record(tmp_path / "there", "beta", 2)
    with pytest.raises(UsageError, match=r"have both gone on, .* first move .*progress\.jsonl away"):
        import_from(exported, Progress.load(tmp_path / "there"))
    assert [event.exercise for event in Progress.load(tmp_path / "there").events] == ["beta"]


def test_a_file_that_holds_no_progress(tmp_path: Path) -> None:
    (tmp_path / "other").write_text('{"event": "salt", "salt": "x"}\nwords\n')
    with pytest.raises(UsageError, match="holds no progress"):
        import_from(tmp_path / "other", Progress.load(tmp_path))
    with pytest.raises(UsageError, match="holds no progress"):
        import_from(tmp_path / "nothing", Progress.load(tmp_path))
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        import_from(tmp_path, Progress.load(tmp_path))


def test_the_salt_is_not_written_through_a_link(tmp_path: Path, exported: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    there = tmp_path / "there"
    (there / ".archgrade").mkdir(parents=True)
    (there / ".archgrade" / "salt").symlink_to(tmp_path / "mine")
    assert import_from(exported, Progress.load(there)) == 1
    assert (tmp_path / "mine").read_text() == "mine"
    assert student_salt(there) == student_salt(tmp_path / "here")


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "salt", "salt": "\\u00e4"}',
        '{"event": "salt", "salt": "a\\nb"}',
        '{"event": "salt", "more": ' + "[" * 99999,
    ],
    ids=["letter", "two lines", "deep"],
)
def test_a_line_that_is_none_is_passed_over(tmp_path: Path, exported: Path, line: str) -> None:
    exported.write_text(exported.read_text() + line + "\n")
    there = tmp_path / "there"
    assert import_from(exported, Progress.load(there)) == 1
    assert student_salt(there) == student_salt(tmp_path / "here")
