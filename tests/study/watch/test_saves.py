"""Files that are saved are told, however they are written."""

import os
from pathlib import Path
from queue import SimpleQueue

from grader.study.watch.saves import Saves


def test_a_file_that_is_written_or_replaced(tmp_path: Path) -> None:
    told: SimpleQueue[set[Path]] = SimpleQueue()
    file = tmp_path / "exercises" / "mine.py"
    file.parent.mkdir()
    with Saves([file.parent, tmp_path / "not there"], told.put):
        file.write_text("1")
        assert file in told.get(timeout=600)
        other = file.with_name("mine.py.new")
        other.write_text("2")
        os.replace(other, file)
        while file not in told.get(timeout=600):
            pass
