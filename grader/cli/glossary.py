"""grade glossary: look up a term."""

import sys
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

import click

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.names import TermName
from grader.cli.screen import COLUMNS, bold, course_root, dim, prose, say, step
from grader.course import Course, Lesson, load_lessons
from grader.course.glossary import Term, find_terms, glossary_path, load_glossary
from grader.course.lesson.files import PartFile, part_files, part_title
from grader.show.symbols import stream_encoding, writable

MOST = 12  # terms that are listed for one prefix
INDENT = 4


@click.command("glossary")
@click.argument("term", nargs=-1, type=TermName())
def command(term: tuple[str, ...]) -> None:
    """Show what TERM means; without TERM, list all terms.

    TERM can be English, Ukrainian, an acronym, or the beginning of a term.
    """
    course = load_lessons(course_root())
    terms = load_glossary(course.root)
    if not terms:
        raise UsageError(f"This course has no glossary: there are no terms in {shown(glossary_path(course.root))}.")
    if not term:
        _show_in_pager(_lines_of_all(course, terms))
        return
    found = find_terms(terms, " ".join(term))
    say(*(_lines_of_term(course, found[0], terms) if len(found) == 1 else _lines_of_several(found)))


def _lines_of_term(course: Course, term: Term, terms: Sequence[Term]) -> list[str]:
    also = prose("also " + ", ".join(term.also), 2) if term.also else []
    lesson = course.lesson(term.lesson)
    is_lesson_available = not course.released or part_files(course, lesson)
    part = _explaining_part(course, lesson, term, terms)
    place = f"{part.name} {part_title(part)}, in lesson" if part else "Lesson"
    return [
        "",
        f"  {bold(term.term)}",
        *prose(_ukrainian(term), 2),
        *map(dim, also),
        "",
        *prose(term.definition, INDENT),
        "",
        *map(dim, prose(f"{place} {lesson.number}, {lesson.title}", INDENT)),
        "",
        *([step("read", f"grade lesson {part.name if part else lesson.number}")] if is_lesson_available else []),
    ]


def _explaining_part(course: Course, lesson: Lesson, term: Term, terms: Sequence[Term]) -> PartFile | None:
    """Return the part of a lesson that uses a term first, which is where it is explained."""
    from grader.course.lesson.load import load_part
    from grader.course.lesson.terms import TermIndex, first_uses

    names = TermIndex(terms)
    return next(
        (each for each in part_files(course, lesson) if term in first_uses([load_part(course.root, each)], names)), None
    )


def _lines_of_several(terms: Sequence[Term]) -> list[str]:
    shown = terms[:MOST]
    left = len(terms) - len(shown)
    more = [dim(f"    and {left} more")] if left else []
    return ["", *_table(shown, _column_width(shown)), *more, "", step("look up", f"grade glossary {shown[0].term}")]


def _lines_of_all(course: Course, terms: Sequence[Term]) -> list[str]:
    """Return the terms grouped by lesson, in the order of the file."""
    lines = [""]
    for lesson in course.lessons:
        its_terms = [term for term in terms if term.lesson == lesson.number]
        if its_terms:
            lines += [f"  {bold(f'{lesson.number} {lesson.title}')}", *_table(its_terms, _column_width(terms)), ""]
    return [*lines, step("look up", f"grade glossary {terms[0].term}")]


def _table(terms: Sequence[Term], width: int) -> list[str]:
    """Return two columns, English and Ukrainian; the first one has this width."""
    lines = []
    for term in terms:
        left = textwrap.wrap(term.term, width)
        right = textwrap.wrap(_ukrainian(term), COLUMNS - INDENT - width - 2)
        lines += [f"{'':{INDENT}}{a:<{width}}  {b}" for a, b in zip_longest(left, right, fillvalue="")]
    return lines


def _column_width(terms: Sequence[Term]) -> int:
    return min(max(len(term.term) for term in terms), COLUMNS // 2)


def _ukrainian(term: Term) -> str:
    """Return the term in Ukrainian; empty if the stream cannot encode Cyrillic, since escapes are unreadable."""
    uk = writable(term.uk or "", stream_encoding(sys.stdout))
    return "" if "\\u" in uk else uk


def _show_in_pager(lines: Sequence[str]) -> None:
    """Print lines, in a pager if standard output is a terminal."""
    if not sys.stdout.isatty():
        say(*lines)
        return
    color = click.get_current_context().find_root().color
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    click.echo_via_pager(writable(text, stream_encoding(sys.stdout)), color)
