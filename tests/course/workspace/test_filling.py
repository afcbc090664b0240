"""grade init and grade update: the files of a workspace, and that no file of a student is overwritten."""

import os
import shutil
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course import load_course
from grader.course.progress import Progress
from grader.course.workspace.filling import Filled, init, is_stub, update
from grader.course.workspace.marker import MARKER, workspace_at
from tests.course.workspace.installation import release
from tests.passed import record

STUB = "exercises/base/base.py"
STATEMENT = "exercises/base/README.md"


@pytest.fixture
def workspace(course: Path, tmp_path: Path) -> Path:
    """Make a new workspace."""
    return init(tmp_path / "mine").root


def test_a_workspace_has_the_course_without_its_solutions(course: Path, workspace: Path) -> None:
    given = {path.relative_to(workspace).as_posix() for path in workspace.rglob("*") if path.is_file()}
    exercises = {f"exercises/{name}/{file}" for name in ("base", "top", "high") for file in ("README.md", f"{name}.py")}
    assert exercises | {"course.yaml", "lessons/01-three/1-three.md", MARKER} <= given
    assert not any("solutions" in path or "hidden" in path for path in given)
    exercise = load_course(workspace).exercise("base")
    assert exercise.stub == workspace / STUB
    assert exercise.hidden_tests == course / "solutions" / "base" / "test_hidden.py"


def test_folders_include_the_installed_solutions(course: Path, workspace: Path) -> None:
    assert load_course(workspace).folders == (workspace, course / "solutions")
    assert load_course(course).folders == (course,)


