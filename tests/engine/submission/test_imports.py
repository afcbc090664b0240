"""The student's other exercises that a text imports."""

import pytest

from grader.base.errors import UsageError
from grader.engine.submission.examine import Import, examine
from grader.engine.submission.imports import built_on, gather_imports

IDS = ["rope", "moe_router", "kv_cache"]


@pytest.mark.parametrize(
    ("text", "found", "used"),
    [
        ("import rope\nrope.turn()", {"rope"}, {"rope"}),
        ("import rope", {"rope"}, set()),
        ("import rope as r\nr.turn()", {"rope"}, {"rope"}),
        ("import rope as r\nrope = 1", {"rope"}, set()),
        ("import rope.parts\nrope.parts", {"rope"}, {"rope"}),
        ("from rope import turn as t\nt()", {"rope"}, {"rope"}),
        ("from rope import turn\nturn = 1", {"rope"}, set()),
        ("from rope import *", {"rope"}, {"rope"}),
        ("import torch, \\\n  rope\nrope", {"rope"}, {"rope"}),
        ("import\\\n\trope; rope", {"rope"}, {"rope"}),
        ("x = 1; import rope,moe_router", {"rope", "moe_router"}, set()),
        ("def f():\n    import rope, moe_router\n    return rope", {"rope", "moe_router"}, {"rope"}),
        ("from .rope import turn\nturn()", set(), set()),
        ("from . import rope\nrope", set(), set()),
        ("'import rope'  # import rope", set(), set()),
        ("import torch, ropes", set(), set()),
        ("import rope\nx = '\\d'; rope", {"rope"}, {"rope"}),
        ("import rope\ndef f(", set(), set()),
        ("import rope\n" + "-" * 100_000 + "1", set(), set()),
        ("import rope\0", set(), set()),
    ],
)
@pytest.mark.filterwarnings("error")
def test_finds_imports_and_whether_they_are_read(text: str, found: set[str], used: set[str]) -> None:
    imports = {"own": examine(text, "own").imports, **dict.fromkeys(IDS, ())}
    assert set(built_on("own", imports)) == found
    assert set(built_on("own", imports, used=True)) == used


def test_gathers_imports_of_imports() -> None:
    texts = {"rope": "import kv_cache, rope", "kv_cache": "import rope, moe_router"}

    def read(name: str) -> str:
        if name not in texts:
            raise UsageError(f"{name} is at home.")
        return texts[name]

    found = gather_imports("mask", "import rope", IDS, read)
    assert (found.texts, found.absent) == (texts, {"moe_router": "moe_router is at home."})
    assert {name: [each.module for each in of] for name, of in found.of.items()} == {
        "mask": ["rope"],
        "rope": ["kv_cache", "rope"],
        "kv_cache": ["rope", "moe_router"],
        "moe_router": [],
    }
    found = gather_imports("moe_router", "import rope", IDS, read)  # it imports itself, through others
    assert (found.texts, found.absent) == (texts, {})
    assert gather_imports("mask", "import torch", IDS, read).texts == {}


def test_exercises_come_after_those_that_they_import() -> None:
    def reads(*modules: str) -> tuple[Import, ...]:
        return tuple(Import(each, each, True) for each in modules)

    imports = {"a": (*reads("b"), Import("c", "c", False)), "b": reads("c"), "c": reads("a"), "d": ()}
    assert built_on("x", imports | {"x": reads("a")}) == ["c", "b", "a"]
    assert built_on("x", imports | {"x": (Import("c", "c", False), *reads("d"))}, used=True) == ["d"]
    assert built_on("x", imports | {"x": reads("a")}, used=True) == ["c", "b", "a"]
