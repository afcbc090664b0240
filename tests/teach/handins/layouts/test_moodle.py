"""Tests of the layout of Moodle."""

from pathlib import Path

from grader.teach.handins.find import find_handins
from tests.teach.handins.handed_in import EXERCISES, code, why, zipped


def test_reads_a_moodle_download(tmp_path: Path) -> None:
    found = find_handins(
        [
            zipped(
                tmp_path / "course-hw-7.zip",
                {
                    **code("Ada Lovelace_657693_assignsubmission_file_/moe_router.py"),
                    **code("Toni___Marie_Noel_657694_assignsubmission_file_/src/rope.py"),
                    **code("Participant_657695_assignsubmission_file_rope.py"),
                    **code("jdoe_Jo Doe_3_assignsubmission_file_moe_router.ipynb"),
                    "Ada Lovelace_657693_assignsubmission_onlinetext_/onlinetext.html": b"<p>",
                },
            )
        ],
        EXERCISES,
    )
    assert found.layout == "moodle"
    assert [(h.students[0].id, h.students[0].name, h.item) for h in found.handins] == [
        ("3", "jdoe Jo Doe", "moe_router"),
        ("657693", "Ada Lovelace", "moe_router"),
        ("657694", "Toni Marie Noel", "rope"),
        ("657695", None, "rope"),
    ]
    assert list(why(found).values()) == ["typed into Moodle, not a file"]
