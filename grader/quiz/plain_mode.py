"""Asks a quiz line by line: for pipes, screen readers and simple terminals."""

from collections.abc import Callable, Iterable, Sequence

from grader.quiz.draw import DrawnQuestion
from grader.quiz.model import COMMANDS, CodeLine, Match, Multiple, Numeric, Order, OwnWords, Single, TextAnswer
from grader.quiz.score import InvalidAnswer, describe_answer, describe_right_answer
from grader.quiz.session import EndReason, GivenAnswer, QuizSession
from grader.show.layout import MANY, Line, line, paint
from grader.show.text import code_block, parse_inline, wrap_spans

EXAM_NOTICE = "This is an exam: the right answers are shown at the end."
COMMAND_HELP = {
    "s": "s skips", "b": "b goes back", "u": "u takes back the last answer", "a": "a claims that it was right",
    "q": "q stops",
}  # fmt: skip

_CODE_INDENT = " " * 4  # of a line of code in Markdown

Say = Callable[..., None]
ReadLine = Callable[[], str | None]  # returns the next line, None at the end of input


def ask_plainly(session: QuizSession, read: ReadLine, say: Say, width: int) -> EndReason:
    """Ask all questions; stop early on `q` and at the end of input."""
    say("", f"  {session.name}" + (f", {session.kind_label}" if session.kind_label else ""))
    if session.is_exam:
        say("", *plain_text(EXAM_NOTICE, 2, width))
    while not session.is_over:
        say("", f"  Question {session.position + 1} of {len(session.questions)}, {session.current.question.level}", "")
        say(*question_lines(session.current, width))
        if session.final_answer is not None:
            say("", *feedback_lines(session.current, session.final_answer, width))
        if done := _ask_current(session, read, say, width):
            return done
        if session.is_over and session.can_appeal:
            _offer_last_appeal(session, read, say, width)
    return EndReason.FINISHED


def _ask_current(session: QuizSession, read: ReadLine, say: Say, width: int) -> EndReason | None:
    """Read lines until the session moves on. Return the reason if it ends instead."""
    answered, is_answer_shown = session.final_answer is not None, False
    prompt = "Enter continues." if answered else instruction(session.current)
    hints = ", ".join(COMMAND_HELP[letter] for letter in _commands(session))
    say("", *plain_text(f"{prompt} {hints}.", 2, width))
    while (text := read()) is not None:
        text = text.strip()
        if text == "q":
            return EndReason.STOPPED
        if text in COMMANDS:
            if _run_command(session, text, say):
                return None
        elif answered:
            session.next()
            return None
        elif isinstance(session.current.question, OwnWords) and not is_answer_shown:
            say("", *right_lines(session.current, width), "", *_choices(session.current, width), "")
            say("  Type 1 or 2.")
            is_answer_shown = True
        elif _answer(session, text, say, width):
            return None
    return EndReason.INPUT_ENDED


def _run_command(session: QuizSession, letter: str, say: Say) -> bool:
    """Run a command if it is available. Return whether the session moved."""
    if letter not in _commands(session):
        say(f"  There is nothing to {COMMANDS[letter]} here.")
        return False
    if letter == "a":
        session.appeal()
        say("  It counts as right.")
        return False
    {"s": session.skip, "b": session.back, "u": session.undo}[letter]()
    return True


def _answer(session: QuizSession, text: str, say: Say, width: int) -> bool:
    """Submit an answer and go to the next question, or say why it is invalid. Return whether the session moved."""
    try:
        given = session.answer(text)
    except InvalidAnswer as problem:
        say(*plain_text(str(problem), 2, width))
        return False
    if not session.is_exam:
        say("", *feedback_lines(session.current, given, width))
    session.next()
    return True


def _commands(session: QuizSession) -> list[str]:
    """Return the letters of the commands that are available now."""
    available = {"b": session.position > 0, "u": session.can_undo, "a": session.can_appeal}
    return ["s", *(letter for letter, is_available in available.items() if is_available), "q"]


def _offer_last_appeal(session: QuizSession, read: ReadLine, say: Say, width: int) -> None:
    """Offer an appeal after the last question, since no further question would offer it."""
    say("", *plain_text(f"Enter finishes, {COMMAND_HELP['a']}.", 2, width))
    if (read() or "").strip() == "a":
        session.appeal()
        say("  It counts as right.")


