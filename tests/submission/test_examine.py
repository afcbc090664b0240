"""What is said of a submission without running it."""

import warnings

import pytest

from grader.result import Outcome
from grader.submission import examine

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
