"""From the Markdown of a part to its blocks. Whatever is wrong is one sentence with file and line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
    """What stands in a fence `question`."""

    id: Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
    ask: Text
    answer: Text
    because: Text
    options: tuple[Text, ...] = ()
    tolerance: Annotated[float, Meta(ge=0)] = 0.0


def load_lesson(course: Course, lesson: Lesson) -> tuple[Part, ...]:
    """The parts of a lesson, in order; none where it is not written yet. UsageError for what is wrong in a file."""
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
        blocks=tuple(_Reader(file.path).blocks(tokens, lines)),
    )


@dataclass
class _Reader:
    """Makes blocks of the tokens of one file."""

    path: Path
    ids: dict[str, int] = field(default_factory=dict)
    waits: str | None = None  # the question that hides what comes next

    def error(self, line: int, sentence: str) -> UsageError:
        return UsageError(f"{shown(self.path)}:{line}: {sentence}")

    def blocks(self, tokens: Sequence[Token], lines: Sequence[str]) -> Iterator[AnyBlock]:
        """The blocks of a file's tokens, or of those in a deep dive."""
        prose: list[tuple[int, int]] = []  # first and last line + 1 of what is gathered
        place = 0

        def gathered() -> Iterator[Prose]:
            if prose:
                text = "\n".join(lines[prose[0][0] : prose[-1][1]]).strip("\n")
                yield Prose(line=prose[0][0] + 1, text=text)
                self.waits = None
                prose.clear()

        while place < len(tokens):
            token = tokens[place]
            if token.type == f"container_{DEEP}_open":
                yield from gathered()
                end = closing(tokens, place)
                yield self._deep(token, tokens[place + 1 : end], lines)
                place = end + 1
            elif token.type == "fence":
                yield from gathered()
                yield self._fence(token)
                place += 1
            else:
                end = closing(tokens, place)
                assert token.map is not None
                prose.append((token.map[0], token.map[1]))
                place = end + 1
        yield from gathered()

    def _deep(self, token: Token, inner: Sequence[Token], lines: Sequence[str]) -> Deep:
        assert token.map is not None
        line = token.map[0] + 1
        title = token.info.strip().removeprefix(DEEP).strip()
        if not title:
            raise self.error(line, "a deep dive has a title: `::: deep Why the root`.")
        return Deep(line=line, title=title, blocks=tuple(self.blocks(inner, lines)))

    def _fence(self, token: Token) -> AnyBlock:
        assert token.map is not None
        line = token.map[0] + 1
        kind, _, rest = token.info.strip().partition(" ")
        text = token.content.rstrip("\n")
        match kind:
            case "python":
                self.waits = None
                return Code(line=line, text=text)
            case "output":
                return PrintedOutput(line=line, text=text, after=self.waits)
            case "question":
                return self._question(line, text)
            case "picture":
                return self._picture(line, rest, text)
            case "exercise" | "lab":
                self.waits = None
                name = self._name(line, kind, rest)
                if kind == "lab":
                    return LabDue(line=line, lab=name, text=text)
                return ExerciseDue(line=line, exercise=name, text=text)
            case "text" | "console":
                self.waits = None
                return Listing(line=line, language=kind, text=text)
        hint = did_you_mean(kind, FENCES) if kind else ""
        raise self.error(line, f"a fence says what it holds: {', '.join(FENCES)}; this one says '{kind}'.{hint}")

    def _name(self, line: int, kind: str, rest: str) -> str:
        if not _NAME.fullmatch(rest.strip()):
            raise self.error(line, f"```{kind} is followed by one name, such as ```{kind} masks.")
        return rest.strip()

    def _picture(self, line: int, rest: str, caption: str) -> Figure:
        name, _, option = rest.partition(" ")
        moving = option.strip().removeprefix("moving=") if option.strip().startswith("moving=") else None
        if option.strip() and not moving:
            raise self.error(line, "after its name a picture may have moving=NAME, and nothing else.")
        if not caption.strip():
            raise self.error(line, f"the picture '{name}' has no caption: say in a sentence what is to be seen.")
        name = self._name(line, "picture", name)
        return Figure(line=line, name=name, caption=caption, moving=moving, after=self.waits)

    def _question(self, line: int, text: str) -> Predict:
        data = ("\n" * line + text).encode()
        document = Document(self.path, data=data)
        question = document.convert(_Question)
        if question.options and question.answer not in question.options:
            raise document.error(("answer",), "the answer is none of the options; write it as it stands there.")
        if len(set(question.options)) != len(question.options) or len(question.options) == 1:
            raise document.error(("options",), "options are two or more, and all different.")
        if question.id in self.ids:
            raise document.error(("id",), f"this id is given twice; it stands in line {self.ids[question.id]} already.")
        self.ids[question.id] = line
        self.waits = question.id
        return Predict(line=line, **{name: getattr(question, name) for name in question.__struct_fields__})
