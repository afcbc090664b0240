"""moodle-feedback.zip: the students' pages as Moodle takes them back: "Upload multiple feedback files in a zip".

Moodle goes by the names, `Ada Lovelace_657693_assignsubmission_file_feedback.html`: the number is the participant's, as
in its own zip of submissions and in its worksheet; the words after it name the plugin that such a zip came from.
"""

import re
from pathlib import Path

from grader.base.errors import UsageError
from grader.base.files import shown, write_bytes, zipped
from grader.base.text import clean_line
from grader.teach.formats.feedback import PAGE_NAME, pages
from grader.teach.formats.files import remark, several
from grader.teach.formats.matching import Roll
from grader.teach.formats.moodle import participant_of, read_worksheet
from grader.teach.gradebook.model import Book

NAME = "moodle-feedback.zip"
_PLUGIN = "assignsubmission_file"
_SEPARATORS = re.compile(r"[_/\\\s]+")  # in a name; Moodle parts at the first underscores


def write_moodle_feedback(book: Book, out: Path, template: Path | None) -> list[Path]:
    """Writes moodle-feedback.zip. With the worksheet as `template` students are found in it by their e-mail addresses.

    UsageError where the participants' numbers are not known, and for what `read_worksheet` and `write_bytes` say.
    """
    numbers = _numbers(book, template)
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
        remark(f"of {len(missing)} students the number in Moodle is not known; they are left out: {several(missing)}.")
    return [write_bytes(out / NAME, zipped(files))]


def _numbers(book: Book, template: Path | None) -> dict[str, str]:
    """The participants' numbers, by the students' ids."""
    if template is None:
        if "moodle" not in book.run.layout:
            raise UsageError(
                "The numbers of Moodle's participants are not known, since the submissions did not come from Moodle; "
                "name the worksheet of the assignment: --format moodle-feedback=FILE.csv."
            )
        return {student.id: student.id for student in book.students if student.id.isdigit()}
    sheet = read_worksheet(template)
    roll = Roll(shown(template), ((row.line, sheet.keys(row)) for row in sheet.rows))
    rows = {row.line: row for row in sheet.rows}
    found: dict[str, str] = {}
    for student in book.students:
        line = roll.find(student, participant_of(student, book))
        if line is not None:
            found[student.id] = sheet.number(rows[line])
    return found
