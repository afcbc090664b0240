"""Draw docs/first-screen.svg: the first screen that a student gets for a wrong router.

python docs/first_screen.py
python docs/first_screen.py --check    exit with 1 if the picture is out of date, times aside
"""

import argparse
import io
import os
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text
from terminal import screen

PICTURE = Path(__file__).with_name("first-screen.svg")
COMMAND = "grade exercise moe_router --file docs/demo/wrong.py"
COLUMNS, ROWS = 80, 40
TIME = re.compile(r"in&#160;[\d.]+&#160;s")
# rich's own frame, without the fonts that it would fetch from the network
FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" class="rich-terminal" viewBox="0 0 {width} {height}"
     role="img" aria-label="Screen of COMMAND: LABEL">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "Fira Code", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
{styles}
</style>
<defs>
{lines}
</defs>
<rect width="{width}" height="{height}" rx="8" fill="#191919"/>
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    """Write the picture, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    drawn = picture(printed())
    if not parser.parse_args().check:
        PICTURE.write_text(drawn, "utf-8")
    elif TIME.sub("", PICTURE.read_text("utf-8")) != TIME.sub("", drawn):
        sys.exit("docs/first-screen.svg is out of date; python docs/first_screen.py draws it.")


def printed() -> str:
    """Return the command and its screen, with the escape sequences for colors."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"PATH": path, "TERM": "xterm", "LC_ALL": "C.UTF-8", "ARCHGRADE_WARM": "0"}
    return f"$ {COMMAND}\n" + screen(COMMAND.split(), cwd=PICTURE.parents[1], env=env, rows=ROWS, columns=COLUMNS)


def picture(shown: str, command: str = COMMAND, label: str = "which test fails, why, and what differs") -> str:
    """Return the screen of a command as SVG, labelled for those who cannot see it."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(shown))
    frame = FRAME.replace("COMMAND", command.partition(" --")[0]).replace("LABEL", label)
    return console.export_svg(title=command, theme=DIMMED_MONOKAI, code_format=frame, unique_id="screen")


if __name__ == "__main__":
    main()
