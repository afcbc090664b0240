"""The socket of a resident warm process, and what happens when its folder or file is not as expected."""

import errno
import os
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from grader.engine.pool import resident as module
from grader.engine.pool.messages import MAX_DATAGRAM, GetStatus, request_decoder
from grader.engine.pool.resident import ResidentSocket, connect, connect_to_all, disabled_by, socket_path

if sys.platform != "linux":
    pytest.skip("a warm process is resident on Linux only", allow_module_level=True)


@pytest.fixture
def path(staying: Path) -> Path:
    """Return where a resident process would listen."""
    return socket_path("identity")


@pytest.fixture
def listening(path: Path) -> Iterator[ResidentSocket]:
    listening = ResidentSocket.listen(path)
    assert listening is not None
    yield listening
    listening.close()


def test_only_the_user_can_access_the_socket(listening: ResidentSocket) -> None:
    folder, file = listening.path.parent.stat(), listening.path.stat()
    assert (folder.st_uid, stat.S_IMODE(folder.st_mode)) == (os.geteuid(), 0o700)
    assert (file.st_uid, stat.S_IMODE(file.st_mode)) == (os.geteuid(), 0o600)


def test_does_not_listen_where_another_process_listens(listening: ResidentSocket) -> None:
    assert ResidentSocket.listen(listening.path) is None
    assert listening.is_in_place()


def test_replaces_a_stale_socket(path: Path) -> None:
    first = ResidentSocket.listen(path)
    assert first is not None
    first.listener.close()  # as if it had been killed
    assert path.is_socket()
    assert connect(path) is None
    second = ResidentSocket.listen(path)
    assert second is not None
    assert not first.is_in_place()
    first.close()
    assert second.is_in_place()
    second.close()
    assert not path.exists()


def test_listens_in_a_folder_with_a_long_path(tmp_path: Path, staying: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("deep" * 30) / ("deeper" * 20)
    deep.mkdir(parents=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    listening = ResidentSocket.listen(socket_path("identity"))
    assert listening is not None
    assert len(str(listening.path)) > 200
    assert len(list(connect_to_all())) == 1
    listening.close()


def test_refuses_a_folder_that_others_may_enter(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    assert ResidentSocket.listen(path) is None
    assert connect(path) is None
    assert list(connect_to_all()) == []


def test_refuses_a_folder_that_is_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    path.parent.symlink_to(tmp_path / "elsewhere")
    assert ResidentSocket.listen(path) is None


def test_refuses_the_folder_of_another_user(listening: ResidentSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: listening.path.stat().st_uid + 1)
    assert connect(listening.path) is None
    assert ResidentSocket.listen(listening.path) is None


def test_refuses_a_process_of_another_user(listening: ResidentSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "peer_credentials", lambda connection: (os.getpid(), os.geteuid() + 1))
    assert connect(listening.path) is None


def test_root_does_not_use_the_runtime_folder_of_another_user(monkeypatch: pytest.MonkeyPatch, staying: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert staying not in socket_path("identity").parents


@pytest.mark.parametrize("fails", ["mkdir", "bind", "listen"])
def test_returns_none_on_a_full_disk(fails: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path if fails == "mkdir" else socket.socket, fails, full)
    assert ResidentSocket.listen(path) is None


@pytest.mark.parametrize("answer", [None, b"", b"\xc1 garbage", b"\x81\xa4type\xa5other"], ids=repr)
def test_does_not_use_a_process_that_sends_no_status(
    answer: bytes | None, listening: ResidentSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 0.2)
    received = []

    def serve() -> None:
        connection, _ = listening.listener.accept()
        received.append((connection, request_decoder.decode(connection.recv(MAX_DATAGRAM))))
        if answer is not None:
            connection.send(answer) if answer else connection.close()

    thread = Thread(target=serve)
    thread.start()
    assert connect(listening.path) is None
    thread.join()
    ((connection, request),) = received
    connection.close()
    assert request == GetStatus()


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, None),
        ({"CI": "true"}, "CI"),
        ({"CI": "1"}, "CI"),
        ({"CI": "false"}, None),
        ({"ARCHGRADE_WARM": "0"}, "ARCHGRADE_WARM"),
        ({"ARCHGRADE_WARM": "off"}, "ARCHGRADE_WARM"),
        ({"ARCHGRADE_WARM": "1", "CI": "true"}, "CI"),
    ],
    ids=repr,
)
def test_variables_that_disable_a_resident_process(
    variables: dict[str, str], name: str | None, staying: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert disabled_by() == name
