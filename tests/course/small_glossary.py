"""A small course with a glossary."""

from pathlib import Path

from grader.course.glossary import glossary_path

COURSE = """\
title: Small
lessons:
  - {number: 3, slug: mixture-of-experts, title: Mixture of experts, short: experts}
  - {number: 6, slug: attention, title: Attention, short: attention}
"""
GLOSSARY = """\
- term: expert
  uk: експерт
  lesson: 3
  definition: One of the parallel networks of a layer.
- term: mixture of experts
  also: [MoE]
  uk: суміш експертів (MoE)
  lesson: 3
  definition: A layer of parallel networks of which each token uses a few.
- term: top-k routing
  uk: маршрутизація top-k
  lesson: 3
  definition: Sending a token to the best networks.
- term: residual connection
  uk: залишкове з’єднання
  lesson: 6
  definition: Adding a layer's input to its output.
- term: multi-head attention
  also: [MHA]
  uk: багатоголова увага (MHA)
  lesson: 6
  definition: Several attentions side by side.
- term: multi-query attention
  also: [MQA]
  lesson: 6
  definition: Attention with a single head of keys and values.
"""


def write(root: Path, glossary: str) -> None:
    """Write the glossary of the course."""
    path = glossary_path(root)
    path.parent.mkdir(exist_ok=True)
    path.write_text(glossary, encoding="utf-8")


def make(root: Path) -> None:
    """Make the course."""
    (root / "course.yaml").write_text(COURSE)
    write(root, GLOSSARY)
