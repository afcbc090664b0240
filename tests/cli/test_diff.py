"""Tests of `grade diff`."""

from pathlib import Path

import pytest

from tests.command_line import error, run
from tests.passed import record


def test_refuses_before_a_pass(small_course: Path) -> None:
    assert "after a pass" in error("diff", "alpha")
    record(small_course, "alpha", 3)
    assert "after a pass" in error("diff", "alpha")


@pytest.mark.parametrize("columns", ["80", "140"])
def test_shows_the_functions_that_differ(small_course: Path, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    record(small_course, "alpha", 4)
    mine = small_course / "exercises" / "alpha" / "alpha.py"
    mine.write_text("def same(x):\n    'mine'\n    return x\n\n\ndef double(x):\n    return x + x\n")
    reference = small_course / "solutions" / "alpha" / "alpha.py"
    reference.write_text(
        'def same(x):\n    """theirs"""\n    return  x\n\n\n' + reference.read_text().split("\n\n", 2)[2]
    )
    lines = run("diff", "alpha").stdout.splitlines()
    assert "  double" in lines
    assert "  same" not in lines
    if columns == "80":
        assert "  -     return x + x" in lines
        assert "  +     return 2 * x" in lines
    else:
        (row,) = (line for line in lines if "return x + x" in line)
        assert row.index("return x + x") < row.index("│") < row.index("return 2 * x")
    assert not any("twice x." in line for line in lines)  # docstrings are left out


def test_says_that_the_code_is_the_same(small_course: Path) -> None:
    record(small_course, "alpha", 4)
    (small_course / "exercises" / "alpha" / "alpha.py").write_text(
        "def double(x: Tensor) -> Tensor: return 2*x  # mine\n"
    )
    assert "are the same" in run("diff", "alpha").stdout
