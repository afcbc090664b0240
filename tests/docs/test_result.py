"""docs/result.md: it names every field of a result, and every outcome."""

import re
from typing import get_args, get_type_hints

import msgspec
import pytest

from grader.base.result import Outcome, Result
from tests.docs.documents import read, rows


def structs_of(struct: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """Return a struct and all structs in its fields, by name."""
    found = {struct.__name__: struct}
    for hint in get_type_hints(struct).values():
        parts = [hint]
        while parts:
            part = parts.pop()
            parts += get_args(part)
            if isinstance(part, type) and issubclass(part, msgspec.Struct) and part.__name__ not in found:
                found |= structs_of(part)
    return found


def section(text: str, heading: str) -> str:
    start = text.index(f"\n### {heading}\n")
    end = re.search(r"^##", text[start + 5 :], re.MULTILINE)
    return text[start : start + 5 + end.start()] if end else text[start:]


@pytest.mark.parametrize("struct", structs_of(Result).values(), ids=lambda struct: struct.__name__)
def test_every_field_of_a_result_is_documented(struct: type[msgspec.Struct]) -> None:
    told = [row[0].strip("`") for row in rows(section(read("docs/result.md"), f"`{struct.__name__}`"), "field")]
    assert told == list(struct.__struct_fields__)


def test_every_outcome_is_documented() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", section(read("docs/result.md"), "Outcomes"), re.MULTILINE))
    assert told == {outcome.value for outcome in Outcome}
