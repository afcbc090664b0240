"""Lessons: parts in Markdown, with code that runs, questions, pictures, exercises and labs where they are due.

    model      a part as data: its blocks in order
    files      where the parts lie
    load       from the Markdown of a part to its blocks
    markdown   the parser that all readers share
    pictures   the data of a lesson's pictures
"""
