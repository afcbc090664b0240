"""The names of results on the screen are the reference's."""

from textwrap import indent

import pytest

from grader.engine.judge.names import may_return_none, returned_names
from grader.engine.sandbox.source import execute


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("weights = x\nreturn weights", ["weights"]),
        ("weights, indices = x.topk(2)\nreturn weights.to(x.dtype), indices", ["weights", "indices"]),
        ("best = x.topk(2)\nreturn best.values", ["best"]),
        ("parts = x.split(2)\nreturn parts[0].flatten(0, 1).T", ["parts"]),
        ("y = x\nif k:\n    return x\nreturn y", ["y"]),
        ("y = x\nif k:\n    return y\nreturn x + 1", [""]),
        ("for y in x:\n    pass\nreturn y", ["y"]),
        ("return math.sqrt(x)", [""]),
        ("return loss(x)", [""]),
        ("y = x\nreturn loss(y).mean(), y", ["", "y"]),
        ("return masked_softmax(x) @ x", [""]),
        ("return x.masked_fill(x < k, 0.0)", [""]),
        ("x = x + 1\nreturn x", [""]),
        ("return torch.cat([x, x])", [""]),
        ("return self.inner(x).mean(), self.gain", ["", ""]),
        ("def inner(z):\n    return z\ny = inner(x)\nreturn y", ["y"]),
        ("y = [z for z in x]\nreturn {'y': y}", [""]),
        ("pass", []),
    ],
)
def test_a_result_has_the_name_of_a_local_variable(body: str, names: list[str]) -> None:
    source = f"@torch.no_grad()\ndef f(self, x, k=1):\n{indent(body, '    ')}\n"
    assert returned_names(source) == names
    assert returned_names(indent(source, "    ")) == names


def test_a_function_may_return_none_if_its_annotation_says_so() -> None:
    module = execute("right", "def a() -> dict | None: ...\ndef b() -> dict: ...\ndef c(): ...\ndef d() -> 'x': ...\n")
    assert [may_return_none(module, name) for name in ("a", "b", "c", "d", "e")] == [True, False, False, False, False]
    assert not may_return_none(None, "a")


def test_a_class_has_no_names_of_results() -> None:
    assert returned_names("class A:\n    def f(self):\n        y = 1\n        return y\n") == []
