"""Tests of `grade site`."""

import subprocess
from pathlib import Path

import pytest

from tests.command_line import error, run, telling_imports
from tests.paths import ROOT


def test_shows_what_it_wrote(small_course: Path, tmp_path: Path) -> None:
    done = run("site", "--out", str(tmp_path / "site"))
    assert done.exit_code == 0, done.output
    assert "pages" in done.stdout
    assert (tmp_path / "site" / "index.html").is_file()


def test_refuses_a_folder_that_is_not_a_site(small_course: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert "was not written by grade site" in error("site", "--out", str(tmp_path))


def test_names_a_missing_package(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.author.site.packages.find_spec", lambda name: None)
    assert "pip install 'archgrade[site]'" in error("site")


def test_imports_neither_torch_nor_a_judge(small_course: Path, tmp_path: Path) -> None:
    heavy = {"torch", "pytest", "numpy", "grader.engine.judge", "grader.engine.sandbox"}
    command = telling_imports(["site", "--out", str(tmp_path / "site")], heavy)
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)})
    assert done.stderr == "loaded []\n"
