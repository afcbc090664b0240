"""Mistakes and variants: each is the reference with one definition replaced."""

import types
from pathlib import Path
from textwrap import dedent

import pytest

from grader.base.errors import UsageError
from grader.course.variations import load_variations

REFERENCE = '''\
"""The reference."""
from __future__ import annotations

SCALE = 10

def route(n, k=1):
    """n steps of k"""
    return 0 if n == 0 else k + route(n - 1, k)

def scaled(n):
    return SCALE * route(n)

def plain(n):
    return n

class Layer:
    def __init__(self, n):
        super(Layer, self).__init__()
        self.n = n
    def forward(self):
        return self.n + route(self.n)
'''


HEAD = "from grader.testing import replaces\n"


def variations(tmp_path: Path, text: str, name: str = "mistakes") -> dict[str, types.ModuleType]:
    """Return the variations of a file, each executed as a module."""
    path = tmp_path / f"{name}.py"
    path.write_text(dedent(text))
    modules = {}
    for variation in load_variations(path, REFERENCE, "example"):
        module = types.ModuleType("example")
        exec(variation.source, vars(module))
        modules[variation.name] = module
    return modules


def test_a_variation_replaces_one_name(tmp_path: Path) -> None:
    found = variations(
        tmp_path,
        """
        \"\"\"Mistakes.\"\"\"
        import math
        from grader.testing import replaces
        ONE = 1
        def helper(n):
            return math.floor(n) + ONE

        @replaces("route")
        def too_many(n, k=1):
            \"\"\"One too many.

            Count again.\"\"\"
            return helper(n)

        @replaces("plain")
        def negative(n):
            \"\"\"The sign.\"\"\"
            return -n
        """,
    )
    assert (found["too_many"].route(4), found["too_many"].scaled(4), found["too_many"].plain(4)) == (5, 50, 4)
    assert (found["negative"].route(4), found["negative"].plain(4)) == (4, -4)
    (first, _) = load_variations(tmp_path / "mistakes.py", REFERENCE, "example")
    assert (first.replaces, first.advice) == ("route", "One too many.\n\nCount again.")
    assert "too_many" in first.source and "negative" not in first.source  # noqa: PT018


@pytest.mark.parametrize(
    ("lines", "call"),
    [
        ("from example import route", "route(n, k)"),
        ("from example import route as right", "right(n, k)"),
        ("from example import route\ndef helper(n, k): return route(n, k)", "helper(n, k)"),
        ("from example import Layer", "Layer(n).forward() - n"),
        ("from example import scaled", "scaled(n) // 10"),
        ("", "route(n, k)"),
    ],
    ids=["imported", "renamed", "by a helper", "in a class", "in a function", "not imported"],
)
def test_a_variation_may_call_the_definition_that_it_replaces(tmp_path: Path, lines: str, call: str) -> None:
    # the reference's route is recursive, and must still call itself
    text = (
        f"from grader.testing import replaces\n{lines}\n"
        f"@replaces('route')\ndef off_by_100(n, k=1):\n    'Off.'\n    return {call} + 100\n"
    )
    module = variations(tmp_path, text)["off_by_100"]
    assert module.route(3) == 103
    assert module.scaled(3) == 1030


def test_a_variation_may_have_the_name_that_it_replaces(tmp_path: Path) -> None:
    found = variations(
        tmp_path,
        """
        from example import route as right
        from grader.testing import replaces
        @replaces("route")
        def route(n, k=1):
            \"\"\"Doubled at every step.\"\"\"
            return right(0) if n == 0 else k + k + route(n - 1, k)
        """,
    )
    assert found["route"].route(3) == 6


def test_a_class_may_inherit_from_the_one_that_it_replaces(tmp_path: Path) -> None:
    found = variations(
        tmp_path,
        """
        from example import Layer
        from grader.testing import replaces
        @replaces("Layer")
        class Wrong(Layer):
            \"\"\"One more.\"\"\"
            def __init__(self, n):
                super().__init__(n + 1)
        """,
    )
    module = found["Wrong"]
    assert module.Layer is module.Wrong
    assert module.Layer(3).forward() == 8


def test_parameters_and_locals_keep_their_names(tmp_path: Path) -> None:
    found = variations(
        tmp_path,
        """
        from example import route
        from grader.testing import replaces
        def apply(n, route):
            return route(n)
        def local(n):
            route = n
            return route
        @replaces("route")
        def wrong(n, k=1):
            \"\"\"Wrong.\"\"\"
            return apply(n, route=lambda n: route(n) + 100) + local(n)
        """,
    )
    assert found["wrong"].route(3) == 106


