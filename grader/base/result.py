"""The result of grading one submission, as data: the terminal, JSON and all other formats are views of it.

Sizes are counts of elements, times are seconds, points are those of the tests' marks.
"""

from enum import StrEnum
from typing import Literal

import msgspec

SCHEMA = "archgrade/result/v3"


class Outcome(StrEnum):
    """The outcome of a test or of a whole submission."""

    # of a submission
    GRADED = "graded"  # the tests ran: see each test's own outcome
    UNREADABLE = "unreadable"  # not a text file, too large, a broken notebook
    SYNTAX_ERROR = "syntax_error"
    IMPORT_ERROR = "import_error"  # an exception while the module was loaded
    # of a test
    PASSED = "passed"
    SKIPPED = "skipped"  # a test that it needs did not pass
    UNAVAILABLE = "unavailable"  # requires a package that is not installed here: not counted
    FAILED = "failed"  # an assertion of another kind than those below
    WRONG_VALUES = "wrong_values"
    WRONG_SHAPE = "wrong_shape"
    WRONG_DTYPE = "wrong_dtype"
    WRONG_TYPE = "wrong_type"
    NAN = "nan"  # NaN where a number was expected
    RETURNED_NONE = "returned_none"
    NO_EXCEPTION = "no_exception"  # an error was expected and none was raised
    EXCEPTION = "exception"  # raised in the student's code
    ARGUMENT_CHANGED = "argument_changed"  # an argument was changed in place
    MISSING_NAME = "missing_name"
    WRONG_SIGNATURE = "wrong_signature"
    # of both
    NOT_STARTED = "not_started"
    BLOCKED = "blocked"  # an exercise that this one builds on does not pass: nothing is known yet
    TIMEOUT = "timeout"
    RECURSION = "recursion"
    MEMORY = "memory"
    EXITED = "exited"  # sys.exit, os._exit
    CRASHED = "crashed"  # killed by a signal: segmentation fault, abort
    FORBIDDEN = "forbidden"  # a system call that submissions may not make
    TAMPERED = "tampered"  # wrote to the grader's channel
    ERROR = "error"  # a bug in the grader or the course: never a wrong answer


class Axis(msgspec.Struct, frozen=True):
    """An axis of a tensor: its size, and the name that the test gives that size, unless two names share it."""

    size: int
    name: str | None = None


class Value(msgspec.Struct, frozen=True):
    """A description of a value: a tensor by its axes and dtype, anything else by its text."""

    text: str  # "3", "'mean'", "None", "tensor", "list of 3 tensors"
    shape: tuple[Axis, ...] | None = None  # None: not a tensor
    dtype: str | None = None  # "float64"


class NamedValue(msgspec.Struct, frozen=True):
    """An argument, a local variable, or an expression with its value."""

    name: str
    value: Value


class ReturnedPart(msgspec.Struct, frozen=True):
    """One part of a returned value beside the expected one."""

    name: str
    yours: Value
    expected: Value | None = None
    agrees: bool | None = None  # None: not compared


class Call(msgspec.Struct, frozen=True):
    """The call of the student's code that a failure is about."""

    function: str  # "route", "MoELayer", "MoELayer.forward"
    arguments: tuple[NamedValue, ...] = ()
    returned: tuple[ReturnedPart, ...] = ()


Number = float | str  # a finite float, or "nan", "inf", "-inf", "True", "False", "…"


class Row(msgspec.Struct, frozen=True):
    """A range of numbers along the last axis: yours beside expected."""

    index: tuple[int, ...]  # along all axes but the last
    start: int  # position on the last axis of the first number shown
    yours: tuple[Number, ...]
    expected: tuple[Number, ...]
    differs: tuple[bool, ...]
    worst: bool = False  # holds the element that differs most


class Comparison(msgspec.Struct, frozen=True):
    """Two tensors (or numbers) that should have been equal."""

    name: str  # which part of the returned value
    axes: tuple[Axis, ...]  # of the expected tensor
    rows: tuple[Row, ...]
    differing: int
    total: int
    largest: Number  # the largest absolute difference
    rtol: float
    atol: float


class SourceLine(msgspec.Struct, frozen=True):
    """A line of the student's file."""

    number: int
    text: str


class Operand(msgspec.Struct, frozen=True):
    """An operand of the expression that failed, and its column in the line."""

    expression: str
    column: int  # of its first character in the line, from 0
    value: Value


