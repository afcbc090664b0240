"""docs/authors/quizzes.md: its tables name every type of question and every key."""

import msgspec

from grader.quiz.model import TYPES
from tests.docs.documents import read, rows

PAGE = read("docs/authors/quizzes.md")


def keys_of(question_type: str) -> set[str]:
    """Return the keys that the page gives for a type of question."""
    common = {row[0].strip("`") for row in rows(PAGE, "key of a question")}
    own = set()
    types = ""
    for first, key, _ in rows(PAGE, "type | key"):
        types = first or types
        if f"`{question_type}`" in types:
            own.add(key.strip("`"))
    return common | own


def test_every_key_of_every_type_is_documented() -> None:
    for name, struct in TYPES.items():
        assert keys_of(name) == {"type"} | {field.encode_name for field in msgspec.structs.fields(struct)}, name


def test_required_keys_are_marked() -> None:
    fields = {name: field for struct in TYPES.values() for name, field in _fields(struct).items()}
    for name, default, _ in rows(PAGE, "key of a question"):
        if name != "`type`":
            assert (default == "required") == fields[name.strip("`")].required, name


def test_every_type_has_a_score() -> None:
    told = {name.strip("`") for row in rows(PAGE, "type | score") for name in row[0].split(", ")}
    assert told == set(TYPES)


def _fields(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}
