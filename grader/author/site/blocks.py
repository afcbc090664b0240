"""Render the blocks of a part as HTML."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from grader.author.site.highlight import code
from grader.author.site.markdown import HtmlWriter, plain
from grader.author.site.model import relative
from grader.author.site.template import render
from grader.base.errors import UsageError
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
from grader.course.lesson.moving import moving_scripts, script_problem
from grader.course.lesson.pictures import load_picture
from grader.course.model import Course, Exercise
from grader.show.pictures.graphics import svg
from grader.show.pictures.values import picture_tables


@dataclass(frozen=True)
class PrintedAnswer:
    """The answer to a question of a page for paper, as HTML."""

    number: int  # of the question, from 1 in the lesson
    part: str
    answer: str
    because: str


@dataclass
class BlockWriter:
    """Writes the blocks of one part as HTML, and collects the scripts of its moving pictures in `scripts`.

    For paper, everything is open, and `answers` collects the answers.
    """

    course: Course
    part: Part
    writer: HtmlWriter
    scripts: list[str] = field(default_factory=list)
    answers: list[PrintedAnswer] | None = None  # None: not for paper
    _questions: int = 0  # written so far, for the screen

    def write(self, blocks: Iterable[AnyBlock]) -> str:
        """Return blocks as HTML."""
        return "".join(map(self._block, blocks))

    def _block(self, block: AnyBlock) -> str:
        match block:
            case Prose(text=text, line=line):
                return self._prose(text, line)
            case Code(text=text):
                return code(text, "python")
            case Listing(language=language, text=text):
                return code(text, language)
            case PrintedOutput(text=text, after=after):
                return self._hidden_until_answered(
                    after, "What it prints", f'<div class="output">{code(text, "")}</div>'
                )
            case Figure(after=after):
                return self._hidden_until_answered(after, "The picture", self._figure(block))
            case Predict():
                return self._question(block)
            case ExerciseDue(exercise=name, text=text, line=line):
                return self._exercise(name, text, line)
            case LabDue(lab=name, text=text, line=line):
                return self._lab(name, text, line)
            case Deep(title=title):
                heading = self.writer.heading(2, title)
                opened = self.answers is not None
                body = self.write(block.blocks)
                return render("deep.html", heading=heading, title=plain(title), body=body, opened=opened)
        raise AssertionError(f"unknown block type {type(block).__name__}")

    def _prose(self, text: str, line: int) -> str:
        return self.writer.write(text, line)

    def _hidden_until_answered(self, question: str | None, name: str, body: str) -> str:
        if question is None or self.answers is not None:
            return body
        return render("waiting.html", question=question, name=name, body=body)

    def _figure(self, figure: Figure) -> str:
        if figure.moving is not None:
            if wrong := script_problem(figure.moving, moving_scripts(self.course.root)):
                raise UsageError(f"{self.part.path}:{figure.line}: {wrong}")
            self.scripts.append(f"assets/moving/{figure.moving}.js")
        picture = load_picture(Path(self.course.root, self.part.path).parent, figure.name)
        caption = self.writer.inline(figure.caption, figure.line)
        return render("figure.html", figure=figure, svg=svg(picture), tables=picture_tables(picture), caption=caption)

    def _question(self, block: Predict) -> str:
        ask = self.writer.write(block.ask, block.line)
        options = [(option, self.writer.inline(option, block.line)) for option in block.options]
        answer = self.writer.inline(block.answer, block.line)
        because = self.writer.write(block.because, block.line)
        if self.answers is None:
            self._questions += 1
            return render(
                "question.html",
                question=block,
                number=self._questions,
                ask=ask,
                options=options,
                answer=answer,
                because=because,
            )
        number = len(self.answers) + 1
        self.answers.append(PrintedAnswer(number, self.part.id, answer, because))
        return render("printed_question.html", number=number, ask=ask, options=[shown for _, shown in options])

    def _exercise(self, name: str, text: str, line: int) -> str:
        exercise = self._find(name, {each.id: each for each in self.course.exercises}, "exercise", line)
        minutes = exercise.minutes if exercise else None
        return self._due(exercise, f"grade exercise {name}", "Exercise", text, line, minutes)

    def _lab(self, name: str, text: str, line: int) -> str:
        labs = {name: each for each in self.course.exercises if each.lab.is_file() for name in each.lab_names}
        return self._due(self._find(name, labs, "lab", line), f"grade lab {name}", "Lab", text, line)

    def _find(self, name: str, known: dict[str, Exercise], noun: str, line: int) -> Exercise | None:
        """Return the exercise with that name; None if a student's edition does not have it."""
        if name not in known and not self.course.released:
            raise UsageError(f"{self.part.path}:{line}: there is no {noun} '{name}' in this course.")
        return known.get(name)

    def _due(
        self, exercise: Exercise | None, command: str, kind: str, text: str, line: int, minutes: int | None = None
    ) -> str:
        return render(
            "due.html",
            exercise=exercise,
            minutes=minutes,
            href=relative(f"exercises/{exercise.id}.html", self.writer.url) if exercise else None,
            command=command,
            kind=kind,
            text=self.writer.write(text, line) if text.strip() else "",
        )
