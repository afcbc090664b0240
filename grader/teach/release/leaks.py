"""The proof that nothing leaked: what stands in an edition, held against all that students do not get.

A leak is a line of a hidden test, of a reference, of a known mistake or of a variant, which is not a line of what
students get anyway (lessons quote some code on purpose), or an answer or an explanation of a quiz. Lines are found
whatever stands around them, and explanations however their lines are broken.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

import msgspec

from grader.course.document import Document
from grader.course.model import Course
from grader.engine.submission.examine import is_untouched
from grader.quiz.sealed import is_sealed, unsealed
from grader.teach.release.secrets import Secrets, plain_lines, runs

LONG = 24  # characters of a line from which on it is looked for within others, too
SHOWN = 3  # leaks from one source in a file that are listed

_KEY = re.compile(r"""(?:^|[\s{,"'-])(?:correct|explanation|feedback|answers?|wrong|pairs|items)["']?\s*:\s*\S""")
_ANSWERED = re.compile(r"""^[\s#"'*`|-]*(?P<id>[a-z0-9]+(?:-[a-z0-9]+)*)["'*`]*\s*[:=|]\s*[^\s#]""")
_DATA = (".yaml", ".yml", ".json")


class Leak(msgspec.Struct, frozen=True):
    """Something that students should not get, and where it stands."""

    file: str
    line: int
    what: str  # "a line of the reference of moe_router"
    text: str = ""  # the line


class Found(msgspec.Struct, frozen=True):
    """What was found out about an edition."""

    leaks: tuple[Leak, ...]
    packed: tuple[str, ...]  # the files of quizzes that have their answers packed in them


def search(course: Course, files: Mapping[str, bytes]) -> Found:
    """What leaked into the files of an edition of a course. UsageError for what is wrong in the course's own files."""
    secrets = Secrets(course)
    leaks: list[Leak] = []
    packed: list[str] = []
    for name, data in sorted(files.items()):
        if secrets.public.get(name) == data:
            continue
        quiz = _packed(name, data)
        if quiz is not None and name in secrets.quizzes and quiz == secrets.quiz_file(name):
            packed.append(name)
        elif quiz is not None:
            leaks.append(Leak(name, 1, "packed, and not a quiz of the course as it is now"))
        else:
            leaks += _in_file(name, data, secrets)
    return Found(tuple(leaks), tuple(packed))


def by_source(leaks: Iterable[Leak]) -> Iterator[tuple[list[Leak], int]]:
    """The leaks from each source in each file: the first few, and how many more there are."""
    ordered = sorted(leaks, key=lambda each: (*_source(each), each.line))
    for _, group in groupby(ordered, _source):
        found = list(group)
        yield found[:SHOWN], max(0, len(found) - SHOWN)


def _source(leak: Leak) -> tuple[str, str]:
    return leak.file, leak.what


def _packed(name: str, data: bytes) -> bytes | None:
    """The quiz that is packed in a file; None where none is."""
    if not name.endswith(_DATA) or b"\nsealed:" not in data:
        return None
    document = Document(Path(name), data=data)
    return unsealed(document) if is_sealed(document) else None


def _in_file(name: str, data: bytes, secrets: Secrets) -> Iterator[Leak]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield Leak(name, 1, "neither text nor a file of the course that students get")
        return
    exercise = secrets.stub(name)
    if exercise is not None and not is_untouched(text, exercise.id):
        yield Leak(name, 1, f"no untouched stub of {exercise.id}")
    yield from _code(name, text, secrets)
    yield from _explanations(name, text, secrets)
    yield from _answers(name, text, secrets)


def _code(name: str, text: str, secrets: Secrets) -> Iterator[Leak]:
    """Lines that are lines of solutions, or hold a long one."""
    long: dict[str, list[str]] = {}
    for each in secrets.code:
        if len(each) >= LONG:
            long.setdefault(each[:LONG], []).append(each)
    for number, line in enumerate(plain_lines(text), start=1):
        begun = (known for at in range(len(line)) for known in long.get(line[at : at + LONG], ()))
        within = (known for known in begun if known in line and not secrets.quoted(known))
        secret = line if line in secrets.code else next(within, None)
        if secret is not None:
            yield Leak(name, number, f"a line of {secrets.code[secret]}", secret)


def _explanations(name: str, text: str, secrets: Secrets) -> Iterator[Leak]:
    """The lines with the words of an explanation."""
    lines = text.splitlines()
    told = {(number, secrets.explanations[words]) for words, number in runs(text) if words in secrets.explanations}
    yield from (Leak(name, number, what, lines[number - 1].strip()) for number, what in sorted(told))


def _answers(name: str, text: str, secrets: Secrets) -> Iterator[Leak]:
    """The lines in which a question has an answer, and in data those with a key of quiz.yaml that a form has not."""
    for number, line in enumerate(text.splitlines(), start=1):
        answered, key = _ANSWERED.match(line), _KEY.search(line)
        if answered and answered["id"] in secrets.questions:
            yield Leak(name, number, f"an answer to {answered['id']}", line.strip())
        elif key and name.endswith(_DATA) and not line.lstrip().startswith("#"):
            yield Leak(name, number, "a key of a quiz", line.strip())
