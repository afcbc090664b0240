"""docs/architecture.md: its table of imports is true, and nothing imports what imports it."""

import ast
from graphlib import TopologicalSorter

from tests.docs.documents import read, rows
from tests.paths import ROOT


def imports(package: str) -> set[str]:
    """What a package or module of grader/ imports from the others, anywhere in its files."""
    folder = ROOT / "grader" / package
    files = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
    modules: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "grader":
                modules |= {f"grader.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module)
            elif isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
    parts = {module.split(".")[1] for module in modules if module.startswith("grader.")}
    return {part for part in parts if not part.startswith("_")} - {package}


def packages() -> set[str]:
    """The packages and modules of grader/."""
    names = {path.stem for path in (ROOT / "grader").iterdir() if path.is_dir() or path.suffix == ".py"}
    return {name for name in names if not name.startswith("_")}


def test_the_table_of_imports_is_true() -> None:
    listed = {row[0].strip("`"): row[2] for row in rows(read("docs/architecture.md"), "in `grader/`")}
    assert listed == {each: ", ".join(sorted(imports(each))) or "-" for each in packages()}


def test_nothing_imports_what_imports_it() -> None:
    TopologicalSorter({each: imports(each) for each in packages()}).prepare()  # a CycleError names the circle
