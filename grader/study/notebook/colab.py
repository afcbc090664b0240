"""Where a notebook is on GitHub, so that a badge opens it in Colab and a cell installs the course there."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from grader.base.errors import UsageError

_ADDRESS = re.compile(
    r"https://github\.com/(?P<owner>[\w-]+)/(?P<name>[\w.-]+?)(?:\.git)?(?:/tree/(?P<branch>[\w.-]+(?:/[\w.-]+)*))?/?",
    re.ASCII,
)
_BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
_DEFAULT_BRANCH = "main"


@dataclass(frozen=True)
class GitHubFile:
    """A file in a GitHub repository that contains the course."""

    owner: str
    name: str
    branch: str
    path: str

    @property
    def badge(self) -> str:
        """Markdown of a badge that opens the file in Colab."""
        url = f"https://colab.research.google.com/github/{self.owner}/{self.name}/blob/{self.branch}/{self.path}"
        return f"[![Open in Colab]({_BADGE})]({url})"

    @property
    def installation(self) -> str:
        """Code of a cell that gets and installs the course in Colab, and does nothing elsewhere."""
        return f"""\
import sys

if "google.colab" in sys.modules:  # elsewhere the course is already installed
    !git clone --quiet --branch {self.branch} https://github.com/{self.owner}/{self.name} course
    %cd course
    %pip install --quiet ."""


def locate_on_github(address: str, file: Path, root: Path) -> GitHubFile:
    """Return the place of a file of the course at `root` in the repository with this address.

    The address is `https://github.com/OWNER/REPO`, for the branch main, or `https://github.com/OWNER/REPO/tree/BRANCH`.
    Raise UsageError if it is not, or if the file is not in the course's folder.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise UsageError(
            f"'{address}' is not the address of a GitHub repository; give one such as https://github.com/OWNER/REPO."
        )
    place = file.resolve()
    if not place.is_relative_to(root.resolve()):
        raise UsageError(f"{file} is not in the course's folder, {root}; with --repository it has to be.")
    path = place.relative_to(root.resolve()).as_posix()
    return GitHubFile(match["owner"], match["name"], match["branch"] or _DEFAULT_BRANCH, quote(path))
