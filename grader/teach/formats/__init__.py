"""The formats in which a gradebook is exported: for learning platforms, CI, programs and people.

A format's module is imported when it is used.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.base.text import did_you_mean
from grader.teach.formats.view import restrict_to_item
from grader.teach.gradebook.model import Book

__all__ = ["FORMATS", "FormatChoice", "GradebookFormat", "parse_format", "parse_formats", "write"]


@dataclass(frozen=True)
class GradebookFormat:
    """An export format.

    Its module has a function `write_<module>` that takes a gradebook, a folder and, if the format has one, a template.
    """

    name: str
    description: str
    module: str
    template: str | None = None  # description of the file that can be filled in
    needs_template: bool = False

    @property
    def writer(self) -> Callable[..., list[Path]]:
        """The function that writes a gradebook in this format and returns the paths of the files."""
        module: Any = import_module(f"grader.teach.formats.{self.module}")
        writer: Callable[..., list[Path]] = getattr(module, f"write_{self.module}")
        return writer


FORMATS = {
    each.name: each
    for each in (
        GradebookFormat("json", "All data, for programs: results.json", "results_json"),
        GradebookFormat("csv", "Points as tables: grades.csv and grades-long.csv", "grades_csv"),
        GradebookFormat("canvas", "Canvas's gradebook: canvas.csv", "canvas", template="Canvas's own export"),
        GradebookFormat(
            "moodle",
            "Moodle's grading worksheet, filled in: moodle.csv",
            "moodle",
            template="the worksheet that Moodle gave you",
            needs_template=True,
        ),
        GradebookFormat(
            "moodle-feedback",
            "Feedback for Moodle's upload of files: moodle-feedback.zip",
            "moodle_feedback",
            template="the worksheet that Moodle gave you",
        ),
        GradebookFormat("mail", "A mail merge table, one row per student: mail.csv", "mail"),
        GradebookFormat("junit", "JUnit XML, for GitLab, Jenkins and others: junit.xml", "junit"),
        GradebookFormat("gradescope", "Gradescope's results.json of each student", "gradescope"),
        GradebookFormat("classroom50", "Classroom 50's result.json of each student", "classroom50"),
        GradebookFormat("prairielearn", "PrairieLearn's results.json of each student", "prairielearn"),
        GradebookFormat("github", "Summary, annotations and outputs of a job of GitHub Actions", "github"),
        GradebookFormat("feedback", "A page for each student", "feedback"),
        GradebookFormat("html", "The instructor's report, and a page for each student's work", "html"),
    )
}


@dataclass(frozen=True)
class FormatChoice:
    """A format as chosen on the command line, such as `moodle:moe_router=worksheet.csv`."""

    format: GradebookFormat
    item: str | None = None  # export only this exercise or quiz, into a folder named after it
    template: Path | None = None

    def write(self, book: Book, out: Path) -> list[Path]:
        """Write a gradebook into the folder `out`, which may be missing, and return the paths of the files.

        Raises UsageError if the item is unknown, if the template cannot be used, or if a file cannot be written.
        """
        if self.item is not None:
            book, out = restrict_to_item(book, self.item), out / self.item
        if self.format.template is None:
            return self.format.writer(book, out)
        return self.format.writer(book, out, self.template)


def parse_format(text: str) -> FormatChoice:
    """Parse the argument `NAME[:ITEM][=FILE]` of --format.

    Raises UsageError if the format is unknown, if FILE is missing, or if the format takes no file.
    """
    name, equals, file = text.partition("=")
    return _choose(name, Path(file) if equals else None)


def parse_formats(texts: Iterable[str]) -> list[FormatChoice]:
    """Parse the arguments of several --format, and sort them so that pages are written before those that link to them.

    Raises UsageError as `parse_format` does.
    """
    order = list(FORMATS)
    return sorted(map(parse_format, texts), key=lambda each: order.index(each.format.name))


def write(name: str, book: Book, out: Path, template: Path | None = None) -> list[Path]:
    """Write a gradebook in the format `NAME[:ITEM]`, as `parse_format` and `FormatChoice.write` do."""
    return _choose(name, template).write(book, out)


def _choose(name: str, template: Path | None) -> FormatChoice:
    format_name, colon, item = name.partition(":")
    found = FORMATS.get(format_name)
    if found is None:
        hint = did_you_mean(format_name, FORMATS) or f" The formats are {', '.join(FORMATS)}."
        raise UsageError(f"There is no format '{format_name}'.{hint}")
    if template is None and found.needs_template:
        raise UsageError(f"The format {format_name} fills in {found.template}; name it: --format {name}=FILE.csv.")
    if template is not None and found.template is None:
        raise UsageError(f"The format {format_name} takes no file to fill in; use --format {name} without one.")
    if template is not None and not template.exists():
        raise UsageError(f"{shown(template)}: there is no such file.")
    return FormatChoice(found, item if colon else None, template)
