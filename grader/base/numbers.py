"""Reads numbers as people write them: 46.7B, 1.2e9, 320 KiB, 1,000, 3/8, 12 %, 3x10^5, with or without a unit."""

import re
from collections.abc import Iterator
from fractions import Fraction

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
    r"(?P<whole>[1-9]\d{0,2}(?:,\d{3})+(?![\d,])|[1-9]\d{0,2}(?:[ _]\d{3})+(?!\d)|\d+|(?=\.\d))"
    r"(?P<fraction>\.\d*)?"
    r"(?P<exponent>[eE][+-]?\d{1,5}(?!\d))?",
    re.ASCII,
)
_DENOMINATOR = re.compile(r"\s*/\s*(\d+)(?![\d.,])", re.ASCII)
_POWER = re.compile(r"(?<=[\d.])\s*(?:[x*·×]\s*)10\s*(?:\^|\*\*)\s*([+-]?\d+)", re.ASCII)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_RAISED_POWER = re.compile(r"(?<=10)[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_LOOKALIKES = {
    **{ord(dash): "-" for dash in "−–‐‑"},
    **{ord(space): " " for space in "\u00a0\u2009\u202f\t"},
    ord("μ"): "µ",
    ord("’"): "'",
}

_BILLION = Fraction(10**9)


class NotANumber(ValueError):
    """The text is not a number; the message says why, and how to write one."""


def readings(text: str, unit: str | None) -> tuple[Fraction, ...]:
    """Return the numbers that a text can mean. Raise NotANumber if it is malformed or has another unit than `unit`.

    With a unit it means one number, and a prefix is accepted with or without the unit: in bytes, `320 KiB` and `320 Ki`
    are 327,680; in parameters, `46.7B` and `46.7 billion` are 46,700,000,000. If no unit is expected, any unit is
    ignored, and a prefix or % may or may not count: `12 %` is 12 or 0.12. The script of the pages reads numbers by
    these rules, too.
    """
    number, rest = _split_number(text)
    if unit is not None:
        return (number * _factor(rest, unit),)
    factors = {Fraction(1), *_possible_factors(rest)}
    return tuple(number * factor for factor in sorted(factors))


def _split_number(text: str) -> tuple[Fraction, str]:
    """Return the number at the start of a text, and what follows it, which has no digits."""
    plain = _RAISED_POWER.sub(lambda found: f"^{found[0].translate(_RAISED)}", text.translate(_LOOKALIKES))
    typed = _POWER.sub(r"e\1", plain.strip().lstrip("~≈= "))
    found = _NUMBER.match(typed)
    if not typed:
        raise NotANumber("Type a number, such as 1200, 1.2e3 or 1.2k.")
    if found is None:
        raise NotANumber(f"'{_shorten(text)}' is not a number. Write digits, such as 1200, 1.2e3 or 1.2k.")
    exponent = int((found["exponent"] or "e0")[1:])
    if abs(exponent) > 300 or len(found[0]) > 320:
        raise NotANumber(f"'{_shorten(text)}' is too {'large' if exponent >= 0 else 'small'} for an answer.")
    whole = re.sub(r"[, _]", "", found["whole"]) or "0"
    number = Fraction(f"{found['sign']}{whole}{found['fraction'] or ''}".removesuffix(".")) * Fraction(10) ** exponent
    rest = typed[found.end() :]
    if (below := _DENOMINATOR.match(rest)) and len(below[1]) <= 320 and int(below[1]):
        number, rest = number / int(below[1]), rest[below.end() :]
    rest = rest.strip()
    if re.match(r",\d", rest):
        raise NotANumber(
            f"'{_shorten(text)}' is not a number: write 1.5 with a point, and 1,500 or 1500 for thousands."
        )
    if re.search(r"\d", rest):
        raise NotANumber(f"'{_shorten(text)}' is not one number. Write one, such as 1200, 1.2e3 or 3/8.")
    return number, rest


