"""A part of a lesson as a notebook: its cells, its folds, and a run of it."""

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from matplotlib import pyplot

from grader.base.errors import UsageError
from grader.course import load_course
from grader.course.lesson.load import load_lesson
from grader.show.pictures.graphics import PNG_DENSITY
from grader.study.notebook.colab import GitHubFile
from grader.study.notebook.writer import notebook_of
from tests.study.notebook.kernels import errors, html, run, text

FOLD = re.compile(r"<details>.*?</details>", re.DOTALL)
HIDDEN = "nobody-reads-this-test"


PUBLISHED = GitHubFile("ada", "course", "main", "notebooks/1.1-sums.ipynb")


def made(root: Path, published: GitHubFile | None = None) -> str:
    course = load_course(root)
    (part,) = load_lesson(course, course.lessons[0])
    return notebook_of(course, part, published)


def read(root: Path, published: GitHubFile | None = None) -> Any:
    return nbformat.reads(made(root, published), as_version=4)


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


def test_says_where_to_open_it(course: Path) -> None:
    notebook = read(course)
    assert "need the course, too: open the\nnotebook in the course's folder" in notebook.cells[0].source
    assert not any(word in cell.source for cell in notebook.cells for word in ("ADDRESS", "Colab", "pip install"))


def test_a_published_notebook_has_a_badge_and_a_cell_that_installs_the_course_in_colab(course: Path) -> None:
    notebook = read(course, PUBLISHED)
    first, installation = notebook.cells[:2]
    assert first.source.startswith(f"{PUBLISHED.badge}\n\n# Sums of the past\n")
    assert "In Colab the\nnext cell installs it." in first.source
    assert (installation.cell_type, installation.source) == ("code", PUBLISHED.installation)


def test_a_published_part_without_exercises_has_only_the_badge(course: Path) -> None:
    path = course / "lessons/01-tools/1-sums.md"
    path.write_text(path.read_text("utf-8").partition("```exercise")[0], "utf-8")
    notebook = read(course, PUBLISHED)
    assert notebook.cells[0].source.startswith(PUBLISHED.badge)
    assert not any("google.colab" in cell.source for cell in notebook.cells)


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
    (fold,) = FOLD.findall(cell_with(notebook, "**18**").source)
    for hidden in ("**18**", "**all three**", "tensor([ 3.,  9., 18.])", "data:image/png", "The triangle of"):
        assert hidden in fold


def test_a_question_is_above_the_cell_that_it_is_about_and_its_answer_below(course: Path) -> None:
    sources = [cell.source for cell in read(course).cells]
    place = sources.index("w = torch.tril(torch.ones(3, 3))\nprint(w @ v)")
    assert sources[place - 1] == "**Before you run the next cell:** Which of these is the last number?\n\n- 9\n- 18"
    assert sources[place + 1].startswith("<details>\n<summary>Answer</summary>\n\n**18**")


def test_a_module_of_an_earlier_part_is_written_above_the_first_cell_that_imports_it(course: Path) -> None:
    path = course / "lessons/01-tools/1-sums.md"
    text = path.read_text("utf-8")
    path.with_name("2-more.md").write_text(
        "---\ntitle: More\n---\n\n```python\nimport sums\n```\n\n```python\nfrom sums import total\n```\n", "utf-8"
    )
    path.write_text(text.replace("```python\n", "```python\n# sums.py\n", 1), "utf-8")
    loaded = load_course(course)
    _, more = load_lesson(loaded, loaded.lessons[0])
    cells = nbformat.reads(notebook_of(loaded, more), as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    module, *others = sources
    assert module.startswith("%%writefile sums.py\n# sums.py\n")
    assert others == ["import sums", "from sums import total"]


def test_text_between_code_and_its_question_is_above_both(course: Path) -> None:
    path = course / "lessons/01-tools/1-sums.md"
    path.write_text(path.read_text("utf-8").replace("```question", "Read it twice.\n\n```question"), "utf-8")
    sources = [cell.source for cell in read(course).cells]
    place = sources.index("w = torch.tril(torch.ones(3, 3))\nprint(w @ v)")
    assert sources[place - 2] == "Read it twice."
    assert sources[place - 1].startswith("**Before you run the next cell:** Which")


def test_a_question_that_hides_no_output_is_one_cell_and_moves_none(course: Path) -> None:
    path = course / "lessons/01-tools/1-sums.md"
    path.write_text(path.read_text("utf-8").replace("```output\ntensor([ 3.,  9., 18.])\n```\n\n", ""), "utf-8")
    sources = [cell.source for cell in read(course).cells]
    place = sources.index("w = torch.tril(torch.ones(3, 3))\nprint(w @ v)")
    assert sources[place + 1].startswith("Which of these is the last number?\n\n- 9\n- 18\n\n<details>")


def test_no_answer_is_visible_outside_of_folds(course: Path) -> None:
    seen = [FOLD.sub("", cell.source) + json.dumps(cell.get("outputs", [])) for cell in read(course).cells]
    for answer in ("all three", "9., 18.", "The triangle of"):
        assert not any(answer in each for each in seen)


def test_embeds_pictures_as_opaque_png(course: Path) -> None:
    source = cell_with(read(course), "Once more").source
    pattern = r'<img alt="who sees &lt;whom&gt;" width="(\d+)" src="data:image/png;base64,([^"]+)">'
    found = re.search(pattern, source)
    assert found
    pixels = pyplot.imread(io.BytesIO(base64.b64decode(found[2])))
    assert pixels.shape[1] // PNG_DENSITY == int(found[1])
    assert pixels.shape[2] == 3 or pixels[..., 3].min() == 1


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
    stub = (course / "exercises/toolbox/toolbox.py").read_text()
    assert cells[place + 1].source == f"%%grade toolbox\n{stub}".rstrip("\n")


def test_the_statement_is_above_the_cell_of_its_exercise(course: Path) -> None:
    (course / "exercises/toolbox/README.md").write_text("# Five tools\n\n## The formula\n\n$x \\cdot f$\n", "utf-8")
    cells = read(course).cells
    place = next(i for i, cell in enumerate(cells) if cell.source == "%load_ext grader.study.notebook")
    due, statement, where = cells[place - 3 : place]
    assert "Five tools, the first of which is a product." in due.source
    assert statement.source == "### Five tools\n\n#### The formula\n\n$x \\cdot f$\n"
    assert where.source == "Write it in the next cell, which takes the place of `toolbox.py`."
    assert {cell.cell_type for cell in (due, statement, where)} == {"markdown"}


def test_an_exercise_without_a_statement_points_to_none(course: Path) -> None:
    (course / "exercises/toolbox/README.md").unlink(missing_ok=True)
    cells = read(course).cells
    place = next(i for i, cell in enumerate(cells) if cell.source == "%load_ext grader.study.notebook")
    assert "Five tools, the first of which is a product." in cells[place - 1].source


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
