"""Every letter has one meaning, and formulas and code use no others."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course.lesson.notation import letters_of, load_notation, notation_problems
from tests import small_lesson
from tests.small_lesson import edited, line_of, part_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    small_lesson.make(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("formula", "letters"),
    [
        (r"\frac{QK^\top}{\sqrt{K}}", ["Q", "K", "K"]),
        (r"\text{softmax}(x_i) + \operatorname{max}_j \log\beta", ["x", "i", "j", r"\beta"]),
        (r"\bar{B} = \Delta B", [r"\bar{B}", r"\Delta", "B"]),
        (r"\left( 2 \cdot \varepsilon \right)\, \eta Δ", [r"\varepsilon", r"\eta", "Δ"]),
        (r"\begin{aligned} a \\ b \end{aligned}", ["a", "b"]),
    ],
)
def test_finds_the_letters_of_a_formula(formula: str, letters: list[str]) -> None:
    assert letters_of(formula, [r"\bar{B}"]) == letters


def test_a_good_part_has_no_text_problems(root: Path) -> None:
    part, _ = part_of(edited("itself. See", r"itself, $\bar{B}$ and $$ w_T $$. See"), root)
    assert list(notation_problems(part, load_notation(root))) == []


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("$w_1$", "$w_1 + z$", "the letter z is not in lessons/notation.yaml."),
        ("$w_1$", r"$\alpha w_1$", r"the letter \alpha is not in lessons/notation.yaml."),
        ("print(v.cumsum(0))", "Q = v.cumsum(0)", "the letter Q is not in lessons/notation.yaml."),
        ("print(v.cumsum(0))", "f = lambda Q: Q + Q", "the letter Q is not in lessons/notation.yaml."),
        ("$w_1$", "$S$", "the letter S is used here, but lessons/notation.yaml has it from lesson 2 on."),
    ],
)
def test_a_letter_without_a_meaning_is_reported_once(root: Path, old: str, new: str, what: str) -> None:
    text = edited(old, new)
    part, _ = part_of(text, root)
    (problem,) = notation_problems(part, load_notation(root))
    assert (problem.line, problem.sentence) == (line_of(text, new), what)


def test_the_name_of_an_import_is_not_a_letter(root: Path) -> None:
    part, _ = part_of(edited("import torch\n", "import torch\nimport torch.nn.functional as F\nF.relu\n"), root)
    assert list(notation_problems(part, load_notation(root))) == []


def test_a_course_without_notation_has_no_letters(tmp_path: Path) -> None:
    assert load_notation(tmp_path) == ()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("- {letter: T, meaning: time, lesson: 1}", "notation.yaml:5: T has a meaning already, in line 1"),
        ("- {letter: D, tex: w, meaning: width, lesson: 1}", "notation.yaml:5: w has a meaning already, in line 2"),
        ("- {letter: D, lesson: 1}", "notation.yaml:5"),
    ],
)
def test_an_error_in_the_notation_names_its_line(root: Path, more: str, sentence: str) -> None:
    path = root / "lessons" / "notation.yaml"
    path.write_text(small_lesson.NOTATION + more)
    with pytest.raises(UsageError, match=r"notation.yaml:5") as error:
        load_notation(root)
    assert sentence in str(error.value)
