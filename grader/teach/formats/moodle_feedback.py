"""moodle-feedback.zip: the students' feedback pages for Moodle's "Upload multiple feedback files in a zip".

Moodle identifies students by names such as `Ada Lovelace_657693_assignsubmission_file_feedback.html`. The number is the
participant's, as in Moodle's zip of submissions and in its worksheet, and the next part is the plugin's name.
"""

import re
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.files import shown, write_bytes, zipped
from grader.base.text import clean_line
from grader.teach.formats.feedback import PAGE_NAME, pages
from grader.teach.formats.files import join_names, print_note
from grader.teach.formats.matching import RowMatcher
from grader.teach.formats.moodle import participant_of, read_worksheet
from grader.teach.gradebook.model import Book

NAME = "moodle-feedback.zip"
_PLUGIN = "assignsubmission_file"
_SEPARATORS = re.compile(r"[_/\\\s]+")  # in a student's name; Moodle splits file names at the first underscores


def write_moodle_feedback(book: Book, out: Path, template: Path | None) -> list[Path]:
    """Write moodle-feedback.zip. With the worksheet as `template`, students are found in it by their e-mail addresses.

    Raises UsageError if the participants' numbers are unknown, if the worksheet is invalid, or if writing fails.
    """
    numbers = _participant_numbers(book, template)
    files = {}
    missing = []
    for student, html in pages(book):
        number = numbers.get(student.id)
        if number is None:
            missing.append(clean_line(student.name or student.id))
            continue
        name = _SEPARATORS.sub(" ", clean_line(student.name or "")).strip(" .~") or "Participant"
        files[f"{name}_{number}_{_PLUGIN}_{PAGE_NAME}"] = html.encode()
    if missing:
        print_note(
            f"{len(missing)} students are left out because their number in Moodle is unknown: {join_names(missing)}."
        )
    return [write_bytes(out / NAME, zipped(files))]


def _participant_numbers(book: Book, template: Path | None) -> dict[str, str]:
    """Return the participants' numbers by student id."""
    if template is None:
        if "moodle" not in book.run.layout:
            raise UsageError(
                "The numbers of Moodle's participants are unknown, since the submissions did not come from Moodle; "
                "name the worksheet of the assignment: --format moodle-feedback=FILE.csv."
            )
        return {student.id: student.id for student in book.students if student.id.isdigit()}
    sheet = read_worksheet(template)
    matcher = RowMatcher(shown(template), ((row.line, sheet.identifiers(row)) for row in sheet.rows))
    rows = {row.line: row for row in sheet.rows}
    found: dict[str, str] = {}
    for student in book.students:
        line = matcher.find(student, participant_of(student, book))
        if line is not None:
            found[student.id] = sheet.participant(rows[line])
    return found
