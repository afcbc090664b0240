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


def test_without_an_id_it_takes_the_exercise_that_passed_last(small_course: Path) -> None:
    assert error("diff") == "No exercise has passed yet; grade diff shows the reference after a pass."
    for name, score in (("beta", 4), ("alpha", 4), ("gamma", 1)):
        record(small_course, name, score)
        (small_course / "exercises" / name / f"{name}.py").write_text("def double(x): return x + x\n")
    assert "  alpha   - yours, + the reference" in run("diff").stdout.splitlines()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(small_course / "exercises" / "beta")
        assert "  beta   - yours, + the reference" in run("diff").stdout.splitlines()


def test_ends_with_the_next_step_of_the_course(small_course: Path) -> None:
    for name in ("alpha", "beta", "gamma"):
        record(small_course, name, 4)
        (small_course / "exercises" / name / f"{name}.py").write_text("def double(x): return x + x\n")
        following = run("next")
        last = run("diff", name).stdout.splitlines()[-1].split()
        if name == "gamma":
            assert (following.exit_code, last) == (2, ["map", "grade"])
        else:
            assert last[:2] == ["next", "grade"]
            assert " ".join(last[1:]) in following.stdout


def test_says_that_the_code_is_the_same(small_course: Path) -> None:
    record(small_course, "alpha", 4)
    (small_course / "exercises" / "alpha" / "alpha.py").write_text(
        "def double(x: Tensor) -> Tensor: return 2*x  # mine\n"
    )
    assert "are the same" in run("diff", "alpha").stdout
