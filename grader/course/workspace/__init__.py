"""A student's workspace: a copy of the course of an installed archgrade, without solutions.

marker            the file that makes a folder a workspace
installed         the installed course, and the solutions for a workspace
filling           the files that `grade init` and `grade update` write or keep
reset             restore the original file of an exercise
progress_folder   the folder of a student's progress
"""
