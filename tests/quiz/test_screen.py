"""The screen of a quiz: keys, drawing, and scrolling."""

import pytest

from grader.quiz.draw import draw_question
from grader.quiz.model import Match, Multiple, Numeric, Order, OwnWords, Single, TextAnswer
from grader.quiz.score import right_answer
from grader.quiz.screen import QuizScreen
from grader.quiz.session import EndReason, GivenAnswer, QuizSession, SessionKind
from grader.show.layout import paint, width
from tests.quiz.every_type import QUIZ
from tests.quiz.recorded import PLACES, Recorded


def text(screen: QuizScreen, columns: int = 77) -> str:
    return "\n".join(paint(line, columns, color=False) for line in screen.view(columns, 100))


def press(screen: QuizScreen, *keys: str) -> None:
    for key in keys:
        screen.press(key)


def keys_for(asked_answer: str, question: object) -> list[str]:
    """Return the keys that type an answer."""
    if isinstance(question, Numeric | TextAnswer):
        return ["space" if character == " " else character for character in asked_answer]
    return list(asked_answer.replace(" ", ""))


@pytest.mark.parametrize("question_id", PLACES)
def test_answers_every_type_by_digits_and_letters(question_id: str) -> None:
    session = Recorded(question_id)
    screen = QuizScreen(session)
    press(screen, *keys_for(right_answer(session.current), session.current.question), "enter")
    ((place, given),) = session.recorded
    assert (place, given.mark.score) == (PLACES[question_id], 1)
    shown = text(screen)
    assert "✓ right" in shown
    assert (session.current.question.source or "") in " ".join(shown.split())
    press(screen, "enter")
    assert session.position == PLACES[question_id] + 1


@pytest.mark.parametrize("question_id", PLACES)
@pytest.mark.parametrize("columns", [20, 40, 60, 77, 300])
def test_every_type_fits_the_screen_before_and_after_the_answer(question_id: str, columns: int) -> None:
    session = Recorded(question_id)
    screen = QuizScreen(session)
    for _ in range(2):
        for rows in (8, 12, 24, 60):
            lines = screen.view(columns, rows)
            assert max(width(line) for line in lines) <= columns
            assert len(lines) <= rows
        press(screen, *keys_for(right_answer(session.current), session.current.question), "enter")


CHOSEN = [each.id for each in QUIZ.questions if isinstance(each, Single | Multiple | Order | Match)]


@pytest.mark.parametrize("question_id", CHOSEN)
def test_arrows_reach_every_choice(question_id: str) -> None:
    session = Recorded(question_id)
    screen = QuizScreen(session)
    question = session.current.question
    count = len(question.pairs if isinstance(question, Match) else session.current.shown)
    seen = set()
    for _ in range(count):
        press(screen, "down")
        seen.add(next(line for line in text(screen).splitlines() if line.startswith("  ▸")))
    assert len(seen) == count


@pytest.mark.parametrize("question_id", [*CHOSEN, "wrong-line"])
def test_the_cursor_stays_visible_on_a_small_terminal(question_id: str) -> None:
    screen = QuizScreen(Recorded(question_id))
    for _ in range(12):
        press(screen, "down")
        shown = [paint(line, 30, color=False) for line in screen.view(30, 9)]
        assert any(line.startswith("  ▸") for line in shown), shown


def test_a_long_explanation_starts_at_the_verdict_and_scrolls() -> None:
    screen = QuizScreen(Recorded("several-right"))
    press(screen, "1", "enter")
    shown = [paint(line, 40, color=False) for line in screen.view(40, 12)]
    assert shown[1].endswith(" of 1") or "not right" in shown[1]
    assert "↑↓ scroll" in shown[-2]
    press(screen, *["up"] * 40)
    assert "2 of 9" in paint(screen.view(40, 12)[1], 40, color=False)
    press(screen, "down")
    assert "2 of 9" in paint(screen.view(40, 12)[0], 40, color=False)
    press(screen, *["pagedown"] * 9)
    shown = [paint(line, 40, color=False) for line in screen.view(40, 12)]
    assert "algorithm 2" in shown[-4]


def test_space_selects_and_deselects() -> None:
    session = Recorded("several-right")
    screen = QuizScreen(session)
    press(screen, "enter")
    assert "Nothing is chosen yet." in text(screen)
    press(screen, "space", "down", "space", "space", "enter")
    assert session.recorded[0][1].answer == "1"
    assert "Nothing is chosen" not in text(screen)


