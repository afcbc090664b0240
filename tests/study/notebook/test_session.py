"""The state kept between cells, and after an interrupt."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course.workspace.filling import init
from grader.engine.pool.client import Judges
from grader.study.notebook.session import NotebookSession
from tests.course.workspace.installation import install


@pytest.fixture
def session() -> Iterator[NotebookSession]:
    session = NotebookSession()
    yield session
    session.close()


@pytest.fixture
def reference(course: Path) -> str:
    return (course / "solutions/toolbox/toolbox.py").read_text()


def score(session: NotebookSession, root: Path, code: str) -> float:
    return session.grade(root, "toolbox", code, "%%grade toolbox").result.score


def test_all_cells_share_one_warm_process(
    session: NotebookSession, course: Path, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert score(session, course, reference) == 31
    monkeypatch.setattr(Judges, "start", None)
    assert score(session, course, reference.replace("x * factor", "x + factor")) == 30


def test_reloads_a_changed_test(session: NotebookSession, course: Path, reference: str) -> None:
    assert score(session, course, reference) == 31
    tests = course / "exercises/toolbox/test_public.py"
    tests.write_text(tests.read_text().replace("x * 3.0", "x * 3.0 + 1.0"))
    assert score(session, course, reference) == 30


def test_grades_the_next_cell_after_an_interrupt(
    session: NotebookSession, course: Path, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(judges: Judges, jobs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Judges, "grade", interrupted)
        with pytest.raises(KeyboardInterrupt):
            score(session, course, reference)
    assert not (course / ".archgrade").exists()
    assert score(session, course, reference) == 31


def test_an_outdated_workspace_is_not_graded(
    session: NotebookSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = install(tmp_path, monkeypatch) / "solutions/base/test_hidden.py"
    root = init(tmp_path / "mine").root
    hidden.write_text(hidden.read_text() + "\n# newer\n")
    with pytest.raises(UsageError, match="base in this workspace differs from base in the installed course"):
        session.grade(root, "base", "x = 1", "%%grade base")
