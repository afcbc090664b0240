"""What grading costs, as ratios to `python -c "import torch"` measured in the same run.

    python benchmarks/cost.py [--rounds N]

CPU is user + system of a process and all its descendants; wall is elapsed time. Each figure is the median of N rounds,
and that of one more submission also has its range. The wrong ones are the nine files of `benchmarks/wrong` in turn, so
that mistakes come again, as they do in a class. The commands run in a copy of the course.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from grader.base.result import Result
from grader.course import load_course
from grader.engine.judge.materials import materials
from grader.engine.judge.messages import Job
from grader.engine.pool.client import Judges
from grader.engine.submission import examine

ROOT = Path(__file__).resolve().parent.parent
EXERCISE = "moe_router"
REFERENCE = ROOT / "solutions" / EXERCISE / f"{EXERCISE}.py"
WRONG = sorted((ROOT / "benchmarks/wrong" / EXERCISE).glob("*.py"))
FEW, MANY = 18, 198  # submissions: the difference is the cost of the others
HUNG = "def route(logits, k):\n    while True:\n        pass\n"


def children() -> float:
    """CPU seconds of all descendants that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(run: Callable[[], object]) -> tuple[float, float]:
    """CPU of descendants and wall seconds of one run."""
    cpu, wall = children(), time.perf_counter()
    run()
    return children() - cpu, time.perf_counter() - wall


def command(*words: str) -> Callable[[], object]:
    """Run a command and discard its output."""
    return lambda: subprocess.run(words, stdout=subprocess.DEVNULL, check=False)


def copy_course(folder: Path) -> Path:
    """Copy the course into a folder, and return its path."""
    for name in ("exercises", "solutions", "lessons"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "course.yaml", folder)
    return folder


def commands_in(course: Path) -> dict[str, Callable[[], object]]:
    """Return the commands to measure."""
    grade = [sys.executable, "-m", "grader.cli", "--course", str(course)]
    return {
        "import torch": command(sys.executable, "-c", "import torch"),
        "grade --help": command(*grade, "--help"),
        "grade list": command(*grade, "list"),
        "grade hint": command(*grade, "hint", EXERCISE),
        "grade exercise, not started": command(*grade, "exercise", EXERCISE),
        "grade exercise, right": command(*grade, "exercise", EXERCISE, "--file", str(REFERENCE)),
    }


def grade(sources: Sequence[str], count: int, seconds: float | None = None) -> list[Result]:
    """Grades sources in turn, so many in all, in one warm process."""
    course = load_course(ROOT)
    exercise = course.exercise(EXERCISE)
    with Judges(1, many=count > 1) as judges:
        judges.prepare([materials(course, exercise)], forbidden=[ROOT])
        codes = [examine(source, EXERCISE).code for source in sources]
        chosen = [i % len(sources) for i in range(count)]
        jobs = [
            Job(i, EXERCISE, "x.py", sources[which], "", 0, code=codes[which], seconds=seconds)
            for i, which in enumerate(chosen)
        ]
        return [result for _, result in judges.grade(jobs)]


def one_more(sources: Sequence[str]) -> tuple[float, float]:
    """CPU and wall seconds of one more submission in a warm process."""
    few, many = measure(lambda: grade(sources, FEW)), measure(lambda: grade(sources, MANY))
    return (many[0] - few[0]) / (MANY - FEW), (many[1] - few[1]) / (MANY - FEW)


def private_memory() -> float:
    """MiB of dirty private pages of a worker that has run every test's kind of call. Needs root: NaN otherwise."""
    import torch

    from grader.engine.judge.session import Session, SessionLimits
    from grader.engine.pool.starters import ForkStarter

    with Judges(0) as judges:
        judges.prepare([], forbidden=[ROOT])
        limits = SessionLimits(seconds=5.0, memory=512 << 20)
        assert judges.warm_connection is not None
        session = Session(
            ForkStarter(judges.warm_connection), EXERCISE, REFERENCE.read_text("utf-8"), {}, limits, seconds=5.0
        )
        session.load()
        submission = session.begin(0)
        logits = torch.randn(16, 8, dtype=torch.float64, requires_grad=True)
        weights, indices = submission.route(logits, 2)
        weights.sum().backward()
        submission.combine_matrix(weights.detach(), indices, 8)
        assert session.worker is not None
        try:
            rollup = Path(f"/proc/{session.worker.pid}/smaps_rollup").read_text()
        except OSError:
            return float("nan")
        finally:
            session.close()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_Dirty")) / 1024


def main() -> None:
    """Measures everything and prints a table, and JSON as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    classes = {
        "one more right submission": [REFERENCE.read_text("utf-8")],
        "one more wrong submission": [each.read_text("utf-8") for each in WRONG],
    }
    taken: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        commands = commands_in(copy_course(Path(folder)))
        for _ in range(rounds):
            for name, run in commands.items():
                taken.setdefault(name, []).append(measure(run))
            for name, sources in classes.items():
                taken.setdefault(name, []).append(one_more(sources))
    found = {
        name: tuple(statistics.median(column) for column in zip(*each, strict=True)) for name, each in taken.items()
    }
    torch_cpu, torch_wall = found["import torch"]
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.2f}"
    )
    print(f"{'':<30} {'CPU ms':>8} {'x torch':>8} {'wall ms':>8} {'x torch':>8}")
    for name, (cpu, wall) in found.items():
        print(f"{name:<30} {cpu * 1e3:8.1f} {cpu / torch_cpu:8.4f} {wall * 1e3:8.1f} {wall / torch_wall:8.4f}")
    for name in classes:
        cpus = [cpu / torch_cpu for cpu, _ in taken[name]]
        print(f"{name:<30} {min(cpus):.4f} to {max(cpus):.4f} x torch")
    (hung,) = grade([HUNG], 1, seconds=1.0)
    first = next(test for test in hung.tests if test.outcome == "timeout")
    print(f"a test that hangs, limit 1 s     {first.seconds:.3f} s")
    memory = private_memory()
    print(f"private memory of a worker       {memory:.1f} MiB")
    ratios = {name: [cpu / torch_cpu, wall / torch_wall] for name, (cpu, wall) in found.items()}
    print(json.dumps({"ratios": ratios, "hung_seconds": first.seconds, "private_mib": memory}))


if __name__ == "__main__":
    main()