def test_definitions_independent_of_the_replaced_one_are_shared(tmp_path: Path) -> None:
    text = HEAD + "from example import plain\n@replaces('route')\ndef v(n, k=1): return plain"
    module = variations(tmp_path, text, "variants")["v"]
    assert module.route(1) is module.plain


def test_future_imports_come_first(tmp_path: Path) -> None:
    text = """
        from __future__ import annotations
        from grader.testing import replaces
        @replaces("plain")
        def v(n: not_defined): return n
        """
    assert variations(tmp_path, text, "variants")["v"].plain(2) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1\n", "1: nothing here is decorated @replaces"),
        (HEAD + "@replaces('route')\ndef v(n): return n\n", "3: 'v' has no docstring"),
        (
            HEAD + "@replaces('rout')\ndef v(n): 'a'\n",
            "2: 'rout' is not defined in the reference. Did you mean 'route'?",
        ),
        (HEAD + "@replaces\ndef v(n): 'a'\n", "2: write @replaces"),
        (HEAD + "@replaces(1)\ndef v(n): 'a'\n", "2: write @replaces"),
        (HEAD + "@replaces('route', ends='crashed')\ndef v(n): 'a'\n", '2: write @replaces("name") with one name'),
        (HEAD + "@replaces('route', k=3)\ndef v(n, *, k): 'a'\n", '2: write @replaces("name") with one name'),
        (HEAD + "@replaces('route', k=[])\ndef v(n, *, k): 'a'\n", '2: write @replaces("name") with one name'),
        (HEAD + "@replaces('route', k=[1])\ndef v(n, k): 'a'\n", "3: 'v' has no keyword-only parameter named 'k'"),
        (HEAD + "@replaces('Layer', k=[1])\nclass V: 'a'\n", "3: 'V' has no annotation without a value named 'k'"),
        (HEAD + f"@replaces('route', k={[*range(25)]})\ndef v(n, *, k): 'a'\n", "3: 'v' has 25 combinations"),
        (HEAD + "from example import rout\n", "2: 'rout' is not defined in the reference."),
        (HEAD + "import example\n", "2: import the reference's names at the top"),
        (HEAD + "@replaces('route')\ndef plain(n): 'a'\n", "3: 'plain' is a name of the reference"),
        (
            HEAD + "@replaces('route')\ndef v(n): 'a'\nSCALE = 3\n",
            "4: 'SCALE' is a name of the reference too",
        ),
        (
            HEAD + "@replaces('route')\ndef v(n): 'a'\n" * 2,
            "5: 'v' is defined twice, first in line 3.",
        ),
        (
            HEAD + "@replaces('route')\ndef v(n): 'a'\n@replaces('route')\ndef w(n): 'a'; v(n)\n",
            "5: 'v' stands for",
        ),
        ("def f(:\n", "1: "),
    ],
)
def test_an_error_in_mistakes_names_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mistakes.py").write_text(text)
    with pytest.raises(UsageError) as error:
        load_variations(tmp_path / "mistakes.py", REFERENCE, "example")
    assert str(error.value).startswith(f"mistakes.py:{sentence}")


def test_variants_need_no_docstring(tmp_path: Path) -> None:
    found = variations(tmp_path, HEAD + "@replaces('plain')\ndef v(n): return n\n", "variants")
    assert found["v"].plain(3) == 3


def test_a_mistake_with_parameters_is_a_version_for_each_combination_of_values(tmp_path: Path) -> None:
    text = """
        from example import route
        from grader.testing import replaces

        @replaces("route", step=[2, -1], where=["start", "end"])
        def off(n, k=1, *, step: int, where: str):
            \"\"\"{step} at the {where}, {n}.\"\"\"
            return (step, where, route(n, k))
    """
    found = variations(tmp_path, text)
    names = [
        "off[step=2, where=start]",
        "off[step=2, where=end]",
        "off[step=-1, where=start]",
        "off[step=-1, where=end]",
    ]
    assert list(found) == names
    assert found[names[2]].route(3) == (-1, "start", 3)
    first, *_ = load_variations(tmp_path / "mistakes.py", REFERENCE, "example")
    assert (first.definition, first.advice) == ("off", "2 at the start, {n}.")


def test_a_class_takes_parameters_as_annotations(tmp_path: Path) -> None:
    text = """
        from grader.testing import replaces

        @replaces("Layer", factor=[2, 3])
        class Scaled:
            \"\"\"Times {factor}.\"\"\"
            factor: int
            name: str = "scaled"
            def __init__(self, n):
                self.n = n * self.factor
    """
    found = variations(tmp_path, text)
    assert [(name, module.Layer(5).n) for name, module in found.items()] == [
        ("Scaled[factor=2]", 10),
        ("Scaled[factor=3]", 15),
    ]
