"""The symbols on our screens, and their replacements where a stream cannot encode them."""

import re
import unicodedata
from itertools import groupby
from typing import TextIO

PASSED, FAILED, NOT_STARTED, PUBLIC, DONE, HERE = "✓✗○◐●▸"

MARKS = "✓✗○◐●▸│└─█░"  # all symbols drawn on screens, each one cell wide
MATHEMATICS = {
    "→": "->", "←": "<-", "⇒": "=>", "↦": "|->", "↑": "^", "↓": "v", "√": "sqrt", "≤": "<=", "≥": ">=", "≈": "~",
    "∼": "~", "∝": "~", "≠": "!=", "≡": "==", "≪": "<<", "≫": ">>", "±": "+-", "∞": "inf", "∈": "in", "∉": "not in",
    "∑": "sum", "∏": "prod", "∫": "int", "∂": "d", "∇": "grad ", "∘": "o", "⊙": "(.)", "⊗": "(x)", "⊕": "(+)",
    "∣": "|", "‖": "||", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "⟨": "<", "⟩": ">", "⋯": "...", "′": "'",
    "⊤": "T", "ℝ": "R", "ℓ": "l", "µ": "u", "“": '"', "”": '"',
}  # fmt: skip
IN_ASCII: dict[int, str] = {
    ord(character): text for character, text in zip(MARKS + "…×·—–−’", [*"+xo~*>|`-#.", "...", *"x*---'"], strict=True)
} | {ord(sign): text for sign, text in MATHEMATICS.items()}
_ACCENTS = {"\u0304": "_bar", "\u0302": "_hat", "\u0303": "_tilde", "\u0307": "_dot"}  # combining: after the letter
_ACCENTED = re.compile(f"([{''.join(_ACCENTS)}])")
_SMALL = re.compile("[²³¹ʰʲʳˡˢˣᴀ-ᶿ⁰-₎ₐ-ₜⱼⱽ]+")  # sub- and superscripts
_WORDS = re.compile("[α-ωΑ-Ωϕϵ∈∉∞∑∏∫]")  # signs whose names are words
_ROOT = re.compile(r"√(\w+)")


def in_ascii(text: str) -> str:
    """Return a text with symbols, Greek and small letters in ASCII: `√ᾱₜ` as `sqrt(alpha_bar_t)`. The rest stays."""
    if text.isascii():
        return text
    text = "".join(unicodedata.normalize("NFD", each) if "\u0370" <= each <= "\u1fff" else each for each in text)
    text = _ACCENTED.sub(lambda mark: _ACCENTS[mark[1]], text)
    text = _SMALL.sub(_script_in_ascii, text)
    text = _WORDS.sub(_word_in_ascii, text)
    return _ROOT.sub(r"sqrt(\1)", text).translate(IN_ASCII)


def _script_in_ascii(small: re.Match[str]) -> str:
    parts = []
    for kind, letters in groupby(small[0], key=lambda each: unicodedata.decomposition(each).partition(" ")[0]):
        plain = unicodedata.normalize("NFKD", "".join(letters))
        sign = {"<sub>": "_", "<super>": "^"}.get(kind, "")
        parts.append(sign + (plain if len(plain) == 1 or not sign or plain.isdigit() else f"({plain})"))
    return "".join(parts)


def _word_in_ascii(sign: re.Match[str]) -> str:
    """Return the name of a Greek letter or a sign, apart from letters around it."""
    before, after = sign.string[: sign.start()][-1:], sign.string[sign.end() :][:1]
    is_after_word = bool(_WORDS.match(before))  # which has put a space behind itself
    space_before = " " if before.isalpha() and not is_after_word else ""
    space_after = " " if after.isalpha() or _WORDS.match(after) else ""
    return f"{space_before}{MATHEMATICS.get(sign[0]) or _greek_name(sign[0])}{space_after}"


def _greek_name(letter: str) -> str:
    name = unicodedata.name(unicodedata.normalize("NFKD", letter)).rpartition(" ")[2]
    return name.capitalize() if letter.isupper() else name.lower()


def supports_unicode(stream: TextIO) -> bool:
    """Return whether the stream can encode all our symbols."""
    return _encodes(MARKS, stream_encoding(stream))


def stream_encoding(stream: TextIO) -> str:
    """Return the encoding of a stream; ASCII if unknown."""
    return getattr(stream, "encoding", None) or "ascii"


def writable(text: str, encoding: str) -> str:
    """Return `text` as it can be written in an encoding: symbols in ASCII, escapes for the rest."""
    if _encodes(MARKS, encoding) and _encodes(text, encoding):
        return text
    return in_ascii(text).encode(encoding, "backslashreplace").decode(encoding)


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
