"""A generated gradebook of a class of any size. The same arguments give the same class."""

import hashlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

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
from grader.teach.gradebook.model import BatchRun, Book, Grade, GradedFile, Item, Points
from grader.teach.handins.handin import Ignored, Student

STARTED = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
FIRST = [
    "Ada", "Grace", "Alan", "Noor", "Олена", "Łukasz", "José", "Mei-Ling", "Ἑλένη", "Søren", "Zoë", "Björn",
    "Aoife", "Tomáš", "ليلى", "Ngọc", "D'Arcy", "Ana", "Kofi",
]  # fmt: skip
LAST = [
    "Lovelace", "Hopper", "Turing", "Haddad", "Шевченко", "Wiśniewski", "García", "Chen", "Παπαδοπούλου",
    "Kierkegaard", "O'Brien", "Nguyễn", "Mensah",
]  # fmt: skip
EXERCISES = {
    "causal_mask": "a mask that hides the future",
    "scaled_dot_product": "attention, stable at any scale",
    "multi_head_attention": "heads, and how they come together",
    "moe_router": "top-k routing with renormalised weights",
    "grouped_query_attention": "fewer keys than queries",
    "rope": "positions as rotations",
    "kv_cache": "decoding without computing twice",
    "selective_scan": "the recurrence of Mamba",
    "sampling": "top-k, top-p and temperature",
    "t5_relative_bias": "distances in buckets",
}
QUIZZES = {"mixture-of-experts": "Mixture of experts", "state-space-models": "State-space models"}
TESTS = {  # id: what it is about, and how hard
    "shape": ("the result has the right shape", 0.05),
    "example": ("equals the example of the statement", 0.12),
    "values": ("equals the reference on 40 random shapes", 0.2),
    "large": ("inputs a thousand times larger do not overflow", 0.45),
    "half": ("bfloat16 in and out, rounded once", 0.35),
    "gradient": ("gradcheck through all arguments", 0.25),
}
MISTAKES = {
    "softmax_all": "The softmax ran over all E experts, and those you drop keep their share of the probability: the k\n"
    "weights of a token no longer sum to 1. Which logits should the softmax see?",
    "wrong_axis": "Right for (T, E), wrong for (B, T, E): axis 1 holds the tokens there. Count the axis from the end.",
    "no_scale": "The logits are not divided by sqrt(K), so their variance grows with the size of a head.",
    "off_by_one": "Your mask hides the token itself too. May a token see its own position?",
}
LEVELS = ("recall", "apply", "analyse")


@dataclass(frozen=True)
class Class:
    """A `Book` that generates its grades whenever it is read."""

    course: str
    run: BatchRun
    items: Sequence[Item]
    students: Sequence[Student]
    seed: int
    ignored: Sequence[Ignored] = ()

    @property
    def graded(self) -> Set[str]:
        return {grade.student.id for grade in self.grades()}

    def work(self, handed: GradedFile) -> str | None:
        return None

    def given(self, item: str) -> Sequence[str]:
        return ()

    def grades(self) -> Iterator[Grade]:
        for number, student in enumerate(self.students):
            random = Random(f"{self.seed}-{number}")
            if len(self.students) > 5 and random.random() < 0.03:
                continue  # handed nothing in
            talent = random.gauss(0, 1)
            for item in self.items:
                if random.random() < 0.04:
                    continue
                yield (
                    _quiz(random, student, item, talent)
                    if item.kind == "quiz"
                    else _exercise(random, student, item, talent)
                )


def class_of(n: int, *, exercises: int = 10, quizzes: int = 2, seed: int = 0) -> Book:
    """Return a class of `n` students with every kind of failure, late submissions and missing submissions."""
    random = Random(seed)
    students = [
        Student(
            id=f"{4000 + i}",
            name=f"{random.choice(FIRST)} {random.choice(LAST)}" if random.random() < 0.95 else None,
            email=f"student{i}@example.org",
        )
        for i in range(n)
    ]
    items = [
        Item(id=name, kind="exercise", title=title, lesson=1 + i, max_score=10.0)
        for i, (name, title) in enumerate(list(EXERCISES.items())[:exercises])
    ]
    items += [
        Item(id=slug, kind="quiz", title=title, lesson=3 + 4 * i, max_score=12.0)
        for i, (slug, title) in enumerate(list(QUIZZES.items())[:quizzes])
    ]
    run = BatchRun(
        id=3,
        started=STARTED,
        ended=STARTED + timedelta(minutes=4, seconds=17),
        engine="0.1.0+1a2b3c4d",
        course="Model types & structures",
        layout="canvas",
        graded=n * len(items) // 3,
        reused=n * len(items) - n * len(items) // 3,
        errors=0,
    )
    return Class("Model types & structures", run, items, students, seed)


