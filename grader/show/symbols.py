"""The symbols on our screens, and their replacements where a stream cannot encode them."""

from typing import TextIO

PASSED, FAILED, NOT_STARTED, PUBLIC, DONE, HERE = "✓✗○◐●▸"

MARKS = "✓✗○◐●▸│└─█░"  # all symbols drawn on screens, each one cell wide
MATHEMATICS = {
    "→": "->", "←": "<-", "↑": "^", "↓": "v", "√": "sqrt ", "≤": "<=", "≥": ">=", "≈": "~", "≠": "!=", "∞": "inf",
    "²": "^2", "ᵀ": "^T", "∈": " in ", "∑": "sum", "α": "alpha", "β": "beta", "γ": "gamma", "ε": "epsilon",
    "θ": "theta", "λ": "lambda", "μ": "mu", "π": "pi", "σ": "sigma", "Δ": "Delta", "Σ": "Sigma",
}  # fmt: skip
IN_ASCII: dict[int, str] = {
    ord(character): text for character, text in zip(MARKS + "…×·—–−’", [*"+xo~*>|`-#.", "...", *"x*---'"], strict=True)
} | {ord(sign): text for sign, text in MATHEMATICS.items()}


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
    return text.translate(IN_ASCII).encode(encoding, "backslashreplace").decode(encoding)


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
