"""All formats: they keep any text as it is, and docs/instructors.md lists them."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.quiz.model import Match, MatchPair, Option, Quiz, Single, TextAnswer, WrongAnswer
from grader.teach.question_banks import FORMATS, build_bank
from tests.docs.documents import read, rows
from tests.teach.question_banks.compare import Carried, compare, entries
from tests.teach.question_banks.questions import Read, one_line
from tests.teach.question_banks.read_canvas import read_canvas
from tests.teach.question_banks.read_gift import read_gift
from tests.teach.question_banks.read_moodle import read_moodle
from tests.teach.question_banks.read_qti21 import read_qti21

Reader = Callable[[bytes], list[tuple[str, list[Read]]]]
READERS: dict[str, tuple[Reader, Carried]] = {
    "canvas": (read_canvas, Carried(wrong=False, order=False, shuffled=False)),
    "moodle": (lambda data: entries(read_moodle(data)), Carried(pairs=False)),
    "gift": (lambda data: entries(read_gift(data)), Carried(pairs=False, order=False, shuffled=False)),
    "qti21": (read_qti21, Carried()),
}
SIGNS = st.sampled_from("\\#={}~:%*`_<>&\"'/[]|$-.n1^() ")
LETTERS = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
WORDS = st.text(st.one_of(SIGNS, LETTERS), min_size=1, max_size=12).filter(
    lambda text: bool(one_line(text).strip()) and "->" not in text
)


@st.composite
def quizzes(draw: st.DrawFn) -> Quiz:
    """Generate quizzes of three questions with arbitrary texts."""
    texts = draw(st.lists(WORDS, min_size=8, max_size=8, unique_by=lambda text: one_line(text).casefold()))
    common = {"level": "recall", "section": texts[0], "explanation": f"x {texts[1]}", "source": texts[2]}
    options = tuple(
        Option(text=text, feedback=f"x {text}", correct=place == 0) for place, text in enumerate(texts[3:6])
    )
    return Quiz(
        title=texts[7],
        questions=(
            Single(id="one", question=f"x {texts[6]}", options=options, code=f"x\n{texts[5]}", **common),  # type: ignore[arg-type]
            TextAnswer(
                id="two",
                question=f"x {texts[5]}",
                answers=(texts[3], texts[4]),
                wrong=(WrongAnswer(answer=texts[6], feedback=f"x {texts[7]}"),),
                **common,  # type: ignore[arg-type]
            ),
            Match(
                id="three",
                question=f"x {texts[4]}",
                pairs=(
                    MatchPair(left=texts[3], right=texts[4], feedback=f"x {texts[5]}"),
                    MatchPair(left=texts[5], right=texts[6]),
                ),
                extra=(texts[7],),
                **common,  # type: ignore[arg-type]
            ),
        ),
    )


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(quiz=quizzes())
def test_any_text_is_kept(form: str, quiz: Quiz) -> None:
    reader, carried = READERS[form]
    compare(quiz, reader(FORMATS[form].export(build_bank(quiz, "slug", 1, "seed")).data), 1, carried)


def test_the_document_lists_all_formats_with_their_files() -> None:
    table = rows(read("docs/instructors.md"), "quiz format")
    listed = {row[0].strip("`"): row[1].strip("`") for row in table}
    assert listed == {each.name: f"SLUG.{each.suffix}" for each in FORMATS.values()}
