"""What several folders of tests share: a judge that grades submissions to the small course, workers, small courses."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from grader.base.result import Outcome, Result
from grader.base.text import clean
from grader.course import load_course
from grader.engine.judge.materials import materials
from grader.engine.judge.messages import Job
from grader.engine.pool.client import Judges
from grader.engine.pool.resident import connect_to_all, peer_credentials
from grader.show.context import RunContext
from grader.show.terminal import render
from grader.study.notebook.session import NotebookSession
from tests.course import small_glossary
from tests.paths import copy_toolbox
from tests.teach.gradebook.builders import filled

if TYPE_CHECKING:
    import torch
    from playwright.sync_api import Browser

    from grader.engine.judge.session import Session
    from grader.engine.sandbox.starter import Starter

OWN, STAYING, NOTEBOOK = "a warm process of its own", "one that stays", "a notebook"
SECRET = "the-password-of-the-teacher"


@pytest.fixture(scope="module")  # while it is open, nothing else in this process can run an event loop
def browser() -> Iterator["Browser"]:
    """Start a browser for tests marked with `tests.browser.NEEDED`."""
    from playwright.sync_api import sync_playwright

    from tests.browser import CHROMIUM, FLAGS, LONGEST

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), timeout=LONGEST)
        yield browser
        browser.close()


def pytest_configure() -> None:
    """Commands that the tests start can be interrupted, also where the tests run in the background of a shell.

    They leave no warm process behind, and find none, but where a test wants it: `staying`, `left_behind`.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["ARCHGRADE_WARM"] = "0"


@pytest.fixture(autouse=True)
def interruptible() -> None:
    """Whatever an interrupted command did in this process, what the next test starts can be interrupted."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def staying_in(folder: Path) -> Iterator[None]:
    """Has warm processes stay, as for a student, and be found: their sockets lie below this folder."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CI", "ARCHGRADE_WARM"):
            patch.delenv(name, raising=False)
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield


def end_staying(folder: Path) -> None:
    """Kill the warm processes whose sockets lie below this folder."""
    with staying_in(folder):
        for connection in connect_to_all():
            pid, _ = peer_credentials(connection)
            if pid == os.getpid():  # a test that failed
                continue
            gone = os.pidfd_open(pid)
            os.kill(pid, signal.SIGKILL)
            select.select([gone], [], [])
            os.close(gone)


@pytest.fixture
def staying(tmp_path: Path) -> Iterator[Path]:
    """Has warm processes stay, whose sockets lie in this folder. They end with the test."""
    with staying_in(tmp_path / "runtime"):
        yield tmp_path / "runtime" / "archgrade"
    end_staying(tmp_path / "runtime")


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of a warm process that is shared by all later tests, and kill it at the end."""
    folder = tmp_path_factory.mktemp("runtime")
    yield folder
    end_staying(folder)


@pytest.fixture
def left_behind(runtime: Path) -> Iterator[None]:
    """Has commands find the warm process that an earlier one has left behind, as a student's do.

    It keeps nothing of a course. So that torch is not imported for each command of a test which is about its screen.
    """
    with staying_in(runtime):
        yield


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without this file a submission that `WAITS` is not graded, so that no batch comes to its end."""
    gate = tmp_path_factory.mktemp("gate") / "open"
    gate.touch()
    return gate


@pytest.fixture
def closed(gate: Path) -> Iterator[Path]:
    """Close the gate until the test opens it."""
    gate.unlink()
    yield gate
    gate.touch()


class Grader:
    """Grades submissions of the exercise `toolbox`, one after the other, in one judge.

    After each it makes sure that the submission left nothing behind: no process, no changed file of the course, and a
    judge that still gives the reference full marks. Whoever loses the judge leaves a new one to the tests to come.
    """

    def __init__(self, root: Path, runtime: Path | None = None):
        """`root`: of the course, a copy of its own, which submissions may try to change.

        `runtime`: have a warm process that an earlier command has left behind there.
        """
        self.root = root
        self.runtime = runtime
        self.exercise = load_course(root).exercise("toolbox")
        self.reference = self.exercise.reference.read_text()
        self._jobs = 0
        self._start()

    def _start(self) -> None:
        if self.runtime is None:
            self.judges = Judges()
            self.judges.start()
        else:
            self.judges = self._found(self.runtime)
        self.judges.prepare([materials(load_course(self.root), self.exercise)], forbidden=[self.root])
        self._judge = self._forked()
        self.run(self.reference, 5.0)  # Python keeps the compiled tests beside them

    @staticmethod
    def _found(runtime: Path) -> Judges:
        """Judges of a warm process that others have left behind."""
        with staying_in(runtime):
            with Judges(resident=True) as first:
                first.prepare([], forbidden=[])
            judges = Judges(resident=True)
            judges.start()
        assert judges.warm_pid == first.warm_pid
        return judges

    def close(self) -> None:
        """Kill the judge."""
        self.judges.kill()
        self.judges.close()
        if self.runtime is not None:
            end_staying(self.runtime)

    def __call__(self, code: str, *, seconds: float = 5.0, whole: bool = False) -> Result:
        """Grade the reference with `code` after it, whose definitions win; or `code` alone if `whole`.

        `seconds` is the limit of one test.
        """
        before = _contents(self.root)
        result = self.run(code if whole else f"{self.reference}\n\n{code}", seconds)
        assert _contents(self.root) == before
        assert self.workers() == []
        assert self.run(self.reference, 5.0).passed
        assert unsafe(msgspec.to_builtins(result)) == []
        self.assert_rendered(result)
        return result

    @staticmethod
    def failed(result: Result) -> dict[str, str]:
        """Return the outcomes of the tests that did not pass, and check that the score lacks their points."""
        failed = {t.id.removeprefix("test_"): t for t in result.tests if t.outcome is not Outcome.PASSED}
        if result.tests:
            assert result.score == 31 - sum(test.max_points for test in failed.values())
        else:
            assert result.score == 0
        return {name: test.outcome.value for name, test in failed.items()}

    def run(self, source: str, seconds: float) -> Result:
        """Grade `source`, without a check of what it left behind."""
        self._jobs += 1
        result = self.graded(Job(self._jobs, "toolbox", "toolbox.py", source, "0" * 64, seed=0, seconds=seconds))
        return msgspec.json.decode(msgspec.json.encode(result), type=Result)

    def graded(self, job: Job) -> Result:
        """Run a job and return its result."""
        try:
            ((_, result),) = self.judges.grade([job])
        except BaseException:
            self.close()
            self._start()
            raise
        return result

    def workers(self) -> list[int]:
        """Return the processes below the warm one, without the judge."""
        return [pid for pid in self._forked() if pid not in self._judge]

    def _forked(self) -> list[int]:
        """Return the processes below the warm one."""
        assert self.judges.warm_pid is not None
        return _children(self.judges.warm_pid)

    def assert_rendered(self, result: Result) -> None:
        """Render the result; check that nothing on the screen moves the cursor or exceeds the width."""
        for full in (False, True):
            text = render(
                result, self.exercise, RunContext(), full=full, width=80, height=24, unicode=False, color=False
            )
            assert text.isascii()
            assert all(line.isprintable() and len(line) <= 80 for line in text.split("\n"))


