"""What a batch costs: one more submission, growth with the number of submissions, memory, and going on after a kill.

    python benchmarks/batch.py [--sizes 100 1000 10000] [--rounds N]

A generated class hands in moe_router: right in several ways, wrong in each known way, and two files in a hundred that
crash. CPU is user + system of `grade batch` and all its descendants. The yardsticks are measured in the same run:
`import torch`, a fresh pytest for each submission, and the same tests in one process without any isolation. What files
cost that never end is measured apart, since that is the time limit's doing.
"""

import argparse
import contextlib
import itertools
import json
import os
import platform
import re
import resource
import select
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from grader.base.seeds import derive_seed
from grader.course import load_course
from grader.course.variations import load_variations
from grader.engine.judge.rng import Rng

ROOT = Path(__file__).resolve().parent.parent
EXERCISE = "moe_router"
SOLUTION = ROOT / "solutions" / EXERCISE
BATCH = [sys.executable, "-m", "grader.cli", "--course", str(ROOT), "batch"]
HUNG = "import torch\n\n\ndef route(logits, k):\n    while True:\n        pass\n"
CRASHING = (
    "import os\n\n\ndef route(logits, k):\n    os._exit(0)\n",
    "import ctypes\n\n\ndef route(logits, k):\n    ctypes.string_at(0)\n",
)


def sources() -> Iterator[str]:
    """Submissions without end: each a text of its own, so that none is graded by having been seen."""
    exercise = load_course(ROOT).exercise(EXERCISE)
    reference = exercise.reference.read_text("utf-8")
    right = [reference, *(each.source for each in load_variations(exercise.variants, reference, EXERCISE))]
    wrong = [each.source for each in load_variations(exercise.mistakes, reference, EXERCISE)]
    ordinary = [text for pair in zip(wrong, right * len(wrong), strict=False) for text in pair]
    count = 0
    while True:
        for text in ordinary:
            count += 1
            special = {50: CRASHING[0], 51: CRASHING[1]}.get(count % 100)
            yield f"{special or text}\n# handed in as number {count}\n"


def hand_in(folder: Path, count: int, texts: Iterator[str]) -> None:
    """Write a folder for each student, with one file."""
    for number, text in zip(range(count), texts, strict=False):
        student = folder / f"student{number:05}"
        student.mkdir(parents=True)
        (student / f"{EXERCISE}.py").write_text(text, "utf-8")


def import_torch() -> "Measured":
    """Return the CPU and wall time of importing torch in a new process."""
    return measured([sys.executable, "-c", "import torch"])


class Measured(NamedTuple):
    """What a command took: seconds, and the peak of resident memory in MiB."""

    cpu: float
    wall: float
    own: float  # of the process itself
    largest: float  # of any process below it


def measured(command: list[str]) -> Measured:
    """Run a command to its end. The CPU time includes that of all descendants."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    own = largest = 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        ended = os.pidfd_open(process.pid)
        while not select.select([ended], [], [], 0.2)[0]:  # its rusage would hold the peak of this process's memory
            own = max(own, _peak(process.pid))
            largest = max([largest, *map(_peak, below(process.pid))])
        os.close(ended)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(cpu, time.perf_counter() - begun, own, largest)


def _peak(pid: int) -> float:
    """Return the peak resident memory of a process so far, in MiB; 0 if it has ended."""
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0.0
    return 0.0


def below(pid: int) -> list[int]:
    """All processes below one."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    children = [int(child) for each in lists for child in each.split()]
    return [each for child in children for each in (child, *below(child))]


def floor(count: int) -> float:
    """CPU seconds of one submission's tests in this process, without isolation, explanation or diagnosis."""
    import torch

    torch.set_num_threads(1)
    public = _module("test_public", (ROOT / "exercises" / EXERCISE / "test_public.py").read_text("utf-8"))
    sys.modules["test_public"] = public  # the hidden tests import from it
    hidden = _module("hidden", (SOLUTION / "test_hidden.py").read_text("utf-8"))
    reference = _module(EXERCISE, (SOLUTION / f"{EXERCISE}.py").read_text("utf-8"))
    named = [item for module in (public, hidden) for item in vars(module).items()]
    tests = [each for name, each in named if name.startswith("test_") and isinstance(each, types.FunctionType)]
    some = itertools.islice(sources(), count)
    texts = [text for text in some if not any(crash in text for crash in CRASHING)]

    def grade(text: str) -> None:
        submission = _module(EXERCISE, text)
        for test in tests:
            given = {"submission": submission, "reference": reference}
            given["rng"] = Rng(derive_seed(EXERCISE, test.__name__, 0))  # type: ignore[assignment]
            names = test.__code__.co_varnames[: test.__code__.co_argcount]
            with contextlib.suppress(BaseException):  # a wrong submission fails in whatever way
                test(**{name: given[name] for name in names})

    for text in texts[:10]:
        grade(text)
    begun = time.process_time()
    for text in texts:
        grade(text)
    return (time.process_time() - begun) / len(texts)


def _module(name: str, text: str) -> types.ModuleType:
    module = types.ModuleType(name)
    exec(compile(text, name, "exec"), vars(module))
    return module


