"""Why a submission failed: the first failing test, or why there was nothing to test."""

from collections.abc import Sequence

from grader.report import crash
from grader.report.failure import FAULT, explain, printed, repeats
from grader.report.layout import Line, Page, paragraphs, prose, reflow
from grader.result import Outcome, Result, TestResult


def explanation(result: Result, page: Page) -> list[Line]:
    """The first telling test explained, on a full page all of them; then which tests were not run."""
    if result.outcome is not Outcome.GRADED:
        return not_graded(result, page)
    first = result.explained
    explained = result.telling if page.full or first is None else (first,)
    return paragraphs(
        printed(result.output, page) if page.full or first is None else (),
        *(explain(t, result, page) for t in explained),
        *(prose(sentence, page) for sentence in _elsewhere(result, explained)),
        prose(not_run(result.tests), page, indent=2),
        *(prose(sentence, page, indent=2) for sentence in not_available(result.tests)),
    )


def _elsewhere(result: Result, explained: Sequence[TestResult]) -> list[str]:
    """What is wrong beside that, in tests that are not explained here: one mistake is mended sooner than seen."""
    names = {test.id: test.name for test in result.tests if test not in explained}
    found = [each for each in result.diagnoses if each.test in names]
    return [f"Also, in {names[each.test]}: {reflow(each.advice)}" for each in found[:1]]


def not_available(tests: Sequence[TestResult]) -> list[str]:
    """Why tests are not counted here, each reason once."""
    return list(dict.fromkeys(t.failure.message for t in tests if t.outcome is Outcome.UNAVAILABLE and t.failure))


def not_graded(result: Result, page: Page) -> list[Line]:
    """Why the submission as a whole could not be tested."""
    message = result.message or ""
    return paragraphs(
        prose(FAULT, page) if result.outcome is Outcome.ERROR else (),
        prose(message, page) if not repeats(message, result.exception) else (),
        crash.exception(result.exception, page, placed=len(result.exception.frames) == 1)
        if result.exception
        else (),
        printed(result.output, page),
    )


def not_run(tests: Sequence[TestResult]) -> str:
    """A sentence on the skipped tests, naming the tests they wait for."""
    skipped = [t for t in tests if t.outcome is Outcome.SKIPPED]
    if not skipped:
        return ""
    wanted = {need for t in skipped for need in t.needs}
    blocking = [t.name for t in tests if t.id in wanted and t.failing]
    others = "other " if len(skipped) == len(tests) - 1 else ""
    one = len(skipped) == 1
    subject = f"The {others}{'' if one else f'{len(skipped)} '}test{'' if one else 's'}"
    if not others:
        subject = "1 test" if one else f"{len(skipped)} tests"
    reason = f"need{'s' if one else ''} {' and '.join(blocking)} to pass and " if blocking else ""
    return f"{subject} {reason}{'was' if one else 'were'} not run."
