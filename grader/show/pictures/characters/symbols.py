"""The characters of pictures, each one cell wide, and their ASCII replacements."""

from string import ascii_uppercase

FRAMES = "─│┌┐└┘├┤┬┴┼"
HEADS = {(1, 0): "→", (-1, 0): "←", (0, -1): "↑", (0, 1): "↓"}  # by direction, y goes down
FULL, EMPTY, LONG = "█", "·", "═"

IN_ASCII = str.maketrans(FRAMES + "→←↑↓" + FULL + EMPTY + LONG, "-|+++++++++" + "><^v" + "#.=")


def letter(place: int) -> str:
    """Return the letter that stands for the label at this place of a legend."""
    return ascii_uppercase[place % len(ascii_uppercase)]
