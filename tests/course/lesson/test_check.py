"""Problems in the text of a part, each with its line."""

from pathlib import Path

import pytest

from grader.course.lesson.check import id_problems, text_problems
from grader.course.lesson.files import PartFile
from grader.course.lesson.load import load_part
from tests import small_lesson
from tests.small_lesson import FILLER, GOOD, edited, line_of, part_of


def problems(text: str, root: Path, lesson: int = 1) -> list[tuple[int, str]]:
    """Return line and sentence of all problems of a part with this text."""
    part, course = part_of(text, root, lesson=lesson)
    return [(each.line, each.sentence) for each in text_problems(part, text, course)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    small_lesson.make(tmp_path)
    (tmp_path / "lessons" / "moving").mkdir()
    (tmp_path / "lessons" / "moving" / "sums.js").touch()
    return tmp_path


def test_a_good_part_has_no_notation_problems(root: Path) -> None:
    assert problems(GOOD, root) == []


@pytest.mark.parametrize(
    ("old", "new", "at", "what"),
    [
        ("print(v.cumsum(0))", f"print(v.cumsum(0))  # {'x' * 60}", "xxx", "this line has 82 columns; 76 fit"),
        ("```exercise adding", "```exercise ading", "ading", "no exercise 'ading'. Did you mean 'adding'?"),
        ("```exercise adding", "```exercise halving_lab", "halving_lab", "'halving_lab' belongs to lesson 2."),
        ("```exercise adding", "```lab halves", "lab halves", "no lab 'halves'. Did you mean 'halving'?"),
        ("answer: 18", "answer: 17", "```question", "does not contain its answer, 17."),
        ("https://arxiv.org", "http://arxiv.org", "paper", "does not begin with https."),
        ("https://arxiv.org", "https://arxiv", "paper", "is not a valid address."),
        ("(https://arxiv.org/abs/1706.03762)", "(2-next.md)", "paper", "the link 2-next.md leads to no file."),
        ("(https://arxiv.org/abs/1706.03762)", "(../../../x.md)", "paper", "leads out of the course."),
        ("(https://arxiv.org/abs/1706.03762)", "(1-past.md#the-future)", "paper", "leads to no heading of 1-past.md."),
        ("(https://arxiv.org/abs/1706.03762)", "(https://arxiv.org/a b)", "paper", "this is not a link"),
        ("```picture sums", "```picture sums moving=summs", "moving=summs", "'summs'. Did you mean 'sums'?"),
        (FILLER, "Short.", "", "this takes 1 min to read; 8 to 15 min are allowed."),
        (FILLER, f"{FILLER}\n{FILLER}", "", "this takes 20 min to read; 8 to 15 min are allowed."),
        (FILLER, f"{FILLER}\n\n- item\n\n  ```python\n  1\n  ```", "  ```python", "is not run"),
        (FILLER, f"{FILLER}\n```text\nx", "```text", "this fence is not closed."),
        (FILLER, f"{FILLER}\n\n::: deep Last\nx", "::: deep Last", "this deep dive is not closed"),
        ("::: deep Why it", "::: depe Why it", "::: depe", "::: opens a deep dive"),
    ],
)
def test_a_problem_has_its_line(root: Path, old: str, new: str, at: str, what: str) -> None:
    text = edited(old, new)
    found = problems(text, root)
    line = line_of(text, at) if at else 0
    assert [each for each in found if each[0] == line and what in each[1]], found


@pytest.mark.parametrize(
    ("mention", "what"),
    [
        ("as in part 2", "the mention of part 2 is not a link; write [part 2](2-more.md)."),
        ("as in [part 2](1-past.md)", "the mention of part 2 links elsewhere; write [part 2](2-more.md)."),
        ("as in parts 1 and 2", "the mention of part 2 is not a link; write [part 2](2-more.md)."),
        ("as in part 7", "the mention of part 7 is not a link."),
        (
            "as in [lesson 2](2-more.md)",
            "the mention of lesson 2 links elsewhere; write [lesson 2](../02-products).",
        ),
        ("as in part 1", None),
        ("as in [part 2](2-more.md) and in parts 1 and [2](2-more.md#more)", None),
        ("as in [part 2 of lesson 1](2-more.md) and [lesson 1, part 2](../01-sums/2-more.md)", None),
        ("as in `part 2`", None),
    ],
)
def test_mentions_of_other_parts_and_lessons_are_links(root: Path, mention: str, what: str | None) -> None:
    (root / "lessons/01-sums/2-more.md").write_text("---\ntitle: More\n---\n\n## More\n")
    text = edited(FILLER, f"{FILLER}\n\nIt is\n{mention}.")
    assert problems(text, root) == ([] if what is None else [(line_of(text, mention), what)])


def test_an_unknown_script_of_a_picture_is_a_problem(root: Path) -> None:
    text = edited("```picture sums", "```picture sums moving=sums")
    assert problems(text, root) == []
    (root / "lessons" / "moving" / "sums.js").unlink()
    assert [what for _, what in problems(text, root)] == [
        "there is no script 'sums'. There are none in lessons/moving."
    ]


def test_links_to_files_and_headings_of_the_course_are_valid(root: Path) -> None:
    for target in ("1-past.md#the-past-added-up", "#the-past-added-up", "../glossary.yaml", "../../exercises/adding"):
        assert problems(edited("https://arxiv.org/abs/1706.03762", target), root) == []


@pytest.mark.parametrize("lab", ["halving", "halving_lab"])
def test_a_lab_may_be_of_another_lesson(root: Path, lab: str) -> None:
    assert problems(edited("```exercise adding", f"```lab {lab}"), root) == []


def test_the_hidden_output_must_contain_the_answer_within_its_tolerance(root: Path) -> None:
    assert problems(edited("answer: 18", "answer: 17.6\ntolerance: 0.5"), root) == []


def test_the_opening_may_be_short(root: Path) -> None:
    text = edited(FILLER, FILLER[: len(FILLER) // 3])
    assert [what for _, what in problems(text, root)] == ["this takes 4 min to read; 8 to 15 min are allowed."]
    assert problems(text, root, lesson=0) == []


def test_the_course_sets_the_reading_time_of_parts(root: Path) -> None:
    with (root / "course.yaml").open("a") as file:
        file.write("standards: {minutes: [1, 3]}\n")
    assert [what for _, what in problems(GOOD, root)] == ["this takes 10 min to read; 1 to 3 min are allowed."]


def test_a_duplicate_question_id_is_a_problem(root: Path) -> None:
    part, _ = part_of(GOOD, root)
    (root / small_lesson.FOLDER / "2-again.md").write_text(GOOD)
    other = load_part(root, PartFile(1, "sums", 2, "again", root / small_lesson.FOLDER / "2-again.md"))
    line = line_of(GOOD, "```question")
    (problem,) = id_problems([part, other])
    assert (problem.path, problem.line) == (other.path, line)
    assert problem.sentence == f"the id 'the-last' is taken by the question in {part.path}:{line}."
