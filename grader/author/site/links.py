"""Map links between files of the course to links between pages of the site."""

import posixpath
import re
from dataclasses import dataclass

from grader.author.site.model import relative

_ABSOLUTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


@dataclass(frozen=True)
class LinkMap:
    """The URL of each file of the course that has a page, by the file's path."""

    urls: dict[str, str]

    def href(self, target: str, source: str, page: str) -> str | None:
        """Return the URL on `page` for a link to `target` in the file `source`; None if the site has no such page."""
        if _ABSOLUTE.match(target) or target.startswith("#"):
            return target
        path, mark, anchor = target.partition("#")
        url = self.urls.get(posixpath.normpath(posixpath.join(posixpath.dirname(source), path)))
        return relative(url, page) + mark + anchor if url else None

    def href_of_exercise(self, exercise_id: str, page: str) -> str | None:
        """Return the URL on `page` of an exercise's statement; None if there is no such exercise."""
        url = self.urls.get(f"exercises/{exercise_id}/README.md")
        return relative(url, page) if url else None
