"""The terminal screen that a student reads after a run."""

import re
from dataclasses import dataclass
from itertools import product
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from grader.base.result import (
    Call,
    Comparison,
    Diagnosis,
    Failure,
    Frame,
    NamedValue,
    Operand,
    Outcome,
    Output,
    Raised,
    Result,
    ReturnedPart,
    Row,
    Samples,
    SourceLine,
    Value,
)
from grader.show.context import CourseProgress, NeededExercise, NextStep, RunContext
from grader.show.layout import MANY
from grader.show.terminal import render
from tests.show.screens import EXERCISE, FILE, STATEMENT, TESTS, VIEW, axes, case, graded, one, result, screen, tensor

# The main situations, with numbers that real mistakes gave

VALUES = (
    ((0.53652, 0.15558), (0.77519, 0.22481)),
    ((0.67552, 0.17299), (0.79611, 0.20389)),
    ((0.43331, 0.30891), (0.58379, 0.41621)),
    ((0.40281, 0.18401), (0.68651, 0.31349)),
)
ROUTE = Call(
    "moe_router",
    (NamedValue("x", tensor(T=4, D=8)), NamedValue("w_gate", tensor(E=6, D=8)), NamedValue("k", Value("2"))),
    (
        ReturnedPart("weights", tensor(T=4, k=2), tensor(T=4, k=2), agrees=False),
        ReturnedPart("experts", tensor("int64", T=4, k=2), tensor("int64", T=4, k=2), agrees=True),
    ),
)
WEIGHTS = Comparison(
    "weights",
    axes(T=4, k=2),
    tuple(Row((t,), 0, yours, expected, (True, True), t == 3) for t, (yours, expected) in enumerate(VALUES)),
    differing=8,
    total=8,
    largest=0.2837,
    rtol=1e-9,
    atol=1e-9,
)
AGAIN = "import moe_router\nmoe_router.moe_router()\n"
WRONG_VALUES = Failure("", ROUTE, WEIGHTS, near_miss="Your weights are not normalised over k.", reproduction=AGAIN)
ADVICE = """This is softmax over all E experts, then top-k. The experts you drop keep their
share of the probability, so the k weights no longer sum to 1. Which logits should the softmax see?"""
SOFTMAX_ALL = Diagnosis("softmax_all", ADVICE, "moe_router", "test_renormalise", 5)


def wrong_values() -> Result:
    of = graded(renormalise=(Outcome.WRONG_VALUES, WRONG_VALUES), values=(Outcome.WRONG_VALUES, WRONG_VALUES))
    return replaced(of, diagnoses=(SOFTMAX_ALL,))


def replaced(of: Result, **changes: Any) -> Result:
    return Result(**{name: getattr(of, name) for name in of.__struct_fields__} | changes)


def wrong_shape() -> Result:
    parts = tuple(
        ReturnedPart(name, tensor(dtype, k=2, E=3), tensor(dtype, T=5, k=2), agrees=False)
        for name, dtype in [("weights", "float64"), ("experts", "int64")]
    )
    arguments = (NamedValue("x", tensor(T=5, D=7)), NamedValue("w_gate", tensor(E=3, D=7)), NamedValue("k", Value("2")))
    failure = Failure("", Call("moe_router", arguments, parts), reproduction=AGAIN)
    first, *others = TESTS
    skipped = [case(name, Outcome.SKIPPED, needs=("test_shape",)) for name in others]
    return result(case(first, Outcome.WRONG_SHAPE, failure), *skipped)


MATMUL = Raised(
    "RuntimeError",
    "mat1 and mat2 shapes cannot be multiplied (4x8 and 6x8)",
    (
        Frame(
            FILE,
            27,
            "moe_router",
            (
                SourceLine(25, "    T, D = x.shape"),
                SourceLine(26, ""),
                SourceLine(27, "    logits = x @ w_gate"),
                SourceLine(28, "    weights, experts = logits.topk(k, dim=-1)"),
            ),
            column=13,
            end_column=23,
            operands=(Operand("x", 13, tensor(T=4, D=8)), Operand("w_gate", 17, tensor(E=6, D=8))),
            locals=(NamedValue("k", Value("2")), NamedValue("x", tensor(T=4, D=8))),
        ),
    ),
    hidden_frames=5,
)
MATMUL_MEANS = (
    "a @ b sums over the last axis of a and the first axis of b: here D=8 meets E=6. Both of your tensors carry D last."
)


