"""A grade as a list of tests, whatever was graded: what formats for autograders consist of."""

from collections.abc import Iterator

from msgspec import Struct

from grader.base.result import Failure, Frame, Outcome, Raised, Result, TestResult
from grader.base.text import clean, clean_line
from grader.quiz.result import QuestionResult, QuizResult
from grader.show.explanation import not_graded_pieces
from grader.show.failure import GRADER_FAULT, OUTCOME_NAMES, explain_failure
from grader.show.layout import Piece, display_struct, lay_out, paint
from grader.show.terminal import DOCUMENT
from grader.teach.formats.anonymous import anonymous
from grader.teach.gradebook.model import Grade

PAGE = DOCUMENT
STOPPED = {  # the code did not come to an answer, or nothing is known about it
    Outcome.UNREADABLE,
    Outcome.SYNTAX_ERROR,
    Outcome.IMPORT_ERROR,
    Outcome.TIMEOUT,
    Outcome.RECURSION,
    Outcome.MEMORY,
    Outcome.EXITED,
    Outcome.CRASHED,
    Outcome.FORBIDDEN,
    Outcome.TAMPERED,
    Outcome.ERROR,
}


class Case(Struct, frozen=True, kw_only=True):
    """One test, one question of a quiz, or a submission that could not be tested. No text of it can hide anything."""

    id: str  # distinct within the item
    name: str
    description: str
    public: bool  # the student can read the test
    outcome: Outcome
    points: float
    max_points: float
    seconds: float
    message: str = ""  # one line; nothing for what passed
    text: str = ""  # the explanation as it stands on a terminal
    line: int | None = None  # of the student's file

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASSED


def cases(grade: Grade, *, explained: bool = True) -> Iterator[Case]:
    """The cases of a grade, at least one. Their points are the measured ones.

    Unless `explained`, `text` stays empty, which saves most of the time.
    """
    if grade.result is None:
        error = clean_line(grade.error or OUTCOME_NAMES[grade.outcome])
        yield _whole(grade, Outcome.ERROR, f"{GRADER_FAULT} {error}", f"{GRADER_FAULT}\n{error}")
    elif isinstance(grade.result, QuizResult):
        for question in grade.result.questions:
            yield _question(question, grade.result)
    elif grade.result.tests:
        result = display_struct(anonymous(grade.result), True)
        for test in result.tests:
            yield _test(test, result, explained)
    else:
        result = display_struct(anonymous(grade.result), True)
        message = _one_line(result.message or "") or _words(result.outcome)
        text = (explained and _painted(not_graded_pieces(result, PAGE))) or message
        line = _line(result.exception, None, result)
        yield _whole(grade, result.outcome, message, text, result.seconds, line)


def _whole(
    grade: Grade, outcome: Outcome, message: str, text: str, seconds: float = 0.0, line: int | None = None
) -> Case:
    return Case(
        id="submission",
        name="submission",
        description="the submission can be tested",
        public=True,
        outcome=outcome,
        points=0.0,
        max_points=grade.item.max_score,
        seconds=seconds,
        message=message,
        text=text,
        line=line,
    )


def _test(test: TestResult, result: Result, explained: bool) -> Case:
    message = text = ""
    line = None
    if test.outcome is Outcome.SKIPPED:
        needs = f": it needs {', '.join(test.needs)} to pass" if test.needs else ""
        message = text = f"Not run{needs}."
    elif test.outcome is not Outcome.PASSED:
        failure = test.failure or Failure(_words(test.outcome))
        message = _one_line(failure.message) or _words(test.outcome)
        if explained:
            text = _painted(explain_failure(test, result, PAGE))
        line = _line(failure.exception, failure.samples.frame if failure.samples else None, result)
    return Case(
        id=test.id,
        name=test.name,
        description=test.description,
        public=test.visibility == "public",
        outcome=test.outcome,
        points=test.points,
        max_points=test.max_points,
        seconds=test.seconds,
        message=message,
        text=text,
        line=line,
    )


def _question(question: QuestionResult, quiz: QuizResult) -> Case:
    worth = quiz.max_score / len(quiz.questions)
    message = ""
    if question.answer is None:
        message = "Not answered."
    elif question.score < 1:
        message = f"{question.score:.0%} of this question. Your answer: {clean_line(question.answer)}"
    return Case(
        id=question.id,
        name=question.id,
        description=clean_line(question.section),
        public=True,
        outcome=Outcome.PASSED if question.score >= 1 else Outcome.FAILED,
        points=question.score * worth,
        max_points=worth,
        seconds=question.seconds,
        message=message,
        text=message,
    )


def _words(outcome: Outcome) -> str:
    return f"{OUTCOME_NAMES[outcome][0].upper()}{OUTCOME_NAMES[outcome][1:]}."


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _painted(pieces: list[Piece]) -> str:
    text = "\n".join(paint(line, PAGE.width, color=False) for line in lay_out(pieces, PAGE))
    return clean(text).strip("\n")


def _line(raised: Raised | None, seen: Frame | None, result: Result) -> int | None:
    """The line of the student's file at which the code stopped, if it is one of that file."""
    frame = raised.frames[-1] if raised and raised.frames else seen
    return frame.line if frame and frame.file == result.file else None
