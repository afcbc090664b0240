"""Findings about a submission that is not run."""

import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.base import outline
from grader.base.errors import ProcessLost
from grader.base.result import Outcome
from grader.engine.submission import Finding, examine
from grader.engine.submission.examine import Import, is_untouched
from tests.processes import ends

SLOW = "a" + "\u0300\u0316" * 40_000 + " = 1\n"  # Python normalizes a name in quadratic time

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
def test_a_text_with_nothing_written_is_not_started(text: str) -> None:
    finding = examine(text, "one").finding
    assert finding is not None
    assert is_untouched(text, "one")
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
def test_a_text_with_anything_written_is_started(text: str) -> None:
    assert examine(text, "one").finding is None
    assert not is_untouched(text, "one")


def test_a_syntax_error_has_a_line_and_a_column() -> None:
    finding = examine("x = 1\ny = 'é' + (2 +* 3)\n", "one").finding
    assert finding == Finding(Outcome.SYNTAX_ERROR, "invalid syntax", line=2, column=15)


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
    examined = examine(text, "one")
    assert examined.finding is not None
    assert examined.finding.outcome is Outcome.SYNTAX_ERROR
    assert examined.finding.message
    assert (examined.code, examined.imports) == (None, ())


def test_the_compiled_code_names_the_file() -> None:
    examined = examine("import rope as r\nx = r.__name__\n", "one")
    assert examined.imports == (Import("rope", "r", True),)
    assert examined.code is not None
    code = marshal.loads(examined.code)
    assert (code.co_filename, code.co_names) == ("one.py", ("rope", "r", "__name__", "x"))


def test_a_text_with_warnings_is_not_precompiled_so_that_the_student_sees_them(
    capfd: pytest.CaptureFixture[str],
) -> None:
    examined = examine("x = '\\d' is 'd'\n", "one")
    assert (examined.finding, examined.code) == (None, None)
    assert capfd.readouterr() == ("", "")


class _Own:
    """A parsing process with a time limit of one second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        module = sys.modules["grader.engine.submission.examine"]
        monkeypatch.setattr(module, "SECONDS", 1)
        self.parser = module._Parser()

    def pid(self) -> int:
        assert self.parser._process is not None
        return int(self.parser._process.pid)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Own]:
    own = _Own(monkeypatch)
    yield own
    if own.parser._process is not None:
        with own.parser._process as process:
            process.kill()


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python 3.14 normalizes names in linear time")
def test_a_text_that_takes_too_long_to_parse_is_a_timeout_and_the_next_is_examined(own: _Own) -> None:
    finding = own.parser.examine(SLOW, "one.py").finding
    assert finding is not None
    assert finding.outcome is Outcome.TIMEOUT
    assert finding.message == "Stopped after 1 s while it was loaded: Python cannot parse it in that time."
    assert own.parser.examine("x = 1\n", "one.py").finding is None


def test_a_process_that_is_killed_is_replaced(own: _Own) -> None:
    assert own.parser.examine("x = 1\n", "one.py").finding is None
    first = own.pid()
    os.kill(first, signal.SIGKILL)
    assert ends(first)
    assert own.parser.examine("x = 2\n", "one.py").finding is None
    assert own.pid() != first


def test_a_process_that_is_killed_twice_is_a_fault_of_the_grader(
    own: _Own, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "killed.py"
    script.write_text("import os\nos.kill(os.getpid(), 9)\n")
    monkeypatch.setattr(sys.modules["grader.engine.submission.examine"], "_SCRIPT", str(script))
    with pytest.raises(ProcessLost, match="was ended twice; is there enough memory"):
        own.parser.examine("x = 1\n", "one.py")


def test_a_crash_of_python_is_the_outcome_of_the_text(
    own: _Own, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "crashes.py"
    script.write_text("import os, sys\nsys.stdin.buffer.read(8)\nos.kill(os.getpid(), 11)\n")
    monkeypatch.setattr(sys.modules["grader.engine.submission.examine"], "_SCRIPT", str(script))
    finding = own.parser.examine("x = 1\n", "one.py").finding
    assert finding == Finding(Outcome.CRASHED, "Python crashes while it parses the file (SIGSEGV).")


def test_the_process_ends_with_its_parent() -> None:
    where = "grader.engine.submission.examine"
    code = f"from {where} import _parser, examine; examine('x', 'one'); print(_parser._process.pid)"
    pid = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert ends(pid)


def test_the_process_imports_nothing_slow() -> None:
    code = f"import sys; exec(open({outline.__file__!r}).read(), {{'__name__': 'outline'}}); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert not {"ast", "typing", "re", "json", "enum", "collections"} & set(run.stdout.split())
