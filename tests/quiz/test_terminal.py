"""A quiz on a terminal of prompt_toolkit."""

from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from grader.quiz.model import Numeric, TextAnswer
from grader.quiz.score import right_answer
from grader.quiz.session import EndReason, QuizSession
from grader.quiz.terminal import ask_in_terminal
from tests.quiz.every_type import QUIZ
from tests.quiz.recorded import Recorded


def typed(keys: str, session: QuizSession) -> EndReason:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        return ask_in_terminal(session)


def test_answers_a_whole_quiz_in_a_terminal() -> None:
    session = Recorded()
    keys = ""
    for drawn in session.questions:
        answer = right_answer(drawn)
        keys += (answer if isinstance(drawn.question, Numeric | TextAnswer) else answer.replace(" ", "")) + "\r\r"
    assert typed(keys, session) is EndReason.FINISHED
    assert session.score == len(QUIZ.questions)


def test_arrows_space_paste_and_ctrl_c_work_in_a_terminal() -> None:
    session = Recorded()
    down, paste = "\x1b[B", "\x1b[200~46.7B\x1b[201~"
    keys = f"{down}{down}{down}\r\r" + f" {down} \r\r" + f"x\x7f{paste}\r\r" + "\x03"
    assert typed(keys, session) is EndReason.STOPPED
    assert [given.answer for _, given in session.recorded] == ["3", "1 2", "46.7B"]


def test_ctrl_d_stops() -> None:
    assert typed("\x04", Recorded()) is EndReason.STOPPED
