"""Tests of finding hand-ins, on disk and in archives."""

import os
import zipfile
from pathlib import Path

import pytest

from grader.base.errors import UsageError
from grader.teach.handins.find import find_handins
from grader.teach.handins.handin import Found
from grader.teach.handins.layouts.detect import LAYOUTS
from tests.teach.handins.handed_in import EXERCISES, Files, code, folder, refused, taken, tarred, why, zipped

ADA_AND_BOB = [("ada", "moe_router"), ("ada", "rope"), ("bob", "moe_router")]
FOLDERS = code("ada/moe_router.py", "ada/exercises/rope/rope.py", "bob/MoE_Router.PY")
FLAT = code("ada_moe_router.py", "rope-ada.py", "moe_router.bob.py")


@pytest.mark.parametrize(("files", "layout"), [(FOLDERS, "folder"), (FLAT, "flat")], ids=["folder", "flat"])
def test_finds_the_same_hand_ins_on_disk_and_in_archives(tmp_path: Path, files: Files, layout: str) -> None:
    wrapped = {f"week 3/{name}": data for name, data in files.items()}
    (tmp_path / "only").mkdir()
    for path in (
        folder(tmp_path / "disk", files),
        zipped(tmp_path / "a.zip", files),
        tarred(tmp_path / "a.tar", files),
        tarred(tmp_path / "a.tar.gz", {f"./{name}": data for name, data in files.items()}),
        tarred(tmp_path / "b.TGZ", files),
        zipped(tmp_path / "wrapped.zip", wrapped),
        zipped(tmp_path / "only" / "c.zip", files),
        tmp_path / "only",
    ):
        found = find_handins([path], EXERCISES)
        assert (found.layout, taken(found)) == (layout, ADA_AND_BOB), path
        assert found.ignored == []
        assert all(handin.read().startswith(b"# ") for handin in found.handins)


def test_names_files_as_they_were_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder(Path("class"), code("ada/moe_router.py"))
    zipped(Path("class.zip"), code("ada/moe_router.py"))
    assert [each.file for each in find_handins([Path("class")], EXERCISES).handins] == ["class/ada/moe_router.py"]
    assert [each.file for each in find_handins([Path("class.zip")], EXERCISES).handins] == [
        "class.zip/ada/moe_router.py"
    ]


def test_finds_hand_ins_in_paths_named_one_by_one(tmp_path: Path) -> None:
    folder(tmp_path, code("ada/moe_router.py", "bob/exercises/rope/rope.py", "eve_rope.py"))
    zipped(tmp_path / "joe.zip", code("moe_router.py"))
    found = find_handins([tmp_path / name for name in ("ada", "bob", "joe.zip", "eve_rope.py")], EXERCISES)
    assert taken(found) == [("ada", "moe_router"), ("bob", "rope"), ("eve", "rope"), ("joe", "moe_router")]
    assert found.layout == "student, flat"


