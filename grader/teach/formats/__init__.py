"""The formats in which a gradebook leaves: for learning platforms, for CI, for programs and for people.

A format's module is imported when it is written: one of them needs a library for plots.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from grader.base.errors import UsageError
from grader.base.files import shown
from grader.base.text import did_you_mean
from grader.teach.formats.view import only
from grader.teach.gradebook.model import Book

__all__ = ["FORMATS", "Chosen", "Format", "all_chosen", "chosen", "write"]


@dataclass(frozen=True)
class Format:
    """One format. Its module has `write_<module>`, a function of a book, a folder and, if it takes one, a template."""

    name: str
    description: str
    module: str
    template: str | None = None  # what the file is that can be filled in
    needs_template: bool = False

    @property
    def writer(self) -> Callable[..., list[Path]]:
        module: Any = import_module(f"grader.teach.formats.{self.module}")
        writer: Callable[..., list[Path]] = getattr(module, f"write_{self.module}")
        return writer


FORMATS = {
    each.name: each
    for each in (
        Format("json", "Everything, for programs: results.json", "results_json"),
        Format("csv", "Points as tables: grades.csv and grades-long.csv", "grades_csv"),
        Format("canvas", "Canvas's gradebook: canvas.csv", "canvas", template="Canvas's own export"),
        Format(
            "moodle",
            "Moodle's grading worksheet, filled in: moodle.csv",
            "moodle",
            template="the worksheet that Moodle gave you",
            needs_template=True,
        ),
        Format(
            "moodle-feedback",
            "Feedback for Moodle's upload of files: moodle-feedback.zip",
            "moodle_feedback",
            template="the worksheet that Moodle gave you",
        ),
        Format("mail", "A row for each student's letter: mail.csv", "mail"),
        Format("junit", "JUnit XML, for GitLab, Jenkins and others: junit.xml", "junit"),
        Format("gradescope", "Gradescope's results.json of each student", "gradescope"),
        Format("classroom50", "Classroom 50's result.json of each student", "classroom50"),
        Format("prairielearn", "PrairieLearn's results.json of each student", "prairielearn"),
        Format("github", "Summary, annotations and outputs of a job of GitHub Actions", "github"),
        Format("feedback", "A page for each student", "feedback"),
        Format("html", "The instructor's report, and a page for each student's work", "html"),
    )
}


@dataclass(frozen=True)
class Chosen:
    """A format as a user chose it: `moodle:moe_router=worksheet.csv`."""

    format: Format
    item: str | None = None  # this exercise or quiz alone, in a folder of its name
    template: Path | None = None

    def write(self, book: Book, out: Path) -> list[Path]:
        """Writes a book into the folder `out`, which is made if it is absent, and returns the files.

        UsageError if there is no such item, if the template cannot be used, and if a file cannot be written.
        """
        if self.item is not None:
            book, out = only(book, self.item), out / self.item
        if self.format.template is None:
            return self.format.writer(book, out)
        return self.format.writer(book, out, self.template)


def chosen(text: str) -> Chosen:
    """What `--format NAME[:ITEM][=FILE]` asks for.

    UsageError if there is no such format, and if the file to fill in is missing or has no use.
    """
    name, equals, file = text.partition("=")
    return _chosen(name, Path(file) if equals else None)


def all_chosen(texts: Iterable[str]) -> list[Chosen]:
    """What several `--format` ask for, in the order in which pages find those that they link to. Raises UsageError."""
    places = list(FORMATS)
    return sorted(map(chosen, texts), key=lambda each: places.index(each.format.name))


def write(name: str, book: Book, out: Path, template: Path | None = None) -> list[Path]:
    """Writes a book in the format `NAME[:ITEM]`, as `chosen` and `Chosen.write` do."""
    return _chosen(name, template).write(book, out)


def _chosen(name: str, template: Path | None) -> Chosen:
    wanted, colon, item = name.partition(":")
    form = FORMATS.get(wanted)
    if form is None:
        hint = did_you_mean(wanted, FORMATS) or f" The formats are {', '.join(FORMATS)}."
        raise UsageError(f"There is no format '{wanted}'.{hint}")
    if template is None and form.needs_template:
        raise UsageError(f"The format {wanted} fills in {form.template}; name it: --format {name}=FILE.csv.")
    if template is not None and form.template is None:
        raise UsageError(f"The format {wanted} fills in no file; say --format {name} alone.")
    if template is not None and not template.exists():
        raise UsageError(f"{shown(template)} does not exist.")
    return Chosen(form, item if colon else None, template)
