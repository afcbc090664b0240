"""The JSON Schema of quiz.yaml, with which editors complete keys and mark mistakes.

`make docs` writes a copy to docs/reference. It describes the shape only; `grade check` checks more.
"""

import json
from typing import Any

import msgspec

from grader.quiz.model import Quiz


def schema() -> dict[str, Any]:
    """Return the schema of Quiz as JSON Schema draft 7, which most editors support."""
    made = msgspec.json.schema(Quiz)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:archgrade:quiz:v1",
        "description": "lessons/NN-slug/quiz.yaml; docs/authors/quizzes.md explains it.",
        **_relaxed(made),
    }


def text() -> str:
    """Return the text of docs/reference/quiz.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _relaxed(part: Any) -> Any:
    """Allow numbers and booleans wherever a string is expected."""
    if isinstance(part, list):
        return [_relaxed(each) for each in part]
    if not isinstance(part, dict):
        return part
    relaxed = {key: _relaxed(value) for key, value in part.items() if key != "discriminator"}
    if relaxed.get("type") == "string" and "pattern" not in relaxed:
        relaxed["type"] = ["string", "number", "boolean"]
    return relaxed
