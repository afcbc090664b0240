"""One public class name for one thing: searching for it finds one definition."""

import ast
from collections import defaultdict

from tests.paths import ROOT


def test_no_public_class_name_stands_in_two_files() -> None:
    files: dict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "grader").rglob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                files[node.name].add(path.relative_to(ROOT).as_posix())
    assert len(files) > 300
    assert {name: found for name, found in files.items() if len(found) > 1} == {}
