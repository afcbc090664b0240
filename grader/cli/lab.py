"""grade lab: runs the lab of an exercise on the student's own code, and draws what it measured."""

import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from grader.cli.names import LabName
from grader.cli.screen import COLUMNS, bold, columns, course_root, dim, prose, say, step
from grader.course import Course, Exercise, load_course
from grader.course.document import shown
from grader.course.model import did_you_mean
from grader.errors import UsageError
from grader.export.files import require_writable, write_bytes
from grader.judge.materials import MIB
from grader.judge.messages import LabEnded, RunLab
from grader.lab import Step
from grader.picture import Picture, Table
from grader.report.crash import place
from grader.report.marks import unicode_on
from grader.selfstudy import lost_is_said, own_imports, own_submission
from grader.submission import Submission, examine, read_submission
from grader.submission.imports import built_on
from grader.warm.client import Judges

FAILED = 1
MARGIN = "    "


@click.command("lab")
@click.argument("name", metavar="NAME", type=LabName(), required=False)
@click.option("--file", "path", metavar="PATH", type=click.Path(path_type=Path), help="Run this file instead.")
@click.option("--seed", metavar="N", default=0, show_default=True, type=click.IntRange(0, 2**31), help="Another run.")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Where the pictures go.")
@click.pass_context
def command(ctx: click.Context, name: str | None, path: Path | None, seed: int, out: Path | None) -> None:
    """Run lab NAME on your own code, and draw what was measured: here, and as PNG.

    Without NAME, the labs of the course. Exits with 1 if your code could not be run to the end.
    """
    course = load_course(course_root())
    labs = [exercise for exercise in course.exercises if exercise.lab.is_file()]
    if name is None:
        _list(labs)
        return
    exercise = _meant(name, labs)
    folder = out or course.root / ".archgrade" / "labs" / exercise.id
    submission = read_submission(path, exercise.id) if path else own_submission(exercise)
    require_writable(folder)
    lab = RunLab(
        exercise=exercise.id,
        path=str(exercise.lab.resolve()),
        source=submission.text,
        file=submission.file,
        others=_imports(course, exercise, submission),
        seed=seed,
        memory=exercise.limits.memory * MIB,
    )
    say("", *_labelled(exercise.id, exercise.title), "")
    figures, ended = _run(course, lab)
    if ended.failure is not None:
        say("", *prose(f"The lab could not go on: {ended.failure.message}", indent=2))
        at = ended.failure.exception.frames[-1:] if ended.failure.exception else ()
        say(*(f"  {place(each)}" for each in at), "")
        meant = next((Path(each.file).stem for each in at if Path(each.file).stem in lab.others), exercise.id)
        say(step("grade", f"grade exercise {meant}", "tests it part by part"))
        ctx.exit(FAILED)
    for line in _kept(figures, folder, lab, ended):
        say(line)


def _list(labs: list[Exercise]) -> None:
    if not labs:
        raise UsageError("This course has no labs.")
    say("", *(line for lab in labs for line in _labelled(f"grade lab {lab.lab_names[0]}", lab.title)))


def _labelled(command: str, title: str) -> list[str]:
    """A command and its title, which goes on in further lines as far in."""
    first, *rest = textwrap.wrap(title, min(columns(), COLUMNS) - 29) or [""]
    return [f"  {bold(f'{command:<26}')} {first}", *(f"{'':<29}{line}" for line in rest)]


def _meant(name: str, labs: list[Exercise]) -> Exercise:
    for lab in labs:
        if name in lab.lab_names:
            return lab
    names = [lab.lab_names[0] for lab in labs]
    raise UsageError(f"No lab '{name}' in this course.{did_you_mean(name, names)} grade lab lists them.")


def _imports(course: Course, exercise: Exercise, submission: Submission) -> dict[str, str]:
    """The student's other exercises that a lab runs with. UsageError where one of them is not there, or not written."""
    imports = own_imports(course, exercise, submission.text)
    for name, why in imports.absent.items():
        raise UsageError(f"{exercise.id} imports {name}: {why}")
    for name in built_on(submission.text, imports.texts, used=True):
        finding = examine(imports.texts[name], f"{name}.py")
        if finding is not None:
            raise UsageError(f"{exercise.id} imports {name}, and there {finding.message}; grade exercise {name} first.")
    return imports.texts


def _run(course: Course, lab: RunLab) -> tuple[list[Picture | Table], LabEnded]:
    """Runs the lab, shows each part as it comes, and returns all that was measured."""
    from grader.report.characters import drawn

    figures: list[Picture | Table] = []
    known: dict[str, int] = {}  # curves of one name look alike in all pictures
    with lost_is_said(), Judges() as judges, _status() as status:
        for message in judges.run_lab(lab, forbidden=course.folders):
            if isinstance(message, LabEnded):
                status(None)
                return figures, message
            if isinstance(message.shown, Step):
                status(message.shown)
                continue
            status(None)
            figures.append(message.shown)
            lines = drawn(message.shown, COLUMNS - len(MARGIN), unicode=unicode_on(sys.stdout), known=known)
            say(*(MARGIN + line for line in lines), "")
    raise AssertionError("a lab that ends without saying so")


@contextmanager
def _status() -> Iterator["_Show"]:
    """Says what is being done: a line that stands while it is, and then one with the seconds that it took."""
    show = _Show()
    try:
        yield show
    finally:
        show.stop()


class _Show:
    def __init__(self) -> None:
        self._step: Step | None = None
        self._begun = 0.0
        self._live: Any = None

    def __call__(self, step: Step | None) -> None:
        self.stop()
        if self._step is not None:
            seconds = f"{time.monotonic() - self._begun:.1f} s"
            say(f"    {self._step.text:<50} {dim(f'{seconds:>8}')}")
            if step is None:
                say("")
        self._step, self._begun = step, time.monotonic()
        if step is not None and sys.stderr.isatty():
            from rich.console import Console

            self._live = Console(stderr=True).status(f"  {step.text}", spinner="line")
            self._live.start()

    def stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _kept(figures: list[Picture | Table], folder: Path, lab: RunLab, ended: LabEnded) -> Iterator[str]:
    """Writes pictures and numbers, and says where."""
    from grader.report.graphics import NoMatplotlib, png

    found = {"exercise": lab.exercise, "seed": lab.seed, "versions": ended.versions, "measured": figures}
    text = msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
    numbers = write_bytes(folder / "measured.json", text)
    try:
        for figure in figures:
            if not isinstance(figure, Table):
                yield f"  {dim('picture')}   {shown(write_bytes(folder / f'{figure.name}.png', png(figure)))}"
    except NoMatplotlib:
        yield f"  {dim('picture')}   none: pip install 'archgrade[report]' draws them"
    yield f"  {dim('numbers')}   {shown(numbers)}"
