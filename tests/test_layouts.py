"""What a class handed in is recognised as the learning platforms deliver it, and matched with the class list."""

import io
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.submission.handin import Found, Handin, Student
from grader.submission.recognise import LAYOUTS, find
from grader.submission.roster import match, read_roster

EXERCISES = ("moe_router", "rope", "attention_masks")
QUIZZES = ("mixture-of-experts", "depth-vs-width")
CODE = b"x = 1\n"

Files = Mapping[str, bytes]


def folder(root: Path, files: Files) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return root


def zipped(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6)), data)
    return path


def tarred(path: Path, files: Files) -> Path:
    with tarfile.open(path, "w:gz" if path.name.lower().endswith("gz") else "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def code(*names: str) -> dict[str, bytes]:
    return {name: b"# " + os.fsencode(name) + b"\n" for name in names}


def taken(found: Found) -> list[tuple[str, str]]:
    return [(handin.students[0].id, handin.item) for handin in found.handins]


def why(found: Found) -> dict[str, str]:
    return {each.file: each.why for each in found.ignored}


def refused(*paths: Path, layout: str | None = None, only: tuple[str, ...] = ()) -> str:
    with pytest.raises(UsageError) as error:
        find(paths, EXERCISES, QUIZZES, layout=layout, only=only)
    return str(error.value)


ADA_AND_BOB = [("ada", "moe_router"), ("ada", "rope"), ("bob", "moe_router")]
FOLDERS = code("ada/moe_router.py", "ada/exercises/rope/rope.py", "bob/MoE_Router.PY")
FLAT = code("ada_moe_router.py", "rope-ada.py", "moe_router.bob.py")


@pytest.mark.parametrize(("files", "layout"), [(FOLDERS, "folder"), (FLAT, "flat")], ids=["folder", "flat"])
def test_the_same_class_on_disk_and_packed_in_any_way(tmp_path: Path, files: Files, layout: str) -> None:
    wrapped = {f"week 3/{name}": data for name, data in files.items()}
    for path in (
        folder(tmp_path / "disk", files),
        zipped(tmp_path / "a.zip", files),
        tarred(tmp_path / "a.tar", files),
        tarred(tmp_path / "a.tar.gz", {f"./{name}": data for name, data in files.items()}),
        tarred(tmp_path / "b.TGZ", files),
        zipped(tmp_path / "wrapped.zip", wrapped),
        zipped(tmp_path / "only" / "c.zip", files) if (tmp_path / "only").mkdir() is None else tmp_path,
        tmp_path / "only",
    ):
        found = find([path], EXERCISES)
        assert (found.layout, taken(found)) == (layout, ADA_AND_BOB), path
        assert found.ignored == []
        assert all(handin.read().startswith(b"# ") for handin in found.handins)


def test_files_are_named_as_they_were_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder(Path("class"), code("ada/moe_router.py"))
    zipped(Path("class.zip"), code("ada/moe_router.py"))
    assert [each.file for each in find([Path("class")], EXERCISES).handins] == ["class/ada/moe_router.py"]
    assert [each.file for each in find([Path("class.zip")], EXERCISES).handins] == ["class.zip/ada/moe_router.py"]


def test_paths_one_by_one(tmp_path: Path) -> None:
    folder(tmp_path, code("ada/moe_router.py", "bob/exercises/rope/rope.py", "eve_rope.py"))
    zipped(tmp_path / "joe.zip", code("moe_router.py"))
    found = find([tmp_path / name for name in ("ada", "bob", "joe.zip", "eve_rope.py")], EXERCISES)
    assert taken(found) == [("ada", "moe_router"), ("bob", "rope"), ("eve", "rope"), ("joe", "moe_router")]
    assert found.layout == "student, flat"


def test_a_students_archive_is_looked_into_and_one_in_it_is_not(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", code("rope.py")).read_bytes()
    work = zipped(tmp_path / "work.zip", {**code("my work/moe_router.py"), "more.zip": inner}).read_bytes()
    found = find([folder(tmp_path / "class", {"ada/work.zip": work, **code("bob/rope.py")})], EXERCISES)
    assert taken(found) == [("ada", "moe_router"), ("bob", "rope")]
    assert found.handins[0].file.endswith("class/ada/work.zip/my work/moe_router.py")
    assert found.handins[0].read() == b"# my work/moe_router.py\n"
    assert "an archive in an archive" in why(found)[f"{tmp_path}/class/ada/work.zip/more.zip"]


def test_an_archive_for_each_student(tmp_path: Path) -> None:
    ada = tarred(tmp_path / "ada.tgz", code("moe_router.py")).read_bytes()
    bob = zipped(tmp_path / "bob.zip", code("x/rope.py")).read_bytes()
    found = find([folder(tmp_path / "class", {"ada.tgz": ada, "bob.zip": bob})], EXERCISES)
    assert taken(found) == [("ada", "moe_router"), ("bob", "rope")]


# ------------------------------------------------------------ learning platforms


def test_canvas(tmp_path: Path) -> None:
    work = zipped(tmp_path / "work.zip", code("moe_router.py")).read_bytes()
    files = {
        **code("lovelaceada_1001_55_moe_router.py", "lovelaceada_LATE_1001_57_moe_router-1.py", "müller_12_60_rope.py"),
        **code("anon_x7Yz_9_moe_router.py", "LATE_1004_59_rope.ipynb", "team_LATE_77_5_essay.pdf"),
        "hopper_1002_58_work.zip": work,
        "turingalan_1003_text.html": b"<p>",
        "turingalan_LATE_1003_link.html": b"<p>",
    }
    found = find([zipped(tmp_path / "submissions.zip", files)], EXERCISES)
    assert found.layout == "canvas"
    assert [(h.students[0].id, h.students[0].name, h.item, h.late) for h in found.handins] == [
        ("1001", "lovelaceada", "moe_router", True),
        ("1002", "hopper", "moe_router", False),
        ("1004", None, "rope", True),
        ("12", "müller", "rope", False),
        ("anon_x7Yz", None, "moe_router", False),
    ]
    reasons = {Path(file).name: reason for file, reason in why(found).items()}
    assert reasons["turingalan_1003_text.html"] == "typed into Canvas, not a file"
    assert reasons["team_LATE_77_5_essay.pdf"] == "neither .py nor .ipynb, nor a quiz form"
    earlier = reasons["lovelaceada_1001_55_moe_router.py"]
    assert earlier.startswith("an earlier version of ")
    assert earlier.endswith("/lovelaceada_LATE_1001_57_moe_router-1.py")


def test_moodle(tmp_path: Path) -> None:
    found = find(
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


GRADESCOPE = b"""\
---
submission_101:
  :submitters:
  - :name: Ada Lovelace
    :sid: '0042'
    :email: ada@example.org
  - :name: Bob
    :sid: 007
  :created_at: 2026-01-02 03:04:05.123456000 Z
  :score: 7.0
  :results:
    tests: []
submission_102:
  :submitters:
  - :name: Eve
    :sid:
    :email: eve@example.org
  :created_at: !ruby/object:Time 2026-01-02 05:04:05 +02:00
submission_103:
  :submitters:
  - :name: Gone
"""


def test_gradescope(tmp_path: Path) -> None:
    export = "assignment_9_export/"
    files = {
        f"{export}submission_metadata.yml": GRADESCOPE,
        **code(f"{export}submission_101/moe_router.py", f"{export}submission_102/rope.py"),
        **code(f"{export}submission_999/rope.py", f"{export}submission_101/.DS_Store", "__MACOSX/x"),
    }
    found = find([zipped(tmp_path / "export.zip", files)], EXERCISES)
    assert found.layout == "gradescope"
    group, eve = found.handins
    assert group.students == (
        Student(id="0042", name="Ada Lovelace", email="ada@example.org"),
        Student(id="007", name="Bob"),
    )
    assert group.time == datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)
    assert (eve.students[0].id, eve.time) == ("eve@example.org", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    reasons = sorted(why(found).values())
    assert reasons[0] == "is in submission_metadata.yml, and there is no such folder"
    assert "lies in no folder that is in submission_metadata.yml" in reasons


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"a: [\n", "submission_metadata.yml:"),
        (b"- a\n", "submission_metadata.yml:1: expected a key for each submission"),
        (b"x: 1\n" + GRADESCOPE.removeprefix(b"---\n"), ":1: x has no"),
        (b"[" * 100_000, "submission_metadata.yml:"),
    ],
    ids=["not YAML", "a list", "no submitters", "deep"],
)
def test_gradescopes_metadata_is_broken(tmp_path: Path, text: bytes, sentence: str) -> None:
    files = {"submission_metadata.yml": text, **code("submission_101/rope.py")}
    assert sentence in refused(folder(tmp_path / "export", files))


