"""Pictures of lessons as SVG."""

from html import escape

from grader.picture import Picture


def svg(picture: Picture) -> str:
    """A picture as the text of an SVG file. Only its title is drawn."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 40" width="480" height="40">'
        f'<text x="8" y="25" font-family="sans-serif" font-size="14" fill="#777">{escape(picture.title)}</text></svg>\n'
    )
