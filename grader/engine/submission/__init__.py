"""What was handed in: one file -> its text and name, and what can be said of it without running it.

`recognise` finds the files of a whole class, and `roster` says whose they are; they are imported where they are used.
"""

from grader.engine.submission.examine import Examined, Finding, examine
from grader.engine.submission.notebook import Cells, located
from grader.engine.submission.read import Submission, read_submission, submission_of

__all__ = ["Cells", "Examined", "Finding", "Submission", "examine", "located", "read_submission", "submission_of"]
