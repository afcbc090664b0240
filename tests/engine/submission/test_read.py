"""Reading a submission."""

import hashlib
import os
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.engine.submission import read_submission


def refused(path: Path) -> str:
    with pytest.raises(UsageError) as error:
        read_submission(path, "one")
    return str(error.value)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(b"x = 1\r\ny = 2\rz = 'caf\xc3\xa9'\n")
    submission = read_submission(path, "one")
    assert (submission.file, submission.name) == (str(path), "one")
    assert submission.text == "x = 1\ny = 2\nz = 'café'\n"
    assert submission.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbfx = '\xc3\xa9'\n", b"# -*- coding: latin-1 -*-\nx = '\xe9'\n"],
    ids=["byte order mark", "coding line"],
)
def test_decodes_with_the_encoding_that_python_uses(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(data)
    text = read_submission(path, "one").text
    assert text.endswith("x = 'é'\n")
    assert not text.startswith("\ufeff")


def test_what_is_not_a_regular_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link.py").symlink_to(tmp_path / "target.py")
    (tmp_path / "target.py").write_text("x = 1\n")
    os.mkfifo(tmp_path / "fifo.py")
    assert refused(tmp_path / "missing.py").startswith(f"There is no file {tmp_path / 'missing.py'}; ")
    assert "--file PATH" in refused(tmp_path / "missing.py")
    assert refused(tmp_path / "target.py" / "x.py").startswith("There is no file ")
    assert refused(tmp_path).endswith("is a folder; name the Python file in it.")
    assert "is a link" in refused(tmp_path / "link.py")
    assert refused(tmp_path / "fifo.py").endswith("is not a regular file; name a Python file.")
    assert refused(Path(os.devnull)).endswith("is not a regular file; name a Python file.")


def test_a_file_above_the_size_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(b"#" * 2**20)
    assert len(read_submission(path, "one").text) == 2**20
    path.write_bytes(b"#" * (2**20 + 1))
    assert "larger than 1 MiB" in refused(path)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"x = 1\ny = '\xe9'\n", ":2: this line is not UTF-8; "),
        (b"x = 1\n\n\ny = '\xe9'\n", ":4: this line is not UTF-8; "),
        (b"# coding: nonsense\n", "cannot be decoded: unknown encoding: nonsense"),
        (b"# coding: rot13\n", "cannot be decoded: "),
        (b"\xff\xfex\x00", "cannot be decoded: "),
        (b"x = 1\n\0\n", ":2: a null byte"),
    ],
)
def test_what_cannot_be_decoded_is_refused_in_one_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(data)
    assert sentence in refused(path)
