"""The explanation of a failing test: its result, output and message."""

import pytest

from grader.base.result import (
    Call,
    Certainty,
    Diagnosis,
    Failure,
    Frame,
    NamedValue,
    Outcome,
    Output,
    Raised,
    ReturnedPart,
    Samples,
    Value,
)
from grader.show.failure import part_lines
from grader.show.layout import Page, paint
from tests.show.screens import case, one, result, screen, tensor


def test_long_output_says_how_many_bytes_are_missing() -> None:
    output = Output("".join(f"line {n}\n" for n in range(1000)), dropped=512)
    of = result(case("choice", Outcome.FAILED, Failure("Something."), output=output))
    short, long = screen(of), screen(of, full=True)
    shown = short.count("    line ") + short.count("printed    line ") - 1
    missing = len(output.text) - len("line 0\n") * shown + 512
    assert shown == 8
    assert f"[+{missing} bytes]" in short
    assert "line 999\n" in long
    assert "[+512 bytes]" in long


def test_dtypes_of_arguments_are_shown_if_they_differ() -> None:
    call = Call("f", (), (ReturnedPart("result", tensor("float32", T=5), tensor("float64", T=5), False),))
    assert "✗ result     [T=5] float32    [T=5] float64\n" in one(Outcome.WRONG_DTYPE, Failure("", call))


def test_non_tensor_is_shown_beside_the_expected_shape() -> None:
    call = Call("f", (), (ReturnedPart("result", Value("None"), tensor(T=5, k=2), False),))
    assert "✗ result     None        [T=5, k=2]\n" in one(Outcome.RETURNED_NONE, Failure("", call))


def test_expected_parts_are_below_returned_ones_where_a_whole_page_is_too_narrow() -> None:
    long = ReturnedPart("turned", tensor("float64", H=2, T=5, K=4), tensor("float32", H=2, T=5, K=4), False)
    short = ReturnedPart("more", tensor("int64", T=5))

    def drawn(width: int) -> list[str]:
        page = Page(width=width, whole=True)
        return [paint(each, width, color=False) for each in part_lines([long, short], page)]

    assert drawn(50) == [
        "  ✗ turned     returned  [H=2, T=5, K=4] float64",
        "               expected  [H=2, T=5, K=4] float32",
        "    more       returned  [T=5] int64",
    ]
    assert drawn(77)[1] == "  ✗ turned     [H=2, T=5, K=4] float64    [H=2, T=5, K=4] float32"


def test_long_dict_is_wrapped_between_its_pairs() -> None:
    config = "{'n_layers': 12, 'd_model': 768, 'vocabulary': 50257, 'attn_bias': 'all', 'mlp_bias': True}"
    text = one(Outcome.WRONG_VALUES, Failure("", Call("f", (NamedValue("config", Value(config)),), ())))
    assert (
        "    called     f(config)\n"
        "               config = {'n_layers': 12, 'd_model': 768, 'vocabulary': 50257,\n"
        "               'attn_bias': 'all', 'mlp_bias': True}\n"
    ) in text


def test_message_that_repeats_the_exception_is_left_out() -> None:
    text = one(Outcome.EXCEPTION, Failure("KeyError: 'gate'", exception=Raised("KeyError", "'gate'")))
    assert text.count("'gate'") == 1


def raised_at(line: int, words: str) -> Failure:
    return Failure("", exception=Raised("RuntimeError", words, (Frame("f.py", line, "f", ()),)))


def test_other_failing_lines_are_mentioned() -> None:
    lines = {"shape": 3, "choice": 3, "values": 7, "gradient": 9}
    text = screen(result(*(case(name, Outcome.EXCEPTION, raised_at(n, f"Of line {n}.")) for name, n in lines.items())))
    assert "2 of 4 tests end at this line." in text
    assert "Also, in values: line 7 raises RuntimeError: Of line 7." in text
    assert "Also, in gradient: line 9 raises RuntimeError: Of line 9." in text


def test_observation_of_another_test_is_mentioned_if_the_cause_is_unknown() -> None:
    plain, seen = Failure("It differs."), Failure("It differs.", near_miss="Your result is transposed.")
    of = result(case("choice", Outcome.FAILED, plain), case("values", Outcome.FAILED, seen))
    assert "Also, in values: Your result is transposed." in screen(of)


