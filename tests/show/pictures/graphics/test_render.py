"""Pictures of every kind as SVG and PNG."""

import io
import re
import sys
from xml.etree import ElementTree

import pytest

from grader.pictures import Heatmap, Picture
from grader.show.pictures.graphics import PNG_DENSITY, NoMatplotlib, png, svg
from tests.show.pictures.examples import CURVES, FLOW, PICTURES, ROOFLINE

pytest.importorskip("matplotlib", reason="pictures need matplotlib, which is not installed")

each_picture = pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)


def texts(drawing: str) -> list[str]:
    """Return the texts of an SVG."""
    return [element.text or "" for element in ElementTree.fromstring(drawing).iter() if element.tag.endswith("text")]


@each_picture
def test_svg_is_one_described_element_as_wide_as_its_container(picture: Picture) -> None:
    root = ElementTree.fromstring(svg(picture))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib["role"] == "img"
    assert "viewBox" in root.attrib
    assert not {"width", "height"} & set(root.attrib)
    title, desc = root[0], root[1]
    assert (title.tag.rpartition("}")[2], title.text) == ("title", picture.title)
    assert desc.tag.rpartition("}")[2] == "desc"
    assert desc.text


@each_picture
def test_standalone_svg_has_a_size(picture: Picture) -> None:
    root = ElementTree.fromstring(svg(picture, alone=True))
    within = ElementTree.fromstring(svg(picture))
    assert f"max-width: {root.attrib['width']}px" in within.attrib["style"]
    assert "style" not in root.attrib
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    assert abs(float(root.attrib["width"]) / float(root.attrib["height"]) - width / height) < 0.02


@each_picture
def test_svg_is_reproducible(picture: Picture) -> None:
    assert svg(picture) == svg(picture)


@each_picture
def test_all_colors_are_variables_with_a_light_and_a_dark_value(picture: Picture) -> None:
    drawing = svg(picture)
    style = re.search("<style>(.*?)</style>", drawing)
    assert style
    assert style[1].count("--picture-ink:") == style[1].count("--picture-series-6:") == 2
    assert "@media (prefers-color-scheme: dark)" in style[1]
    assert "var(--ink, var(--picture-ink))" in drawing
    assert not re.search("#[0-9a-f]{6}", drawing.replace(style[1], ""))


@each_picture
def test_svg_fetches_nothing_and_prefixes_its_ids(picture: Picture) -> None:
    drawing = svg(picture)
    assert re.findall("[a-z]+://[^\"' ]*", drawing) == ["http://www.w3.org/2000/svg"]
    name = f"picture-{picture.name}"
    assert all(each.startswith(name) for each in re.findall(r'\bid="([^"]*)', drawing))
    assert all(each.startswith(name) for each in re.findall(r'(?:url\(|href=")#([^")]*)', drawing))


def test_svg_text_stays_text() -> None:
    assert [text for text in texts(svg(FLOW)) if text] == ["a layer", "x", "norm", "FFN", "+"]
    assert {"A loss", "step", "loss", "one", "two"} <= set(texts(svg(CURVES)))


def test_logarithmic_svg_axis_has_powers_of_ten() -> None:
    assert {"1", "10", "100", "1000"} <= set(texts(svg(ROOFLINE)))


@each_picture
def test_png_has_the_png_signature(picture: Picture) -> None:
    assert png(picture).startswith(b"\x89PNG")


@each_picture
def test_png_is_opaque_and_twice_as_wide_as_the_picture(picture: Picture) -> None:
    from matplotlib.image import imread

    pixels = imread(io.BytesIO(png(picture)))
    width = float(ElementTree.fromstring(svg(picture, alone=True)).attrib["width"])
    assert abs(pixels.shape[1] - PNG_DENSITY * width) <= PNG_DENSITY
    assert (pixels[..., 3] == 1).all()
    assert (pixels[0, 0] == 1).all()


def test_heatmap_of_equal_numbers_is_drawn() -> None:
    same = Heatmap("same", "All the same", ("a",), ("b",), [[2.0]])
    assert "2.00" in texts(svg(same))


@pytest.mark.parametrize("draw", [svg, png])
def test_missing_matplotlib_is_a_usage_error(draw: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NoMatplotlib):
        draw(CURVES)  # type: ignore[operator]
