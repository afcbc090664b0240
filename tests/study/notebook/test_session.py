"""What is kept from cell to cell, and what an interrupt leaves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.engine.pool.client import Judges
from grader.study.notebook.session import Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


@pytest.fixture
def reference(course: Path) -> str:
    return (course / "solutions/toolbox/toolbox.py").read_text()


def score(desk: Desk, root: Path, code: str) -> float:
    return desk.grade(root, "toolbox", code, "%%grade toolbox").result.score


def test_one_warm_process_serves_all_cells(
    desk: Desk, course: Path, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert score(desk, course, reference) == 31
    monkeypatch.setattr(Judges, "start", None)
    assert score(desk, course, reference.replace("x * factor", "x + factor")) == 30


def test_a_test_that_was_changed_meanwhile_is_read_again(desk: Desk, course: Path, reference: str) -> None:
    assert score(desk, course, reference) == 31
    tests = course / "exercises/toolbox/test_public.py"
    tests.write_text(tests.read_text().replace("x * 3.0", "x * 3.0 + 1.0"))
    assert score(desk, course, reference) == 30


def test_after_an_interrupt_the_next_cell_is_graded(
    desk: Desk, course: Path, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(judges: Judges, jobs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Judges, "grade", interrupted)
        with pytest.raises(KeyboardInterrupt):
            score(desk, course, reference)
    assert not (course / ".archgrade").exists()
    assert score(desk, course, reference) == 31
