"""Quizzes: questions in YAML, what is drawn for a student, and what an answer is worth.

`model` and `load` read quiz.yaml, which `sealed` packs for students; `formula` and `draw` make of a question what one
student sees in one attempt; `numbers` and `score` read an answer and mark it; `history`, `session` and `result` hold an
attempt; `plain` asks in lines, and `terminal` on a `screen`: there, `answering` and `entry` take the keys, and
`verdict` draws what came of it; `form` is a file to fill in; `review` brings questions back; `lint` proves that a quiz
is good.
"""
