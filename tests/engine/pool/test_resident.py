"""Where a warm process that stays is found, and what is done where it is not as it should be."""

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
from grader.engine.pool.messages import MAX_REQUEST, Look, decode_ask
from grader.engine.pool.resident import Place, connect, refused, running, socket_of

if sys.platform != "linux":
    pytest.skip("a warm process stays on Linux", allow_module_level=True)


@pytest.fixture
def path(staying: Path) -> Path:
    """Where a warm process would be found."""
    return socket_of("likeness")


@pytest.fixture
def place(path: Path) -> Iterator[Place]:
    place = Place.take(path)
    assert place is not None
    yield place
    place.leave()


def test_only_the_user_can_reach_it(place: Place) -> None:
    folder, file = place.path.parent.stat(), place.path.stat()
    assert (folder.st_uid, stat.S_IMODE(folder.st_mode)) == (os.geteuid(), 0o700)
    assert (file.st_uid, stat.S_IMODE(file.st_mode)) == (os.geteuid(), 0o600)


def test_where_another_listens_the_place_is_taken(place: Place) -> None:
    assert Place.take(place.path) is None
    assert place.is_own()


def test_a_socket_that_nobody_listens_at_is_replaced(path: Path) -> None:
    first = Place.take(path)
    assert first is not None
    first.listener.close()  # as if it had been killed
    assert path.is_socket()
    assert connect(path) is None
    second = Place.take(path)
    assert second is not None
    assert not first.is_own()
    first.leave()
    assert second.is_own()
    second.leave()
    assert not path.exists()


def test_a_deep_folder(tmp_path: Path, staying: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("deep" * 30) / ("deeper" * 20)
    deep.mkdir(parents=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    place = Place.take(socket_of("likeness"))
    assert place is not None
    assert len(str(place.path)) > 200
    assert len(list(running())) == 1
    place.leave()


def test_a_folder_that_others_may_enter(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    assert Place.take(path) is None
    assert connect(path) is None
    assert list(running()) == []


def test_a_folder_that_is_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    path.parent.symlink_to(tmp_path / "elsewhere")
    assert Place.take(path) is None


def test_another_users_folder(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: place.path.stat().st_uid + 1)
    assert connect(place.path) is None
    assert Place.take(place.path) is None


def test_another_users_process(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """whoever has put it there"""
    monkeypatch.setattr(module, "peer", lambda connection: (os.getpid(), os.geteuid() + 1))
    assert connect(place.path) is None


def test_who_has_become_root_uses_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, staying: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert staying not in socket_of("likeness").parents


@pytest.mark.parametrize("fails", ["mkdir", "bind", "listen"])
def test_a_full_disk(fails: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path if fails == "mkdir" else socket.socket, fails, full)
    assert Place.take(path) is None


@pytest.mark.parametrize("answer", [None, b"", b"\xc1 garbage", b"\x81\xa4type\xa5other"], ids=repr)
def test_one_that_does_not_answer_as_it_should(
    answer: bytes | None, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nothing, the end of the connection, what is no message, what is a message of another version"""
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    heard = []

    def serve() -> None:
        connection, _ = place.listener.accept()
        heard.append((connection, decode_ask.decode(connection.recv(MAX_REQUEST))))
        if answer is not None:
            connection.send(answer) if answer else connection.close()

    thread = Thread(target=serve)
    thread.start()
    assert connect(place.path) is None
    thread.join()
    ((connection, ask),) = heard
    connection.close()
    assert ask == Look()


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
def test_where_none_may_stay(
    variables: dict[str, str], name: str | None, staying: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert refused() == name
