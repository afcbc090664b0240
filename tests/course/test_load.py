"""Loading a course, and one sentence for every error in it."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from grader.base.errors import UsageError
from grader.course import find_course, load_course, load_exercise
from grader.course.load import lab_names
from grader.course.model import Standards
from tests.course.on_disk import COURSE, add, complaint


def test_load_course_reads_all_values(root: Path) -> None:
    add(
        root,
        "two",
        extra=dedent("""\
            needs: [one]
            limits: {seconds: 0.5, memory: 64}
            hints:
              - >-
                first line
                second line
              - no
            reading:
              - {title: Paper, arxiv: 2401.10020}
            """),
        lesson=2,
        points=2.5,
    )
    (root / "solutions" / "two").mkdir(parents=True)
    course = load_course(root)
    two = course.exercise("two")
    assert (two.points, two.needs, two.limits.seconds, two.limits.memory) == (2.5, ("one",), 0.5, 64)
    assert two.hints == ("first line second line", "no")
    assert two.reading[0].arxiv == "2401.10020"  # as a number it would end in .1002
    assert two.stub == root / "exercises" / "two" / "two.py"
    assert two.reference == root / "solutions" / "two" / "two.py"
    assert course.exercise("one").solution is None
    assert course.lesson(2).folder_name == "02-second-things"
    assert not course.show_hidden_output
    assert load_exercise(root, "two") == two


def test_a_missing_solution_is_an_error_when_needed(root: Path) -> None:
    with pytest.raises(UsageError, match="released without solutions"):
        _ = load_course(root).exercise("one").hidden_tests


def test_exercises_are_ordered_by_lesson_then_needs_then_level(root: Path) -> None:
    add(root, "late", lesson=2)
    add(root, "easy_but_needs_hard", extra="needs: [hard]")
    add(root, "hard", level=3)
    add(root, "alpha", level=2)
    order = [exercise.id for exercise in load_course(root).exercises]
    assert order == ["one", "alpha", "hard", "easy_but_needs_hard", "late"]
    add(root, "zeta", minutes=5)
    assert [exercise.id for exercise in load_course(root).exercises][:3] == ["zeta", "one", "alpha"]


def test_lab_names_are_sorted(root: Path) -> None:
    for name, extra in (("one", ""), ("deep_lab", ""), ("wide_lab", "lab_name: broad")):
        if name != "one":
            add(root, name, extra=extra)
            (root / "exercises" / name / "lab.py").touch()
    assert lab_names(root) == ["broad", "deep"]


def test_finds_the_course_in_a_parent_folder(root: Path) -> None:
    assert find_course(root / "exercises" / "one", None) == root
    assert find_course(Path("/"), root) == root
    assert find_course(Path("/"), root / "course.yaml") == root


def test_a_missing_course_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no course.yaml in .* or above it; .* --course DIR"):
        find_course(tmp_path, None)
    with pytest.raises(UsageError, match=r"no course.yaml in .*; --course takes"):
        find_course(tmp_path, tmp_path)


@pytest.mark.parametrize("look_up", [lambda r, i: load_course(r).exercise(i), load_exercise], ids=["all", "one"])
def test_an_unknown_exercise_gets_a_suggestion(root: Path, look_up: Any) -> None:
    add(root, "moe_router")
    with pytest.raises(UsageError) as error:
        look_up(root, "moe_ruter")
    assert str(error.value) == "No exercise 'moe_ruter' in this course. Did you mean 'moe_router'?"
    with pytest.raises(UsageError, match=r"No exercise '../one' in this course"):
        look_up(root, "../one")


@pytest.mark.parametrize(
    ("changes", "extra", "sentence"),
    [
        ({"level": "high"}, "", "3: 'level' must be a whole number, not 'high'."),
        ({"level": "4"}, "", "3: 'level' must be a whole number, at most 3, not '4'."),
        ({"points": "0"}, "", "5: 'points' must be a number, more than 0, not '0'."),
        ({"title": ""}, "", "1: 'title' must be text, not empty."),
        ({}, "hints: one", "7: 'hints' must be a list, not 'one'."),
        ({}, "hints:\n  - good\n  - [x]", "9: 'hints[1]' must be text, not a list."),
        ({}, "limits:\n  memory: 5\n  seconds: x", "9: 'limits.seconds' must be a number, not 'x'."),
        ({}, "minuts: 3", "7: unknown key 'minuts'. Did you mean 'minutes'?"),
        ({}, "limits:\n  second: 3", "8: unknown key 'second' in 'limits'. Did you mean 'seconds'?"),
        ({}, "reading:\n  - arxiv: 1", "8: 'title' is missing from 'reading[0]'."),
        ({}, "level: 2", "7: 'level' is given twice, first in line 3."),
        ({}, "\thints: []", "7: a tab character; YAML is indented with spaces."),
        ({}, "needs: [nothing]", "7: there is no exercise 'nothing' to need."),
        ({}, "needs:\n  - ome", "8: there is no exercise 'ome' to need. Did you mean 'one'?"),
        ({}, "needs: [bad]", "7: exercises need each other in a circle: bad -> bad."),
        ({"lesson": "7"}, "", "2: there is no lesson 7 in course.yaml."),
        ({}, "hints: &h [a]\nneeds: *h", "8: *h refers to another place; write it out here."),
        ({}, "---\ntitle: x", "7: a second document begins here; one is expected."),
    ],
)
def test_an_error_in_exercise_yaml_names_its_line(
    root: Path, changes: dict[str, str], extra: str, sentence: str
) -> None:
    add(root, "bad", extra, **changes)
    assert complaint(root) == f"exercises/bad/exercise.yaml:{sentence}"


def test_exercises_that_need_each_other_are_an_error(root: Path) -> None:
    add(root, "a", extra="needs: [one, c]")
    add(root, "b", extra="needs: [a]")
    add(root, "c", extra="needs: [b]")
    sentence = complaint(root)
    assert sentence.endswith(("a -> c -> b -> a.", "b -> a -> c -> b.", "c -> b -> a -> c."))
    assert sentence.startswith("exercises/") and ":7: exercises need each other in a circle" in sentence  # noqa: PT018


def test_an_invalid_folder_name_is_an_error(root: Path) -> None:
    add(root, "moe-router")
    assert complaint(root).startswith("exercises/moe-router/exercise.yaml:1: 'moe-router' cannot be the name")


def test_an_id_that_is_a_python_module_is_an_error(root: Path) -> None:
    add(root, "random")
    assert complaint(root).endswith("Python, or the grader, uses this name already.")


def test_a_missing_file_of_a_student_does_not_stop_the_course(root: Path) -> None:
    assert not load_exercise(root, "one").is_missing
    (root / "exercises" / "one" / "one.py").unlink()
    assert load_course(root).exercise("one").is_missing


def test_an_exercise_without_exercise_yaml_is_an_error(root: Path) -> None:
    (root / "exercises" / "one" / "exercise.yaml").unlink()
    assert complaint(root).startswith("exercises/one/exercise.yaml does not exist")


def test_a_duplicate_lesson_number_is_an_error(root: Path) -> None:
    (root / "course.yaml").write_text(COURSE.replace("number: 2", "number: 1"))
    assert complaint(root) == "course.yaml:4: two lessons have the number '1'."


def test_the_course_may_set_its_standards(root: Path) -> None:
    file = root / "course.yaml"
    text = file.read_text()
    assert load_course(root).standards == Standards(14, (8, 15))
    file.write_text(text + "standards: {questions: 4, minutes: [1, 15]}\n")
    assert load_course(root).standards == Standards(4, (1, 15))
    file.write_text(text + "standards: {minutes: [9, 8]}\n")
    assert complaint(root).endswith(": minutes are from and to, but 9 is more than 8.")
    file.write_text(text + "standards: {minutes: 9}\n")
    assert complaint(root).endswith("'standards.minutes' must be a list, not '9'.")


def test_an_error_in_course_yaml_names_its_line(root: Path) -> None:
    (root / "course.yaml").write_text(COURSE + "show_hidden_output: maybe\n")
    assert complaint(root) == "course.yaml:5: 'show_hidden_output' must be true or false, not 'maybe'."
