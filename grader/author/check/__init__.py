"""Checks that a course is correct.

exercises   right solutions pass, mistakes fail and are named, texts and points agree
mutants     tests notice single changes of the reference
changes     the changes that mutants are made of
lessons     the code, outputs, pictures and text of lessons
outputs     what code prints is what the lesson shows
pictures    the stored pictures are those that the code computes
"""
