"""Compare what a reader found in an export with the quiz: questions, options, right answers, margins and feedback."""

from collections.abc import Iterable
from dataclasses import dataclass

from grader.quiz.draw import count_draws, draws, with_values
from grader.quiz.model import Numeric, Question, Quiz
from tests.teach.question_banks.questions import Read, expected, flat, one_line


@dataclass(frozen=True)
class Carried:
    """What a format can express."""

    wrong: bool = True  # feedback on a typical wrong number or text
    pairs: bool = True  # feedback on a single pair
    order: bool = True  # otherwise an ordering is a matching of items and places
    units: bool = False
    shuffled: bool = True  # whether options may be shuffled, for each question
    arrows: bool = True  # texts with an arrow


def entries(categories: list[tuple[str, list[Read]]]) -> list[tuple[str, list[Read]]]:
    """Return the entries of a quiz whose first category has the questions without variants."""
    (top, alone), *drawn = categories
    assert all(bank.startswith(f"{top}/") for bank, _ in drawn)
    return [*((top, [read]) for read in alone), *drawn]


def compare(quiz: Quiz, found_entries: Iterable[tuple[str, list[Read]]], variants: int, carried: Carried) -> None:
    """Assert that entries, each a question or the variants of one with the name of their bank, equal the quiz."""
    found = {reads[0].name.partition(".")[0]: (bank, reads) for bank, reads in found_entries}
    asked = [question for question in quiz.questions if carried.arrows or question.id != "only-arrows"]
    assert sorted(found) == sorted(question.id for question in asked)
    for question in asked:
        bank, reads = found[question.id]
        wanted = _variants(question)
        assert len(reads) == min(variants, len(wanted)), question.id
        if len(reads) > 1:
            assert question.id in bank
            assert [read.name for read in reads] == [f"{question.id}.{i}" for i in range(1, len(reads) + 1)]
            assert len({read.text for read in reads}) == len(reads)
        for read in reads:
            by_text = {each.text: each for each in wanted}
            text = read.text.removesuffix(" Give each item its place: 1 is the first.")
            assert text in by_text, f"{question.id}: {text}"
            same(read, by_text[text], carried)


def _variants(question: Question) -> list[Read]:
    if isinstance(question, Numeric) and count_draws(question) > 1:
        return [expected(question, with_values(question, values)) for values in draws(question)]
    return [expected(question)]


def same(read: Read, wanted: Read, carried: Carried) -> None:
    """Assert that one question equals what was wanted."""
    about = read.name
    assert read.code[len(read.code) - len(wanted.code) :] == wanted.code, about
    assert read.explanation.startswith(wanted.explanation), about
    if wanted.kind == "order" and not carried.order:
        assert read.kind == "match", about
        assert {left: right for left, right, _ in read.pairs} == {
            item: str(place) for place, item in enumerate(wanted.items, start=1)
        }, about
        assert [left for left, _, _ in read.pairs] != wanted.items, "it is shown in the right order"
        assert read.extra == set()
        return
    assert read.kind == wanted.kind, about
    assert sorted(read.options) == sorted(wanted.options), about
    if carried.shuffled and wanted.options:
        assert read.shuffled == wanted.shuffled, about
    assert read.items == wanted.items, about
    assert set(map(flat, read.extra)) == wanted.extra, about
    if carried.units:
        assert read.unit == wanted.unit, about
    _pairs(read, wanted, carried)
    _typed(read, wanted, carried)


def _pairs(read: Read, wanted: Read, carried: Carried) -> None:
    pairs = [(left, flat(right), feedback) for left, right, feedback in read.pairs]
    if carried.pairs:
        assert pairs == wanted.pairs, read.name
        return
    assert [pair[:2] for pair in pairs] == [pair[:2] for pair in wanted.pairs], read.name
    for left, right, feedback in wanted.pairs:
        if feedback:
            assert f"{left}: {right} {feedback}" in read.explanation, read.name


def _typed(read: Read, wanted: Read, carried: Carried) -> None:
    """Compare numbers and texts: first the right ones, then wrong ones, on which a format may have only feedback."""
    numbers = wanted.numbers if carried.wrong else [each for each in wanted.numbers if each[2]]
    assert len(read.numbers) == len(numbers), read.name
    for (number, margin, right, feedback), (number_, margin_, right_, feedback_) in zip(
        read.numbers, numbers, strict=True
    ):
        assert (number, right, feedback) == (float(number_), right_, feedback_), read.name
        assert abs(margin - margin_) <= 1e-8 * margin_ + 1e-12 * abs(number), read.name
    words = wanted.words if carried.wrong else [each for each in wanted.words if each[1]]
    words = [(one_line(word), right, feedback) for word, right, feedback in words if carried.arrows or "->" not in word]
    assert [(flat(word), *rest) for word, *rest in read.words] == words, read.name
    if not carried.wrong:
        for answer in (*wanted.numbers, *wanted.words):  # each ends with: is right, feedback
            assert answer[-2] or f": {answer[-1]}" in read.when_wrong, read.name
