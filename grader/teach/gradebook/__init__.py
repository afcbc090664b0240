"""What was handed in and what came of it, kept in one SQLite file; every report is a view of it."""

from grader.teach.gradebook.database import StorageFull
from grader.teach.gradebook.store import Gradebook

__all__ = ["Gradebook", "StorageFull"]
