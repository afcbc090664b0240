"""Pictures of every kind as SVG and PNG."""

import io
import re
import sys
from xml.etree import ElementTree

import pytest

from grader.pictures import Curves, Heatmap, Line, Picture
from grader.show.pictures.graphics import PNG_DENSITY, NoMatplotlib, png, svg
from grader.show.pictures.graphics.render import NARROW, WIDE
from grader.show.pictures.graphics.shapes import MARGIN
from tests.show.pictures.examples import CURVES, FLOW, HEATMAP, LONG, PICTURES, ROOFLINE

each_picture = pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)


def elements(picture: Picture) -> list[ElementTree.Element]:
    """Return the SVG elements of a picture."""
    return list(ElementTree.fromstring(f"<div>{svg(picture)}</div>"))


def texts(drawing: ElementTree.Element) -> list[str]:
    """Return the texts of an SVG element."""
    return [element.text or "" for element in drawing.iter() if element.tag.endswith("text")]


@each_picture
def test_each_layout_has_a_label_and_the_size_of_its_drawing(picture: Picture) -> None:
    for element in elements(picture):
        assert element.tag == "{http://www.w3.org/2000/svg}svg"
        assert (element.attrib["role"], element.attrib["aria-label"]) == ("img", picture.title)
        width, height = map(float, element.attrib["viewBox"].split()[2:])
        assert abs(float(element.attrib["width"]) - width) <= 0.5
        assert abs(float(element.attrib["height"]) - height) <= 0.5


@each_picture
def test_layouts_fit_wide_and_narrow_columns(picture: Picture) -> None:
    widest = {"wide": WIDE, "narrow": NARROW, "any": NARROW}
    for element in elements(picture):
        assert float(element.attrib["width"]) <= widest[element.attrib["class"]] + 2 * MARGIN + 0.5


def test_line_with_one_point_is_a_square() -> None:
    picture = Curves("dot", "one point", "x", "y", (Line("dot", [1.0], [2.0]), Line("line", [0.0, 2.0], [1.0, 3.0])))
    squares = [path for path in elements(picture)[0].iter() if "h6v6h-6z" in path.attrib.get("d", "")]
    assert len(squares) == 1


def test_picture_that_fits_everywhere_is_drawn_once() -> None:
    assert [element.attrib["class"] for element in elements(HEATMAP)] == ["any"]
    assert [element.attrib["class"] for element in elements(CURVES)] == ["wide", "narrow"]


@each_picture
def test_svg_is_reproducible(picture: Picture) -> None:
    assert svg(picture) == svg(picture)


@each_picture
def test_all_colors_are_variables(picture: Picture) -> None:
    drawn = re.findall(r'(?:fill|stroke)="([^"]*)"', svg(picture))
    assert drawn
    assert all(each == "none" or re.fullmatch(r"var\(--picture-[a-z]+(-\d)?\)", each) for each in drawn)


@each_picture
def test_svg_fetches_nothing_and_has_no_ids(picture: Picture) -> None:
    drawing = svg(picture)
    assert set(re.findall("[a-z]+://[^\"' ]*", drawing)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\bid=|url\(|href=", drawing)


def test_svg_text_stays_text() -> None:
    assert texts(elements(FLOW)[0]) == ["a layer", "x", "norm", "FFN", "+"]
    assert {"A loss", "step", "loss", "one", "two"} <= set(texts(elements(CURVES)[0]))


def test_logarithmic_svg_axis_has_powers_of_ten() -> None:
    assert {"1", "10", "100", "1,000"} <= set(texts(elements(ROOFLINE)[0]))


def test_svg_needs_no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert texts(elements(CURVES)[0])


def test_columns_that_do_not_fit_are_split_into_equal_parts() -> None:
    rows: dict[str, list[int]] = {}
    for text in elements(LONG)[0].iter("{http://www.w3.org/2000/svg}text"):
        if (text.text or "").isdigit():
            rows.setdefault(text.attrib["y"], []).append(int(text.text or ""))
    lengths = [len(row) for row in rows.values()]
    assert sum(lengths) == 60
    assert max(lengths) - min(lengths) <= 1


def test_heatmap_of_equal_numbers_is_drawn() -> None:
    same = Heatmap("same", "All the same", ("a",), ("b",), [[2.0]])
    assert "2.00" in texts(elements(same)[0])


@each_picture
def test_png_is_opaque_and_twice_as_dense_as_the_wide_layout(picture: Picture) -> None:
    image = pytest.importorskip("matplotlib.image", reason="a PNG needs matplotlib, which is not installed")
    pixels = image.imread(io.BytesIO(png(picture)))
    width = float(elements(picture)[0].attrib["width"])
    assert abs(pixels.shape[1] - PNG_DENSITY * width) <= PNG_DENSITY
    assert (pixels[..., 3] == 1).all()
    assert (pixels[0, 0] > 0.95).all()


def test_png_without_matplotlib_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NoMatplotlib):
        png(CURVES)
