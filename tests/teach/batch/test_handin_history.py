"""Tests of the history: a version is graded with what its student had handed in by then."""

from datetime import UTC, datetime

import pytest

from grader.teach.batch.handin_history import HandinHistory
from grader.teach.handins.handin import Handin, Student
from tests.three_exercises import BASE, HIGH, TOP, WRONG_BASE

ADA = Student(id="ada")


def at(hour: int | None) -> datetime | None:
    return None if hour is None else datetime(2026, 1, 1, hour, tzinfo=UTC)


def handed(item: str, hour: int | None, text: str, version: int = 1) -> Handin:
    time = at(hour)
    return Handin((ADA,), item, "exercise", f"{item}.py", text.encode, time, version=version)


def states(handin: Handin, *others: Handin) -> list[tuple[datetime | None, dict[str, str], dict[str, str]]]:
    """Return the times of a hand-in's versions, and the imports at each."""
    of_all = HandinHistory([handin, *others], ["base", "top", "high"])
    text = handin.read().decode()
    found = [(time, of_all.imports(handin, text, time)) for time in of_all.times(handin)]
    return [(time, imports.texts, imports.absent) for time, imports in found]


def test_imports_files_as_old_as_the_version() -> None:
    bases = handed("base", 1, WRONG_BASE), handed("base", 3, BASE, 2)
    assert states(handed("top", 2, TOP), *bases) == [
        (at(2), {"base": WRONG_BASE}, {}),
        (at(3), {"base": BASE}, {}),  # that is another version of it
    ]
    assert states(handed("top", 3, TOP), *bases) == [(at(3), {"base": BASE}, {})]


def test_imports_files_handed_in_later() -> None:
    found = states(handed("top", 1, TOP), handed("base", 3, BASE))
    assert found == [
        (at(1), {}, {"base": "that exercise was not handed in until later."}),
        (at(3), {"base": BASE}, {}),
    ]
    assert states(handed("top", 1, TOP)) == [(at(1), {}, {"base": "that exercise was not handed in."})]


def test_a_version_ends_with_the_next_one() -> None:
    first, second = handed("top", 1, TOP), handed("top", 3, f"{TOP}\n", 2)
    bases = handed("base", 1, WRONG_BASE), handed("base", 3, BASE, 2), handed("base", 4, f"{BASE}#", 3)
    assert [time for time, _, _ in states(first, second, *bases)] == [at(1)]
    assert [time for time, _, _ in states(second, first, *bases)] == [at(3), at(4)]


def test_includes_indirect_imports() -> None:
    found = states(handed("high", 1, HIGH), handed("top", 1, TOP), handed("base", 2, BASE))
    assert [(time, sorted(texts)) for time, texts, _ in found] == [(at(1), ["top"]), (at(2), ["base", "top"])]


@pytest.mark.parametrize(("text", "hour"), [("x = 1\n", 1), (TOP, None)], ids=["imports nothing", "no times"])
def test_has_one_state_without_imports_or_times(text: str, hour: int | None) -> None:
    found = states(handed("top", hour, text), handed("base", 2, WRONG_BASE), handed("base", 3, BASE, 2))
    assert [time for time, _, _ in found] == [at(hour)]
    assert found[0][1] == ({} if hour else {"base": BASE})
