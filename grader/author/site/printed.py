"""Lay out a lesson for paper: one page with everything open, and the answers at its end."""

from collections.abc import Sequence

from grader.author.site.blocks import BlockWriter, PrintedAnswer
from grader.author.site.citations import CitationMarker
from grader.author.site.links import LinkMap
from grader.author.site.markdown import HtmlWriter, plain
from grader.author.site.template import render
from grader.author.site.terms import TermFinder, TermMarker
from grader.course.lesson.model import Part
from grader.course.lesson.references import cited_in, load_references
from grader.course.model import Course, Lesson

FOLDER = "print"  # of the pages, beside `assets`


def printed_lesson(course: Course, lesson: Lesson, parts: Sequence[Part]) -> str:
    """Return a lesson as one HTML page, in which links within the course are plain words.

    Raises UsageError if the lesson is invalid.
    """
    url = f"{FOLDER}/{lesson.folder_name}.html"
    answers: list[PrintedAnswer] = []
    bodies = []
    for part in parts:
        writer = HtmlWriter(url, part.path, LinkMap({}), TermMarker(TermFinder(()), url), CitationMarker({}))
        body = BlockWriter(course, part, writer, answers=answers).write(part.blocks)
        bodies.append((part, plain(part.title), body))
    cited = cited_in(parts, load_references(course.root))
    return render("printed.html", course=course, lesson=lesson, parts=bodies, answers=answers, cited=cited, page=url)