def raised() -> Result:
    failure = Failure(MATMUL_MEANS, ROUTE, exception=MATMUL, reproduction=AGAIN)
    return graded(**dict.fromkeys(TESTS, (Outcome.EXCEPTION, failure)))


LOOP = Samples(
    2.0,
    20,
    Frame(
        FILE,
        31,
        "pick",
        (
            SourceLine(30, "    while len(chosen) < k:"),
            SourceLine(31, "        best = max(range(E), key=scores.__getitem__)"),
            SourceLine(32, "        chosen.append(best) if best not in chosen else None"),
        ),
    ),
    (NamedValue("k", Value("2")), NamedValue("chosen", Value("[4]")), NamedValue("best", Value("4"))),
)


def endless() -> Result:
    failure = Failure("Stopped after 2 s; the reference takes 3 ms.", samples=LOOP)
    return graded(choice=(Outcome.TIMEOUT, failure), values=(Outcome.TIMEOUT, failure))


def not_started() -> Result:
    return result(outcome=Outcome.NOT_STARTED)


TO_WRITE = RunContext(
    hints_total=3,
    statement=STATEMENT,
    line=24,
    write=("moe_router(x [T, D], w_gate [E, D], k)", "  -> weights [T, k], experts [T, k]"),
    needs=(NeededExercise("softmax", True), NeededExercise("topk", False)),
)

SYNTAX = Raised(
    "SyntaxError",
    "'(' was never closed",
    (Frame(FILE, 12, "<module>", (SourceLine(12, "    return torch.softmax(x"),), column=24, end_column=25),),
)

# Exact screens

PASSED_SCREEN = """\
  moe_router   top-k routing with renormalised weights      lesson 3, level 2

    ✓ shape         weights and experts are [T, k]                          1
    ✓ choice        the k largest logits, best first                        2
    ✓ renormalise   the k weights of every token sum to 1                   2
    ✓ values        equals the reference on 40 random shapes                2
    ✓ k = E         reduces to a plain softmax                              1
    ✓ gradient      gradcheck through w_gate                                2

  10 of 10 points                                           6 tests in 0.19 s

  You have written the gate of Mixtral 8x7B: softmax(topk(x W)).
  compare   grade diff moe_router         yours next to the reference
  next      grade exercise moe_dispatch   exercises/moe_dispatch

  experts   ███████████░░░░░░░░░   4 of 7        course  17 of 43
"""

VALUES_SCREEN = """\
  moe_router   top-k routing with renormalised weights      lesson 3, level 2

    ✗ renormalise   the k weights of every token sum to 1                 0/2
    ✗ values        equals the reference on 40 random shapes              0/2
    ✓ 4 more pass   shape, choice, k = E, gradient                          6

  renormalise ───────────────────────────────────────────────────────────────

    This is softmax over all E experts, then top-k. The experts you drop keep
    their share of the probability, so the k weights no longer sum to 1.
    Which logits should the softmax see?

    called     moe_router(x, w_gate, k=2)
               x [T=4, D=8]   w_gate [E=6, D=8]   float64
    returned   ✗ weights [T=4, k=2]    ✓ experts [T=4, k=2]

    weights           yours          expected
    [t=0]    0.5365  0.1556    0.7752  0.2248
    [t=1]    0.6755  0.1730    0.7961  0.2039
    [t=2]    0.4333  0.3089    0.5838  0.4162
  ▸ [t=3]    0.4028  0.1840    0.6865  0.3135  worst

    8 of 8 numbers in weights differ, by at most 0.2837.

  6 of 10 points                                            6 tests in 0.19 s
  hint   grade hint moe_router              1 of 3
  try    grade shell moe_router             this input, in a Python prompt
  full   grade exercise moe_router --full   1 more failure
  read   exercises/moe_router/README.md     the statement
"""

