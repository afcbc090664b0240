"""The result of grading one submission, as data: the terminal, JSON and all other formats are views of it.

The docstring below a field or an outcome is its meaning in the JSON Schema and in docs/reference/result.md. `make docs`
writes both.
"""

from enum import StrEnum
from typing import Literal

import msgspec

SCHEMA = "archgrade/result/v4"


class Outcome(StrEnum):
    """How a test or a whole submission ended."""

    GRADED = "graded"
    """The tests of the submission ran; each has its own outcome."""
    UNREADABLE = "unreadable"
    """The submission is not text, too large, or a broken notebook or form."""
    SYNTAX_ERROR = "syntax_error"
    """The submission does not compile."""
    IMPORT_ERROR = "import_error"
    """Loading the submission raised an exception."""
    PASSED = "passed"
    """The test passed."""
    SKIPPED = "skipped"
    """A test that it needs did not pass, or two tests have already run out of time."""
    UNAVAILABLE = "unavailable"
    """It requires a package that is not installed, and counts no points."""
    FAILED = "failed"
    """Another kind of assertion failed."""
    WRONG_VALUES = "wrong_values"
    """The shape and dtype are right, but numbers differ."""
    WRONG_SHAPE = "wrong_shape"
    """The shape differs."""
    WRONG_DTYPE = "wrong_dtype"
    """The dtype differs."""
    WRONG_TYPE = "wrong_type"
    """A list instead of a tensor, for example."""
    NAN = "nan"
    """NaN where a number was expected."""
    RETURNED_NONE = "returned_none"
    """None instead of a value."""
    NO_EXCEPTION = "no_exception"
    """An expected exception was not raised."""
    EXCEPTION = "exception"
    """The student's code raised an exception."""
    ARGUMENT_CHANGED = "argument_changed"
    """An argument was changed in place."""
    MISSING_NAME = "missing_name"
    """The module, or an object in it, lacks a name."""
    WRONG_SIGNATURE = "wrong_signature"
    """The function does not accept the exercise's arguments."""
    NOT_STARTED = "not_started"
    """The code raises NotImplementedError."""
    BLOCKED = "blocked"
    """An exercise that this one imports is missing or does not pass."""
    TIMEOUT = "timeout"
    """It ran into its time limit."""
    RECURSION = "recursion"
    """A function calls itself without end."""
    MEMORY = "memory"
    """It ran into the memory limit."""
    EXITED = "exited"
    """It called `sys.exit` or `os._exit`."""
    CRASHED = "crashed"
    """A signal ended it, such as a segmentation fault."""
    FORBIDDEN = "forbidden"
    """It made a system call that submissions may not make."""
    TAMPERED = "tampered"
    """It interfered with the grader, or crashes judges in a batch."""
    ERROR = "error"
    """The grader or the course is at fault."""


class Axis(msgspec.Struct, frozen=True):
    """An axis of a tensor."""

    size: int
    name: str | None = None
    """The test's name for this size, unless two names share it."""


class Value(msgspec.Struct, frozen=True):
    """A description of a value: a tensor by its axes and dtype, anything else by its text."""

    text: str
    """`3`, `'mean'`, `None`, `tensor`, `list of 3`."""
    shape: tuple[Axis, ...] | None = None
    """Null: not a tensor."""
    dtype: str | None = None
    """`float64`."""


class NamedValue(msgspec.Struct, frozen=True):
    """An argument, a local variable, or an expression with its value."""

    name: str
    value: Value


class ReturnedPart(msgspec.Struct, frozen=True):
    """One part of a returned value beside the expected one."""

    name: str
    """The reference's name for it."""
    yours: Value
    expected: Value | None = None
    """Null: there is none."""
    agrees: bool | None = None
    """Null: not compared."""


class Call(msgspec.Struct, frozen=True):
    """The call of the student's code that a failure is about."""

    function: str
    """`route`, `MoELayer`, `MoELayer.forward`."""
    arguments: tuple[NamedValue, ...] = ()
    returned: tuple[ReturnedPart, ...] = ()
    """The items of a tuple; empty if the call did not return."""


