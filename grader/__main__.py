"""The first step of the command `grade`: until it can end in a sentence, Ctrl-C ends it in silence."""

import signal
from typing import NoReturn


def main() -> NoReturn:
    """The entry point."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is to be ignored, in the background
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from grader.cli import main as command

    command()