def _exercise(random: Random, student: Student, item: Item, talent: float) -> Grade:
    level = talent - item.lesson * 0.12
    fate = random.random()
    file = f"submissions.zip/{(student.name or student.id).lower().replace(' ', '')}_{student.id}_{item.id}.py"
    if fate < 0.006:
        fault = "the judge ended while it ran test_values: No space left on device"
        return Grade(
            student=student, item=item, handed=_handed(random, file), outcome=Outcome.ERROR, points=None, result=None,
            error=fault,
        )  # fmt: skip
    whole = {0.03: Outcome.NOT_STARTED, 0.05: Outcome.SYNTAX_ERROR, 0.06: Outcome.IMPORT_ERROR, 0.065: Outcome.CRASHED}
    outcome = next((ending for bound, ending in whole.items() if fate < bound), Outcome.GRADED)
    if outcome is Outcome.GRADED:
        return _grade(random, student, item, file, _ran(random, item, file, level))
    return _grade(random, student, item, file, _not_run(item, file, outcome))


def _ran(random: Random, item: Item, file: str, level: float) -> Result:
    tests: list[TestResult] = []
    shapes = random.random() < 0.06
    for name, (description, hard) in TESTS.items():
        passes = random.gauss(level, 1) > -1.6 + hard * 4
        if name == "shape":
            passes = not shapes
        elif shapes:
            tests.append(_test(random, name, description, Outcome.SKIPPED, needs=("test_shape",)))
            continue
        outcome = Outcome.PASSED if passes else _failing(random, name)
        tests.append(_test(random, name, description, outcome, failure=_failure(random, item, file, outcome)))
    failed = [test for test in tests if test.outcome in (Outcome.WRONG_VALUES, Outcome.WRONG_SHAPE)]
    diagnoses: tuple[Diagnosis, ...] = ()
    if failed and random.random() < 0.6:
        mistake = random.choices(list(MISTAKES), weights=[8, 4, 2, 1])[0]
        agreed = random.randint(1, 9)
        diagnoses = (Diagnosis(mistake, MISTAKES[mistake], item.id, failed[0].id, agreed),)
    seconds = round(random.lognormvariate(-1.2 + item.lesson * 0.1, 0.4), 3)
    if any(test.outcome is Outcome.TIMEOUT for test in tests):
        seconds += 5
    return _result(item, file, Outcome.GRADED, tuple(tests), diagnoses=diagnoses, seconds=seconds)


def _failing(random: Random, test: str) -> Outcome:
    if test == "shape":
        return Outcome.WRONG_SHAPE
    ways = [Outcome.WRONG_VALUES, Outcome.EXCEPTION, Outcome.NAN, Outcome.WRONG_DTYPE, Outcome.TIMEOUT,
            Outcome.FORBIDDEN, Outcome.TAMPERED, Outcome.CRASHED]  # fmt: skip
    return random.choices(ways, weights=[60, 20, 8, 8, 4, 0.3, 0.2, 0.5])[0]


def _failure(random: Random, item: Item, file: str, outcome: Outcome) -> Failure | None:
    if outcome is Outcome.PASSED:
        return None
    shape = (Axis(4, "T"), Axis(2, "k"))
    yours = Value("tensor", shape, "float32")
    made = Call(item.id, (NamedValue("x", Value("tensor", (Axis(4, "T"), Axis(8, "D")), "float32")),))
    frame = Frame(file, 12, item.id, (SourceLine(11, "    T, D = x.shape"), SourceLine(12, "    y = x @ w")), 8, 13)
    if outcome is Outcome.WRONG_VALUES:
        row = Row((1,), 0, (0.5365, 0.1556), (0.7752, 0.2248), (True, True), worst=True)
        comparison = Comparison("weights", shape, (row,), 8, 8, 0.2387, 1e-5, 1e-8)
        made = Call(made.function, made.arguments, (ReturnedPart("weights", yours, yours, False),))
        return Failure("8 of 8 numbers of weights differ, by at most 0.2387.", made, comparison)
    if outcome is Outcome.EXCEPTION:
        words = random.choice(["mat1 and mat2 shapes cannot be multiplied (4x8 and 6x8)", "index 8 is out of bounds"])
        return Failure(words, made, exception=Raised("RuntimeError", words, (frame,), 5))
    if outcome is Outcome.TIMEOUT:
        return Failure("Stopped after 5 s.", made, samples=Samples(5.0, 20, frame, (NamedValue("k", Value("2")),)))
    return Failure(f"The result of {item.id} is not what was expected.", made)


