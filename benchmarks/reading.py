"""What reading a part of a lesson costs, as ratios to `python -c "import torch"`, in runs that take turns.

    python benchmarks/reading.py [--rounds N] [PART...]

User CPU time of one process, the median of N rounds; a round before them writes the bytecode. A part is opened in a
terminal of 80 columns and left at its first key, read there to its end, and printed at once.
"""

import argparse
import fcntl
import os
import pty
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GRADE = [sys.executable, "-m", "grader.cli", "--course"]
ON = b" \n" * 200  # to the end of any part: a key goes on, and Enter alone shows an answer


def user_time(run: Callable[[], object]) -> float:
    """Seconds that the processes took which a run started and waited for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run()
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def piped(*words: str) -> None:
    """Run a command and discard its output."""
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)


def typed(keys: bytes, *words: str) -> None:
    """Run a command in a terminal in which these keys are typed."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(words[0], words)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.write(terminal, keys)
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:  # it has ended
        os.close(terminal)
    os.waitpid(process, 0)


def main() -> None:
    """Measures each part in three ways, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("parts", nargs="*", default=["1.2", "1.3", "1.5"])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"PYTHONPYCACHEPREFIX": f"{folder}/bytecode", "PYTHONPATH": str(ROOT)}
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        course = Path(folder, "course")  # its progress is no one's
        course.mkdir()
        for name in ("course.yaml", "lessons", "exercises"):
            (course / name).symlink_to(ROOT / name)
        runs: dict[str, Callable[[], object]] = {"import torch": partial(piped, sys.executable, "-c", "import torch")}
        for part in asked.parts:
            lesson = [*GRADE, str(course), "lesson", part]
            runs |= {
                f"{part}, its first screen": partial(typed, b"q", *lesson),
                f"{part}, read to its end": partial(typed, ON, *lesson),
                f"{part}, printed at once": partial(piped, *lesson, "--plain"),
            }
        taken: dict[str, list[float]] = {name: [] for name in runs}
        for count in range(asked.rounds + 1):
            for name, run in runs.items():
                seconds = user_time(run)
                if count:
                    taken[name].append(seconds)
    torch = statistics.median(taken["import torch"])
    for name, each in taken.items():
        print(f"{name:<26} {statistics.median(each) * 1e3:8.1f} ms {statistics.median(each) / torch:8.3f} x torch")


if __name__ == "__main__":
    main()