class Frame(msgspec.Struct, frozen=True):
    """A stack frame of the student's code."""

    file: str
    line: int
    function: str
    source: tuple[SourceLine, ...]  # a few lines around `line`
    column: int | None = None  # of the failing expression
    end_column: int | None = None
    operands: tuple[Operand, ...] = ()
    locals: tuple[NamedValue, ...] = ()


class Raised(msgspec.Struct, frozen=True):
    """An exception raised by the student's code, with its original message."""

    type: str
    message: str  # never shortened
    frames: tuple[Frame, ...] = ()  # innermost last
    hidden_frames: int = 0  # frames of torch and of the grader


class Samples(msgspec.Struct, frozen=True):
    """Samples of the stack of a call that ran into its time limit."""

    limit: float  # seconds
    count: int
    frame: Frame | None = None  # the most frequent one
    unchanged: tuple[NamedValue, ...] = ()  # locals that were the same in all samples


class Output(msgspec.Struct, frozen=True):
    """Text that the student's code printed, with control characters escaped."""

    text: str
    dropped: int = 0  # number of bytes over the limit


class Failure(msgspec.Struct, frozen=True):
    """The reason why a test did not pass. `message` says it in a sentence or two."""

    message: str
    call: Call | None = None
    comparison: Comparison | None = None
    near_miss: str | None = None  # "Your result is the expected one, transposed."
    observations: tuple[str, ...] = ()  # which arguments the failure depends on, and where the result is wrong
    exception: Raised | None = None
    samples: Samples | None = None
    reproduction: str | None = None  # Python code whose last statement repeats the call


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one test. `id` is stable, `name` is the id in words, `description` the docstring's first line."""

    __test__ = False  # keeps pytest from collecting this class

    id: str
    name: str
    description: str
    visibility: Literal["public", "hidden"]
    outcome: Outcome
    points: float
    max_points: float
    seconds: float  # without the time spent waiting for a CPU
    needs: tuple[str, ...] = ()
    failure: Failure | None = None
    output: Output | None = None  # None: nothing printed, or withheld

    @property
    def is_failing(self) -> bool:
        """Return whether the test ran and did not pass."""
        return self.outcome not in (Outcome.PASSED, Outcome.SKIPPED, Outcome.UNAVAILABLE)


class Diagnosis(msgspec.Struct, frozen=True):
    """A known mistake whose results equal the student's, and that none of their results contradicts."""

    mistake: str  # its name in mistakes.py, or the description of one that the grader generated
    advice: str  # its docstring; a sentence
    replaces: str  # the name in the reference that it replaces
    test: str  # id of the first failing test that it explains
    agreed: int  # results of the student that equal the mistake's and differ from the reference's
    whole: bool = True  # it explains the whole test, and shows in most failing tests that call the same name
    shown: bool = True  # it explains the call in the failure, or the failure has none


class Isolation(msgspec.Struct, frozen=True):
    """The confinement of the student's code while it ran.

    confined: Landlock and seccomp; sealed: seccomp, and no file can be opened; process: a separate process with limits
    on time and memory only.
    """

    kind: Literal["confined", "sealed", "process", "none"]  # none: the code was not run
    landlock: int = 0  # ABI version; 0: not available
    seccomp: bool = False
    own_uid: bool = False  # runs as a user who owns no files
    start: Literal["fork", "spawn", "none"] = "none"


class Versions(msgspec.Struct, frozen=True):
    """The versions of the software that produced a result."""

    archgrade: str
    python: str
    torch: str | None = None  # None: torch was not needed


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of grading one submission of one exercise."""

    schema: str = SCHEMA
    exercise: str
    file: str  # the submission as the user named it
    sha256: str | None  # of the submission's bytes; None if it could not be read
    outcome: Outcome
    score: float
    max_score: float  # of the tests that are available here
    message: str | None = None  # one sentence, for every outcome but graded
    blocked_by: str | None = None  # id of the exercise that must pass first
    exception: Raised | None = None  # for syntax_error, import_error, and crashes while loading
    tests: tuple[TestResult, ...] = ()
    diagnoses: tuple[
        Diagnosis, ...
    ] = ()  # in the order of the tests that they explain; two mistakes may explain one test together
    advice_errors: tuple[str, ...] = ()  # errors while explaining failures, for authors; no score depends on them
    output: Output | None = None  # printed while the module was loaded
    hidden_tests: bool  # False: the course was released without them, and the score covers the public tests only
    isolation: Isolation
    versions: Versions
    seed: int
    seconds: float  # wall time from loading to diagnosis

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