def _test(random: Random, name: str, description: str, outcome: Outcome, **more: object) -> TestResult:
    return TestResult(
        id=f"test_{name}",
        name=name,
        description=description,
        visibility="public" if name in ("shape", "example") else "hidden",
        outcome=outcome,
        points=0.0 if outcome is not Outcome.PASSED else {"values": 3.0, "large": 2.0, "half": 2.0}.get(name, 1.0),
        max_points={"values": 3.0, "large": 2.0, "half": 2.0}.get(name, 1.0),
        seconds=round(random.uniform(0.01, 0.2), 3),
        **more,  # type: ignore[arg-type]
    )


def _not_run(item: Item, file: str, outcome: Outcome) -> Result:
    frame = Frame(file, 3, "<module>", (SourceLine(3, "def f(x:"),), 7)
    raised = {
        Outcome.SYNTAX_ERROR: Raised("SyntaxError", "'(' was never closed", (frame,)),
        Outcome.IMPORT_ERROR: Raised("ModuleNotFoundError", "No module named 'einops'", (frame,)),
    }.get(outcome)
    output = Output("loading...\n") if outcome is Outcome.CRASHED else None
    return _result(item, file, outcome, (), exception=raised, output=output)


def _result(item: Item, file: str, outcome: Outcome, tests: tuple[TestResult, ...], **more: object) -> Result:
    run = outcome not in (Outcome.NOT_STARTED, Outcome.SYNTAX_ERROR)
    held = Isolation("confined", landlock=7, seccomp=True, own_uid=True, start="fork") if run else Isolation("none")
    fields: dict[str, object] = {
        "seconds": 0.12 if run else 0.0,
        "versions": Versions("0.1.0", "3.11.7", "2.13.0+cpu" if run else None),
        "isolation": held,
    }
    return Result(
        exercise=item.id,
        file=file,
        sha256=_hash(file),
        outcome=outcome,
        score=sum(test.points for test in tests),
        max_score=sum(test.max_points for test in tests) or item.max_score,
        tests=tests,
        hidden_tests=True,
        seed=0,
        **(fields | more),  # type: ignore[arg-type]
    )


def _quiz(random: Random, student: Student, item: Item, talent: float) -> Grade:
    questions = []
    for number in range(12):
        slope = -0.8 if number == 5 else 1.0  # one question that the better students miss
        hard = -3.5 if number == 0 else (number - 6) * 0.3
        right = random.gauss(talent * slope, 0.8) > hard
        skipped = not right and random.random() < 0.3
        questions.append(
            QuestionResult(
                id=f"question-{number + 1}",
                type="single",
                level=LEVELS[number % 3],  # type: ignore[arg-type]
                section=["The idea", "Routing", "Capacity"][number % 3],
                score=1.0 if right else 0.5 if number == 7 and not skipped else 0.0,
                answer=None if skipped else str(random.randint(1, 4)),
                seconds=round(random.uniform(4, 90), 1),
            )
        )
    result = QuizResult(
        quiz=item.id,
        title=item.title,
        attempt=1,
        seed="class",
        finished=True,
        score=sum(each.score for each in questions),
        max_score=12.0,
        questions=tuple(questions),
    )
    file = f"submissions.zip/{student.id}_quiz-{item.id}.yaml"
    return _grade(random, student, item, file, result)


def _grade(random: Random, student: Student, item: Item, file: str, result: Result | QuizResult) -> Grade:
    measured, late, adjustment, reasons = result.score, 0.0, 0.0, []
    handed = _handed(random, file)
    if handed.late and measured:
        late = -round(measured * 0.1, 2)
        reasons.append("Handed in 1 day late: 10 % taken away.")
    if random.random() < 0.01:
        adjustment = 1.0
        reasons.append("The statement left the dtype open.")
    points = Points(
        measured=measured,
        late=late,
        adjustment=adjustment,
        final=max(measured + late + adjustment, 0.0),
        max=item.max_score,
        reasons=tuple(reasons),
    )
    outcome = result.outcome if isinstance(result, Result) else Outcome.GRADED
    return Grade(student=student, item=item, handed=handed, outcome=outcome, points=points, result=result)


def _handed(random: Random, file: str) -> GradedFile:
    late = random.random() < 0.06
    time = STARTED - timedelta(hours=random.randint(1, 200))
    return GradedFile(file=file, sha256=_hash(file), time=time, late=late)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
