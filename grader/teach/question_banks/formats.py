"""The formats of question banks. A format's module is imported when it is used."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from grader.teach.question_banks.model import ExportedBank, QuestionBank


@dataclass(frozen=True)
class BankFormat:
    """A file format. Its module has the same name and a function `export`."""

    name: str
    suffix: str
    upload: str  # how to import the file on the platform

    @property
    def export(self) -> Callable[[QuestionBank], ExportedBank]:
        """The function that writes a bank in this format."""
        module: Any = import_module(f"grader.teach.question_banks.{self.name}")
        export: Callable[[QuestionBank], ExportedBank] = module.export
        return export


FORMATS = {
    each.name: each
    for each in (
        BankFormat("canvas", "canvas.zip", "Canvas: Settings, Import Course Content, QTI .zip file."),
        BankFormat("moodle", "moodle.xml", "Moodle: Question bank, Import, Moodle XML format."),
        BankFormat("gift", "gift.txt", "Moodle: Question bank, Import, GIFT format."),
        BankFormat("qti21", "qti21.zip", "Import it on any platform that accepts QTI 2.1 packages."),
    )
}
