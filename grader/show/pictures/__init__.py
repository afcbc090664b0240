"""Drawings of the pictures in `grader.pictures`: as lines of text, as SVG, and as PNG.

characters    draws with characters, for a terminal
graphics      draws SVG and PNG
box_layout    places boxes, arrows and labels for both; `arrow_routes` and `arrow_labels` do its steps
grids         the texts in the cells of matrices and heatmaps
axes          the ranges of axes, and the numbers along them
values        what a picture shows as tables, for those who do not see it
"""
