"""The gradebook: hand-ins and their grades in one SQLite file. Every report is a view of it."""

from grader.teach.gradebook.database import StorageFull
from grader.teach.gradebook.store import Gradebook

__all__ = ["Gradebook", "StorageFull"]
