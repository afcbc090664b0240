"""Lessons: parts in Markdown with code that runs, questions, pictures, exercises and labs.

files       the files of a lesson
find        find a lesson or a part by words
headings    the sections of Markdown files
model       a part as data: its blocks in order
load        convert the Markdown of a part to blocks
markdown    the parser of all lessons
fences      the lines of fences in a file
passages    the prose of a part, without code and formulas
check       rules for the text of a part
terms       the rule that terms of the glossary are bold at their first use
measures    what its questions ask for, long parts, asides
notation    the letters of formulas and code
references  what the lessons cite
source      the code of a part as one script
update      write what the code printed into the part
pictures    the files of a lesson's pictures
moving      the scripts that animate pictures on pages
problem     an error in a lesson
"""
