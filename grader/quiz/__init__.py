"""Quizzes: questions in YAML, drawn for each student, asked and scored.

model, load          quiz.yaml as typed values; schema is its JSON Schema
sealed               quiz.yaml packed, so that nobody reads an answer by accident
formula, draw        a question as one student sees it in one attempt
score                mark an answer
session, attempt     questions asked one after the other, and their answers in the student's progress
history, result      what the progress says of quizzes, and one attempt as data
plain_mode, form     ask line by line, or in a file to fill in
terminal, screen     ask on a full screen, with key_handler, answer_input and feedback
review               when a question is asked again
glossary_questions   questions about the terms of the glossary
lint                 checks that a quiz is sound
"""
