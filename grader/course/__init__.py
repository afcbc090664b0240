"""A course on disk (YAML, Markdown and Python files) as typed and checked values; errors name file and line."""

from grader.course.load import find_course, load_course, load_exercise, load_lessons
from grader.course.model import Course, Exercise, Lesson, Limits, Reading

__all__ = [
    "Course",
    "Exercise",
    "Lesson",
    "Limits",
    "Reading",
    "find_course",
    "load_course",
    "load_exercise",
    "load_lessons",
]
