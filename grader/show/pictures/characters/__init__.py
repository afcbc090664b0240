"""Pictures drawn with characters, on a terminal and in lines of text.

draw       any picture as lines; says what each kind of it looks like, one module for each
block      lines side by side, labels that are too long, and what stands for them
symbols    what we draw with, and the same in ASCII
"""

from grader.show.pictures.characters.draw import draw_picture

__all__ = ["draw_picture"]
