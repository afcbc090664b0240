"""When a warm process that stays ends. It is served by this process here: nothing is forked."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import torch  # noqa: F401 - it has imported it before it serves

if sys.platform != "linux":
    pytest.skip("a warm process stays on Linux", allow_module_level=True)

from grader.engine.pool import preload
from grader.engine.pool import process as module
from grader.engine.pool.identity import likeness
from grader.engine.pool.messages import MAX_REQUEST, About, End, Look, StartJudge, Stop, decode_tell, encode
from grader.engine.pool.process import Line, WarmProcess
from grader.engine.pool.resident import Place, connect, socket_of


@pytest.fixture
def path(staying: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is found. It looks at once whether it is still of use, and standard output stays where it is."""
    monkeypatch.setattr(module, "LOOK", 0.01)
    monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.setattr(preload, "settle", lambda: None)
    monkeypatch.setattr(module, "silence", lambda: None)
    return socket_of(likeness())


@contextmanager
def serving(path: Path) -> Iterator[socket.socket]:
    """A warm process that serves in a thread, whose end is waited for: the first command line's connection to it."""
    command, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    warm = WarmProcess()
    warm.add(Line(theirs))
    warm.stay(path)
    thread = Thread(target=warm.serve)
    thread.start()
    with command:
        yield command
    thread.join()


def met(path: Path) -> socket.socket:
    """A connection to it."""
    found = connect(path)
    assert found is not None
    return found[0]


def test_it_ends_when_it_is_idle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """and not while a command line is there"""
    monkeypatch.setattr(module, "IDLE", 0.0)
    with serving(path) as first, met(path) as second:
        first.close()
        met(path).close()
        second.send(encode(Look()))
        about = decode_tell.decode(second.recv(MAX_REQUEST))
    assert isinstance(about, About)
    assert (about.pid, about.judges) == (os.getpid(), 0)
    assert not path.exists()


def test_it_ends_when_it_would_be_another_now(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(path):
        monkeypatch.setattr(module, "likeness", lambda: "another")
    assert not path.exists()


def test_it_ends_when_nobody_can_find_it(path: Path) -> None:
    with serving(path):
        path.unlink()


def test_it_ends_when_it_is_told_to(path: Path) -> None:
    """also while it serves another"""
    with serving(path) as command, met(path) as connection:
        connection.send(encode(Stop()))
        assert command.recv(1) == b""
    assert not path.exists()


@pytest.mark.parametrize("nonsense", [b"\xc1", encode(StartJudge()), encode(End(1))])
def test_it_stays_after_nonsense(nonsense: bytes, path: Path) -> None:
    with serving(path):
        with met(path) as connection:
            connection.send(nonsense)
            assert connection.recv(1) == b""
        met(path).send(encode(Stop()))


@pytest.mark.parametrize("why", ["another is there", "it has become another"])
def test_one_that_does_not_stay_ends_with_its_command(why: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Place.take(path) if why == "another is there" else None
    if other is None:
        monkeypatch.setattr(module, "likeness", lambda: "another")
    with serving(path):
        pass
    assert path.exists() == (other is not None)
    if other is not None:
        other.leave()
