"""Pictures as graphics: SVG for a page and a notebook, PNG for the folder of a lab. Both need matplotlib.

render     any picture as SVG or PNG
inline     what matplotlib writes, made fit to stand in a page with others
palette       the colours: those of a page by their names, those of a PNG
graphic      lines, rectangles and words in points, and how matplotlib draws them
cells      grids and heatmaps; the other modules are named for what they draw
"""

from grader.show.pictures.graphics.matplotlib_svg import NoMatplotlib
from grader.show.pictures.graphics.render import png, svg

__all__ = ["NoMatplotlib", "png", "svg"]
