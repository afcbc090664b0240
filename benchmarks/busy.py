"""Whether a busy machine changes a result: a class graded alone, and beside busy loops at equal priority.

    python benchmarks/busy.py [--size 200] [--loops 8]

The class hands in moe_router: right and wrong files, some that crash, and some that never end. Whatever differs between
the two runs is printed, but for times: those of tests, where a call was that was stopped, and the seconds in
"Stopped after 5 s; the reference takes 3 ms".
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from batch import BATCH, EXERCISE, HUNG, hand_in, sources

from grader.teach.gradebook import Gradebook

_TIMES = re.compile(r"Stopped after [\d.]+ s; the reference takes [\d,]+ ms")


def untimed(value: Any) -> Any:
    """Return a copy of the data without times."""
    if isinstance(value, dict):
        return {key: untimed(item) for key, item in value.items() if key not in ("seconds", "samples")}
    if isinstance(value, list | tuple):
        return [untimed(item) for item in value]
    return _TIMES.sub("Stopped", value) if isinstance(value, str) else value


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many processes that never wait."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def graded(folder: Path, out: Path) -> tuple[dict[str, bytes], Counter[str], float]:
    """Return the results of a class as bytes by student, the outcomes of its tests, and the seconds it took."""
    begun = time.perf_counter()
    done = subprocess.run([*BATCH, str(folder), "--out", str(out), "--quiet"], check=False)
    taken = time.perf_counter() - begun
    if done.returncode:
        sys.exit(f"grade batch ended with {done.returncode}")
    outcomes: Counter[str] = Counter()
    results = {}
    with Gradebook(out) as book:
        for grade in book.book().grades():
            data = msgspec.to_builtins(grade.result)
            outcomes.update(test["outcome"] for test in data["tests"])
            results[grade.student.id] = msgspec.json.encode(untimed(data))
    return results, outcomes, taken


def main() -> None:
    """Grades the class twice, and ends with 1 if a result differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--loops", type=int, default=8)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "class"
        hand_in(folder, chosen.size, sources())
        for number in range(0, chosen.size, 20):
            (folder / f"student{number:05}" / f"{EXERCISE}.py").write_text(f"{HUNG}# {number}\n", "utf-8")
        alone, outcomes, taken = graded(folder, Path(name) / "alone")
        print(f"alone: {len(alone)} results in {taken:.1f} s, load {os.getloadavg()[0]:.1f}; tests {dict(outcomes)}")
        with busy(chosen.loops):
            beside, outcomes, taken = graded(folder, Path(name) / "beside")
            load = os.getloadavg()[0]
        print(f"beside: {len(beside)} results in {taken:.1f} s, load {load:.1f}; tests {dict(outcomes)}")
    different = sorted(each for each in alone.keys() | beside.keys() if alone.get(each) != beside.get(each))
    for student in different:
        print(student, alone.get(student, b"-").decode(), beside.get(student, b"-").decode(), sep="\n  ")
    print(f"{len(different)} of {len(alone)} results differ")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
