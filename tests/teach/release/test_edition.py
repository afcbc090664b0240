"""Select the content of a student's edition, and create its files."""

from pathlib import Path

import pytest
import yaml

from grader.base.errors import UsageError
from grader.course import load_course
from grader.course.document import Document
from grader.course.workspace.digest import course_digest, exercise_digests
from grader.quiz.form import QuizForm, answers_of, read_form
from grader.quiz.load import load_quiz
from grader.teach.release.edition import QuizMode, edition_files, select_edition
from tests.quiz.every_type import FILE, QUIZ, draw
from tests.teach.release import courses


def files(root: Path, quizzes: QuizMode = "practice", seed: str = "exam") -> dict[str, bytes]:
    course = load_course(root)
    return edition_files(course, select_edition(course, quizzes=quizzes), seed)


def test_has_exactly_the_public_files(tmp_path: Path) -> None:
    root = courses.with_quiz(tmp_path)
    for stray in (
        "exercises/toolbox/toolbox-1.py",  # what grade reset keeps
        "exercises/toolbox/notes.md",
        "lessons/01-tools/for-teachers.md",
        ".archgrade/progress.jsonl",
    ):
        (root / stray).parent.mkdir(exist_ok=True)
        (root / stray).write_text("not for students")
    script = root / "lessons/moving/masks.js"
    script.parent.mkdir()
    script.write_text("export const moved = 1;\n")
    for shared in ("glossary", "notation", "references"):
        (root / f"lessons/{shared}.yaml").write_text("[]\n")
    assert sorted(files(root)) == [
        "README.md",
        "course.yaml",
        "exercises/toolbox/README.md",
        "exercises/toolbox/exercise.yaml",
        "exercises/toolbox/test_public.py",
        "exercises/toolbox/toolbox.py",
        "lessons/01-tools/1-averages.md",
        "lessons/01-tools/2-leaks.md",
        "lessons/01-tools/pictures/sums-of-the-past.json",
        courses.QUIZ,
        "lessons/glossary.yaml",
        "lessons/moving/masks.js",
        "lessons/notation.yaml",
        "lessons/references.yaml",
    ]


def test_course_yaml_says_that_it_was_released(tmp_path: Path) -> None:
    root = courses.with_quiz(tmp_path)
    given = files(root)["course.yaml"].decode()
    assert given.startswith((root / "course.yaml").read_text().rstrip())
    syllabus = yaml.safe_load(given)
    assert syllabus["released"] is True
    assert syllabus["digest"] == course_digest(root, exercise_digests(root))


def test_course_yaml_with_braces_is_a_usage_error(tmp_path: Path) -> None:
    root = courses.with_quiz(tmp_path)
    (root / "course.yaml").write_text("{title: T, lessons: [{number: 1, slug: tools, title: T, short: t}]}\n")
    with pytest.raises(UsageError, match=r"course\.yaml cannot be extended by the line"):
        files(root)


def test_adds_exercises_that_others_build_on(tmp_path: Path) -> None:
    course = load_course(courses.building_on(tmp_path))
    edition = select_edition(course, ids=["top"])
    assert [each.id for each in edition.exercises] == ["base", "top"]
    assert [each.id for each in edition.added] == ["base"]
    assert [each.number for each in edition.lessons] == [2]


def test_adds_exercises_that_a_lab_runs(tmp_path: Path) -> None:
    root = courses.building_on(tmp_path)
    (root / "exercises" / "base" / "lab.py").write_text("def run(submission, rng, high):\n    yield\n")
    assert [each.id for each in select_edition(load_course(root), ids=["base"]).added] == ["high"]


def test_selects_the_exercises_of_lessons_unless_exercises_are_named(tmp_path: Path) -> None:
    course = load_course(courses.building_on(tmp_path))
    first, second, _ = course.lessons
    assert [each.id for each in select_edition(course, [first]).exercises] == ["base"]
    chosen = select_edition(course, [second], ["high"])
    assert ([each.id for each in chosen.exercises], chosen.lessons) == (["high"], (second,))
    assert [each.id for each in select_edition(course).exercises] == ["base", "top", "high"]


def test_an_unknown_exercise_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'base'"):
        select_edition(load_course(courses.building_on(tmp_path)), ids=["bas"])


def test_a_modified_stub_is_a_usage_error(tmp_path: Path) -> None:
    root = courses.with_quiz(tmp_path)
    stub = root / "exercises/toolbox/toolbox.py"
    stub.write_bytes((root / "solutions/toolbox/toolbox.py").read_bytes())
    with pytest.raises(UsageError, match=r"toolbox\.py is no untouched stub"):
        files(root)


def test_a_practice_quiz_has_encoded_answers(tmp_path: Path) -> None:
    data = files(courses.with_quiz(tmp_path))[courses.QUIZ]
    path = tmp_path / "quiz.yaml"
    path.write_bytes(data)
    assert load_quiz(path) == QUIZ
    for question in QUIZ.questions:
        assert question.id.encode() not in data
        assert question.explanation.encode() not in data


def test_an_exam_is_a_form_without_answers(tmp_path: Path) -> None:
    given = files(courses.with_quiz(tmp_path), "exam")
    assert courses.QUIZ not in given
    text = given["quiz-tools.yaml"].decode()
    document, form = read_form(Path("quiz-tools.yaml"), text.encode())
    assert form == QuizForm(quiz="tools", salt="exam", attempt=1, answers={each.id: None for each in QUIZ.questions})
    assert answers_of(form, document, [draw(each.id, "exam") for each in QUIZ.questions]) == [None] * len(form.answers)
    raw = Document(FILE).value["questions"]
    told = [text for each in raw for text in (each["explanation"], *(o["feedback"] for o in each.get("options", ())))]
    plain = " ".join(text.replace("#", " ").split())
    assert [each for each in told if " ".join(each.split()) in plain] == []
    assert "`quiz-tools.yaml`: an exam." in given["README.md"].decode()


def test_an_exam_depends_on_the_seed(tmp_path: Path) -> None:
    root = courses.with_quiz(tmp_path)
    first, again, other = (files(root, "exam", seed)["quiz-tools.yaml"] for seed in ("autumn", "autumn", "spring"))
    assert first == again != other


def test_quizzes_can_be_left_out(tmp_path: Path) -> None:
    assert [name for name in files(courses.with_quiz(tmp_path), "none") if "quiz" in name] == []
