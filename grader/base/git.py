"""git on the objects of a repository, and on nothing else of it: its configuration could name programs to run."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_SECONDS = 10  # for one question


@contextmanager
def isolated_repository(repository: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield an empty repository and the environment in which git reads only the objects of another one.

    `repository` is what a checkout has as .git. References of it, such as HEAD, are not known, but ids of commits are.
    """
    with TemporaryDirectory() as empty:
        Path(empty, "HEAD").write_text("ref: refs/heads/main\n")  # these three make it a repository
        Path(empty, "objects").mkdir()
        Path(empty, "refs").mkdir()
        yield (
            empty,
            {
                "PATH": os.environ.get("PATH", os.defpath),
                "GIT_DIR": empty,
                "GIT_OBJECT_DIRECTORY": str(repository.absolute() / "objects"),
                "GIT_SHALLOW_FILE": str(repository.absolute() / "shallow"),  # where a history ends that was cut off
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_LITERAL_PATHSPECS": "1",
                "GIT_NO_LAZY_FETCH": "1",
                "GIT_NO_REPLACE_OBJECTS": "1",
                "GIT_OPTIONAL_LOCKS": "0",
            },
        )


def git_output(repository: Path, *words: str) -> bytes:
    """Return what git prints about a repository (see `isolated`), or nothing if it fails or takes too long."""
    with isolated_repository(repository) as (empty, environment):
        try:
            done = subprocess.run(
                ["git", *words],
                env=environment,
                cwd=empty,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return b""
    return done.stdout if done.returncode == 0 else b""
