"""The trusted side: runs the tests of an exercise against a submission and explains what failed."""
