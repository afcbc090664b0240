"""A course of three exercises, the second of which needs the first."""

from pathlib import Path

COURSE = "title: Three\nlessons:\n  - {number: 1, slug: three, title: Three, short: three}\n"
YAML = """\
title: {id}
lesson: 1
level: 1
minutes: 5
points: 4
needs: [{needs}]
hints: [one, two, three]
passed: ok
"""
MISTAKES = """
from {id} import {name}
from grader.testing import replaces


@replaces("{name}")
def nothing(x):
    \"\"\"It returns its argument.\"\"\"
    return x
"""
STUB = 'def {name}(x):\n    """A number."""\n    raise NotImplementedError\n'
TESTS = """
from grader.testing import assert_equal, points


@points(1)
def test_one_{name}(submission):
    \"\"\"one\"\"\"
    assert_equal(submission.{name}(1), {one})


@points(3)
def test_many_{name}(submission):
    \"\"\"many\"\"\"
    assert_equal([submission.{name}(x) for x in range(5)], {many})
"""
BASE = "def double(x):\n    return 2 * x\n"
WRONG_BASE = "def double(x):\n    return 2 * x if x < 3 else 0\n"
TOP = "from base import double\n\ndef quadruple(x):\n    return double(double(x))\n"
ALONE = "def quadruple(x):\n    return 4 * x\n"
WRONG_TOP = "from base import double\n\ndef quadruple(x):\n    return double(x)\n"
HIGH = "from top import quadruple\n\ndef octuple(x):\n    return quadruple(2 * x)\n"
REFERENCES = {"base": BASE, "top": TOP, "high": "def octuple(x):\n    return 8 * x\n"}


def three_exercises(root: Path) -> Path:
    """Make the course in a new folder: `top` imports `double` from `base`, and `high` may import anything."""
    root.mkdir()
    (root / "course.yaml").write_text(COURSE)
    for name, function, factor, needs in (
        ("base", "double", 2, ""),
        ("top", "quadruple", 4, "base"),
        ("high", "octuple", 8, ""),
    ):
        folder, solution = root / "exercises" / name, root / "solutions" / name
        folder.mkdir(parents=True)
        solution.mkdir(parents=True)
        (folder / "exercise.yaml").write_text(YAML.format(id=name, needs=needs))
        (folder / f"{name}.py").write_text(STUB.format(name=function))
        many = [factor * x for x in range(5)]
        tests = TESTS.format(name=function, one=factor, many=many)
        public, hidden = tests.split("\n\n\n@points(3)")
        (folder / "test_public.py").write_text(f"{public}\n")
        (solution / "test_hidden.py").write_text(f"{public.split('@points')[0]}@points(3){hidden}")
        (solution / f"{name}.py").write_text(REFERENCES[name])
        (solution / "mistakes.py").write_text(MISTAKES.format(id=name, name=function))
    return root
