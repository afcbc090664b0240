"""A quiz as every learning platform gets it: questions without parameters, with texts as HTML."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from grader.quiz.model import Number


class ChoiceOption(Struct, frozen=True, kw_only=True):
    """An option to choose."""

    html: str
    correct: bool
    feedback: str | None  # HTML
    fixed: bool  # keeps its place when options are shuffled


class Choice(Struct, frozen=True, kw_only=True):
    """Options of which one is right, or any number if `several`. They are in a drawn order."""

    options: tuple[ChoiceOption, ...]
    several: bool

    @property
    def is_shuffled(self) -> bool:
        """Whether a platform may show the options in any order."""
        return not any(option.fixed for option in self.options)


class NumberAnswer(Struct, frozen=True, kw_only=True):
    """The right number or a typical wrong one. Numbers that differ by at most `margin` count as the same."""

    number: Number
    margin: float
    feedback: str | None = None  # HTML


class Numerical(Struct, frozen=True, kw_only=True):
    """A number to type. A number that is within both margins counts as right, not as a typical wrong answer."""

    right: NumberAnswer
    wrong: tuple[NumberAnswer, ...]
    unit: str | None


class WrongText(Struct, frozen=True, kw_only=True):
    """A typical wrong text."""

    text: str
    feedback: str  # HTML


class ShortAnswer(Struct, frozen=True, kw_only=True):
    """A word or a few words to type."""

    answers: tuple[str, ...]  # each of them is right
    wrong: tuple[WrongText, ...]


class Ordering(Struct, frozen=True, kw_only=True):
    """Items in the right order. `shown` has their indices in the order in which they are first shown."""

    items: tuple[str, ...]  # HTML
    shown: tuple[int, ...]


class MatchingPair(Struct, frozen=True, kw_only=True):
    """A left side and the index of its right side in `Matching.rights`."""

    html: str
    right: int
    feedback: str | None  # HTML


class Matching(Struct, frozen=True, kw_only=True):
    """Left sides to match with right sides, which are in a drawn order. Some right sides may match nothing."""

    pairs: tuple[MatchingPair, ...]
    rights: tuple[str, ...]  # HTML
    plain: tuple[str, ...]  # the same as plain text


class BankItem(Struct, frozen=True, kw_only=True):
    """One question as a student gets it."""

    id: str  # the question's id, followed by .1, .2, ... if there are variants
    level: str
    section: str
    html: str  # the question with its code
    explanation: str  # HTML, with the source and the section of the lesson
    answer: Choice | Numerical | ShortAnswer | Ordering | Matching


class BankQuestion(Struct, frozen=True, kw_only=True):
    """A question of the quiz: one item, or several variants of which each student gets one."""

    id: str
    items: tuple[BankItem, ...]

    @property
    def has_variants(self) -> bool:
        """Whether there are several items to draw from."""
        return len(self.items) > 1


class QuestionBank(Struct, frozen=True, kw_only=True):
    """The questions of one quiz."""

    slug: str
    title: str
    questions: tuple[BankQuestion, ...]

    @property
    def items(self) -> Iterator[BankItem]:
        """All items, variants included."""
        return (item for question in self.questions for item in question.items)


class Loss(Struct, frozen=True):
    """Something that a format cannot express, or expresses differently, and the questions that it affects."""

    what: str
    questions: tuple[str, ...] = ()  # ids; empty: all questions


class ExportedBank(Struct, frozen=True):
    """A file to import, and what was lost in it."""

    data: bytes
    losses: tuple[Loss, ...]


class LossCollector:
    """Collects losses while a file is written."""

    def __init__(self) -> None:
        self._questions: dict[str, list[str]] = {}

    def add(self, what: str, question: str) -> None:
        """Record a loss for a question. Adding it twice has no effect."""
        questions = self._questions.setdefault(what, [])
        if question not in questions:
            questions.append(question)

    def collected(self, *general: str) -> tuple[Loss, ...]:
        """Return the recorded losses, followed by `general`, which affect all questions."""
        return (*(Loss(what, tuple(ids)) for what, ids in self._questions.items()), *(Loss(what) for what in general))


def loss_sentences(losses: Sequence[Loss]) -> list[str]:
    """Return a sentence for each loss, with the ids of its questions in parentheses."""
    return [f"{loss.what} ({', '.join(loss.questions)})." if loss.questions else f"{loss.what}." for loss in losses]