SHAPE_SCREEN = """\
  moe_router   top-k routing with renormalised weights      lesson 3, level 2

    ✗ shape            weights and experts are [T, k]                     0/1
    ○ 5 more not run   need shape to pass; choice is next                   -

  shape ─────────────────────────────────────────────────────────────────────

    No axis of your result has length T=5; E=3 should not be there.

    called     moe_router(x, w_gate, k=2)
               x [T=5, D=7]   w_gate [E=3, D=7]   float64

               returned      expected
  ✗ weights    [k=2, E=3]    [T=5, k=2]
  ✗ experts    [k=2, E=3]    [T=5, k=2]

  0 of 10 points                                             1 test in 0.19 s
  hint   grade hint moe_router            1 of 3
  try    grade shell moe_router           this input, in a Python prompt
  read   exercises/moe_router/README.md   the statement
"""

CRASH_SCREEN = """\
  moe_router   top-k routing with renormalised weights      lesson 3, level 2

    ✗ shape         weights and experts are [T, k]                        0/1
    ✗ 5 more fail   choice, renormalise, values, k = E, gradient          0/9

  shape ─────────────────────────────────────────────────────────────────────

    a @ b sums over the last axis of a and the first axis of b: here D=8
    meets E=6. Both of your tensors carry D last.

    RuntimeError   mat1 and mat2 shapes cannot be multiplied (4x8 and 6x8)

    exercises/moe_router/moe_router.py, line 27, in moe_router

      26
    ▸ 27     logits = x @ w_gate
                      │   └──────  [E=6, D=8]
                      └──────────  [T=4, D=8]
      28     weights, experts = logits.topk(k, dim=-1)

    k = 2

    All 6 tests end at this line. 5 frames outside your code are hidden.

  0 of 10 points                                            6 tests in 0.19 s
  hint   grade hint moe_router              1 of 3
  try    grade shell moe_router             this input, in a Python prompt
  more   grade exercise moe_router shape    this test in depth
  full   grade exercise moe_router --full   5 more failures
  read   exercises/moe_router/README.md     the statement
"""

TIMEOUT_SCREEN = """\
  moe_router   top-k routing with renormalised weights      lesson 3, level 2

    ✓ shape         weights and experts are [T, k]                          1
    ✗ choice        the k largest logits, best first                      0/2
    ✓ renormalise   the k weights of every token sum to 1                   2
    ✗ values        equals the reference on 40 random shapes              0/2
    ✓ k = E         reduces to a plain softmax                              1
    ✓ gradient      gradcheck through w_gate                                2

  choice ────────────────────────────────────────────────────────────────────

    Stopped after 2 s; the reference takes 3 ms.

    exercises/moe_router/moe_router.py, line 31, in pick

      30     while len(chosen) < k:
    ▸ 31         best = max(range(E), key=scores.__getitem__)
      32         chosen.append(best) if best not in chosen else None

    k = 2   chosen = [4]   best = 4   the same in all 20 samples

    2 of 6 tests end at this line.

  6 of 10 points                                            6 tests in 0.19 s
  hint   grade hint moe_router              1 of 3
  more   grade exercise moe_router choice   this test in depth
  full   grade exercise moe_router --full   1 more failure
  read   exercises/moe_router/README.md     the statement
"""

NOT_STARTED_SCREEN = """\
  moe_router   top-k routing with renormalised weights      lesson 3, level 2

    ○ not started   exercises/moe_router/moe_router.py:24

  write   moe_router(x [T, D], w_gate [E, D], k)
            -> weights [T, k], experts [T, k]
  needs   ✓ softmax   ○ topk
  worth   10 points, about 20 minutes

  hint    grade hint moe_router            1 of 3
  read    exercises/moe_router/README.md   the statement
  grade   grade exercise moe_router        after you have saved
"""

SYNTAX_SCREEN = """\
  moe_router   top-k routing with renormalised weights      lesson 3, level 2

    ✗ syntax error   exercises/moe_router/moe_router.py:12

    SyntaxError   '(' was never closed

    ▸ 12     return torch.softmax(x
                                 ^

  0 of 10 points
  grade   grade exercise moe_router   after you have saved
"""

