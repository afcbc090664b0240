"""A course on disk: what is read from it, and the sentence for everything that can be wrong in it."""

import types
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from grader.course import find_course, load_course, load_exercise
from grader.course.stub import disagreements, interface
from grader.course.variations import load_variations
from grader.errors import UsageError

COURSE = """\
title: Small course
lessons:
  - {number: 1, slug: first-things, title: First things, short: first}
  - {number: 2, slug: second-things, title: Second things, short: second}
"""
EXERCISE = """\
title: a title
lesson: 1
level: 1
minutes: 10
points: 3
passed: A sentence.
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with the exercise `one`, and the working directory in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course.yaml").write_text(COURSE)
    add(tmp_path, "one")
    return tmp_path


def add(root: Path, exercise_id: str, extra: str = "", **changes: Any) -> Path:
    """Adds an exercise; keys of its YAML can be changed and lines added."""
    folder = root / "exercises" / exercise_id
    folder.mkdir(parents=True)
    lines = EXERCISE.splitlines()
    for key, value in changes.items():
        lines = [f"{key}: {value}" if line.startswith(f"{key}:") else line for line in lines]
    (folder / "exercise.yaml").write_text("\n".join([*lines, extra]) + "\n")
    (folder / f"{exercise_id}.py").write_text("def f(): raise NotImplementedError\n")
    return folder / "exercise.yaml"


def complaint(root: Path) -> str:
    with pytest.raises(UsageError) as error:
        load_course(root)
    return str(error.value)


def test_values_are_read(root: Path) -> None:
    add(
        root,
        "two",
        extra=dedent("""\
            needs: [one]
            limits: {seconds: 0.5, memory: 64}
            hints:
              - >-
                first line
                second line
              - no
            reading:
              - {title: Paper, arxiv: 2401.10020}
            """),
        lesson=2,
        points=2.5,
    )
    (root / "solutions" / "two").mkdir(parents=True)
    course = load_course(root)
    two = course.exercise("two")
    assert (two.points, two.needs, two.limits.seconds, two.limits.memory) == (2.5, ("one",), 0.5, 64)
    assert two.hints == ("first line second line", "no")
    assert two.reading[0].arxiv == "2401.10020"  # as a number it would end in .1002
    assert two.stub == root / "exercises" / "two" / "two.py"
    assert two.reference == root / "solutions" / "two" / "two.py"
    assert course.exercise("one").solution is None
    assert course.lesson(2).folder_name == "02-second-things"
    assert not course.show_hidden_output
    assert load_exercise(root, "two") == two


def test_no_solutions_is_said_when_one_is_wanted(root: Path) -> None:
    with pytest.raises(UsageError, match="released without solutions"):
        _ = load_course(root).exercise("one").hidden_tests


def test_order_is_lesson_then_needs_then_level_then_id(root: Path) -> None:
    add(root, "late", lesson=2)
    add(root, "easy_but_needs_hard", extra="needs: [hard]")
    add(root, "hard", level=3)
    add(root, "alpha", level=2)
    order = [exercise.id for exercise in load_course(root).exercises]
    assert order == ["one", "alpha", "hard", "easy_but_needs_hard", "late"]


def test_course_is_found_upward(root: Path) -> None:
    assert find_course(root / "exercises" / "one", None) == root
    assert find_course(Path("/"), root) == root
    assert find_course(Path("/"), root / "course.yaml") == root


def test_no_course_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no course.yaml in .* or above it; .* --course DIR"):
        find_course(tmp_path, None)
    with pytest.raises(UsageError, match=r"no course.yaml in .*; --course wants"):
        find_course(tmp_path, tmp_path)


@pytest.mark.parametrize(
    "look_up", [lambda r, i: load_course(r).exercise(i), load_exercise], ids=["all", "one"]
)
def test_misspelt_exercise(root: Path, look_up: Any) -> None:
    add(root, "moe_router")
    with pytest.raises(UsageError) as error:
        look_up(root, "moe_ruter")
    assert str(error.value) == "No exercise 'moe_ruter' in this course. Did you mean 'moe_router'?"
    with pytest.raises(UsageError, match=r"No exercise '../one' in this course"):
        look_up(root, "../one")


@pytest.mark.parametrize(
    ("changes", "extra", "sentence"),
    [
        ({"level": "high"}, "", "3: 'level' must be a whole number, not 'high'."),
        ({"level": "4"}, "", "3: 'level' must be a whole number, at most 3, not '4'."),
        ({"points": "0"}, "", "5: 'points' must be a number, more than 0, not '0'."),
        ({"title": ""}, "", "1: 'title' must be text, not empty."),
        ({}, "hints: one", "7: 'hints' must be a list, not 'one'."),
        ({}, "hints:\n  - good\n  - [x]", "9: 'hints[1]' must be text, not a list."),
        ({}, "limits:\n  memory: 5\n  seconds: x", "9: 'limits.seconds' must be a number, not 'x'."),
        ({}, "minuts: 3", "7: unknown key 'minuts'. Did you mean 'minutes'?"),
        ({}, "limits:\n  second: 3", "8: unknown key 'second' in 'limits'. Did you mean 'seconds'?"),
        ({}, "reading:\n  - arxiv: 1", "8: 'title' is missing from 'reading[0]'."),
        ({}, "level: 2", "7: 'level' is given twice; it stands in line 3 already."),
        ({}, "\thints: []", "7: a tab character; YAML is indented with spaces."),
        ({}, "needs: [nothing]", "7: there is no exercise 'nothing' to need."),
        ({}, "needs:\n  - ome", "8: there is no exercise 'ome' to need. Did you mean 'one'?"),
        ({}, "needs: [bad]", "7: exercises need each other in a circle: bad -> bad."),
        ({"lesson": "7"}, "", "2: there is no lesson 7 in course.yaml."),
        ({}, "hints: &h [a]\nneeds: *h", "8: *h refers to another place; write it out here."),
        ({}, "---\ntitle: x", "7: a second document begins here; one is expected."),
    ],
)
def test_what_is_wrong_in_an_exercise(root: Path, changes: dict[str, str], extra: str, sentence: str) -> None:
    add(root, "bad", extra, **changes)
    assert complaint(root) == f"exercises/bad/exercise.yaml:{sentence}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "1: the file is empty."),
        (b"# only a comment\n", "1: the file is empty."),
        (b"- a\n- b\n", "1: expected lines of the form key: value."),
        (b"title: x\n", "1: 'lesson' is missing."),
        (b"title: x\nlesson: \xff\n", "2: not UTF-8; save the file in this encoding."),
        (b"a: 1\n? [x]\n: 2\n", "2: a key must be a word."),
    ],
)
def test_what_is_wrong_in_a_file(root: Path, text: bytes, sentence: str) -> None:
    add(root, "bad").write_bytes(text)
    assert complaint(root) == f"exercises/bad/exercise.yaml:{sentence}"


def test_invalid_yaml_names_the_line(root: Path) -> None:
    add(root, "bad", extra="hints: [a")
    assert complaint(root).startswith("exercises/bad/exercise.yaml:8: not valid YAML: ")


def test_circle_of_needs(root: Path) -> None:
    add(root, "a", extra="needs: [one, c]")
    add(root, "b", extra="needs: [a]")
    add(root, "c", extra="needs: [b]")
    sentence = complaint(root)
    assert sentence.endswith(("a -> c -> b -> a.", "b -> a -> c -> b.", "c -> b -> a -> c."))
    assert sentence.startswith("exercises/") and ":7: exercises need each other in a circle" in sentence  # noqa: PT018


def test_folder_name_is_an_identifier(root: Path) -> None:
    add(root, "moe-router")
    assert complaint(root).startswith("exercises/moe-router/exercise.yaml:1: 'moe-router' cannot be the name")


def test_name_of_a_module_that_python_knows(root: Path) -> None:
    add(root, "random")
    assert complaint(root).endswith("Python knows something else by this name.")


def test_missing_stub_and_missing_description(root: Path) -> None:
    (root / "exercises" / "one" / "one.py").unlink()
    assert complaint(root) == (
        "exercises/one/exercise.yaml:1: the exercise has no exercises/one/one.py for the student to complete."
    )
    (root / "exercises" / "one" / "one.py").touch()
    (root / "exercises" / "one" / "exercise.yaml").unlink()
    assert complaint(root).startswith("exercises/one/exercise.yaml: there is no such file")


def test_two_lessons_with_one_number(root: Path) -> None:
    (root / "course.yaml").write_text(COURSE.replace("number: 2", "number: 1"))
    assert complaint(root) == "course.yaml:4: two lessons have the number '1'."


def test_bad_course_file(root: Path) -> None:
    (root / "course.yaml").write_text(COURSE + "show_hidden_output: maybe\n")
    assert complaint(root) == "course.yaml:5: 'show_hidden_output' must be true or false, not 'maybe'."


# The interface of a file

STUB = '''\
import torch
from torch import Tensor

LIMIT = 3

def route(logits: Tensor, k: int = 2, *, sort=True) -> Tensor:
    """The k best."""
    raise NotImplementedError

def _helper(x): ...

class Layer(torch.nn.Module):
    """A layer."""
    def __init__(self, width: int):
        raise NotImplementedError
    def forward(self, x: Tensor) -> Tensor:
        """Applies it."""
        raise NotImplementedError
'''


def test_interface() -> None:
    found = interface(STUB)
    assert [(d.name, d.kind, d.line) for d in found] == [
        ("route", "function", 6),
        ("Layer", "class", 12),
        ("Layer.__init__", "method", 14),
        ("Layer.forward", "method", 16),
    ]
    route, layer, _, forward = found
    assert route.signature == "route(logits: Tensor, k: int=2, *, sort=True) -> Tensor"
    assert (route.call, layer.call, forward.call) == (
        "route(logits, k=2, *, sort=True)",
        "Layer(width)",
        "Layer.forward(x)",
    )
    assert (route.docstring, layer.signature) == ("The k best.", "Layer(torch.nn.Module)")


def test_a_stub_that_does_not_compile() -> None:
    with pytest.raises(UsageError, match=r"^stub\.py:2: "):
        interface("x = 1\ndef f(:\n", "stub.py")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "k: int = 2",
            "k: int = 3",
            "route is route(logits: Tensor, k: int=2, *, sort=True) -> Tensor in the stub (line 6)",
        ),
        (
            "The k best.",
            "Others.",
            "The docstring of route differs between the stub (line 6) and the reference (line 6).",
        ),
        ("def forward(", "def backward(", "Layer.forward is in the stub (line 16) and not in the reference."),
        (
            "_helper",
            "helper",
            "helper is in the reference (line 10) and not in the stub; a helper's name starts with an",
        ),
    ],
)
def test_disagreements(old: str, new: str, sentence: str) -> None:
    assert disagreements(STUB, STUB) == ()
    (found,) = disagreements(STUB, STUB.replace(old, new))
    assert found.startswith(sentence)


# Variations of a reference

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
    """The variations of a file, each executed as a module."""
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
    assert (first.replaces, first.advice, first.line) == ("route", "One too many.\n\nCount again.", 10)
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
def test_a_variation_that_calls_what_it_replaces(tmp_path: Path, lines: str, call: str) -> None:
    """The reference's own route is recursive, and stays so."""
    text = (
        f"from grader.testing import replaces\n{lines}\n"
        f"@replaces('route')\ndef off_by_100(n, k=1):\n    'Off.'\n    return {call} + 100\n"
    )
    module = variations(tmp_path, text)["off_by_100"]
    assert module.route(3) == 103
    assert module.scaled(3) == 1030