def question_lines(drawn: DrawnQuestion, width: int) -> list[str]:
    """Return a question as text of at most `width` columns, with its choices numbered."""
    question = drawn.question
    lines = plain_text(question.question, 2, width)
    if question.code:
        lines += ["", *_strings(code_block(question.code, width, 4))]
    if isinstance(question, Match):
        lines += ["", *(row for pair in question.pairs for row in plain_text(pair.left, 4, width, "- "))]
    if drawn.shown and not isinstance(question, OwnWords):
        lines += ["", *_choices(drawn, width)]
    return lines


def _choices(drawn: DrawnQuestion, width: int) -> list[str]:
    return [row for i, text in enumerate(drawn.shown, start=1) for row in plain_text(text, 4, width, f"{i}  ")]


def instruction(drawn: DrawnQuestion) -> str:
    """Return what to type, as a sentence."""
    question = drawn.question
    match question:
        case Single():
            return "Type the number of one option."
        case Multiple():
            return "Type the numbers of all right options, such as 1 3."
        case Order():
            return "Type the numbers in the right order, such as 2 1 3."
        case Match():
            return "For each - from top to bottom, type the number of its match."
        case Numeric():
            return f"Type a number, in {question.unit}." if question.unit else "Type a number."
        case TextAnswer():
            return "Type a word or a few."
        case OwnWords():
            return "Type your words, or Enter alone to see the answer."
        case CodeLine():
            return "Type the number of the line."


def feedback_lines(drawn: DrawnQuestion, given: GivenAnswer, width: int) -> list[str]:
    """Return the score of an answer, the reasons and the explanation as text."""
    score = given.mark.score
    lines = ["  Right." if score == 1 else "  Not right." if score == 0 else f"  {score:.2f} of 1."]
    for reason in given.mark.feedback:
        lines += plain_text(reason, 4, width)
    if score < 1:
        lines += right_lines(drawn, width)
    lines += plain_text(drawn.question.explanation, 4, width)
    if drawn.question.source:
        lines += plain_text(f"({drawn.question.source})", 4, width)
    return lines


def right_lines(drawn: DrawnQuestion, width: int) -> list[str]:
    """Return the right answer as text."""
    return _labelled("The right answer:", describe_right_answer(drawn), width)


def given_lines(drawn: DrawnQuestion, answer: str, width: int) -> list[str]:
    """Return the student's answer as text."""
    try:
        texts = describe_answer(drawn, answer)
    except InvalidAnswer:  # the question was rewritten since
        texts = [answer]
    return _labelled("Your answer:", texts, width)


def _labelled(label: str, texts: Sequence[str], width: int) -> list[str]:
    """Return a label with a text beside it, or several texts below it."""
    if len(texts) == 1:
        return plain_text(f"{label} {texts[0]}", 4, width)
    return [f"    {label}", *(row for text in texts for row in plain_text(text, 6, width, "- "))]


def plain_text(text: str, indent: int, width: int, head: str = "") -> list[str]:
    """Strip markup and wrap text. Keep paragraphs, list items and indented code apart."""
    lines: list[str] = []
    for paragraph in _paragraphs(text):
        if paragraph.startswith(_CODE_INDENT):
            lines.append(" " * indent + paragraph)
            continue
        lines += _strings(wrap_spans(parse_inline(paragraph), width - indent, " " * indent, head))
        head = " " * len(head)
    return lines


def _paragraphs(text: str) -> Iterable[str]:
    """Join the lines of each paragraph and list item."""
    parts: list[str] = []
    for row in text.strip().split("\n"):
        item = row.lstrip()[:2] in ("- ", "* ") or row.lstrip()[:1].isdigit()
        if not row.strip():
            parts.append("")
        elif row.startswith(_CODE_INDENT):
            parts.append(row)
        elif parts and parts[-1] and not parts[-1].startswith(_CODE_INDENT) and not item:
            parts[-1] += " " + row.strip()
        else:
            parts.append(row.strip())
    return (part for part in parts if part)


def _strings(rows: list[Line]) -> list[str]:
    return [paint(line(*row), MANY, color=False) for row in rows]