NEXT = RunContext(
    next=NextStep("exercise moe_dispatch", "exercises/moe_dispatch"),
    progress=CourseProgress("experts", 4, 7, 17, 43),
)
SCREENS = {
    "passed": (graded(), NEXT, PASSED_SCREEN),
    "wrong values": (wrong_values(), VIEW, VALUES_SCREEN),
    "wrong shape": (wrong_shape(), VIEW, SHAPE_SCREEN),
    "exception": (raised(), VIEW, CRASH_SCREEN),
    "timeout": (endless(), VIEW, TIMEOUT_SCREEN),
    "not started": (not_started(), TO_WRITE, NOT_STARTED_SCREEN),
    "syntax error": (result(outcome=Outcome.SYNTAX_ERROR, exception=SYNTAX), VIEW, SYNTAX_SCREEN),
}


@pytest.mark.parametrize("situation", SCREENS)
def test_screen_matches_the_golden_text(situation: str) -> None:
    of, view, expected = SCREENS[situation]
    assert screen(of, view) == expected


# What holds for every screen

ESCAPES = re.compile(r"\x1b\[[\d;]*m")

HOSTILE = (
    "[red]bold[/red] \x1b[31m\x1b]0;title\x07\x9b2J\r\b\x00"
    + "\u202egnp.exe\u202c \u200b\u200d\ufeff 中文字符 क्षि שלום "
    + "a"
    + "\u0301" * 50
    + " \ud800 \n\ttab "
    + "x" * 2_000
)


def hostile(column: int = 400) -> Failure:
    value = Value(HOSTILE)
    frame = Frame(
        HOSTILE,
        4,
        HOSTILE,
        tuple(SourceLine(n, HOSTILE.replace("\n", " ")) for n in range(1, 8)),
        column=column,
        end_column=column + 1500,
        operands=(
            Operand(HOSTILE, column, value),
            Operand("y", column + 5, tensor(T=4)),
            Operand("z", 2, value),
        ),
        locals=tuple(NamedValue(HOSTILE, value) for _ in range(5)),
    )
    return Failure(
        HOSTILE * 3,
        Call(
            HOSTILE,
            (NamedValue(HOSTILE, value), NamedValue("x", tensor(**{HOSTILE: 3}))),
            (ReturnedPart(HOSTILE, value, value),),
        ),
        exception=Raised(HOSTILE, HOSTILE, (frame,) * 2, hidden_frames=3),
        samples=Samples(2.0, 20, frame, frame.locals),
        near_miss=HOSTILE,
    )


def ended(outcome: Outcome) -> list[Result]:
    """Return results in which one test, each of many, or the whole submission ended with this outcome."""
    failure = Failure("The first failing fact in a sentence. " * 4, ROUTE, near_miss="A cause, in a sentence.")
    printed = Output("text\n" * 50, dropped=1000)
    tests = [case(name, outcome, failure, output=printed) for name in TESTS]
    many = [case(f"test number {n}", outcome, failure, needs=("test_shape",)) for n in range(40)]
    results = [
        result(case("shape"), tests[1], *many[:9]),
        result(*many),
        result(*tests, diagnoses=(SOFTMAX_ALL,)),
    ]
    if outcome not in (Outcome.PASSED, Outcome.SKIPPED, Outcome.GRADED):
        results.append(result(outcome=outcome, message="A sentence.", exception=MATMUL, output=printed))
    return results


RESULTS = {outcome.value: ended(outcome) for outcome in Outcome if outcome is not Outcome.GRADED} | {
    "the screens above": [of for of, _, _ in SCREENS.values()],
    "hostile": [
        result(*(case(HOSTILE, Outcome.EXCEPTION, hostile(), output=Output(HOSTILE)) for _ in range(3))),
        result(outcome=Outcome.IMPORT_ERROR, message=HOSTILE, exception=hostile(10).exception),
        result(case("a", Outcome.WRONG_TYPE, Failure(HOSTILE, hostile().call)), diagnoses=(SOFTMAX_ALL,)),
    ],
}


@dataclass(frozen=True)
class Screen:
    """A screen of a result, and the options it was made with."""

    text: str
    full: bool
    unicode: bool
    width: int

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")


@pytest.fixture(scope="module", params=RESULTS)
def screens(request: pytest.FixtureRequest) -> list[Screen]:
    """Return all results of one kind in all the ways they can be shown, without color."""
    return [
        Screen(screen(of, view, full=full, unicode=unicode, width=width, height=height), full, unicode, width)
        for of, view in product(RESULTS[request.param], [VIEW, TO_WRITE, NEXT])
        for full, unicode, (width, height) in product([False, True], [True, False], [(60, 18), (80, 22), (120, 38)])
    ]


