"""The autograder for Gradescope: the zip, its scripts, and `run_autograder` in a folder laid out as Gradescope's."""

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from grader.cli import grade
from grader.errors import UsageError
from grader.export.autograder_run import grade_submission
from tests.classes import FILES, make_course


def export(course: Path, *words: str | Path) -> Result:
    return CliRunner().invoke(grade, ["--course", str(course), "export", "gradescope", *map(str, words)])


def made(course: Path, out: Path, *words: str | Path) -> zipfile.ZipFile:
    """The zip that the command writes."""
    result = export(course, "toolbox", "--out", out, *words)
    assert (result.exit_code, result.stderr) == (0, "")
    return zipfile.ZipFile(io.BytesIO(out.read_bytes()))


def unpacked(archive: zipfile.ZipFile, folder: Path) -> None:
    """Unpacks as unzip does: with permissions, which Python's own function leaves out."""
    for member in archive.infolist():
        path = Path(archive.extract(member, folder))
        path.chmod(stat.S_IMODE(member.external_attr >> 16))


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return make_course(tmp_path)


@pytest.fixture
def root(course: Path, tmp_path: Path) -> Path:
    """What is /autograder in Gradescope's container; the environment that setup.sh makes is this one."""
    root = tmp_path / "autograder"
    unpacked(made(course, tmp_path / "autograder.zip"), root / "source")
    shutil.copy(root / "source/run_autograder", root)
    for folder in ("submission", "results", "venv/bin"):
        (root / folder).mkdir(parents=True)
    (root / "submission_metadata.json").write_text("{}", "utf-8")
    script(root / "venv/bin/python", f'exec "{sys.executable}" "$@"')
    return root


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)


def run(root: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([root / "run_autograder"], cwd=root, capture_output=True, text=True, check=False)


def results(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "results/results.json").read_text("utf-8"))
    return found


def hand_in(root: Path, text: str, name: str = "toolbox.py") -> None:
    path = root / "submission" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


# The zip


def test_the_zip_is_laid_out_as_gradescope_wants_it(course: Path, tmp_path: Path) -> None:
    (course / "solutions/toolbox/.notes").write_text("kept at home", "utf-8")
    archive = made(course, tmp_path / "a.zip")
    names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"setup.sh", "run_autograder", "engine", "course", "exercises.txt"}
    assert {name for name in names if name.startswith("course/solutions")} == {
        f"course/solutions/toolbox/{each}" for each in ("toolbox.py", "test_hidden.py", "mistakes.py", "variants.py")
    }
    assert "engine/grader/export/templates/report.html" in names
    assert not [name for name in names if "__pycache__" in name]
    for name in ("setup.sh", "run_autograder"):
        assert archive.getinfo(name).external_attr >> 16 == stat.S_IFREG | 0o755
        assert archive.read(name).startswith(b"#!/usr/bin/env bash\n")
        assert b"\r" not in archive.read(name)