def test_nbgrader(tmp_path: Path) -> None:
    files = {
        **code("submitted/ada/ps1/moe_router.ipynb", "submitted/bob/ps1/rope.ipynb", "source/ps1/rope.ipynb"),
        **code("submitted/eve/ps1/rope.ipynb", "gradebook.db"),
        "submitted/ada/ps1/timestamp.txt": b"2015-02-02 14:58:23.948203 America/Los_Angeles\n",
        "submitted/bob/ps1/timestamp.txt": b"2015-02-02 14:58:23.948203 UTC",
        "submitted/eve/ps1/timestamp.txt": b"2015-02-02 14:58:23 Mars/Olympus",
    }
    root = folder(tmp_path / "course", files)
    for path in (root, root / "submitted"):
        found = find([path], EXERCISES)
        assert found.layout == "nbgrader"
        assert taken(found) == [("ada", "moe_router"), ("bob", "rope"), ("eve", "rope")]
        ada, bob, eve = (handin.time for handin in found.handins)
        assert ada is not None
        assert bob is not None
        assert ada.utcoffset() == timedelta(hours=-8)
        assert ada - bob == timedelta(hours=8)
        assert eve is None
        assert any("zone that is not known" in reason for reason in why(found).values())


@pytest.fixture
def organisation(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    root = folder(tmp_path / "org", code("week-3-ada/exercises/moe_router/moe_router.py", "week-3-bob/moe_router.py"))
    for name, time in (("week-3-ada", "2026-01-02T03:04:05+01:00"), ("week-3-bob", "2026-01-03T03:04:05Z")):
        me = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
        environment = {**os.environ, "GIT_COMMITTER_DATE": time, "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z"}
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "committer x <x> 1 +0000"]):
            subprocess.run(["git", *me, *command], cwd=root / name, env=environment, check=True)
    return root


