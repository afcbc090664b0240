"""Results and pictures as text and graphics.

The screen of a result: `terminal` assembles it from `status`, `explanation`, `score`, `task` and `steps`, with the
facts of a `context`. `explanation` explains a failing test by `failure`, which uses `crash`, `comparison` and
`values`. `schema` describes the JSON of a result.

Shared by all screens: `layout` and `text` (styled lines), `symbols`, `numbers`, `html`, `markdown`, `tex` (formulas).

`pictures` draws the pictures of lessons and labs.
"""
