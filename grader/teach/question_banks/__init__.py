"""A quiz as a question bank of a learning platform: Canvas, Moodle, and what reads GIFT or QTI 2.1.

`model` is what all platforms are told, and `making` makes it of a quiz, with texts as `html`. Each format is a module
of its own that writes it, and says what it could not carry.
"""

from grader.teach.question_banks.formats import FORMATS, Format
from grader.teach.question_banks.making import bank_of
from grader.teach.question_banks.model import Bank, Exported, Loss

__all__ = ["FORMATS", "Bank", "Exported", "Format", "Loss", "bank_of"]
