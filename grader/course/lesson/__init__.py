"""Lessons: parts in Markdown, with code that runs, questions, pictures, exercises and labs where they are due.

model      a part as data: its blocks in order
files      where the parts lie
load       from the Markdown of a part to its blocks
markdown   the parser that all readers share
passages   the words of a part, without code and formulas
check      what the text of a part must keep to
terms      terms of the glossary, in bold where they first stand
notation   the letters of formulas and code
source     the code of a part as one text to run
update     what it printed, written into the part
pictures   the pictures of a lesson as files
problem    something that does not hold
"""
