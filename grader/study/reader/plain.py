"""A part all at once: for pipes, and for whoever wants no questions. Answers and deep dives are open."""

from collections.abc import Iterator, Sequence

from grader.course.lesson.model import AnyBlock, Deep, Part, Predict
from grader.study.reader.blocks import Surroundings, answer_lines, drawn, end_lines, title_lines


def plain_lines(part: Part, around: Surroundings) -> list[str]:
    """The lines of a part."""
    return ["", *title_lines(part, around.page), *_blocks(part.blocks, around)]


def _blocks(blocks: Sequence[AnyBlock], around: Surroundings) -> Iterator[str]:
    for block in blocks:
        yield from ("", *drawn(block, around))
        if isinstance(block, Predict):
            yield from ("", *answer_lines(block, "", around.page))
        elif isinstance(block, Deep):
            yield from _blocks(block.blocks, around)
            yield from ("", *end_lines(block, around.page))
