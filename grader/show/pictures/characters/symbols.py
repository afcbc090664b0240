"""The characters of pictures, each one cell wide, and their ASCII replacements."""

FRAMES = "─│┌┐└┘├┤┬┴┼"
HEADS = {(1, 0): "→", (-1, 0): "←", (0, -1): "↑", (0, 1): "↓"}  # by direction, y goes down
FULL, EMPTY, LONG = "█", "·", "═"

IN_ASCII = str.maketrans(FRAMES + "→←↑↓" + FULL + EMPTY + LONG, "-|+++++++++" + "><^v" + "#.=")
