"""The layout of boxes, arrows and labels."""

import pytest

from grader.pictures import Arrow, Box, Boxes
from grader.show.pictures.box_layout import lay_out_boxes
from tests.show.pictures.examples import DECODER, FAN, FLOW, ROUTER, SEQ2SEQ


@pytest.mark.parametrize("picture", [DECODER, FAN, FLOW, ROUTER, SEQ2SEQ], ids=lambda picture: picture.name)
@pytest.mark.parametrize("width", [40, 56, 76])
def test_parts_of_a_layout_do_not_overlap(picture: Boxes, width: int) -> None:
    found = lay_out_boxes(picture, width)
    assert found
    assert found.width <= width
    boxes = [cell for frame in found.frames for cell in frame.cells()]
    labels = [cell for text in found.texts for cell in text.cells() if cell not in boxes]
    assert len(boxes) == len(set(boxes))
    assert len(labels) == len(set(labels))
    assert not set(boxes) & {cell for route in found.routes for cell in route.cells[1:-1]}
    assert all(0 <= x < found.width and 0 <= y < found.height for x, y in [*boxes, *labels])


def test_numbers_replace_labels_if_nothing_else_fits() -> None:
    labels = "a long word", "antidisestablishmentarianism"
    boxes = tuple(Box(label, label, 0, place) for place, label in enumerate(labels))
    found = lay_out_boxes(Boxes("long", "Long", boxes, (Arrow(*labels),)), 20)
    assert found
    assert [text.text for text in found.texts] == ["1", "2"]
    assert found.key == ("1 a long word", "2 antidisestablishmentarianism")


def test_returns_none_if_a_label_never_fits() -> None:
    boxes = Box("a", "a", 0, 0), Box("b", "b", 0, 1)
    assert lay_out_boxes(Boxes("wide", "Wide", boxes, (Arrow("a", "b", "longer than " * 4),)), 20) is None
