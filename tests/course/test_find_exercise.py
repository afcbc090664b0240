"""Finding an exercise by a word, a file or a folder."""

from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.course.find_exercise import FoundExercise, current_exercise, find_exercise
from tests.course.on_disk import add


@pytest.fixture
def course(root: Path) -> Path:
    """Make a course whose exercises have similar names."""
    for name in ("moe_router", "moe_layer", "deepseek_router", "kv_cache", "kv_cache_size"):
        add(root, name)
    (root / "exercises" / "moe_router" / "test_public.py").touch()
    return root


@pytest.mark.parametrize(
    ("word", "exercise"),
    [
        ("moe_router", "moe_router"),
        ("MOE_Router", "moe_router"),
        ("moe-router", "moe_router"),
        ("moe router", "moe_router"),
        ("deep", "deepseek_router"),
        ("moe_r", "moe_router"),
        ("layer", "moe_layer"),
        ("kv_cache", "kv_cache"),
        ("cache_s", "kv_cache_size"),
        ("eepsee", "deepseek_router"),
        ("exercises/moe_router", "moe_router"),
        ("exercises/moe_router/", "moe_router"),
        ("./exercises/moe_router/moe_router.py", "moe_router"),
        ("exercises/moe_router/README.md", "moe_router"),
        ("exercises/moe_router/test_public.py", "moe_router"),
        ("nowhere/moe_router.py", "moe_router"),
    ],
)
def test_finds_an_exercise_by_a_word(course: Path, word: str, exercise: str) -> None:
    assert find_exercise(course, word) == FoundExercise(exercise)


def test_finds_the_exercise_of_a_file_elsewhere(course: Path) -> None:
    kept = course / "exercises" / "moe_router" / "moe_router.1.py"
    notebook = course / "moe_layer.ipynb"
    for file in (kept, notebook, course / "mine.py"):
        file.touch()
    assert find_exercise(course, str(kept)) == FoundExercise("moe_router", kept)
    assert find_exercise(course, "moe_layer.ipynb") == FoundExercise("moe_layer", Path("moe_layer.ipynb"))
    with pytest.raises(UsageError, match=r"mine.py has the name of no exercise; .*: grade exercise ID --file mine.py"):
        find_exercise(course, "mine.py")


def test_finds_the_exercise_of_a_notebook_by_its_cells(course: Path) -> None:
    notebook = course / "1.3-part.ipynb"
    cell = '{"cell_type": "code", "source": ["%%grade NAME\\n", "x = 1"]}'
    notebook.write_text(cell.replace("NAME", "moe_layer"))
    assert find_exercise(course, "1.3-part.ipynb") == FoundExercise("moe_layer", Path("1.3-part.ipynb"))
    notebook.write_text(cell.replace("NAME", "moe_layer") + cell.replace("NAME", "kv_cache"))
    with pytest.raises(UsageError, match=r"1\.3-part\.ipynb has cells for kv_cache or moe_layer; name the exercise"):
        find_exercise(course, "1.3-part.ipynb")


def test_finds_the_exercise_of_the_working_directory(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert current_exercise(course) is None
    with pytest.raises(UsageError, match="is not the folder of an exercise"):
        find_exercise(course, ".")
    monkeypatch.chdir(course / "exercises" / "moe_layer")
    assert current_exercise(course) == "moe_layer"
    assert find_exercise(course, ".") == find_exercise(course, "moe_layer.py") == FoundExercise("moe_layer")
    assert find_exercise(course, "../kv_cache") == FoundExercise("kv_cache")


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("router", "'router' can be deepseek_router or moe_router; name one of them."),
        ("exercises/moe_ruter", "No exercise 'moe_ruter' in this course. Did you mean 'moe_router'?"),
        ("MOE_RUTER", "No exercise 'MOE_RUTER' in this course. Did you mean 'moe_router'?"),
        ("first-things", "No exercise 'first-things' in this course. Lesson 1 has this name: grade list 1 shows its"),
        ("qqq", "No exercise 'qqq' in this course. grade list --all shows them all."),
        ("", "No exercise '' in this course."),
    ],
)
def test_an_unknown_or_ambiguous_exercise_is_an_error(course: Path, word: str, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        find_exercise(course, word)
    assert str(error.value).startswith(sentence)
