"""The ways in which the submissions of a class are laid out, each a module.

A layout says whether a tree is laid out so, by a file that shows it, and yields the tree's files with their students.
"""
