"""The output of code is written into a part, and nothing else is changed."""

from pathlib import Path

import pytest

from grader.course.lesson.source import code_cells
from grader.course.lesson.update import with_outputs
from tests import small_lesson
from tests.small_lesson import GOOD, edited, part_of

FIRST = "```output\ntensor([ 3.,  9., 18.])\n```\n\n```picture"
PRINTED = ["tensor([ 3.,  9., 18.])", "tensor([ 3.,  9., 18.])"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    small_lesson.make(tmp_path)
    return tmp_path


def updated(text: str, root: Path, printed: list[str]) -> str:
    part, _ = part_of(text, root)
    return with_outputs(text, code_cells(part)[0], printed)


def test_with_outputs_keeps_correct_outputs(root: Path) -> None:
    assert updated(GOOD, root, PRINTED) == GOOD


def test_an_output_that_differs_is_replaced(root: Path) -> None:
    text = edited(FIRST, "```output\nold\nand older\n```\n\n```picture")
    assert updated(text, root, PRINTED) == GOOD


def test_a_missing_output_comes_after_the_question(root: Path) -> None:
    text = edited(f"\n{FIRST}", "\n```picture")
    assert updated(text, root, PRINTED) == GOOD


def test_a_missing_output_comes_after_its_code(root: Path) -> None:
    text = edited("print(v.cumsum(0))\n```\n\n```output\ntensor([ 3.,  9., 18.])\n```", "print(v.cumsum(0))\n```")
    assert updated(text, root, PRINTED) == GOOD


def test_a_new_output_keeps_its_blank_lines(root: Path) -> None:
    text = updated(GOOD, root, ["a\n\nb", PRINTED[1]])
    assert text == edited(FIRST, "```output\na\n\nb\n```\n\n```picture")


def test_code_that_did_not_run_or_prints_nothing_keeps_its_output(root: Path) -> None:
    assert updated(GOOD, root, [""]) == GOOD


def test_with_outputs_keeps_line_endings(root: Path) -> None:
    text = edited(FIRST, "```output\nold\n```\n\n```picture")
    assert updated(text.replace("\n", "\r\n"), root, PRINTED) == GOOD.replace("\n", "\r\n")


def test_an_output_after_a_deep_dive_is_found(root: Path) -> None:
    text = "---\ntitle: x\n---\n```python\n1\n```\n::: deep More\n```python\n2\n```\n:::\n```output\nold\n```\n"
    assert updated(text, root, ["one\none", "two"]) == (
        "---\ntitle: x\n---\n```python\n1\n```\n::: deep More\n```python\n2\n```\n\n```output\ntwo\n```\n:::\n"
        "```output\none\none\n```\n"
    )
