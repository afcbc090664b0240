"""The formats in which a quiz leaves. A format's module is imported when it is written."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from grader.teach.question_banks.model import Bank, Exported


@dataclass(frozen=True)
class Format:
    """One format. Its module, named as the format is, has `export`."""

    name: str
    ending: str
    upload: str  # where it is taken in

    @property
    def export(self) -> Callable[[Bank], Exported]:
        module: Any = import_module(f"grader.teach.question_banks.{self.name}")
        export: Callable[[Bank], Exported] = module.export
        return export


FORMATS = {
    each.name: each
    for each in (
        Format("canvas", "canvas.zip", "Canvas: Settings, Import Course Content, QTI .zip file."),
        Format("moodle", "moodle.xml", "Moodle: Question bank, Import, Moodle XML format."),
        Format("gift", "gift.txt", "Moodle: Question bank, Import, GIFT format."),
        Format("qti21", "qti21.zip", "Wherever QTI 2.1 packages are imported."),
    )
}
