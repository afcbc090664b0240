"""Tests of names on the command line and their completion by the shell."""

from pathlib import Path

import pytest

from grader.cli import grade
from grader.course.progress import PartRead, Progress
from tests.command_line import error, run
from tests.course import small_glossary
from tests.passed import record


def completed(monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    """Return the completions that bash gets at the end of a command line."""
    words = line.split(" ")
    with monkeypatch.context() as patch:
        patch.setenv("_GRADE_COMPLETE", "bash_complete")
        patch.setenv("COMP_WORDS", line)
        patch.setenv("COMP_CWORD", str(len(words) - 1))
        shown = run().stdout
    return [offer.partition(",")[2] for offer in shown.splitlines() if offer]


def test_completes_names_and_options(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert completed(monkeypatch, "grade hin") == ["hint"]
    for name in ("exercise", "hint", "read", "reset", "history", "shell", "diff"):
        assert completed(monkeypatch, f"grade {name} al") == ["alpha"]
    assert completed(monkeypatch, "grade lesson fi") == ["first-things"]
    assert completed(monkeypatch, "grade quiz ") == ["first-things", "second-things", "third-things"]
    assert completed(monkeypatch, "grade exercise --f") == ["--file", "--full"]
    (small_course / "exercises" / "beta" / "lab.py").touch()
    assert completed(monkeypatch, "grade lab ") == ["beta"]


def test_completes_parts_of_lessons(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small_course / "lessons" / "02-second-things"
    folder.mkdir(parents=True)
    for number in (1, 2, 10):
        (folder / f"{number}-part.md").write_text("---\ntitle: Part\n---\n")
    for number in range(3, 10):
        (folder / f"{number}-other.md").write_text("---\ntitle: Other\n---\n")
    for command in ("lesson", "notebook"):
        assert completed(monkeypatch, f"grade {command} 2.1") == ["2.1", "2.10"]
        assert completed(monkeypatch, f"grade {command} se") == ["second-things"]
    assert len(completed(monkeypatch, "grade lesson 2")) == 10
    assert completed(monkeypatch, "grade lesson 3.") == []


def test_completes_the_tests_of_an_exercise(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert completed(monkeypatch, "grade exercise base ") == ["one_double", "many_double"]  # one public, one hidden
    assert completed(monkeypatch, "grade exercise top m") == ["many_quadruple"]
    assert completed(monkeypatch, "grade exercise nothing ") == []


def test_completes_terms_of_the_glossary(glossary_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert completed(monkeypatch, "grade glossary mix") == ["mixture of experts"]
    assert completed(monkeypatch, "grade glossary moe") == ["MoE"]
    assert completed(monkeypatch, "grade glossary multi-query a") == ["attention"]
    assert completed(monkeypatch, "grade glossary залишкове ") == ["з’єднання"]
    small_glossary.write(glossary_course, "- {term: Euler's method, also: [Euler step], definition: A., lesson: 3}\n")
    assert completed(monkeypatch, "grade glossary eu") == ["Euler step"]  # bash would take ' for a quote


def test_a_broken_course_completes_nothing(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (small_course / "course.yaml").write_text("lessons: [")
    for line in ("grade lesson f", "grade lesson 1.", "grade glossary a", "grade quiz "):
        assert completed(monkeypatch, line) == []


def test_completes_nothing_outside_a_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert completed(monkeypatch, "grade exercise al") == ["al"]  # files
    assert completed(monkeypatch, "grade quiz fi") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_prints_the_completion_script(monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("_GRADE_COMPLETE", f"{shell}_source")
    assert "_GRADE_COMPLETE" in run().stdout


def test_suggests_a_command_for_a_name(small_course: Path) -> None:
    assert error("Alpha") == "No command 'Alpha'. It is an exercise: grade exercise alpha"
    assert error("first-things") == "No command 'first-things'. It is a lesson: grade lesson first-things"
    assert error("exercize") == "No command 'exercize'. Did you mean 'exercise'?"


def test_every_command_has_a_module() -> None:
    context = grade.make_context("grade", ["list"])
    assert all(grade.get_command(context, name) is not None for name in grade.list_commands(context))


def test_grades_the_current_exercise_without_a_name(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def header() -> str:
        return run("exercise").stdout.splitlines()[1].split()[0]

    assert header() == "base"  # the next, whatever is to be read before
    record(workspace, "high", 1)
    Progress.load(workspace).record(PartRead(lesson="three", part=1, slug="three"))
    assert header() == "high"  # the last
    record(workspace, "high", 4)
    assert header() == "base"
    with monkeypatch.context() as patch:
        patch.chdir(workspace / "exercises" / "top")
        assert header() == "top"
    for name in ("base", "top"):
        record(workspace, name, 4)
    assert error("exercise").startswith("Every exercise is passed; name one")
