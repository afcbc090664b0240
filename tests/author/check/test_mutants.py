"""Tests of mutants: references with one change, which tests must reject unless listed as equivalent."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.author.check.exercises import reference_materials
from grader.author.check.mutants import MutantVerdict, check_mutants, mutants
from grader.base.errors import UsageError
from grader.course import load_course
from tests.paths import ROOT

TOOLBOX = ROOT / "tests" / "toolbox"
SOURCE = "def shifted(x, step=1):\n    if step < 0:\n        raise ValueError(step)\n    return x + step\n"


def test_mutants_compile_and_are_distinct() -> None:
    made = mutants(SOURCE)
    texts = [each.source for each in made]
    assert len(set(texts)) == len(texts)
    for text in texts:
        compile(text, "mutant", "exec")
    changes = {(each.was, each.becomes) for each in made}
    assert ("return x + step", "return x - step") in changes
    assert ("if step < 0:", "if step <= 0:") in changes
    assert ("def shifted(x, step=1):", "def shifted(x, step=2):") in changes
    assert all(each.function == "shifted" for each in made)


def test_a_mutant_shows_both_swapped_lines_and_the_line_before_a_new_one() -> None:
    body = "    a = x.exp()\n    a = a + x\n    for y in x:\n        a += y\n    return a\n"
    changes = {(each.was, each.becomes) for each in mutants(f"def both(x):\n{body}")}
    assert ("a = x.exp() ⏎ a = a + x", "a = a + x ⏎ a = x.exp()") in changes
    assert ("a += y", "a += y ⏎ break") in changes


def test_a_mutant_overrides_the_original_function() -> None:
    minus = next(each for each in mutants(SOURCE) if each.becomes == "return x - step")
    names: dict[str, Callable[[int], int]] = {}
    exec(minus.source, names)
    assert names["shifted"](5) == 4


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Copy the toolbox course, so that a test may change it."""
    shutil.copytree(TOOLBOX, tmp_path / "course", ignore=shutil.ignore_patterns("lessons", "__pycache__"))
    return tmp_path / "course"


def verdict(root: Path) -> MutantVerdict:
    loaded = load_course(root)
    (found,) = check_mutants(loaded, loaded.exercises, 2, lambda done, total: None)
    return found


@pytest.mark.slow
def test_weak_tests_leave_survivors_which_equivalents_remove(course: Path) -> None:
    before = verdict(course)
    assert before.killed > 0
    hidden = course / "solutions" / "toolbox" / "test_hidden.py"
    hidden.write_text(hidden.read_text().replace("for place in (3, -1):", "for place in (3,):"))
    after = verdict(course)
    assert after.count == before.count
    opened = [each for each in after.survivors if each.key not in {other.key for other in before.survivors}]
    assert opened
    assert all(each.function == "pick" for each in opened)
    listed = "".join(
        f"- {{function: {each.function}, was: {each.was!r}, becomes: {each.becomes!r}, why: for the test}}\n"
        for each in after.survivors
    )
    equivalents = course / "solutions" / "toolbox" / "equivalents.yaml"
    equivalents.write_text(listed)
    closed = verdict(course)
    assert closed.survivors == []
    assert closed.equivalent == len(after.survivors)
    assert closed.problems == []
    equivalents.write_text(listed + "- {function: pick, was: this, becomes: that, why: it was there once}\n")
    (problem,) = verdict(course).problems
    assert problem.endswith("no mutant of pick changes 'this' to 'that'.")


def test_reports_an_entry_that_matches_several_mutants(course: Path) -> None:
    reference = course / "solutions" / "toolbox" / "toolbox.py"
    loop = "for _ in x:\n        x = x\n"
    reference.write_text(f"{reference.read_text()}\n\ndef looped(x):\n    {loop}    {loop}    return x\n")
    keys = [each.key for each in mutants(reference.read_text())]
    function, was, becomes = next(key for key in keys if keys.count(key) == 2)
    entry = f"- {{function: {function}, was: {was!r}, becomes: {becomes!r}, why: for the test}}\n"
    (course / "solutions" / "toolbox" / "equivalents.yaml").write_text(entry)
    (problem,) = verdict(course).problems
    assert problem.endswith(f"each of 2 mutants of looped changes {was!r} to {becomes!r}.")


def test_rejects_an_entry_without_a_reason(course: Path) -> None:
    (course / "solutions" / "toolbox" / "equivalents.yaml").write_text("- {function: pick, was: a, becomes: b}\n")
    with pytest.raises(UsageError, match=r"equivalents\.yaml:1: .*why"):
        verdict(course)


def test_reference_materials_include_required_exercises() -> None:
    """Without them a mutant whose imports fail could not be told from one that fails its tests."""
    ours = load_course(ROOT)
    prepared = {each.id: each for each in reference_materials(ours, [ours.exercise("vit")])}
    assert prepared.keys() == {"patch_embedding", "vit"}
    assert prepared["vit"].mistakes
    assert not prepared["patch_embedding"].mistakes
