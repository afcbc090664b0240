"""Loading a glossary, finding terms, and errors in the file."""

from pathlib import Path

import pytest

from grader.course.glossary import find_terms, glossary_path, load_glossary
from tests.command_line import error
from tests.course.small_glossary import GLOSSARY, write


def test_names_with_the_prefix_come_before_names_with_a_word_with_it(glossary_course: Path) -> None:
    write(glossary_course, GLOSSARY.replace("residual connection", "attention mask"))
    terms = find_terms(load_glossary(glossary_course), "att")
    assert [term.term for term in terms] == ["attention mask", "multi-head attention", "multi-query attention"]


@pytest.mark.parametrize(
    ("glossary", "sentence"),
    [
        ("", "1: the file is empty."),
        ("term: expert\n", "1: expected lines of the form - key: value."),
        ("- {term: a b, defnition: One., lesson: 3}\n", "1: unknown key 'defnition'. Did you mean 'definition'?"),
        ("- term: gate\n  definition: One.\n", "1: 'lesson' is missing."),
        ("- term: gate\n  lesson: 3\n  definition:\n", "3: 'definition' must be text"),
        ("- term: gate\n  lesson: three\n  definition: One.\n", "2: 'lesson' must be a whole number, not 'three'."),
        ("- term: gate\n  also: MoE\n  lesson: 3\n  definition: One.\n", "2: 'also' must be a list, not 'MoE'."),
        ("- term: gate\n  definition: One.\n  lesson: 4\n", "3: there is no lesson 4 in course.yaml."),
        ("- {term: '?', definition: One., lesson: 3}\n", "1: '?' has neither letters nor digits to find it by."),
        (
            "- {term: top-k, definition: One., lesson: 3}\n- {term: Top Ks, definition: Two., lesson: 3}\n",
            "2: 'Top Ks' is given twice, first in line 1.",
        ),
        (
            "- term: gate\n  lesson: 3\n  definition: One.\n  also: [router]\n"
            "- term: router\n  lesson: 3\n  definition: Two.\n",
            "5: 'router' is given twice, first in line 4.",
        ),
        ("- term: gate\n   lesson: 3\n", "2: not valid YAML"),
    ],
)
def test_an_error_in_the_glossary_names_its_line(glossary_course: Path, glossary: str, sentence: str) -> None:
    write(glossary_course, glossary)
    assert error("glossary", "gate").startswith(f"lessons/glossary.yaml:{sentence}")


def test_glossary_of_a_course_without_one_is_an_error(glossary_course: Path) -> None:
    glossary_path(glossary_course).unlink()
    assert load_glossary(glossary_course) == ()
    assert error("glossary") == "This course has no glossary: there are no terms in lessons/glossary.yaml."
