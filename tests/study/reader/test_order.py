"""The order of the course, and the next step."""

from pathlib import Path

from grader.course import load_course
from grader.course.lesson.files import PartFile
from grader.course.model import Exercise
from grader.course.progress import Graded, PartBegun, PartRead, Progress
from grader.study.reader.order import next_exercise, next_part, next_step, reason_for, steps
from tests.course.on_disk import COURSE, add
from tests.passed import record
from tests.paths import copy_toolbox


def name(step: PartFile | Exercise) -> str:
    return step.name if isinstance(step, PartFile) else step.id


def named(course: Path) -> list[str]:
    return [name(step) for step in steps(load_course(course))]


def following(course: Path) -> str:
    step = next_step(list(steps(load_course(course))), Progress.load(course))
    return "" if step is None else name(step)


def read(course: Path, *slugs: str) -> None:
    for slug in slugs:
        Progress.load(course).record(PartRead(lesson="tools", part=1, slug=slug))


def test_an_exercise_follows_the_part_that_contains_it(tmp_path: Path) -> None:
    course = copy_toolbox(tmp_path / "course")
    assert named(course) == ["1.1", "toolbox", "1.2"]
    part = course / "lessons" / "01-tools" / "1-averages.md"
    part.write_text(part.read_text("utf-8").replace("```exercise toolbox", "```text"), "utf-8")
    (course / "lessons" / "opening.md").write_text("---\ntitle: Welcome\n---\n", "utf-8")
    assert named(course) == ["0", "1.1", "1.2", "toolbox"]


def test_the_started_part_comes_first_then_the_beginning(tmp_path: Path) -> None:
    course = copy_toolbox(tmp_path / "course")
    assert following(course) == "1.1"
    Progress.load(course).record(PartBegun(lesson="tools", part=2, slug="leaks"))
    assert following(course) == "1.2"
    read(course, "leaks")
    assert following(course) == "1.1"  # from the beginning again
    read(course, "averages")
    assert following(course) == "toolbox"
    record(course, "toolbox", 4)
    assert following(course) == ""


def test_a_failed_exercise_comes_again(tmp_path: Path) -> None:
    course = copy_toolbox(tmp_path / "course")
    progress = Progress.load(course)
    progress.record(Graded(exercise="toolbox", score=1, max_score=31, passed=False, sha256=None))
    assert following(course) == "toolbox"
    lesson = next_part(load_course(course), progress)
    assert lesson is not None
    assert lesson.name == "1.1"


def test_an_exercise_comes_after_those_it_needs(tmp_path: Path) -> None:
    (tmp_path / "course.yaml").write_text(COURSE)
    add(tmp_path, "alpha")
    add(tmp_path, "beta", extra="needs: [gamma]")
    add(tmp_path, "gamma", lesson=2)
    record(tmp_path, "alpha", 4)
    assert following(tmp_path) == "gamma"


def test_passing_public_tests_suffice_without_a_solution(tmp_path: Path) -> None:
    (tmp_path / "course.yaml").write_text(COURSE)
    add(tmp_path, "alpha")
    add(tmp_path, "beta", extra="needs: [alpha]", level=2)
    public = Graded(exercise="alpha", score=1, max_score=3, passed=False, public=True, sha256=None)
    Progress.load(tmp_path).record(public)
    assert Progress.load(tmp_path).state("alpha") == "public"
    assert (following(tmp_path), reason(tmp_path)) == ("beta", "builds on alpha")
    (tmp_path / "solutions" / "alpha").mkdir(parents=True)
    assert (following(tmp_path), reason(tmp_path)) == ("alpha", "1 of 3 points so far")


def test_skipped_exercises_of_the_lesson_come_before_later_ones(tmp_path: Path) -> None:
    (tmp_path / "course.yaml").write_text(COURSE)
    add(tmp_path, "easy")
    add(tmp_path, "middle", level=2, extra="needs: [easy]")
    add(tmp_path, "hard", level=3)
    add(tmp_path, "other", lesson=2)
    record(tmp_path, "hard", 4)
    assert (following(tmp_path), reason(tmp_path)) == ("easy", "easier, and skipped")
    record(tmp_path, "easy", 1)
    assert reason(tmp_path) == "0.75 of 3 points so far"
    record(tmp_path, "easy", 4)
    assert (following(tmp_path), reason(tmp_path)) == ("middle", "builds on easy")
    record(tmp_path, "middle", 4)
    assert (following(tmp_path), reason(tmp_path)) == ("other", "level 1, 10 min")


def test_next_exercise_ignores_parts(tmp_path: Path) -> None:
    course = copy_toolbox(tmp_path / "course")
    assert following(course) == "1.1"
    assert reason(course) == "The average of the past"
    found = next_exercise(load_course(course), Progress.load(course))
    assert found is not None
    assert found.id == "toolbox"
    record(course, "toolbox", 4)
    assert next_exercise(load_course(course), Progress.load(course)) is None


def reason(root: Path) -> str:
    course, progress = load_course(root), Progress.load(root)
    order = list(steps(course))
    step = next_step(order, progress)
    assert step is not None
    return reason_for(step, course, order, progress)
