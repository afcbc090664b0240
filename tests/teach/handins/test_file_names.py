"""Tests of file names: the exercise or quiz that a file is for."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.teach.handins.find import find_handins
from tests.teach.handins.handed_in import EXERCISES, QUIZZES, code, folder, refused, taken, why


def test_takes_the_only_code_file_for_the_only_requested_exercise(tmp_path: Path) -> None:
    files = code("ada/final.py", "ada/n.txt", "bob/a.py", "bob/b.py", "eve/rope.py", "joe/moe_router.py", "joe/x.py")
    found = find_handins([folder(tmp_path / "class", files)], EXERCISES, only=["moe_router"])
    assert taken(found) == [("ada", "moe_router"), ("joe", "moe_router")]
    assert why(found)[f"{tmp_path}/class/bob/a.py"] == "not named after an exercise"
    assert why(found)[f"{tmp_path}/class/eve/rope.py"] == "for an exercise or quiz that was not requested"
    flat = find_handins(
        [folder(tmp_path / "flat", code("ada.py", "bob_moe_router.py"))], EXERCISES, only=["moe_router"]
    )
    assert taken(flat) == [("ada", "moe_router"), ("bob", "moe_router")]


def test_suggests_the_exercise_that_a_name_resembles(tmp_path: Path) -> None:
    files = code("ada/rope.py", "ada/moe-router (1).py", "ada/final.py", "ada/notes.txt")
    found = find_handins([folder(tmp_path / "class", files)], EXERCISES)
    assert why(found) == {
        f"{tmp_path}/class/ada/moe-router (1).py": "not named after an exercise (did you mean 'moe_router'?)",
        f"{tmp_path}/class/ada/final.py": "not named after an exercise",
        f"{tmp_path}/class/ada/notes.txt": "neither .py nor .ipynb, nor a quiz form",
    }


def test_keeps_files_for_other_exercises_apart(tmp_path: Path) -> None:
    ada, bob = ("ada/moe_router.py", "ada/rope.py", "ada/rope-1.py"), ("moe_router.py", "a/rope.py", "b/rope.py")
    files = code(*ada, *(f"bob/{name}" for name in bob))
    found = find_handins([folder(tmp_path / "class", files)], EXERCISES, only=["moe_router"])
    assert taken(found) == [("ada", "moe_router"), ("bob", "moe_router")]
    _, newer, unclear = found.unrequested
    assert (newer.students[0].id, newer.read()) == ("ada", b"# ada/rope-1.py\n")
    with pytest.raises(UsageError, match=r"There are two files for rope, .* it is unclear which is newer"):
        unclear.read()


def test_recognizes_quiz_forms_by_their_names(tmp_path: Path) -> None:
    files = code("ada/quiz-Mixture-of-Experts.yaml", "ada/quiz-week3 (1).yml", "ada/other.yaml", "bob/rope.py")
    found = find_handins([folder(tmp_path / "class", files)], EXERCISES, QUIZZES)
    assert [(h.students[0].id, h.kind, h.item) for h in found.handins] == [
        ("ada", "quiz", ""),
        ("ada", "quiz", "mixture-of-experts"),
        ("bob", "exercise", "rope"),
    ]
    names = ["ada_quiz-depth-vs-width.yaml", "quiz-depth-vs-width-bob.yaml", "quiz-other.yaml", "eve quiz-x.yml"]
    flat = find_handins([folder(tmp_path / "flat", code(*names))], EXERCISES, QUIZZES)
    assert taken(flat) == [("ada", "depth-vs-width"), ("bob", "depth-vs-width"), ("eve", "")]


def test_raises_for_a_name_that_contains_two_exercises(tmp_path: Path) -> None:
    sentence = refused(folder(tmp_path, code("rope_moe_router.py")))
    assert "rope_moe_router.py: may be rope's moe_router or moe_router's rope; put it into a folder" in sentence
    assert taken(find_handins([folder(tmp_path, code("bob_rope.py"))], EXERCISES)) == [("bob", "rope")]
