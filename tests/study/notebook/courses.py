"""The small course with a lesson of one part that has every kind of block."""

import shutil
from pathlib import Path

import msgspec

from grader.pictures import Grid, Matrix
from tests.paths import copy_toolbox

PICTURE = Matrix("triangle", "who sees <whom>", (Grid("w", ("a", "b"), ("a", "b"), [[True, False], [True, True]]),))
PART = """\
---
title: Sums of the past
---

We want the sum of everything up to here, $y_t = \\sum_{s \\le t} x_s$.

```python
import torch

v = torch.tensor([3.0, 6.0, 9.0])  # (3,)
print(v)
```

```output
tensor([3., 6., 9.])
```

```text
w (T, T) @ v (T,) -> (T,)
```

```python
w = torch.tril(torch.ones(3, 3))
print(w @ v)
```

```question
id: sums-of-the-past
ask: Which of these is the last number?
options: ["9", "18"]
answer: "18"
because: It is the sum of **all three**.
```

```output
tensor([ 3.,  9., 18.])
```

```picture triangle
The triangle of `tril`.
```

::: deep Why a matrix

Because it is *linear*.

```python
print(torch.linalg.matrix_rank(w).item())
```

```output
3
```

:::

```picture triangle
Once more, for all to see.
```

```exercise toolbox
Five tools, the first of which is a product.
```

```lab masks
```
"""


def with_a_lesson(to: Path) -> Path:
    """Copy the small course to a folder, and give its lesson 1 this part only."""
    root = copy_toolbox(to)
    shutil.rmtree(root / "lessons", ignore_errors=True)
    folder = root / "lessons/01-tools"
    (folder / "pictures").mkdir(parents=True)
    (folder / "1-sums.md").write_text(PART, "utf-8")
    (folder / "pictures/triangle.json").write_bytes(msgspec.json.encode(PICTURE))
    return root
