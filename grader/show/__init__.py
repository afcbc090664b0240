"""Views of a result: what a person or another program reads after a run.

`terminal` makes a screen of `standing`, `status`, `explanation`, `score`, `task` and `steps`, and of what is told in a
`view`; `explanation` takes a failing test from `failure`, which shows `crash`, `numbers` and `values`. `layout` and
`marks` are what all lines are made of. `schema` describes a result's JSON.

Pictures: `characters` draws them as lines of text, `graphics` as SVG and PNG; `plan` lays out boxes for both, with ways
for the arrows from `routes`, and `plain` makes texts of their numbers.
"""