def test_the_same_course_gives_the_same_bytes(course: Path, tmp_path: Path) -> None:
    made(course, tmp_path / "a.zip")
    for path in course.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    made(course, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_the_engine_in_the_zip_is_this_one(course: Path, tmp_path: Path) -> None:
    archive = made(course, tmp_path / "a.zip")
    project = tomllib.loads(archive.read("engine/pyproject.toml").decode())["project"]
    assert project["name"] == "archgrade"
    assert set(project["dependencies"]) == {each for each in requires("archgrade") or [] if "extra" not in each}
    engine = Path(__file__).parents[1] / "grader"
    for path in engine.rglob("*.py"):
        assert archive.read(f"engine/grader/{path.relative_to(engine).as_posix()}") == path.read_bytes()


def second_exercise(course: Path, name: str) -> None:
    """A copy of the exercise under another name."""
    for folder in ("exercises", "solutions"):
        shutil.copytree(course / folder / "toolbox", course / folder / name)
        (course / folder / name / "toolbox.py").rename(course / folder / name / f"{name}.py")


def test_what_an_exercise_needs_goes_in_and_is_not_graded(course: Path, tmp_path: Path) -> None:
    second_exercise(course, "first")
    second_exercise(course, "other")
    path = course / "exercises/toolbox/exercise.yaml"
    path.write_text(path.read_text("utf-8") + "needs: [first]\n", "utf-8")
    archive = made(course, tmp_path / "a.zip")
    held = {name.split("/")[2] for name in archive.namelist() if name.startswith("course/exercises/")}
    assert held == {"first", "toolbox"}
    assert "course/solutions/first/first.py" in archive.namelist()  # toolbox's tests may use it
    assert archive.read("exercises.txt") == b"toolbox\n"


def test_bad_input_is_one_sentence(course: Path, tmp_path: Path) -> None:
    unknown = export(course, "toolbx", "--out", tmp_path / "a.zip")
    assert (unknown.exit_code, unknown.stderr.count("\n")) == (2, 1)
    assert "Did you mean 'toolbox'?" in unknown.stderr
    (course / "solutions/toolbox/test_hidden.py").unlink()
    incomplete = export(course, "toolbox", "--out", tmp_path / "a.zip")
    assert (incomplete.exit_code, incomplete.stderr.count("\n")) == (2, 1)
    assert "test_hidden.py" in incomplete.stderr
    assert not (tmp_path / "a.zip").exists()


def test_a_zip_that_cannot_be_written_is_one_sentence(course: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = export(course, "toolbox", "--out", tmp_path / "file" / "a.zip")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


# setup.sh


def setup(source: Path, tools: Path) -> "subprocess.CompletedProcess[str]":
    """Runs setup.sh where the programs in `tools` come first."""
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", str(source / "setup.sh")]
    return subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)


def test_setup_makes_an_environment_beside_the_source(course: Path, tmp_path: Path) -> None:
    """with stand-ins for the system's Python and for pip, which write down what they are asked for"""
    pip_conf = tmp_path / "mine.conf"
    pip_conf.write_text("[global]\n", "utf-8")
    root, log = tmp_path / "autograder", tmp_path / "log"
    source = root / "source"
    unpacked(made(course, tmp_path / "a.zip", "--pip-conf", pip_conf), source)
    assert (source / "pip.conf").read_text("utf-8") == "[global]\n"
    script(
        tmp_path / "in-venv",
        f'if [ "$2" = pip ]; then echo "$PIP_CONFIG_FILE $*" >> "{log}"; else exec "{sys.executable}" "$@"; fi',
    )
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("python3.13", "python3.12", "python3.11"):
        script(tools / name, "exit 1")  # as a Python that is too old, or has no venv
    copy = f'mkdir -p "$3/bin" && cp "{tmp_path / "in-venv"}" "$3/bin/python"'
    script(tools / "python3", f'if [ "$2" = venv ]; then {copy}; fi')
    done = setup(source, tools)
    assert (done.returncode, done.stderr) == (0, "")
    assert log.read_text("utf-8") == f"{source}/pip.conf -m pip install --no-cache-dir {source}/engine\n"
    assert "toolbox" in done.stdout  # the environment can read the course
    assert (root / "venv/bin/python").is_file()


def test_setup_without_a_python_says_so(course: Path, tmp_path: Path) -> None:
    unpacked(made(course, tmp_path / "a.zip"), tmp_path / "source")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("python3.13", "python3.12", "python3.11", "python3", "apt-get"):
        script(tools / name, "exit 1")
    done = setup(tmp_path / "source", tools)
    assert done.returncode == 1
    assert done.stderr == "error: archgrade needs Python 3.11 or newer; choose a newer base image.\n"


# run_autograder


@pytest.mark.parametrize(("who", "score"), [("ada", 31.0), ("ben", 30.0), ("eve", 0.0)])
def test_a_submission_gets_its_score(root: Path, who: str, score: float) -> None:
    """right, one mistake, a syntax error"""
    hand_in(root, FILES[who])
    done = run(root)
    assert done.returncode == 0, done.stderr
    found = results(root)
    assert found["score"] == score
    assert f"{score:g} of 31 points" in found["output"]
    assert {test["visibility"] for test in found["tests"]} <= {"visible", "after_published"}
    if who == "ben":
        assert [test["name"] for test in found["tests"] if test["status"] == "failed"] == ["toolbox: scale"]


@pytest.mark.parametrize(
    "files",
    [{"notes.txt": "hello"}, {"a/toolbox.py": FILES["ada"], "b/toolbox.py": FILES["ben"]}],
    ids=["none", "two that differ"],
)
def test_a_file_that_cannot_be_found_is_asked_for(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        hand_in(root, text, name)
        os.utime(root / "submission" / name, (1_000_000_000, 1_000_000_000))
    assert run(root).returncode == 0
    found = results(root)
    assert (found["score"], found["tests"]) == (0, [])
    assert "toolbox.py or toolbox.ipynb" in found["output"]
    assert found["output"].isprintable()


def test_a_fault_of_the_course_is_no_score(root: Path) -> None:
    tests = root / "source/course/solutions/toolbox/test_hidden.py"
    broken = '    """sums by name"""\n    submission.merge({}).nothing\n'
    tests.write_text(tests.read_text("utf-8").replace('    """sums by name"""\n', broken), "utf-8")
    hand_in(root, FILES["ada"])
    done = run(root)
    assert done.returncode != 0
    assert "test_merge fails on the reference too" in done.stderr  # for the instructor
    found = results(root)
    assert not {"score", "tests"} & found.keys()
    assert "fault of the grader" in found["output"]
    assert "test_merge" not in found["output"]


def test_an_autograder_that_is_not_whole_is_no_score(root: Path) -> None:
    (root / "source/course/course.yaml").write_text("title: [", "utf-8")
    hand_in(root, FILES["ada"])
    done = run(root)
    assert done.returncode != 0
    assert "course.yaml" in done.stderr
    assert "Traceback" not in done.stderr
    assert not {"score", "tests"} & results(root).keys()


def test_grading_that_takes_too_long_is_no_score(root: Path) -> None:
    hand_in(root, FILES["ada"])
    with pytest.raises(UsageError, match=r"stopped after 0 s"):
        grade_submission(root, seconds=0.0)
    assert not {"score", "tests"} & results(root).keys()


def test_an_exercise_of_several_that_is_missing_is_named(root: Path) -> None:
    second_exercise(root / "source/course", "second")
    (root / "source/exercises.txt").write_text("toolbox\nsecond\n", "utf-8")
    hand_in(root, FILES["ada"])
    assert run(root).returncode == 0
    found = results(root)
    assert found["score"] == 31
    assert "second: nothing was handed in; it is looked for in second.py." in found["output"].splitlines()


def test_a_submission_cannot_read_what_grades_it(root: Path) -> None:
    hidden = root / "source/course/solutions/toolbox/test_hidden.py"
    assert hidden.read_text("utf-8")
    hand_in(root, f"{FILES['ada']}\n\ndef scale(x, factor):\n    return open({str(hidden)!r}).read()\n")
    assert run(root).returncode == 0
    found = results(root)
    (failed,) = [test for test in found["tests"] if test["status"] == "failed"]
    assert "PermissionError" in failed["output"]
