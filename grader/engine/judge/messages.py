"""Messages between the command line and a judge."""

from typing import TypeAlias

import msgspec

from grader.base.result import Failure, Isolation, Output, Result, Versions
from grader.engine.submission.examine import Import
from grader.lab import LabOption, Setting, Shown
from grader.pictures import Picture


class Materials(msgspec.Struct, frozen=True):
    """Everything that a judge needs of one exercise."""

    id: str
    tests: tuple[str, ...]  # paths, the public tests first
    hidden: str | None  # path of the hidden tests
    reference: str | None  # source text
    others: dict[str, str]  # references of the exercises that this one imports, by module name
    mistakes: str | None  # source text of mistakes.py
    seconds: float
    memory: int  # bytes
    show_hidden_output: bool

    @property
    def uses_optim(self) -> bool:
        """Whether the reference uses torch.optim, so that submissions probably do too."""
        return self.reference is not None and "torch.optim" in self.reference


class Job(msgspec.Struct, frozen=True):
    """One submission to grade."""

    id: int
    exercise: str
    file: str
    source: str
    sha256: str
    seed: int
    others: dict[str, str] = {}  # source of the student's other exercises that it imports, by module name
    absent: dict[str, str] = {}  # why an imported exercise has no source, by module name
    imports: dict[str, tuple[Import, ...]] = {}  # imports of each source, by module name
    code: bytes | None = None  # marshalled code of `source`, if it has been examined already
    seconds: float | None = None  # overrides the time limits of the tests
    diagnose: bool = True
    long: bool = True  # False: skip tests with a time limit or required packages of their own
    exitfirst: bool = False  # skip the remaining tests after the first failure
    failed_first: str | None = None  # test to run before the others, whatever it needs
    announce: bool = False  # send TestStarted before each test
    anew: bool = False  # run every test, even if its answers are known


class Setup(msgspec.Struct, frozen=True, tag="setup"):
    """First message to a judge: the exercises that its jobs may ask for."""

    materials: tuple[Materials, ...]
    isolation: Isolation
    complete: bool  # scores will be compared: a test that cannot run here is an error
    ahead: bool = False  # start the next worker between jobs, for a user who waits for each result


class LabCode(msgspec.Struct, frozen=True):
    """The code that a lab runs for one exercise: the student's file, or the reference."""

    exercise: str
    source: str
    file: str
    others: dict[str, str]


class RunLab(msgspec.Struct, frozen=True, tag="lab"):
    """First message to a judge that runs a lab instead of grading."""

    path: str  # of lab.py
    codes: tuple[LabCode, ...]  # first the lab's own exercise, which the script calls `submission`
    options: dict[str, LabOption]
    seed: int
    memory: int  # bytes, for each
    setting: Setting | None = None  # of a lab of the whole course


class StopLab(msgspec.Struct, frozen=True, tag="stop_lab"):
    """Request to end the lab that runs, after it has shown what there is."""


class PartScript(msgspec.Struct, frozen=True):
    """The code of one part of a lesson, once per seed; a source runs only if the one before it succeeded."""

    sources: tuple[str, ...]
    modules: dict[str, str]  # code of earlier parts that it may import, by name


class RunLessons(msgspec.Struct, frozen=True, tag="lessons"):
    """First message to a judge that runs code of lessons instead of grading."""

    parts: tuple[PartScript, ...]
    pictures: tuple[str, ...]  # paths of pictures.py
    seconds: float  # for each run of a part
    memory: int  # bytes


class Submit(msgspec.Struct, frozen=True, tag="submit"):
    """Request to grade one submission."""

    job: Job


class TestStarted(msgspec.Struct, frozen=True, tag="test_started"):
    """A test of a job with `announce` begins."""

    id: int
    test: str


class JobGraded(msgspec.Struct, frozen=True, tag="graded"):
    """The result of a job."""

    id: int
    result: Result


class LabOutput(msgspec.Struct, frozen=True, tag="lab_output"):
    """The next item that a lab shows."""

    shown: Shown


class LabEnded(msgspec.Struct, frozen=True, tag="lab_ended"):
    """The end of a lab, with the failure that stopped it, if any."""

    versions: Versions
    failure: Failure | None


class LessonFailure(msgspec.Struct, frozen=True):
    """Why code of a lesson stopped."""

    line: int  # 0: unknown
    what: str


class PartRun(msgspec.Struct, frozen=True):
    """One run of a part's code."""

    printed: Output | None
    failure: LessonFailure | None


class PartResult(msgspec.Struct, frozen=True, tag="part"):
    """The runs of a part, in the order of its sources, up to the first failure."""

    runs: tuple[PartRun, ...]


class DrawnPicture(msgspec.Struct, frozen=True):
    """A picture, and the line of the function that returned it."""

    line: int
    picture: Picture


class DrawingStarted(msgspec.Struct, frozen=True, tag="drawing_started"):
    """A function of a pictures.py, or the file itself, is about to run."""

    path: str
    what: str


class PicturesDrawn(msgspec.Struct, frozen=True, tag="pictures"):
    """The pictures that the functions of a pictures.py returned, and the failures of the others."""

    path: str
    pictures: tuple[DrawnPicture, ...]
    failures: tuple[LessonFailure, ...]


class InvalidCourse(msgspec.Struct, frozen=True, tag="invalid_course"):
    """An error in the course that keeps the judge from working, with file and line."""

    message: str


ToJudge: TypeAlias = Setup | RunLab | StopLab | RunLessons | Submit
FromJudge: TypeAlias = (
    TestStarted | JobGraded | LabOutput | LabEnded | PartResult | DrawingStarted | PicturesDrawn | InvalidCourse
)

encode = msgspec.msgpack.Encoder().encode
decode_to_judge: msgspec.msgpack.Decoder[ToJudge] = msgspec.msgpack.Decoder(ToJudge)
decode_from_judge: msgspec.msgpack.Decoder[FromJudge] = msgspec.msgpack.Decoder(FromJudge)
