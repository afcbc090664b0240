"""Why a submission failed: the first failing test, or why there was nothing to test."""

from collections.abc import Sequence
from typing import NamedTuple

from grader.base.result import Outcome, Result, TestResult
from grader.show import crash
from grader.show.failure import FAULT, explain, last_line, printed, repeats
from grader.show.layout import BLANK, Line, Page, Piece, laid_out, paragraphs, reflow, rule, told
from grader.show.status import waited_for


class Section(NamedTuple):
    """A part of an explanation: what is said of one test, or of the submission."""

    test: TestResult | None
    pieces: list[Piece]


def explanation(result: Result, page: Page) -> list[Line]:
    """The first telling test explained, on a full page all of them; then which tests were not run."""
    return paragraphs(*(_lines(section, page) for section in sections(result, page)))


def _lines(section: Section, page: Page) -> list[Line]:
    lines = laid_out(section.pieces, page)
    if section.test is None:
        return lines
    return [rule(section.test.name, page), *(() if page.tight else (BLANK,)), *lines]


def sections(result: Result, page: Page) -> list[Section]:
    """The parts of that, each with the test that it is about."""
    if result.outcome is not Outcome.GRADED:
        return [Section(None, not_graded(result, page))]
    explained = _explained(result, page)
    around = paragraphs(
        *([] if page.only or page.tight > 1 else [told(sentence) for sentence in _elsewhere(result, explained)]),
        told(not_run(result.tests), indent=2) if not _said_above(result, page) else (),
        *(told(sentence, indent=2) for sentence in not_available(result.tests)),
    )
    before = printed(result.output, page) if page.full or not explained else ()
    return [
        Section(None, [*before]),
        *(Section(test, explain(test, result, page)) for test in explained),
        Section(None, around),
    ]


def _explained(result: Result, page: Page) -> Sequence[TestResult]:
    if page.only:
        return [test for test in result.tests if test.id == page.only and test.is_failing]
    if page.every or result.main_failure is None:
        return result.relevant_failures
    return [result.main_failure]


def _said_above(result: Result, page: Page) -> bool:
    """Whether it is said already for what the tests wait that were not run, or need not be said."""
    skipped = sum(test.outcome is Outcome.SKIPPED for test in result.tests)
    return page.only is not None or page.tight > 0 or (page.fold > 0 and skipped > 1)


def _elsewhere(result: Result, explained: Sequence[TestResult]) -> list[str]:
    """What is wrong beside that, in tests that are not explained here: one mistake is mended sooner than seen."""
    names = {test.id: test.name for test in result.tests if test not in explained}
    found = [each for each in result.diagnoses if each.test in names]
    if found:
        return [f"Also, in {names[found[0].test]}: {reflow(found[0].advice)}"]
    return [*_other_lines(result, explained), *_other_signs(result, explained)]


def _other_signs(result: Result, explained: Sequence[TestResult]) -> list[str]:
    """Where nothing is known of why a test fails, what was seen of the result in another."""
    if result.diagnoses or any(t.failure and (t.failure.near_miss or t.failure.exception) for t in explained):
        return []
    others = [t for t in result.relevant_failures if t not in explained and t.failure and t.failure.near_miss]
    return [f"Also, in {t.name}: {t.failure.near_miss}" for t in others[:1] if t.failure]


def _other_lines(result: Result, explained: Sequence[TestResult]) -> list[str]:
    """Other lines of the code at which tests ended: several crashes in one function cost one run, not several."""
    seen = {last_line(test) for test in explained}
    said = []
    for test in result.relevant_failures:
        here = last_line(test)
        raised = test.failure.exception if test.failure else None
        if raised and here and here not in seen:
            seen.add(here)
            words = f": {raised.message}" if raised.message else ""
            said.append(f"Also, in {test.name}: line {here[1]} raises {raised.type}{words}")
    return said[:2]


def not_available(tests: Sequence[TestResult]) -> list[str]:
    """Why tests are not counted here, each reason once."""
    return list(dict.fromkeys(t.failure.message for t in tests if t.outcome is Outcome.UNAVAILABLE and t.failure))


def not_graded(result: Result, page: Page) -> list[Piece]:
    """Why the submission as a whole could not be tested."""
    message = result.message or ""
    return paragraphs(
        told(FAULT) if result.outcome is Outcome.ERROR else (),
        told(message) if not repeats(message, result.exception) else (),
        crash.exception(result.exception, page, placed=len(result.exception.frames) == 1) if result.exception else (),
        printed(result.output, page),
    )


def not_run(tests: Sequence[TestResult]) -> str:
    """A sentence on the skipped tests, naming the tests they wait for."""
    skipped = [t for t in tests if t.outcome is Outcome.SKIPPED]
    if not skipped:
        return ""
    blocking = waited_for(tests)
    others = "other " if len(skipped) == len(tests) - 1 else ""
    one = len(skipped) == 1
    subject = f"The {others}{'' if one else f'{len(skipped)} '}test{'' if one else 's'}"
    if not others:
        subject = "1 test" if one else f"{len(skipped)} tests"
    reason = f"need{'s' if one else ''} {' and '.join(blocking)} to pass and " if blocking else ""
    return f"{subject} {reason}{'was' if one else 'were'} not run."
