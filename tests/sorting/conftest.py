"""The tests in this course are for `grade` to run."""

collect_ignore = ["exercises", "solutions"]
