"""When a resident warm process ends. It runs in a thread of this process; nothing is forked."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import torch  # noqa: F401 - imported before it serves, as in a warm process

if sys.platform != "linux":
    pytest.skip("a warm process is resident on Linux only", allow_module_level=True)

from grader.engine.pool import preload
from grader.engine.pool import process as module
from grader.engine.pool.identity import identity_hash
from grader.engine.pool.messages import (
    MAX_DATAGRAM,
    EndWorker,
    GetStatus,
    StartJudge,
    Status,
    Stop,
    encode,
    response_decoder,
)
from grader.engine.pool.process import Connection, WarmProcess
from grader.engine.pool.resident import ResidentSocket, connect, socket_path


@pytest.fixture
def path(staying: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where it listens. It checks at once whether it is still of use, and leaves stdout alone."""
    monkeypatch.setattr(module, "CHECK_INTERVAL", 0.01)
    monkeypatch.setattr(module, "SETTLE_DELAY", 0.01)
    monkeypatch.setattr(preload, "settle", lambda: None)
    monkeypatch.setattr(module, "silence_output", lambda: None)
    return socket_path(identity_hash())


@contextmanager
def serving(path: Path) -> Iterator[socket.socket]:
    """Serve in a thread, yield the first command line's connection, and wait for the end."""
    command, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    warm = WarmProcess()
    warm.add(Connection(theirs))
    warm.stay(path)
    thread = Thread(target=warm.serve)
    thread.start()
    with command:
        yield command
    thread.join()


def connected(path: Path) -> socket.socket:
    """Connect to it."""
    found = connect(path)
    assert found is not None
    return found[0]


def test_ends_when_idle_and_not_while_a_client_is_connected(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_TIMEOUT", 0.0)
    with serving(path) as first, connected(path) as second:
        first.close()
        connected(path).close()
        second.send(encode(GetStatus()))
        status = response_decoder.decode(second.recv(MAX_DATAGRAM))
    assert isinstance(status, Status)
    assert (status.pid, status.judges) == (os.getpid(), 0)
    assert not path.exists()


def test_ends_when_its_identity_has_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(path):
        monkeypatch.setattr(module, "identity_hash", lambda: "another")
    assert not path.exists()


def test_ends_when_its_socket_is_gone(path: Path) -> None:
    with serving(path):
        path.unlink()


def test_ends_when_told_to_while_it_serves_another_client(path: Path) -> None:
    with serving(path) as command, connected(path) as connection:
        connection.send(encode(Stop()))
        assert command.recv(1) == b""
    assert not path.exists()


@pytest.mark.parametrize("request_", [b"\xc1", encode(StartJudge()), encode(EndWorker(1))])
def test_an_invalid_request_disconnects_only_its_client(request_: bytes, path: Path) -> None:
    with serving(path):
        with connected(path) as connection:
            connection.send(request_)
            assert connection.recv(1) == b""
        connected(path).send(encode(Stop()))


@pytest.mark.parametrize("why", ["another process listens", "its identity has changed"])
def test_a_process_that_cannot_be_resident_ends_with_its_command(
    why: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ResidentSocket.listen(path) if why == "another process listens" else None
    if other is None:
        monkeypatch.setattr(module, "identity_hash", lambda: "another")
    with serving(path):
        pass
    assert path.exists() == (other is not None)
    if other is not None:
        other.close()
