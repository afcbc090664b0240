"""The author's side: the proof of a course, its pages, the files of a new exercise."""
