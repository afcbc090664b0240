"""The data of a quiz. The fields are the keys of quiz.yaml; docs/authors/quizzes.md explains them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from grader.course.model import YamlStruct

# Scalars are read as text, so texts and formulas may look like numbers in YAML. Editors parse YAML themselves, so the
# schema (grader/quiz/schema.py) allows numbers there.
Text = Annotated[str, Meta(min_length=1)]
ID_PATTERN = r"[a-z0-9]+(-[a-z0-9]+)*"
Id = Annotated[str, Meta(extra_json_schema={"pattern": f"^{ID_PATTERN}$"})]
Number = int | float
Level = Literal["recall", "apply", "analyse"]

LEVELS: tuple[Level, ...] = ("recall", "apply", "analyse")
MAX_CHOICES = 9  # each choice is a single digit
COMMANDS = {"s": "skip", "b": "go back to", "u": "undo", "a": "appeal", "q": "stop"}  # typed alone, never an answer


class Option(YamlStruct, frozen=True, kw_only=True):
    """An option of a choice question."""

    text: Text
    feedback: Text  # why it is right, or the misunderstanding behind it
    correct: bool = False
    pin: Literal["first", "last"] | None = None  # keeps its position when options are shuffled


class WrongAnswer(YamlStruct, frozen=True, kw_only=True):
    """A typical wrong answer: a number or formula, a text, or a line number."""

    answer: Text
    feedback: Text


class MatchPair(YamlStruct, frozen=True, kw_only=True):
    """A left side and the right side that belongs to it."""

    left: Text
    right: Text
    feedback: Text | None = None


class Range(YamlStruct, frozen=True, kw_only=True):
    """The numbers from `first` to `last` in steps."""

    first: Number = msgspec.field(name="from")
    last: Number = msgspec.field(name="to")
    step: Number = 1


class Tolerance(YamlStruct, frozen=True, kw_only=True):
    """The allowed distance from the right number: relative to it, or absolute."""

    relative: Annotated[float, Meta(gt=0, lt=1)] | None = None
    absolute: Annotated[float, Meta(gt=0)] | None = None


class _Question(YamlStruct, frozen=True, kw_only=True, tag_field="type"):
    """The fields of every question."""

    id: Id  # identifies the question in the progress
    level: Level
    section: Text  # of the lesson, to be read again
    question: Text  # Markdown
    explanation: Text
    source: Text | None = None  # where it can be looked up
    code: Text | None = None  # Python, shown below the question


class Single(_Question, frozen=True, kw_only=True, tag="single"):
    """A choice question with exactly one right option."""

    options: Annotated[tuple[Option, ...], Meta(min_length=3, max_length=6)]


class Multiple(_Question, frozen=True, kw_only=True, tag="multiple"):
    """A choice question with one or more right options, but not all."""

    options: Annotated[tuple[Option, ...], Meta(min_length=3, max_length=6)]


class Numeric(_Question, frozen=True, kw_only=True, tag="numeric"):
    """A question for a number, which may depend on parameters drawn for each student."""

    answer: Text  # a number or a formula
    tolerance: Tolerance | None = None  # None: integers must be exact, others within 1e-6 of their size
    unit: Text | None = None
    wrong: tuple[WrongAnswer, ...] = ()
    parameters: dict[str, tuple[Number, ...] | Range] = msgspec.field(default_factory=dict)
    # named sets of values, one of which is drawn
    configs: dict[str, dict[str, Number]] = msgspec.field(default_factory=dict)


class Order(_Question, frozen=True, kw_only=True, tag="order"):
    """Items to put in order; `items` is in the right order."""

    items: Annotated[tuple[Text, ...], Meta(min_length=3, max_length=MAX_CHOICES)]


class Match(_Question, frozen=True, kw_only=True, tag="match"):
    """Left sides, each with a matching right side."""

    pairs: Annotated[tuple[MatchPair, ...], Meta(min_length=2, max_length=MAX_CHOICES)]
    extra: tuple[Text, ...] = ()  # right sides without a left side


class TextAnswer(_Question, frozen=True, kw_only=True, tag="text"):
    """A question answered by typing a word or a few."""

    answers: Annotated[tuple[Text, ...], Meta(min_length=1)]  # all accepted answers; the first is shown
    wrong: tuple[WrongAnswer, ...] = ()


class CodeLine(_Question, frozen=True, kw_only=True, tag="line"):
    """A question answered by the number of a line of the code, from 1."""

    answer: Annotated[int, Meta(ge=1)]
    wrong: tuple[WrongAnswer, ...] = ()


class OwnWords(_Question, frozen=True, kw_only=True, tag="own words"):
    """A question whose answer only the student can compare with the right one.

    No quiz contains one: predictions in lessons become such questions when they are reviewed.
    """

    answer: Text


Question = Single | Multiple | Numeric | Order | Match | TextAnswer | CodeLine

Askable = Question | OwnWords

TYPES: dict[str, type[Any]] = {
    "single": Single,
    "multiple": Multiple,
    "numeric": Numeric,
    "order": Order,
    "match": Match,
    "text": TextAnswer,
    "line": CodeLine,
}


def type_of(question: Askable) -> str:
    """Return the type of a question as in quiz.yaml, such as `single`."""
    return str(question.__struct_config__.tag)


class Quiz(YamlStruct, frozen=True, kw_only=True):
    """quiz.yaml."""

    title: Text
    questions: Annotated[tuple[Question, ...], Meta(min_length=1)]

    def question(self, question_id: str) -> Question | None:
        """Return the question with this id, None if there is none."""
        return next((question for question in self.questions if question.id == question_id), None)
