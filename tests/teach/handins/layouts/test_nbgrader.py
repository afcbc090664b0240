"""Tests of the layout of nbgrader."""

from datetime import timedelta
from pathlib import Path

from grader.teach.handins.find import find_handins
from grader.teach.handins.handin import IgnoredKind
from tests.teach.handins.handed_in import EXERCISES, code, folder, taken, why


def test_reads_an_nbgrader_exchange(tmp_path: Path) -> None:
    files = {
        **code("submitted/ada/ps1/moe_router.ipynb", "submitted/bob/ps1/rope.ipynb", "source/ps1/rope.ipynb"),
        **code("submitted/eve/ps1/rope.ipynb", "gradebook.db"),
        "submitted/ada/ps1/timestamp.txt": b"2015-02-02 14:58:23.948203 America/Los_Angeles\n",
        "submitted/bob/ps1/timestamp.txt": b"2015-02-02 14:58:23.948203 UTC",
        "submitted/eve/ps1/timestamp.txt": b"2015-02-02 14:58:23 Mars/Olympus",
    }
    root = folder(tmp_path / "course", files)
    for path in (root, root / "submitted"):
        found = find_handins([path], EXERCISES)
        assert found.layout == "nbgrader"
        assert taken(found) == [("ada", "moe_router"), ("bob", "rope"), ("eve", "rope")]
        ada, bob, eve = (handin.time for handin in found.handins)
        assert ada is not None
        assert bob is not None
        assert ada.utcoffset() == timedelta(hours=-8)
        assert ada - bob == timedelta(hours=8)
        assert eve is None
        assert any("an unknown time zone" in reason for reason in why(found).values())


def test_ignores_an_invalid_timestamp_of_a_student(tmp_path: Path) -> None:
    files = {**code("submitted/ada/ps1/rope.py", "submitted/eve/ps1/rope.py", "submitted/joe/ps1/rope.py")}
    root = folder(tmp_path / "course", {**files, "submitted/eve/ps1/timestamp.txt": b"x" * 5000})
    (root / "submitted/joe/ps1/timestamp.txt").symlink_to(root / "submitted/ada/ps1/rope.py")
    found = find_handins([root], EXERCISES)
    assert taken(found) == [("ada", "rope"), ("eve", "rope"), ("joe", "rope")]
    assert [handin.time for handin in found.handins] == [None] * 3
    lost = [each.student.id for each in found.ignored if each.student and each.kind is IgnoredKind.UNREAD]
    assert lost == ["eve", "joe"]
