"""What was handed in: one file -> its text and name, and what can be said of it without running it."""

from grader.submission.examine import Finding, examine
from grader.submission.read import Submission, read_submission

__all__ = ["Finding", "Submission", "examine", "read_submission"]
