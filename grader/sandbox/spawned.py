"""A worker where there is no safe fork: started with a descriptor, bytes of memory and seconds of CPU."""

import resource
import socket
import sys


def main() -> None:
    """Bounds this process, as far as the system lets it, and serves."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    memory, cpu_seconds = int(sys.argv[2]), int(sys.argv[3])
    from grader.sandbox.worker import serve

    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sock, memory)