Number = float | str  # a finite float, or "nan", "inf", "-inf", "True", "False", "…"


class Row(msgspec.Struct, frozen=True):
    """A range of numbers along the last axis: yours beside expected."""

    index: tuple[int, ...]
    """Position on all axes except the last."""
    start: int
    """Position on the last axis of the first number."""
    yours: tuple[Number, ...]
    expected: tuple[Number, ...]
    differs: tuple[bool, ...]
    worst: bool = False
    """It has the element that differs most."""


class Comparison(msgspec.Struct, frozen=True):
    """Two tensors (or numbers) that should have been equal."""

    name: str
    """The part of the returned value."""
    axes: tuple[Axis, ...]
    """Of the expected tensor."""
    rows: tuple[Row, ...]
    """Where they differ; a few hundred at most."""
    differing: int
    """Elements that differ."""
    total: int
    """All elements."""
    largest: Number
    """Largest absolute difference."""
    rtol: float
    """An element agrees if it differs by at most `atol + rtol * abs(expected)`."""
    atol: float


class SourceLine(msgspec.Struct, frozen=True):
    """A line of the student's file."""

    number: int
    """From 1."""
    text: str


class Operand(msgspec.Struct, frozen=True):
    """An operand of the expression that failed."""

    expression: str
    """As written in the line."""
    column: int
    """Its start, from 0."""
    value: Value


class Frame(msgspec.Struct, frozen=True):
    """A stack frame of the student's code."""

    file: str
    line: int
    """From 1."""
    function: str
    source: tuple[SourceLine, ...]
    """A few lines around `line`."""
    column: int | None = None
    """Start of the failing expression, from 0."""
    end_column: int | None = None
    """One past its end."""
    operands: tuple[Operand, ...] = ()
    """Values in the failing expression."""
    locals: tuple[NamedValue, ...] = ()


class Raised(msgspec.Struct, frozen=True):
    """An exception raised by the student's code, with its original message."""

    type: str
    """The exception's class."""
    message: str
    """Never shortened."""
    frames: tuple[Frame, ...] = ()
    """Innermost last."""
    hidden_frames: int = 0
    """Frames left out."""


class Samples(msgspec.Struct, frozen=True):
    """Samples of the stack of a call that ran into its time limit."""

    limit: float
    """Time limit."""
    count: int
    frame: Frame | None = None
    """The most frequent one."""
    unchanged: tuple[NamedValue, ...] = ()
    """Local variables that were the same in all samples."""


class Output(msgspec.Struct, frozen=True):
    """Text that the student's code printed, with control characters escaped."""

    text: str
    dropped: int = 0
    """Bytes over the limit."""


class Failure(msgspec.Struct, frozen=True):
    """The reason why a test did not pass."""

    message: str
    """The reason in a sentence or two."""
    call: Call | None = None
    comparison: Comparison | None = None
    """If two tensors differ."""
    near_miss: str | None = None
    """Your result is the expected one, transposed."""
    observations: tuple[str, ...] = ()
    """What the failure depends on, and where the result is wrong."""
    exception: Raised | None = None
    """If the code raised one."""
    samples: Samples | None = None
    """If the call ran out of time."""
    reproduction: str | None = None
    """Python code that repeats the call."""


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one test."""

    __test__ = False  # keeps pytest from collecting this class

    id: str
    """Name of the test function; stable."""
    name: str
    """The ID in words."""
    description: str
    """First line of the test's docstring."""
    visibility: Literal["public", "hidden"]
    outcome: Outcome
    points: float
    """0 unless it passed."""
    max_points: float
    seconds: float
    """Without waiting for a CPU."""
    needs: tuple[str, ...] = ()
    """Tests without which it is skipped."""
    failure: Failure | None = None
    output: Output | None = None
    """Null: nothing printed, or withheld."""

    @property
    def is_failing(self) -> bool:
        """Return whether the test ran and did not pass."""
        return self.outcome not in (Outcome.PASSED, Outcome.SKIPPED, Outcome.UNAVAILABLE)


