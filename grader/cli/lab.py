"""grade lab: run the lab of an exercise on the student's own code, and draw what it measures."""

import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import click
import msgspec

from grader.base.errors import UsageError
from grader.base.files import require_writable, shown, write_bytes
from grader.base.result import Failure
from grader.base.text import did_you_mean
from grader.cli.names import LabName
from grader.cli.numbers import WholeNumber
from grader.cli.screen import COLUMNS, bold, columns, course_root, dim, prose, say, step
from grader.course import Course, Exercise, load_course
from grader.course.lab_script import lab_signature
from grader.course.labs import CourseLab, course_labs
from grader.course.progress import Progress
from grader.engine.judge.materials import MIB
from grader.engine.judge.messages import LabCode, LabEnded, RunLab
from grader.engine.pool.client import Judges, with_judges
from grader.engine.pool.single_runs import run_lab
from grader.lab import LabOption, Note, Quote, Setting, Step
from grader.pictures import Picture, Table
from grader.show.crash import frame_location
from grader.show.symbols import supports_unicode
from grader.study.grading import lost_as_usage_error
from grader.study.lab_code import REFERENCE, code_in, code_of_lab, own_code, reference_code

FAILED = 1  # exit code: the lab stopped with an error
MARGIN = "    "
COURSE_MEMORY = 2048  # MiB that the code of a lab of the whole course may use


Figure: TypeAlias = Picture | Table | Quote


@click.command("lab", context_settings={"ignore_unknown_options": True})
@click.argument("name", metavar="[NAME]", type=LabName(), required=False)
@click.argument("own_options", metavar="", nargs=-1, type=click.UNPROCESSED)
@click.option("--file", "path", metavar="PATH", type=click.Path(path_type=Path), help="Run this file instead.")
@click.option(
    "--seed", metavar="N", default=0, show_default=True, type=WholeNumber(0, 2**31), help="Seed of random numbers."
)
@click.option(
    "--with-reference", is_flag=True, help="Run the reference where yours has not passed, if the lab asks for it."
)
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Folder for pictures.")
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    own_options: tuple[str, ...],
    path: Path | None,
    seed: int,
    with_reference: bool,
    out: Path | None,
) -> None:
    """Run lab NAME on your own code, and draw what it measures, in the terminal and as PNG.

    If your code has not passed its tests, the reference is run instead; a lab of the whole course asks for that first.
    Without NAME, lists the labs and the options that each of them has. Ctrl-C ends a lab early: it shows what it has
    measured so far.

    Exits with 1 if the lab stops with an error.
    """
    course = load_course(course_root())
    labs = [exercise for exercise in course.exercises if exercise.lab.is_file()]
    whole = course_labs(course.root)
    if name is None:
        _list(labs, whole)
        return
    of_course = next((each for each in whole if each.name == name), None)
    if of_course is not None:
        if path is not None:
            raise UsageError(f"{name} runs your passed exercises, and takes no --file.")
        prepared = _of_course(course, of_course, own_options, seed, with_reference=with_reference)
    else:
        if with_reference:
            raise UsageError("--with-reference is for labs of the whole course; others name the reference they run.")
        prepared = _of_exercise(course, _find_lab(name, labs, whole), own_options, seed, path)
    folder = out or course.root / ".archgrade" / "labs" / prepared.id
    require_writable(folder)
    say("", *_labelled(prepared.name, prepared.title), "", *prepared.notes)
    figures, ended = _run(course, prepared.job)
    if ended.failure is not None:
        _show_failure(ended.failure, prepared)
        ctx.exit(FAILED)
    for line in _write_results(figures, folder, prepared, ended):
        say(line)


class _Prepared(msgspec.Struct, frozen=True):
    """A lab that is ready to run."""

    id: str
    name: str
    title: str
    job: RunLab
    notes: list[str]  # lines to show before it runs
    exercise: str | None  # to grade if the lab stops; None: only one in whose file it stopped