def test_a_variation_with_the_name_it_replaces(tmp_path: Path) -> None:
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


def test_a_class_that_inherits_from_what_it_replaces(tmp_path: Path) -> None:
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


def test_what_does_not_depend_on_the_replaced_name_is_shared(tmp_path: Path) -> None:
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
        (HEAD + "from example import rout\n", "2: 'rout' is not defined in the reference."),
        (HEAD + "import example\n", "2: import the reference's names at the top"),
        (HEAD + "@replaces('route')\ndef plain(n): 'a'\n", "3: 'plain' is a name of the reference"),
        (
            HEAD + "@replaces('route')\ndef v(n): 'a'\nSCALE = 3\n",
            "4: 'SCALE' is a name of the reference too",
        ),
        (
            HEAD + "@replaces('route')\ndef v(n): 'a'\n" * 2,
            "5: 'v' is defined twice; it stands in line 3 already.",
        ),
        (
            HEAD + "@replaces('route')\ndef v(n): 'a'\n@replaces('route')\ndef w(n): 'a'; v(n)\n",
            "5: 'v' stands for",
        ),
        ("def f(:\n", "1: "),
    ],
)
def test_what_is_wrong_in_mistakes(
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


# The course in this repository

OURS = Path(__file__).parent.parent


def test_our_course_loads() -> None:
    course = load_course(OURS)
    assert [lesson.number for lesson in course.lessons] == list(range(1, 11))
    for exercise in course.exercises:
        reference = exercise.reference.read_text("utf-8")
        assert disagreements(exercise.stub.read_text("utf-8"), reference) == ()
        assert len(load_variations(exercise.mistakes, reference, exercise.id)) >= 3
        assert len(load_variations(exercise.variants, reference, exercise.id)) >= 3
