"""`%%grade`: the result shown, the state left in the kernel, and errors in the first line."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.processes import ends
from tests.study.notebook.kernels import errors, html, run_cells, text
from tests.three_exercises import BASE, HIGH, TOP, three_exercises

HIDDEN = "nobody-reads-this"

LOOK = f"""
import gc, sys
words = "-".join({HIDDEN.split("-")})
kept = [
    text for held in gc.get_objects() if type(held) in (dict, list, tuple)
    for text in (held.values() if type(held) is dict else held)
    if type(text) is str and words in text and text != words
]
print(kept, sorted({{"mistakes", "test_hidden", "test_public", "pytest"}} & set(sys.modules)))
"""
CHILDREN = """
import os
print(open(f"/proc/self/task/{os.getpid()}/children").read())
"""


@pytest.fixture
def reference(course: Path) -> str:
    return (course / "solutions/toolbox/toolbox.py").read_text()


@pytest.fixture
def light(course: Path, tmp_path: Path) -> Path:
    """Return a course whose code does not import torch, to save a second per kernel."""
    return three_exercises(tmp_path / "three")


def graded(code: str) -> str:
    return f"%%grade toolbox\n{code}"


def test_a_right_cell_passes_and_its_functions_are_defined_below(course: Path, reference: str) -> None:
    right, below, imported = run_cells(
        course, graded(reference), "scale(3.0, 2.0)", "from toolbox import pick; pick([7], 0)"
    )
    assert "31 of 31 points" in html(right)
    assert (text(below), text(imported)) == ("6.0", "7")
    (event,) = (course / ".archgrade/progress.jsonl").read_text().splitlines()
    assert json.loads(event)["passed"] is True


def test_a_wrong_cell_shows_its_mistake(course: Path, reference: str) -> None:
    wrong, shell = run_cells(
        course,
        graded(reference.replace("x * factor", "x * factor * factor")),
        f"!{sys.executable} -m grader.cli shell toolbox --print",
    )
    for fact in (
        "You applied the factor twice.",
        "scale(x, factor=3.0)",
        "yours              expected",
        "30 of 31 points",
        "grade hint toolbox",
        "grade shell toolbox --print",
    ):
        assert fact in html(wrong)
        assert fact in text(wrong)
    assert "toolbox.scale(" in text(shell)


def test_escapes_text_of_the_student(light: Path) -> None:
    cross = '<script>alert("x")</script>\\x1b[31m'
    (cell,) = run_cells(light, f"%%grade base\ndef double(x):\n    raise ValueError('{cross}')\n")
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;\\x1b[31m" in html(cell)
    assert "<script" not in html(cell)
    assert "\x1b" not in html(cell)


def test_a_cell_that_cannot_run_is_explained_and_not_run(course: Path) -> None:
    open_bracket, hangs = run_cells(
        course, graded("def scale(x, factor):\n    return x * ("), graded("raise ValueError('no')")
    )
    assert "syntax error" in html(open_bracket)
    assert "cell:3" in html(open_bracket)  # as the cell counts its lines
    assert "not loaded" in html(hangs)
    assert [errors(cell) for cell in (open_bracket, hangs)] == [[], []]
    assert all(len(cell.outputs) == 1 for cell in (open_bracket, hangs))


def test_code_that_hangs_in_a_test_does_not_reach_the_kernel(light: Path) -> None:
    right, hangs, below = run_cells(
        light,
        f"%%grade base\n{BASE}",
        "%%grade base --timeout 0.5\ndef double(x):\n    while True:\n        pass\n",
        "double(3)",
    )
    assert "4 of 4 points" in html(right)
    assert "Not run in your kernel (out of time); earlier definitions stay." in text(hangs)
    assert "Not run" not in text(right)
    assert text(below) == "6"


def test_code_that_hangs_while_it_is_loaded_does_not_reach_the_kernel(light: Path) -> None:
    hangs, below = run_cells(light, "%%grade base\nloaded = 1\nwhile True:\n    pass\n", "'loaded' in globals()")
    assert "Not run in your kernel (out of time); earlier definitions stay." in text(hangs)
    assert text(below) == "False"


def test_a_wrong_cell_runs_in_the_kernel(light: Path) -> None:
    wrong, below = run_cells(light, "%%grade base\ndef double(x):\n    return 3 * x\n", "double(3)")
    assert "Not run" not in text(wrong)
    assert text(below) == "9"


def test_advice_is_in_the_language_of_cells(light: Path) -> None:
    (light / "exercises/base/README.md").write_text("# Twice\n", "utf-8")
    wrong, right = run_cells(light, "%%grade base\ndef double(x):\n    return 3 * x\n", f"%%grade base\n{BASE}")
    assert "!grade read base " in text(wrong)
    assert re.search(r"next +!grade read \w+ ", text(right))
    assert not re.search(r"(?<![!%])grade (?:hint|read|exercise|shell|lesson|diff) ", text(wrong) + text(right))


def test_the_next_part_is_a_notebook(course: Path, reference: str) -> None:
    (course / "lessons/01-tools/2-more.md").write_text("---\ntitle: More sums\n---\n\nMore.\n", "utf-8")
    (cell,) = run_cells(course, graded(reference))
    assert "next   !grade notebook 1.2   More sums" in text(cell)


def test_help_needs_no_code(light: Path) -> None:
    (shown,) = run_cells(light, "%%grade --help")
    assert text(shown).startswith("Usage: %%grade [OPTIONS] ID [TEST]\n")
    for option in ("--course DIR", "--timeout S", "--full"):
        assert option in text(shown)
    assert errors(shown) == []


@pytest.mark.parametrize("cell", ["%%grade base", "%%grade base\n", "%%grade base\n  \n\n"])
def test_a_cell_without_code_is_not_graded(light: Path, cell: str) -> None:
    (shown,) = run_cells(light, cell)
    assert text(shown) == (
        "UsageError: This cell has no code below %%grade base; !grade read base shows what to write.\n"
    )
    assert not (light / ".archgrade").exists()


def test_does_not_grade_magic_lines(light: Path) -> None:
    (cell,) = run_cells(light, f"%%grade base\n%precision 3\n{BASE}")
    assert "Not run: line 2: %precision 3" in html(cell)
    assert "4 of 4 points" in html(cell)


def test_an_invalid_first_line_is_one_sentence(course: Path, tmp_path: Path) -> None:
    lines = {
        "tolbox": "UsageError: No exercise 'tolbox' in this course. Did you mean 'toolbox'?\n",
        "": "UsageError: Missing argument 'ID': %%grade ID [TEST] [--course DIR].\n",
        "toolbox --fast": "UsageError: No such option '--fast': %%grade ID [TEST] [--course DIR].\n",
        "toolbox 'a": "UsageError: No closing quotation: %%grade ID [TEST] [--course DIR].\n",
        f"toolbox --course {tmp_path}": "UsageError: There is no course.yaml in "
        f"{tmp_path}; --course takes the folder of a course.\n",
    }
    cells = run_cells(course, *(f"%%grade {line}\nx = 1" for line in lines))
    assert [text(cell) for cell in cells] == list(lines.values())
    assert [errors(cell) for cell in cells] == [[]] * len(lines)


def test_finds_no_course_unless_it_is_named(light: Path, tmp_path: Path) -> None:
    nowhere, named = run_cells(tmp_path, f"%%grade base\n{BASE}", f"%%grade base --course {light}\n{BASE}")
    assert text(nowhere).startswith("UsageError: There is no course.yaml in ")
    assert text(nowhere).count("\n") == 1
    assert "4 of 4 points" in html(named)


def test_the_kernel_contains_no_tests_and_leaves_no_process(light: Path) -> None:
    for file in (light / "solutions/base").glob("*.py"):
        file.write_text(f"{file.read_text()}\n# {HIDDEN}\n")
    cell, look, children = run_cells(light, f"%%grade base\n{BASE}", LOOK, CHILDREN)
    assert "4 of 4 points" in html(cell)
    assert text(look) == "[] []\n"
    processes = text(children).split()
    assert len(processes) == 2  # the warm one, and the one that parses
    assert all(ends(int(each)) for each in processes)


def test_imports_an_earlier_cell_instead_of_the_file(light: Path) -> None:
    blocked, earlier, later, below = run_cells(
        light, f"%%grade top\n{TOP}", f"%%grade base\n{BASE}", f"%%grade top\n{TOP}", "quadruple(3)"
    )
    assert "needs base first" in html(blocked)
    assert "4 of 4 points" in html(earlier)
    assert "4 of 4 points" in html(later)
    assert text(below) == "12"


def test_imports_exercises_from_cells_and_files(light: Path) -> None:
    (light / "exercises/top/top.py").write_text(TOP)
    _, cell, below = run_cells(light, f"%%grade base\n{BASE}", f"%%grade high\n{HIGH}", "octuple(3)")
    assert "4 of 4 points" in html(cell)
    assert text(below) == "24"


def test_imports_a_file_without_a_cell(light: Path) -> None:
    (light / "exercises/base/base.py").write_text(BASE)
    later, below = run_cells(light, f"%%grade top\n{TOP}", "quadruple(3)")
    assert "4 of 4 points" in html(later)
    assert text(below) == "12"