def test_init_keeps_existing_files(course: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine" / STUB
    mine.parent.mkdir(parents=True)
    mine.write_text("def double(x):\n    return x + x\n")
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    filled = init(tmp_path / "mine")
    assert filled.kept == (STUB,)
    assert "return x + x" in mine.read_text()
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_init_of_a_workspace_or_course_is_an_error(course: Path, workspace: Path) -> None:
    with pytest.raises(UsageError, match="is a workspace already; grade update"):
        init(workspace)
    with pytest.raises(UsageError, match="is a course already"):
        init(course)
    with pytest.raises(UsageError, match="git pull"):
        update(course)


def test_update_replaces_only_unchanged_files(course: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (workspace / STUB).write_text("mine")
    (workspace / "exercises/high/high.py").write_text("mine")
    (workspace / "exercises/top/README.md").write_text("with notes")
    for name in (STUB, STATEMENT, "exercises/top/README.md", "exercises/top/top.py"):
        (course / name).write_text("new")
    (course / "lessons/01-three/quiz.yaml").write_text("new")
    release(course, "9.9", monkeypatch)
    filled = update(workspace)
    assert set(filled.written) == {STATEMENT, "exercises/top/top.py", "lessons/01-three/quiz.yaml"}
    assert set(filled.kept) == {STUB, "exercises/top/README.md"}  # high.py is as it was in the course
    assert (workspace / STUB).read_text() == "mine"
    assert (workspace / "exercises/high/high.py").read_text() == "mine"
    assert (workspace / "exercises/top/README.md").read_text() == "with notes"
    assert (workspace / "exercises/top/top.py").read_text() == "new"
    found = workspace_at(workspace)
    assert found is not None
    assert found.version == "9.9"
    assert update(workspace) == Filled(workspace)  # it has said so


def test_each_new_version_of_a_kept_file_is_named_once(course: Path, workspace: Path) -> None:
    (workspace / STUB).write_text("mine")
    kept = []
    for text in ("newer", "newer", "newest", "newest"):
        (course / STUB).write_text(text)
        kept.append(update(workspace).kept)
    assert kept == [(STUB,), (), (STUB,), ()]
    (workspace / STUB).unlink()
    assert update(workspace).written == (STUB,)
    assert (workspace / STUB).read_text() == "newest"


def test_update_removes_only_unchanged_files(course: Path, workspace: Path) -> None:
    (workspace / "exercises/high/high.py").write_text("mine")
    for name in ("high.py", "README.md"):
        (course / "exercises" / "high" / name).unlink()
    assert update(workspace).removed == ("exercises/high/README.md",)
    assert (workspace / "exercises/high/high.py").read_text() == "mine"


def test_update_restores_deleted_files(workspace: Path) -> None:
    (workspace / STATEMENT).unlink()
    assert update(workspace).written == (STATEMENT,)
    assert (workspace / STATEMENT).is_file()


def test_update_with_a_linked_file_changes_nothing(course: Path, workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("mine")
    (workspace / STUB).unlink()
    (workspace / STUB).symlink_to(tmp_path / "outside.py")
    for name in (STUB, STATEMENT, "exercises/top/top.py"):
        (course / name).write_text("new")
    before = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match=r"exercises/base/base\.py cannot be written: it is a symbolic link"):
        update(workspace)
    assert {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()} == before


def test_a_temporary_file_cannot_be_redirected(course: Path, workspace: Path, tmp_path: Path) -> None:
    # earlier versions used predictable names for temporary files
    (tmp_path / "outside.py").write_text("mine")
    for name in (STATEMENT, MARKER):
        path = workspace / name
        path.with_name(f".{path.name}.{os.getpid()}.part").symlink_to(tmp_path / "outside.py")
    (course / STATEMENT).write_text("new")
    assert update(workspace).written == (STATEMENT,)
    assert (tmp_path / "outside.py").read_text() == "mine"


def test_an_older_workspace_asks_for_an_update(course: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release(course, "9.9", monkeypatch)
    with pytest.raises(UsageError, match=r"the course of archgrade .*, but 9.9 is installed; run grade update"):
        load_course(workspace)
    update(workspace)
    assert load_course(workspace).exercise("top").solution is not None


def test_progress_survives_the_loss_of_the_workspace(course: Path, workspace: Path) -> None:
    record(workspace, "base", 4)
    (workspace / MARKER).unlink()
    assert Progress.load(workspace).events == []
    init(workspace)
    assert Progress.load(workspace).state("base") == "passed"
    assert not list(workspace.rglob("progress.jsonl"))


def test_progress_moves_with_the_workspace(course: Path, workspace: Path, tmp_path: Path) -> None:
    record(workspace, "base", 4)
    workspace.rename(tmp_path / "moved")
    assert Progress.load(tmp_path / "moved").state("base") == "passed"
    for new in ("other", workspace.name):  # also where the first one was
        assert Progress.load(init(tmp_path / new).root).state("base") == "not started"


def test_a_copy_has_its_own_progress(
    course: Path, workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(workspace, "base", 4)
    copy = shutil.copytree(workspace, tmp_path / "copy")
    assert Progress.load(copy).state("base") == "not started"
    assert capsys.readouterr().err == f"note: this is a copy of {workspace}, and starts with no progress.\n"
    record(copy, "top", 4)
    assert Progress.load(workspace).state("base") == "passed"
    assert Progress.load(workspace).state("top") == "not started"
    copy.rename(tmp_path / "moved")
    assert Progress.load(tmp_path / "moved").state("top") == "passed"
    assert capsys.readouterr().err == ""


def test_an_update_of_a_copy_leaves_the_progress_to_the_first(course: Path, workspace: Path, tmp_path: Path) -> None:
    record(workspace, "base", 4)
    copy = shutil.copytree(workspace, tmp_path / "copy")
    update(copy)
    assert Progress.load(workspace).state("base") == "passed"
    assert Progress.load(copy).state("base") == "not started"


def test_a_link_to_a_workspace_is_no_copy(
    course: Path, workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(workspace, "base", 4)
    (tmp_path / "link").symlink_to(workspace)
    for path in (tmp_path / "link", workspace):
        assert Progress.load(path).state("base") == "passed"
    assert capsys.readouterr().err == ""


def test_two_copies_of_a_workspace_that_is_unknown_here_differ(
    course: Path, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "of another user"))
    record(workspace, "base", 4)
    copy = shutil.copytree(workspace, tmp_path / "copy")
    assert Progress.load(copy).state("base") == "not started"
    assert Progress.load(workspace).state("base") == "passed"


def test_an_unwritable_workspace_is_an_error(course: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written: Not a directory"):
        init(tmp_path / "file" / "mine")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "",
        '{"id": "../../..", "version": "1"}',
        '{"id": "0123456789abcdef\\n", "version": "1"}',
        '{"id": "0123456789abcdef", "version": "\\u001b[2J"}',
        '{"id": "0123456789abcdef", "version": "1", "files": {"exercises/\\ud800": ""}}',
        '{"id": "0123456789abcdef", "version": "1", "more": ' + "[" * 99999,
    ],
    ids=range(8),
)
def test_a_malformed_marker_is_an_error(workspace: Path, text: str) -> None:
    (workspace / MARKER).write_text(text)
    with pytest.raises(UsageError, match=r"\.workspace\.json cannot be read: .* run grade init") as caught:
        load_course(workspace)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("path", "stub"),
    [(STUB, True), (STATEMENT, False), ("exercises/base/lab.py", False), ("lessons/base/base.py", False)],
)
def test_is_stub_is_true_for_files_that_students_complete(path: str, stub: bool) -> None:
    assert is_stub(path) is stub
