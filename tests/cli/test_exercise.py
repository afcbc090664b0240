"""Tests of `grade exercise` with various files, and of its exit when it is killed or interrupted."""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.course.progress import Progress
from tests.classes import HOLES, RAISES, with_a_hole
from tests.engine.submission.notebooks import notebook
from tests.paths import copy_toolbox


def command(*args: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run the real command in the course at `cwd`."""
    line = [sys.executable, "-m", "grader.cli", "exercise", "toolbox", *args]
    return subprocess.run(line, cwd=cwd, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Copy the toolbox course, so that a test may change it."""
    return copy_toolbox(tmp_path / "course")


@pytest.mark.parametrize("hole", [hole for hole in HOLES if hole != RAISES])
def test_reports_a_killed_judge_without_a_score(hole: str, root: Path) -> None:
    with_a_hole(root, hole, for_all=True)
    own = root / "exercises/toolbox/toolbox.py"
    own.write_bytes((root / "solutions/toolbox/toolbox.py").read_bytes())
    done = command("--json", cwd=root)
    assert (done.returncode, done.stdout) == (3, "")
    why = "This is a fault of the grader or the machine, not of your code; try again."
    assert done.stderr == f"error: Not graded: {HOLES[hole]}. {why}\n"
    assert Progress.load(root).state("toolbox") == "not started"


@pytest.mark.usefixtures("left_behind")
def test_reports_an_error_in_the_judge_with_its_place(root: Path) -> None:
    with_a_hole(root, RAISES, for_all=True)
    done = command("--file", "solutions/toolbox/toolbox.py", "--json", cwd=root)
    result = json.loads(done.stdout)
    assert (done.returncode, result["outcome"], result["score"]) == (3, "error", 0)
    assert re.fullmatch(r"\w+\.py:\d+: ZeroDivisionError: division by zero", result["message"])


def test_hides_what_known_mistakes_print(root: Path) -> None:
    mistakes = root / "solutions/toolbox/mistakes.py"
    noisy = "    import os\n    os.write(1, b'noise')\n    os.write(2, b'noise')\n    return x * factor * factor\n"
    mistakes.write_text(mistakes.read_text("utf-8").replace("    return x * factor * factor\n", noisy), "utf-8")
    reference = (root / "solutions/toolbox/toolbox.py").read_text("utf-8")
    (root / "mine.py").write_text(f"{reference}\n\ndef scale(x, factor): return x * factor**2\n", "utf-8")
    done = command("--file", "mine.py", cwd=root)
    assert "You applied the factor twice." in done.stdout
    assert "noise" not in done.stdout + done.stderr


def test_invalid_known_mistakes_cost_advice_but_no_grade(root: Path) -> None:
    (root / "solutions/toolbox/mistakes.py").write_text("def f(:\n", "utf-8")
    reference = (root / "solutions/toolbox/toolbox.py").read_text("utf-8")
    (root / "mine.py").write_text(f"{reference}\n\ndef scale(x, factor): return x * factor**2\n", "utf-8")
    assert command("--file", "solutions/toolbox/toolbox.py", cwd=root).returncode == 0
    done = command("--file", "mine.py", "--json", cwd=root)
    (error,) = json.loads(done.stdout)["advice_errors"]
    assert (done.returncode, done.stderr) == (1, "")
    assert error.startswith("solutions/toolbox/mistakes.py:1: ")


def test_a_name_that_python_normalizes_slowly_passes(root: Path) -> None:
    name = "a" + "\u0300\u0316" * 5_000
    reference = (root / "solutions/toolbox/toolbox.py").read_text("utf-8")
    (root / "mine.py").write_text(f"{name} = 1\n{reference}", "utf-8")
    done = command("--file", "mine.py", cwd=root)
    assert (done.returncode, done.stderr) == (0, "")


LIMIT = 3600  # seconds of a test: nothing here comes to its end by it
LONGEST = 600.0  # seconds after which what must come is taken not to: a guard, also on a busy machine

REFUSED_FILES: dict[str, Callable[[Path], object]] = {
    "a link to the solution": lambda path: path.symlink_to("solutions/toolbox/toolbox.py"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a fifo": os.mkfifo,
    "a folder": Path.mkdir,
    "2 MiB": lambda path: path.write_bytes(b"#" * (2 << 20)),
    "Latin 1 that does not say so": lambda path: path.write_bytes(b"\n# caf\xe9\n"),
    "an unknown encoding": lambda path: path.write_bytes(b"# coding: klingon\n"),
    "an encoding that is none": lambda path: path.write_bytes(b"# coding: hex\n00\n"),
    "null bytes": lambda path: path.write_bytes(b"x = 1\n\0\n"),
    "UTF-16": lambda path: path.write_text("x = 1\n", encoding="utf-16"),
    "nothing there": lambda path: None,
}


@pytest.mark.parametrize("name", REFUSED_FILES)
def test_rejects_a_file_that_cannot_be_graded(name: str, root: Path) -> None:
    REFUSED_FILES[name](root / "mine.py")
    done = command("--file", "mine.py", cwd=root)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: mine.py") or done.stderr.startswith("error: There is no file mine.py")
    assert done.stderr.count("\n") == 1
    assert done.stderr.strip().isprintable()


@pytest.mark.usefixtures("left_behind")
def test_does_not_record_a_pass_of_another_file(root: Path) -> None:
    own = root / "exercises/toolbox/toolbox.py"
    own.write_bytes((root / "solutions/toolbox/toolbox.py").read_bytes())
    words = "  This is not your own file, so it is not recorded as progress."
    shutil.copy(own, root / "mine.py")
    assert words in command("--file", "mine.py", cwd=root).stdout.splitlines()
    assert Progress.load(root).state("toolbox") == "not started"
    named = command("--file", str(own.relative_to(root)), cwd=root).stdout
    assert words not in named
    assert "grade diff toolbox" in named
    assert Progress.load(root).state("toolbox") == "passed"


@pytest.mark.usefixtures("left_behind")
def test_confirms_the_repair_of_a_mistake_that_was_named(root: Path) -> None:
    own = root / "exercises/toolbox/toolbox.py"
    reference = (root / "solutions/toolbox/toolbox.py").read_text()
    one_wrong = reference.replace("return items[place]", "return 1")
    both_wrong = one_wrong.replace("x * factor", "x * factor * factor")

    def shown(text: str) -> list[str]:
        own.write_text(text)
        return [line for line in command(cwd=root).stdout.splitlines() if "That was it" in line]

    assert shown(both_wrong) == []
    assert shown(both_wrong + "\n") == []  # it still fails
    assert shown(one_wrong) == ["  That was it: scale passes now. Next: pick."]
    assert shown(one_wrong) == []
    assert shown(reference) == []  # no cause of this one was named
    assert shown(both_wrong) == []
    assert shown(reference) == ["  That was it: scale passes now."]
    shown(both_wrong)
    shown("def scale(:\n")
    assert shown(reference) == []  # not in the try just before


@pytest.mark.usefixtures("left_behind")
def test_reads_files_in_other_encodings(root: Path) -> None:
    """Latin-1 with a declaration, a byte order mark, and Windows line endings."""
    reference = (root / "solutions" / "toolbox" / "toolbox.py").read_text()
    (root / "latin.py").write_bytes(b"# coding: latin-1\n" + f"{reference}\nname = 'caf\xe9'\n".encode("latin-1"))
    windows = f"{reference}\nif 'café' != 'caf\xe9': raise ValueError\n".replace("\n", "\r\n")
    (root / "windows.py").write_bytes(b"\xef\xbb\xbf" + windows.encode())
    for file in ("latin.py", "windows.py"):
        done = command("--file", file, cwd=root)
        assert done.returncode == 0, done.stderr
        assert "31 of 31 points" in done.stdout


@pytest.mark.usefixtures("left_behind")
def test_grades_a_notebook(root: Path, tmp_path: Path) -> None:
    reference = (root / "solutions/toolbox/toolbox.py").read_text()
    (tmp_path / "mine.ipynb").write_bytes(notebook("%matplotlib inline", reference, "raise OSError"))
    file = str(tmp_path / "mine.ipynb")
    done = command("--file", file, cwd=root)
    assert (done.returncode, done.stderr) == (1, "")
    assert "Not run: cell 1, line 1: %matplotlib inline" in done.stdout
    result = json.loads(command("--file", file, "--json", cwd=root).stdout)
    assert result["exception"]["frames"][-1]["file"] == f"{tmp_path}/mine.ipynb, cell 3"


WRONG = "\n\ndef scale(x, factor): return x - factor\n\ndef mix(scores, values): return values\n"


@pytest.fixture
def wrong(root: Path) -> Path:
    """Create a course with a file in which two functions are wrong."""
    (root / "mine two.py").write_text((root / "solutions/toolbox/toolbox.py").read_text() + WRONG)
    return root


@pytest.mark.usefixtures("left_behind")
def test_explains_one_test_by_any_part_of_its_name(wrong: Path) -> None:
    for words in (["mix"], ["test_mix"], ["MI"]):
        done = command(*words, "--file", "mine two.py", cwd=wrong)
        assert done.returncode == 1, done.stderr
        assert "  mix ──" in done.stdout
        assert "  scale ──" not in done.stdout
        assert "isolation " in done.stdout
        assert "grade exercise toolbox --file 'mine two.py' --full" in done.stdout  # a name with a space is quoted


@pytest.mark.usefixtures("left_behind")
def test_rejects_an_unknown_or_ambiguous_test(wrong: Path) -> None:
    done = command("mixx", "--file", "mine two.py", cwd=wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: toolbox has no test 'mixx'. Its tests are scale, mix, ")
    done = command("i", "--file", "mine two.py", cwd=wrong)
    assert done.returncode == 2
    assert "'i' matches " in done.stderr
    (wrong / "mine two.py").rename(wrong / "exercises/toolbox/toolbox.py")
    assert command("mixx", cwd=wrong).returncode == 2
    assert not Progress.load(wrong).events


@contextlib.contextmanager
def hanging(root: Path) -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    """Start the command on a submission that hangs; yield it and a pidfd of each of its descendants."""
    (root / "hang.py").write_text("def scale(x, factor):\n    while True: pass\n")
    line = [sys.executable, "-m", "grader.cli", "exercise", "toolbox", "--file", "hang.py", "--timeout", str(LIMIT)]
    run = subprocess.Popen(line, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watched: list[int] = []
    try:
        deadline = time.monotonic() + LONGEST
        while not (busy := _busy_workers(run.pid)) and time.monotonic() < deadline:
            os.sched_yield()
        assert busy
        watched = [os.pidfd_open(pid) for pid in _below(run.pid)]
        assert len(watched) == 4  # the process that parses, the warm one, the judge, the worker
        yield run, watched
    finally:
        run.kill()
        run.communicate()
        for descriptor in watched:
            os.close(descriptor)


def _status(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def _below(pid: int) -> list[int]:
    """Return all descendants of a process."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        if fields := _status(int(entry.name)):
            parents[int(entry.name)] = int(fields[1])
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def _busy_workers(pid: int) -> list[int]:
    """Return the busy workers below a process: those of another user, or the youngest process."""
    below = _below(pid)
    if len(below) != 4:
        return []
    ticks = os.sysconf("SC_CLK_TCK")
    return [each for each in below[3:] if (f := _status(each)) and int(f[11]) + int(f[12]) > ticks / 5]


def _all_end(watched: list[int]) -> bool:
    poll = select.poll()
    for descriptor in watched:
        poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + LONGEST
    left = set(watched)
    while left and time.monotonic() < deadline:
        for descriptor, _ in poll.poll(1000):
            poll.unregister(descriptor)
            left.discard(descriptor)
    return not left


@pytest.mark.usefixtures("confined")
def test_a_killed_command_leaves_no_process(root: Path) -> None:
    with hanging(root) as (run, watched):
        run.kill()
        assert _all_end(watched)


@pytest.mark.usefixtures("confined")
def test_an_interrupted_command_exits_quickly_and_leaves_no_process(root: Path) -> None:
    with hanging(root) as (run, watched):
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=LONGEST)
        assert run.returncode == 130
        assert (out, err.strip()) == ("", "")
        assert _all_end(watched)
