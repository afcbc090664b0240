"""Why a submission failed: its first failing test, or the reason why no test could run."""

from collections.abc import Sequence
from typing import NamedTuple

from grader.base.result import Outcome, Result, TestResult
from grader.show import crash
from grader.show.failure import GRADER_FAULT, explain_failure, last_line, printed_lines, repeats_exception
from grader.show.layout import (
    BLANK,
    Line,
    Page,
    Piece,
    as_paragraph,
    join_blocks,
    lay_out,
    line,
    reflow,
    rule,
    with_label,
)
from grader.show.status import blocking_tests


class ExplanationSection(NamedTuple):
    """The part of an explanation about one test, or about the submission."""

    test: TestResult | None
    pieces: list[Piece]


def explanation_lines(result: Result, page: Page) -> list[Line]:
    """Return the explanation of the first failing test, or of all on a full page, then the tests not run."""
    return join_blocks(*(_lines(section, page) for section in sections(result, page)))


def _lines(section: ExplanationSection, page: Page) -> list[Line]:
    lines = lay_out(section.pieces, page)
    if section.test is None:
        return lines
    return [rule(section.test.name, page), *(() if page.tight else (BLANK,)), *lines]


def sections(result: Result, page: Page) -> list[ExplanationSection]:
    """Return the parts of the explanation, each with the test that it is about."""
    if result.outcome is not Outcome.GRADED:
        return [ExplanationSection(None, not_graded_pieces(result, page))]
    explained = _explained(result, page)
    others = [] if page.only or page.tight > 1 else _also_wrong(result, explained)
    around = join_blocks(
        *map(as_paragraph, others),
        as_paragraph(skipped_sentence(result.tests), indent=2) if not _is_said_above(result, page) else (),
        *(as_paragraph(sentence, indent=2) for sentence in unavailable_reasons(result.tests)),
    )
    before = printed_lines(result.output, page) if page.full or not explained else ()
    if not explained:
        before = join_blocks(before, _printed_in_tests(result.tests, page))
    return [
        ExplanationSection(None, [*before]),
        *(ExplanationSection(test, explain_failure(test, result, page)) for test in explained),
        ExplanationSection(None, around),
    ]


def _printed_in_tests(tests: Sequence[TestResult], page: Page) -> list[Line]:
    """Return what the code printed in the test that the page is about, or how much it printed in all tests."""
    printed = [test.output for test in tests if test.output and page.only in (None, test.id)]
    if page.only or not printed:
        return [row for output in printed for row in printed_lines(output, page)]
    count = sum(len(output.text.splitlines()) for output in printed)
    more = "more than " if any(output.dropped for output in printed) else ""
    lines = f"{more}{count} line{'' if count == 1 else 's'}"
    where = f"{len(printed)} test{'' if len(printed) == 1 else 's'}"
    return with_label("printed", [line(f"{lines} in {where}")])


def _explained(result: Result, page: Page) -> Sequence[TestResult]:
    if page.only:
        return [test for test in result.tests if test.id == page.only and test.is_failing]
    if page.every or result.main_failure is None:
        return result.relevant_failures
    return [result.main_failure]


def _is_said_above(result: Result, page: Page) -> bool:
    """Return whether the list of tests already says why tests were skipped, or the page leaves it out."""
    skipped = sum(test.outcome is Outcome.SKIPPED for test in result.tests)
    return page.only is not None or page.tight > 0 or (page.fold > 0 and skipped > 1)


def _also_wrong(result: Result, explained: Sequence[TestResult]) -> list[str]:
    """Return what is wrong in tests that are not explained here, so that it can be fixed in the same edit."""
    names = {test.id: test.name for test in result.tests if test not in explained}
    found = [each for each in result.diagnoses if each.test in names]
    if found:
        return [f"Also, in {names[found[0].test]}: {reflow(found[0].advice)}"]
    return [*_other_lines(result, explained), *_other_signs(result, explained)]


def _other_signs(result: Result, explained: Sequence[TestResult]) -> list[str]:
    """Return an observation from another test, if no cause of the explained one is known."""
    if result.diagnoses or any(t.failure and (t.failure.near_miss or t.failure.exception) for t in explained):
        return []
    others = [t for t in result.relevant_failures if t not in explained and t.failure and t.failure.near_miss]
    return [f"Also, in {t.name}: {t.failure.near_miss}" for t in others[:1] if t.failure]


def _other_lines(result: Result, explained: Sequence[TestResult]) -> list[str]:
    """Return up to two other lines of the code that raise, so that several crashes cost a single run."""
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


def unavailable_reasons(tests: Sequence[TestResult]) -> list[str]:
    """Return why tests are unavailable here, each reason once."""
    return list(dict.fromkeys(t.failure.message for t in tests if t.outcome is Outcome.UNAVAILABLE and t.failure))


def not_graded_pieces(result: Result, page: Page) -> list[Piece]:
    """Return why the submission as a whole could not be tested."""
    message = result.message or ""
    return join_blocks(
        as_paragraph(GRADER_FAULT) if result.outcome is Outcome.ERROR else (),
        as_paragraph(message) if not repeats_exception(message, result.exception) else (),
        crash.exception_pieces(result.exception, page, placed=len(result.exception.frames) == 1)
        if result.exception
        else (),
        printed_lines(result.output, page),
    )


def skipped_sentence(tests: Sequence[TestResult]) -> str:
    """Return a sentence about the skipped tests: what they need, and which is next; empty if none was skipped."""
    skipped = [t for t in tests if t.outcome is Outcome.SKIPPED]
    if not skipped:
        return ""
    blocking = blocking_tests(tests)
    others = "other " if len(skipped) == len(tests) - 1 else ""
    one = len(skipped) == 1
    subject = f"The {others}{'' if one else f'{len(skipped)} '}test{'' if one else 's'}"
    if not others:
        subject = "1 test" if one else f"{len(skipped)} tests"
    reason = f"need{'s' if one else ''} {' and '.join(blocking)} to pass and " if blocking else ""
    following = f"; {'it is' if one else f'{skipped[0].name} is'} next" if blocking else ""
    return f"{subject} {reason}{'was' if one else 'were'} not run{following}."
