"""How long a student waits, as ratios to `python -c "import torch"` measured in the same run.

    python benchmarks/instant.py [--rounds N]

Wall seconds, medians. `save to verdict`: from the moment a right file is written to the last line of its verdict on the
terminal of `grade watch`. Everything runs in a copy of the course and in a runtime folder of its own.
"""

import argparse
import json
import os
import pty
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXERCISES = ("moe_router", "grouped_query_attention", "selective_scan")
GRADE = [sys.executable, "-m", "grader.cli"]
LIGHT = (["--help"], ["list"], ["next"], ["hint", "moe_router"], ["warm"])
FLOOR = "import click, msgspec"  # what every command needs
APART = 1.5  # seconds between two saves: each is one for itself


def wall(run: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


class Desk:
    """A course and the commands of a student in it."""

    def __init__(self, folder: Path):
        self._root = folder / "course"
        for name in ("exercises", "solutions", "lessons"):
            shutil.copytree(ROOT / name, self._root / name)
        shutil.copy(ROOT / "course.yaml", self._root)
        (folder / "runtime").mkdir(mode=0o700)
        kept = {name: value for name, value in os.environ.items() if name not in ("CI", "ARCHGRADE_WARM")}
        self._environment = kept | {
            "XDG_RUNTIME_DIR": str(folder / "runtime"),
            "PYTHONPATH": str(ROOT),
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
            "TERM": "xterm",
        }
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def right(self, exercise: str) -> Path:
        """Return the path of a right solution."""
        return self._root / "solutions" / exercise / f"{exercise}.py"

    def run(self, *words: str, **variables: str) -> None:
        """Run `grade` and discard its output."""
        subprocess.run(
            [*GRADE, *words], cwd=self._root, env=self._environment | variables, stdout=subprocess.DEVNULL, check=False
        )

    def exercise(self, exercise: str, **variables: str) -> float:
        """Seconds from the command to its end."""
        return wall(lambda: self.run("exercise", exercise, "--file", str(self.right(exercise)), **variables))

    def saves(self, exercise: str, count: int) -> list[float]:
        """Seconds from each save to its verdict."""
        screen, inner = pty.openpty()
        termios.tcsetwinsize(inner, (40, 120))
        command = [*GRADE, "watch", exercise]
        process = subprocess.Popen(
            command, cwd=self._root, env=self._environment, stdin=inner, stdout=inner, stderr=inner
        )
        os.close(inner)
        _until(screen, b"not started", b"quit")
        text, own = self.right(exercise).read_text("utf-8"), self._root / "exercises" / exercise / f"{exercise}.py"
        taken = []
        for number in range(count + 1):
            time.sleep(APART)
            own.write_text(f"{text}\n# {number}\n", "utf-8")
            taken.append(wall(lambda: _until(screen, b"points", b"quit")))
        os.write(screen, b"q")
        with suppress(OSError):  # it has ended
            while os.read(screen, 1 << 16):
                pass
        process.wait()
        return taken[1:]  # the judge has not run before the first


def _until(screen: int, word: bytes, then: bytes) -> None:
    """Wait until a word is shown, and after it another one."""
    shown = b""
    while then not in shown.partition(word)[2]:
        if not select.select([screen], [], [], 120)[0]:
            raise TimeoutError(f"{word!r} and {then!r} were not shown, but {shown[-2000:]!r}")
        shown += os.read(screen, 1 << 16)


def main() -> None:
    """Measures everything and prints a table, and JSON as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    taken: dict[str, list[float]] = {}

    def note(name: str, *seconds: float) -> None:
        taken.setdefault(name, []).extend(seconds)

    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        desk.run("exercise", EXERCISES[0])  # compiles what it imports
        for _ in range(rounds):
            note("import torch", wall(lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True)))
            note("import click, msgspec", wall(lambda: subprocess.run([sys.executable, "-c", FLOOR], check=True)))
            for words in LIGHT:
                note(f"grade {' '.join(words)}", wall(partial(desk.run, *words)))
            note("grade exercise, not started", wall(lambda: desk.run("exercise", EXERCISES[0])))
            note("grade exercise, none stays", desk.exercise(EXERCISES[0], ARCHGRADE_WARM="0"))
            desk.run("warm", "--stop")
            note("grade exercise, cold", desk.exercise(EXERCISES[0]))
        time.sleep(10)  # what stays has had time for itself
        for _ in range(rounds):
            for exercise in EXERCISES:
                note(f"grade exercise {exercise}, warm", desk.exercise(exercise))
        for exercise in EXERCISES:
            note(f"save to verdict, {exercise}", *desk.saves(exercise, rounds))
        desk.run("warm", "--stop")
    found = {name: statistics.median(each) for name, each in taken.items()}
    torch, floor = found["import torch"], found["import click, msgspec"]
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores, {rounds} rounds")
    print(f"{'':<50} {'wall ms':>8} {'x torch':>8} {'x click':>8}")
    for name, seconds in found.items():
        print(f"{name:<50} {seconds * 1e3:8.1f} {seconds / torch:8.3f} {seconds / floor:8.2f}")
    print(json.dumps({name: seconds / torch for name, seconds in found.items()}))


if __name__ == "__main__":
    main()
