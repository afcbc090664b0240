"""One question on the screen: which parts there are, and which lines are in sight. It knows no terminal.

Keys are those of `answering`, `pageup` and `pagedown`.
"""

from grader.quiz.answering import Answering
from grader.quiz.model import CodeLine
from grader.quiz.session import Done, Session
from grader.quiz.verdict import marked, verdict
from grader.show.layout import BLANK, COLUMNS, Line, align_right, bold, cells, clip, dim, flow, line
from grader.show.text import code_block, markdown_lines, styled_lines

BAR = 14  # cells of the progress bar at most
ARROWS = {"up": -1, "down": 1}  # lines that they scroll where they move nothing
NAMES = {"s": "skip", "b": "back", "u": "undo", "a": "appeal", "q": "stop"}
MEANING = {
    "s": "skip this question",
    "b": "go back by one",
    "u": "take your last answer back",
    "a": "say that you were right",
    "q": "stop",
}
SCROLL = {"pageup": -10, "pagedown": 10}


class Screen:
    """A session as it is seen: what does not fit is scrolled."""

    def __init__(self, session: Session):
        self.session = session
        self.answering = Answering(session)
        self._top: int | None = None  # the first line in sight, once scrolled by hand
        self._shown_top = 0

    @property
    def done(self) -> Done | None:
        """How the session came to an end; None while it goes on."""
        return self.answering.done

    def press(self, key: str) -> None:
        """Scrolls, or hands the key on."""
        if self.done is not None:
            return
        if key in SCROLL:
            self._scroll(SCROLL[key])
        elif self.answering.press(key):
            self._top = None
        elif key in ARROWS:
            self._scroll(ARROWS[key])

    def stop(self) -> None:
        """Leaves; all answers are recorded already."""
        self.answering.stop()

    def view(self, columns: int, rows: int) -> list[Line]:
        """What is drawn on a terminal of this size: what does not fit is scrolled, and the last lines stay."""
        if self.session.over:
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
        elif self.session.answered is not None:
            top = focus  # from the verdict on, if not all is in sight
        else:
            top = focus - room + 2
        self._shown_top = top = max(min(top, lowest), 0)
        if self._top is not None:
            self._top = top
        return [*lines[top : top + room], BLANK, *keys]

    def _scroll(self, by: int) -> None:
        self._top = max((self._shown_top if self._top is None else self._top) + by, 0)

    def _lines(self, width: int) -> tuple[list[Line], int]:
        """All lines, and the one to keep in sight: that of the answer, or that of the verdict."""
        asked, given = self.session.current, self.session.answered
        lines = [BLANK, self._head(width), BLANK, *markdown_lines(asked.question.question, width, 2)]
        if asked.question.code and not isinstance(asked.question, CodeLine):
            lines += [BLANK, *code_block(asked.question.code, width, 4)]
        if given is not None:
            lines += [BLANK, *marked(asked, given, width)]
            return [*lines, BLANK, *verdict(asked, given, width)], len(lines)
        body, focus = self.answering.entry.lines(width)
        focus += len(lines) + 1
        lines += [BLANK, *body]
        if self.answering.message:
            focus = len(lines) + 1
            lines += [BLANK, *styled_lines(self.answering.message, "", width, 2)]
        return lines, focus

    def _head(self, width: int) -> Line:
        session = self.session
        done, total = session.place, len(session.asked)
        bar = min(BAR, total)
        full = round(bar * done / total)
        count = f"{done + 1} of {total}   {'█' * full}{'░' * (bar - full)}"
        if width < 50:
            count = f"{done + 1} of {total}"
        name = clip(session.name, width - 4 - len(count))
        level = ", ".join(filter(None, (session.what, session.current.question.level)))
        room = width - 2 - cells(name) - cells(count)
        middle = f"   {level}" if room > len(level) + 6 else ""
        return line("  ", bold(name), dim(middle), align_right(count, width - 2 - cells(name) - len(middle)))

    def _keys(self, width: int, scrolled: bool) -> list[Line]:
        answered = self.session.answered is not None
        keys = ["Enter next"] if answered else [*self.answering.entry.keys]
        if scrolled:
            keys.append("↑↓ scroll" if answered or self.answering.in_letters else "PgUp scroll")
        keys += [f"{letter} {NAMES[letter]}" for letter in self.answering.commands] + ["+ Enter"]
        lines = [line("  ", each) for each in flow([line(dim(key)) for key in keys], width - 2)]
        if self.answering.waiting in self.answering.commands:
            told = f"{self.answering.waiting}: Enter, to {MEANING[self.answering.waiting]}."
            return [*styled_lines(told, "bold", width, 2), *lines]
        return lines
