"""Judges and workers where there is no safe fork: each a fresh process, which inherits its channel by a descriptor."""

import socket
import sys

from grader.engine.sandbox.bounds import bound


def judge() -> None:
    """Serves as a judge, whose workers are spawned. `sys.argv`: the descriptor."""
    from grader.engine.judge.process import serve
    from grader.engine.pool.starters import SpawnStarter

    serve(socket.socket(fileno=int(sys.argv[1])), SpawnStarter())


def worker() -> None:
    """Bounds this process, as far as the system lets it, and serves. `sys.argv`: descriptor, bytes, CPU seconds."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    memory, cpu_seconds = int(sys.argv[2]), int(sys.argv[3])
    from grader.engine.pool.preload import warm_up
    from grader.engine.sandbox.worker import serve

    warm_up()
    bound(memory, cpu_seconds)
    serve(sock, memory)
