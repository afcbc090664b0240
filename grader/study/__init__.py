"""The student's side: reading, watching, notebooks, grading one's own file."""
