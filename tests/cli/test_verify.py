"""`grade verify`, and the option --sign of `grade batch` and `grade gradebook`: keys, exit codes, and what is said."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grader.teach.signing.keys import load_public
from tests.classes import FILES, batch, hand_in, make_course
from tests.command_line import error, run


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The folder of a pair of keys, `mine` and `mine.pub`."""
    assert run("verify", "--new-key", str(tmp_path / "keys" / "mine")).exit_code == 0
    return tmp_path / "keys"


def test_a_new_pair_of_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("verify", "--new-key", "mine")
    assert (done.exit_code, done.stderr) == (0, "")
    assert load_public(tmp_path / "mine.pub").fingerprint in done.stdout
    assert "grade batch SUBMISSIONS --sign mine\n" in done.stdout
    assert "grade verify results --key mine.pub\n" in done.stdout
    assert error("verify", "--new-key", "mine").startswith("mine is there already, and no key is overwritten")


def test_exports_are_signed_and_verified(gradebook_folder: Path, keys: Path) -> None:
    signed = run("gradebook", "results", "--format", "csv", "--sign", str(keys / "mine"))
    assert (signed.exit_code, signed.stderr) == (0, "")
    assert [line.strip() for line in signed.stdout.splitlines()][-2:] == [
        "results/signatures.json",
        "results/certificates/   2 files",
    ]
    public = str(keys / "mine.pub")
    done = run("verify", "results", "results/certificates/ada.json", "--key", public)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "5 of 5 files as they were signed" in done.stdout
    assert "Ada Lovelace (ada), 15 of 16 points" in done.stdout
    assert done.stdout.splitlines()[-1].endswith(load_public(keys / "mine.pub").fingerprint)
    table = gradebook_folder / "grades.csv"
    table.write_text(table.read_text().replace("Lovelace", "Byron"))
    for path, code in (("results", 1), ("results/grades.csv", 1), ("results/certificates/bob.json", 0)):
        assert run("verify", path, "--key", public).exit_code == code
    assert "results/grades.csv was changed after it was signed" in run("verify", "results", "--key", public).stdout


def test_signing_alone_makes_certificates(gradebook_folder: Path, keys: Path) -> None:
    done = run("gradebook", "results", "--sign", str(keys / "mine"), "--out", "handed-on")
    assert done.exit_code == 0, done.stderr
    assert {path.name for path in Path("handed-on").rglob("*.json")} == {"ada.json", "bob.json", "signatures.json"}


def test_another_key(gradebook_folder: Path, keys: Path) -> None:
    run("gradebook", "results", "--sign", str(keys / "mine"))
    run("verify", "--new-key", str(keys / "other"))
    done = run("verify", "results/certificates/ada.json", "--key", str(keys / "other.pub"))
    assert done.exit_code == 1
    assert load_public(keys / "mine.pub").fingerprint in done.stdout
    assert load_public(keys / "other.pub").fingerprint in done.stdout.splitlines()[-1]


def test_bad_input(gradebook_folder: Path, keys: Path) -> None:
    mine, public = str(keys / "mine"), str(keys / "mine.pub")
    assert error("verify", "none.json", "--key", public) == "none.json: there is no such file."
    assert error("verify", "results").startswith("Name what to verify, and the public key of who signed it")
    assert error("verify", "--key", public).startswith("Name what to verify")
    assert "is a private key" in error("verify", "results", "--key", mine)
    assert "There is no key none.pub" in error("verify", "results", "--key", "none.pub")
    assert "give it alone" in error("verify", "results", "--new-key", "other")
    assert "is a public key" in error("gradebook", "results", "--sign", public)
    assert "one of" in error("gradebook", "results", "--sign", mine, "--runs")
    (keys / "mine").chmod(0o644)
    assert error("gradebook", "results", "--sign", mine).endswith("(mode 0644): chmod 600 keys/mine")
    (keys / "mine").chmod(0o600)
    (keys / "mine").rename("results/mine")
    assert "lies in results, which is handed on" in error("gradebook", "results", "--sign", "results/mine")
    assert not Path("results/signatures.json").exists()


def test_a_class_is_signed_when_it_is_graded(tmp_path: Path, keys: Path) -> None:
    course, out = make_course(tmp_path), tmp_path / "out"
    submissions = hand_in(tmp_path, {each: FILES[each] for each in ("ada", "finn")})
    inside = course / "mine"
    inside.write_bytes((keys / "mine").read_bytes())
    inside.chmod(0o600)
    refused = batch(course, submissions, "--out", out, "--sign", inside)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "which is handed on; keep keys elsewhere." in refused.stderr
    assert not out.exists()
    done = batch(course, submissions, "--out", out, "--sign", keys / "mine")
    assert done.returncode == 0, done.stderr
    assert "signatures.json" in done.stdout
    ada = json.loads((out / "certificates" / "ada.json").read_text())["statement"]
    assert (ada["total"], ada["earned"][0]["item"]) == (31, "toolbox")
    assert len(ada["earned"][0]["tests"]) == 64
    assert run("verify", str(out), "--key", str(keys / "mine.pub")).exit_code == 0
    assert (keys / "mine").read_bytes() not in [path.read_bytes() for path in out.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "words", [["verify", "x", "--key", "k"], ["verify", "--new-key", "k"], ["gradebook", "results", "--sign", "k"]]
)
def test_without_the_package(gradebook_folder: Path, words: list[str]) -> None:
    code = f"import sys; sys.modules['cryptography'] = None; from grader.cli import grade; grade.main({words})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: Signatures need cryptography, which is not installed: pip install 'archgrade[sign]'.\n"
    )
