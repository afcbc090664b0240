"""A small gradebook in memory, with every outcome of submissions and every kind of hostile text."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from grader.base.result import (
    Axis,
    Call,
    Comparison,
    Diagnosis,
    Failure,
    Frame,
    Isolation,
    NamedValue,
    Outcome,
    Output,
    Raised,
    Result,
    ReturnedPart,
    Row,
    Samples,
    SourceLine,
    TestResult,
    Value,
    Versions,
)
from grader.quiz.result import QuestionResult, QuizResult
from grader.teach.gradebook.model import BatchRun, Grade, GradedFile, Item, Points
from grader.teach.handins.handin import Ignored, Student

MOE = Item(id="moe_router", kind="exercise", title="Top-k routing", lesson=3, max_score=4.0)
ROPE = Item(id="rope", kind="exercise", title="Rotary positions", lesson=4, max_score=3.0)
QUIZ = Item(id="mixture-of-experts", kind="quiz", title="Quiz: Mixture of Experts", lesson=3, max_score=3.0)
ITEMS = (MOE, QUIZ, ROPE)

HOSTILE = "=cmd()|'/c calc'!A0\n::error::forged%0A\x1b[31m</table>]]><script>alert(1)</script>`|**x**"
WORK = "import torch\n\n\ndef route(logits, k):\n    return logits.topk(k)  # </pre><script>alert(1)</script>\n"
TIME = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class MemoryBook:
    """A `Book` whose grades are in memory."""

    course: str
    run: BatchRun
    items: Sequence[Item]
    students: Sequence[Student]
    all_grades: Sequence[Grade]
    ignored: Sequence[Ignored] = ()

    @property
    def graded(self) -> Set[str]:
        return {grade.student.id for grade in self.all_grades}

    def work(self, handed: GradedFile) -> str | None:
        return WORK if handed.file.endswith(".py") else None

    def given(self, item: str) -> Sequence[str]:
        return ()

    def grades(self) -> Iterator[Grade]:
        order = {item.id: number for number, item in enumerate(self.items)}
        return iter(sorted(self.all_grades, key=lambda grade: (grade.student.id, order[grade.item.id])))


def run(**more: Any) -> BatchRun:
    fields: dict[str, Any] = {
        "id": 1,
        "started": TIME,
        "ended": TIME.replace(minute=34),
        "engine": "0.1.0+3f9a",
        "course": "Architectures",
        "layout": "folders",
        "graded": 12,
        "reused": 1,
        "errors": 2,
    }
    return BatchRun(**(fields | more))


def book(*grades: Grade, students: Sequence[Student] = (), **more: Any) -> MemoryBook:
    """Return a gradebook with these grades, and these students besides those who have grades."""
    all_students = {each.id: each for each in (*students, *(grade.student for grade in grades))}
    ordered = [all_students[key] for key in sorted(all_students)]
    fields: dict[str, Any] = {"course": "Architectures", "run": run(), "items": ITEMS} | more
    return MemoryBook(students=ordered, all_grades=grades, **fields)


def case(id: str, outcome: Outcome = Outcome.PASSED, points: float = 1.0, **more: Any) -> TestResult:  # noqa: A002
    fields: dict[str, Any] = {
        "name": id.removeprefix("test_").replace("_", " "),
        "description": f"what {id} is about",
        "visibility": "hidden",
        "max_points": points,
        "points": points if outcome is Outcome.PASSED else 0.0,
        "seconds": 0.0234,
    }
    return TestResult(id=id, outcome=outcome, **(fields | more))


def result(item: Item, *tests: TestResult, outcome: Outcome = Outcome.GRADED, **more: Any) -> Result:
    ran = outcome in (Outcome.GRADED, Outcome.IMPORT_ERROR)
    fields: dict[str, Any] = {
        "exercise": item.id,
        "file": f"{item.id}.py",
        "sha256": "5e" * 32,
        "outcome": outcome,
        "score": sum(test.points for test in tests),
        "max_score": item.max_score,
        "tests": tests,
        "hidden_tests": True,
        "isolation": Isolation("confined", landlock=7, seccomp=True, own_uid=True, start="fork")
        if ran
        else Isolation("none"),
        "versions": Versions("0.1.0", "3.11.7", "2.13.0+cpu" if ran else None),
        "seed": 0,
        "seconds": 0.21 if ran else 0.0,
    }
    return Result(**(fields | more))


def grade(
    student: Student,
    item: Item,
    of: Result | QuizResult | None,
    *,
    late: float = 0.0,
    adjustment: float = 0.0,
    reasons: tuple[str, ...] = (),
    **more: Any,
) -> Grade:
    outcome = of.outcome if isinstance(of, Result) else Outcome.GRADED if of else Outcome.ERROR
    points = of and Points(
        measured=of.score,
        late=late,
        adjustment=adjustment,
        final=max(0.0, of.score + late + adjustment),
        max=item.max_score,
        reasons=reasons,
    )
    handed = GradedFile(file=f"submissions/{student.id}/{item.id}.py", sha256="5e" * 32, time=TIME, late=late < 0)
    fields: dict[str, Any] = {
        "student": student,
        "item": item,
        "handed": handed,
        "outcome": outcome,
        "points": points,
        "result": of,
    }
    return Grade(**(fields | more))


def passed(item: Item) -> Result:
    """Return a result with full marks: a public test worth one point, and a hidden one worth the rest."""
    return result(
        item,
        case("test_shape", visibility="public"),
        case("test_values", points=item.max_score - 1),
    )


def wrong_values() -> Result:
    """Return a result with wrong numbers and a known mistake."""
    axes = (Axis(2, "T"), Axis(3, "E"))
    logits = NamedValue("logits", Value("tensor", axes, "float32"))
    weights = Value("tensor", (Axis(2, "T"), Axis(2, "k")), "float32")
    call = Call("route", (logits, NamedValue("k", Value("2"))), (ReturnedPart("weights", weights, weights, False),))
    row = Row((0,), 0, (0.644, 0.237), (0.731, 0.269), (True, True), worst=True)
    comparison = Comparison("weights", (Axis(2, "T"), Axis(2, "k")), (row,), 4, 4, 0.08719, 1e-05, 1e-04)
    failure = Failure("4 of 4 numbers of weights differ, by at most 0.08719.", call, comparison)
    return result(
        MOE,
        case("test_shape", visibility="public"),
        case("test_values", Outcome.WRONG_VALUES, 2.0, failure=failure, needs=("test_shape",)),
        case("test_gradient", Outcome.SKIPPED, needs=("test_values",)),
        diagnoses=(
            Diagnosis(
                "softmax_all",
                "The softmax ran over all E experts, and those you drop keep their share.",
                "route",
                "test_values",
                9,
            ),
        ),
    )


def frame(file: str, line: int, text: str) -> Frame:
    return Frame(file, line, "route", (SourceLine(line, text),), 4, 4 + len(text.strip()))


def timeout() -> Result:
    seen = Samples(5.0, 40, frame("moe_router.py", 7, "    while True: pass"))
    failure = Failure("route did not return within 5 s.", samples=seen)
    return result(
        MOE,
        case("test_shape", visibility="public"),
        case("test_values", Outcome.TIMEOUT, 3.0, failure=failure, seconds=5.0),
    )


def crash() -> Result:
    failure = Failure("The process of your code ended by signal 11 (segmentation fault).")
    return result(ROPE, case("test_values", Outcome.CRASHED, 3.0, failure=failure))


def syntax_error() -> Result:
    raised = Raised("SyntaxError", "'(' was never closed", (frame("rope.py", 3, "    return f(x"),))
    return result(ROPE, outcome=Outcome.SYNTAX_ERROR, message="'(' was never closed", exception=raised)


def not_started() -> Result:
    return result(MOE, outcome=Outcome.NOT_STARTED)


def hostile() -> Result:
    """Return a result with the student's own text in every possible field."""
    raised = Raised("Ev‮il", HOSTILE, (frame(f"x{HOSTILE}.py", 2, f"    raise Evil({HOSTILE!r})"),))
    failure = Failure(HOSTILE, exception=raised)
    return result(
        MOE,
        case("test_values", Outcome.EXCEPTION, 4.0, failure=failure, output=Output(HOSTILE + "\0\ufffe", dropped=3)),
        output=Output(HOSTILE),
    )


