"""The JSON Schema of quiz.yaml, for editors: completion, and mistakes while one types.

It is kept in docs:

    python -m grader.quiz.schema > docs/quiz.schema.json

It knows the shape only. What `grade check` says goes further.
"""

import json
from typing import Any

import msgspec

from grader.quiz.model import Quiz


def schema() -> dict[str, Any]:
    """The schema of `grader.quiz.model.Quiz` (JSON Schema draft 7, which editors know best)."""
    made = msgspec.json.schema(Quiz)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:archgrade:quiz:v1",
        "description": "lessons/NN-slug/quiz.yaml; docs/quizzes.md explains it.",
        **_relaxed(made),
    }


def text() -> str:
    """The schema as it is kept in docs/quiz.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _relaxed(part: Any) -> Any:
    """Where a text is wanted, a number or `yes` is text too."""
    if isinstance(part, list):
        return [_relaxed(each) for each in part]
    if not isinstance(part, dict):
        return part
    relaxed = {key: _relaxed(value) for key, value in part.items() if key != "discriminator"}
    if relaxed.get("type") == "string" and "pattern" not in relaxed:
        relaxed["type"] = ["string", "number", "boolean"]
    return relaxed


if __name__ == "__main__":
    print(text(), end="")