CONFTEST = """
import importlib.util, os, sys
import pytest
from grader.engine.judge.rng import Rng
from grader.base.seeds import derive_seed

def load(path):
    spec = importlib.util.spec_from_file_location("submitted", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

@pytest.fixture
def submission():
    return load(os.environ["SUBMISSION"])

@pytest.fixture
def reference():
    return load(os.environ["REFERENCE"])

@pytest.fixture
def rng(request):
    return Rng(derive_seed("moe_router", request.node.name, 0))
"""


def fresh_pytest(count: int) -> float:
    """CPU seconds of a pytest of its own for a submission, in the same process as the tests. Median."""
    taken = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "conftest.py").write_text(CONFTEST)
        shutil.copy(ROOT / "exercises" / EXERCISE / "test_public.py", folder)
        shutil.copy(SOLUTION / "test_hidden.py", folder)
        for number, text in zip(range(count), sources(), strict=False):
            path = folder / f"submission{number}.py"
            path.write_text(text)
            os.environ |= {"SUBMISSION": str(path), "REFERENCE": str(SOLUTION / f"{EXERCISE}.py")}
            taken.append(measured([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name]).cpu)
    return statistics.median(taken)


def resumed(folder: Path, out: Path, total: int) -> tuple[int, float, float]:
    """Kills a batch when half is graded, and goes on: what was kept, seconds before, and seconds to go on."""
    command = [*BATCH, str(folder), "--out", str(out), "--quiet"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    database = out / "gradebook.sqlite"
    while process.poll() is None and _entries(database) < total // 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before, kept = time.perf_counter() - begun, _entries(database)
    after = measured(command).wall
    assert _entries(database) == total
    return kept, before, after


def _entries(database: Path) -> int:
    if not database.is_file():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            (count,) = connection.execute("SELECT count(*) FROM entries").fetchone()
        except sqlite3.OperationalError:
            return 0
        return int(count)


def main() -> None:
    """Measures everything and prints tables, and JSON as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10000], help="at least two")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    torch = [import_torch() for _ in range(chosen.rounds)]
    fresh, lowest = fresh_pytest(5), floor(100)
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.2f}"
    )
    print(f"{'submissions':>12} {'CPU s':>9} {'wall s':>9} {'per s':>7} {'coordinator MiB':>16} {'largest other':>14}")
    rows: list[tuple[int, Measured]] = []
    with tempfile.TemporaryDirectory() as name:
        one = Path(name) / "one"
        hand_in(one, 1, sources())
        starts = [measured([*BATCH, str(one), "--out", str(Path(name) / f"out-one{n}")]) for n in range(chosen.rounds)]
        for size in chosen.sizes:
            folder, out = Path(name) / f"class{size}", Path(name) / f"out{size}"
            hand_in(folder, size, sources())
            took = measured([*BATCH, str(folder), "--out", str(out), "--quiet"])
            rows.append((size, took))
            print(
                f"{size:12} {took.cpu:9.2f} {took.wall:9.2f} {size / took.wall:7.1f} "
                f"{took.own:16.0f} {took.largest:14.0f}",
                flush=True,
            )
        torch += [import_torch() for _ in range(chosen.rounds)]  # before and after
        torch_cpu = statistics.median(each.cpu for each in torch)
        torch_wall = statistics.median(each.wall for each in torch)
        start = statistics.median(each.wall for each in starts)
        (small, first), (large, last) = rows[0], rows[-1]
        slope = (last.cpu - first.cpu) / (large - small)
        print(
            f"import torch {torch_cpu * 1e3:.0f} ms CPU; in-process floor {lowest * 1e3:.2f} ms "
            f"({lowest / torch_cpu:.5f}); fresh pytest {fresh * 1e3:.0f} ms ({fresh / torch_cpu:.3f})"
        )
        print(
            f"one more submission {slope * 1e3:.1f} ms CPU: {slope / torch_cpu:.4f} of import torch, "
            f"{slope / lowest:.1f} times the floor, {fresh / slope:.0f} times less than a fresh pytest"
        )
        print(f"a class of one: {start:.2f} s, {start / torch_wall:.2f} of import torch")
        found = {"torch": torch_cpu, "fresh_pytest": fresh, "floor": lowest, "slope": slope, "start": start}
        middle = chosen.sizes[len(chosen.sizes) // 2]
        kept, before, after = resumed(Path(name) / f"class{middle}", Path(name) / "resumed", middle)
        print(f"killed after {before:.1f} s with {kept} of {middle} grades kept; going on took {after:.1f} s")
        again = measured([*BATCH, str(Path(name) / f"class{middle}"), "--out", str(Path(name) / "resumed")])
        print(f"once more, nothing changed: {again.wall:.2f} s")
        hung = Path(name) / "hung"
        hand_in(hung, 98, sources())
        for number in range(2):
            (hung / f"hung{number}").mkdir()
            (hung / f"hung{number}" / f"{EXERCISE}.py").write_text(f"{HUNG}# {number}\n", "utf-8")
        with_hung = measured([*BATCH, str(hung), "--out", str(Path(name) / "out-hung"), "--quiet"])
        print(f"98 submissions and 2 that never end: {with_hung.wall:.2f} s")
    print(json.dumps(found | {"rows": rows}))


if __name__ == "__main__":
    main()
