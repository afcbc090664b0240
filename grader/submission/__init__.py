"""What was handed in: one file -> its text and name, and what can be said of it without running it.

`recognise` finds the files of a whole class, and `roster` says whose they are; they are imported where they are used.
"""

from grader.submission.examine import Examined, Finding, examine
from grader.submission.notebook import Cells, located
from grader.submission.read import Submission, read_submission, submission_of

__all__ = ["Cells", "Examined", "Finding", "Submission", "examine", "located", "read_submission", "submission_of"]
