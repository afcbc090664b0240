"""What `grade lab my_model` takes on the references: CPU and wall time, and the memory of the largest process.

    python benchmarks/my_model.py [--mixer mamba_block] [--attention latent_attention] [--steps 600]

Prints also what the model has learned: its bits per byte on the text that it trained on and on the text held out.
"""

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIG = Path("labs", "my_model", "my_model.yaml")
KEYS = ("mixer", "attention", "steps", "window", "attention_every", "experts_every")


def main() -> None:
    """Run the lab once with this config."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for key in KEYS:
        parser.add_argument(f"--{key}")
    changes = {key: value for key, value in vars(parser.parse_args()).items() if value is not None}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("exercises", "labs", "lessons", "solutions"):
            shutil.copytree(ROOT / name, root / name)
        shutil.copy(ROOT / "course.yaml", root)
        text = (root / CONFIG).read_text()
        for key, value in changes.items():
            text = re.sub(rf"(?m)^{key}: \S+", f"{key}: {value}", text)
        (root / CONFIG).write_text(text)
        command = [sys.executable, "-m", "grader.cli", "--course", str(root), "lab", "my_model", "--with-reference"]
        env = {**os.environ, "ARCHGRADE_WARM": "0"}
        begun = time.perf_counter()
        subprocess.run([*command, "--out", str(root / "out")], check=True, stdout=subprocess.DEVNULL, env=env)
        wall = time.perf_counter() - begun
        measured = json.loads((root / "out" / "measured.json").read_text())["measured"]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    learned = next(each for each in measured if each["type"] == "table")
    print(learned["title"])
    print(
        f"CPU    {used.ru_utime + used.ru_stime:6.1f} s\nwall   {wall:6.1f} s\nmemory {used.ru_maxrss / 1024:6.0f} MiB"
    )
    for row, (_, bits) in learned["rows"]:
        print(f"{bits:6.2f} bits per byte: {row}")


if __name__ == "__main__":
    main()
