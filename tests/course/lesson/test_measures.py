"""Tests of the measures of a lesson."""

from grader.course.lesson.measures import LONG, measure, measure_problems
from grader.course.lesson.model import AnyBlock, Code, Deep, Part, Predict, Prose
from grader.course.model import Standards


def part(*blocks: AnyBlock, number: int = 1) -> Part:
    return Part(lesson=1, number=number, slug="a", title="A", path="lessons/01-a/1-a.md", blocks=blocks)


def asked(answer: str, *options: str) -> Predict:
    return Predict(line=1, id="q", ask="Why?", answer=answer, because="So.", options=options)


def test_counts_kinds_of_questions() -> None:
    deep = Deep(line=9, title="More", blocks=(asked("3"), asked("yes it is", "yes it is", "no")))
    found = measure([part(asked("2.5"), asked("a word"), asked("no", "yes", "no", "never")), part(deep, number=2)])
    assert (found.questions, found.numbers, found.choices, found.pairs, found.longest) == (5, 2, 2, 1, 1)


def test_the_right_option_is_not_the_longest_if_another_is_as_long() -> None:
    assert measure([part(asked("abc", "abc", "xyz", "a"))]).longest == 0


def test_counts_words_and_names_long_parts() -> None:
    code = Code(line=1, text="x = 1")
    deep = Deep(line=2, title="More", blocks=(Prose(line=3, text="not counted"),))
    found = measure(
        [part(Prose(line=1, text="word " * LONG), code, deep), part(Prose(line=1, text="a " * (LONG + 1)), number=2)]
    )
    assert found.words == 2 * LONG + 1
    assert found.long_parts == ("1.2",)


def test_counts_asides_but_neither_short_ones_nor_citations() -> None:
    text = "One (which is rather long) and (a short one), see ([Ada and Bob 2020](https://example.org/a), section 3)."
    assert measure([part(Prose(line=1, text=text), Prose(line=2, text="Again (as was said before)."))]).asides == 2


def test_standards_forbid_too_many_numbers_and_longest_options() -> None:
    parts = [part(asked("2.5"), asked("a long one", "a long one", "b", "c"), asked("b", "b", "c", "d"))]
    found = measure_problems(parts, "lessons/01-a", Standards(numbers=34, longest=49))
    assert [problem.sentence for problem in found] == [
        "1 of 2 choices have the longest option as the right one; at most 49 % may, by the standards of course.yaml."
    ]
    assert not list(measure_problems(parts, "lessons/01-a", Standards()))
    assert "1 of 3 questions ask for a number" in next(measure_problems(parts, "", Standards(numbers=30))).sentence


def test_standards_forbid_long_parts_and_choices_with_few_options() -> None:
    parts = [part(Prose(line=1, text="word " * 10), asked("yes", "yes", "no"))]
    found = [problem.sentence for problem in measure_problems(parts, "", Standards(words=9, options=3))]
    assert found == [
        "the part has 14 words; at most 9 are allowed.",
        "the question has 2 options; at least 3 are required.",
    ]
