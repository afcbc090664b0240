"""The student's edition of a course: what it consists of (`edition`), and its files (`write`).

What students get is listed file by file, so that a file that nobody thought of stays here.
"""
