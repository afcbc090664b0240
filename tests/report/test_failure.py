"""What a screen tells of a failing test: what it returned, printed and said."""

from grader.result import Call, Failure, Outcome, Output, Part, Raised, Value
from tests.report.screens import case, one, result, screen, tensor


def test_output_is_bounded_and_says_how_much_is_missing() -> None:
    output = Output("".join(f"line {n}\n" for n in range(1000)), dropped=512)
    of = result(case("choice", Outcome.FAILED, Failure("Something."), output=output))
    short, long = screen(of), screen(of, full=True)
    shown = short.count("    line ") + short.count("printed    line ") - 1
    missing = len(output.text) - len("line 0\n") * shown + 512
    assert shown == 4
    assert f"[+{missing} bytes]" in short
    assert "line 999\n" in long
    assert "[+512 bytes]" in long


def test_dtypes_are_shown_where_they_differ() -> None:
    call = Call("f", (), (Part("result", tensor("float32", T=5), tensor("float64", T=5), False),))
    assert "result     [T=5] float32    [T=5] float64 ✗" in one(Outcome.WRONG_DTYPE, Failure("", call))


def test_a_value_that_is_no_tensor_stands_beside_the_expected_shape() -> None:
    call = Call("f", (), (Part("result", Value("None"), tensor(T=5, k=2), False),))
    assert "result     None        [T=5, k=2] ✗" in one(Outcome.RETURNED_NONE, Failure("", call))


def test_a_message_that_repeats_the_exception_is_left_out() -> None:
    text = one(Outcome.EXCEPTION, Failure("KeyError: 'gate'", exception=Raised("KeyError", "'gate'")))
    assert text.count("'gate'") == 1
