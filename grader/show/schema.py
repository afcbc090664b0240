"""The JSON Schema of a result, for programs that read one.

It is kept in docs:

    python -m grader.show.schema > docs/result.schema.json
"""

import inspect
import json
from typing import Any

import msgspec

from grader.base.result import SCHEMA, Result

_DESCRIPTION = (
    "What `grade exercise ID --json` prints. Within v2 fields may be added; none is removed, renamed or given another "
    "meaning, so a reader must pass over fields that it does not know."
)


def schema() -> dict[str, Any]:
    """The schema of `grader.base.result.Result` (JSON Schema 2020-12)."""
    return versioned_schema(Result, _DESCRIPTION, {"Result": SCHEMA})


def versioned_schema(kind: type, description: str, versions: dict[str, str]) -> dict[str, Any]:
    """The schema of a struct. `versions`: what `schema` says in it, first, and in structs within it, by their names."""
    made = msgspec.json.schema(kind)
    for name, version in versions.items():  # any text would do without; a reader tells the version by this field
        made["$defs"][name]["properties"]["schema"]["const"] = version
    for definition in made["$defs"].values():
        if "description" in definition:  # a docstring, which msgspec 0.22 leaves with its indentation
            definition["description"] = inspect.cleandoc(definition["description"])
    title = next(iter(versions.values()))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:" + title.replace("/", ":"),
        "title": title,
        "description": description,
        **made,
    }


def schema_text() -> str:
    """The schema as it is kept in docs/result.schema.json."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
