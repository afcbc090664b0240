"""What a quiz consists of. The fields are the keys of quiz.yaml; docs/quizzes.md explains them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from grader.course.model import YamlStruct

# A scalar of YAML is read as the text that stands there, so that a text, and a formula, can be a number too: the schema
# allows it (grader/quiz/schema.py), since an editor reads YAML by itself.
Text = Annotated[str, Meta(min_length=1)]
ID = r"[a-z0-9]+(-[a-z0-9]+)*"
Id = Annotated[str, Meta(extra_json_schema={"pattern": f"^{ID}$"})]
Number = int | float
Level = Literal["recall", "apply", "analyse"]

LEVELS: tuple[Level, ...] = ("recall", "apply", "analyse")
MOST = 9  # things to choose among: each has a digit
COMMANDS = {"s": "skip", "b": "go back to", "u": "undo", "a": "appeal", "q": "stop"}  # typed alone: never an answer


class Option(YamlStruct, frozen=True, kw_only=True):
    """Something to choose."""

    text: Text
    feedback: Text  # why it is right, or which misunderstanding it is
    correct: bool = False
    pin: Literal["first", "last"] | None = None  # keeps its place when options are shuffled


class Slip(YamlStruct, frozen=True, kw_only=True):
    """A typical wrong answer: a number or formula, a text, or the number of a line."""

    answer: Text
    feedback: Text


class Pair(YamlStruct, frozen=True, kw_only=True):
    """A left side and the right side that belongs to it."""

    left: Text
    right: Text
    feedback: Text | None = None


class Range(YamlStruct, frozen=True, kw_only=True):
    """Numbers to draw from: `first`, and on in steps up to `last`."""

    first: Number = msgspec.field(name="from")
    last: Number = msgspec.field(name="to")
    step: Number = 1


class Tolerance(YamlStruct, frozen=True, kw_only=True):
    """How far a number may lie from the right one: a share of it, or an amount."""

    relative: Annotated[float, Meta(gt=0, lt=1)] | None = None
    absolute: Annotated[float, Meta(gt=0)] | None = None


class _Question(YamlStruct, frozen=True, kw_only=True, tag_field="type"):
    """What all questions have."""

    id: Id  # progress is kept by it
    level: Level
    section: Text  # of the lesson, to read again
    question: Text  # Markdown
    explanation: Text
    source: Text
    code: Text | None = None  # Python, shown below the question


class Single(_Question, frozen=True, kw_only=True, tag="single"):
    """One option is right."""

    options: Annotated[tuple[Option, ...], Meta(min_length=3, max_length=6)]


class Multiple(_Question, frozen=True, kw_only=True, tag="multiple"):
    """One option or more are right, and not all."""

    options: Annotated[tuple[Option, ...], Meta(min_length=3, max_length=6)]


class Numeric(_Question, frozen=True, kw_only=True, tag="numeric"):
    """A number, which may depend on parameters that are drawn for each student."""

    answer: Text  # a number or a formula
    tolerance: Tolerance | None = None  # None: whole numbers exactly, others to 1e-6
    unit: Text | None = None
    wrong: tuple[Slip, ...] = ()
    parameters: dict[str, tuple[Number, ...] | Range] = msgspec.field(default_factory=dict)
    # named sets, one of which is drawn as a whole
    configs: dict[str, dict[str, Number]] = msgspec.field(default_factory=dict)


class Order(_Question, frozen=True, kw_only=True, tag="order"):
    """Items to bring into order; they are given in the right one."""

    items: Annotated[tuple[Text, ...], Meta(min_length=3, max_length=MOST)]


class Match(_Question, frozen=True, kw_only=True, tag="match"):
    """Left sides to each of which a right side belongs."""

    pairs: Annotated[tuple[Pair, ...], Meta(min_length=2, max_length=MOST)]
    extra: tuple[Text, ...] = ()  # right sides that belong to nothing


class TextAnswer(_Question, frozen=True, kw_only=True, tag="text"):
    """A word or a few, to be typed."""

    answers: Annotated[tuple[Text, ...], Meta(min_length=1)]  # any of them; the first is the one to show
    wrong: tuple[Slip, ...] = ()


class CodeLine(_Question, frozen=True, kw_only=True, tag="line"):
    """Which line of the code it is, from 1."""

    answer: Annotated[int, Meta(ge=1)]
    wrong: tuple[Slip, ...] = ()


class OwnWords(_Question, frozen=True, kw_only=True, tag="own words"):
    """What only the student can compare with the answer. No quiz has it: a prediction comes back for review as one."""

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
    """`single`, ..."""
    return str(question.__struct_config__.tag)


class Quiz(YamlStruct, frozen=True, kw_only=True):
    """quiz.yaml."""

    title: Text
    questions: Annotated[tuple[Question, ...], Meta(min_length=1)]

    def question(self, question_id: str) -> Question | None:
        """The question of that id."""
        return next((question for question in self.questions if question.id == question_id), None)
