"""The screen of a quiz: what keys do, what is drawn, and that it fits."""

import pytest

from grader.quiz.draw import ask
from grader.quiz.model import Match, Multiple, Numeric, Order, OwnWords, Single, TextAnswer
from grader.quiz.score import right_answer
from grader.quiz.screen import Screen
from grader.quiz.session import Done, Given, Kind, Session
from grader.show.layout import paint, width
from tests.quiz.every_type import QUIZ
from tests.quiz.recorded import PLACES, Recorded


def text(screen: Screen, columns: int = 77) -> str:
    return "\n".join(paint(line, columns, color=False) for line in screen.view(columns, 100))


def press(screen: Screen, *keys: str) -> None:
    for key in keys:
        screen.press(key)


def keys_for(asked_answer: str, question: object) -> list[str]:
    """The keys that give an answer."""
    if isinstance(question, Numeric | TextAnswer):
        return ["space" if character == " " else character for character in asked_answer]
    return list(asked_answer.replace(" ", ""))


@pytest.mark.parametrize("question_id", PLACES)
def test_the_right_answer_of_every_type_by_digits_and_letters(question_id: str) -> None:
    session = Recorded(question_id)
    screen = Screen(session)
    press(screen, *keys_for(right_answer(session.current), session.current.question), "enter")
    ((place, given),) = session.recorded
    assert (place, given.mark.score) == (PLACES[question_id], 1)
    shown = text(screen)
    assert "✓ right" in shown
    assert session.current.question.source in " ".join(shown.split())
    press(screen, "enter")
    assert session.place == PLACES[question_id] + 1


@pytest.mark.parametrize("question_id", PLACES)
@pytest.mark.parametrize("columns", [20, 40, 60, 77, 300])
def test_every_type_fits_before_and_after_the_answer(question_id: str, columns: int) -> None:
    session = Recorded(question_id)
    screen = Screen(session)
    for _ in range(2):
        for rows in (8, 12, 24, 60):
            lines = screen.view(columns, rows)
            assert max(width(line) for line in lines) <= columns
            assert len(lines) <= rows
        press(screen, *keys_for(right_answer(session.current), session.current.question), "enter")


CHOSEN = [each.id for each in QUIZ.questions if isinstance(each, Single | Multiple | Order | Match)]


@pytest.mark.parametrize("question_id", CHOSEN)
def test_arrows_reach_everything(question_id: str) -> None:
    session = Recorded(question_id)
    screen = Screen(session)
    question = session.current.question
    count = len(question.pairs if isinstance(question, Match) else session.current.shown)
    seen = set()
    for _ in range(count):
        seen.add(next(line for line in text(screen).splitlines() if line.startswith("  ▸")))
        press(screen, "down")
    assert len(seen) == count


@pytest.mark.parametrize("question_id", [*CHOSEN, "wrong-line"])
def test_what_is_chosen_stays_in_sight_on_a_small_terminal(question_id: str) -> None:
    screen = Screen(Recorded(question_id))
    for _ in range(12):
        shown = [paint(line, 30, color=False) for line in screen.view(30, 9)]
        assert any(line.startswith("  ▸") for line in shown), shown
        press(screen, "down")


def test_a_long_explanation_is_shown_from_the_verdict_on_and_scrolls() -> None:
    screen = Screen(Recorded("several-right"))
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


def test_space_selects_and_takes_back() -> None:
    session = Recorded("several-right")
    screen = Screen(session)
    press(screen, "enter")
    assert "That is not a choice." in text(screen)
    press(screen, "space", "down", "space", "space", "enter")
    assert session.recorded[0][1].answer == "1"
    assert "That is not" not in text(screen)


def test_space_gives_the_next_place_in_an_order() -> None:
    session = Recorded("layer-order")
    screen = Screen(session)
    press(screen, "down", "space", "up", "space")
    assert "That is" not in text(screen)
    press(screen, "enter")
    assert "That is 2 of 4." in text(screen)
    press(screen, "4", "4", "3", "backspace", "3", "4", "enter")
    assert session.recorded[0][1].answer == "2 1 3 4"


def test_right_sides_can_be_changed() -> None:
    session = Recorded("heads-and-names")
    screen = Screen(session)
    press(screen, "1", "2", "enter")
    assert "That is 2 of 3." in text(screen)
    press(screen, "3", "up", "right", "enter")
    assert session.recorded[0][1].answer == "1 3 3"


def test_typing() -> None:
    session = Recorded("total-size")
    screen = Screen(session)
    press(screen, *"twelve", "enter")
    assert "'twelve' is not a number." in text(screen)
    assert session.recorded == []
    assert "twelve" in text(screen)  # nothing is lost
    press(screen, *["backspace"] * 6, *"9", "clear", *"46.7", "space", "B", "enter")
    assert session.recorded[0][1].answer == "46.7 B"


