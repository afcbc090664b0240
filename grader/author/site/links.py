"""Where the links of the course's files lead on the site."""

import posixpath
import re
from dataclasses import dataclass

from grader.author.site.model import relative

_ELSEWHERE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


@dataclass(frozen=True)
class Links:
    """What stands where: `places` has the URL of each file of the course that has a page, by its path."""

    places: dict[str, str]

    def href(self, target: str, source: str, page: str) -> str | None:
        """What a link to `target` in the file `source` becomes on a page; None: the site has no such page."""
        if _ELSEWHERE.match(target) or target.startswith("#"):
            return target
        path, mark, anchor = target.partition("#")
        url = self.places.get(posixpath.normpath(posixpath.join(posixpath.dirname(source), path)))
        return relative(url, page) + mark + anchor if url else None

    def to_exercise(self, exercise_id: str, page: str) -> str | None:
        """A link to the statement of an exercise; None where there is no such exercise."""
        url = self.places.get(f"exercises/{exercise_id}/README.md")
        return relative(url, page) if url else None