class Certainty(StrEnum):
    """How sure a diagnosis is, from what is known to what is only likely."""

    CERTAIN = "certain"
    """The mistake gives every wrong result of the tests that it fails, and no other known mistake does."""
    PARTIAL = "partial"
    """It gives some of the wrong results of these tests."""
    POSSIBLE = "possible"
    """It gives the wrong results, but so do other mistakes: NaN, a shape or a type of exception tells little."""


class Diagnosis(msgspec.Struct, frozen=True):
    """A known mistake that no result of the student's contradicts."""

    mistake: str
    """Its name in mistakes.py, or a description."""
    advice: str
    replaces: str
    """The name in the reference that is wrong."""
    test: str
    """The first failing test that it explains."""
    agreed: int
    """Number of results that equal the mistake's and not the reference's."""
    certainty: Certainty = Certainty.CERTAIN
    alone: bool = True
    """It gives all wrong results of the failing tests that call the same name."""
    shown: bool = True
    """It explains the failure's call, if there is one."""


class Isolation(msgspec.Struct, frozen=True):
    """The confinement of the student's code while it ran.

    confined: Landlock and seccomp; sealed: seccomp, and no file can be opened; process: a separate process with limits
    on time and memory only.
    """

    kind: Literal["confined", "sealed", "process", "none"]
    """`none`: it was not run."""
    landlock: int = 0
    """ABI version; 0: not available."""
    seccomp: bool = False
    own_uid: bool = False
    """It ran as a user who owns no files."""
    start: Literal["fork", "spawn", "none"] = "none"


class Versions(msgspec.Struct, frozen=True):
    """The versions of the software that produced a result."""

    archgrade: str
    python: str
    torch: str | None = None
    """Null: torch was not needed."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of grading one submission of one exercise."""

    schema: str = SCHEMA
    exercise: str
    """The exercise's ID."""
    file: str
    """Path of the submission."""
    sha256: str | None
    """Hash of the submission; null if it could not be read."""
    outcome: Outcome
    score: float
    """Sum of the tests' `points`."""
    max_score: float
    """Sum of the tests' `max_points`, or the exercise's points if none ran."""
    message: str | None = None
    """A sentence about an outcome other than `graded`."""
    blocked_by: str | None = None
    """ID of the exercise that must pass first."""
    exception: Raised | None = None
    """If loading the submission raised one."""
    tests: tuple[TestResult, ...] = ()
    """In the order in which they ran."""
    diagnoses: tuple[Diagnosis, ...] = ()
    """Mistakes that explain failures, in the order of the tests."""
    advice_errors: tuple[str, ...] = ()
    """Faults while explaining failures; no score depends on them."""
    output: Output | None = None
    """What loading the submission printed."""
    hidden_tests: bool
    """False: a student's edition; the score covers the public tests only."""
    isolation: Isolation
    versions: Versions
    seed: int
    """Seed of the random numbers."""
    seconds: float
    """Wall time from loading to diagnosis."""

    @property
    def passed(self) -> bool:
        """Return whether every available test passed, and there is at least one."""
        outcomes = {test.outcome for test in self.tests}
        return self.outcome is Outcome.GRADED and {Outcome.PASSED} == outcomes - {Outcome.UNAVAILABLE}

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The diagnosis to read first."""
        return next(iter(self.diagnoses), None)

    @property
    def relevant_failures(self) -> tuple[TestResult, ...]:
        """The failing tests of code that the student has written, or else the first failing test."""
        failing = tuple(test for test in self.tests if test.is_failing)
        return tuple(test for test in failing if test.outcome is not Outcome.NOT_STARTED) or failing[:1]

    @property
    def main_failure(self) -> TestResult | None:
        """The failure to explain first: of the test that the diagnosis explains, else the first relevant one."""
        named = [test for test in self.relevant_failures if self.diagnosis and test.id == self.diagnosis.test]
        return next(iter(named or self.relevant_failures), None)

    @property
    def is_faulty(self) -> bool:
        """Return whether the grader or the course is at fault, so that the score means nothing."""
        return self.outcome is Outcome.ERROR or any(t.outcome is Outcome.ERROR for t in self.tests)
