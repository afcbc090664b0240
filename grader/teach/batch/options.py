"""The options of a batch."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """The options of `grade batch` that decide what is graded, and how."""

    submissions: tuple[Path, ...]
    out: Path  # folder of the gradebook
    only: tuple[str, ...] = ()  # exercises and quizzes; empty: all
    layout: str | None = None  # None: detected
    roster: Path | None = None
    file_map: Path | None = None
    prefix: str | None = None  # of the names of repositories
    late: Path | None = None
    extensions: Path | None = None
    adjustments: Path | None = None
    regrade: bool = False
    isolation: str = "confined"  # or "process"
    jobs: int | None = None  # judges on this machine; None: one for each processor
    cluster: str | None = None  # address of a Dask scheduler

    @property
    def confined(self) -> bool:
        """True if submissions must be confined."""
        return self.isolation == "confined"

    def run_key(self) -> list[str]:
        """Return the options that an interrupted run must share with the one that resumes it."""
        settings = f"{self.layout=} {self.prefix=} {self.file_map=} {self.roster=} {self.regrade=} {self.confined=}"
        return [*map(str, self.submissions), *self.only, settings]
