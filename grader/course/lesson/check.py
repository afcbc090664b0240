"""What the text of a part must keep to, as far as it can be told without running any of it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from grader.base.files import read_text
from grader.base.text import did_you_mean
from grader.course.lesson.fences import fences, unclosed
from grader.course.lesson.headings import sections
from grader.course.lesson.model import Code, ExerciseDue, Figure, LabDue, Listing, Part, Predict, PrintedOutput, flatten
from grader.course.lesson.moving import moving_scripts, script_problem
from grader.course.lesson.passages import passages
from grader.course.lesson.problem import Problem
from grader.course.model import Course

COLUMNS = 76  # of code, outputs and what is only read
OPENING_MINUTES = (3, 15)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)  # how one begins that is no file's
_NUMBER = re.compile(r"[-+]?\d+(?:,\d{3})*(?:\.\d*)?(?:e[-+]?\d+)?")


def text_problems(part: Part, text: str, course: Course) -> Iterator[Problem]:
    """All that is wrong with one part, whose file has this text, by itself."""
    for line, what in (
        *_fences(part, text),
        *_widths(part),
        *_minutes(part, course.standards.minutes),
        *_due(part, course),
        *_moving(part, course.root),
        *_answers(part),
        *_links(part, course.root),
    ):
        yield Problem(part.path, line, what)


def id_problems(parts: Sequence[Part]) -> Iterator[Problem]:
    """Questions of a lesson that have the id of an earlier one."""
    seen: dict[str, str] = {}
    for part in parts:
        for block in flatten(part.blocks):
            if isinstance(block, Predict):
                where = seen.setdefault(block.id, f"{part.path}:{block.line}")
                if where != f"{part.path}:{block.line}":
                    yield Problem(part.path, block.line, f"the id '{block.id}' is that of the question in {where}.")


def _fences(part: Part, text: str) -> Iterator[tuple[int, str]]:
    yield from unclosed(text)
    seen = {block.line for block in flatten(part.blocks)}
    for line in fences(text):
        if line not in seen:
            yield line, "a fence within a list or a quotation is only read; it stands by itself."
    for passage in passages(part):
        if (place := passage.text.find(":::")) >= 0:
            yield passage.line_at(place), "::: opens a deep dive, `::: deep Why the root`, or closes one."


def _widths(part: Part) -> Iterator[tuple[int, str]]:
    for block in flatten(part.blocks):
        if isinstance(block, Code | PrintedOutput | Listing):
            for place, line in enumerate(block.text.split("\n"), start=1):
                if len(line) > COLUMNS:
                    yield block.line + place, f"this line has {len(line)} columns; {COLUMNS} fit a terminal."


def _minutes(part: Part, meant: tuple[int, int]) -> Iterator[tuple[int, str]]:
    least, most = meant if part.lesson else OPENING_MINUTES
    if not least <= part.minutes <= most:
        yield 0, f"this takes {part.minutes} minutes to read; {least} to {most} are meant."


def _due(part: Part, course: Course) -> Iterator[tuple[int, str]]:
    """The exercises and labs of a part that are not there, or elsewhere."""
    exercises = {exercise.id: exercise for exercise in course.exercises}
    labs = {name for exercise in course.exercises if exercise.lab.is_file() for name in exercise.lab_names}
    for block in flatten(part.blocks):
        match block:
            case ExerciseDue(exercise=name) if name not in exercises:
                yield block.line, f"there is no exercise '{name}'.{did_you_mean(name, exercises)}"
            case ExerciseDue(exercise=name) if part.lesson and exercises[name].lesson != part.lesson:
                yield block.line, f"the exercise '{name}' is of lesson {exercises[name].lesson}."
            case LabDue(lab=name) if name not in labs:
                yield block.line, f"there is no lab '{name}'.{did_you_mean(name, labs)}"


def _moving(part: Part, root: Path) -> Iterator[tuple[int, str]]:
    scripts = moving_scripts(root)
    for block in flatten(part.blocks):
        if isinstance(block, Figure) and block.moving and (wrong := script_problem(block.moving, scripts)):
            yield block.line, wrong


def _answers(part: Part) -> Iterator[tuple[int, str]]:
    """Numbers to predict that the output which the question hides does not show."""
    blocks = list(flatten(part.blocks))
    for question in blocks:
        if not isinstance(question, Predict) or question.number is None:
            continue
        hidden = [block.text for block in blocks if isinstance(block, PrintedOutput) and block.after == question.id]
        numbers = [number.replace(",", "") for text in hidden for number in _NUMBER.findall(text)]
        if numbers and not any(question.is_right(number) for number in numbers):
            yield question.line, f"the output that this question hides does not show its answer, {question.answer}."


def _links(part: Part, root: Path) -> Iterator[tuple[int, str]]:
    for passage in passages(part):
        for line, target in passage.links:
            what = _url(target) if _ADDRESS.match(target) else _file(target, root / part.path, root)
            if what:
                yield line, f"the link {target} {what}"
        if (place := passage.text.find("](")) >= 0:
            yield passage.line_at(place), "this is read as no link: an address has no spaces."


def _url(target: str) -> str | None:
    """What is wrong with the address of a page."""
    try:
        parts = urlsplit(target)
        host = parts.hostname or ""
    except ValueError:
        return "is no address."
    if parts.scheme != "https":
        return "does not begin with https."
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host) or re.search(r"\s|%20", target):
        return "is no address."
    return None


def _file(target: str, here: Path, root: Path) -> str | None:
    """What is wrong with a link from the file `here` to a file of the course, or to a heading in one."""
    name, _, anchor = target.partition("#")
    path = (here.parent / name).resolve() if name else here
    if not path.is_relative_to(root.resolve()):
        return "leads out of the course."
    if not path.exists():
        return "leads nowhere."
    if anchor and anchor not in {_anchor(section.title) for section in sections(read_text(path))}:
        return f"leads to no heading of {path.name}."
    return None


def _anchor(heading: str) -> str:
    """The name of a heading in links, as the common hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
