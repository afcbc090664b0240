"""Map links between files of the course to links between pages of the site."""

import posixpath
import re
from dataclasses import dataclass, field

from grader.author.site.model import relative

_ABSOLUTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


@dataclass(frozen=True)
class LinkMap:
    """The URL of each file of the course that has a page, by the file's path, and titles for tips."""

    urls: dict[str, str]
    titles: dict[str, str] = field(default_factory=dict)  # of parts and lessons, by the path of their file or folder

    def href(self, target: str, source: str, page: str) -> str | None:
        """Return the URL on `page` for a link to `target` in the file `source`; None if the site has no such page."""
        if _ABSOLUTE.match(target) or target.startswith("#"):
            return target
        _, mark, anchor = target.partition("#")
        url = self.urls.get(_path(target, source))
        return relative(url, page) + mark + anchor if url else None

    def title(self, target: str, source: str) -> str | None:
        """Return the title of the part or lesson to which `target` links in the file `source`; None for others."""
        return self.titles.get(_path(target, source))

    def href_of_exercise(self, exercise_id: str, page: str) -> str | None:
        """Return the URL on `page` of an exercise's statement; None if there is no such exercise."""
        url = self.urls.get(f"exercises/{exercise_id}/README.md")
        return relative(url, page) if url else None


def _path(target: str, source: str) -> str:
    """Return the path of a file from the course's folder that is the target of a link in the file `source`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target.partition("#")[0]))
