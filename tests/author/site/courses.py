"""A small course for the tests of the site: one lesson has every block, the other all moving pictures."""

import shutil
from pathlib import Path

import msgspec

from grader.course.lesson.moving import moving_scripts
from grader.pictures import Curves, Grid, Line, Matrix
from tests.paths import ROOT, copy_toolbox

MOVING = tuple(moving_scripts(ROOT))  # those of the real course, which are tried here
SECRET = "the key that only the teacher knows"

COURSE = """\
title: Small & <short>
front: {about: A small course, audience: For tests., picture: {lesson: 2, name: still-masks}}
lessons:
  - {number: 1, slug: tools, title: Tools & masks, short: tools, summary: Which tools., outcomes: [Hold a <tool>.]}
  - {number: 2, slug: moving, title: Moving pictures, short: moving}
  - {number: 3, slug: empty, title: Not written, short: empty}
"""

GLOSSARY = """\
- term: causal mask
  also: [look-ahead mask, причинна маска]
  uk: каузальна маска
  lesson: 1
  definition: It hides what comes later.
- {term: token, lesson: 1, definition: A piece of <text>.}
- {term: mixture of experts, also: [MoE], lesson: 2, definition: Many networks of which a few are used.}
"""

REFERENCES = """\
- {link: "https://arxiv.org/abs/1706.03762", authors: "Vaswani et al.", year: 2017, title: Attention & all}
- {link: "https://example.org/", authors: Nobody, title: Not cited}
"""

NOTATION = r"""
- {letter: T, meaning: tokens, lesson: 0}
- {letter: delta, tex: '\Delta', meaning: a step, lesson: 1}
"""

OPENING = """\
---
title: Before you begin
---

Read the [first part](01-tools/1-masks.md), and [what to do](../exercises/toolbox/README.md).
"""

MASKS = r"""---
title: Masks from $T = 3$ tokens
---

Each token, that is each **token** of $T$, has a causal
mask. Tokens come again. See [the next part](2-more.md#a-sum) and [a paper](https://arxiv.org/abs/1706.03762),
or arXiv 2401.04088. Nothing is at [this file](../../grader/nothing.py).

## Weights

$$
w_{ij} = \frac{\exp(s_{ij})}{\sum_{k=1}^{T} \exp(s_{ik})}, \quad
\sqrt[3]{K} = \begin{pmatrix} 1 & 0 \\ 1 & 1 \end{pmatrix}, \quad \text{where } \bar\alpha_t \le 1
$$

```python
import torch

v = torch.tensor([3.0, 6.0, 9.0])  # (T,)
print(v.cumsum(0) < 4)
```

```question
id: sums
ask: The first number is 3. What is the last?
answer: 18
tolerance: 0.5
because: 3 + 6 + 9 is 18, by a causal mask.
```

```output
tensor([ 3.,  9., 18.])
```

```picture past
The past, added up.
```

### Deeper

```question
id: which
ask: Which of the two?
options: [this, that & <those>]
answer: that & <those>
because: It is.
```

```picture still moving=masks
Three tokens.
```

```exercise toolbox
Now do this.
```

::: deep Why the **root**
One more thing: MoE.

```text
a wide line that does not break a wide line that does not break a wide line that does not break
```
:::
"""

MORE = """---
title: More
---

## A sum

| a | b |
|---|---|
| 1 | `toolbox` |

```question
id: words
ask: Why?
answer: because of the sum
because: So it is.
```

## A sum

Again.
"""

FIGURES = """\
---
title: Pictures that move
---

A mixture of experts has a token.

```text
MoE = many
```

""" + "\n".join(f"```picture still-{name} moving={name}\nA picture that moves: {name}.\n```\n" for name in MOVING)

DOCUMENT = """\
# A document

See [another part](../lessons/01-tools/1-masks.md#weights), the [schema](data.schema.json) and [here](#below).
[Below](parts/b.md#c) is another document, with [changes](../CHANGELOG.md).

## Below

Words.
"""

INNER = """\
# Another document

Back to [the documents](../index.md) and [the first](../a.md#below). It has [data](more/inner.json), and
[a part](../../lessons/01-tools/1-masks.md).

## C

Words.
"""

INDEX = """\
# The documents

[One](a.md), [another](parts/b.md), and [how to contribute](../CONTRIBUTING.md).
"""

README = """\
# Small

## For students

Run `grade exercise toolbox`.

## For instructors

Nothing.
"""


def still(name: str) -> Matrix:
    """Return a picture with this name."""
    return Matrix(name, "a mask", (Grid("w", ("0", "1"), ("0", "1"), ((True, False), (True, True))),))


PAST = Curves("past", "sums of the past", "token", "sum", (Line("sum", (1.0, 2.0, 3.0), (3.0, 9.0, 18.0)),))
PICTURES = {
    "01-tools": (PAST, still("still")),
    "02-moving": tuple(still(f"still-{name}") for name in MOVING),
}


def make_course(to: Path) -> Path:
    """Write the course to a new folder."""
    copy_toolbox(to)
    shutil.rmtree(to / "lessons", ignore_errors=True)
    shutil.copytree(ROOT / "lessons" / "moving", to / "lessons" / "moving")
    files = {
        "course.yaml": COURSE,
        "README.md": README,
        "docs/a.md": DOCUMENT,
        "docs/data.schema.json": "{}\n",
        "docs/parts/b.md": INNER,
        "docs/parts/more/inner.json": "[]\n",
        "docs/parts/.hidden/c.md": "# Hidden\n",
        "CHANGELOG.md": "# Changes\n",
        "lessons/glossary.yaml": GLOSSARY,
        "lessons/notation.yaml": NOTATION,
        "lessons/references.yaml": REFERENCES,
        "lessons/opening.md": OPENING,
        "lessons/01-tools/1-masks.md": MASKS,
        "lessons/01-tools/2-more.md": MORE,
        "lessons/01-tools/quiz.yaml": f"# {SECRET}\n",
        "lessons/02-moving/1-figures.md": FIGURES,
    }
    for lesson, pictures in PICTURES.items():
        for picture in pictures:
            files[f"lessons/{lesson}/pictures/{picture.name}.json"] = msgspec.json.encode(picture).decode()
    for path, text in files.items():
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        (to / path).write_text(text, "utf-8")
    return to