class CellGrader(Grader):
    """Grades them as the cells of a notebook, each in a judge of its own."""

    def _start(self) -> None:
        self._notebook = NotebookSession()
        self._judge = []
        self.run(self.reference, 5.0)

    def run(self, source: str, seconds: float) -> Result:
        """Grade a cell, without a check of what it left behind."""
        result = self._notebook.grade(self.root, "toolbox", source, "%%grade toolbox", seconds=seconds).result
        assert self._notebook._judges is not None
        self.judges = self._notebook._judges
        return msgspec.json.decode(msgspec.json.encode(result), type=Result)

    def close(self) -> None:
        """Kill the warm process."""
        self._notebook.close()


@pytest.fixture(scope="session")
def grade(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """Grades submissions of a small exercise; with the parameter STAYING in a warm process that was left behind.

    With NOTEBOOK they are cells.
    """
    folder = tmp_path_factory.mktemp("grade")
    root = copy_toolbox(folder / "course")
    os.environ["TEACHER"] = SECRET
    way = getattr(request, "param", OWN)
    if way == NOTEBOOK:
        grader: Grader = CellGrader(root)
    else:
        grader = Grader(root, folder / "runtime" if way == STAYING else None)
    yield grader
    grader.close()
    del os.environ["TEACHER"]


@pytest.fixture(scope="session")
def confined(grade: Grader) -> None:
    """Nothing that asks for this is run where nothing holds it."""
    if grade.judges.isolation.kind not in ("confined", "sealed"):
        pytest.skip("submissions cannot be confined here")


@pytest.fixture(scope="session")
def starter() -> "Iterator[Starter]":
    """Start workers as a judge does."""
    from grader.engine.pool import messages
    from grader.engine.pool.starters import ForkStarter, SpawnStarter

    with Judges() as judges:
        if judges.warm_connection is None:
            yield SpawnStarter()
            return
        judges.warm_connection.send(messages.encode(messages.Prepare([], many=False, optim=False)))
        told = messages.response_decoder.decode(judges.warm_connection.recv(messages.MAX_DATAGRAM))
        assert isinstance(told, messages.Ready)
        yield ForkStarter(judges.warm_connection)


@pytest.fixture(scope="module")
def session(request: pytest.FixtureRequest, starter: "Starter") -> "Iterator[Session]":
    """Start a worker with the module whose text is `STUDENT` in the test file."""
    from grader.engine.judge.session import Session, SessionLimits

    limits = SessionLimits(seconds=20.0, memory=512 << 20)
    session = Session(starter, "student", request.module.STUDENT, {}, limits, seconds=200 * limits.seconds)
    session.load()
    yield session
    session.close()


@pytest.fixture
def gradebook_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a gradebook of one run into `results` of the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return filled(tmp_path / "results")


@pytest.fixture
def glossary_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a small course with a glossary, and change the working directory to it."""
    monkeypatch.chdir(tmp_path)
    small_glossary.make(tmp_path)
    return tmp_path


@pytest.fixture
def generator() -> "torch.Generator":
    """Random numbers that are the same in every run."""
    import torch

    return torch.Generator().manual_seed(0)


def unsafe(value: Any) -> list[str]:
    """Yield the strings anywhere in a value that hold a character which a terminal would obey or hide."""
    if isinstance(value, str):
        return [] if clean(value) == value else [value]
    if isinstance(value, dict):
        return [bad for pair in value.items() for part in pair for bad in unsafe(part)]
    return [bad for part in value for bad in unsafe(part)] if isinstance(value, list | tuple) else []


def _contents(root: Path) -> dict[str, tuple[bytes | None, int, int]]:
    """Every file and folder: what is in it, its mode, when it was changed. Not what the grader itself keeps there."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.relative_to(root).parts[0] == ".archgrade":
            continue
        status = path.lstat()
        found[str(path)] = path.read_bytes() if path.is_file() else None, status.st_mode, status.st_mtime_ns
    return found


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue
        if int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return found
