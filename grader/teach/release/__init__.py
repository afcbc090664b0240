"""The student's edition of a course: its content (`edition`), and how it is written (`write`).

Public files are listed one by one, so that an unexpected file is never released.
"""
