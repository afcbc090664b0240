"""The wheel in a fresh environment, from `grade init` to a pass, without this repository."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.slow


class Installation:
    """Make a fresh environment with the wheel. Dependencies come from the environment of this Python."""

    def __init__(self, folder: Path):
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = folder.glob("archgrade-*.whl")
        environment = folder / "environment"
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        self.bin = environment / "bin"
        install: list[str | Path] = [
            self.bin / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-index",
            "--no-deps",
            wheel,
        ]
        subprocess.run(install, check=True)
        (packages,) = environment.glob("lib/*/site-packages")
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        self.course = environment / "share" / "archgrade" / "course"
        self.data = folder / "data"

    def run(self, *words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        env = {**kept, "XDG_DATA_HOME": str(self.data), "PYTHONPATH": "", "NO_COLOR": "1"}
        command = [str(self.bin / words[0]), *map(str, words[1:])]
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def workspace(installed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("student")
    done = installed.run("grade", "init", "mine", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "mine"


def test_the_wheel_installs_the_course_outside_the_packages(installed: Installation, workspace: Path) -> None:
    where = "import grader; print(grader.__file__)"
    assert "site-packages" in installed.run("python", "-c", where, cwd=workspace).stdout
    assert (installed.course / "solutions" / "causal_mask" / "test_hidden.py").is_file()
    assert not list(workspace.rglob("__pycache__"))  # pip compiles what it installs, the course too
    assert not (workspace / "solutions").exists()


@pytest.mark.usefixtures("left_behind")
def test_a_wheel_brings_a_student_from_init_to_a_pass(installed: Installation, workspace: Path) -> None:
    assert "not started" in installed.run("grade", "exercise", "causal_mask", cwd=workspace).stdout
    solution = (installed.course / "solutions/causal_mask/causal_mask.py").read_text("utf-8")
    stub = workspace / "exercises" / "causal_mask" / "causal_mask.py"
    stub.write_text(solution.replace("raise ValueError", "raise TypeError"), "utf-8")
    failed = installed.run("grade", "exercise", ".", cwd=stub.parent)
    assert (failed.returncode, failed.stderr) == (1, "")
    stub.write_text(solution, "utf-8")
    passed = installed.run("grade", "exercise", "--json", cwd=workspace)
    result = json.loads(passed.stdout)
    assert (passed.returncode, result["exercise"], result["score"]) == (0, "causal_mask", result["max_score"])
    assert any(test["visibility"] == "hidden" for test in result["tests"])
    assert "2 attempts on 1 day" in installed.run("grade", "history", cwd=workspace).stdout
    assert installed.run("grade", "update", cwd=workspace).returncode == 0
    assert stub.read_text("utf-8") == solution
    assert "1 of " in installed.run("grade", cwd=workspace).stdout


@pytest.mark.usefixtures("left_behind")
def test_a_submission_cannot_read_the_solutions(installed: Installation, workspace: Path) -> None:
    answer = installed.course / "solutions" / "causal_mask" / "causal_mask.py"
    spy = workspace / "spy.py"
    spy.write_text(f"def causal_mask(*args, **kwargs):\n    return open({str(answer)!r}).read()\n")
    done = installed.run("grade", "exercise", "causal_mask", "--file", spy, "--json", cwd=workspace)
    result = json.loads(done.stdout)
    if result["isolation"]["kind"] not in ("confined", "sealed"):
        pytest.skip("submissions cannot be confined here")
    assert {test["outcome"] for test in result["tests"] if test["points"] == 0} >= {"forbidden"}


def test_pytest_runs_the_public_tests_of_all_exercises(installed: Installation, workspace: Path) -> None:
    for solution in (installed.course / "solutions").iterdir():
        stub = workspace / "exercises" / solution.name / f"{solution.name}.py"
        stub.write_text((solution / stub.name).read_text("utf-8"), "utf-8")
    options = ("-p", "no:cacheprovider", "-q", "-W", "error::pytest.PytestUnknownMarkWarning")
    done = installed.run("python", "-m", "pytest", *options, "exercises", cwd=workspace)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
