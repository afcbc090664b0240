"""The student's side: reading lessons, notebooks, and grading one's own files."""
