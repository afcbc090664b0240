"""An exception on a screen: its message, the failing line, and the operands below it."""

import re
from typing import Any

from rich.cells import cell_len

from grader.base.result import Failure, Frame, Operand, Outcome, Raised, SourceLine
from tests.show.screens import FILE, one, tensor


def test_exception_message_is_never_cut() -> None:
    words = [f"word{n}" for n in range(60)]
    text = one(Outcome.EXCEPTION, Failure("", exception=Raised("ValueError", " ".join(words))))
    assert [w for w in text.split() if w.startswith("word")] == words


def test_too_long_exception_message_says_how_many_lines_are_missing() -> None:
    failure = Failure("", exception=Raised("ValueError", "word " * 2000))
    assert re.search(r"\[\+\d+ lines\]", one(Outcome.EXCEPTION, failure))
    assert one(Outcome.EXCEPTION, failure, full=True).count("word") == 2000


def at_line(text: str, column: int, *operands: Operand, **more: Any) -> list[str]:
    frame = Frame(FILE, 3, "f", (SourceLine(3, text),), column, operands=operands, **more)
    lines = one(Outcome.EXCEPTION, Failure("", exception=Raised("E", "m", (frame,)))).split("\n")
    first = next(i for i, text in enumerate(lines) if "▸" in text)
    return lines[first : lines.index("", first)]


def test_operands_are_under_their_columns_after_wide_characters() -> None:
    lines = at_line('y = f("中文") @ w', 4, Operand("w", 14, tensor(E=6)))
    assert lines[1].index("└") == cell_len(lines[0][: lines[0].index("w")])


def test_operands_are_under_their_columns_after_escaped_characters() -> None:
    lines = at_line("y = f('\u202e\t') @ w", 4, Operand("w", 14, tensor(E=6)))
    assert lines[0].endswith("f('\\u202e    ') @ w")
    assert lines[1].index("└") == len(lines[0]) - 1


def test_operands_that_cannot_be_drawn_are_listed() -> None:
    x, xw = Operand("x", 4, tensor(T=4)), Operand("x @ w", 4, tensor(T=4, E=6))
    assert at_line("y = x @ w + b", 4, x, xw)[-1].strip() == "x @ w [T=4, E=6]"
    far = Operand("w", 900, tensor(E=6))
    assert "w [E=6]" in "\n".join(at_line("y = x @ " + "w" * 1000, 4, x, far))


def test_long_line_is_shown_around_its_failing_column() -> None:
    text = "y = " + "a + " * 100 + "x @ w + " + "b + " * 100
    lines = at_line(text, 404, Operand("x", 404, tensor(T=4)))
    assert "x @ w" in lines[0]
    assert lines[0][lines[1].index("└")] == "x"


def test_dtypes_of_operands_are_shown_if_they_differ() -> None:
    lines = at_line("y = x @ w", 4, Operand("x", 4, tensor("float32", T=4)), Operand("w", 8, tensor(E=6)))
    assert [text.split("  ")[-1] for text in lines[1:]] == ["[E=6] float64", "[T=4] float32"]


def test_deep_code_keeps_four_columns_of_its_indentation() -> None:
    assert at_line(" " * 24 + "y = x", 28, end_column=29)[0] == "    ▸ 3     y = x"


def test_callers_take_one_line_each_or_show_their_source_on_a_full_page() -> None:
    outer = Frame(FILE, 40, "forward", (SourceLine(40, "    return route(x)"),))
    inner = Frame(FILE, 3, "route", (SourceLine(3, "    x @ w"),))
    failure = Failure("", exception=Raised("E", "m", (outer, inner)))
    assert "    from       in forward, line 40       return route(x)" in one(Outcome.EXCEPTION, failure)
    assert "line 40, in forward\n\n    ▸ 40     return" in one(Outcome.EXCEPTION, failure, full=True)


def test_tabs_mixed_with_spaces_are_visible() -> None:
    source = (SourceLine(2, "    x = 1"), SourceLine(3, "\ty = x"), SourceLine(4, "    return y"))
    raised = Raised("TabError", "inconsistent use of tabs and spaces", (Frame(FILE, 3, "f", source, 1),))
    assert "▸ 3 →   y = x" in one(Outcome.EXCEPTION, Failure("", exception=raised))
    assert "> 3 >   y = x" in one(Outcome.EXCEPTION, Failure("", exception=raised), unicode=False)
