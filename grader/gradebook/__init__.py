"""What was handed in and what came of it, kept in one SQLite file; every report is a view of it."""

from grader.gradebook.database import StorageFull
from grader.gradebook.store import Gradebook

__all__ = ["Gradebook", "StorageFull"]