def test_no_line_exceeds_the_terminal_or_77_cells(screens: list[Screen]) -> None:
    assert all(cell_len(text) <= min(s.width, 77) for s in screens for text in s.lines if " grade " not in text)


@pytest.mark.parametrize("height", [22, 28, 38])
@pytest.mark.parametrize("situation", [name for name in SCREENS if name != "passed"])
def test_screen_fits_the_height_of_the_terminal(situation: str, height: int) -> None:
    of, view, _ = SCREENS[situation]
    assert screen(of, view, height=height).count("\n") <= height


@pytest.mark.parametrize(("width", "height"), [(40, 10), (60, 18), (80, 22), (80, None), (120, 38)])
def test_known_cause_is_never_cut(width: int, height: int | None) -> None:
    words = " ".join(f"word{n}" for n in range(300))
    of = replaced(wrong_values(), diagnoses=(Diagnosis("softmax_all", words, "moe_router", "test_renormalise", 5),))
    assert words in " ".join(screen(of, width=width, height=height).split())


def test_cause_comes_before_call_and_call_before_numbers() -> None:
    places = [screen(wrong_values()).index(words) for words in ("This is softmax", "called", "[t=0]", "8 of 8")]
    assert places == sorted(places)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_commands_are_never_cut(width: int) -> None:
    command = "grade exercise moe_router --file a/folder/of/a/long/name/and/a/file/of/another.py --full"
    view = RunContext(options=" --file a/folder/of/a/long/name/and/a/file/of/another.py")
    assert command in screen(wrong_values(), view, width=width, height=20)


def test_counts_what_the_code_printed_where_all_tests_pass() -> None:
    quiet, printing = case("quiet"), case("printing", output=Output("one\ntwo\n"))
    assert "    printed    2 lines in 1 test\n" in screen(result(quiet, printing))
    much = case("much", output=Output("a\n" * 9, dropped=100))
    assert "    printed    more than 11 lines in 2 tests\n" in screen(result(printing, much))
    assert "printed" not in screen(result(quiet))
    in_depth = screen(result(quiet, printing), only="test_printing")
    assert "    printed    one\n               two\n" in in_depth
    assert "printed" not in screen(result(quiet, printing), only="test_quiet")


def test_does_not_count_what_the_code_printed_where_a_test_fails() -> None:
    failing = case("wrong", Outcome.FAILED, Failure("A fact."), output=Output("mine\n"))
    text = screen(result(case("right", output=Output("other\n")), failing))
    assert text.count("printed ") == 1
    assert "    printed    mine\n" in text


def test_without_a_terminal_no_line_is_cut_and_details_are_left_out() -> None:
    long = " ".join(f"word{n}" for n in range(40))
    rows = tuple(Row((t,), 0, (0.5,), (0.25,), (True,), t == 0) for t in range(100))
    compared = msgspec.structs.replace(WEIGHTS, rows=rows, axes=axes(T=100, k=1))
    failure = Failure("", ROUTE, compared, exception=Raised("ValueError", "a " * 9000 + "end"))
    tests = [case(f"n{n}", description=long) for n in range(40)]
    made = result(*tests, case("choice", Outcome.EXCEPTION, failure))
    text = screen(made, height=None)
    assert text.count("word39") == 40
    assert "..." not in text
    assert "[t=99]" not in text
    assert "end" not in text.split()
    assert "more   grade exercise moe_router choice" in text
    in_depth = screen(made, height=None, only="test_choice")
    assert "[t=99]" in in_depth
    assert "end" in in_depth.split()


def test_long_title_has_its_own_line_if_nothing_is_cut() -> None:
    title = "what a layer that treats every token alike cannot do"
    exercise = msgspec.structs.replace(EXERCISE, id="recall_lab", title=title)
    text = render(graded(), exercise, VIEW, width=80, unicode=True, color=False)
    assert text.splitlines()[:2] == ["  recall_lab   lesson 3, level 2", f"  {title}"]


