"""docs/formats.md: its commands for signed results do what it says."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.documents import read


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH is not installed")
def test_signed_results_verify_and_changed_ones_do_not(tmp_path: Path) -> None:
    section = read("docs/formats.md").partition("## Signed results")[2]
    commands = section.partition("```sh\n")[2].partition("```")[0]
    results = tmp_path / "results/results.json"
    results.parent.mkdir()
    results.write_text("{}\n")

    def run(script: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["sh", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run(commands)
    assert done.returncode == 0, done.stderr
    assert 'Good "archgrade" signature for instructor@example.edu' in done.stdout
    results.write_text('{"changed": 1}\n')
    assert run(commands.strip().split("\n")[-1]).returncode == 255
