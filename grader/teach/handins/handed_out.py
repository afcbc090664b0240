"""What of a submission was handed out with the course: students hand in whole folders, and need not tidy them."""

from collections.abc import Callable, Iterable, Set

COURSE, LESSONS = "course.yaml", "lessons"
_BESIDE = {COURSE, "README.md"}
_OF_AN_EXERCISE = {"README.md", "exercise.yaml", "test_public.py", "lab.py"}
_KEPT = ".archgrade"  # what the grader wrote there

Parts = tuple[str, ...]


def handed_out(paths: Iterable[Parts], exercises: Set[str]) -> Callable[[Parts], bool]:
    """Tells which of these paths are those of a course as students get it.

    What belongs to an exercise is known by its folder, and all else only below a folder with a course.yaml in it.
    """
    roots = [path[:-1] for path in paths if path[-1] == COURSE]

    def is_given(path: Parts) -> bool:
        of_course = any(path[: len(root)] == root and _is_of_course(path[len(root) :]) for root in roots)
        return of_course or _is_of_an_exercise(path, exercises)

    return is_given


def _is_of_course(path: Parts) -> bool:
    return path[0] in (LESSONS, _KEPT) if len(path) > 1 else path[0] in _BESIDE


def _is_of_an_exercise(path: Parts, exercises: Set[str]) -> bool:
    match path:
        case (*_, "exercises", exercise, name):
            return exercise in exercises and name in _OF_AN_EXERCISE
    return False
