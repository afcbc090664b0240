"""Reads one submission, a Python file or a notebook, and examines it without running it."""

from grader.engine.submission.examine import Examination, Finding, examine
from grader.engine.submission.notebook import Cells, locate_in_cells
from grader.engine.submission.read import Submission, read_submission, submission_of

__all__ = [
    "Cells",
    "Examination",
    "Finding",
    "Submission",
    "examine",
    "locate_in_cells",
    "read_submission",
    "submission_of",
]
