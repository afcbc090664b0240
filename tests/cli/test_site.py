"""grade site."""

import subprocess
from pathlib import Path

import pytest

from tests.command_line import error, run, telling_imports
from tests.paths import ROOT


def test_it_says_what_it_wrote(small_course: Path, tmp_path: Path) -> None:
    done = run("site", "--out", str(tmp_path / "site"))
    assert done.exit_code == 0, done.output
    assert "pages" in done.stdout
    assert (tmp_path / "site" / "index.html").is_file()


def test_a_folder_with_something_else_is_refused(small_course: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert "was not written by grade site" in error("site", "--out", str(tmp_path))


def test_a_missing_package_is_said(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.author.site.packages.find_spec", lambda name: None)
    assert "pip install 'archgrade[site]'" in error("site")


def test_neither_torch_nor_a_judge_is_imported(small_course: Path, tmp_path: Path) -> None:
    heavy = {"torch", "pytest", "numpy", "grader.engine.judge", "grader.engine.sandbox"}
    command = telling_imports(["site", "--out", str(tmp_path / "site")], heavy)
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)})
    assert done.stderr == "loaded []\n"