def _of_exercise(
    course: Course, exercise: Exercise, own_options: tuple[str, ...], seed: int, path: Path | None
) -> _Prepared:
    script = lab_signature(exercise.lab)
    options = _parse_options(exercise.lab_names[0], script.options, own_options)
    progress = Progress.load(course.root)
    codes = (
        code_in(course, exercise, path) if path else _code(course, exercise, progress),
        *(_code(course, course.exercise(each), progress) for each in script.exercises),
    )
    return _Prepared(
        id=exercise.id,
        name=exercise.lab_names[0],
        title=script.title or exercise.title,
        job=RunLab(str(exercise.lab.resolve()), codes, options, seed, exercise.limits.memory * MIB),
        notes=[line for code in codes if code.file == REFERENCE for line in _reference_note(code)],
        exercise=exercise.id,
    )


def _of_course(
    course: Course, lab: CourseLab, own_options: tuple[str, ...], seed: int, *, with_reference: bool
) -> _Prepared:
    script = lab_signature(lab.script)
    options = _parse_options(lab.name, script.options, own_options)
    found = code_of_lab(course, lab, Progress.load(course.root), with_reference=with_reference)
    setting = Setting(str(lab.config.resolve()), found.missing, found.references)
    notes = []
    if found.references:
        names = ", ".join(found.references)
        notes = [*prose(f"Runs the reference of {names}, because yours has not passed.", indent=2), ""]
    job = RunLab(str(lab.script.resolve()), (found.code,), options, seed, COURSE_MEMORY * MIB, setting)
    return _Prepared(lab.name, lab.name, script.title or lab.name, job, notes, exercise=None)


def _show_failure(failure: Failure, prepared: _Prepared) -> None:
    """Show why the lab stopped, and the command that grades the exercise in which it did."""
    frames = failure.exception.frames[-1:] if failure.exception else ()
    say("", *prose(f"The lab stopped: {failure.message}", indent=2))
    say(*(f"  {frame_location(each)}" for each in frames), "")
    codes = prepared.job.codes
    ids = {code.exercise for code in codes if prepared.exercise}.union(*(code.others for code in codes))
    failing = next((Path(each.file).stem for each in frames if Path(each.file).stem in ids), prepared.exercise)
    if failing is not None:
        say(step("grade", f"grade exercise {failing}", "tests it part by part"))


def _list(labs: list[Exercise], whole: tuple[CourseLab, ...]) -> None:
    if not labs and not whole:
        raise UsageError("This course has no labs.")
    say("", *(line for lab in labs for line in _lines_of_lab(lab.lab_names[0], lab.lab, lab.title)))
    say(*(line for lab in whole for line in _lines_of_lab(lab.name, lab.script, lab.name)))


def _lines_of_lab(name: str, path: Path, title: str) -> Iterator[str]:
    script = lab_signature(path)
    yield from _labelled(f"grade lab {name}", script.title or title)
    if script.options:
        yield " " * 29 + dim(" ".join(f"{_flag(each)} {default}" for each, default in script.options.items()))


def _labelled(command: str, title: str) -> list[str]:
    """Format a command and its title, which is wrapped and indented."""
    first, *rest = textwrap.wrap(title, min(columns(), COLUMNS) - 29) or [""]
    return [f"  {bold(f'{command:<26}')} {first}", *(f"{'':<29}{line}" for line in rest)]


def _find_lab(name: str, labs: list[Exercise], whole: tuple[CourseLab, ...]) -> Exercise:
    for lab in labs:
        if name in lab.lab_names:
            return lab
    names = [*(lab.lab_names[0] for lab in labs), *(lab.name for lab in whole)]
    raise UsageError(f"No lab '{name}' in this course.{did_you_mean(name, names)} grade lab lists them.")


def _parse_options(name: str, defaults: dict[str, LabOption], arguments: tuple[str, ...]) -> dict[str, LabOption]:
    """Parse the options of a lab. Raises click.UsageError for an unknown option."""
    options = [click.Option([_flag(each)], type=type(default), default=default) for each, default in defaults.items()]
    command = click.Command(name, params=[*options], add_help_option=False)
    return command.make_context(f"grade lab {name}", [*arguments]).params


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _code(course: Course, exercise: Exercise, progress: Progress) -> LabCode:
    return own_code(course, exercise, progress) or reference_code(course, exercise)


