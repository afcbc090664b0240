"""The JSON Schema of a result: real results conform to it, and it says what each field means."""

import json
import subprocess
import sys
from typing import Any

import jsonschema
import msgspec
import pytest

from grader.base.result import SCHEMA as VERSION
from grader.base.result import Result
from grader.show import schema
from tests.paths import ROOT, TOOLBOX, copy_toolbox

SCHEMA = ROOT / "docs" / "reference" / "result.schema.json"


def test_schema_is_a_valid_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.schema())


def test_schema_describes_fields() -> None:
    made = schema.schema()
    assert made["$defs"]["TestResult"]["properties"]["points"]["description"] == "0 unless it passed."
    assert f"Within {VERSION.rpartition('/')[2]} fields" in made["description"]


RIGHT = (TOOLBOX / "solutions/toolbox/toolbox.py").read_text("utf-8")
SUBMISSIONS = {  # exit code, outcome of the whole, outcome of the first test, what is handed in
    "a pass": (0, "graded", "passed", RIGHT),
    "wrong values": (1, "graded", "wrong_values", RIGHT + "\ndef scale(x, factor):\n    return x * factor * factor\n"),
    "a crash": (1, "graded", "crashed", RIGHT + "\ndef scale(x, factor):\n    import os; os.abort()\n"),
    "not started": (1, "not_started", None, (TOOLBOX / "exercises/toolbox/toolbox.py").read_text("utf-8")),
    "a syntax error": (1, "syntax_error", None, "def scale(x, factor:\n    return x\n"),
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Return the exit code and output of `grade exercise toolbox --json` for each submission."""
    root = copy_toolbox(tmp_path_factory.mktemp("schema") / "course")
    found = {}
    for title, (_, _, _, source) in SUBMISSIONS.items():
        file = root / "submission.py"
        file.write_text(source, "utf-8")
        command = [sys.executable, "-m", "grader.cli", "exercise", "toolbox", "--file", file.name, "--json"]
        run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        found[title] = run.returncode, run.stdout
    return found


@pytest.mark.parametrize("title", SUBMISSIONS)
def test_real_results_are_valid(title: str, printed: dict[str, tuple[int, str]]) -> None:
    code, text = printed[title]
    result: dict[str, Any] = json.loads(text)
    expected = SUBMISSIONS[title]
    first = result["tests"][0]["outcome"] if result["tests"] else None
    assert (code, result["outcome"], first) == expected[:3]
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(result)
    assert list(result) == list(Result.__struct_fields__)  # every field is always there
    assert msgspec.json.encode(msgspec.json.decode(text, type=Result)) == msgspec.json.encode(result)


def test_result_of_another_version_is_invalid(printed: dict[str, tuple[int, str]]) -> None:
    result = json.loads(printed["a pass"][1]) | {"schema": "archgrade/result/v0"}
    validator = jsonschema.Draft202012Validator(schema.schema())
    assert [list(error.path) for error in validator.iter_errors(result)] == [["schema"]]


def test_result_with_an_unknown_field_is_valid(printed: dict[str, tuple[int, str]]) -> None:
    result = json.loads(printed["a pass"][1]) | {"added_later": 1}
    jsonschema.Draft202012Validator(schema.schema()).validate(result)
