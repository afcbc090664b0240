"""Tests of the layout of Canvas."""

from pathlib import Path

from grader.teach.handins.find import find_handins
from tests.teach.handins.handed_in import EXERCISES, code, folder, last, why, zipped


def test_reads_a_canvas_download(tmp_path: Path) -> None:
    work = zipped(tmp_path / "work.zip", code("moe_router.py")).read_bytes()
    files = {
        **code("lovelaceada_1001_55_moe_router.py", "lovelaceada_LATE_1001_57_moe_router-1.py", "müller_12_60_rope.py"),
        **code("anon_x7Yz_9_moe_router.py", "LATE_1004_59_rope.ipynb", "team_LATE_77_5_essay.pdf"),
        "hopper_1002_58_work.zip": work,
        "turingalan_1003_text.html": b"<p>",
        "turingalan_LATE_1003_link.html": b"<p>",
    }
    found = find_handins([zipped(tmp_path / "submissions.zip", files)], EXERCISES)
    assert found.layout == "canvas"
    assert [(h.students[0].id, h.students[0].name, h.item, h.late) for h in found.handins] == [
        ("1001", "lovelaceada", "moe_router", False),
        ("1001", "lovelaceada", "moe_router", True),
        ("1002", "hopper", "moe_router", False),
        ("1004", None, "rope", True),
        ("12", "müller", "rope", False),
        ("anon_x7Yz", None, "moe_router", False),
    ]
    reasons = {Path(file).name: reason for file, reason in why(found).items()}
    assert reasons["turingalan_1003_text.html"] == "typed into Canvas, not a file"
    assert reasons["team_LATE_77_5_essay.pdf"] == "neither .py nor .ipynb, nor a quiz form"
    assert last(found)[0] == ("1001", "lovelaceada_LATE_1001_57_moe_router-1.py")


def test_orders_resubmitted_archives_by_their_numbers(tmp_path: Path) -> None:
    first = zipped(tmp_path / "1.zip", {"moe_router.py": b"x = 1"}).read_bytes()
    again = zipped(tmp_path / "2.zip", {"w/moe_router.py": b"x = 2", "w/old/moe_router.py": b"x = 0"}).read_bytes()
    files = {"lovelaceada_1001_55_work.zip": first, "lovelaceada_1001_57_work-1.zip": again}
    found = find_handins([folder(tmp_path / "submissions", files)], EXERCISES)
    assert [(each.version, each.read()) for each in found.handins] == [(1, b"x = 1"), (2, b"x = 2")]
    other = {"lovelaceada_1001_55_lab-1.zip": again, "lovelaceada_1001_57_work.zip": first}
    found = find_handins([folder(tmp_path / "others", other)], EXERCISES)
    assert [each.read() for each in found.handins] == [b"x = 1"]  # of other names the numbers tell nothing
