"""The prose of a part with its line numbers."""

from grader.course.lesson.model import ExerciseDue, Figure, Part, Predict, Prose
from grader.course.lesson.passages import Passage, passages

TEXT = """\
# A title

One **two
three** $a
b$ `code` [four](https://x.org)
five $$c$$

$$
d
$$

- six
- | no cell
"""


def found(*blocks: Prose | Figure | ExerciseDue | Predict) -> list[Passage]:
    return list(passages(Part(lesson=1, number=1, slug="x", title="x", path="x.md", blocks=blocks)))


def test_lines_of_bold_words_formulas_and_links() -> None:
    title, words, formula, first, second = found(Prose(line=11, text=TEXT))
    assert (title.text, title.line, title.heading) == ("A title", 11, True)
    places = {word: words.line_at(words.text.index(word)) for word in ("One", "two", "three", "four", "five")}
    assert places == {"One": 13, "two": 13, "three": 14, "four": 15, "five": 16}
    assert [words.text[start:end] for start, end in words.bold] == ["two three"]
    assert "code" not in words.text
    assert words.formulas == [(14, "a\nb"), (16, "c")]
    assert [(link.line, link.target, words.text[link.start : link.end]) for link in words.links] == [
        (15, "https://x.org", "four")
    ]
    assert [line for line, _ in formula.formulas] == [18]
    assert [(each.text, each.line, each.item) for each in (first, second)] == [
        ("six", 22, True),
        ("| no cell", 23, True),
    ]


def test_lines_of_captions_and_questions() -> None:
    figure = Figure(line=4, number="1.1", name="x", caption="first\nsecond $w$")
    question = Predict(line=9, id="a", ask="why\nso", answer="b", because="$z$", options=("b", "c"))
    caption, *asked = found(figure, question)
    assert caption.formulas == [(6, "w")]
    assert [(each.line_at(len(each.text)), each.text[:3]) for each in asked[:3]] == [(9, "why"), (9, "b"), (9, "c")]
    assert asked[3].formulas == [(9, "z")]
