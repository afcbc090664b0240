"""Finding lessons and parts by numbers and words."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course import load_lessons
from grader.course.lesson.files import PartFile
from grader.course.lesson.find import find_lesson_or_part
from tests.paths import copy_toolbox

SECOND = "  - {number: 2, slug: other-tools, title: Other tools, short: sharp ones, names: [knives]}\n"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Make the small course with an opening and a second lesson of two parts."""
    root = copy_toolbox(tmp_path / "course")
    (root / "course.yaml").write_text((root / "course.yaml").read_text("utf-8") + SECOND, "utf-8")
    (root / "lessons" / "opening.md").write_text("---\ntitle: Welcome\n---\n", "utf-8")
    (root / "lessons" / "02-other-tools").mkdir()
    (root / "lessons" / "02-other-tools" / "1-sharp.md").write_text(
        "---\ntitle: On blades\n---\n\n## Knives\n", "utf-8"
    )
    (root / "lessons" / "02-other-tools" / "2-case.md").write_text(
        "---\ntitle: Without\n---\n\n```exercise edge_case\n```\n", "utf-8"
    )
    return root


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("1", "lesson 1"),
        ("tools", "lesson 1"),
        ("sharp ones", "lesson 2"),
        ("1.2", "1.2"),
        ("01.02", "1.2"),
        ("1 2", "1.2"),
        ("0", "0"),
        ("opening", "0"),
        ("leaks", "1.2"),
        ("what LEAKS", "1.2"),
        ("tools what: leaks?", "1.2"),
        ("average past", "1.1"),
        ("1 leak", "1.2"),
        ("1 sums", "1.1"),  # a heading in it
        ("knives", "lesson 2"),
        ("2 knives", "2.1"),
        ("On blades", "2.1"),
        ("other-tools", "lesson 2"),
        ("Sharp-Ones", "lesson 2"),
        ("AVERAGE-past", "1.1"),
        ("average of a past", "1.1"),  # small words tell nothing
        ("Edge Case", "2.2"),  # the exercise that is due there
        ("edge_case", "2.2"),
        ("2 edge-case", "2.2"),
        ("without", "2.2"),  # the whole title
    ],
)
def test_finds_a_lesson_or_part_by_words(course: Path, words: str, found: str) -> None:
    meant = find_lesson_or_part(load_lessons(course), words.split())
    assert (meant.name if isinstance(meant, PartFile) else f"lesson {meant.number}") == found


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("1.3", "There is no 1.3: lesson 1 has the parts 1.1 to 1.2."),
        ("leeks", "No lesson 'leeks' in this course. Did you mean 'leaks'?"),
        ("xyz", "No lesson 'xyz' in this course. grade lesson --list shows them all."),
        ("tool", "'tool' can be 'tools' (1) or 'other-tools' (2); name one of them."),
        ("the", "No lesson 'the' in this course. grade lesson --list shows them all."),
        ("too", "No lesson 'too' in this course. Did you mean 'Tools'?"),
        ("edge cose", "No lesson 'edge cose' in this course. Did you mean 'edge_case'?"),
        ("1 of", "Lesson 1 has no part 'of'. It has: The average of the past, What leaks."),
        ("1 the averge of past", "Lesson 1 has no part 'the averge of past'. Did you mean 'The average of the past'?"),
        ("1 xyz", "Lesson 1 has no part 'xyz'. It has: The average of the past, What leaks."),
    ],
)
def test_unknown_or_ambiguous_words_are_an_error(course: Path, words: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_lesson_or_part(load_lessons(course), words.split())
    assert str(caught.value) == sentence


def test_a_whole_title_is_found_although_its_first_word_is_a_lesson(course: Path) -> None:
    part = course / "lessons" / "02-other-tools" / "3-unused.md"
    part.write_text("---\ntitle: Tools that nobody uses\n---\n", "utf-8")
    found = find_lesson_or_part(load_lessons(course), ["tools", "that", "nobody", "uses"])
    assert isinstance(found, PartFile)
    assert found.name == "2.3"


def test_an_ambiguous_part_is_an_error(course: Path) -> None:
    part = course / "lessons" / "01-tools" / "3-more-leaks.md"
    part.write_text("---\ntitle: More leaks\n---\n", "utf-8")
    with pytest.raises(UsageError) as caught:
        find_lesson_or_part(load_lessons(course), ["1", "leak"])
    assert str(caught.value) == "'leak' can be 1.2 (What leaks) or 1.3 (More leaks); name one of them."
