"""A number as people write it: 46.7B, 1.2e9, 320 KiB, 1,000, 12 %, 3x10^5, with its unit or without."""

import re
from fractions import Fraction

from grader.quiz.model import Number

SI = {
    "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18,
}  # fmt: skip
BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
SMALL = {"m": Fraction(1, 10**3), "u": Fraction(1, 10**6), "µ": Fraction(1, 10**6), "n": Fraction(1, 10**9)}
WORDS = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

_FAMILIES = ({"b", "byte", "bytes"}, {"bit", "bits"}, {"s", "sec", "second", "seconds"}, {"flop", "flops"})
_BYTES, _, _SECONDS, _ = _FAMILIES

_NUMBER = re.compile(
    r"(?P<sign>[+-]?)"
    r"(?P<whole>\d{1,3}(?:,\d{3})+(?![\d,])|\d{1,3}(?:[ _]\d{3})+(?!\d)|\d+|(?=\.\d))"
    r"(?P<fraction>\.\d*)?"
    r"(?P<exponent>[eE][+-]?\d{1,5}(?!\d))?",
    re.ASCII,
)
_POWER = re.compile(r"(?<=[\d.])\s*(?:[x*·×]\s*)10\s*(?:\^|\*\*)\s*([+-]?\d+)", re.ASCII)
_SAME = {
    **{ord(dash): "-" for dash in "−–‐‑"},
    **{ord(space): " " for space in "\u00a0\u2009\u202f\t"},
    ord("μ"): "µ",
    ord("’"): "'",
}


class NotANumber(ValueError):
    """What was typed is no number; the message says why, and how one is written."""


def parse_number(text: str, unit: str | None) -> Fraction:
    """The number that was typed, in `unit`. NotANumber where there is none, or where its unit is another.

    A prefix is understood with the unit and without: where the unit is bytes, `320 KiB` and `320 Ki` are 327680; where
    it is parameters, `46.7B` and `46.7 billion` are 46,700,000,000.
    """
    typed = _POWER.sub(r"e\1", text.translate(_SAME).strip().lstrip("~≈= "))
    found = _NUMBER.match(typed)
    if not typed:
        raise NotANumber("Type a number, such as 1200, 1.2e3 or 1.2k.")
    if found is None:
        raise NotANumber(f"'{_brief(text)}' is not a number. Write digits, such as 1200, 1.2e3 or 1.2k.")
    rest = typed[found.end() :].strip()
    if re.match(r",\d", rest):
        raise NotANumber(f"'{_brief(text)}' is not a number: write 1.5 with a point, and 1,500 or 1500 for thousands.")
    exponent = int((found["exponent"] or "e0")[1:])
    if abs(exponent) > 300 or len(found[0]) > 320:
        raise NotANumber(f"'{_brief(text)}' is too {'large' if exponent >= 0 else 'small'} for an answer.")
    whole = re.sub(r"[, _]", "", found["whole"]) or "0"
    number = Fraction(f"{found['sign']}{whole}{found['fraction'] or ''}".removesuffix(".")) * Fraction(10) ** exponent
    return number * _factor(rest, unit)


def _factor(typed: str, unit: str | None) -> Fraction:
    """By how much a number with the suffix `typed` is larger than one in `unit`."""
    wanted = unit or ""
    if not typed or _plain(typed) == _plain(wanted):
        return Fraction(1)
    if typed == "%" and "%" not in wanted:
        return Fraction(1, 100)
    base, per = _split(wanted)
    scale, name = _scale_and_name(base, None)
    for candidate in (typed, _split(typed)[0]):
        if candidate != typed and _plain(_split(typed)[1]) != _plain(per):
            continue
        factor = _factor_of(candidate, name)
        if factor is not None:
            return factor / scale
    told = f"The answer is in {unit}" if unit else "The answer has no unit"
    raise NotANumber(f"'{_brief(typed)}' is not understood after the number. {told}; the number alone is enough.")


def _factor_of(typed: str, name: str) -> Fraction | None:
    """What one `typed` is in units called `name` without a prefix; None where it is something else."""
    found = _scale_and_name(typed, name)
    if found[1] and not _same_unit(found[1], name):
        return None
    return found[0]


def _scale_and_name(text: str, name: str | None) -> tuple[Fraction, str]:
    """The prefix as a factor, and what follows it. `name` is what the unit is known to be called."""
    words = text.split(maxsplit=1)
    if words and words[0].casefold() in WORDS:
        return Fraction(WORDS[words[0].casefold()]), words[1] if len(words) > 1 else ""
    if name is None and len(words) > 1 and words[0] == "B":  # billions of something
        return Fraction(10**9), words[1]
    family = _family(name if name is not None else text)
    if name is not None and _same_unit(text, name):
        return Fraction(1), text
    if text in ("B", "b") and family is not _BYTES and name is not None:
        return Fraction(10**9), ""
    for prefixes in (BINARY, SI, SMALL):
        for prefix, factor in prefixes.items():
            rest = text[len(prefix) :].strip() if text.startswith(prefix) else None
            if rest is None or (prefixes is SMALL and _family(rest) is not _SECONDS):
                continue
            if rest and (_family(rest) or (name is not None and _same_unit(rest, name))):
                return Fraction(factor), rest
            if not rest and name is not None:
                return Fraction(factor), ""
    if name is not None and text[:1] == "B" and text[1:].strip() and _same_unit(text[1:].strip(), name):
        return Fraction(10**9), text[1:].strip()
    if name is not None and text.casefold() in ("m", "g", "t", "p", "ki", "mi", "gi"):
        return _scale_and_name(text.capitalize(), name)
    return Fraction(1), text


def _family(name: str) -> set[str] | None:
    return next((family for family in _FAMILIES if name.strip().casefold() in family), None)


def _same_unit(one: str, other: str) -> bool:
    family = _family(one)
    return _plain(one) == _plain(other) or (family is not None and family is _family(other))


def _plain(unit: str) -> str:
    """A unit as it is compared: `FLOPs per token` and `flop/token` are one."""
    compact = re.sub(r"\s*(\bper\b|/)\s*", "/", unit.casefold()).strip()
    return "/".join(re.sub(r"(?<=\w\w)s$", "", " ".join(part.split())) for part in compact.split("/"))


def _split(unit: str) -> tuple[str, str]:
    """`GB` and `/s` of GB/s; `KiB` and `/token` of KiB per token."""
    found = re.match(r"(.*?)\s*(?:\bper\b|/)\s*(.*)", unit)
    return (found[1].strip(), f"/{found[2]}") if found else (unit.strip(), "")


def _brief(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= 30 else shown[:27] + "..."


def written(number: Number) -> str:
    """A number as it is shown: 46,702,792,704 or 0.731."""
    if isinstance(number, int):
        return f"{number:,}"
    if 1e-3 <= abs(number) < 1e15:
        return f"{number:,.6g}" if abs(number) < 1e6 else f"{number:,.0f}"
    return f"{number:.4g}"
