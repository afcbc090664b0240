"""The sections of a Markdown text, and how one is found by its heading."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course.lesson.headings import find_section, lesson_sections, sections

TEXT = """\
---
title: Mixture of experts
---

## The idea

Text.

## The mechanism

### Routing

Pick **k** of E.

```python
# no heading
```

### Balance of `E` experts

Keep them busy.
"""


def test_a_section_ends_where_the_next_of_its_level_begins() -> None:
    routing = next(section for section in sections(TEXT) if section.title == "Routing")
    assert routing.level == 3
    assert routing.text.startswith("### Routing\n")
    assert routing.text.endswith("# no heading\n```\n")


def test_a_section_holds_its_subsections() -> None:
    assert "### Balance" in find_section(sections(TEXT), "the mechanism").text


def test_front_matter_and_comments_in_code_are_no_headings() -> None:
    titles = [section.title for section in sections(TEXT)]
    assert titles == ["The idea", "The mechanism", "Routing", "Balance of `E` experts"]


@pytest.mark.parametrize("name", ["routing", "Routing", "rout", "outing"])
def test_a_section_is_found_by_a_piece_of_its_title(name: str) -> None:
    assert find_section(sections(TEXT), name).title == "Routing"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("rooting", "the lesson has no section 'rooting'. Did you mean 'routing'?"),
        ("xyz", "the lesson has no section 'xyz'. It has: The idea, The mechanism, Routing, Balance of `E` experts."),
    ],
)
def test_a_missing_section_is_an_error(name: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_section(sections(TEXT), name)
    assert str(caught.value) == sentence


def test_the_sections_of_a_lesson_are_those_of_its_parts_in_order(tmp_path: Path) -> None:
    assert lesson_sections(tmp_path) is None
    for name, heading in {"10-last.md": "Last", "2-second.md": "Second"}.items():
        (tmp_path / name).write_text(f"---\ntitle: T\n---\n\n## {heading}\n")
    found = lesson_sections(tmp_path)
    assert found is not None
    assert [section.title for section in found] == ["Second", "Last"]
