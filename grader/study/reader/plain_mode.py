"""Renders a whole part at once, with answers and deep dives open: for pipes and `--plain`."""

from collections.abc import Iterator, Sequence

from grader.course.lesson.model import AnyBlock, Deep, Part, Predict
from grader.study.reader.blocks import RenderContext, answer_lines, block_lines, end_lines, title_lines


def plain_lines(part: Part, context: RenderContext) -> list[str]:
    """Return the lines of a part."""
    return ["", *title_lines(part, context.page), *_blocks(part.blocks, context)]


def _blocks(blocks: Sequence[AnyBlock], context: RenderContext) -> Iterator[str]:
    for block in blocks:
        yield from ("", *block_lines(block, context))
        if isinstance(block, Predict):
            yield from ("", *answer_lines(block, "", context.page))
        elif isinstance(block, Deep):
            yield from _blocks(block.blocks, context)
            yield from ("", *end_lines(block, context.page))
