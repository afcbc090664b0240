"""One question of each of five types, as YAML."""

SINGLE = """\
- id: one
  type: single
  level: recall
  section: here
  question: Which?
  options:
    - {text: a, correct: true, feedback: yes}
    - {text: b, feedback: no}
    - {text: c, feedback: no}
  explanation: because
  source: calculation
"""
NUMERIC = """\
- id: two
  type: numeric
  level: apply
  section: here
  question: "How many for {n}?"
  parameters:
    n: {from: 1, to: 3}
  answer: 2 * n
  wrong:
    - {answer: n, feedback: "twice {n}"}
  explanation: "{answer}"
  source: calculation
"""
MATCH = """\
- id: three
  type: match
  level: recall
  section: here
  question: Which?
  pairs:
    - {left: a, right: x}
    - {left: b, right: y}
  extra: [z]
  explanation: because
  source: calculation
"""
LINE = """\
- id: four
  type: line
  level: recall
  section: here
  question: Which?
  code: |
    a = 1
    b = 2
  answer: 2
  wrong: [{answer: 1, feedback: no}]
  explanation: because
  source: calculation
"""
TEXT = """\
- id: five
  type: text
  level: recall
  section: here
  question: Which?
  answers: [router]
  explanation: because
  source: calculation
"""
