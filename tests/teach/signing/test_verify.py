"""What was done to signed results is found: a byte changed, a student swapped, a file cut off, left out or added."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.teach.signing.verify import findings
from tests.teach.signing.keys import KEY, OTHER, signed_results


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return signed_results(tmp_path / "results", "json", "csv", "gradescope")


def problems(path: Path) -> list[str]:
    """What is wrong, with the files' names."""
    return [f"{each.path.name} {each.problem}" for each in findings(path, KEY.public) if each.problem]


def states(path: Path) -> str:
    *_, last = findings(path, KEY.public)
    return last.states


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text("utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), "utf-8")

    return change


def swap(one: str, other: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / one).rename(folder / "kept")
        (folder / other).rename(folder / one)
        (folder / "kept").rename(folder / other)

    return change


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-1]) and None


def test_as_it_was_signed(folder: Path) -> None:
    assert problems(folder) == []
    assert states(folder).startswith("8 of 8 files as they were signed; Small course, run 1, 20")
    assert states(folder / "signatures.json") == states(folder)
    assert states(folder / "grades.csv").startswith("Small course, run 1, 20")
    assert states(folder / "certificates/ada.json").startswith("Ada Lovelace (ada), 15 of 16 points; Small course, run")


CHANGED = "was changed after it was signed"
NOT_WHOLE = "results is not what was signed"
UNKNOWN = "is no whole certificate, and no signatures.json in its folder or above has it"
TAMPERED: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "a byte of an export": (edit("grades.csv", "Lovelace", "Lovelave"), [f"grades.csv {CHANGED}", NOT_WHOLE]),
    "a byte of a certificate": (edit("certificates/ada.json", "15", "16"), [f"ada.json {CHANGED}", NOT_WHOLE]),
    "an export cut off": (cut("results.json"), [f"results.json {CHANGED}", NOT_WHOLE]),
    "an export left out": (lambda folder: (folder / "grades.csv").unlink(), ["grades.csv is missing", NOT_WHOLE]),
    "an export added": (lambda folder: (folder / "canvas.csv").touch(), ["canvas.csv is not signed", NOT_WHOLE]),
    "students swapped": (
        swap("gradescope/ada/results.json", "gradescope/bob/results.json"),
        [*[f"results.json {CHANGED}"] * 2, NOT_WHOLE],
    ),
    "certificates swapped": (
        swap("certificates/ada.json", "certificates/bob.json"),
        [f"ada.json {CHANGED}", f"bob.json {CHANGED}", NOT_WHOLE],
    ),
    "a hash in the signatures": (
        edit("signatures.json", '"sha256": "', '"sha256": "0'),
        ["signatures.json was changed after it was signed, or the key signed something else"],
    ),
    "the signatures cut off": (
        cut("signatures.json"),
        [f"signatures.json {CHANGED}"],
    ),
    "no signatures": (
        lambda folder: (folder / "signatures.json").unlink(),
        ["results has no signatures.json, so nothing in it is signed"],
    ),
    "a certificate for the signatures": (
        lambda folder: shutil.copy(folder / "certificates/ada.json", folder / "signatures.json") and None,
        ["signatures.json is signed, and states something else than was looked for"],
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_what_was_done_to_a_folder(folder: Path, name: str) -> None:
    change, told = TAMPERED[name]
    change(folder)
    assert problems(folder) == told


def test_all_of_another_key(folder: Path) -> None:
    assert signed_results(folder, "json", key=OTHER)
    assert problems(folder) == [f"signatures.json is signed with another key, {OTHER.public.fingerprint}"]
    for name in ("results.json", "certificates/ada.json"):
        (told,) = problems(folder / name)
        assert f"signatures.json is signed with another key, {OTHER.public.fingerprint}" in told


@pytest.mark.parametrize("name", ["gradescope/ada/results.json", "certificates/ada.json"])
def test_one_file_in_its_folder(folder: Path, name: str) -> None:
    assert problems(folder / name) == []
    shutil.copy(folder / name.replace("ada", "bob"), folder / name)
    assert problems(folder / name) == [f"{Path(name).name} {CHANGED}"]
    assert problems(folder / name.replace("ada", "bob")) == []


def test_a_certificate_that_was_carried_away(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    shutil.copy(folder / "certificates" / "bob.json", mine)
    assert states(mine).startswith("Bob (bob), 5 of 16 points")
    text = mine.read_text()
    for old, new in (("5.0", "9.0"), ("Bob", "Eve"), ("moe_router", "moe_rooter"), ("run\": 1", "run\": 2")):
        mine.write_text(text.replace(old, new))
        assert problems(mine) == ["mine.json was changed after it was signed, or the key signed something else"]
    mine.write_text(text[: len(text) // 2])
    assert problems(mine) == [f"mine.json {UNKNOWN}"]


def test_an_export_that_was_carried_away_is_not_told_from_another(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "grades.csv", tmp_path / "grades.csv")
    assert problems(tmp_path / "grades.csv") == [f"grades.csv {UNKNOWN}"]
    (folder / "more.csv").touch()
    assert problems(folder / "more.csv") == [f"more.csv {UNKNOWN}"]


def test_signatures_are_no_certificate(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "signatures.json", tmp_path / "mine.json")
    assert problems(tmp_path / "mine.json") == ["mine.json is signed, and states something else than was looked for"]
