"""The state kept between cells, and after an interrupt."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.engine.pool.client import Judges
from grader.study.notebook.session import NotebookSession


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
