"""The layouts of a class's submissions, one module each.

A layout detects whether a tree is laid out its way, and yields the tree's files with their students.
"""