@pytest.mark.parametrize("question_id", ["one-right", "wrong-line"])
def test_nothing_is_chosen_until_a_key_chooses_it(question_id: str) -> None:
    session = Recorded(question_id)
    screen = QuizScreen(session)
    assert "▸" not in text(screen)
    press(screen, "enter", "x", "enter")
    assert "Nothing is chosen yet. Give a number from 1 to" in text(screen)
    assert session.recorded == []
    press(screen, "down", "enter")
    assert [given.answer for _, given in session.recorded] == ["1"]


def test_arrow_up_begins_at_the_last_choice() -> None:
    session = Recorded("one-right")
    press(QuizScreen(session), "up", "enter")
    assert session.recorded[0][1].answer == "4"


def test_space_gives_the_next_rank_in_an_order() -> None:
    session = Recorded("layer-order")
    screen = QuizScreen(session)
    press(screen, "down", "space", "up", "space")
    assert "That is" not in text(screen)
    press(screen, "enter")
    assert "That is 2 of 4." in text(screen)
    press(screen, "4", "4", "3", "backspace", "3", "4", "enter")
    assert session.recorded[0][1].answer == "2 1 3 4"


def test_matches_can_be_changed() -> None:
    session = Recorded("heads-and-names")
    screen = QuizScreen(session)
    press(screen, "1", "2", "enter")
    assert "That is 2 of 3." in text(screen)
    press(screen, "3", "up", "right", "enter")
    assert session.recorded[0][1].answer == "1 3 3"


def test_typed_text_is_kept_after_an_invalid_answer() -> None:
    session = Recorded("total-size")
    screen = QuizScreen(session)
    press(screen, *"twelve", "enter")
    assert "'twelve' is not a number." in text(screen)
    assert session.recorded == []
    assert "twelve" in text(screen)  # the text is kept
    press(screen, *["backspace"] * 6, *"9", "clear", *"46.7", "space", "B", "enter")
    assert session.recorded[0][1].answer == "46.7 B"


@pytest.mark.parametrize("question_id", PLACES)
def test_a_command_is_a_letter_and_enter_in_every_kind_of_question(question_id: str) -> None:
    session = Recorded(question_id)
    screen = QuizScreen(session)
    place = PLACES[question_id]
    press(screen, "s")
    assert session.recorded == []
    press(screen, "enter")
    assert session.position == place + 1
    assert [(i, given.answer) for i, given in session.recorded] == [(place, None)]  # and nothing else was answered
    if screen.end_reason is None:
        press(screen, "b", "enter")
        assert session.position == place
        press(screen, "q", "enter")
        assert screen.end_reason is EndReason.STOPPED


def test_another_key_discards_a_command() -> None:
    session = Recorded()
    screen = QuizScreen(session)
    press(screen, "s")
    assert "s, then Enter: skip this question." in text(screen)
    press(screen, "1", "enter")
    assert [given.answer for _, given in session.recorded] == ["1"]
    press(screen, "q", "backspace", "enter")
    assert (session.position, screen.end_reason) == (1, None)


def test_says_what_a_letter_would_do_where_letters_are_the_answer() -> None:
    screen = QuizScreen(Recorded("total-size"))
    press(screen, "q")
    assert "q, then Enter: stop." in text(screen)
    press(screen, "u")
    assert "then Enter" not in text(screen)


def test_an_explained_answer_cannot_be_changed() -> None:
    session = Recorded()
    screen = QuizScreen(session)
    press(screen, "1", "enter", "2", "enter", "b", "enter")
    assert "Enter next" in text(screen)
    press(screen, "2", "q", "enter")
    assert (len(session.recorded), screen.end_reason) == (1, EndReason.STOPPED)


def test_undo_takes_back_the_last_answer() -> None:
    session = Recorded()
    screen = QuizScreen(session)
    press(screen, "u", "enter")
    assert "There is nothing to undo here." in text(screen)
    press(screen, "1", "enter", "enter", "u", "enter")
    assert (session.position, session.answers, session.taken_back) == (0, {}, [0])
    press(screen, "2", "enter")
    assert [given.answer for _, given in session.recorded] == ["1", "2"]
    assert session.answers[0].answer == "2"