def _reference_note(code: LabCode) -> list[str]:
    text = f"Runs the reference of {code.exercise}, because yours has not passed (grade exercise {code.exercise})."
    return [*prose(text, indent=2), ""]


def _run(course: Course, lab: RunLab) -> tuple[list[Figure], LabEnded]:
    """Run the lab, show each picture as it arrives, and return all of them."""
    from grader.show.pictures.characters import draw_picture

    def work(judges: Judges) -> tuple[list[Figure], LabEnded]:
        figures: list[Figure] = []
        known: dict[str, int] = {}  # a curve keeps its mark in all pictures
        with closing(_StepLine()) as status:
            for message in run_lab(judges, lab, course.folders, status.stopping):
                if isinstance(message, LabEnded):
                    status.show(None)
                    return figures, message
                if isinstance(message.shown, Step):
                    status.show(message.shown)
                    continue
                if isinstance(message.shown, Note):
                    status.note(message.shown.text)
                    continue
                status.show(None)
                figures.append(message.shown)
                if isinstance(message.shown, Quote):
                    say(*(MARGIN + line for line in _lines_of_quote(message.shown)), "")
                    continue
                lines = draw_picture(
                    message.shown, COLUMNS - len(MARGIN), unicode=supports_unicode(sys.stdout), known=known
                )
                say(*(MARGIN + line for line in lines), "")
        raise AssertionError("the lab ended without LabEnded")

    with lost_as_usage_error():
        return with_judges(work)


class _StepLine:
    """The line of the current step: a spinner while it runs, then its duration."""

    def __init__(self) -> None:
        self._step: Step | None = None
        self._begun = 0.0
        self._spinner: Any = None

    def show(self, step: Step | None) -> None:
        """End the current step, and start another one unless it is None."""
        self.close()
        if self._step is not None:
            seconds = f"{time.monotonic() - self._begun:.1f} s"
            say(f"    {self._step.text:<50} {dim(f'{seconds:>8}')}")
            if step is None:
                say("")
        self._step, self._begun = step, time.monotonic()
        self._spin()

    def _spin(self) -> None:
        if self._step is not None and sys.stderr.isatty():
            from rich.console import Console

            self._spinner = Console(stderr=True).status(f"  {self._step.text}", spinner="line")
            self._spinner.start()

    def note(self, text: str) -> None:
        """Say a line while the step goes on."""
        self.close()
        say(f"    {text}")
        self._spin()

    def stopping(self) -> None:
        """Say that Ctrl-C was pressed."""
        self.close()
        click.echo(f"\n    {dim('stopping after this step; Ctrl-C again ends it at once')}", err=True)

    def close(self) -> None:
        """Remove the spinner."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None


def _lines_of_quote(quote: Quote) -> Iterator[str]:
    """Format a text under its title, with its own line breaks."""
    yield bold(quote.title)
    for line in quote.text.split("\n"):
        yield from (f"  {each}" for each in textwrap.wrap(line, COLUMNS - len(MARGIN) - 2) or [""])


def _write_results(figures: list[Figure], folder: Path, prepared: _Prepared, ended: LabEnded) -> Iterator[str]:
    """Write pictures and numbers, and yield lines with their paths."""
    from grader.show.pictures.graphics import NoMatplotlib, png

    results = {
        "exercise": prepared.id,
        "seed": prepared.job.seed,
        "options": prepared.job.options,
        "versions": ended.versions,
        "measured": figures,
    }
    text = msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"
    numbers = write_bytes(folder / "measured.json", text)
    try:
        for figure in figures:
            if not isinstance(figure, Table | Quote):
                yield f"  {dim('picture')}   {shown(write_bytes(folder / f'{figure.name}.png', png(figure)))}"
    except NoMatplotlib:
        yield f"  {dim('picture')}   none: pip install 'archgrade[report]' draws them"
    yield f"  {dim('numbers')}   {shown(numbers)}"