@pytest.mark.parametrize("question_id", PLACES)
def test_a_command_is_a_letter_and_enter_in_every_kind_of_question(question_id: str) -> None:
    session = Recorded(question_id)
    screen = Screen(session)
    place = PLACES[question_id]
    press(screen, "s")
    assert session.recorded == []
    press(screen, "enter")
    assert session.place == place + 1
    assert [(i, given.answer) for i, given in session.recorded] == [(place, None)]  # and nothing else was answered
    if screen.done is None:
        press(screen, "b", "enter")
        assert session.place == place
        press(screen, "q", "enter")
        assert screen.done is Done.STOPPED


def test_a_letter_is_forgotten_when_another_key_follows() -> None:
    session = Recorded()
    screen = Screen(session)
    press(screen, "s")
    assert "s: Enter, to skip this question." in text(screen)
    press(screen, "1", "enter")
    assert [given.answer for _, given in session.recorded] == ["1"]
    press(screen, "q", "backspace", "enter")
    assert (session.place, screen.done) == (1, None)


def test_an_answer_that_was_explained_is_looked_at_and_not_changed() -> None:
    session = Recorded()
    screen = Screen(session)
    press(screen, "1", "enter", "2", "enter", "b", "enter")
    assert "Enter next" in text(screen)
    press(screen, "2", "q", "enter")
    assert (len(session.recorded), screen.done) == (1, Done.STOPPED)


def test_the_last_answer_is_taken_back() -> None:
    session = Recorded()
    screen = Screen(session)
    press(screen, "u", "enter")
    assert "There is nothing to undo here." in text(screen)
    press(screen, "1", "enter", "enter", "u", "enter")
    assert (session.place, session.given, session.taken_back) == (0, {}, [0])
    press(screen, "2", "enter")
    assert [given.answer for _, given in session.recorded] == ["1", "2"]
    assert session.given[0].answer == "2"


def test_words_that_were_not_taken_as_right_can_be_appealed() -> None:
    (question,) = [each for each in QUIZ.questions if isinstance(each, TextAnswer)]
    session = Recorded(question.id)
    screen = Screen(session)
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


def test_a_number_is_not_appealed() -> None:
    screen = Screen(Recorded("total-size"))
    press(screen, "1", "enter", "a", "enter")
    assert "a appeal" not in text(screen)


@pytest.mark.parametrize("kind", ["quiz", "exam", "review"])
def test_the_screen_says_what_it_is(kind: Kind) -> None:
    assert f"Quiz   {kind}, recall" in text(Screen(Recorded(kind=kind)))


def test_what_was_not_known_is_asked_once_more_at_the_end() -> None:
    asked = [ask(question, "salt", 1) for question in QUIZ.questions[:2]]
    session = Session("review", asked, lambda *_: None, kind="review", again=lambda place: asked[place])
    session.answer(wrong := next(each for each in "1234" if each != right_answer(asked[0])))
    session.next()
    session.answer(right_answer(asked[1]))
    session.next()
    assert session.current is asked[0]
    session.answer(right_answer(asked[0]))
    session.next()
    assert session.over
    assert (session.score, len(session.first_times), session.given[0].answer) == (1.0, 2, wrong)


def test_what_is_taken_back_is_not_asked_once_more() -> None:
    asked = [ask(question, "salt", 1) for question in QUIZ.questions[:2]]
    session = Session("review", asked, lambda *_: None, kind="review", again=lambda place: asked[place])
    session.skip()
    assert len(session.asked) == 3
    session.undo()
    assert len(session.asked) == 2


def test_an_exam_goes_on_without_feedback_and_lets_one_go_back() -> None:
    session = Recorded(kind="exam")
    screen = Screen(session)
    press(screen, "1", "enter")
    assert session.place == 1
    press(screen, "b", "enter")
    assert "✓" not in text(screen)
    press(screen, "2", "enter")
    assert [given.answer for _, given in session.recorded] == ["1", "2"]
    assert session.given[0].answer == "2"


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
def test_own_words_are_compared_by_the_student(key: str, score: float) -> None:
    recorded: list[Given] = []
    screen = Screen(Session("review", [ask(OWN, "salt", 1)], lambda _, given: recorded.append(given)))
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
    assert screen.done is Done.FINISHED


@pytest.mark.parametrize("columns", [20, 40, 77])
def test_own_words_fit(columns: int) -> None:
    screen = Screen(Session("review", [ask(OWN, "salt", 1)], lambda *_: None))
    for keys in (["enter"], ["2", "enter"], []):
        assert max(width(line) for line in screen.view(columns, 12)) <= columns
        press(screen, *keys)


def test_the_last_question_ends_it() -> None:
    session = Recorded("wrong-line")
    screen = Screen(session)
    press(screen, "3", "enter", "enter")
    assert screen.done is Done.FINISHED
    assert screen.view(77, 24) == []
    assert Screen(session).done is Done.FINISHED
