"""What a submission imports of the student's own other exercises, by its syntax tree: nothing of it is run."""

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from grader.errors import UsageError


class Imports(msgspec.Struct, frozen=True):
    """The texts of what a submission imports, through whatever others, and why there is none of the rest, by id."""

    texts: dict[str, str] = {}
    absent: dict[str, str] = {}


def gather(exercise: str, text: str, ids: Iterable[str], read: Callable[[str], str]) -> Imports:
    """What the text of an exercise imports of the others of its course, which has these ids.

    `read` gives the student's text of one, or raises UsageError with the reason why there is none: a whole sentence.
    """
    others = set(ids) - {exercise}
    texts: dict[str, str] = {}
    absent: dict[str, str] = {}
    waiting = [text]
    while waiting:
        for name in sorted(imported(waiting.pop(), others) - texts.keys() - absent.keys()):
            try:
                texts[name] = read(name)
            except UsageError as error:
                absent[name] = str(error)
            else:
                waiting.append(texts[name])
    return Imports(texts, absent)


def built_on(text: str, texts: Mapping[str, str], *, used: bool = False) -> list[str]:
    """Those of `texts` that a text imports, each after what it imports itself.

    `used`: of which it reads something that it imports.
    """
    found: list[str] = []
    seen: set[str] = set()

    def visit(text: str) -> None:
        for name in sorted(imported(text, texts, used=used) - seen):
            if name not in seen:  # not met in the meantime
                seen.add(name)
                visit(texts[name])
                found.append(name)

    visit(text)
    return found


def imported(text: str, names: Iterable[str], *, used: bool = False) -> set[str]:
    """The modules of these names of which Python code imports something; `used`: and reads it."""
    wanted = set(names)
    lines = [line for line in text.replace("\\\n", " ").split("\n") if "import" in line]
    if wanted.isdisjoint(re.findall(r"\w+", " ".join(lines))):
        return set()  # as for most submissions: the tree of a whole file is slow to make
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # it cannot be run either
        return set()
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return {
        module for module, name in _imports(tree) if module in wanted and (not used or name in read or name == "*")
    }


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each import of a file: the module, and the name that it binds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                module = each.name.partition(".")[0]
                yield module, each.asname or module
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            for each in node.names:
                yield node.module.partition(".")[0], each.asname or each.name
