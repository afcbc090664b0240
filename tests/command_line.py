"""The command `grade`, run in this process, and as a process that says what it imports."""

import sys
from collections.abc import Sequence
from typing import Any

from click.testing import CliRunner, Result

from grader.cli import grade


def run(*words: str, **options: Any) -> Result:
    """Run `grade` with these words. `options` are those of click's runner, such as `input`."""
    return CliRunner().invoke(grade, list(words), prog_name="grade", **options)


def error(*words: str) -> str:
    """Return the one line that a command with bad input writes."""
    done = run(*words)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("error: ").rstrip("\n")


def telling_imports(words: Sequence[str], heavy: set[str]) -> list[str]:
    """Return a command line that runs `grade`, and lists on stderr the heavy modules that were imported.

    The last line is `loaded []` where there were none.
    """
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('loaded', sorted({heavy} & sys.modules.keys()), file=sys.stderr))\n"
        "from grader.cli import grade\n"
        f"grade.main({list(words)}, prog_name='grade')\n"
    )
    return [sys.executable, "-c", code]
