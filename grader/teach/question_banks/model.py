"""What all platforms are told of a quiz: questions in which nothing is left to draw, with texts as HTML."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from grader.quiz.model import Number


class Option(Struct, frozen=True, kw_only=True):
    """Something to choose."""

    html: str
    correct: bool
    feedback: str | None  # HTML
    fixed: bool  # keeps its place when options are shuffled


class Choice(Struct, frozen=True, kw_only=True):
    """Options, of which one is right, or several may be. Its options stand in a drawn order."""

    options: tuple[Option, ...]
    several: bool

    @property
    def shuffled(self) -> bool:
        """Whether a platform may show the options in any order."""
        return not any(option.fixed for option in self.options)


class Value(Struct, frozen=True, kw_only=True):
    """A number that counts as the right one, or as a typical slip, with all that lie no further from it."""

    number: Number
    margin: float
    feedback: str | None = None  # HTML


class Numbers(Struct, frozen=True, kw_only=True):
    """A number is asked for. A slip counts only if the right one does not."""

    right: Value
    slips: tuple[Value, ...]
    unit: str | None


class Word(Struct, frozen=True, kw_only=True):
    """A typical wrong word."""

    text: str
    feedback: str  # HTML


class Words(Struct, frozen=True, kw_only=True):
    """A word or a few are asked for."""

    answers: tuple[str, ...]  # any of them
    slips: tuple[Word, ...]


class Ordering(Struct, frozen=True, kw_only=True):
    """Items, given in the right order. `shown` are the places, from 0, at which they are shown first."""

    items: tuple[str, ...]  # HTML
    shown: tuple[int, ...]


class Pair(Struct, frozen=True, kw_only=True):
    """A left side and the place, from 0, of the right side that belongs to it."""

    html: str
    right: int
    feedback: str | None  # HTML


class Matching(Struct, frozen=True, kw_only=True):
    """Left sides, and right sides in a drawn order, of which some may belong to nothing."""

    pairs: tuple[Pair, ...]
    rights: tuple[str, ...]  # HTML
    plain: tuple[str, ...]  # the same without marks


class Item(Struct, frozen=True, kw_only=True):
    """One question."""

    id: str  # of the question, and of a variant `ID.1`
    level: str
    section: str
    html: str  # what is asked, with its code
    explanation: str  # HTML, with the source and the section of the lesson
    answer: Choice | Numbers | Words | Ordering | Matching


class Entry(Struct, frozen=True, kw_only=True):
    """A question of the quiz: as it is, or in several variants, of which a student gets one."""

    id: str
    items: tuple[Item, ...]

    @property
    def drawn(self) -> bool:
        """Whether it has variants."""
        return len(self.items) > 1


class Bank(Struct, frozen=True, kw_only=True):
    """A quiz."""

    slug: str
    title: str
    entries: tuple[Entry, ...]

    @property
    def items(self) -> Iterator[Item]:
        """All questions, variants included."""
        return (item for entry in self.entries for item in entry.items)


class Loss(Struct, frozen=True):
    """What a format does not carry, or carries in another way, and the questions in which it is so."""

    what: str
    questions: tuple[str, ...] = ()  # ids; none: all


class Exported(Struct, frozen=True):
    """A file, and what it does not carry."""

    data: bytes
    losses: tuple[Loss, ...]


class Losses:
    """Collects losses while a file is written."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def add(self, what: str, question: str) -> None:
        """Notes it of a question, once."""
        questions = self._found.setdefault(what, [])
        if question not in questions:
            questions.append(question)

    def found(self, *always: str) -> tuple[Loss, ...]:
        """All of them, with those of the whole quiz at the end."""
        return (*(Loss(what, tuple(ids)) for what, ids in self._found.items()), *(Loss(what) for what in always))


def told(losses: Sequence[Loss]) -> list[str]:
    """Losses as lines."""
    return [f"{loss.what} ({', '.join(loss.questions)})." if loss.questions else f"{loss.what}." for loss in losses]
