"""Tests of course files: files distributed with the course are not listed."""

from pathlib import Path

from grader.teach.handins.course_files import find_course_files
from grader.teach.handins.find import find_handins
from grader.teach.handins.handin import IgnoredKind
from tests.teach.handins.handed_in import EXERCISES, code, folder, taken

COURSE = {
    "course.yaml": b"",
    "README.md": b"",
    "lessons/03-moe/1-first.md": b"",
    "lessons/03-moe/pictures/a.json": b"",
    "exercises/moe_router/README.md": b"",
    "exercises/moe_router/exercise.yaml": b"",
    "exercises/moe_router/test_public.py": b"",
    ".archgrade/progress.jsonl": b"",
}


def paths(*names: str, root: str = "week") -> set[tuple[str, ...]]:
    return {(root, *name.split("/")) for name in names}


def test_finds_the_files_of_a_course_below_its_root_only() -> None:
    given = paths(*COURSE)
    own = paths("notes.md", "exercises/moe_router/notes.md", "exercises/mine/test_public.py", "moe_router/README.md")
    assert find_course_files(given | own | {("README.md",)}, {"moe_router"}) == given


def test_recognizes_exercise_folders_without_a_course_yaml() -> None:
    given = paths("exercises/moe_router/test_public.py", root="ada")
    own = paths("exercises/moe_router/test_mine.py", "lessons/1.md", root="ada")
    assert find_course_files(given | own, {"moe_router"}) == given


def test_lists_the_students_own_files_but_no_course_files(tmp_path: Path) -> None:
    own = code("exercises/moe_router/moe_router.py", "exercises/moe_router/moe_router_old.txt", "exercises/mine.py")
    files = {f"ada/week/{name}": data for name, data in (COURSE | own).items()} | code("bob/rope.py")
    found = find_handins([folder(tmp_path / "class", files)], EXERCISES)
    assert taken(found) == [("ada", "moe_router"), ("bob", "rope")]
    listed = sorted(Path(each.file).name for each in found.ignored if each.kind is not IgnoredKind.NOISE)
    assert listed == ["mine.py", "moe_router_old.txt"]
    assert len(found.ignored) == len(COURSE) + 2


def test_includes_a_student_who_handed_in_only_course_files(tmp_path: Path) -> None:
    files = {f"ada/week/{name}": data for name, data in COURSE.items()} | code("bob/moe_router.py")
    found = find_handins([folder(tmp_path / "class", files)], EXERCISES)
    assert {each.id for each in found.students()} == {"ada", "bob"}
    assert {each.kind for each in found.ignored} == {IgnoredKind.UNRECOGNISED}
