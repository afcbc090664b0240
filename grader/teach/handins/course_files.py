"""Files distributed with the course: students hand in whole folders, and these files need no listing."""

from collections.abc import Collection, Set

COURSE, LESSONS = "course.yaml", "lessons"
_TOP_LEVEL = {COURSE, "README.md"}
_IN_EXERCISE = {"README.md", "exercise.yaml", "test_public.py", "lab.py"}
_OWN_FOLDER = ".archgrade"  # written by the grader

Parts = tuple[str, ...]


def find_course_files(paths: Collection[Parts], exercises: Set[str]) -> set[Parts]:
    """Return the paths that a student's copy of the course contains before any work.

    A file of an exercise is recognized by its folder alone, any other file only below a folder with a course.yaml.
    """
    roots = [path[:-1] for path in paths if path[-1] == COURSE]
    return {path for path in paths if _is_in_exercise(path, exercises) or _is_in_course(path, roots)}


def _is_in_course(path: Parts, roots: list[Parts]) -> bool:
    return any(path[: len(root)] == root and _is_course_file(path[len(root) :]) for root in roots)


def _is_course_file(path: Parts) -> bool:
    return path[0] in (LESSONS, _OWN_FOLDER) if len(path) > 1 else path[0] in _TOP_LEVEL


def _is_in_exercise(path: Parts, exercises: Set[str]) -> bool:
    match path:
        case (*_, "exercises", exercise, name):
            return exercise in exercises and name in _IN_EXERCISE
    return False
