"""Progress survives damage of its file."""

from pathlib import Path

import pytest

from grader.course.progress import FILE, Graded, HintShown, Progress
from grader.course.workspace.progress_folder import FOLDER
from tests.passed import record


def test_progress_survives_a_torn_line_and_other_versions(tmp_path: Path) -> None:
    record(tmp_path, "alpha", 2)
    file = tmp_path / FOLDER / FILE
    with file.open("ab") as raw:
        raw.write(b'{"event":"quiz_taken","quiz":"moe"}\n\xff\n[]\n')
        raw.write(b'{"event":"graded","more":' + b"[" * 99999 + b'\n{"event":"graded","exer')
    record(tmp_path, "alpha", 3)
    progress = Progress.load(tmp_path)
    assert [e.score for e in progress.events if isinstance(e, Graded)] == [2, 3]
    assert (progress.best("alpha"), progress.state("alpha"), progress.state("beta")) == (
        0.75,
        "failed",
        "not started",
    )
    assert file.read_bytes().count(b"quiz_taken") == 1


def test_progress_that_cannot_be_written_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / FOLDER).touch()  # a file where the folder should be: root could write into any folder
    progress = Progress.load(tmp_path)
    progress.record(HintShown(exercise="alpha", number=1))
    progress.record(HintShown(exercise="alpha", number=2))
    assert progress.hints_shown("alpha") == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("warning: progress is not ")
    assert captured.err.count("\n") == 1
