"""CONTRIBUTING.md and the templates of issues: tests are where the page says, and the forms are valid."""

import re
import subprocess
import sys

import pytest

from tests.docs.documents import read
from tests.paths import ROOT

BESIDES = {"course_content", "docs", "sorting", "toolbox"}  # folders of no package
FORMS = ROOT / ".github/ISSUE_TEMPLATE"


def test_the_folders_of_tests_are_those_of_grader() -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    engine = [path for path in folders if path.parts and path.parts[0] not in BESIDES]
    assert len(engine) > 20
    assert [path for path in engine if not (ROOT / "grader" / path).is_dir() and path.name != "boundary"] == []


@pytest.mark.parametrize("folder", sorted(BESIDES))
def test_folders_of_another_name_are_explained(folder: str) -> None:
    assert f"`tests/{folder}/`" in read("CONTRIBUTING.md")


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    named = set()
    for document in ("CONTRIBUTING.md", ".github/PULL_REQUEST_TEMPLATE.md"):
        named |= set(re.findall(r"(?:^|`)make ([a-z-]+)(?=`|  | #| VERSION=)", read(document), re.MULTILINE))
    assert named >= {"test", "test-all", "lint", "release"}
    assert named - targets == set()


@pytest.mark.parametrize("form", sorted(path.name for path in FORMS.iterdir()))
def test_issue_forms_are_valid(form: str) -> None:
    schema = "vendor.github-issue-config" if form == "config.yml" else "vendor.github-issue-forms"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(FORMS / form)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", ["", "1.0", "v1.0.0"])
def test_a_release_needs_a_version(version: str) -> None:
    done = subprocess.run([ROOT / ".ci/release", version], capture_output=True, text=True, check=False)
    told = f"error: '{version}' is not a version; say which: make release VERSION=0.2.0\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)
