"""A worker where there is no safe fork: started with a descriptor, bytes of memory and seconds of CPU."""

import socket
import sys

from grader.sandbox.bounds import bound


def main() -> None:
    """Bounds this process, as far as the system lets it, and serves."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    memory, cpu_seconds = int(sys.argv[2]), int(sys.argv[3])
    from grader.sandbox.warm import warm_up
    from grader.sandbox.worker import serve

    warm_up()
    bound(memory, cpu_seconds)
    serve(sock, memory)

