"""Code as a set of fingerprints: hashes of short runs of tokens, chosen by winnowing.

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

RUN = 12  # tokens in a hash
WINDOW = 4  # hashes of which the least is kept

_LAYOUT = {tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENDMARKER}


class Prints(msgspec.Struct, frozen=True):
    """What is compared of one file."""

    code: str  # without comments, docstrings and formatting
    named: frozenset[int]  # fingerprints of it
    unnamed: frozenset[int]  # the same with all names that the student could choose taken for one


def prints(text: str) -> Prints:
    """The fingerprints of a module; of one that does not compile, its lines."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
        code = ast.unparse(_bare(tree))
        tokens = list(_tokens(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        lines = [" ".join(line.split()) for line in text.splitlines()]
        found = frozenset(_hash(line) for line in lines if line)
        return Prints("\n".join(lines), found, found)
    named = _winnowed([token for token, _ in tokens])
    return Prints(code, named, _winnowed(["name" if own else token for token, own in tokens]))


def _bare(tree: ast.Module) -> ast.Module:
    """The tree without imports, which an exercise prescribes, and without strings that are statements."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [each for each in body if not _says_nothing(each)]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
    return tree


def _says_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _tokens(code: str) -> Iterator[tuple[str, bool]]:
    """Each token, and whether it is a name that the student could choose: not what follows a point, nor a keyword."""
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type in _LAYOUT:
            continue
        own = token.type == tokenize.NAME and before != "." and not keyword.iskeyword(token.string)
        yield (token.string if token.type != tokenize.STRING else "text"), own
        before = token.string


def _winnowed(tokens: list[str]) -> frozenset[int]:
    """Of each `WINDOW` successive hashes the least."""
    hashes = [_hash(" ".join(tokens[i : i + RUN])) for i in range(len(tokens) - RUN + 1)]
    windows = (hashes[i : i + WINDOW] for i in range(max(len(hashes) - WINDOW + 1, 1)))
    return frozenset(min(window) for window in windows if window)


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))
