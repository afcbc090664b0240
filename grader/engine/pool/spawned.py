"""Entry points of judges and workers where no safe fork exists: each is a fresh process.

Each inherits its channel as a descriptor, whose number is its first argument.
"""

import socket
import sys

from grader.engine.sandbox.bounds import limit_resources


def judge() -> None:
    """Serve as a judge whose workers are spawned."""
    from grader.engine.judge.process import serve
    from grader.engine.pool.starters import SpawnStarter

    serve(socket.socket(fileno=int(sys.argv[1])), SpawnStarter())


def worker() -> None:
    """Bound this process as far as the system allows, and serve as a worker.

    `sys.argv` holds the channel's descriptor, the bytes of memory and the seconds of CPU.
    """
    sock = socket.socket(fileno=int(sys.argv[1]))
    memory, cpu_seconds = int(sys.argv[2]), int(sys.argv[3])
    from grader.engine.pool.preload import warm_up
    from grader.engine.sandbox.worker import serve

    warm_up()
    limit_resources(memory, cpu_seconds)
    serve(sock, memory)
