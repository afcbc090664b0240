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

from grader.base.errors import UsageError
from grader.base.files import read_text, require_writable, shown, write_bytes
from grader.base.text import did_you_mean
from grader.cli.names import LabName
from grader.cli.screen import COLUMNS, bold, columns, course_root, dim, prose, say, step
from grader.course import Course, Exercise, load_course
from grader.course.lab_script import lab_signature
from grader.course.progress import Progress
from grader.engine.judge.materials import MIB, reference_texts
from grader.engine.judge.messages import LabCode, LabEnded, RunLab
from grader.engine.pool.client import Judges, with_judges
from grader.engine.submission import Submission, examine, read_submission
from grader.engine.submission.imports import built_on
from grader.lab import LabOption, Step
from grader.pictures import Picture, Table
from grader.show.crash import place
from grader.show.marks import unicode_on
from grader.study.grading import lost_is_said, own_imports, own_submission

FAILED = 1
REFERENCE = "the reference"
MARGIN = "    "


@click.command("lab", context_settings={"ignore_unknown_options": True})
@click.argument("name", metavar="NAME", type=LabName(), required=False)
@click.argument("own_options", metavar="", nargs=-1, type=click.UNPROCESSED)
@click.option("--file", "path", metavar="PATH", type=click.Path(path_type=Path), help="Run this file instead.")
@click.option("--seed", metavar="N", default=0, show_default=True, type=click.IntRange(0, 2**31), help="Another run.")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Where the pictures go.")
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    own_options: tuple[str, ...],
    path: Path | None,
    seed: int,
    out: Path | None,
) -> None:
    """Run lab NAME on your own code, and draw what was measured: here, and as PNG.

    Where your code has not passed its tests, the reference stands in for it.

    Without NAME, the labs of the course, with the options that only one of them has. Exits with 1 if your code could
    not be run to the end.
    """
    course = load_course(course_root())
    labs = [exercise for exercise in course.exercises if exercise.lab.is_file()]
    if name is None:
        _list(labs)
        return
    exercise = _meant(name, labs)
    wanted = lab_signature(exercise.lab)
    options = _parsed(name, wanted.options, own_options)
    folder = out or course.root / ".archgrade" / "labs" / exercise.id
    progress = Progress.load(course.root)
    codes = [
        _code(course, exercise, progress, path),
        *(_code(course, course.exercise(each), progress) for each in wanted.exercises),
    ]
    require_writable(folder)
    lab = RunLab(
        path=str(exercise.lab.resolve()),
        codes=tuple(codes),
        options=options,
        seed=seed,
        memory=exercise.limits.memory * MIB,
    )
    say("", *_labelled(exercise.lab_names[0], wanted.title or exercise.title), "")
    say(*(line for code in codes if code.file == REFERENCE for line in _stands_in(code)))
    figures, ended = _run(course, lab)
    if ended.failure is not None:
        say("", *prose(f"The lab could not go on: {ended.failure.message}", indent=2))
        at = ended.failure.exception.frames[-1:] if ended.failure.exception else ()
        say(*(f"  {place(each)}" for each in at), "")
        ids = {code.exercise for code in codes}.union(*(code.others for code in codes))
        meant = next((Path(each.file).stem for each in at if Path(each.file).stem in ids), exercise.id)
        say(step("grade", f"grade exercise {meant}", "tests it part by part"))
        ctx.exit(FAILED)
    for line in _kept(figures, folder, exercise, lab, ended):
        say(line)


def _list(labs: list[Exercise]) -> None:
    if not labs:
        raise UsageError("This course has no labs.")
    say("", *(line for lab in labs for line in _listed(lab)))


def _listed(lab: Exercise) -> Iterator[str]:
    script = lab_signature(lab.lab)
    yield from _labelled(f"grade lab {lab.lab_names[0]}", script.title or lab.title)
    if script.options:
        yield " " * 29 + dim(" ".join(f"{_flag(each)} {default}" for each, default in script.options.items()))


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


def _parsed(name: str, defaults: dict[str, LabOption], arguments: tuple[str, ...]) -> dict[str, LabOption]:
    """The options of a lab, with what was given for them. click's UsageError where it has no such option."""
    options = [click.Option([_flag(each)], type=type(default), default=default) for each, default in defaults.items()]
    command = click.Command(name, params=[*options], add_help_option=False)
    return command.make_context(f"grade lab {name}", [*arguments]).params


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _code(course: Course, exercise: Exercise, progress: Progress, path: Path | None = None) -> LabCode:
    """The file at `path`; else the student's own, if it passed as it is or the course has no reference; else that."""
    own = read_submission(path, exercise.id) if path else own_submission(exercise)
    passed = any(each.passed and each.sha256 == own.sha256 for each in progress.attempts(exercise.id))
    if path or passed or exercise.solution is None:
        return LabCode(exercise.id, own.text, own.file, _imports(course, exercise, own))
    return _reference(course, exercise)


def _reference(course: Course, exercise: Exercise) -> LabCode:
    others = reference_texts(course.needed_by(exercise))
    return LabCode(exercise.id, read_text(exercise.reference), REFERENCE, others)


def _stands_in(code: LabCode) -> list[str]:
    text = f"The reference of {code.exercise} is run: your own has not passed (grade exercise {code.exercise})."
    return [*prose(text, indent=2), ""]


def _imports(course: Course, exercise: Exercise, submission: Submission) -> dict[str, str]:
    """The student's other exercises that a lab runs with. UsageError where one of them is not there, or not written."""
    imports = own_imports(course, exercise, submission.text)
    for name, why in imports.absent.items():
        raise UsageError(f"{exercise.id} imports {name}: {why}")
    for name in built_on(exercise.id, imports.of, used=True):
        finding = examine(imports.texts[name], name).finding
        if finding is not None:
            raise UsageError(f"{exercise.id} imports {name}, and there {finding.message}; grade exercise {name} first.")
    return imports.texts


def _run(course: Course, lab: RunLab) -> tuple[list[Picture | Table], LabEnded]:
    """Runs the lab, shows each part as it comes, and returns all that was measured."""
    from grader.show.characters import drawn

    def work(judges: Judges) -> tuple[list[Picture | Table], LabEnded]:
        figures: list[Picture | Table] = []
        known: dict[str, int] = {}  # curves of one name look alike in all pictures
        with _status() as status:
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

    with lost_is_said():
        return with_judges(work)


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


def _kept(
    figures: list[Picture | Table], folder: Path, exercise: Exercise, lab: RunLab, ended: LabEnded
) -> Iterator[str]:
    """Writes pictures and numbers, and says where."""
    from grader.show.graphics import NoMatplotlib, png

    found = {
        "exercise": exercise.id,
        "seed": lab.seed,
        "options": lab.options,
        "versions": ended.versions,
        "measured": figures,
    }
    text = msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
    numbers = write_bytes(folder / "measured.json", text)
    try:
        for figure in figures:
            if not isinstance(figure, Table):
                yield f"  {dim('picture')}   {shown(write_bytes(folder / f'{figure.name}.png', png(figure)))}"
    except NoMatplotlib:
        yield f"  {dim('picture')}   none: pip install 'archgrade[report]' draws them"
    yield f"  {dim('numbers')}   {shown(numbers)}"
