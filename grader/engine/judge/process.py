"""The process of a judge: receives exercises and then jobs over its channel, and sends results."""

import contextlib
import gc
import os
import platform
import select
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import torch

from grader import __version__
from grader.base.result import Versions
from grader.engine.judge.messages import (
    FromJudge,
    InvalidCourse,
    Job,
    RunLab,
    RunLessons,
    Setup,
    StopLab,
    Submit,
    decode_to_judge,
    encode,
)
from grader.engine.judge.plugin import Plugin
from grader.engine.sandbox import channel
from grader.engine.sandbox.starter import PrestartingStarter, Starter

_DISABLED_PLUGINS = (  # of pytest
    *("cacheprovider", "terminal", "junitxml", "doctest", "pastebin", "stepwise", "setuponly", "setupplan"),
    *("faulthandler", "unraisableexception", "threadexception", "logging", "capture", "warnings", "debugging"),
    *("legacypath", "recwarn", "tmpdir", "monkeypatch", "unittest"),
)


def _jobs(sock: socket.socket, before: Callable[[], None]) -> Iterator[Job]:
    """Yield jobs until the channel closes. `before` is called before each, while nobody waits."""
    while True:
        before()
        try:
            meta, _ = channel.receive(sock)
        except channel.ChannelClosed:
            return
        message = decode_to_judge.decode(meta)
        assert isinstance(message, Submit)
        yield message.job


def _is_asked_to_stop(sock: socket.socket) -> bool:
    """Return whether there is a request to stop. Exit if the command line has ended."""
    if not select.select([sock], [], [], 0)[0]:
        return False
    try:
        return isinstance(decode_to_judge.decode(channel.receive(sock)[0]), StopLab)
    except channel.ChannelClosed:
        os._exit(0)


def serve(sock: socket.socket, starter: Starter) -> NoReturn:
    """Grade jobs until the channel closes, then exit the process."""
    versions = Versions(__version__, platform.python_version(), str(torch.__version__))
    setup = decode_to_judge.decode(channel.receive(sock)[0])

    def send(message: FromJudge) -> None:
        try:
            channel.send(sock, encode(message))
        except channel.ChannelClosed:
            os._exit(0)  # the command line has ended

    if isinstance(setup, RunLab):
        from grader.engine.judge.lab import run_lab

        run_lab(setup, starter, versions, send, lambda: _is_asked_to_stop(sock))
        os._exit(0)
    if isinstance(setup, RunLessons):
        from grader.engine.judge.lesson import run_lessons

        run_lessons(setup, starter, send)
        os._exit(0)
    assert isinstance(setup, Setup)
    import pytest

    gc.freeze()
    gc.enable()
    ahead = PrestartingStarter(starter) if setup.ahead else None
    jobs = _jobs(sock, ahead.catch_up if ahead else lambda: None)
    plugin = Plugin(setup, jobs, send, ahead or starter, versions)
    files = [path for materials in setup.materials for path in materials.tests]
    options = [f"--rootdir={Path(files[0]).parent}", "-c", os.devnull, "--noconftest", "--assert=plain"]
    options += ["--import-mode=importlib", *(option for name in _DISABLED_PLUGINS for option in ("-p", f"no:{name}"))]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    code = pytest.main([*options, *files], plugins=[plugin])
    message = str(plugin.error) if plugin.error is not None else None
    if message is None and code is pytest.ExitCode.INTERNAL_ERROR:
        message = "pytest could not run the tests; what it printed above says why."
    if message is not None:
        with contextlib.suppress(channel.ChannelClosed):  # the command line has ended over the error of another judge
            channel.send(sock, encode(InvalidCourse(message)))
    sys.stderr.flush()
    os._exit(0)
