"""Convert the Markdown of a part to blocks. Errors are one sentence with file and line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Annotated

from markdown_it.token import Token
from msgspec import Meta

from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.base.text import did_you_mean
from grader.course.document import Document
from grader.course.lesson.files import PartFile, front_matter, part_files
from grader.course.lesson.markdown import DEEP, closing, parser
from grader.course.lesson.model import (
    AnyBlock,
    Code,
    Deep,
    ExerciseDue,
    Figure,
    LabDue,
    Listing,
    Part,
    Predict,
    PrintedOutput,
    Prose,
)
from grader.course.model import Course, Lesson, Text, YamlStruct

FENCES = ("python", "output", "question", "picture", "exercise", "lab", "text", "console")
_NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")


class _Question(YamlStruct, frozen=True, kw_only=True):
    """The YAML in a `question` fence."""

    id: Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
    ask: Text
    answer: Text
    because: Text
    options: tuple[Text, ...] = ()
    tolerance: Annotated[float, Meta(ge=0)] = 0.0


def load_lesson(course: Course, lesson: Lesson) -> tuple[Part, ...]:
    """Return the parts of a lesson in order; none if it is not written yet. Raise UsageError for an error in a file."""
    return tuple(load_part(course.root, file) for file in part_files(course, lesson))


def load_part(root: Path, file: PartFile) -> Part:
    """Return the part in a file of the course at `root`. Raise UsageError for the first error in it."""
    text = read_text(file.path)
    head, below = front_matter(file.path, text)
    lines = text.split("\n")
    tokens = parser().parse("\n" * below + "\n".join(lines[below:]))
    return Part(
        lesson=file.lesson,
        number=file.number,
        slug=file.slug,
        title=head.title,
        path=file.path.relative_to(root).as_posix(),
        blocks=tuple(_Reader(file.path, file.number).blocks(tokens, lines)),
    )


@dataclass
class _Reader:
    """Converts the Markdown tokens of one file to blocks."""

    path: Path
    part: int
    figures: int = 0  # read so far
    ids: dict[str, int] = field(default_factory=dict)
    question: str | None = None  # the question that hides the next outputs and pictures

    def error(self, line: int, sentence: str) -> UsageError:
        return UsageError(f"{shown(self.path)}:{line}: {sentence}")

    def blocks(self, tokens: Sequence[Token], lines: Sequence[str]) -> Iterator[AnyBlock]:
        """Yield the blocks of the tokens of a file, or of a deep dive. `lines` are those of the whole file."""
        for is_prose, group in groupby(_top_level(tokens), key=lambda each: _is_prose(each[0])):
            if is_prose:
                prose = [token for token, _ in group]
                yield self._prose(prose[0], prose[-1], lines)
                continue
            for token, inner in group:
                yield self._fence(token) if token.type == "fence" else self._deep(token, inner, lines)

    def _prose(self, first: Token, last: Token, lines: Sequence[str]) -> Prose:
        assert first.map is not None
        assert last.map is not None
        self.question = None
        return Prose(line=first.map[0] + 1, text="\n".join(lines[first.map[0] : last.map[1]]).strip("\n"))

    def _deep(self, token: Token, inner: Sequence[Token], lines: Sequence[str]) -> Deep:
        assert token.map is not None
        line = token.map[0] + 1
        title = token.info.strip().removeprefix(DEEP).strip()
        if not title:
            raise self.error(line, "a deep dive needs a title: `::: deep Why the root`.")
        return Deep(line=line, title=title, blocks=tuple(self.blocks(inner, lines)))

    def _fence(self, token: Token) -> AnyBlock:
        assert token.map is not None
        line = token.map[0] + 1
        kind, _, rest = token.info.strip().partition(" ")
        text = token.content.rstrip("\n")
        match kind:
            case "python":
                self.question = None
                return Code(line=line, text=text)
            case "output":
                return PrintedOutput(line=line, text=text, after=self.question)
            case "question":
                return self._question(line, text)
            case "picture":
                return self._picture(line, rest, text)
            case "exercise" | "lab":
                self.question = None
                name = self._name(line, kind, rest)
                if kind == "lab":
                    return LabDue(line=line, lab=name, text=text)
                return ExerciseDue(line=line, exercise=name, text=text)
            case "text" | "console":
                self.question = None
                return Listing(line=line, language=kind, text=text)
        hint = did_you_mean(kind, FENCES) if kind else ""
        raise self.error(line, f"a fence must be one of {', '.join(FENCES)}, not '{kind}'.{hint}")

    def _name(self, line: int, kind: str, rest: str) -> str:
        if not _NAME.fullmatch(rest.strip()):
            raise self.error(line, f"```{kind} must be followed by one name, such as ```{kind} masks.")
        return rest.strip()

    def _picture(self, line: int, rest: str, caption: str) -> Figure:
        name, _, option = rest.partition(" ")
        moving = option.strip().removeprefix("moving=") if option.strip().startswith("moving=") else None
        if option.strip() and not moving:
            raise self.error(line, "after its name a picture may have moving=NAME, and nothing else.")
        if not caption.strip():
            raise self.error(line, f"the picture '{name}' has no caption; describe it in a sentence.")
        name = self._name(line, "picture", name)
        self.figures += 1
        number = f"{self.part}.{self.figures}"
        return Figure(line=line, number=number, name=name, caption=caption, moving=moving, after=self.question)

    def _question(self, line: int, text: str) -> Predict:
        data = ("\n" * line + text).encode()
        document = Document(self.path, data=data)
        question = document.convert(_Question)
        if question.options and question.answer not in question.options:
            raise document.error(("answer",), "the answer is none of the options; copy one of them.")
        if len(set(question.options)) != len(question.options) or len(question.options) == 1:
            raise document.error(("options",), "there must be two or more options, all different.")
        if question.id in self.ids:
            raise document.error(("id",), f"this id is given twice, first in line {self.ids[question.id]}.")
        self.ids[question.id] = line
        self.question = question.id
        return Predict(line=line, **{name: getattr(question, name) for name in question.__struct_fields__})


def _top_level(tokens: Sequence[Token]) -> Iterator[tuple[Token, Sequence[Token]]]:
    """Yield every outermost token with the tokens inside it."""
    place = 0
    while place < len(tokens):
        end = closing(tokens, place)
        yield tokens[place], tokens[place + 1 : end]
        place = end + 1


def _is_prose(token: Token) -> bool:
    return token.type not in ("fence", f"container_{DEEP}_open")
