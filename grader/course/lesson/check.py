"""Check the text of a part, as far as this is possible without running its code."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from grader.base.files import read_text
from grader.base.text import did_you_mean
from grader.course.lesson.fences import fences, unclosed
from grader.course.lesson.files import numbered_files
from grader.course.lesson.headings import sections
from grader.course.lesson.model import Code, ExerciseDue, Figure, LabDue, Listing, Part, Predict, PrintedOutput, flatten
from grader.course.lesson.moving import moving_scripts, script_problem
from grader.course.lesson.passages import passages
from grader.course.lesson.problem import Problem
from grader.course.model import Course

COLUMNS = 76  # the maximum width of code, output and listings
OPENING_MINUTES = (3, 15)
_URL = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)  # the start of a URL
_MENTION = re.compile(r"\b(?P<kind>part|lesson)s? \d+(?:(?:, | and | or | to )\d+)*\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(r"[-+]?\d+(?:,\d{3})*(?:\.\d*)?(?:e[-+]?\d+)?")


def text_problems(part: Part, text: str, course: Course) -> Iterator[Problem]:
    """Yield the problems of a part, whose file has this text."""
    for line, sentence in (
        *_fences(part, text),
        *_widths(part),
        *_minutes(part, course.standards.minutes),
        *_due(part, course),
        *_moving(part, course.root),
        *_answers(part),
        *_links(part, course.root),
        *_mentions(part, course),
    ):
        yield Problem(part.path, line, sentence)


def id_problems(parts: Sequence[Part]) -> Iterator[Problem]:
    """Yield a problem for every question of a lesson with the id of an earlier one."""
    seen: dict[str, str] = {}
    for part in parts:
        for block in flatten(part.blocks):
            if isinstance(block, Predict):
                where = seen.setdefault(block.id, f"{part.path}:{block.line}")
                if where != f"{part.path}:{block.line}":
                    yield Problem(part.path, block.line, f"the id '{block.id}' is taken by the question in {where}.")


def _fences(part: Part, text: str) -> Iterator[tuple[int, str]]:
    yield from unclosed(text)
    seen = {block.line for block in flatten(part.blocks)}
    for line in fences(text):
        if line not in seen:
            yield line, "a fence in a list or quotation is not run; move it out."
    for passage in passages(part):
        if (place := passage.text.find(":::")) >= 0:
            yield passage.line_at(place), "::: opens a deep dive, `::: deep Why the root`, or closes one."


def _widths(part: Part) -> Iterator[tuple[int, str]]:
    for block in flatten(part.blocks):
        if isinstance(block, Code | PrintedOutput | Listing):
            for place, line in enumerate(block.text.split("\n"), start=1):
                if len(line) > COLUMNS:
                    yield block.line + place, f"this line has {len(line)} columns; {COLUMNS} fit a terminal."


def _minutes(part: Part, allowed: tuple[int, int]) -> Iterator[tuple[int, str]]:
    least, most = allowed if part.lesson else OPENING_MINUTES
    if not least <= part.minutes <= most:
        yield 0, f"this takes {part.minutes} min to read; {least} to {most} min are allowed."


def _due(part: Part, course: Course) -> Iterator[tuple[int, str]]:
    """Yield the exercises and labs that do not exist, and exercises of other lessons."""
    exercises = {exercise.id: exercise for exercise in course.exercises}
    labs = {name for exercise in course.exercises if exercise.lab.is_file() for name in exercise.lab_names}
    for block in flatten(part.blocks):
        match block:
            case ExerciseDue(exercise=name) if name not in exercises:
                yield block.line, f"there is no exercise '{name}'.{did_you_mean(name, exercises)}"
            case ExerciseDue(exercise=name) if part.lesson and exercises[name].lesson != part.lesson:
                yield block.line, f"the exercise '{name}' belongs to lesson {exercises[name].lesson}."
            case LabDue(lab=name) if name not in labs:
                yield block.line, f"there is no lab '{name}'.{did_you_mean(name, labs)}"


def _moving(part: Part, root: Path) -> Iterator[tuple[int, str]]:
    scripts = moving_scripts(root)
    for block in flatten(part.blocks):
        if isinstance(block, Figure) and block.moving and (wrong := script_problem(block.moving, scripts)):
            yield block.line, wrong


def _answers(part: Part) -> Iterator[tuple[int, str]]:
    """Yield the questions whose numeric answer is not in the output that they hide."""
    blocks = list(flatten(part.blocks))
    for question in blocks:
        if not isinstance(question, Predict) or question.number is None:
            continue
        hidden = [block.text for block in blocks if isinstance(block, PrintedOutput) and block.after == question.id]
        numbers = [number.replace(",", "") for text in hidden for number in _NUMBER.findall(text)]
        if numbers and not any(question.is_right(number) for number in numbers):
            yield question.line, f"the output that this question hides does not contain its answer, {question.answer}."


def _links(part: Part, root: Path) -> Iterator[tuple[int, str]]:
    for passage in passages(part):
        for link in passage.links:
            target = link.target
            problem = _url_problem(target) if _URL.match(target) else _file_problem(target, root / part.path, root)
            if problem:
                yield link.line, f"the link {target} {problem}"
        if (place := passage.text.find("](")) >= 0:
            yield passage.line_at(place), "this is not a link, because an address has no spaces."


def _mentions(part: Part, course: Course) -> Iterator[tuple[int, str]]:
    """Yield each mention of another part or lesson, by its number, that does not link to it."""
    parts = {number: path.name for number, _, path in numbered_files((course.root / part.path).parent)}
    lessons = {lesson.number: f"../{lesson.folder_name}" for lesson in course.lessons}
    for passage in passages(part):
        for mention in () if passage.heading else _MENTION.finditer(passage.text):
            kind = mention["kind"].lower()
            for found in _DIGITS.finditer(passage.text, mention.start(), mention.end()):
                number = int(found[0])
                targets = [link.target for link in passage.links if link.start <= found.start() < link.end]
                wanted = (parts if kind == "part" else lessons).get(number)
                if targets and _is_target(posixpath.join(posixpath.dirname(part.path), targets[0]), kind, number):
                    continue
                if (kind, number) in (("part", part.number), ("lesson", part.lesson)) and not targets:
                    continue
                write = f"; write [{kind} {number}]({wanted})" if wanted else ""
                problem = "links elsewhere" if targets else "is not a link"
                yield passage.line_at(found.start()), f"the mention of {kind} {number} {problem}{write}."


def _is_target(target: str, kind: str, number: int) -> bool:
    """Return whether a link leads to a part with this number, or to a lesson with this number or a part of it."""
    path = PurePosixPath(posixpath.normpath(target.partition("#")[0]))
    if kind == "part":
        return path.name.startswith(f"{number}-")
    return any(folder.startswith(f"{number:02d}-") for folder in path.parts)


def _url_problem(target: str) -> str | None:
    """Return the problem of a URL, or None."""
    try:
        parts = urlsplit(target)
        host = parts.hostname or ""
    except ValueError:
        return "is not a valid address."
    if parts.scheme != "https":
        return "does not begin with https."
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host) or re.search(r"\s|%20", target):
        return "is not a valid address."
    return None


def _file_problem(target: str, here: Path, root: Path) -> str | None:
    """Return the problem of a link from the file `here` to a file of the course, or to a heading in one."""
    name, _, anchor = target.partition("#")
    path = (here.parent / name).resolve() if name else here
    if not path.is_relative_to(root.resolve()):
        return "leads out of the course."
    if not path.exists():
        return "leads to no file."
    if anchor and anchor not in {_anchor(section.title) for section in sections(read_text(path))}:
        return f"leads to no heading of {path.name}."
    return None


def _anchor(heading: str) -> str:
    """Return the anchor of a heading, as GitHub generates it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
