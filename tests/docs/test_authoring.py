"""docs/authoring.md: its tables name every key of the YAML files."""

import msgspec
import pytest

from grader.course.model import Description, Lesson, Limits, Reading, Syllabus
from tests.docs.documents import read, rows


@pytest.mark.parametrize(
    ("head", "struct"),
    [
        ("key of exercise.yaml", Description),
        ("key of limits", Limits),
        ("key of reading", Reading),
        ("key of course.yaml", Syllabus),
        ("key of a lesson", Lesson),
    ],
)
def test_every_key_is_documented(head: str, struct: type[msgspec.Struct]) -> None:
    told = [(row[0].strip("`"), row[2] == "required") for row in rows(read("docs/authoring.md"), head)]
    assert told == [(field.name, field.required) for field in msgspec.structs.fields(struct)]
    defaults = {row[0].strip("`"): row[2] for row in rows(read("docs/authoring.md"), head)}
    for field in msgspec.structs.fields(struct):
        if isinstance(field.default, int | float):
            assert defaults[field.name] == f"{str(field.default).lower()}".removesuffix(".0")
