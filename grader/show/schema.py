"""The JSON Schema of a result, for programs that read one. `make docs` writes a copy to docs/reference."""

import inspect
import json
from enum import Enum
from typing import Any

import msgspec

from grader.base.docstrings import documented_classes, field_docstrings
from grader.base.result import SCHEMA, Result

_DESCRIPTION = (
    f"What `grade exercise ID --json` prints. Within {SCHEMA.rpartition('/')[2]} fields may be added; none is removed, "
    "renamed or given another meaning, so a reader must pass over fields that it does not know."
)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of `grader.base.result.Result`."""
    return versioned_schema(Result, _DESCRIPTION, {"Result": SCHEMA})


def versioned_schema(kind: type, description: str, versions: dict[str, str]) -> dict[str, Any]:
    """Return the schema of a struct.

    `versions` maps the struct and then structs within it, by name, to the constant of their field `schema`.
    """
    made = msgspec.json.schema(kind)
    for name, version in versions.items():  # readers tell the version by this field
        made["$defs"][name]["properties"]["schema"]["const"] = version
    for definition in made["$defs"].values():
        if "description" in definition:  # msgspec 0.22 keeps the indentation of docstrings
            definition["description"] = inspect.cleandoc(definition["description"])
    for each in documented_classes(kind):
        if not issubclass(each, Enum):
            properties = made["$defs"][each.__name__]["properties"]
            for name, meaning in field_docstrings(each).items():
                properties[name]["description"] = meaning
    title = next(iter(versions.values()))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:" + title.replace("/", ":"),
        "title": title,
        "description": description,
        **made,
    }


def schema_text() -> str:
    """Return the content of docs/reference/result.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