def _possible_factors(suffix: str) -> Iterator[Fraction]:
    """Yield the factors that a suffix of a number can mean, whatever the unit."""
    if suffix.startswith("%"):
        yield Fraction(1, 100)
    word = suffix.split(maxsplit=1)[0] if suffix else ""
    if (by_word := NUMBER_WORDS.get(word.casefold())) is not None:
        yield Fraction(by_word)
    for candidate in {word, word.removesuffix("B")}:
        for prefixes in (SI_PREFIXES, BINARY_PREFIXES):
            if candidate in prefixes:
                yield Fraction(prefixes[candidate])
    if word == "B":
        yield _BILLION


def _factor(suffix: str, unit: str) -> Fraction:
    """Return the factor that converts a number with this suffix to `unit`."""
    if not suffix or _normalize_unit(suffix) == _normalize_unit(unit):
        return Fraction(1)
    if suffix == "%" and "%" not in unit:
        return Fraction(1, 100)
    base, per = _split_rate(unit)
    scale, name = _split_unit(base)
    for candidate in (suffix, _split_rate(suffix)[0]):
        if candidate != suffix and _normalize_unit(_split_rate(suffix)[1]) != _normalize_unit(per):
            continue
        factor, rest = _split_suffix(candidate, name)
        if not rest or _same_unit(rest, name):
            return factor / scale
    raise NotANumber(
        f"'{_shorten(suffix)}' is not understood after the number. The answer is in {unit}; the number alone is enough."
    )


def _split_unit(unit: str) -> tuple[Fraction, str]:
    """Split the unit of a question into the factor of its prefix and its name: `KiB` into 1024 and `B`."""
    if (found := _split_number_word(unit)) is not None:
        return found
    words = unit.split(maxsplit=1)
    if len(words) > 1 and words[0] == "B":  # billions of something
        return _BILLION, words[1]
    for factor, rest in _without_prefix(unit):
        if rest and _spellings_of(rest):
            return factor, rest
    return Fraction(1), unit


def _split_suffix(suffix: str, name: str) -> tuple[Fraction, str]:
    """Split what was typed after a number into a factor and a unit, where the unit `name` is expected."""
    if (found := _split_number_word(suffix)) is not None:
        return found
    if _same_unit(suffix, name):
        return Fraction(1), suffix
    if suffix in ("B", "b") and _spellings_of(name) is not _BYTES:
        return _BILLION, ""
    for factor, rest in _without_prefix(suffix):
        if not rest or _spellings_of(rest) or _same_unit(rest, name):
            return factor, rest
    after_b = suffix[1:].strip()
    if suffix[:1] == "B" and after_b and _same_unit(after_b, name):
        return _BILLION, after_b
    if suffix.casefold() in ("m", "g", "t", "p", "ki", "mi", "gi"):
        return _split_suffix(suffix.capitalize(), name)
    return Fraction(1), suffix


def _split_number_word(text: str) -> tuple[Fraction, str] | None:
    """Split `million tokens` into 1,000,000 and `tokens`; return None without such a word."""
    word, *rest = text.split(maxsplit=1) or [""]
    factor = NUMBER_WORDS.get(word.casefold())
    return None if factor is None else (Fraction(factor), "".join(rest))


def _without_prefix(text: str) -> Iterator[tuple[Fraction, str]]:
    """Yield the factor of each prefix that a text starts with, and the rest. Small prefixes are for seconds only."""
    for prefixes in (BINARY_PREFIXES, SI_PREFIXES, SMALL_PREFIXES):
        for prefix, factor in prefixes.items():
            rest = text[len(prefix) :].strip()
            if text.startswith(prefix) and (prefixes is not SMALL_PREFIXES or _spellings_of(rest) is _SECONDS):
                yield Fraction(factor), rest


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


def format_number(number: int | float) -> str:
    """Return a number as shown on the screen: 46,702,792,704 or 0.731."""
    if isinstance(number, int):
        return f"{number:,}"
    if 1e-3 <= abs(number) < 1e15:
        return f"{number:,.6g}" if abs(number) < 1e6 else f"{number:,.0f}"
    return f"{number:.4g}"
