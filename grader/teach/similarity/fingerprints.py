"""Fingerprints of code: hashes of short runs of tokens, selected by winnowing.

S. Schleimer, D. Wilkerson, A. Aiken, Winnowing: local algorithms for document fingerprinting, SIGMOD 2003. A run of
`RUN + WINDOW - 1` tokens that two files share has at least one hash in common; shorter runs than `RUN` have none.
"""

import ast
import io
import keyword
import tokenize
import warnings
from collections.abc import Iterator

import msgspec
import xxhash

RUN = 12  # tokens that are hashed together
WINDOW = 4  # successive hashes, of which the least is kept

_LAYOUT = {tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENDMARKER}


class Fingerprints(msgspec.Struct, frozen=True):
    """The fingerprints of one file."""

    code: str  # without comments, docstrings, imports and formatting
    named: frozenset[int]  # fingerprints of the code
    unnamed: frozenset[int]  # fingerprints of the code with every name that the student could choose replaced by one


def fingerprint(text: str) -> Fingerprints:
    """Return the fingerprints of a module, or the hashes of its lines if it does not compile."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
        code = ast.unparse(_without_text(tree))
        tokens = list(_tokens(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        lines = [" ".join(line.split()) for line in text.splitlines()]
        hashes = frozenset(_hash(line) for line in lines if line)
        return Fingerprints("\n".join(lines), hashes, hashes)
    named = _winnow([token for token, _ in tokens])
    return Fingerprints(code, named, _winnow(["name" if is_chosen else token for token, is_chosen in tokens]))


def _without_text(tree: ast.Module) -> ast.Module:
    """Remove imports, which the exercise prescribes, and statements that are constants, such as docstrings."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [each for each in body if not _is_ignored(each)]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
    return tree


def _is_ignored(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _tokens(code: str) -> Iterator[tuple[str, bool]]:
    """Yield each token, and whether it is a name that the student could choose: no attribute and no keyword."""
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type in _LAYOUT:
            continue
        is_chosen = token.type == tokenize.NAME and before != "." and not keyword.iskeyword(token.string)
        yield (token.string if token.type != tokenize.STRING else "text"), is_chosen
        before = token.string


def _winnow(tokens: list[str]) -> frozenset[int]:
    """Return the least hash of each window of `WINDOW` successive hashes."""
    hashes = [_hash(" ".join(tokens[i : i + RUN])) for i in range(len(tokens) - RUN + 1)]
    windows = (hashes[i : i + WINDOW] for i in range(max(len(hashes) - WINDOW + 1, 1)))
    return frozenset(min(window) for window in windows if window)


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))
