"""Tests of folders as trees: no link is followed."""

import os
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.teach.handins.tree import tree_of_folder
from tests.teach.handins.archives import names, why


@pytest.mark.skipif(os.name == "nt", reason="links and special files")
def test_follows_no_links_in_a_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "rope.py").write_text("the answer\n")
    ada = tmp_path / "class" / "ada"
    ada.mkdir(parents=True)
    (ada / "rope.py").symlink_to(secret / "rope.py")
    (ada / "out").symlink_to(secret)
    (ada / "loop").symlink_to(ada)
    os.mkfifo(ada / "moe_router.py")
    (ada / ".git").mkdir()
    (ada / ".git" / "rope.py").touch()
    (tmp_path / "class" / "bob").mkdir()
    (tmp_path / "class" / "bob" / "rope.py").write_text("x = 1\n")
    tree = tree_of_folder(tmp_path / "class")
    assert names(tree) == ["bob/rope.py"]
    assert why(tree) == {
        ".git": "created by a program, not part of a submission",
        "loop": "a link; links are not followed",
        "out": "a link; links are not followed",
        "rope.py": "a link; links are not followed",
        "moe_router.py": "not a regular file",
    }
    (tmp_path / "class" / "bob" / "rope.py").unlink()
    (tmp_path / "class" / "bob" / "rope.py").symlink_to(secret / "rope.py")  # after it was listed
    with pytest.raises(UsageError, match="is a link, and links are not followed"):
        tree.entries[0].read()


def test_reads_a_deeply_nested_folder(tmp_path: Path) -> None:
    deep = tmp_path / "ada" / "/".join(["d"] * 500)
    deep.mkdir(parents=True)
    (deep / "rope.py").touch()
    assert len(tree_of_folder(tmp_path).entries[0].path) == 502
