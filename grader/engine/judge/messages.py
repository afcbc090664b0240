"""What the command line and a judge say to each other."""

from typing import TypeAlias

import msgspec

from grader.base.result import Failure, Isolation, Output, Result, Versions
from grader.engine.submission.examine import Import
from grader.lab import LabOption, Shown
from grader.pictures import Picture


class Misstep(msgspec.Struct, frozen=True):
    """A known mistake, as the judge is given it: `source` is a whole module."""

    name: str
    replaces: str
    advice: str
    source: str


class Materials(msgspec.Struct, frozen=True):
    """What the judge is given of an exercise."""

    id: str
    tests: tuple[str, ...]  # paths, the public ones first
    hidden: str | None  # path of the hidden ones
    reference: str | None  # source text
    others: dict[str, str]  # the references of the exercises that it needs, by module name
    mistakes: tuple[Misstep, ...]
    seconds: float
    memory: int  # bytes
    show_hidden_output: bool

    @property
    def uses_optim(self) -> bool:
        """Whether the reference uses torch.optim, and so probably every submission."""
        return self.reference is not None and "torch.optim" in self.reference


class Job(msgspec.Struct, frozen=True):
    """One submission to grade. `seconds` overrides the limits of the tests.

    `code` is the submission's, marshalled, if it has been examined already. `others` are the texts of the student's
    other exercises that it imports, through whatever others, by module name; `absent` says of those for which there is
    none why; and `imports`, what each text imports.

    Not `long`: without the tests that have a limit or packages of their own. `exitfirst`: once a test has failed, the
    others are skipped. `failed_first`: the test that is run before the others, whatever it needs. `announce`: say
    which test is run.
    """

    id: int
    exercise: str
    file: str
    source: str
    sha256: str
    seed: int
    others: dict[str, str] = {}
    absent: dict[str, str] = {}
    imports: dict[str, tuple[Import, ...]] = {}
    code: bytes | None = None
    seconds: float | None = None
    diagnose: bool = True
    long: bool = True
    exitfirst: bool = False
    failed_first: str | None = None
    announce: bool = False


class Setup(msgspec.Struct, frozen=True, tag="setup"):
    """The first message to a judge: the exercises that its jobs may be of.

    `complete`: scores are to be compared, so a test that is not available here is a fault. `ahead`: somebody waits for
    each verdict, and has time between them.
    """

    materials: tuple[Materials, ...]
    isolation: Isolation
    complete: bool
    ahead: bool = False


class LabCode(msgspec.Struct, frozen=True):
    """What stands for one exercise in a lab: the student's file, or the reference."""

    exercise: str
    source: str
    file: str
    others: dict[str, str]


class RunLab(msgspec.Struct, frozen=True, tag="lab"):
    """The first message to a judge that grades nothing: a lab to run on the code of some exercises."""

    path: str  # of lab.py
    codes: tuple[LabCode, ...]  # the first is the lab's own exercise, which the script calls `submission`
    options: dict[str, LabOption]
    seed: int
    memory: int  # bytes, for each


class PartScript(msgspec.Struct, frozen=True):
    """The code of a part of a lesson, as one text for each seed; the second is run if the first came to its end."""

    sources: tuple[str, ...]


class RunLessons(msgspec.Struct, frozen=True, tag="lessons"):
    """The first message to a judge that grades nothing: code of lessons to run."""

    parts: tuple[PartScript, ...]
    pictures: tuple[str, ...]  # paths of pictures.py
    seconds: float  # for each run of a part
    memory: int  # bytes


class Submit(msgspec.Struct, frozen=True, tag="submit"):
    job: Job


class Testing(msgspec.Struct, frozen=True, tag="testing"):
    """A test begins, of a job that wants to know."""

    id: int
    test: str


class Graded(msgspec.Struct, frozen=True, tag="graded"):
    id: int
    result: Result


class Shows(msgspec.Struct, frozen=True, tag="shows"):
    """What a lab shows next."""

    shown: Shown


class LabEnded(msgspec.Struct, frozen=True, tag="ended"):
    """A lab is over; why, where it could not go on."""

    versions: Versions
    failure: Failure | None


class Stopped(msgspec.Struct, frozen=True):
    """Where code of a lesson could not go on, and why; line 0: where is not known."""

    line: int
    what: str


class Ran(msgspec.Struct, frozen=True):
    """A run of a part's code."""

    printed: Output | None
    stopped: Stopped | None


class PartRan(msgspec.Struct, frozen=True, tag="ran"):
    """The runs of a part, one for each of its sources, as far as it came to the end of them."""

    runs: tuple[Ran, ...]


class Drawing(msgspec.Struct, frozen=True):
    """A picture, and the line of the function that returned it."""

    line: int
    picture: Picture


class Painting(msgspec.Struct, frozen=True, tag="painting"):
    """What of a pictures.py is run now: one of its functions, or the file itself."""

    path: str
    what: str


class Painted(msgspec.Struct, frozen=True, tag="painted"):
    """What the functions of a pictures.py returned, and what is wrong with others."""

    path: str
    drawings: tuple[Drawing, ...]
    wrong: tuple[Stopped, ...]


class Faulty(msgspec.Struct, frozen=True, tag="faulty"):
    """The tests of an exercise cannot be used; a sentence with file and line says why."""

    message: str


ToJudge: TypeAlias = Setup | RunLab | RunLessons | Submit
FromJudge: TypeAlias = Testing | Graded | Shows | LabEnded | PartRan | Painting | Painted | Faulty

encode = msgspec.msgpack.Encoder().encode
decode_to_judge: msgspec.msgpack.Decoder[ToJudge] = msgspec.msgpack.Decoder(ToJudge)
decode_from_judge: msgspec.msgpack.Decoder[FromJudge] = msgspec.msgpack.Decoder(FromJudge)
