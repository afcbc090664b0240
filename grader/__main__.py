"""The entry point of the command `grade`, in which Ctrl-C exits silently while modules are imported."""

import signal
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a background process ignores it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from grader.cli import main as command

    command()
