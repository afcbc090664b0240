"""Pictures drawn with characters, for a terminal.

draw       draws any picture; each kind has a module of its own
blocks     lines side by side, and labels that are too long for their place
symbols    the characters used, and their ASCII replacements
"""

from grader.show.pictures.characters.draw import draw_picture

__all__ = ["draw_picture"]
