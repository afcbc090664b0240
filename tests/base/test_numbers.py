"""Reading numbers as people write them."""

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.base.numbers import NotANumber, format_number, readings
from tests.numbers_as_written import AS_WRITTEN, NO_NUMBERS


@pytest.mark.parametrize(
    ("typed", "unit", "value"),
    [
        ("46.7B", "parameters", 46_700_000_000),
        ("46.7 billion parameters", "parameters", 46_700_000_000),
        ("51.6B", "billion parameters", Fraction("51.6")),
        ("51.6", "billion parameters", Fraction("51.6")),
        ("1.2e9", "tokens", 1_200_000_000),
        ("320 KiB", "bytes", 327_680),
        ("320 KiB", "KiB", 320),
        ("4096 MiB", "GiB", 4),
        ("8 B", "bytes", 8),
        ("8B", "tokens", 8_000_000_000),
        ("12 %", "of the tokens", Fraction("0.12")),
        ("12 %", "%", 12),
        ("12", "%", 12),
        ("3/8", "%", Fraction(3, 8)),
        ("0.0077 s", "ms", Fraction("7.7")),
        ("7700 µs", "ms", Fraction("7.7")),
        ("3.35 TB/s", "GB/s", 3350),
        ("3.35 TB", "GB/s", 3350),
        ("128 KiB per token", "KiB/token", 128),
        ("2 TFLOPs", "FLOPs per token", 2_000_000_000_000),
        ("8 KV heads", "KV heads", 8),
        ("8k", "tokens", 8000),
    ],
)
def test_reads_numbers_in_a_unit(typed: str, unit: str, value: Fraction) -> None:
    assert readings(typed, unit) == (value,)


@pytest.mark.parametrize(("typed", "values"), AS_WRITTEN.items())
def test_reads_numbers_as_people_write_them(typed: str, values: tuple[float, ...]) -> None:
    assert tuple(map(float, readings(typed, None))) == pytest.approx(values, rel=1e-15)


@pytest.mark.parametrize("typed", NO_NUMBERS)
def test_what_cannot_be_read_is_not_a_number(typed: str) -> None:
    with pytest.raises(NotANumber):
        readings(typed, None)


@pytest.mark.parametrize(
    "typed",
    ["twelve", "1e999", "1e-999999999", "nan", "inf", "", "-", "1,5", "12,34,567", "1..2", "8 apples", "5 GB",
     "9" * 400, "1e", "3 4", "0x10", "1e" + "9" * 6000, "٣"],
)  # fmt: skip
def test_rejects_what_is_not_a_number_in_a_sentence(typed: str) -> None:
    with pytest.raises(NotANumber) as error:
        readings(typed, "tokens")
    assert len(str(error.value)) < 140


@given(st.floats(min_value=1e-6, max_value=1e18), st.sampled_from(["", "k", "M", "B", "T"]))
def test_parses_any_number_with_a_prefix(number: float, prefix: str) -> None:
    scale = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}[prefix]
    assert readings(f"{number!r}{prefix}", "parameters") == (Fraction(repr(number)) * scale,)


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_parses_numbers_as_they_are_formatted(number: int) -> None:
    assert readings(format_number(number), None) == (Fraction(number),)


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_raises_not_a_number(typed: str) -> None:
    with contextlib.suppress(NotANumber):
        assert isinstance(readings(typed, "GiB")[0], Fraction)
