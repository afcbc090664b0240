"""docs/authors/lessons.md: its tables name every key, and the picture that it shows is drawn by the code above it."""

import re

import msgspec
import pytest

from grader import pictures
from grader.course.lesson.model import Predict
from grader.course.lesson.notation import Letter
from grader.course.lesson.references import Reference
from tests.docs.documents import read, rows
from tests.show.pictures.characters.screen import plain

PAGE = read("docs/authors/lessons.md")
OF_THE_LOADER = {"line"}  # fields of a prediction that are no keys


def test_the_picture_is_drawn_by_the_code_above_it() -> None:
    found = re.search(r"```python\n(def .*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert found
    names = dict(vars(pictures))
    exec(found[1], names)
    assert "\n".join(plain(names["mask"]())) + "\n" == found[2]


def test_every_type_of_picture_is_listed() -> None:
    assert {row[0].strip("`") for row in rows(PAGE, "type")} == {each.__name__ for each in pictures.Picture.__args__}


@pytest.mark.parametrize(
    ("head", "struct"),
    [("key of a prediction", Predict), ("key of a letter", Letter), ("key of a reference", Reference)],
)
def test_every_key_is_documented(head: str, struct: type[msgspec.Struct]) -> None:
    told = {row[0].strip("`"): row[1] == "required" for row in rows(PAGE, head)}
    fields = {field.name: field.required for field in msgspec.structs.fields(struct)}
    assert told == {name: required for name, required in fields.items() if name not in OF_THE_LOADER}
