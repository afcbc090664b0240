"""A test does not run again for a submission that answers as an earlier one did, and its result is the same."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grader.base.result import Outcome, Result
from grader.course import load_course
from grader.engine.judge.diagnosis.evidence import RecordedTest
from grader.engine.judge.known_runs import MAX_RUNS, MAX_SIZE, KnownRun, KnownRuns
from grader.engine.judge.materials import materials
from grader.engine.judge.messages import Job
from grader.engine.judge.session import LogEntry
from grader.engine.pool.client import Judges
from grader.engine.sandbox import wire
from grader.engine.sandbox.proxy import Question
from tests.paths import copy_toolbox

# The judge may write files: a line for each time that the test runs, and what differs from run to run.
HIDDEN = '''
import itertools
from pathlib import Path

from grader.testing import assert_equal, points

RAN = Path({path!r})
ITEMS = itertools.count()


@points(4)
def test_pick(submission):
    """three items"""
    with RAN.open("a") as ran:
        ran.write("x")
    assert_equal(submission.pick([11, 22, 33], 0), 11)
    for place in range(1, 3):
        assert_equal(submission.pick([11, 22, 33], place), 11 * (place + 1))
    assert not hasattr(submission, "cheat")


@points(8)
def test_merge(submission):
    """another item each time"""
    item = next(ITEMS)
    assert_equal(submission.pick([item], 0), item)
'''
RIGHT = "def pick(items, place):\n    print(place)\n    return items[place]\n"


class Course:
    """Grades submissions in one judge, and counts how often test_pick ran."""

    def __init__(self, folder: Path):
        self._ran = folder / "ran"
        self.root = copy_toolbox(folder / "course")
        (self.root / "solutions/toolbox/test_hidden.py").write_text(HIDDEN.format(path=str(self._ran)))
        (self.root / "exercises/toolbox/test_public.py").write_text("")
        exercise = self.root / "exercises/toolbox/exercise.yaml"
        exercise.write_text(exercise.read_text().replace("points: 31", "points: 12"))

    def grade(self, *sources: str) -> list[Result]:
        course = load_course(self.root)
        with Judges() as judges:
            shown = msgspec.structs.replace(materials(course, course.exercise("toolbox")), show_hidden_output=True)
            judges.prepare([shown], forbidden=[self.root])
            jobs = [
                Job(i, "toolbox", "toolbox.py", source, "0" * 64, seed=0, seconds=1.0)
                for i, source in enumerate(sources)
            ]
            return [result for _, result in judges.grade(jobs)]

    @property
    def runs(self) -> int:
        return self._ran.stat().st_size


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path)


def of(result: Result, test: str = "test_pick") -> Any:
    return next(each for each in result.tests if each.id == test)


def test_a_test_does_not_run_again_for_the_same_answers(course: Course) -> None:
    other = "def pick(items, place):\n    print('so', place)\n    return list(items).__getitem__(place)\n"
    first, second, third = course.grade(RIGHT, RIGHT, other)
    assert course.runs == 1
    assert [of(each).points for each in (first, second, third)] == [4, 4, 4]
    assert of(second).output == of(first).output
    assert of(third).output.text == "so 0\nso 1\nso 2\n"  # it was asked, once


@pytest.mark.parametrize(("at", "printed"), [(0, "0\n"), (1, "0\n1\n"), (2, "0\n1\n2\n")])
def test_another_answer_fails_as_it_does_alone_and_is_asked_for_once(at: int, printed: str, course: Course) -> None:
    wrong = RIGHT.replace("items[place]", f"items[place] + (place == {at})")
    _, second = course.grade(RIGHT, wrong)
    assert course.runs == 2
    (alone,) = course.grade(wrong)
    assert of(second).outcome is Outcome.WRONG_VALUES
    assert of(second).failure == of(alone).failure
    assert of(second).output.text == of(alone).output.text == printed


def test_a_test_does_not_fail_again_for_the_same_answers(course: Course) -> None:
    wrong = RIGHT.replace("items[place]", "items[place] + place")
    first, second, right = course.grade(wrong, f"# the same\n{wrong}", RIGHT)
    assert course.runs == 2
    assert of(first).failure.message == "What pick returns is 23, expected 22."
    assert (of(second).outcome, of(second).points) == (Outcome.WRONG_VALUES, 0)
    assert of(second).failure == of(first).failure
    assert second.diagnoses == first.diagnoses
    assert of(right).points == 4


@pytest.mark.parametrize(
    ("what", "outcome"),
    [("max(iter(int, 1))", "timeout"), ("__import__('os')._exit(3)", "exited"), ("raise KeyError(place)", "exception")],
)
def test_a_call_without_an_answer_ends_the_test_as_it_does_alone(what: str, outcome: str, course: Course) -> None:
    wrong = f"def pick(items, place):\n    if place == 1: {what}\n    return items[place]\n"
    _, second = course.grade(RIGHT, wrong)
    (alone,) = course.grade(wrong)
    assert of(second).outcome == of(alone).outcome == outcome
    messages = [re.sub(r"\d+ ms", "some ms", of(each).failure.message) for each in (second, alone)]
    assert messages[0] == messages[1]


def test_a_name_that_the_test_looks_up_makes_another_run(course: Course) -> None:
    _, missing, cheats = course.grade(RIGHT, "def pack(items, place): pass\n", f"{RIGHT}\ncheat = 1\n")
    assert of(missing).outcome is Outcome.MISSING_NAME
    assert not of(cheats).points
    assert course.runs == 3


def test_a_test_that_asks_something_else_each_time_is_at_fault(course: Course) -> None:
    first, second = course.grade(RIGHT, RIGHT.replace("items[place]", "items[place] + (len(items) == 1)"))
    assert of(first, "test_merge").points == 8
    assert second.is_faulty
    assert of(second, "test_merge").failure.message == (
        "The test does not call pick as it did before, with the same seed and the same answers. "
        "Take random inputs from the fixture rng."
    )


def entries(size: int) -> Iterator[LogEntry]:
    reply = wire.Returned(1, None, [], [], None, False)
    request = wire.Get(1, 0, "a", wire.Context(True, "float32", None, [], [], []))
    for _ in itertools.count():
        yield LogEntry(Question("a"), request, b"", reply, b"", bytes(size), weight=size)


def run(seed: int, *log: LogEntry) -> KnownRun:
    return KnownRun({}, log, RecordedTest("test", log, seed, failed=False), Outcome.PASSED, None)


def test_few_and_small_runs_are_kept() -> None:
    kept = KnownRuns()
    small = entries(1)
    for _ in range(MAX_RUNS + 1):
        kept.add(run(1, next(small)))
    assert len(kept.of_test(1)) == MAX_RUNS
    kept.add(run(2, next(entries(MAX_SIZE + 1))))
    kept.add(run(3))  # nothing was asked
    cut = next(small)
    cut.reply_blob = None
    kept.add(run(4, cut))
    assert not any(kept.of_test(seed) for seed in (2, 3, 4))


def test_all_runs_together_are_bounded() -> None:
    kept = KnownRuns()
    large = entries(MAX_SIZE)
    for seed in range(40):
        kept.add(run(seed, next(large)))
    assert 0 < sum(bool(kept.of_test(seed)) for seed in range(40)) <= 32
    assert kept.of_test(39)
