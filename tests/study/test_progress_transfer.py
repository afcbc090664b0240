"""Export and import of progress: complete, and never merged with diverged progress."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course.progress import Graded, Progress
from grader.quiz.history import student_salt
from grader.study.progress_transfer import export_progress, import_progress
from tests.passed import record


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Return the exported progress of one exercise."""
    record(tmp_path / "here", "alpha", 2)
    student_salt(tmp_path / "here")
    export_progress(tmp_path / "out", Progress.load(tmp_path / "here"))
    return tmp_path / "out"


def test_imports_all_events_and_the_salt(tmp_path: Path, exported: Path) -> None:
    there = tmp_path / "there"
    assert import_progress(exported, Progress.load(there)) == 1
    assert Progress.load(there).events == Progress.load(tmp_path / "here").events
    assert student_salt(there) == student_salt(tmp_path / "here")


def test_imports_only_missing_events(tmp_path: Path, exported: Path) -> None:
    here = tmp_path / "here"
    assert import_progress(exported, Progress.load(here)) == 0
    record(here, "alpha", 4)
    assert import_progress(exported, Progress.load(here)) == 0  # the progress here has more events
    export_progress(tmp_path / "later", Progress.load(here))
    import_progress(exported, Progress.load(tmp_path / "there"))
    assert import_progress(tmp_path / "later", Progress.load(tmp_path / "there")) == 1  # fast-forward
    assert Progress.load(tmp_path / "there").events == Progress.load(here).events


def test_refuses_diverged_progress(tmp_path: Path, exported: Path) -> None:
    record(tmp_path / "there", "beta", 2)
    with pytest.raises(UsageError, match=r"have diverged and cannot be merged; .* first move .*progress\.jsonl away"):
        import_progress(exported, Progress.load(tmp_path / "there"))
    (event,) = Progress.load(tmp_path / "there").events
    assert isinstance(event, Graded)
    assert event.exercise == "beta"


def test_refuses_a_file_without_progress(tmp_path: Path) -> None:
    (tmp_path / "other").write_text('{"event": "salt", "salt": "x"}\nwords\n')
    with pytest.raises(UsageError, match="contains no progress"):
        import_progress(tmp_path / "other", Progress.load(tmp_path))
    with pytest.raises(UsageError, match="contains no progress"):
        import_progress(tmp_path / "nothing", Progress.load(tmp_path))
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        import_progress(tmp_path, Progress.load(tmp_path))


def test_replaces_a_link_instead_of_writing_through_it(tmp_path: Path, exported: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    there = tmp_path / "there"
    (there / ".archgrade").mkdir(parents=True)
    (there / ".archgrade" / "salt").symlink_to(tmp_path / "mine")
    assert import_progress(exported, Progress.load(there)) == 1
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
def test_skips_malformed_lines(tmp_path: Path, exported: Path, line: str) -> None:
    exported.write_text(exported.read_text() + line + "\n")
    there = tmp_path / "there"
    assert import_progress(exported, Progress.load(there)) == 1
    assert student_salt(there) == student_salt(tmp_path / "here")
