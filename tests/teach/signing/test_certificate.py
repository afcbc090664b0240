"""A certificate says who has earned what, by which tests."""

import json
from pathlib import Path
from typing import Any

from tests.teach.signing.keys import signed_results


def stated(folder: Path, student: str) -> Any:
    return json.loads((folder / "certificates" / f"{student}.json").read_text("utf-8"))["statement"]


def test_what_it_states(tmp_path: Path) -> None:
    folder = signed_results(tmp_path / "results")
    assert sorted(path.name for path in (folder / "certificates").iterdir()) == ["ada.json", "bob.json"]
    ada = stated(folder, "ada")
    assert ada["schema"] == "archgrade/certificate/v1"
    assert ada["student"] == {"id": "ada", "name": "Ada Lovelace"}
    assert {each["item"]: (each["points"], each["max"]) for each in ada["earned"]} == {
        "moe_router": (10, 10),
        "moe": (1.5, 2),
        "rope": (3.5, 4),
    }
    assert (ada["course"], ada["total"], ada["max_total"], ada["run"]) == ("Small course", 15, 16, 1)
    assert ada["engine"] == "0.1.0 abc"
    assert {each["tests"] for each in ada["earned"]} == {"x"}
    assert {each["submission"] for each in ada["earned"]} == {"a" * 64}
    assert [each["item"] for each in stated(folder, "bob")["earned"]] == ["moe_router"]


def test_the_same_gradebook_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = signed_results(tmp_path / "results", "csv")
    files = {path: path.read_bytes() for path in folder.rglob("*.json")}
    assert len(files) == 3
    signed_results(folder, "csv")
    assert {path: path.read_bytes() for path in folder.rglob("*.json")} == files
