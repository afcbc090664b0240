"""grade glossary: what a term means."""

import sys
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

import click

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.cli.screen import COLUMNS, bold, course_root, dim, prose, say, step
from grader.course import Course, load_lessons
from grader.course.glossary import Term, find_terms, glossary_path, load_glossary
from grader.course.lesson.files import part_files
from grader.show.marks import encoding_of, writable

MOST = 12  # terms that are listed for one beginning
INDENT = 4


@click.command("glossary")
@click.argument("term", nargs=-1)
def command(term: tuple[str, ...]) -> None:
    """What TERM means, be it English, Ukrainian, an acronym, or only the beginning; without TERM all terms."""
    course = load_lessons(course_root())
    terms = load_glossary(course.root)
    if not terms:
        raise UsageError(f"This course has no glossary: there are no terms in {shown(glossary_path(course.root))}.")
    if not term:
        _page(_all(course, terms))
        return
    found = find_terms(terms, " ".join(term))
    say(*(_one(course, found[0]) if len(found) == 1 else _several(found)))


def _one(course: Course, term: Term) -> list[str]:
    also = prose("also " + ", ".join(term.also), 2) if term.also else []
    there = not course.released or part_files(course, course.lesson(term.lesson))
    return [
        "",
        f"  {bold(term.term)}",
        *prose(_ukrainian(term), 2),
        *map(dim, also),
        "",
        *prose(term.definition, INDENT),
        "",
        *map(dim, prose(f"Lesson {term.lesson}, {course.lesson(term.lesson).title}", INDENT)),
        "",
        *([step("read", f"grade lesson {term.lesson}")] if there else []),
    ]


def _several(terms: Sequence[Term]) -> list[str]:
    shown = terms[:MOST]
    left = len(terms) - len(shown)
    more = [dim(f"    and {left} more")] if left else []
    return ["", *_table(shown, _widest(shown)), *more, "", step("look up", f"grade glossary {shown[0].term}")]


def _all(course: Course, terms: Sequence[Term]) -> list[str]:
    """The terms by lesson, in the order of the file."""
    lines = [""]
    for lesson in course.lessons:
        of_it = [term for term in terms if term.lesson == lesson.number]
        if of_it:
            lines += [f"  {bold(f'{lesson.number} {lesson.title}')}", *_table(of_it, _widest(terms)), ""]
    return [*lines, step("look up", f"grade glossary {terms[0].term}")]


def _table(terms: Sequence[Term], wide: int) -> list[str]:
    """Two columns: the term, and the term in Ukrainian."""
    lines = []
    for term in terms:
        left = textwrap.wrap(term.term, wide)
        right = textwrap.wrap(_ukrainian(term), COLUMNS - INDENT - wide - 2)
        lines += [f"{'':{INDENT}}{a:<{wide}}  {b}" for a, b in zip_longest(left, right, fillvalue="")]
    return lines


def _widest(terms: Sequence[Term]) -> int:
    return min(max(len(term.term) for term in terms), COLUMNS // 2)


def _ukrainian(term: Term) -> str:
    """The term in Ukrainian, or nothing where the terminal has no Cyrillic: escapes cannot be read."""
    uk = writable(term.uk or "", encoding_of(sys.stdout))
    return "" if "\\u" in uk else uk


def _page(lines: Sequence[str]) -> None:
    """Shows lines in a pager where there is a terminal."""
    if not sys.stdout.isatty():
        say(*lines)
        return
    color = click.get_current_context().find_root().color
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    click.echo_via_pager(writable(text, encoding_of(sys.stdout)), color)
