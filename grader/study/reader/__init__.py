"""Reads lessons in a terminal.

table       tables in columns
markdown    Markdown as lines
blocks      each block of a part as lines
reading     show a part page by page, and ask its questions
plain_mode  show a whole part at once
terminal    read keys and lines from a real terminal
order       which part or exercise comes next
overview    lessons and parts with what has been read
questions   predictions as questions of a quiz, for review
"""
