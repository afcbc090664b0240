"""docs/troubleshooting.md: its messages are those that the program prints."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from grader.base.errors import UsageError
from grader.base.result import Outcome
from grader.engine.sandbox import confine
from grader.show.status import describe_ending
from grader.teach.batch import host
from tests.command_line import error, run
from tests.course.workspace.installation import install, release
from tests.docs.documents import read, rows
from tests.paths import ROOT
from tests.teach.gradebook.builders import result
from tests.three_exercises import three_exercises

SECTIONS = read("docs/troubleshooting.md").split("\n## ")[1:]
MESSAGES = [cells[0].strip("`") for section in SECTIONS for cells in rows(section, "message")]


def command_not_found(tmp_path: Path, patch: pytest.MonkeyPatch) -> str:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash says it, which is not installed")
    done = subprocess.run(
        [bash, "-c", "grade"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    return re.sub(r"^.*: line 1: ", "", done.stderr.strip())


def outside_of_a_course(tmp_path: Path, patch: pytest.MonkeyPatch) -> str:
    return f"error: {error('list')}".replace(str(tmp_path), "/home/ada")


def outdated_workspace(tmp_path: Path, patch: pytest.MonkeyPatch) -> str:
    course = install(tmp_path, patch)
    release(course, "0.1.0", patch)
    assert run("init", "mine").exit_code == 0
    release(course, "0.2.0", patch)
    patch.chdir(tmp_path / "mine")
    return f"error: {error('list')}"


def not_started(tmp_path: Path, patch: pytest.MonkeyPatch) -> str:
    patch.chdir(three_exercises(tmp_path / "course"))
    shown = run("exercise", "base").stdout
    (line,) = [line.strip() for line in shown.splitlines() if "not started" in line]
    return re.sub(r":\d+$", ":17", line.replace("base", "causal_mask"))


def blocked(tmp_path: Path, patch: pytest.MonkeyPatch) -> str:
    file = "exercises/attention_masks/attention_masks.py"
    ended = replace(result(), outcome=Outcome.BLOCKED, blocked_by="causal_mask", file=file)
    return f"○ {'   '.join(describe_ending(ended))}"


def no_submissions(tmp_path: Path, patch: pytest.MonkeyPatch) -> str:
    (tmp_path / "downloads").mkdir()
    return f"error: {error('--course', str(ROOT), 'batch', 'downloads')}"


def unconfined(tmp_path: Path, patch: pytest.MonkeyPatch) -> str:
    return f"error: {host._UNCONFINED}"


def solved_stub(tmp_path: Path, patch: pytest.MonkeyPatch) -> str:
    patch.chdir(three_exercises(tmp_path / "course"))
    Path("exercises/base/base.py").write_text("def double(x):\n    return 2 * x\n", "utf-8")
    return f"error: {error('release', '--out', 'week')}".replace("base", "causal_mask")


def readable_course(tmp_path: Path, patch: pytest.MonkeyPatch) -> str:
    library = Path("/opt/venv/lib/python3.12")
    patch.setattr(confine, "_readable_folders", lambda: [library])
    with pytest.raises(UsageError) as raised:
        confine._refuse_readable([library / "site-packages/course"])
    return f"error: {raised.value}"


PROVOKED = (
    *(command_not_found, outside_of_a_course, outdated_workspace, not_started, blocked),
    *(no_submissions, unconfined, solved_stub, readable_course),
)
WORDS = {  # of messages that need a judge: the file that has them
    ("Stopped after ", "; the reference takes "): "engine/judge/session.py",
    ("Not available here: ", " not installed", "To run this test: "): "engine/judge/plugin.py",
    ("Tests of ", " need ", "and scores without them would not compare; run "): "engine/judge/collect.py",
    ("passes every test.",): "author/check/exercises.py",
    ("is diagnosed as ",): "author/check/exercises.py",
    ("this line is ", ", but the code prints "): "author/check/outputs.py",
}


@pytest.mark.parametrize("provoke", PROVOKED, ids=lambda each: each.__name__)
def test_the_page_has_the_message_that_is_printed(
    provoke: Callable[[Path, pytest.MonkeyPatch], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert provoke(tmp_path, monkeypatch) in MESSAGES


@pytest.mark.parametrize(("words", "file"), WORDS.items(), ids=lambda each: str(each[0]))
def test_the_words_of_other_messages_are_in_the_code(words: tuple[str, ...], file: str) -> None:
    source = read(f"grader/{file}")
    assert [each for each in words if each not in source] == []
    assert len([message for message in MESSAGES if all(each in message for each in words)]) == 1


def test_no_message_is_untested() -> None:
    assert len(MESSAGES) == 15
    in_code = [message for message in MESSAGES if any(all(each in message for each in words) for words in WORDS)]
    assert len(in_code) + len(PROVOKED) == len(MESSAGES)
