"""Whose code is much alike: a reason to look, and no verdict. Nothing leaves the machine."""

from grader.similarity.pairs import Alike, Similar, Work, similar

__all__ = ["Alike", "Similar", "Work", "similar"]
