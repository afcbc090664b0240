"""Whose code is much alike: a reason to look, and no verdict. Nothing leaves the machine."""

from grader.teach.similarity.pairs import Alike, Similar, Work, similar

__all__ = ["Alike", "Similar", "Work", "similar"]
