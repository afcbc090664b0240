"""Code of a part that later parts import: a block whose first line names a file, as in `# roofline.py`."""

import re
from collections.abc import Iterable, Iterator

from grader.base.files import read_text
from grader.course.lesson.files import all_files
from grader.course.lesson.load import load_part
from grader.course.lesson.model import Code, Part, flatten
from grader.course.lesson.problem import Problem
from grader.course.model import Course

_FIRST_LINE = re.compile(r"# ([a-z]\w*)\.py\b")
_IMPORT = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)
_FENCE = re.compile(r"^```python\n# [a-z]\w*\.py\b", re.MULTILINE)


def modules_of(part: Part) -> Iterator[tuple[str, Code]]:
    """Yield the modules of a part, by name."""
    for block in flatten(part.blocks):
        if isinstance(block, Code) and (found := _FIRST_LINE.match(block.text)):
            yield found[1], block


def modules_before(part: Part, parts: Iterable[Part]) -> dict[str, str]:
    """Return the code of the modules in those of the parts that come before this one, by name."""
    return {
        name: code.text
        for each in parts
        if (each.lesson, each.number) < (part.lesson, part.number)
        for name, code in modules_of(each)
    }


def parts_with_modules(course: Course) -> Iterator[Part]:
    """Yield the parts that may have a module. Raise UsageError for an error in one of them."""
    for file in all_files(course):
        if _FENCE.search(read_text(file.path)):  # parsing all parts would take seconds
            yield load_part(course.root, file)


def module_problems(parts: Iterable[Part]) -> Iterator[Problem]:
    """Yield a problem for every module that an earlier part, or the same, has already. `parts` are in reading order."""
    seen: dict[str, str] = {}
    for part in parts:
        for name, code in modules_of(part):
            if name in seen:
                yield Problem(part.path, code.line, f"{name}.py is code of {seen[name]} already; choose another name.")
            seen.setdefault(name, part.path)


def imported_names(code: str) -> set[str]:
    """Return the names of modules after `from`, or first after `import`, in code that need not be valid Python."""
    return set(_IMPORT.findall(code))
