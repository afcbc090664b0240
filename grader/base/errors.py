"""Exceptions that the command line shows to a user."""


class UsageError(Exception):
    """Bad input: one sentence that says what is wrong, where, and what to do.

    The command line shows it on stderr and exits with `exit_code`. A traceback, in contrast, means a bug of ours.
    """

    exit_code = 2


class ProcessLost(Exception):
    """A process of the grader ended before its work was done: a fault of the grader or of the machine."""

    exit_code = 3