def test_text_marked_wrong_can_be_appealed() -> None:
    (question,) = [each for each in QUIZ.questions if isinstance(each, TextAnswer)]
    session = Recorded(question.id)
    screen = QuizScreen(session)
    press(screen, *"another", "space", *"name", "enter")
    assert "not right" in text(screen)
    assert "a appeal" in text(screen)
    press(screen, "a", "enter")
    assert "✓ right" in text(screen)
    assert [(given.answer, given.mark.score) for _, given in session.recorded] == [
        ("another name", 0.0),
        ("another name", 1.0),
    ]
    assert session.taken_back == [PLACES[question.id]]
    assert "a appeal" not in text(screen)


def test_a_number_cannot_be_appealed() -> None:
    screen = QuizScreen(Recorded("total-size"))
    press(screen, "1", "enter", "a", "enter")
    assert "a appeal" not in text(screen)


@pytest.mark.parametrize("kind", ["quiz", "exam", "review"])
def test_the_head_shows_the_kind_of_session(kind: SessionKind) -> None:
    assert f"Quiz   {kind}, recall" in text(QuizScreen(Recorded(kind=kind)))


def test_a_missed_question_is_repeated_at_the_end() -> None:
    drawn = [draw_question(question, "salt", 1) for question in QUIZ.questions[:2]]
    session = QuizSession("review", drawn, lambda *_: None, kind="review", repeat=lambda place: drawn[place])
    session.answer(wrong := next(each for each in "1234" if each != right_answer(drawn[0])))
    session.next()
    session.answer(right_answer(drawn[1]))
    session.next()
    assert session.current is drawn[0]
    session.answer(right_answer(drawn[0]))
    session.next()
    assert session.is_over
    assert (session.score, len(session.first_answers), session.answers[0].answer) == (1.0, 2, wrong)


def test_undo_removes_the_repetition() -> None:
    drawn = [draw_question(question, "salt", 1) for question in QUIZ.questions[:2]]
    session = QuizSession("review", drawn, lambda *_: None, kind="review", repeat=lambda place: drawn[place])
    session.skip()
    assert len(session.questions) == 3
    session.undo()
    assert len(session.questions) == 2


def test_an_exam_shows_no_feedback_and_allows_going_back() -> None:
    session = Recorded(kind="exam")
    screen = QuizScreen(session)
    press(screen, "1", "enter")
    assert session.position == 1
    press(screen, "b", "enter")
    assert "✓" not in text(screen)
    press(screen, "2", "enter")
    assert [given.answer for _, given in session.recorded] == ["1", "2"]
    assert session.answers[0].answer == "2"


OWN = OwnWords(
    id="own",
    level="apply",
    section="What leaks",
    question="What has happened?",
    explanation="It was read.",
    source="lesson 1.2, What leaks",
    answer="the first place has read the future",
)


@pytest.mark.parametrize(("key", "score"), [("1", 1.0), ("2", 0.0)])
def test_the_student_marks_own_words(key: str, score: float) -> None:
    recorded: list[GivenAnswer] = []
    screen = QuizScreen(QuizSession("review", [draw_question(OWN, "salt", 1)], lambda _, given: recorded.append(given)))
    assert OWN.answer not in text(screen)
    assert "Enter see" in text(screen)
    press(screen, *"it", "space", *"leaks", "enter")
    assert recorded == []
    shown = text(screen)
    for words in ("yours: it leaks", "right: the first place has read", "1  I had it", "2  I did not have it"):
        assert words in shown
    press(screen, key, "enter")
    assert [given.mark.score for given in recorded] == [score]
    assert f"{'✓' if score else '✗'} {OWN.answer}" in text(screen)
    press(screen, "enter")
    assert screen.end_reason is EndReason.FINISHED


@pytest.mark.parametrize("columns", [20, 40, 77])
def test_own_words_fit_the_screen(columns: int) -> None:
    screen = QuizScreen(QuizSession("review", [draw_question(OWN, "salt", 1)], lambda *_: None))
    for keys in (["enter"], ["2", "enter"], []):
        assert max(width(line) for line in screen.view(columns, 12)) <= columns
        press(screen, *keys)


def test_the_session_ends_after_the_last_question() -> None:
    session = Recorded("wrong-line")
    screen = QuizScreen(session)
    press(screen, "3", "enter", "enter")
    assert screen.end_reason is EndReason.FINISHED
    assert screen.view(77, 24) == []
    assert QuizScreen(session).end_reason is EndReason.FINISHED
