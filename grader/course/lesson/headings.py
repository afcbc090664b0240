"""The sections of Markdown files, by their headings."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from grader.base.errors import UsageError
from grader.base.files import read_text
from grader.base.text import did_you_mean
from grader.course.lesson.files import numbered_files
from grader.course.lesson.markdown import parser

_FRONT_MATTER = re.compile(r"---\n.*?\n---\n", re.DOTALL)


class Section(msgspec.Struct, frozen=True):
    """A heading and the text below it, subsections included."""

    title: str
    level: int  # from 1
    text: str  # Markdown, from the heading on


def sections(text: str) -> tuple[Section, ...]:
    """Return the sections of a Markdown text in order, without those of its front matter."""
    body = text[front.end() :] if (front := _FRONT_MATTER.match(text)) else text
    lines = body.split("\n")
    tokens = parser().parse(body)
    starts = [
        (heading.map[0], int(heading.tag[1:]), inline.content)
        for heading, inline in pairwise(tokens)
        if heading.type == "heading_open" and heading.map
    ]
    found = []
    for place, (start, level, title) in enumerate(starts, start=1):
        end = next((line for line, other, _ in starts[place:] if other <= level), len(lines))
        found.append(Section(title, level, "\n".join(lines[start:end]).strip() + "\n"))
    return tuple(found)


def lesson_sections(folder: Path) -> list[Section] | None:
    """Return the sections of all parts of the lesson in a folder, or None if it has no part."""
    files = numbered_files(folder)
    return [section for _, _, path in files for section in sections(read_text(path))] if files else None


def find_section(among: Sequence[Section], name: str) -> Section:
    """Return the first section whose title is `name`, else starts with it, else contains it; case is ignored.

    Raise UsageError if there is none.
    """
    wanted = " ".join(name.lower().split())
    for matches in (str.__eq__, str.startswith, str.__contains__):
        for section in among:
            if wanted and matches(section.title.lower(), wanted):
                return section
    near = did_you_mean(wanted, [section.title.lower() for section in among])
    headings = ", ".join(section.title for section in among)
    raise UsageError(f"the lesson has no section '{name}'.{near or f' It has: {headings}.'}")
