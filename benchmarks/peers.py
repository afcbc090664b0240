"""Compare with other graders: the cost of one more submission of moe_router, and what three hostile ones get.

    python -m venv PEERS; PEERS/bin/pip install otter-grader ipykernel check50 gradescope-utils pytest torch
    python -m venv OTHER; OTHER/bin/pip install nbgrader torch
    python benchmarks/peers.py --python PEERS/bin/python OTHER/bin/python [--rounds 3]

A peer is taken from the first of these environments that has it, and skipped if none has. nbgrader has one of its own
because a package that it brings makes every import of nbformat slower, and so Otter. All should have the same torch.
Each peer grades one submission by the eight checks of peer_checks.py, without containers; `grade batch` grades it by
the exercise's own ten tests, and its figure is the difference between a class of 110 and one of 10, divided by 100. In
each round every grader has its turn, and a ratio is to the import of torch in its round. The table has medians. CPU is
user and system time of a process and of all its descendants that were waited for.

The hostile submissions are right but for logits with -inf, which one check has: there one ends the process, and one
never ends. Tools with a time limit get 5 s for a check or cell (`grade batch` has the exercise's 2 s for a test), and
all are killed after 20 s. The third solves nothing: it executes the file of the checks (for `grade batch` the reference
solution, beside the hidden tests), and so returns what is expected.
"""

import argparse
import contextlib
import csv
import json
import os
import platform
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from batch import BATCH, below, hand_in
from cost import EXERCISE, REFERENCE, command, measure
from peer_checks import NAMES

CHECKS = Path(__file__).with_name("peer_checks.py")
SECONDS, KILLED = 5, 20
FEW, MANY = 10, 110
RIGHT = REFERENCE.read_text("utf-8")
HOSTILE = """
_route = route

def route(logits, k):
    if logits.isinf().any():
        {}
    return _route(logits, k)
"""
EXITS = RIGHT + HOSTILE.format("__import__('os')._exit(0)")
ENDLESS = RIGHT + HOSTILE.format("while True: pass")
READS = "exec(open('FILE').read(), globals())\n"


class Peer(NamedTuple):
    """A grader: how a folder is filled for it, what is run there, and how many checks its report says passed."""

    name: str
    package: str
    fill: Callable[[Path, str], None]  # the folder, and the source of the submission
    command: list[str]  # after python
    points: Callable[[Path], float]  # raises something if there is no report
    checks: str = "peer_checks.py"  # where a submission finds the file of the checks; {} is the folder


