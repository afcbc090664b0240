"""A digest of a course changes with what an exercise asks and how it is scored."""

from pathlib import Path

import pytest

from grader.course.workspace.digest import course_digest, exercise_digest, exercise_digests


@pytest.mark.parametrize(
    "name",
    ["exercises/top/exercise.yaml", "exercises/top/README.md", "exercises/top/top.py", "solutions/top/test_hidden.py"],
)
def test_a_changed_file_of_an_exercise_changes_its_digest_and_no_other(course: Path, name: str) -> None:
    before = exercise_digests(course)
    whole = course_digest(course, before)
    path = course / name
    path.write_bytes(path.read_bytes() + b"\n")
    after = exercise_digests(course)
    assert {exercise for exercise in before if before[exercise] != after[exercise]} == {"top"}
    assert course_digest(course, after) != whole


def test_a_reworded_mistake_changes_nothing(course: Path) -> None:
    before = exercise_digest(course, "top")
    (course / "solutions/top/mistakes.py").write_text("# other words\n")
    assert exercise_digest(course, "top") == before


def test_bytes_that_move_to_another_file_change_the_digest(course: Path) -> None:
    public, statement = course / "exercises/top/test_public.py", course / "exercises/top/README.md"
    before = exercise_digest(course, "top")
    public.write_bytes(statement.read_bytes() + public.read_bytes())
    statement.write_bytes(b"")
    assert exercise_digest(course, "top") != before
