"""`grade lesson` through the real command, on a small course."""

import subprocess
import sys
from pathlib import Path

import pytest

COURSE = """\
title: Small
lessons:
  - {number: 3, slug: mixture-of-experts, title: Mixture of experts, short: experts, names: [moe]}
  - {number: 4, slug: moe-in-practice, title: MoE in practice, short: applied}
  - {number: 7, slug: state-space-models, title: State-space models, short: state spaces}
"""
TEXT = """\
# 3. Mixture of experts

## The idea

Text.

## The mechanism

### Routing

Pick **k** of E.

```python
# no heading
```

### Balance

Keep them busy.
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    (tmp_path / "course.yaml").write_text(COURSE)
    folder = tmp_path / "lessons" / "03-mixture-of-experts"
    folder.mkdir(parents=True)
    (folder / "lesson.md").write_text(TEXT)
    return tmp_path


def grade(course: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grader.cli", "--course", str(course), "lesson", *words]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.mark.parametrize("name", ["3", "03", "moe", "MoE", "experts", "mixture-of-experts", "03-mixture-of-experts"])
def test_a_lesson_is_found_by_number_slug_name_or_word(course: Path, name: str) -> None:
    assert grade(course, name).stdout == TEXT


@pytest.mark.parametrize("section", [["routing"], ["Routing"], ["rout"]])
def test_a_section_ends_where_the_next_begins(course: Path, section: list[str]) -> None:
    shown = grade(course, "moe", *section).stdout
    assert shown.startswith("### Routing\n")
    assert shown.endswith("# no heading\n```\n")


def test_a_section_holds_the_sections_within_it(course: Path) -> None:
    shown = grade(course, "moe", "the", "mechanism").stdout
    assert shown.startswith("## The mechanism")
    assert "### Balance" in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["m"], "'m' can be 'mixture-of-experts' (3) or 'moe-in-practice' (4) or 'state-space-models' (7)"),
        (["expertz"], "No lesson 'expertz' in this course. Did you mean 'experts'?"),
        (["state"], "Lesson 7, State-space models, is not written yet"),
        (["moe", "rooting"], "Lesson 3 has no section 'rooting'. Did you mean 'routing'?"),
        (["moe", "xyz"], "It has: The idea, The mechanism, Routing, Balance."),
    ],
    ids=["several", "near", "not written", "near section", "no section"],
)
def test_what_is_not_there_is_one_sentence(course: Path, words: list[str], sentence: str) -> None:
    done = grade(course, *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_lessons_are_listed(course: Path) -> None:
    shown = grade(course, "--list").stdout
    assert "Mixture of experts" in shown
    assert shown.count("not written yet") == 2