def run(words: list[str], folder: Path, seconds: float | None = None) -> int | None:
    """Return a command's exit code, or None if it took longer and was killed with all its descendants."""
    path = f"{Path(words[0]).parent}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"PATH": path, "TMPDIR": str(folder)}
    with subprocess.Popen(words, cwd=folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as it:
        try:
            return it.wait(seconds)
        except subprocess.TimeoutExpired:
            for pid in (it.pid, *below(it.pid)):  # a notebook's kernel is in no process group of its parent's
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return None


def fill_class(folder: Path, source: str, count: int = 1) -> None:
    """Hand in files of which no two are the same."""
    hand_in(folder / "class", count, (f"{source}\n# {number}\n" for number in range(count)))


def batch_points(folder: Path) -> float:
    """Return the share of the exercise's points, in checks."""
    (row,) = csv.DictReader((folder / "out" / "grades-long.csv").read_text("utf-8").splitlines())
    return len(NAMES) * float(row["measured"]) / float(row["max"])


PYTEST = f"""
import {EXERCISE}, peer_checks, pytest

@pytest.mark.parametrize("name", peer_checks.NAMES)
def test(name):
    getattr(peer_checks, name)({EXERCISE})
"""

GRADESCOPE = f"""
import unittest
import {EXERCISE}, peer_checks
from gradescope_utils.autograder_utils.decorators import weight
from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner

Tests = type("Tests", (unittest.TestCase,), {{}})
for name in peer_checks.NAMES:
    setattr(Tests, "test_" + name, weight(1)(lambda self, name=name: getattr(peer_checks, name)({EXERCISE})))
with open("results.json", "w") as stream:
    JSONTestRunner(visibility="visible", stream=stream).run(unittest.defaultTestLoader.loadTestsFromTestCase(Tests))
"""


def fill_plain(runner: str, folder: Path, source: str) -> None:
    """Put the submission, the checks and what runs them beside each other."""
    (folder / f"{EXERCISE}.py").write_text(source, "utf-8")
    (folder / "test_submission.py").write_text(runner, "utf-8")
    shutil.copy(CHECKS, folder)


def pytest_points(folder: Path) -> float:
    """Count the tests that passed."""
    report = (folder / "report.xml").read_text("utf-8")
    return report.count("<testcase") - report.count("<failure") - report.count("<error")


def fill_check50(folder: Path, source: str) -> None:
    """Put the submission into the folder, and the checks into one below it."""
    text = "import os, sys, check50, check50.py\nsys.path.insert(0, os.path.dirname(__file__))\nimport peer_checks\n"
    for name in NAMES:
        text += f'@check50.check(timeout={SECONDS})\ndef {name}():\n    "{name}"\n'
        text += f'    peer_checks.{name}(check50.py.import_("{EXERCISE}.py"))\n'
    (folder / "checks").mkdir()
    (folder / "checks" / "__init__.py").write_text(text, "utf-8")
    (folder / "checks" / ".cs50.yaml").write_text("check50: {checks: __init__.py}\n", "utf-8")
    shutil.copy(CHECKS, folder / "checks")
    (folder / f"{EXERCISE}.py").write_text(source, "utf-8")


def notebook(*sources: str) -> Any:
    """Return a notebook of code cells."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in sources])


def fill_otter(folder: Path, source: str) -> None:
    """Write a notebook, and an archive as `otter generate` makes it."""
    text = CHECKS.read_text("utf-8") + f"\nfrom types import SimpleNamespace\nname, OK_FORMAT = '{EXERCISE}', False\n"
    text += "from otter.test_files import test_case\n"
    for name in NAMES:
        text += f"@test_case(points=1, name='{name}')\ndef test_{name}(route, combine_matrix):\n"
        text += f"    {name}(SimpleNamespace(route=route, combine_matrix=combine_matrix))\n"
    with zipfile.ZipFile(folder / "autograder.zip", "w") as archive:
        archive.writestr("otter_config.json", "{}")
        archive.writestr(f"tests/{EXERCISE}.py", text)
    nbformat.write(notebook(source), folder / f"{EXERCISE}.ipynb")


def fill_nbgrader(python: str, folder: Path, source: str) -> None:
    """Make a course with one assignment, which one student has handed in."""
    check = "from types import SimpleNamespace\nimport peer_checks\npeer_checks.{}(SimpleNamespace(**globals()))"
    for place, solution in (("source", "pass"), ("submitted/someone", source)):
        made = notebook(solution, *map(check.format, NAMES))
        for name, cell in zip(("solution", *NAMES), made.cells, strict=True):
            fixed = name != "solution"
            cell.metadata.nbgrader = {"grade_id": name, "schema_version": 3, "cell_type": "code", "task": False}
            cell.metadata.nbgrader |= {"grade": fixed, "locked": fixed, "solution": not fixed, "points": int(fixed)}
        (folder / place / "week").mkdir(parents=True)
        nbformat.write(made, folder / place / "week" / f"{EXERCISE}.ipynb")
    shutil.copy(CHECKS, folder / "source" / "week")
    run([python, "-m", "nbgrader", "generate_assignment", "week"], folder)


def nbgrader_points(folder: Path) -> float:
    """Read the score in the gradebook, where it is empty if grading failed."""
    with contextlib.closing(sqlite3.connect(folder / "gradebook.db")) as connection:
        return float(connection.execute("SELECT sum(auto_score) FROM grade").fetchone()[0])


def report(folder: Path) -> Any:
    """Read what a tool wrote."""
    return json.loads((folder / "results.json").read_text("utf-8"))


def peers(where: dict[str, str]) -> list[Peer]:
    """Return all graders whose package is somewhere, each with the Python that is there; `grade batch` first."""
    batch = [*BATCH[1:], "class", "--out", "out", "--quiet"]
    pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml"]
    check50 = ["-m", "check50", "--dev", "--output", "json", "--output-file", "results.json", "checks"]
    otter = ["-m", "otter", "run", "--autograder", "autograder.zip", f"{EXERCISE}.ipynb"]
    nbgrader = ["-m", "nbgrader", "autograde", "week", "--student=someone", f"--Execute.timeout={SECONDS}"]
    fill_week = partial(fill_nbgrader, where.get("nbgrader", ""))
    known = [
        Peer("`grade batch`", "archgrade", fill_class, batch, batch_points, str(REFERENCE)),
        Peer("gradescope-utils", "gradescope-utils", partial(fill_plain, GRADESCOPE), ["test_submission.py"],
             lambda d: float(report(d)["score"])),
        Peer("pytest", "pytest", partial(fill_plain, PYTEST), pytest, pytest_points),
        Peer("`check50 --dev`", "check50", fill_check50, check50,
             lambda d: sum(each["passed"] is True for each in report(d)["results"]), "{}/checks/peer_checks.py"),
        Peer("`otter run`", "otter-grader", fill_otter, otter,
             lambda d: sum(each.get("score", 0) for each in report(d)["tests"]), f"tests/{EXERCISE}.py"),
        Peer("`nbgrader autograde`", "nbgrader", fill_week, nbgrader, nbgrader_points),
    ]  # fmt: skip
    for peer in known:
        if peer.package not in where:
            print(f"skipped, since {peer.package} is in none of the environments: {peer.name}")
    return [peer._replace(command=[where[peer.package], *peer.command]) for peer in known if peer.package in where]


def reported(peer: Peer, source: str) -> str:
    """Say what a grader reports on a submission."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peer.fill(folder, source.replace("FILE", peer.checks.format(folder)))
        code = run(peer.command, folder, KILLED)
        try:
            found = f"{100 * peer.points(folder) / len(NAMES):g} %"
        except (LookupError, OSError, TypeError, ValueError):
            found = "no result"
        return f"{found}, {'killed' if code is None else f'exit {code}'}"


def timed(peer: Peer, fill: Callable[[Path, str], None]) -> tuple[float, float]:
    """Return CPU and wall seconds of one run."""
    codes: list[int | None] = []
    with tempfile.TemporaryDirectory() as name:
        fill(Path(name), RIGHT)
        found = measure(lambda: codes.append(run(peer.command, Path(name))))
    assert codes == [0], f"{peer.name} failed"
    return found


def one_round(present: list[Peer]) -> list[tuple[float, float, float, float]]:
    """Return CPU seconds, their ratio, wall seconds, and their ratio; first those of importing torch."""
    torch_cpu, torch_wall = measure(command(sys.executable, "-c", "import torch"))
    found = [(torch_cpu, torch_wall)]
    for peer in present:
        if peer.package == "archgrade":
            less, more = (timed(peer, partial(fill_class, count=count)) for count in (FEW, MANY))
            found.append(((more[0] - less[0]) / (MANY - FEW), (more[1] - less[1]) / (MANY - FEW)))
        else:
            found.append(timed(peer, peer.fill))
    return [(cpu, cpu / torch_cpu, wall, wall / torch_wall) for cpu, wall in found]


def main() -> None:
    """Measures all peers that are there, and prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", nargs="+", required=True, help="of the environments that have torch and the peers")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    where = {"archgrade": sys.executable}
    versions: dict[str, str] = {}
    listing = "import importlib.metadata as m; print(*(f'{d.name} {d.version}' for d in m.distributions()), sep='\\n')"
    for python in map(os.path.abspath, chosen.python):
        listed = subprocess.run([python, "-c", listing], check=True, capture_output=True, text=True).stdout
        for package, version in map(str.split, listed.splitlines()):
            where.setdefault(package, python)
            versions.setdefault(package, version)
    present = peers(where)
    rounds, loads = [], []
    with tempfile.TemporaryDirectory() as home:  # for caches, which the first submissions fill
        os.environ["HOME"] = home
        said = [[reported(peer, source) for source in (RIGHT, EXITS, ENDLESS, READS)] for peer in present]
        for _ in range(chosen.rounds):
            loads.append(os.getloadavg()[0])
            rounds.append(one_round(present))
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {min(loads):.1f} to {max(loads):.1f}; {chosen.rounds} rounds; "
        + ", ".join(f"{each} {versions[each]}" for each in ("torch", *(peer.package for peer in present[1:])))
    )
    print("\n| one more | CPU ms | x torch | least | most | wall ms | x torch |\n|---|---|---|---|---|---|---|")
    names = ["`import torch`", *(peer.name for peer in present)]
    for name, *each in zip(names, *rounds, strict=True):
        cpu, ratio, wall, wall_ratio = (statistics.median(column) for column in zip(*each, strict=True))
        ratios = [row[1] for row in each]
        print(f"| {name} | {cpu * 1e3:.0f} | {ratio:.3g} | {min(ratios):.3g} | {max(ratios):.3g} ", end="")
        print(f"| {wall * 1e3:.0f} | {wall_ratio:.3g} |")
    print("\n| | right | `os._exit(0)` | endless loop | reads the checks |\n|---|---|---|---|---|")
    for peer, cells in zip(present, said, strict=True):
        print(f"| {peer.name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