def quiz(*scores: float) -> QuizResult:
    return QuizResult(
        quiz=QUIZ.id,
        title=QUIZ.title,
        attempt=1,
        seed=None,
        finished=True,
        score=sum(scores),
        max_score=QUIZ.max_score,
        questions=tuple(
            QuestionResult(
                id=f"question-{number}",
                type="numeric",
                level="apply",
                section="Routing",
                score=score,
                answer=HOSTILE if number == 3 else "2",
                seconds=12.5,
            )
            for number, score in enumerate(scores, start=1)
        ),
    )


ADA = Student(id="ada", name="Ada Lovelace", email="ada@example.edu", login="alovelace")
BOB = Student(id="bob", name='Bob "Bobby" Tables, Jr.', email="bob@example.edu", login="btables")
EVIL = Student(id="=cmd()", name=HOSTILE, email="@evil", login="-1+1")
EMPTY = Student(id="gone", name="Nothing Handed In", email="gone@example.edu")
EMOJI = Student(id="42", name="Zoë 🦜 مرحبا بك", email="zoe@example.edu", login="zoe")
HANS = Student(id="hans", name="Hans\nMüller", email="hans@example.edu", login="hmueller")
OLENA = Student(id="Олена Ковальчук")


def sample_book() -> MemoryBook:
    """Return a gradebook with seven students, three items, and one of everything."""
    return book(
        grade(ADA, MOE, passed(MOE)),
        grade(ADA, QUIZ, quiz(1.0, 0.5, 1.0)),
        grade(ADA, ROPE, passed(ROPE), late=-0.3, reasons=("1 day late: 10 % of 3 points.",)),
        grade(BOB, MOE, wrong_values(), adjustment=0.5, reasons=("Adjusted: a test was unclear.",)),
        grade(BOB, ROPE, crash()),
        grade(EVIL, MOE, hostile(), reasons=(HOSTILE,)),
        grade(EVIL, QUIZ, quiz(0.0, 0.0, 0.0)),
        grade(EMOJI, MOE, timeout()),
        grade(EMOJI, ROPE, syntax_error()),
        grade(HANS, MOE, not_started()),
        grade(HANS, ROPE, passed(ROPE), error="The judge ended by signal 9."),  # the earlier score is kept
        grade(OLENA, MOE, None, error="The judge ended by signal 9."),  # and here there is none
        grade(OLENA, ROPE, passed(ROPE)),
        students=[EMPTY],
    )
