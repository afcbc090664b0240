"""Write autograder.zip for Gradescope, and run its setup.sh."""

import os
import shutil
import stat
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

from tests.paths import ROOT
from tests.teach.formats.autograder import export, made, script, second_exercise, unpacked


def test_the_zip_has_the_layout_of_gradescope(course: Path, tmp_path: Path) -> None:
    (course / "solutions/toolbox/.notes").write_text("kept at home", "utf-8")
    archive = made(course, tmp_path / "a.zip")
    names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"setup.sh", "run_autograder", "engine", "course", "exercises.txt"}
    assert {name for name in names if name.startswith("course/solutions")} == {
        f"course/solutions/toolbox/{each}" for each in ("toolbox.py", "test_hidden.py", "mistakes.py", "variants.py")
    }
    assert "engine/grader/teach/formats/templates/report.html" in names
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


def test_the_zip_has_the_installed_engine(course: Path, tmp_path: Path) -> None:
    archive = made(course, tmp_path / "a.zip")
    project = tomllib.loads(archive.read("engine/pyproject.toml").decode())["project"]
    assert project["name"] == "archgrade"
    assert set(project["dependencies"]) == {each for each in requires("archgrade") or [] if "extra" not in each}
    engine = ROOT / "grader"
    for path in engine.rglob("*.py"):
        assert archive.read(f"engine/grader/{path.relative_to(engine).as_posix()}") == path.read_bytes()


def test_other_exercises_are_included_but_not_graded(course: Path, tmp_path: Path) -> None:
    second_exercise(course, "first")
    second_exercise(course, "unsolved")
    shutil.rmtree(course / "solutions/unsolved")
    archive = made(course, tmp_path / "a.zip")
    held = {name.split("/")[2] for name in archive.namelist() if name.startswith("course/exercises/")}
    assert held == {"first", "unsolved", "toolbox"}
    assert "course/solutions/first/test_hidden.py" in archive.namelist()
    assert archive.read("exercises.txt") == b"toolbox\n"


def test_invalid_input_is_a_usage_error(course: Path, tmp_path: Path) -> None:
    unknown = export(course, "toolbx", "--out", tmp_path / "a.zip")
    assert (unknown.exit_code, unknown.stderr.count("\n")) == (2, 1)
    assert "Did you mean 'toolbox'?" in unknown.stderr
    (course / "solutions/toolbox/test_hidden.py").unlink()
    incomplete = export(course, "toolbox", "--out", tmp_path / "a.zip")
    assert (incomplete.exit_code, incomplete.stderr.count("\n")) == (2, 1)
    assert "test_hidden.py" in incomplete.stderr
    assert not (tmp_path / "a.zip").exists()


def test_a_zip_that_cannot_be_written_is_a_usage_error(course: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = export(course, "toolbox", "--out", tmp_path / "file" / "a.zip")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def setup(source: Path, tools: Path) -> "subprocess.CompletedProcess[str]":
    """Run setup.sh with the folder `tools` at the beginning of PATH."""
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", str(source / "setup.sh")]
    return subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)


def test_setup_creates_an_environment_beside_the_source(course: Path, tmp_path: Path) -> None:
    """Fake versions of Python and pip record their arguments."""
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


def test_setup_fails_with_a_message_without_python(course: Path, tmp_path: Path) -> None:
    unpacked(made(course, tmp_path / "a.zip"), tmp_path / "source")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("python3.13", "python3.12", "python3.11", "python3", "apt-get"):
        script(tools / name, "exit 1")
    done = setup(tmp_path / "source", tools)
    assert done.returncode == 1
    assert done.stderr == "error: archgrade needs Python 3.11 or newer; choose a newer base image.\n"
