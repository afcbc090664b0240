"""Mark links to what the lessons cite: each shows the authors, the year and the title."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from grader.course.lesson.references import Reference, without_fragment


@dataclass
class CitationMarker:
    """Marks the citations of one page."""

    references: Mapping[str, Reference]  # by link
    marked: int = 0

    def mark(self, target: str) -> tuple[str, str] | None:
        """Return attributes of a link and the HTML that follows it, or None if its target has no reference."""
        reference = self.references.get(without_fragment(target))
        if reference is None:
            return None
        self.marked += 1
        anchor = f"cited-{self.marked}"
        year = f" ({reference.year})" if reference.year else ""
        return (
            f' class="cited" aria-describedby="{anchor}"',
            f'<span class="definition" role="tooltip" id="{anchor}">'
            f"<b>{escape(reference.title, quote=False)}</b> {escape(reference.authors, quote=False)}{year}</span>",
        )
