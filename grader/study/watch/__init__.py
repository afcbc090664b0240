"""Grades an exercise whenever its file is saved.

saves     report which files of a course were saved
grading   grade the latest text of an exercise in the background, in a judge that is ready for it
"""
