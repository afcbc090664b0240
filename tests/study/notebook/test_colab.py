"""Addresses of GitHub repositories, and what a notebook in one contains for Colab."""

from pathlib import Path

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from grader.base.errors import UsageError
from grader.engine.submission.magics import comment_out_magics
from grader.study.notebook.colab import GitHubFile, locate_on_github

ROOT = Path("/course")
FILE = ROOT / "notebooks/1.1-sums.ipynb"


@pytest.mark.parametrize(
    ("address", "name", "branch"),
    [
        ("https://github.com/ada/course", "course", "main"),
        ("https://github.com/ada/course/", "course", "main"),
        ("https://github.com/ada/course.git", "course", "main"),
        ("https://github.com/ada/course.2027", "course.2027", "main"),
        ("https://github.com/ada/course/tree/master", "course", "master"),
        ("https://github.com/ada/course/tree/week/3/", "course", "week/3"),
    ],
)
def test_an_address_names_a_repository_and_perhaps_a_branch(address: str, name: str, branch: str) -> None:
    assert locate_on_github(address, FILE, ROOT) == GitHubFile("ada", name, branch, "notebooks/1.1-sums.ipynb")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada/course",
        "http://example.org/ada/course",
        "https://github.com/ada",
        "https://github.com.example.org/ada/course",
        "https://github.com/ada/course/blob/main/x.ipynb",
        "https://github.com/ada/course; rm -rf x",
        "https://github.com/ada/course/tree/-x y",
        "https://github.com/ada/course\n",
    ],
)
def test_anything_else_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="is not the address of a GitHub repository"):
        locate_on_github(address, FILE, ROOT)


def test_the_badge_links_to_the_file_in_colab() -> None:
    badge = GitHubFile("ada", "course", "main", "1.1-sums.ipynb").badge
    assert badge.endswith("](https://colab.research.google.com/github/ada/course/blob/main/1.1-sums.ipynb)")


def test_the_installation_does_nothing_outside_of_colab() -> None:
    code = GitHubFile("ada", "course", "week/3", "1.1-sums.ipynb").installation
    assert "!git clone --quiet --branch week/3 https://github.com/ada/course course\n" in code
    manager = TransformerManager()  # type: ignore[no-untyped-call]
    exec(manager.transform_cell(code), {})  # get_ipython is not defined here: nothing may call it


def test_the_installation_can_be_handed_in() -> None:
    lines, ignored = comment_out_magics(GitHubFile("ada", "course", "main", "x.ipynb").installation.split("\n"))
    compile("\n".join(lines), "cell", "exec")
    assert len(ignored) == 3
