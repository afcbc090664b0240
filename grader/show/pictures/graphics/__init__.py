"""Pictures as SVG, for a page or a notebook, and as PNG, for the folder of a lab. Both need matplotlib.

render            any picture as SVG or PNG; each kind has a module of its own
shapes            rectangles, lines and texts in points, and how matplotlib draws them
colors            the palettes, and CSS variables for them
matplotlib_svg    adapts matplotlib's SVG for a page
"""

from grader.show.pictures.graphics.matplotlib_svg import NoMatplotlib
from grader.show.pictures.graphics.render import PNG_DENSITY, png, svg

__all__ = ["PNG_DENSITY", "NoMatplotlib", "png", "svg"]
