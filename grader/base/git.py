"""Run git on the objects of a repository without its configuration, which could name programs to run."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_SECONDS = 10  # timeout of one command


@contextmanager
def isolated_repository(repository: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield an empty repository and an environment in which git reads only the objects of `repository`.

    Args:
        repository: The .git folder of a checkout. Its references, such as HEAD, are unknown to git; commit ids are not.
    """
    with TemporaryDirectory() as empty:
        Path(empty, "HEAD").write_text("ref: refs/heads/main\n")  # git requires these three
        Path(empty, "objects").mkdir()
        Path(empty, "refs").mkdir()
        yield (
            empty,
            {
                "PATH": os.environ.get("PATH", os.defpath),
                "GIT_DIR": empty,
                "GIT_OBJECT_DIRECTORY": str(repository.absolute() / "objects"),
                "GIT_SHALLOW_FILE": str(repository.absolute() / "shallow"),  # where a shallow history ends
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_LITERAL_PATHSPECS": "1",
                "GIT_NO_LAZY_FETCH": "1",
                "GIT_NO_REPLACE_OBJECTS": "1",
                "GIT_OPTIONAL_LOCKS": "0",
            },
        )


def git_output(repository: Path, *arguments: str) -> bytes:
    """Return the stdout of git in an `isolated_repository`, or b"" on failure or timeout."""
    with isolated_repository(repository) as (empty, environment):
        try:
            done = subprocess.run(
                ["git", *arguments],
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
