"""A part of a lesson as a notebook: its cells, its folds, and a run of it."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.base.errors import UsageError
from grader.course import load_course
from grader.course.lesson.load import load_lesson
from grader.study.notebook.writer import notebook_of
from tests.paths import ROOT
from tests.study.notebook.kernels import errors, html, run, text

FOLD = re.compile(r"<details>.*?</details>", re.DOTALL)
HIDDEN = "nobody-reads-this-test"


def made(root: Path) -> str:
    course = load_course(root)
    (part,) = load_lesson(course, course.lessons[0])
    return notebook_of(course, part)


def read(root: Path) -> Any:
    return nbformat.reads(made(root), as_version=4)


def cell_with(notebook: Any, words: str) -> Any:
    """Return the only cell whose source contains these words."""
    (found,) = [cell for cell in notebook.cells if words in cell.source]
    return found


def stub_replaced(notebook: Any, code: str) -> Any:
    """Replace the stub in the cell that grades, and return the cell."""
    cell = cell_with(notebook, "%%grade toolbox")
    cell.source = f"%%grade toolbox\n{code}"
    return cell


def test_is_a_valid_python_notebook(course: Path) -> None:
    notebook = read(course)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.language_info.name == "python"
    assert notebook.cells[0].source.startswith("# Sums of the past\n")


def test_the_same_part_gives_the_same_bytes(course: Path) -> None:
    assert made(course) == made(course)


def test_explains_how_to_install_the_course(course: Path) -> None:
    first = read(course).cells[0].source
    assert "need the course, too" in first
    for line in ("!git clone ADDRESS course", "%cd course", "%pip install --quiet ."):
        assert f"    {line}\n" in f"{first}\n"
        assert line in (ROOT / "docs/students.md").read_text("utf-8").splitlines()


def test_a_part_without_exercises_mentions_no_course(course: Path) -> None:
    path = course / "lessons/01-tools/1-sums.md"
    path.write_text(path.read_text("utf-8").partition("```exercise")[0], "utf-8")
    assert "need the course" not in read(course).cells[0].source


def test_formulas_stay_tex(course: Path) -> None:
    assert r"$y_t = \sum_{s \le t} x_s$" in cell_with(read(course), "We want the sum").source


def test_stores_outputs_with_their_cells(course: Path) -> None:
    cell = cell_with(read(course), "v = torch.tensor")
    assert [(output.name, output.text) for output in cell.outputs] == [("stdout", "tensor([3., 6., 9.])\n")]
    assert cell_with(read(course), "matrix_rank").outputs[0].text == "3\n"


def test_folds_hidden_outputs_with_the_answer(course: Path) -> None:
    notebook = read(course)
    assert cell_with(notebook, "print(w @ v)").outputs == []
    question = cell_with(notebook, "Which of these")
    assert question.source.startswith("**Before you run the cell above:** Which of these is the last number?")
    (fold,) = FOLD.findall(question.source)
    for hidden in ("**18**", "**all three**", "tensor([ 3.,  9., 18.])", "data:image/png", "The triangle of"):
        assert hidden in fold


def test_no_answer_is_visible_outside_of_folds(course: Path) -> None:
    seen = [FOLD.sub("", cell.source) + json.dumps(cell.get("outputs", [])) for cell in read(course).cells]
    for answer in ("all three", "9., 18.", "The triangle of"):
        assert not any(answer in each for each in seen)


def test_embeds_pictures_as_png(course: Path) -> None:
    source = cell_with(read(course), "Once more").source
    found = re.search(r'<img alt="who sees &lt;whom&gt;" width="\d+" src="data:image/png;base64,([^"]+)">', source)
    assert found
    assert base64.b64decode(found[1]).startswith(b"\x89PNG")


def test_a_deep_dive_has_a_first_and_a_last_line(course: Path) -> None:
    sources = [cell.source for cell in read(course).cells]
    begin = next(i for i, source in enumerate(sources) if "**Deep dive: Why a matrix.**" in source)
    assert "End of the deep dive" in sources[begin + 3]


def test_a_deep_dive_with_a_question_mark_gets_no_period(course: Path) -> None:
    path = course / "lessons/01-tools/1-sums.md"
    path.write_text(path.read_text("utf-8").replace("Why a matrix", "Why a matrix?"), "utf-8")
    assert cell_with(read(course), "Why a matrix").source.startswith("---\n\n**Deep dive: Why a matrix?** You can")


def test_the_stub_is_in_a_cell_that_grades_it(course: Path) -> None:
    cells = read(course).cells
    place = next(i for i, cell in enumerate(cells) if cell.source == "%load_ext grader.study.notebook")
    assert "Five tools, the first of which is a product." in cells[place - 1].source
    stub = (course / "exercises/toolbox/toolbox.py").read_text()
    assert cells[place + 1].source == f"%%grade toolbox\n{stub}".rstrip("\n")


def test_contains_nothing_of_the_solution(course: Path) -> None:
    for file in (course / "solutions/toolbox").glob("*.py"):
        file.write_text(f"{file.read_text()}\n# {HIDDEN}\n")
    assert HIDDEN not in made(course)
    assert "def test_" not in made(course)


@pytest.mark.parametrize("content", [None, '{"type": "matrix"}', "no JSON"])
def test_reports_a_missing_or_malformed_picture(course: Path, content: str | None) -> None:
    path = course / "lessons/01-tools/pictures/triangle.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=r"triangle\.json.*grade check --update"):
        made(course)


@pytest.mark.parametrize(
    ("product", "words"),
    [("x * factor", "31 of 31 points"), ("x * factor * factor", "You applied the factor twice.")],
    ids=["right", "wrong"],
)
def test_runs_from_top_to_bottom(course: Path, product: str, words: str) -> None:
    notebook = read(course)
    stored = {cell.id: cell.outputs[0].text for cell in notebook.cells if cell.get("outputs")}
    reference = (course / "solutions/toolbox/toolbox.py").read_text()
    cell = stub_replaced(notebook, reference.replace("x * factor", product))
    cells = [each for each in run(notebook, course) if each.cell_type == "code"]
    assert [errors(each) for each in cells] == [[]] * len(cells)
    assert words in html(cell)
    assert {each.id: text(each) for each in cells if each.id in stored} == stored
    assert text(cell_with(notebook, "print(w @ v)")) == "tensor([ 3.,  9., 18.])\n"