def test_git_checkouts(organisation: Path) -> None:
    subprocess.run(["git", "gc", "-q"], cwd=organisation / "week-3-bob", check=True)  # packs commit and branch
    found = find([organisation], EXERCISES)
    assert found.layout == "git"
    assert [(h.students[0], h.time) for h in found.handins] == [
        (Student(id="ada", login="ada"), datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        (Student(id="bob", login="bob"), datetime(2026, 1, 3, 3, 4, 5, tzinfo=UTC)),
    ]


def test_a_repositorys_configuration_runs_nothing(organisation: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {trap}\n")
    script.chmod(0o755)
    git = organisation / "week-3-ada" / ".git"
    with (git / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {script}\n\tpager = {script}\n\tsshCommand = {script}\n")
        config.write(f"[log]\n\tshowSignature = true\n[gpg]\n\tprogram = {script}\n[include]\n\tpath = {script}\n")
    (git / "HEAD").write_text("ref: refs/../../../x\n")
    (organisation / "week-3-bob" / ".git" / "HEAD").unlink()
    (organisation / "week-3-bob" / ".git" / "HEAD").symlink_to(git / "HEAD")
    found = find([organisation], EXERCISES)
    assert [handin.time for handin in found.handins] == [None, None]
    assert not trap.exists()


# ------------------------------------------------------------ which file is for what


def test_the_only_code_file_is_the_one_exercise_that_is_asked_for(tmp_path: Path) -> None:
    files = code("ada/final.py", "ada/n.txt", "bob/a.py", "bob/b.py", "eve/rope.py", "joe/moe_router.py", "joe/x.py")
    found = find([folder(tmp_path / "class", files)], EXERCISES, only=["moe_router"])
    assert taken(found) == [("ada", "moe_router"), ("joe", "moe_router")]
    assert why(found)[f"{tmp_path}/class/bob/a.py"] == "named for no exercise"
    assert why(found)[f"{tmp_path}/class/eve/rope.py"] == "for another exercise than was asked for"
    flat = find([folder(tmp_path / "flat", code("ada.py", "bob_moe_router.py"))], EXERCISES, only=["moe_router"])
    assert taken(flat) == [("ada", "moe_router"), ("bob", "moe_router")]


def test_quiz_forms(tmp_path: Path) -> None:
    files = code("ada/quiz-Mixture-of-Experts.yaml", "ada/quiz-week3 (1).yml", "ada/other.yaml", "bob/rope.py")
    found = find([folder(tmp_path / "class", files)], EXERCISES, QUIZZES)
    assert [(h.students[0].id, h.kind, h.item) for h in found.handins] == [
        ("ada", "quiz", ""),
        ("ada", "quiz", "mixture-of-experts"),
        ("bob", "exercise", "rope"),
    ]
    names = ["ada_quiz-depth-vs-width.yaml", "quiz-depth-vs-width-bob.yaml", "quiz-other.yaml", "eve quiz-x.yml"]
    flat = find([folder(tmp_path / "flat", code(*names))], EXERCISES, QUIZZES)
    assert taken(flat) == [("ada", "depth-vs-width"), ("bob", "depth-vs-width"), ("eve", "")]


@pytest.mark.parametrize("later", ["moe_router-1.py", "moe_router (2).py", "moe_router(10).py", "moe_router_3.py"])
def test_the_version_with_the_highest_number_counts(tmp_path: Path, later: str) -> None:
    found = find([folder(tmp_path, code("ada/moe_router.py", f"ada/{later}"))], EXERCISES)
    assert [Path(handin.file).name for handin in found.handins] == [later]
    assert why(found) == {f"{tmp_path}/ada/moe_router.py": f"an earlier version of {tmp_path}/ada/{later}"}


def test_flat_files_with_numbers(tmp_path: Path) -> None:
    names = ["ada_rope-1.py", "ada_rope.py", "rope-bob.py", "rope-bob-1.py", "rope-eve-2.py", "rope-17.py", "x (1).py"]
    found = find([folder(tmp_path, code(*names))], EXERCISES)
    assert [(h.students[0].id, Path(h.file).name) for h in found.handins] == [
        ("17", "rope-17.py"),
        ("ada", "ada_rope-1.py"),
        ("bob", "rope-bob-1.py"),
        ("eve-2", "rope-eve-2.py"),
    ]


def test_the_version_that_was_changed_last_counts(tmp_path: Path) -> None:
    folder(tmp_path, code("ada/old/rope.py", "ada/new/rope.ipynb", "bob/x.py"))
    os.utime(tmp_path / "ada/new/rope.ipynb", (1_700_000_100, 1_700_000_100))
    assert [Path(h.file).name for h in find([tmp_path], EXERCISES).handins] == ["rope.ipynb"]


def test_two_versions_of_the_same_age(tmp_path: Path) -> None:
    folder(tmp_path, {"ada/a/rope.py": CODE, "ada/b/rope.py": CODE, "bob/x.py": CODE})
    assert taken(find([tmp_path], EXERCISES)) == [("ada", "rope")]  # the same content: it does not matter
    folder(tmp_path, {"ada/b/rope.py": b"y = 2\n", **code("bob/1/rope.py", "bob/2/rope.py")})
    sentence = refused(tmp_path)
    assert f"{tmp_path}/ada/a/rope.py and {tmp_path}/ada/b/rope.py, and nothing tells which is newer" in sentence
    assert "1 more times" in sentence


def test_who_left_a_group_keeps_the_own_file(tmp_path: Path) -> None:
    metadata = b"""
s1: {":submitters": [{":sid": ada}, {":sid": bob}], ":created_at": 2026-01-01 00:00:00 Z}
s2: {":submitters": [{":sid": bob}], ":created_at": 2026-01-02 00:00:00 Z}
"""
    found = find(
        [folder(tmp_path, {"submission_metadata.yml": metadata, **code("s1/rope.py", "s2/rope.py")})], EXERCISES
    )
    assert [([s.id for s in h.students], Path(h.file).parent.name) for h in found.handins] == [
        (["ada"], "s1"),
        (["bob"], "s2"),
    ]


# ------------------------------------------------------------ two readings


def test_two_readings_are_an_error_that_layout_settles(tmp_path: Path) -> None:
    both = folder(tmp_path / "both", code("ada/rope.py", "bob_rope.py"))
    sentence = refused(both)
    assert f"as folder, because of {both}/ada/rope.py, and as flat, because of {both}/bob_rope.py" in sentence
    assert "--layout folder or --layout flat" in sentence
    assert taken(find([both], EXERCISES, layout="folder")) == [("ada", "rope")]
    assert taken(find([both], EXERCISES, layout="flat")) == [("bob", "rope")]

    one = folder(tmp_path / "one", code("moe_router.py", "old/rope.py"))
    assert "as student" in refused(one)
    assert taken(find([one], EXERCISES, layout="student")) == [("one", "moe_router"), ("one", "rope")]
    assert taken(find([one], EXERCISES, layout="folder")) == [("old", "rope")]

    deep = folder(tmp_path / "deep", code("ada/week1/rope.py", "ada/week2/moe_router.py"))
    assert f"say --layout folder for the first, name {deep}/ada for the other" in refused(deep)
    assert taken(find([deep], EXERCISES, layout="folder")) == [("ada", "moe_router"), ("ada", "rope")]
    assert taken(find([deep / "ada"], EXERCISES)) == [("week1", "rope"), ("week2", "moe_router")]

    mixed = folder(tmp_path / "mixed", code("lovelaceada_1_2_rope.py", "bob_rope.py"))
    assert "--layout canvas or --layout flat" in refused(mixed)
    assert taken(find([mixed], EXERCISES, layout="canvas")) == [("1", "rope")]


def test_a_name_that_holds_two_exercises(tmp_path: Path) -> None:
    sentence = refused(folder(tmp_path, code("rope_moe_router.py")))
    assert "rope_moe_router.py may be rope's moe_router or moe_router's rope" in sentence


def test_nothing_is_recognised(tmp_path: Path) -> None:
    sentence = refused(folder(tmp_path, code("ada/essay.pdf", "rope.py.txt")))
    assert sentence.startswith(f"No submissions were found in {tmp_path}; ")
    assert "(ada/moe_router.py)" in sentence
    assert "is not laid out as canvas" in refused(tmp_path, layout="canvas")
    assert "Did you mean 'canvas'?" in refused(tmp_path, layout="canvass")
    assert all(layout in refused(tmp_path, layout="?") for layout in LAYOUTS)
    assert "cannot be read: No such file" in refused(tmp_path / "missing")


def test_names_of_any_bytes(tmp_path: Path) -> None:
    folder_name = os.fsdecode(b"jos\xe9\x1b[31m")
    try:
        folder(tmp_path, code(f"{folder_name}/rope.py", "Jose\u0301/rope.py"))
    except OSError:
        pytest.skip("this file system has Unicode names only")
    found = find([tmp_path], EXERCISES)
    assert [handin.students[0].id for handin in found.handins] == ["José", "jos\\xe9\\x1b[31m"]
    for handin in found.handins:
        assert handin.file.encode().decode().isprintable()
        assert handin.read()


# ------------------------------------------------------------ the class list


def handed(*students: Student) -> Found:
    return Found("x", [Handin((each,), "rope", "exercise", f"{each.id}.py", lambda: CODE) for each in students])


def roster(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


CANVAS_GRADEBOOK = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Homework (12)\n"
    "    Points Possible,,,,,10\n"
    '"Lovelace, Ada",1001,0042,ada@uni,A,\n'
    '"van Rossum, Guido",1002,0043,guido@uni,A,\n'
)


def test_a_canvas_gradebook_is_a_roster(tmp_path: Path) -> None:
    students = read_roster(roster(tmp_path / "r.csv", CANVAS_GRADEBOOK))
    ada = Student(id="1001", name="Ada Lovelace", login="ada@uni")
    assert [each.student for each in students] == [ada, Student(id="1002", name="Guido van Rossum", login="guido@uni")]
    for key in ("1001", "0042", "ADA@UNI", "lovelaceada", "Ada LOVELACE"):
        found = match(handed(Student(id=key)), students)
        assert found.handins[0].students == (ada,), key
        assert [each.id for each in found.missing] == ["1002"]
        assert found.unmatched == []
    by_name = match(handed(Student(id="77", name="vanrossumguido"), Student(id="anon_1")), students)
    assert [each.students[0].id for each in by_name.handins] == ["1002", "anon_1"]
    assert [each.id for each in by_name.unmatched] == ["anon_1"]
    assert [each.id for each in by_name.missing] == ["1001"]


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("ID;Name;E-Mail\n7;Ada;x\n", "utf-8-sig", Student(id="7", name="Ada")),
        (
            "Identifier,Full name,Email address\nTeilnehmer/in657693,Ada L,a@x\n",
            "utf-8",
            Student(id="657693", name="Ada L", email="a@x"),
        ),
        (
            "First Name,Last Name,SID,Email\nAda,Lovelace,0042,a@x\n",
            "utf-8",
            Student(id="0042", name="Ada Lovelace", email="a@x"),
        ),
        ("ID,Name\ns017,Ada L\n", "utf-8", Student(id="s017", name="Ada L")),
        ("ID,Name\nParticipant 17,Ada L\n", "utf-8", Student(id="17", name="Ada L")),
        ("github_username\tname\nada-l\tAda\n", "utf-16", Student(id="ada-l", name="Ada", login="ada-l")),
        ("Surname,First name\nLovelace,Ada\n\n,\n", "utf-8", Student(id="Ada Lovelace", name="Ada Lovelace")),
    ],
    ids=["semicolons", "moodle", "gradescope", "a login", "moodle in English", "github", "names"],
)
def test_headers_of_rosters(tmp_path: Path, text: str, encoding: str, expected: Student) -> None:
    assert [each.student for each in read_roster(roster(tmp_path / "r.csv", text, encoding))] == [expected]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "r.csv:1: no column of this header is known; name at least one of id, name"),
        ("section\nA\n", "r.csv:1: no column"),
        ("id\n", "r.csv:1: no student is listed."),
        ("id,name\n7,a\n8,b\n7,c\n", "r.csv:4: '7' stands in line 2 already; remove one."),
        ('id,name\n7,"a\n', "r.csv:2: not valid CSV: "),
        ("id\n\udcff\n", "r.csv:2: not UTF-8; "),
    ],
)
def test_what_is_wrong_with_a_roster(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as error:
        read_roster(path)
    assert sentence in str(error.value)
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_roster(tmp_path / "missing.csv")


def test_numbers_that_are_the_same_by_chance(tmp_path: Path) -> None:
    students = read_roster(roster(tmp_path / "r.csv", "sid,name\n1001,Bob Hope\n1002,Ada Lovelace\n"))
    found = match(handed(Student(id="1001", name="lovelaceada")), students)
    assert found.handins[0].students[0].id == "1002"
    with pytest.raises(UsageError, match="'1001' is that of another student"):
        match(handed(Student(id="1001", name="turingalan")), students)


def test_names_that_several_have_match_nobody(tmp_path: Path) -> None:
    students = read_roster(roster(tmp_path / "r.csv", "id,name\n1,Jo Doe\n2,Doe Jo\n3,Zoë Ähn\n"))
    found = match(handed(Student(id="x", name="doejo"), Student(id="y", name="AHN zoe")), students)
    assert [each.students[0].id for each in found.handins] == ["x", "3"]
    assert [each.id for each in found.unmatched] == ["x"]


def test_one_student_under_two_numbers(tmp_path: Path) -> None:
    students = read_roster(roster(tmp_path / "r.csv", "id,name\n1,Ada Lovelace\n"))
    twice = handed(Student(id="55", name="Ada Lovelace"), Student(id="66", name="Ada Lovelace"))
    assert [each.students[0].id for each in match(twice, students).handins] == ["1"]
    different = Found("x", [twice.handins[0], Handin(twice.handins[1].students, "rope", "exercise", "b", lambda: b"")])
    with pytest.raises(UsageError, match="nothing tells which is newer"):
        match(different, students)
