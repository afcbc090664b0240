"""The JSON Schema of quiz.yaml rejects mistakes."""

import jsonschema
import pytest
import yaml

from grader.quiz import schema
from tests.quiz.every_type import FILE


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema.schema())


@pytest.mark.parametrize(
    ("old", "new"),
    [("recall", "easy"), ("explanation:", "explain:"), ("type: multiple", "type: many"), ("pairs:", "pair:")],
)
def test_the_schema_rejects_mistakes(old: str, new: str) -> None:
    text = FILE.read_text("utf-8")
    validator = jsonschema.Draft7Validator(schema.schema())
    assert list(validator.iter_errors(yaml.safe_load(text))) == []
    assert list(validator.iter_errors(yaml.safe_load(text.replace(old, new, 1)))) != []
