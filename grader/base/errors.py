"""Exceptions that the command line reports to the user."""


class UsageError(Exception):
    """Bad input: one sentence that says what is wrong, where, and what to do.

    The command line prints it on stderr and exits with `exit_code`. A traceback, in contrast, is a bug in the grader.
    """

    exit_code = 2


class ProcessLost(Exception):
    """A process of the grader ended before its work was done: a fault of the grader or the machine."""

    exit_code = 3
