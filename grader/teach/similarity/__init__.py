"""Detection of similar submissions, as a hint for the instructor to compare them. No data leaves the machine."""

from grader.teach.similarity.pairs import SimilarHandins, Similarity, SubmittedFile, find_similar

__all__ = ["SimilarHandins", "Similarity", "SubmittedFile", "find_similar"]
