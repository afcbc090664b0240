"""Grading in CI, in docs/instructors.md: its workflows are valid, and the commands in them grade a class of clones."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.classes import FILES, REFERENCE, make_course
from tests.paths import ROOT

PAGE = (ROOT / "docs/instructors.md").read_text("utf-8")
SECTION = PAGE.partition("\n## Grading in CI\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
GITHUB, GITLAB = BLOCKS
SCHEMAS = {"vendor.github-workflows": GITHUB, "vendor.gitlab-ci": GITLAB}
TOKEN = "a-secret-of-the-instructor"

HOSTILE = f"""{REFERENCE}
import os
print("::add-mask::3")
print("##[add-mask]3")


def scale(x, factor):
    raise ValueError(f"\\n::stop-commands::x\\n##[error]y {{os.environ.get('READ_SUBMISSIONS')}}")
"""
FILE = "exercises/toolbox/toolbox.py"
CLASS = {
    "week-3-ada": {FILE: FILES["ada"]},
    "week-3-ben": {FILE: FILES["ben"]},
    "week-3-cleo": {"tool-box.py": FILES["ada"]},
    "week-3-dora": {"hw.7z": ""},
    "week-3-eve": {".vscode/settings.json": "{}"},
    "week-3-mallory": {FILE: HOSTILE},
}
LOST = "nothing is graded for 3 students who handed something in: cleo, dora, eve"
SCORES = {"ada": 31, "ben": 30, "mallory": 30}


# Schemas


def complaints(schema: str, text: str, folder: Path) -> str:
    """Return the errors that check-jsonschema finds in a workflow, by its copy of the platform's schema."""
    path = folder / "workflow.yml"
    path.write_text(text, "utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_workflow_is_valid(schema: str, tmp_path: Path) -> None:
    assert complaints(schema, SCHEMAS[schema], tmp_path) == ""


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [("vendor.github-workflows", "runs-on:", "run-on:"), ("vendor.gitlab-ci", "paths: [results]", "paths: 3")],
)
def test_a_wrong_workflow_is_noticed(schema: str, right: str, wrong: str, tmp_path: Path) -> None:
    assert right in SCHEMAS[schema]
    assert "Schema validation errors" in complaints(schema, SCHEMAS[schema].replace(right, wrong), tmp_path)


# The commands


