"""The documents of this repository, and their parts."""

import re
from pathlib import Path

from tests.paths import ROOT

IGNORED = {"node_modules", "build", "dist"}
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in IGNORED for part in path.relative_to(ROOT).parts)
)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def read(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


def prose(text: str) -> str:
    """Return a document without its blocks of code."""
    return FENCE.sub("", text)


def rows(text: str, first: str) -> list[list[str]]:
    """Return the rows of the table in a document whose header begins with the cell `first`."""
    lines = iter(text.splitlines())
    found: list[list[str]] = []
    for line in lines:
        if line.startswith(f"| {first} |"):
            next(lines)
            for row in lines:
                if not row.startswith("|"):
                    return found
                found.append([cell.strip() for cell in row.strip("|").split(" | ")])
    assert found, f"there is no table that begins with | {first} |"
    return found
