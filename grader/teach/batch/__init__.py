"""Grading a class: each hand-in is graded once, on this machine or a cluster, and recorded in a gradebook."""
