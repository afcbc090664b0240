"""Labs of the whole course: folders `labs/NAME`, which belong to no exercise but run the code of several."""

from pathlib import Path

import msgspec

FOLDER = "labs"


class CourseLab(msgspec.Struct, frozen=True):
    """A lab of the whole course."""

    name: str
    folder: Path

    @property
    def script(self) -> Path:
        """The script that shows what is measured."""
        return self.folder / "lab.py"

    @property
    def code(self) -> Path:
        """The code that imports exercises and runs beside them."""
        return self.folder / f"{self.name}.py"

    @property
    def config(self) -> Path:
        """The file that students edit, if there is one."""
        return self.folder / f"{self.name}.yaml"


def course_labs(root: Path) -> tuple[CourseLab, ...]:
    """Return the labs of a whole course by name. A folder without a `lab.py` is none."""
    return tuple(CourseLab(path.parent.name, path.parent) for path in sorted((root / FOLDER).glob("*/lab.py")))
