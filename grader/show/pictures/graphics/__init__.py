"""Pictures as SVG, for a page, and as PNG, for a notebook or the folder of a lab. Only a PNG needs matplotlib.

render    any picture as SVG or PNG; each kind has a module of its own, which lays it out for a given width
shapes    rectangles, lines and texts
colors    the light and the dark palette
vector    shapes as SVG
pixels    shapes as PNG
"""

from grader.show.pictures.graphics.pixels import PNG_DENSITY, NoMatplotlib
from grader.show.pictures.graphics.render import png, svg

__all__ = ["PNG_DENSITY", "NoMatplotlib", "png", "svg"]
