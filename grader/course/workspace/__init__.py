"""A student's workspace: the course of an installed archgrade, without its solutions, and where progress is kept.

marker      the file that makes a folder a workspace
installed   where the course of this installation lies, and the solutions for a workspace of it
filling     what `grade init` and `grade update` write, and what they leave alone
place       where a student's progress is kept
"""