def test_opens_a_students_archive_but_no_archive_inside_it(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", code("rope.py")).read_bytes()
    work = zipped(tmp_path / "work.zip", {**code("my work/moe_router.py"), "more.zip": inner}).read_bytes()
    found = find_handins([folder(tmp_path / "class", {"ada/work.zip": work, **code("bob/rope.py")})], EXERCISES)
    assert taken(found) == [("ada", "moe_router"), ("bob", "rope")]
    assert found.handins[0].file.endswith("class/ada/work.zip/my work/moe_router.py")
    assert found.handins[0].read() == b"# my work/moe_router.py\n"
    assert "an archive inside a student's archive" in why(found)[f"{tmp_path}/class/ada/work.zip/more.zip"]


def test_finds_hand_ins_in_an_archive_for_each_student(tmp_path: Path) -> None:
    ada = tarred(tmp_path / "ada.tgz", code("moe_router.py")).read_bytes()
    bob = zipped(tmp_path / "bob.zip", code("x/rope.py")).read_bytes()
    found = find_handins([folder(tmp_path / "class", {"ada.tgz": ada, "bob.zip": bob})], EXERCISES)
    assert taken(found) == [("ada", "moe_router"), ("bob", "rope")]


def test_raises_for_an_ambiguous_tree_unless_a_layout_is_given(tmp_path: Path) -> None:
    both = folder(tmp_path / "both", code("ada/rope.py", "bob_rope.py"))
    sentence = refused(both)
    assert f"as folder, because of {both}/ada/rope.py, and as flat, because of {both}/bob_rope.py" in sentence
    assert "--layout folder or --layout flat" in sentence
    assert taken(find_handins([both], EXERCISES, layout="folder")) == [("ada", "rope")]
    assert taken(find_handins([both], EXERCISES, layout="flat")) == [("bob", "rope")]

    one = folder(tmp_path / "one", code("moe_router.py", "old/rope.py"))
    assert "as student" in refused(one)
    assert taken(find_handins([one], EXERCISES, layout="student")) == [("one", "moe_router"), ("one", "rope")]
    assert taken(find_handins([one], EXERCISES, layout="folder")) == [("old", "rope")]

    deep = folder(tmp_path / "deep", code("ada/week1/rope.py", "ada/week2/moe_router.py"))
    assert f"use --layout folder for the first, name {deep}/ada for the second" in refused(deep)
    assert taken(find_handins([deep], EXERCISES, layout="folder")) == [("ada", "moe_router"), ("ada", "rope")]
    assert taken(find_handins([deep / "ada"], EXERCISES)) == [("week1", "rope"), ("week2", "moe_router")]

    packed = zipped(tmp_path / "packed.zip", code("download/week1/rope.py", "download/week2/moe_router.py"))
    assert "use --layout folder for the first, unpack it and name download for the second" in refused(packed)

    mixed = folder(tmp_path / "mixed", code("lovelaceada_1_2_rope.py", "bob_rope.py"))
    assert "--layout canvas or --layout flat" in refused(mixed)
    assert taken(find_handins([mixed], EXERCISES, layout="canvas")) == [("1", "rope")]


def test_says_what_was_looked_for_if_nothing_is_found(tmp_path: Path) -> None:
    sentence = refused(folder(tmp_path, code("ada/essay.pdf", "rope.py.txt")))
    assert sentence.startswith(f"No submissions were found in {tmp_path}; ")
    assert "(ada/moe_router.py)" in sentence
    assert "is not laid out as canvas" in refused(tmp_path, layout="canvas")
    assert "Did you mean 'canvas'?" in refused(tmp_path, layout="canvass")
    assert all(layout in refused(tmp_path, layout="?") for layout in LAYOUTS)
    assert "missing does not exist" in refused(tmp_path / "missing")


def test_makes_ids_printable_for_names_of_any_bytes(tmp_path: Path) -> None:
    folder_name = os.fsdecode(b"jos\xe9\x1b[31m")
    try:
        folder(tmp_path, code(f"{folder_name}/rope.py", "Jose\u0301/rope.py"))
    except OSError:
        pytest.skip("this file system has Unicode names only")
    found = find_handins([tmp_path], EXERCISES)
    assert [handin.students[0].id for handin in found.handins] == ["José", "jos\\xe9\\x1b[31m"]
    for handin in found.handins:
        assert handin.file.encode().decode().isprintable()
        assert handin.read()


def owned(found: Found) -> dict[str, tuple[str, str]]:
    """Return the student and the kind of each ignored file by its name."""
    return {Path(each.file).name: (each.student.id if each.student else "", each.kind.value) for each in found.ignored}


def test_includes_everybody_who_handed_in_any_file(tmp_path: Path) -> None:
    nested = zipped(tmp_path / "nested.zip", {"inner.zip": b"", "inner.py": b""}).read_bytes()
    class_ = folder(tmp_path / "class", {
        **code("ada/rope.py", "ada/rope-old.py", "bob/moe-router.py", "cy/Copy of rope.ipynb", "dan/rope.py.txt"),
        "eve/work.7z": b"",
        "fay/work.zip": b"<html>sign in</html>",
        "gil.rar": b"",
        "hal/work.zip": nested,
    })  # fmt: skip
    (class_ / "ida").mkdir()
    (class_ / "ida" / "rope.py").symlink_to(class_ / "ada" / "rope.py")
    found = find_handins([class_], EXERCISES)
    assert taken(found) == [("ada", "rope"), ("ida", "rope")]
    assert sorted(student.id for student in found.students()) == [
        *("ada", "bob", "cy", "dan", "eve", "fay", "gil", "hal", "ida")
    ]
    assert owned(found) == {
        "rope-old.py": ("ada", "unrecognised"),
        "moe-router.py": ("bob", "unrecognised"),
        "Copy of rope.ipynb": ("cy", "unrecognised"),
        "rope.py.txt": ("dan", "unrecognised"),
        "work.7z": ("eve", "unread"),
        "work.zip": ("fay", "unread"),
        "gil.rar": ("gil", "unread"),
        "inner.zip": ("hal", "unread"),
        "inner.py": ("hal", "unrecognised"),
    }
    (ida,) = (handin for handin in found.handins if handin.students[0].id == "ida")
    with pytest.raises(UsageError, match=r"rope\.py is not read: a link"):
        ida.read()


def test_opens_a_students_archive_with_a_large_model(tmp_path: Path) -> None:
    work = zipped(tmp_path / "work.zip", {**code("rope.py"), "model.pt": bytes(20 << 20)})
    found = find_handins(
        [folder(tmp_path / "class", {"ada/work.zip": work.read_bytes(), **code("bob/rope.py")})], EXERCISES
    )
    assert taken(found) == [("ada", "rope"), ("bob", "rope")]
    assert found.handins[0].read() == b"# rope.py\n"


def test_names_a_broken_file_if_only_such_were_found(tmp_path: Path) -> None:
    class_ = folder(tmp_path / "class", {"ada/work.zip": b"<html>", "bob/work.zip": b""})
    assert f"One file cannot be read: {class_}/ada/work.zip: is not a valid archive" in refused(class_)


def test_reports_an_unsupported_member_as_unreadable_file_of_its_student(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "work.zip", "w", zipfile.ZIP_BZIP2) as made:
        made.writestr("rope.py", "x = 1\n")
        made.writestr("notes.py", "x = 1\n")
        made.writestr("moe_router.py", "x = 1\n", zipfile.ZIP_DEFLATED)
    work = (tmp_path / "work.zip").read_bytes()
    found = find_handins([folder(tmp_path / "class", {"ada/work.zip": work, **code("bob/rope.py")})], EXERCISES)
    assert taken(found) == [("ada", "moe_router"), ("ada", "rope"), ("bob", "rope")]
    with pytest.raises(UsageError, match=r"rope\.py is not read: compressed in a way"):
        found.handins[1].read()
    assert owned(found) == {"notes.py": ("ada", "unread")}


def test_does_not_count_a_link_to_a_file_as_a_second_version(tmp_path: Path) -> None:
    class_ = folder(tmp_path / "class", code("ada/exercises/rope/rope.py", "bob/rope.py"))
    (class_ / "ada" / "rope.py").symlink_to("exercises/rope/rope.py")
    found = find_handins([class_], EXERCISES)
    assert [handin.read() for handin in found.handins] == [b"# ada/exercises/rope/rope.py\n", b"# bob/rope.py\n"]
    assert owned(found) == {"rope.py": ("ada", "unread")}


def test_lists_unreadable_files_beside_the_only_archive(tmp_path: Path) -> None:
    class_ = tmp_path / "class"
    class_.mkdir()
    zipped(class_ / "class.zip", code("ada/rope.py", "bob/rope.py"))
    (class_ / "eve.zip").symlink_to(class_ / "class.zip")
    found = find_handins([class_], EXERCISES)
    assert taken(found) == [("ada", "rope"), ("bob", "rope")]
    assert owned(found) == {"eve.zip": ("", "unread")}
