"""Asks in plain lines: for pipes, for screen readers, and where a terminal can do no more."""

from collections.abc import Callable, Iterable

from grader.quiz.draw import Asked
from grader.quiz.model import COMMANDS, CodeLine, Match, Multiple, Numeric, Order, OwnWords, Single, TextAnswer
from grader.quiz.score import NotAnAnswer, in_words, right_in_words
from grader.quiz.session import Done, Given, Session
from grader.show.layout import MANY, Line, line, paint
from grader.show.numbers import format_points
from grader.show.text import code_block, parse_inline, wrap_spans

EXAM = "An exam: what was right is said at the end."
IN_WORDS = {
    "s": "s skips", "b": "b goes back", "u": "u takes the last answer back", "a": "a says that it was right",
    "q": "q stops",
}  # fmt: skip

_CODE = " " * 4  # before a line of code, in Markdown

Say = Callable[..., None]
Read = Callable[[], str | None]  # the next line; None: there are no more


def ask_plainly(session: Session, read: Read, say: Say, width: int) -> Done:
    """Asks until the last question is passed, `q` is read, or the input ends."""
    say("", f"  {session.name}" + (f", {session.what}" if session.what else ""))
    if session.exam:
        say("", *plain_text(EXAM, 2, width))
    while not session.over:
        say("", f"  Question {session.place + 1} of {len(session.asked)}, {session.current.question.level}", "")
        say(*question_lines(session.current, width))
        if session.answered is not None:
            say("", *verdict_lines(session.current, session.answered, width))
        if done := _until_answered(session, read, say, width):
            return done
        if session.over and session.can_appeal:
            _appealed_at_the_end(session, read, say, width)
    return Done.FINISHED


def _until_answered(session: Session, read: Read, say: Say, width: int) -> Done | None:
    """Reads lines until the session has moved on (None), or ends."""
    answered, compared = session.answered is not None, False
    commands = _commands(session)
    told = "Enter goes on." if answered else wanted(session.current)
    say("", *plain_text(f"{told} {', '.join(IN_WORDS[each] for each in commands)}.", 2, width))
    while True:
        text = read()
        if text is None:
            return Done.ENDED
        text = text.strip()
        if text == "q":
            return Done.STOPPED
        if text == "a" and session.can_appeal:
            session.appeal()
            say("  It counts as right.")
            continue
        if text in commands:
            {"s": session.skip, "b": session.back, "u": session.undo}[text]()
            return None
        if text in COMMANDS:
            say(f"  There is nothing to {COMMANDS[text]} here.")
            continue
        if answered:
            session.next()
            return None
        if isinstance(session.current.question, OwnWords) and not compared:
            say("", *right_lines(session.current, width), "", *_choices(session.current, width), "")
            say("  Type 1 or 2.")
            compared = True
            continue
        try:
            given = session.answer(text)
        except NotAnAnswer as problem:
            say(*plain_text(str(problem), 2, width))
            continue
        if not session.exam:
            say("", *verdict_lines(session.current, given, width))
        session.next()
        return None


def _commands(session: Session) -> list[str]:
    """The letters that mean something now."""
    offered = {"b": session.place > 0, "u": session.can_undo, "a": session.can_appeal}
    return ["s", *(letter for letter, means in offered.items() if means), "q"]


def _appealed_at_the_end(session: Session, read: Read, say: Say, width: int) -> None:
    """After the last question: whether its answer counts as right, which is asked nowhere else."""
    say("", *plain_text(f"Enter ends, {IN_WORDS['a']}.", 2, width))
    if (read() or "").strip() == "a":
        session.appeal()
        say("  It counts as right.")


def question_lines(asked: Asked, width: int) -> list[str]:
    """A question as text of at most `width` columns, with its choices numbered."""
    question = asked.question
    lines = plain_text(question.question, 2, width)
    if question.code:
        lines += ["", *_strings(code_block(question.code, width, 4))]
    if isinstance(question, Match):
        lines += ["", *(row for pair in question.pairs for row in plain_text(pair.left, 4, width, "- "))]
    if asked.shown and not isinstance(question, OwnWords):
        lines += ["", *_choices(asked, width)]
    return lines


def _choices(asked: Asked, width: int) -> list[str]:
    return [row for i, text in enumerate(asked.shown, start=1) for row in plain_text(text, 4, width, f"{i}  ")]


def wanted(asked: Asked) -> str:
    """What to type, as a sentence."""
    question = asked.question
    match question:
        case Single():
            return "Type the number of one option."
        case Multiple():
            return "Type the numbers of all that are right, such as 1 3."
        case Order():
            return "Type the numbers in the right order, such as 2 1 3."
        case Match():
            return "For each - from the top, type the number of what belongs to it."
        case Numeric():
            return f"Type a number, in {question.unit}." if question.unit else "Type a number."
        case TextAnswer():
            return "Type a word or a few."
        case OwnWords():
            return "Type your words, or Enter alone to see the answer."
        case CodeLine():
            return "Type the number of the line."


def verdict_lines(asked: Asked, given: Given, width: int) -> list[str]:
    """What an answer is worth and why, as text."""
    score = given.mark.score
    lines = ["  Right." if score == 1 else "  Not right." if score == 0 else f"  {format_points(score)} of 1."]
    for reason in given.mark.feedback:
        lines += plain_text(reason, 4, width)
    if score < 1:
        lines += right_lines(asked, width)
    lines += plain_text(asked.question.explanation, 4, width)
    return [*lines, *plain_text(f"({asked.question.source})", 4, width)]


def right_lines(asked: Asked, width: int) -> list[str]:
    """The right answer, as text."""
    texts = right_in_words(asked)
    if len(texts) == 1:
        return plain_text(f"The right answer: {texts[0]}", 4, width)
    return ["    The right answer:", *(row for text in texts for row in plain_text(text, 6, width, "- "))]


def answer_in_words(asked: Asked, answer: str | None) -> str:
    """An answer on one line."""
    if answer is None:
        return "skipped"
    try:
        return "; ".join(in_words(asked, answer))
    except NotAnAnswer:  # the question was rewritten since
        return answer


def plain_text(text: str, indent: int, width: int, head: str = "") -> list[str]:
    """Text without its marks, wrapped; paragraphs and list items stay apart, and indented code is as it stands."""
    lines: list[str] = []
    for paragraph in _paragraphs(text):
        if paragraph.startswith(_CODE):
            lines.append(" " * indent + paragraph)
            continue
        lines += _strings(wrap_spans(parse_inline(paragraph), width - indent, " " * indent, head))
        head = " " * len(head)
    return lines


def _paragraphs(text: str) -> Iterable[str]:
    """Lines that belong together, joined."""
    parts: list[str] = []
    for row in text.strip().split("\n"):
        item = row.lstrip()[:2] in ("- ", "* ") or row.lstrip()[:1].isdigit()
        if not row.strip():
            parts.append("")
        elif row.startswith(_CODE):
            parts.append(row)
        elif parts and parts[-1] and not parts[-1].startswith(_CODE) and not item:
            parts[-1] += " " + row.strip()
        else:
            parts.append(row.strip())
    return (part for part in parts if part)


def _strings(rows: list[Line]) -> list[str]:
    return [paint(line(*row), MANY, color=False) for row in rows]
