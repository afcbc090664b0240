"""The marks on our screens, and what stands for them where a stream cannot encode them."""

from typing import TextIO

PASSED, FAILED, NOT_STARTED, PUBLIC, DONE, HERE = "✓✗○◐●▸"

MARKS = "✓✗○◐●▸│└─█░"  # all that we draw with, each one cell wide
MATHEMATICS = {
    "→": "->", "←": "<-", "↑": "^", "↓": "v", "√": "sqrt ", "≤": "<=", "≥": ">=", "≈": "~", "≠": "!=", "∞": "inf",
    "²": "^2", "ᵀ": "^T", "∈": " in ", "∑": "sum", "α": "alpha", "β": "beta", "γ": "gamma", "ε": "epsilon",
    "θ": "theta", "λ": "lambda", "μ": "mu", "π": "pi", "σ": "sigma", "Δ": "Delta", "Σ": "Sigma",
}  # fmt: skip
IN_ASCII: dict[int, str] = {
    ord(character): text for character, text in zip(MARKS + "…×·—–−’", [*"+xo~*>|`-#.", "...", *"x*---'"], strict=True)
} | {ord(sign): text for sign, text in MATHEMATICS.items()}


def supports_unicode(stream: TextIO) -> bool:
    """Whether the stream can encode all our marks."""
    return _encodes(MARKS, stream_encoding(stream))


def stream_encoding(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "ascii"


def writable(text: str, encoding: str) -> str:
    """`text` as it can be written in that encoding: marks in ASCII, and escapes for what is left."""
    if _encodes(MARKS, encoding) and _encodes(text, encoding):
        return text
    return text.translate(IN_ASCII).encode(encoding, "backslashreplace").decode(encoding)


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
