"""Saved files are reported, whether they are written or replaced."""

import os
from pathlib import Path
from queue import SimpleQueue

from grader.study.watch.saves import SaveWatcher


def test_reports_a_written_and_a_replaced_file(tmp_path: Path) -> None:
    saved: SimpleQueue[set[Path]] = SimpleQueue()
    file = tmp_path / "exercises" / "mine.py"
    file.parent.mkdir()
    with SaveWatcher([file.parent, tmp_path / "not there"], saved.put):
        file.write_text("1")
        assert file in saved.get(timeout=600)
        other = file.with_name("mine.py.new")
        other.write_text("2")
        os.replace(other, file)
        while file not in saved.get(timeout=600):
            pass
