"""A judge with forged workers, which send the replies that a test has written.

Run as a program, with a descriptor to speak over, this is that judge. The text of a job brings the replies of its
worker along, in a comment: whole frames, which get the id of the question.
"""

import base64
import os
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from typing import Any

import msgspec

from grader.base.result import Isolation, Result
from grader.engine.judge.messages import Job, JobGraded, Materials, Setup, Submit, decode_from_judge, encode
from grader.engine.sandbox import channel, wire
from grader.engine.sandbox.starter import WorkerExit, WorkerHandle

_SOURCE = "# {}\ndef scale(x, factor):\n    return x\n"
_NAMES = dict.fromkeys(("scale", "mix", "pick", "merge", "Gate"), True)

Frame = tuple[bytes, bytes]  # meta and blob


def frame(reply: Any, blob: bytes = b"") -> Frame:
    """Return a message, well-typed or not, as a frame."""
    return msgspec.msgpack.encode(reply), blob


class Forger:
    """Starts workers that are threads of the judge."""

    def __init__(self) -> None:
        self._replies: dict[str, Iterator[Frame]] = {}  # by the source that brought them: those that are left

    def start(self, memory: int, cpu_seconds: int) -> WorkerHandle:
        ours, theirs = socket.socketpair()
        output, printed = os.pipe()
        threading.Thread(target=self._work, args=(theirs, printed), daemon=True).start()
        return WorkerHandle(os.getpid(), ours, output, None)

    def end(self, worker: WorkerHandle) -> WorkerExit:
        return WorkerExit(0, None, None)

    def dismiss(self, worker: WorkerHandle) -> None:
        self.end(worker)

    def interrupt(self, worker: WorkerHandle) -> None:
        pass

    def _work(self, sock: socket.socket, printed: int) -> None:
        """Answer until the judge closes the channel, or no reply is left."""
        replies: Iterator[Frame] = iter(())
        with closing(sock), open(printed, "wb"), suppress(channel.ChannelClosed):
            while True:
                request = wire.decode_request(channel.receive(sock)[0])
                if isinstance(request, wire.Begin):
                    continue
                if isinstance(request, wire.Load):
                    replies = self._replies.setdefault(request.source, _replies(request.source))
                    channel.send(sock, wire.encode(wire.Loaded(_NAMES)))
                    continue
                answer = next(replies, None)
                if answer is None:
                    return
                meta, blob = answer
                channel.send(sock, _numbered(meta, request.id), [blob])


def _replies(source: str) -> Iterator[Frame]:
    text = source.partition("\n")[0].removeprefix("# ")
    return iter(msgspec.msgpack.decode(zlib.decompress(base64.b64decode(text)), type=list[Frame]))


def _numbered(meta: bytes, number: int) -> bytes:
    """Return the message with this id, if it is one that has an id."""
    with suppress(msgspec.MsgspecError, RecursionError, ValueError, TypeError):
        message = msgspec.msgpack.decode(meta)
        if isinstance(message, dict) and "id" in message:
            return msgspec.msgpack.encode({**message, "id": number})
    return meta


class ForgedJudge:
    """A judge in a process of its own, which is replaced if it ends."""

    def __init__(self, materials: Materials):
        self._setup = Setup((materials,), Isolation("none"), complete=False)
        self._exercise = materials.id
        self._process: subprocess.Popen[bytes] | None = None

    def grade(self, frames: Sequence[Frame]) -> Result | str:
        """Return the result of a submission with these replies; a message if the judge ended."""
        if self._process is None:
            self._start()
        text = base64.b64encode(zlib.compress(msgspec.msgpack.encode(frames))).decode()
        job = Job(1, self._exercise, f"{self._exercise}.py", _SOURCE.format(text), "0" * 64, seed=0)
        channel.send(self._sock, encode(Submit(job)))
        try:
            message = decode_from_judge.decode(channel.receive(self._sock)[0])
        except (channel.ChannelClosed, ConnectionError):
            self.close()
            return "its process ended"
        assert isinstance(message, JobGraded)
        return message.result

    def _start(self) -> None:
        self._sock, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.engine.judge.forged", str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=2)
        channel.send(self._sock, encode(self._setup))

    def close(self) -> None:
        """Kill the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._sock.close()
            self._process = None


if __name__ == "__main__":
    from grader.engine.judge.process import serve

    serve(socket.socket(fileno=int(sys.argv[1])), Forger())
