"""Finds the student's other exercises that a submission imports, without running anything."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from grader.base.errors import UsageError
from grader.engine.submission.examine import Import, examine


class Imports(msgspec.Struct, frozen=True):
    """The other exercises that a submission imports, directly or through others, by id."""

    texts: dict[str, str] = {}
    absent: dict[str, str] = {}  # a sentence for each exercise that has no text
    of: dict[str, tuple[Import, ...]] = {}  # the imports of each text, including the submission


def gather_imports(exercise: str, text: str, ids: Iterable[str], read: Callable[[str], str]) -> Imports:
    """Collect the other exercises that the text of an exercise imports.

    `ids` are the exercises of the course. `read` returns the student's text of one, or raises UsageError with the
    reason why there is none. Raise Lost if a text cannot be examined.
    """
    others = set(ids) - {exercise}
    texts: dict[str, str] = {}
    absent: dict[str, str] = {}
    of = {exercise: examine(text, exercise).imports}
    waiting = [exercise]
    while waiting:
        for name in sorted(_modules(of[waiting.pop()], others) - texts.keys() - absent.keys()):
            try:
                texts[name] = read(name)
            except UsageError as error:
                absent[name] = str(error)
                of[name] = ()
            else:
                of[name] = examine(texts[name], name).imports
                waiting.append(name)
    return Imports(texts, absent, of if texts or absent else {})


def built_on(exercise: str, imports: Mapping[str, Sequence[Import]], *, used: bool = False) -> list[str]:
    """Return the exercises that one imports, directly or through others, each after those that it imports itself.

    `imports` holds the imports of each text. With `used`, imports that are never read do not count.
    """
    found: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        for other in sorted(_modules(imports.get(name, ()), imports.keys() - {exercise}, used=used) - seen):
            if other not in seen:  # not visited through another one meanwhile
                seen.add(other)
                visit(other)
                found.append(other)

    visit(exercise)
    return found


def _modules(imports: Iterable[Import], names: Iterable[str], *, used: bool = False) -> set[str]:
    return {each.module for each in imports if not used or each.read}.intersection(names)