@pytest.mark.parametrize(
    ("agreed", "alone", "words"),
    [
        (
            9,
            True,
            "with this one mistake in it gives the same wrong results as yours, all 9.",
        ),
        (1, True, "A right solution with this one mistake in it gives the same wrong result as yours."),
        (3, False, "gives 3 of your wrong results; something else is wrong as well."),
        (1, False, "gives one of your wrong results; something else is wrong as well."),
    ],
)
def test_evidence_for_a_diagnosis_is_a_sentence(agreed: int, alone: bool, words: str) -> None:
    named = Diagnosis("late", "It comes late.", "f", "test_choice", agreed, alone=alone)
    of = result(case("choice", Outcome.FAILED, Failure("It differs.")), diagnoses=(named,))
    assert words in " ".join(screen(of).split())


@pytest.mark.parametrize(
    ("certainty", "first"),
    [
        (Certainty.CERTAIN, "It comes late."),
        (Certainty.PARTIAL, "On this input your code does what this mistake does: It comes late."),
        (Certainty.POSSIBLE, "One way to get this: It comes late."),
    ],
)
def test_the_words_before_a_diagnosis_say_how_sure_it_is(certainty: Certainty, first: str) -> None:
    named = Diagnosis("late", "It comes late.", "f", "test_choice", 3, certainty)
    text = screen(result(case("choice", Outcome.FAILED, Failure("It differs.")), diagnoses=(named,)))
    assert text.count("It comes late.") == 1
    assert f"\n{first}" in "\n" + "\n".join(" ".join(each.split()) for each in text.split("\n\n"))
    evidence = certainty in (Certainty.CERTAIN, Certainty.PARTIAL)
    assert ("A right solution" in text) is evidence


def test_mistake_of_another_call_comes_after_the_shown_one() -> None:
    crash = Failure("", Call("f"), exception=Raised("IndexError", "too far", (Frame("f.py", 3, "f", ()),)))
    named = Diagnosis("late", "It comes late.", "g", "test_choice", 3, Certainty.PARTIAL, shown=False)
    text = screen(result(case("choice", Outcome.EXCEPTION, crash), diagnoses=(named,)))
    assert text.index("too far") < text.index("Also, in another call of this test: It comes late.")
    assert "with this mistake in it" not in text


def test_part_with_the_right_shape_and_wrong_numbers_says_so() -> None:
    y = ReturnedPart("y", tensor(T=5, D=3), tensor(D=3, T=5), False)
    h = ReturnedPart("h", tensor(T=5), tensor(T=5), False)
    text = one(Outcome.WRONG_SHAPE, Failure("", Call("f", (), (y, h))))
    assert "✗ h          [T=5]         [T=5], other values\n" in text


def test_all_arguments_of_a_call_are_shown() -> None:
    arguments = tuple(NamedValue(f"argument{n}", tensor(T=n + 2)) for n in range(20))
    text = screen(result(case("choice", Outcome.FAILED, Failure("It differs.", Call("f", arguments)))), height=18)
    assert all(f"argument{n} [T={n + 2}]" in text for n in range(20))


def test_timeout_with_output_mentions_that_printing_takes_time() -> None:
    seen = Samples(2.0, 20, Frame("f.py", 3, "f", ()))
    failure = Failure("Stopped after 2 s.", samples=seen)
    assert "printing takes time" in screen(result(case("choice", Outcome.TIMEOUT, failure, output=Output("a\n" * 99))))


@pytest.mark.parametrize(("local", "offered"), [(Value("7"), True), (tensor(T=3), False)])
def test_more_time_is_suggested_only_if_values_changed(local: Value, offered: bool) -> None:
    frame = Frame("f.py", 3, "f", (), locals=(NamedValue("i", local),))
    failure = Failure("Stopped after 2 s.", samples=Samples(2.0, 20, frame, (NamedValue("k", Value("2")),)))
    assert ("--timeout 10" in screen(result(case("choice", Outcome.TIMEOUT, failure)))) is offered
