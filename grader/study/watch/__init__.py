"""Grades what is saved, whenever it is saved.

saves     which files of a course were saved
grading   grades the last text of an exercise, in a judge that is ready for it
"""