@dataclass(frozen=True)
class Checkout:
    """The instructor's repository on a machine of the platform, and stand-ins for what that machine has."""

    root: Path
    environment: dict[str, str]

    def run(self, commands: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run commands as both platforms do, in a bash that stops at the first that fails."""
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", commands],
            cwd=self.root,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )


def git(*words: str | Path) -> None:
    settings = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *settings, *map(str, words)], check=True, capture_output=True)


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Make a course, the repositories of six students at the address of a host, `pip`, `gh` and `grade`."""
    course, hosted, tools = make_course(tmp_path), tmp_path / "hosted", tmp_path / "tools"
    tools.mkdir()
    for name, files in CLASS.items():
        clone = tmp_path / "students" / name
        for path, text in files.items():
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_text(text, "utf-8")
        git("init", clone)
        git("-C", clone, "add", ".")
        git("-C", clone, "commit", "-m", "done")
        git("clone", "--bare", clone, hosted / "class-2026" / f"{name}.git")
    (course / "repositories.txt").write_text("".join(f"class-2026/{name}\n" for name in CLASS), "utf-8")
    script(tools / "pip", '[ "$1 $2" = "install ." ]')
    script(tools / "grade", f'exec "{sys.executable}" -m grader.cli "$@"')
    script(
        tools / "gh",
        f'[ "$1 $2 $4" = "repo clone --" ] && [ "$GH_TOKEN" = {TOKEN} ] && '
        f'where="$3" && shift 4 && git clone "$@" "file://{hosted}/$where.git"',
    )
    for_gitlab = {
        "CI_SERVER_HOST": "host.example",
        "READ_SUBMISSIONS": TOKEN,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{hosted}/.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://grader:{TOKEN}@host.example/",
    }
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    return Checkout(course, os.environ | for_gitlab | {"PATH": path})


def assert_graded(checkout: Checkout) -> None:
    """Check that the job kept the class's scores, and the list of students without a score."""
    results = json.loads((checkout.root / "results/results.json").read_text("utf-8"))
    totals = {each["student"]["id"]: each["total"] for each in results["students"] if each["grades"]}
    assert totals == SCORES
    ignored = {each["student"]: Path(each["file"]).name for each in results["ignored"]}
    assert ignored == {"cleo": "tool-box.py", "dora": "hw.7z", "eve": "week-3-eve"}
    suites = ElementTree.parse(checkout.root / "results/junit.xml").getroot()
    assert len(suites.findall("testsuite")) == len(CLASS)
    lost = [suite.get("name") for suite in suites if suite.find("testcase[@name='submission']/error") is not None]
    assert lost == ["cleo", "dora", "eve"]


def forged(lines: str) -> list[str]:
    """Return the lines that GitHub's runner takes for a command and that are not our annotations."""
    found = []
    for line in lines.splitlines():
        command = re.match(r"\s*::(\w[\w-]*)(?: .*?)?::", line)
        if command[1] not in ("error", "warning") if command else "##[" in line:
            found.append(line)
    return found


@pytest.mark.slow
def test_the_github_workflow_grades_a_class(checkout: Checkout, tmp_path: Path) -> None:
    steps: list[dict[str, Any]] = yaml.safe_load(GITHUB)["jobs"]["grade"]["steps"]
    summary = tmp_path / "summary.md"
    output = ""
    for step in steps:
        if "run" in step:
            secret = "${{ secrets.READ_SUBMISSIONS }}"
            given = {key: value.replace(secret, TOKEN) for key, value in step.get("env", {}).items()}
            done = checkout.run(step["run"], **given, GITHUB_STEP_SUMMARY=str(summary))
            assert done.returncode == 0, done.stderr
            output = done.stdout + done.stderr
    assert_graded(checkout)
    assert "| mallory | 30 | 30 |" in summary.read_text("utf-8")
    assert "- dora, submissions\\/week\\-3\\-dora\\/hw\\.7z: an archive" in summary.read_text("utf-8")
    assert f"::warning title=Not graded::{LOST}; the summary lists it" in output.splitlines()
    assert "stop-commands" in output  # it was tried
    assert forged(output) == []
    assert TOKEN not in output
    uploads = [step["with"]["path"] for step in steps if "upload-artifact" in step.get("uses", "")]
    assert uploads == ["results"]


@pytest.mark.parametrize("line", ["  ::stop-commands::x", "a ##[error]y", "::set-output name=score::99"])
def test_a_forged_command_is_noticed(line: str) -> None:
    assert forged(f"::error title=a::b ##[error]c\n{line}\n") == [line]


@pytest.mark.slow
def test_the_gitlab_job_grades_a_class(checkout: Checkout) -> None:
    job: dict[str, Any] = yaml.safe_load(GITLAB)["grade"]
    done = checkout.run("\n".join(job["script"]))
    assert done.returncode == 0, done.stderr
    assert f"note: {LOST}; " in done.stderr
    assert_graded(checkout)
    kept = [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]]
    assert all((checkout.root / path).exists() for path in kept)
    text = (checkout.root / "results/results.json").read_text("utf-8")
    assert "stop-commands" in text  # what the submission raised, with what it found in its environment
    assert TOKEN not in text


@pytest.mark.slow
def test_a_repository_that_cannot_be_cloned_fails_the_job_when_all_others_are_graded(checkout: Checkout) -> None:
    repositories = checkout.root / "repositories.txt"
    repositories.write_text(f"class-2026/week-3-nobody\n{repositories.read_text('utf-8')}", "utf-8")
    done = checkout.run("\n".join(yaml.safe_load(GITLAB)["grade"]["script"]))
    assert done.returncode not in (0, 1, 2, 3)
    assert_graded(checkout)


def test_github_grades_what_could_be_cloned() -> None:
    steps = yaml.safe_load(GITHUB)["jobs"]["grade"]["steps"]
    (grading,) = (step for step in steps if step.get("run", "").startswith("grade batch"))
    assert grading["if"] == "!cancelled()"


def test_the_token_is_given_to_one_step() -> None:
    steps = yaml.safe_load(GITHUB)["jobs"]["grade"]["steps"]
    assert [step["run"].split()[0] for step in steps if "secrets." in json.dumps(step)] == ["mkdir"]


@pytest.mark.slow
def test_exit_codes_are_as_the_page_says(checkout: Checkout) -> None:
    def code(words: str) -> int:
        done = checkout.run(f"grade batch {words} --quiet")
        assert re.search(rf"^\| {done.returncode} \|", PAGE, re.MULTILINE), done.stderr
        return done.returncode

    assert code("../students") == 0
    assert code("../students --fail-under 98") == 1
    assert code("exercises/nothing") == 2
    tests = checkout.root / "solutions/toolbox/test_hidden.py"
    broken = '    """sums by name"""\n    submission.merge({}).nothing\n'
    tests.write_text(tests.read_text("utf-8").replace('    """sums by name"""\n', broken), "utf-8")
    assert code("../students") == 3
