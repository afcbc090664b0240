"""The author's side: checks of a course, its static site, and the files of a new exercise or course."""
