"""Export of a quiz as a question bank for Canvas, Moodle, or any platform that imports GIFT or QTI 2.1.

`build` turns a quiz into a `QuestionBank` (`model`), with texts as HTML (`html`). Each format is a module that writes
the bank as a file and reports what the format could not express.
"""

from grader.teach.question_banks.build import build_bank
from grader.teach.question_banks.formats import FORMATS, BankFormat
from grader.teach.question_banks.model import ExportedBank, Loss, QuestionBank

__all__ = ["FORMATS", "BankFormat", "ExportedBank", "Loss", "QuestionBank", "build_bank"]
