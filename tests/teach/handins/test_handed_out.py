"""Students hand in the whole folder of a course: what was handed out in it is not listed."""

from pathlib import Path

from grader.teach.handins.handed_out import handed_out
from grader.teach.handins.handin import Kind
from grader.teach.handins.recognise import find
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


def test_paths_of_a_course() -> None:
    paths = [("week", *name.split("/")) for name in COURSE]
    given = handed_out(paths, {"moe_router"})
    assert all(map(given, paths))
    mine = ("notes.md", "exercises/moe_router/notes.md", "exercises/mine/test_public.py", "moe_router/README.md")
    assert not any(given(("week", *name.split("/"))) for name in mine)
    assert not given(("README.md",))
    folders_alone = handed_out([], {"moe_router"})
    assert folders_alone(("ada", "exercises", "moe_router", "test_public.py"))
    assert not folders_alone(("ada", "exercises", "moe_router", "test_mine.py"))
    assert not handed_out([], {"moe_router"})(("lessons", "1.md"))


def test_what_was_handed_out_is_not_listed_and_what_is_the_students_is(tmp_path: Path) -> None:
    own = code("exercises/moe_router/moe_router.py", "exercises/moe_router/moe_router_old.txt", "exercises/mine.py")
    files = {f"ada/week/{name}": data for name, data in (COURSE | own).items()} | code("bob/rope.py")
    found = find([folder(tmp_path / "class", files)], EXERCISES)
    assert taken(found) == [("ada", "moe_router"), ("bob", "rope")]
    listed = sorted(Path(each.file).name for each in found.ignored if each.kind is not Kind.NOISE)
    assert listed == ["mine.py", "moe_router_old.txt"]
    assert len(found.ignored) == len(COURSE) + 2


def test_who_hands_in_nothing_else_is_in_the_class(tmp_path: Path) -> None:
    files = {f"ada/week/{name}": data for name, data in COURSE.items()} | code("bob/moe_router.py")
    found = find([folder(tmp_path / "class", files)], EXERCISES)
    assert {each.id for each in found.students()} == {"ada", "bob"}
    assert {each.kind for each in found.ignored} == {Kind.UNRECOGNISED}
