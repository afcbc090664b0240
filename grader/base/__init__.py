"""Results, errors, text and files: what every other package uses. Imports nothing else of grader."""
