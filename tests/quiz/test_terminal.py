"""A quiz through prompt_toolkit itself."""

from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from grader.quiz.model import Numeric, TextAnswer
from grader.quiz.score import right_answer
from grader.quiz.session import Done, Session
from grader.quiz.terminal import ask_in_terminal
from tests.quiz.every_type import QUIZ
from tests.quiz.recorded import Recorded


def typed(keys: str, session: Session) -> Done:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        return ask_in_terminal(session)


def test_the_whole_quiz_through_a_terminal() -> None:
    session = Recorded()
    keys = ""
    for asked in session.asked:
        answer = right_answer(asked)
        keys += (answer if isinstance(asked.question, Numeric | TextAnswer) else answer.replace(" ", "")) + "\r\r"
    assert typed(keys, session) is Done.FINISHED
    assert session.score == len(QUIZ.questions)


def test_arrows_space_paste_and_interruption_through_a_terminal() -> None:
    session = Recorded()
    down, paste = "\x1b[B", "\x1b[200~46.7B\x1b[201~"
    keys = f"{down}{down}\r\r" + f" {down} \r\r" + f"x\x7f{paste}\r\r" + "\x03"
    assert typed(keys, session) is Done.STOPPED
    assert [given.answer for _, given in session.recorded] == ["3", "1 2", "46.7B"]


def test_control_d_stops() -> None:
    assert typed("\x04", Recorded()) is Done.STOPPED
