"""Parses numbers as people write them: 46.7B, 1.2e9, 320 KiB, 1,000, 12 %, 3x10^5, with or without a unit."""

import re
from fractions import Fraction

from grader.quiz.model import Number

SI_PREFIXES = {
    "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18,
}  # fmt: skip
BINARY_PREFIXES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
SMALL_PREFIXES = {"m": Fraction(1, 10**3), "u": Fraction(1, 10**6), "µ": Fraction(1, 10**6), "n": Fraction(1, 10**9)}
NUMBER_WORDS = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

_UNIT_SPELLINGS = ({"b", "byte", "bytes"}, {"bit", "bits"}, {"s", "sec", "second", "seconds"}, {"flop", "flops"})
_BYTES, _, _SECONDS, _ = _UNIT_SPELLINGS

_NUMBER = re.compile(
    r"(?P<sign>[+-]?)"
    r"(?P<whole>\d{1,3}(?:,\d{3})+(?![\d,])|\d{1,3}(?:[ _]\d{3})+(?!\d)|\d+|(?=\.\d))"
    r"(?P<fraction>\.\d*)?"
    r"(?P<exponent>[eE][+-]?\d{1,5}(?!\d))?",
    re.ASCII,
)
_POWER = re.compile(r"(?<=[\d.])\s*(?:[x*·×]\s*)10\s*(?:\^|\*\*)\s*([+-]?\d+)", re.ASCII)
_LOOKALIKES = {
    **{ord(dash): "-" for dash in "−–‐‑"},
    **{ord(space): " " for space in "\u00a0\u2009\u202f\t"},
    ord("μ"): "µ",
    ord("’"): "'",
}


class NotANumber(ValueError):
    """The text is not a number; the message says why, and how to write one."""


def parse_number(text: str, unit: str | None) -> Fraction:
    """Parse a number in `unit`. Raise NotANumber if it is malformed or has a different unit.

    A prefix is accepted with or without the unit: in bytes, `320 KiB` and `320 Ki` are 327,680; in parameters,
    `46.7B` and `46.7 billion` are 46,700,000,000.
    """
    typed = _POWER.sub(r"e\1", text.translate(_LOOKALIKES).strip().lstrip("~≈= "))
    found = _NUMBER.match(typed)
    if not typed:
        raise NotANumber("Type a number, such as 1200, 1.2e3 or 1.2k.")
    if found is None:
        raise NotANumber(f"'{_shorten(text)}' is not a number. Write digits, such as 1200, 1.2e3 or 1.2k.")
    rest = typed[found.end() :].strip()
    if re.match(r",\d", rest):
        raise NotANumber(
            f"'{_shorten(text)}' is not a number: write 1.5 with a point, and 1,500 or 1500 for thousands."
        )
    exponent = int((found["exponent"] or "e0")[1:])
    if abs(exponent) > 300 or len(found[0]) > 320:
        raise NotANumber(f"'{_shorten(text)}' is too {'large' if exponent >= 0 else 'small'} for an answer.")
    whole = re.sub(r"[, _]", "", found["whole"]) or "0"
    number = Fraction(f"{found['sign']}{whole}{found['fraction'] or ''}".removesuffix(".")) * Fraction(10) ** exponent
    return number * _factor(rest, unit)


def _factor(typed: str, unit: str | None) -> Fraction:
    """Return the factor that converts a number with the suffix `typed` to `unit`."""
    wanted = unit or ""
    if not typed or _normalize_unit(typed) == _normalize_unit(wanted):
        return Fraction(1)
    if typed == "%" and "%" not in wanted:
        return Fraction(1, 100)
    base, per = _split_rate(wanted)
    scale, name = _scale_and_name(base, None)
    for candidate in (typed, _split_rate(typed)[0]):
        if candidate != typed and _normalize_unit(_split_rate(typed)[1]) != _normalize_unit(per):
            continue
        factor = _factor_between(candidate, name)
        if factor is not None:
            return factor / scale
    expected = f"The answer is in {unit}" if unit else "The answer has no unit"
    raise NotANumber(f"'{_shorten(typed)}' is not understood after the number. {expected}; the number alone is enough.")


def _factor_between(typed: str, name: str) -> Fraction | None:
    """Return one `typed` in units of `name` without a prefix, None if the units differ."""
    found = _scale_and_name(typed, name)
    if found[1] and not _same_unit(found[1], name):
        return None
    return found[0]


def _scale_and_name(text: str, name: str | None) -> tuple[Fraction, str]:
    """Split a unit into the factor of its prefix and its name. `name` is the expected name, if known."""
    words = text.split(maxsplit=1)
    if words and words[0].casefold() in NUMBER_WORDS:
        return Fraction(NUMBER_WORDS[words[0].casefold()]), words[1] if len(words) > 1 else ""
    if name is None and len(words) > 1 and words[0] == "B":  # billions of something
        return Fraction(10**9), words[1]
    spellings = _spellings_of(name if name is not None else text)
    if name is not None and _same_unit(text, name):
        return Fraction(1), text
    if text in ("B", "b") and spellings is not _BYTES and name is not None:
        return Fraction(10**9), ""
    for prefixes in (BINARY_PREFIXES, SI_PREFIXES, SMALL_PREFIXES):
        for prefix, factor in prefixes.items():
            rest = text[len(prefix) :].strip() if text.startswith(prefix) else None
            if rest is None or (prefixes is SMALL_PREFIXES and _spellings_of(rest) is not _SECONDS):
                continue
            if rest and (_spellings_of(rest) or (name is not None and _same_unit(rest, name))):
                return Fraction(factor), rest
            if not rest and name is not None:
                return Fraction(factor), ""
    if name is not None and text[:1] == "B" and text[1:].strip() and _same_unit(text[1:].strip(), name):
        return Fraction(10**9), text[1:].strip()
    if name is not None and text.casefold() in ("m", "g", "t", "p", "ki", "mi", "gi"):
        return _scale_and_name(text.capitalize(), name)
    return Fraction(1), text


def _spellings_of(name: str) -> set[str] | None:
    return next((spellings for spellings in _UNIT_SPELLINGS if name.strip().casefold() in spellings), None)


def _same_unit(one: str, other: str) -> bool:
    spellings = _spellings_of(one)
    return _normalize_unit(one) == _normalize_unit(other) or (
        spellings is not None and spellings is _spellings_of(other)
    )


def _normalize_unit(unit: str) -> str:
    """Return a unit in a form to compare: `FLOPs per token` and `flop/token` are equal."""
    compact = re.sub(r"\s*(\bper\b|/)\s*", "/", unit.casefold()).strip()
    return "/".join(re.sub(r"(?<=\w\w)s$", "", " ".join(part.split())) for part in compact.split("/"))


def _split_rate(unit: str) -> tuple[str, str]:
    """Split `GB/s` into `GB` and `/s`, `KiB per token` into `KiB` and `/token`."""
    found = re.match(r"(.*?)\s*(?:\bper\b|/)\s*(.*)", unit)
    return (found[1].strip(), f"/{found[2]}") if found else (unit.strip(), "")


def _shorten(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= 30 else shown[:27] + "..."


def format_number(number: Number) -> str:
    """Return a number as shown on the screen: 46,702,792,704 or 0.731."""
    if isinstance(number, int):
        return f"{number:,}"
    if 1e-3 <= abs(number) < 1e15:
        return f"{number:,.6g}" if abs(number) < 1e6 else f"{number:,.0f}"
    return f"{number:.4g}"