def test_long_names_of_parts_stay_distinct() -> None:
    names = ("result['blocks']", "result['block_rows']")
    parts = tuple(ReturnedPart(name, tensor(T=5), tensor(k=2), agrees=False) for name in names)
    failure = Failure("", Call("padded_rows", (), parts), reproduction=AGAIN)
    text = screen(result(case("rows", Outcome.WRONG_SHAPE, failure)))
    assert "✗ result['blocks'] " in text
    assert "✗ result['block_rows'] " in text


def test_only_explains_one_test_in_depth() -> None:
    text = screen(wrong_values(), only="test_values", height=MANY)
    assert "values ──" in text
    assert "renormalise " not in text
    assert "The tolerance is rtol=1e-09" in text
    assert "6 of 10 points" in text


@pytest.mark.parametrize("height", [22, 28, 38])
@pytest.mark.parametrize("situation", [name for name in SCREENS if name != "passed"])
def test_screen_of_one_test_fits_the_height_of_the_terminal(situation: str, height: int) -> None:
    of, view, _ = SCREENS[situation]
    for test in of.relevant_failures:
        assert screen(of, view, only=test.id, height=height).count("\n") <= height


@pytest.mark.parametrize("height", [26, 29, 32, 43])
def test_failing_line_keeps_a_neighbor_while_there_is_room(height: int) -> None:
    text = screen(raised(), only="test_choice", height=height)
    assert len(re.findall(r"^    [ ▸] +2\d ", text, re.MULTILINE)) >= 2


def test_passed_test_has_no_explanation() -> None:
    text = screen(wrong_values(), only="test_shape")
    assert "✓ shape" in text
    assert "──" not in text


def test_output_is_ascii_without_unicode(screens: list[Screen]) -> None:
    assert all(s.text.isascii() for s in screens if not s.unicode)


def test_nothing_on_a_screen_is_obeyed_by_a_terminal(screens: list[Screen]) -> None:
    assert all(text.isprintable() for s in screens for text in s.lines)
    assert not any(text.endswith(" ") for s in screens for text in s.lines)


def test_screens_have_no_exclamation_marks(screens: list[Screen]) -> None:
    assert not any("!" in text.removeprefix("    ! ") for s in screens for text in s.lines)


@pytest.mark.parametrize("kind", RESULTS)
def test_color_adds_only_escape_sequences(kind: str) -> None:
    for of, full in product(RESULTS[kind], [False, True]):
        plain, colored = screen(of, full=full), screen(of, full=full, color=True)
        assert "\x1b" not in plain
        assert "\x1b" in colored
        assert ESCAPES.sub("", colored) == plain


@pytest.mark.parametrize("kind", RESULTS)
def test_screen_is_legible_in_40_columns(kind: str) -> None:
    for of in RESULTS[kind]:
        lines = [text for text in screen(of, width=40).split("\n") if " grade " not in text]
        assert max(map(cell_len, lines)) <= 40
        assert "moe_router" in lines[0]


# Single behaviours


def test_markup_from_students_is_shown_verbatim() -> None:
    text = one(Outcome.EXCEPTION, Failure("", exception=Raised("ValueError", "[bold red]x[/] \x1b[2J")))
    assert "ValueError   [bold red]x[/] \\x1b[2J" in text


def test_full_explains_every_failing_test() -> None:
    text = screen(wrong_values(), full=True)
    assert text.count("called     moe_router(x, w_gate, k=2)") == 2
    assert "--full" not in text
    assert "isolation confined, seed 0, Python 3.11.7, torch 2.4.0" in text


@pytest.mark.parametrize(("functions", "shown", "last"), [(8, 8, "f7(x)"), (11, 7, "and 4 more")])
def test_signatures_without_room_are_counted(functions: int, shown: int, last: str) -> None:
    text = screen(not_started(), RunContext(write=tuple(f"f{n}(x)" for n in range(functions))), height=17)
    listed = [row[10:] for row in text.splitlines() if row[10:].startswith("f") or row[10:].endswith(" more")]
    assert listed[:shown] == [f"f{n}(x)" for n in range(shown)]
    assert listed[-1] == last


