"""Where a student stopped: at a test of an exercise, or under a heading of a part."""

import re
from pathlib import Path

from grader.course.lesson.files import PartFile
from grader.course.model import Exercise
from grader.course.progress import HintShown, Progress
from grader.study.reader.order import Step

_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def where_stopped(root: Path, step: Step, progress: Progress) -> str:
    """Return where the student stopped in a step of the course at `root`; "" if they have not begun it."""
    return _in_exercise(step, progress) if isinstance(step, Exercise) else _in_part(root, step, progress)


def _in_exercise(exercise: Exercise, progress: Progress) -> str:
    tries = progress.attempts(exercise.id)
    last = tries[-1] if tries else None
    if last is None or last.failing_test is None or last.failing_place is None:
        return ""
    test = last.failing_test.removeprefix("test_").replace("_", " ")
    where = f"you were at {test}, test {last.failing_place} of {last.test_count}"
    hints = {(e.topic, e.number) for e in progress.events if isinstance(e, HintShown) and e.exercise == exercise.id}
    return f"{where}, {len(hints)} hint{'' if len(hints) == 1 else 's'} used" if hints else where


def _in_part(root: Path, file: PartFile, progress: Progress) -> str:
    place = progress.part_place(file.lesson_slug, file.slug)
    if not place:
        return ""
    from grader.course.lesson.load import load_part
    from grader.course.lesson.model import Prose

    blocks = load_part(root, file).blocks
    before = [each for block in blocks[:place] if isinstance(block, Prose) for each in _HEADING.findall(block.text)]
    block = blocks[min(place, len(blocks) - 1)]  # the part may have become shorter
    here = _HEADING.findall(block.text)[:1] if isinstance(block, Prose) else []
    under = [*before, *here]
    return f"you stopped under “{under[-1].replace('`', '')}”" if under else ""
