"""The student's edition of a course: what is in it (`edition`), where it is written (`write`), and the proof that
nothing leaked (`leaks`) of what students do not get (`secrets`).

What students get is listed file by file, so that what nobody thought of stays here.
"""
