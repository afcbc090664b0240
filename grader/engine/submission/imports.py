"""What a submission imports of the student's own other exercises, by what `examine` says: nothing of it is run."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from grader.base.errors import UsageError
from grader.engine.submission.examine import Import, examine


class Imports(msgspec.Struct, frozen=True):
    """What a submission imports of the other exercises of its course, directly or through others, by id."""

    texts: dict[str, str] = {}
    absent: dict[str, str] = {}  # why there is no text of an exercise: a sentence
    of: dict[str, tuple[Import, ...]] = {}  # what each text imports, that of the submission among them


def gather(exercise: str, text: str, ids: Iterable[str], read: Callable[[str], str]) -> Imports:
    """Collect what the text of an exercise imports of the others of its course, which has these ids.

    `read` returns the student's text of one, or raises UsageError with the reason why there is none. Raise Lost where
    a text cannot be examined.
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
    """Return the exercises that one imports, each after those that it imports itself.

    `imports`: what each text imports. `used`: only those of which a text reads something that it imports.
    """
    found: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        for other in sorted(_modules(imports.get(name, ()), imports.keys() - {exercise}, used=used) - seen):
            if other not in seen:  # not met in the meantime
                seen.add(other)
                visit(other)
                found.append(other)

    visit(exercise)
    return found


def _modules(imports: Iterable[Import], names: Iterable[str], *, used: bool = False) -> set[str]:
    return {each.module for each in imports if not used or each.read}.intersection(names)
