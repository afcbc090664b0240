"""Reading what was handed in, and what is said of it without running it."""

import hashlib
import os
import warnings
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.result import Outcome
from grader.submission import examine, read_submission


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
def test_the_encoding_is_the_one_that_python_would_take(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(data)
    text = read_submission(path, "one").text
    assert text.endswith("x = 'é'\n")
    assert not text.startswith("\ufeff")


def test_what_is_not_a_file(tmp_path: Path) -> None:
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


def test_the_largest_file(tmp_path: Path) -> None:
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
def test_what_cannot_be_decoded(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(data)
    assert sentence in refused(path)


STARTED = "def f():\n    return 1\n"
OPEN = 'def g(x):\n    """Doc."""\n    raise NotImplementedError\n'


@pytest.mark.parametrize(
    "text",
    [
        OPEN,
        "import torch\nN = 3\n" + OPEN + "def h(): raise NotImplementedError('later')\n",
        "class A:\n    'Doc.'\n    def f(self):\n        raise NotImplementedError()\n",
        "class A:\n    class B:\n        async def f(self): raise NotImplementedError\n",
        "def _given(x):\n    return x\n\n\nclass _Given:\n    def f(self): return 1\n\n\n" + OPEN,
    ],
)
def test_not_started(text: str) -> None:
    finding = examine(text, "one.py")
    assert finding is not None
    assert finding.outcome is Outcome.NOT_STARTED
    assert finding.line is not None
    assert "raise NotImplementedError" in text.splitlines()[finding.line - 1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 1\n",
        STARTED + OPEN,
        "def f():\n    x = 1\n    raise NotImplementedError\n",
        "def f():\n    raise ValueError\n",
        "def f():\n    pass\n",
        "def f():\n    raise\n",
        OPEN + "class A:\n    def f(self): return 1\n",
        OPEN + "class A:\n    def __init__(self): self.x = 1\n",
        "def _given(x): raise NotImplementedError\n",
    ],
)
def test_started(text: str) -> None:
    assert examine(text, "one.py") is None


def test_syntax_error_has_its_place() -> None:
    finding = examine("x = 1\ny = 'é' + (2 +* 3)\n", "one.py")
    assert finding is not None
    assert (finding.outcome, finding.message) == (Outcome.SYNTAX_ERROR, "invalid syntax")
    assert (finding.line, finding.column, finding.source) == (2, 15, "y = 'é' + (2 +* 3)")


@pytest.mark.parametrize(
    "text",
    [
        "return 1\n",
        "def f(:\n",
        "x = (\n",
        "\tx = 1\n",
        "x = '\n",
        "x = '\0'\n",
        "(" * 10_000,
        "x = " + "-" * 200_000 + "1\n",
        "x = " + "9" * 5000 + "\n",
        "x = " + "+".join(["1"] * 200_000) + "\n",
        "from __future__ import braces\n",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_whatever_does_not_compile_is_a_finding(text: str) -> None:
    finding = examine(text, "one.py")
    assert finding is not None
    assert finding.outcome is Outcome.SYNTAX_ERROR
    assert finding.message


def test_warnings_of_the_compiler_are_not_shown() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert examine("x = '\\d' is 'd'\n", "one.py") is None
