"""Lays out one question on the screen and scrolls it, independent of the terminal.

Keys are those of `key_handler`, `pageup` and `pagedown`.
"""

from grader.quiz.feedback import answer_lines, feedback_lines
from grader.quiz.key_handler import KeyHandler
from grader.quiz.model import CodeLine
from grader.quiz.session import EndReason, QuizSession
from grader.show.layout import BLANK, COLUMNS, Line, align_right, bold, cells, clip, dim, flow, line
from grader.show.text import code_block, markdown_lines, styled_lines

MAX_BAR_WIDTH = 14  # cells of the progress bar
ARROW_SCROLL = {"up": -1, "down": 1}  # lines they scroll when they move no cursor
COMMAND_NAMES = {"s": "skip", "b": "back", "u": "undo", "a": "appeal", "q": "stop"}
COMMAND_HELP = {
    "s": "skip this question",
    "b": "go back by one",
    "u": "take back your last answer",
    "a": "claim that you were right",
    "q": "stop",
}
PAGE_SCROLL = {"pageup": -10, "pagedown": 10}


class QuizScreen:
    """A quiz session on a screen of any size."""

    def __init__(self, session: QuizSession):
        self.session = session
        self.handler = KeyHandler(session)
        self._top: int | None = None  # first visible line, once scrolled by hand
        self._shown_top = 0

    @property
    def end_reason(self) -> EndReason | None:
        """Why the session ended, None while it goes on."""
        return self.handler.end_reason

    def press(self, key: str) -> None:
        """Scroll, or pass the key on."""
        if self.end_reason is not None:
            return
        if key in PAGE_SCROLL:
            self._scroll(PAGE_SCROLL[key])
        elif self.handler.press(key):
            self._top = None
        elif key in ARROW_SCROLL:
            self._scroll(ARROW_SCROLL[key])

    def stop(self) -> None:
        """Stop the session. All answers are recorded already."""
        self.handler.stop()

    def view(self, columns: int, rows: int) -> list[Line]:
        """Return the lines for a terminal of this size; the status lines at the bottom always fit."""
        if self.session.is_over:
            return []
        width = max(min(columns, COLUMNS), 20)
        lines, focus = self._lines(width)
        keys = self._keys(width, scrolled=False)
        if len(lines) + len(keys) + 1 > rows:
            keys = self._keys(width, scrolled=True)[: max(rows // 2, 1)]
        room = max(rows - len(keys) - 1, 1)
        lowest = max(len(lines) - room, 0)
        if self._top is not None:
            top = self._top
        elif self.session.final_answer is not None:
            top = focus  # if it does not all fit, from the verdict on
        else:
            top = focus - room + 2
        self._shown_top = top = max(min(top, lowest), 0)
        if self._top is not None:
            self._top = top
        return [*lines[top : top + room], BLANK, *keys]

    def _scroll(self, by: int) -> None:
        self._top = max((self._shown_top if self._top is None else self._top) + by, 0)

    def _lines(self, width: int) -> tuple[list[Line], int]:
        """Return all lines, and the index of the one to keep visible: of the answer, or of the verdict."""
        drawn, given = self.session.current, self.session.final_answer
        lines = [BLANK, self._head(width), BLANK, *markdown_lines(drawn.question.question, width, 2)]
        if drawn.question.code and not isinstance(drawn.question, CodeLine):
            lines += [BLANK, *code_block(drawn.question.code, width, 4)]
        if given is not None:
            lines += [BLANK, *answer_lines(drawn, given, width)]
            return [*lines, BLANK, *feedback_lines(drawn, given, width)], len(lines)
        body, focus = self.handler.input.lines(width)
        focus += len(lines) + 1
        lines += [BLANK, *body]
        if self.handler.message:
            focus = len(lines) + 1
            lines += [BLANK, *styled_lines(self.handler.message, "", width, 2)]
        return lines, focus

    def _head(self, width: int) -> Line:
        session = self.session
        done, total = session.position, len(session.questions)
        bar = min(MAX_BAR_WIDTH, total)
        full = round(bar * done / total)
        count = f"{done + 1} of {total}   {'█' * full}{'░' * (bar - full)}"
        if width < 50:
            count = f"{done + 1} of {total}"
        name = clip(session.name, width - 4 - len(count))
        level = ", ".join(filter(None, (session.kind_label, session.current.question.level)))
        room = width - 2 - cells(name) - cells(count)
        middle = f"   {level}" if room > len(level) + 6 else ""
        return line("  ", bold(name), dim(middle), align_right(count, width - 2 - cells(name) - len(middle)))

    def _keys(self, width: int, scrolled: bool) -> list[Line]:
        answered = self.session.final_answer is not None
        keys = ["Enter next"] if answered else [*self.handler.input.keys]
        if scrolled:
            keys.append("↑↓ scroll" if answered or self.handler.takes_text else "PgUp scroll")
        keys += [f"{letter} {COMMAND_NAMES[letter]}" for letter in self.handler.commands]
        lines = [line("  ", each) for each in flow([line(dim(key)) for key in keys], width - 2)]
        if (letter := self.handler.typed) in self.handler.commands:
            hint = f"{letter}, then Enter: {COMMAND_HELP[letter]}."
            return [*styled_lines(hint, "bold", width, 2), *lines]
        return lines