def test_written_code_is_explained_before_unwritten_code() -> None:
    unwritten = [case(f"n{i}", Outcome.NOT_STARTED, Failure("It is not written yet.")) for i in range(30)]
    wrong = [case(name, Outcome.FAILED, Failure(f"Of {name}.")) for name in ("choice", "values")]
    text = screen(result(*unwritten, *wrong))
    assert "○ 30 more not started   n0, n1, n2" in text
    assert re.search(r"✗ choice .* 0/\d\n", text)
    assert re.search(r"✗ values .* 0/\d\n", text)
    assert "Of choice." in text
    assert "not written yet" not in text
    assert "1 more failure\n" in text
    full = screen(result(*unwritten, *wrong), full=True)
    assert full.count("Of choice.") == full.count("Of values.") == 1
    assert "not written yet" not in full


def test_one_unwritten_test_is_explained_if_nothing_else_fails() -> None:
    unwritten = [case(f"n{i}", Outcome.NOT_STARTED, Failure("It is not written yet.")) for i in range(30)]
    text = screen(result(case("choice"), *unwritten))
    assert re.search(r"○ n0 .* 0/1\n", text)
    assert "○ 29 more not started" in text
    assert text.count("not written yet") == 1
    assert screen(result(case("choice"), *unwritten), full=True).count("not written yet") == 1


def test_explained_test_keeps_its_line() -> None:
    wrong = [case(f"n{i}", Outcome.FAILED, Failure(f"Of {i}.")) for i in range(30)]
    text = screen(result(*wrong, diagnoses=(Diagnosis("softmax_late", "Softmax first.", "moe_router", "test_n7", 3),)))
    assert re.search(r"✗ n7 .* 0/1\n", text)
    assert "✗ 29 more fail" in text
    assert "Of 7." in text


def test_many_passing_tests_are_merged_into_one_line() -> None:
    tests = [case(f"n{i}") for i in range(40)]
    assert "✓ 40 pass   n0, n1, n2" in screen(result(*tests))
    failing = case("choice", Outcome.FAILED, Failure("Something."))
    assert "✓ 40 more pass" in screen(result(*tests, failing))


def test_grader_fault_is_not_a_wrong_answer() -> None:
    sentence = "This is a fault of the grader or the course, not of your code."
    test = one(Outcome.ERROR, Failure("ZeroDivisionError in test_choice."))
    assert sentence in test
    assert re.search(r"! choice .* -\n", test)
    whole = screen(result(outcome=Outcome.ERROR, message="No test file."))
    assert sentence in whole
    assert "not graded" in whole
    assert "0 of 10" not in whole


def test_score_says_if_only_public_tests_ran() -> None:
    assert "These are the public tests only" in screen(replaced(graded(), hidden_tests=False))


def test_next_command_repeats_the_options_of_this_run() -> None:
    view = RunContext(command="archgrade", options=" --file mine.py")
    assert "archgrade exercise moe_router --file mine.py --full" in screen(endless(), view)


def test_skipped_test_names_the_tests_it_needs() -> None:
    chain = [
        case("a", Outcome.FAILED, Failure("A fact.")),
        case("b", Outcome.SKIPPED, needs=("test_a",)),
        case("c", Outcome.SKIPPED, needs=("test_b",)),
        case("d"),
    ]
    assert "○ 2 more not run   need a to pass" in screen(result(*chain))
    assert "2 tests need a to pass and were not run; b is next." in screen(result(*chain), height=None)
    assert "The other test needs a to pass and was not run; it is next." in screen(result(*chain[:2]))


def test_title_that_does_not_fit_is_on_the_next_line_if_nothing_is_cut() -> None:
    lines = screen(graded(), height=None, width=60).strip("\n").split("\n")
    assert lines[:2] == ["  moe_router   lesson 3, level 2", "  top-k routing with renormalised weights"]


def test_a_narrow_screen_of_a_pass_keeps_its_counts_and_commands() -> None:
    done = CourseProgress("transformers", 4, 11, 17, 65)
    shown = screen(graded(), replace(VIEW, progress=done, next=NextStep("lesson 1.2", "")), width=40)
    assert "4 of 11" in shown
    assert max(map(len, shown.splitlines())) <= 40


def test_a_command_that_does_not_fit_beside_its_word_is_below_it() -> None:
    step = NextStep("exercise scaled_dot_product", "")
    shown = screen(graded(), replace(VIEW, next=step), width=40).splitlines()
    assert shown[shown.index("  next") + 1] == "    grade exercise scaled_dot_product"
