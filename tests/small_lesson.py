"""A small course of two lessons. The first has a part without problems."""

from pathlib import Path

from grader.course import Course, load_course
from grader.course.lesson.files import PartFile
from grader.course.lesson.load import load_part
from grader.course.lesson.model import Part

COURSE = """\
title: Small course
lessons:
  - {number: 1, slug: sums, title: Sums, short: sums}
  - {number: 2, slug: products, title: Products, short: products}
"""
NOTATION = """\
- {letter: T, meaning: number of tokens, lesson: 0}
- {letter: w, meaning: a weight, lesson: 1}
- {letter: B_bar, tex: '\\bar{B}', meaning: discretised input matrix, lesson: 1}
- {letter: S, meaning: number of keys, lesson: 2}
"""
GLOSSARY = """\
- term: running sum
  also: [prefix sum]
  lesson: 1
  definition: For each number the sum of it and all before.
- term: product
  lesson: 2
  definition: What comes of multiplying.
"""
FILLER = "\n".join(["So it goes on for a while, that there is something to read in it, and to think over."] * 75)
GOOD = f"""\
---
title: Sums of the past
---

## The past, added up

A **running sum** has for each of $T$ numbers the sum of $w_1$ to itself. See the [paper](https://arxiv.org/abs/1706.03762).

```python
import torch
T = 3
v = torch.tensor([3.0, 6.0, 9.0])
print(torch.tril(torch.ones(T, T)) @ v)
```

```question
id: the-last
ask: What is the last number?
answer: 18
because: It is the sum of all.
```

```output
tensor([ 3.,  9., 18.])
```

```picture sums
The sums grow.
```

```exercise adding
Write it yourself.
```

::: deep Why it is fast
Running sums can be made by parts.

```python
print(v.cumsum(0))
```

```output
tensor([ 3.,  9., 18.])
```
:::

{FILLER}
"""
PICTURES = """\
from grader.pictures import Curves, Line


def sums() -> Curves:
    return _curves([3.0, 9.0, 18.0 + 1e-9])


def _curves(ys: list[float]) -> Curves:
    return Curves("sums", "running sums", "place", "sum", (Line("sum", [0.0, 1.0, 2.0], ys),))
"""
EXERCISE = """\
title: Adding
lesson: {lesson}
level: 1
minutes: 5
points: 1
passed: ok
"""
FOLDER = "lessons/01-sums"
PATH = f"{FOLDER}/1-past.md"


def make(root: Path) -> None:
    """Write the course: its texts and two exercises, `adding` of lesson 1 and `halving_lab`, a lab of lesson 2."""
    folder = root / FOLDER
    folder.mkdir(parents=True)
    (root / "course.yaml").write_text(COURSE)
    (root / "lessons" / "notation.yaml").write_text(NOTATION)
    (root / "lessons" / "glossary.yaml").write_text(GLOSSARY)
    (root / PATH).write_text(GOOD)
    (folder / "pictures.py").write_text(PICTURES)
    for exercise, lesson in (("adding", 1), ("halving_lab", 2)):
        exercises = root / "exercises" / exercise
        exercises.mkdir(parents=True)
        (exercises / f"{exercise}.py").write_text("def solve():\n    raise NotImplementedError\n")
        (exercises / "exercise.yaml").write_text(EXERCISE.format(lesson=lesson))
    (root / "exercises" / "halving_lab" / "lab.py").write_text("")


def part_of(text: str, root: Path, *, lesson: int = 1) -> tuple[Part, Course]:
    """Write this text as the part, and return its path and the course."""
    path = root / PATH
    path.write_text(text)
    return load_part(root, PartFile(lesson, "sums", 1, "past", path)), load_course(root)


def edited(old: str, new: str) -> str:
    """Return the good part with a change in one place."""
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def line_of(text: str, words: str) -> int:
    """Return the line of a text on which these words stand, from 1."""
    (line,) = (i for i, each in enumerate(text.split("\n"), start=1) if words in each)
    return line
