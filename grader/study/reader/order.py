"""The order of the course: each part, then its exercises; and which step comes next."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from grader.course.lesson.files import PartFile, due_in, opening, part_files, part_title
from grader.course.model import Course, Exercise
from grader.course.progress import Graded, PartBegun, PartRead, PartStopped, Progress
from grader.show.context import NextStep
from grader.show.numbers import format_points

LAB = "_lab"  # suffix of an exercise's id that a part may leave out
Step = PartFile | Exercise


def steps(course: Course) -> Iterator[Step]:
    """Yield all parts and exercises. Exercises that no part mentions come at the end of their lesson."""
    exercises = {exercise.id: exercise for exercise in course.exercises}
    if first := opening(course):
        yield first
    for lesson in course.lessons:
        for file in part_files(course, lesson):
            yield file
            for name in due_in(file):
                if exercise := exercises.pop(name, None) or exercises.pop(name + LAB, None):
                    yield exercise
        for exercise in course.exercises:
            if exercise.lesson == lesson.number and exercise.id in exercises:
                yield exercise


def in_order(course: Course, order: Iterable[Step]) -> Course:
    """Return the course with its exercises in the order of its steps."""
    exercises = tuple(step for step in order if isinstance(step, Exercise))
    return msgspec.structs.replace(course, exercises=exercises)


def next_step(order: Sequence[Step], progress: Progress) -> Step | None:
    """Return the last started step if it is not done, else the next step that is ready; None if all are done.

    `order` are the steps of the course. Earlier exercises of the same lesson that were skipped come first, since they
    are easier.
    """
    last = _last_touched(order, progress)
    left = [place for place, step in enumerate(order) if not is_done(step, progress)]
    if last in left:
        return order[last]
    exercises = {step.id: step for step in order if isinstance(step, Exercise)}
    ready = [place for place in left if _is_ready(order[place], exercises, progress)] or left
    place = min(ready, key=lambda each: (not _is_skipped(order, each, last), each < last, each), default=None)
    return None if place is None else order[place]


def next_exercise(course: Course, progress: Progress) -> Exercise | None:
    """Return the next step among the exercises, whatever was read."""
    step = next_step([step for step in steps(course) if isinstance(step, Exercise)], progress)
    return step if isinstance(step, Exercise) else None


def reason_for(step: Step, course: Course, order: Sequence[Step], progress: Progress) -> str:
    """Return in a few words why a step comes next, or what it is."""
    if isinstance(step, PartFile):
        return part_title(step)
    if (best := progress.best(step.id)) is not None:
        return f"{format_points(best * step.points)} of {format_points(step.points)} points so far"
    if _is_skipped(order, order.index(step), _last_touched(order, progress)):
        return "easier, and skipped"
    if step.needs:
        return f"builds on {' and '.join(step.needs)}" if len(step.needs) < 3 else "builds on what passes"
    return f"level {step.level}, {step.minutes} min"


def next_part(course: Course, progress: Progress) -> PartFile | None:
    """Return the last started part if it is unread, else the next unread part; None if all are read."""
    parts = list(steps(msgspec.structs.replace(course, exercises=())))
    files = {_key(step): step for step in parts}
    for event in reversed(progress.events):
        step = files.get(_key_of_event(event))
        if isinstance(step, PartFile) and not is_done(step, progress):
            return step
    step = next_step(parts, progress)
    return step if isinstance(step, PartFile) else None


def step_after(course: Course, file: PartFile, progress: Progress, shown: Collection[str] = ()) -> Step | None:
    """Return the step after a part, whatever was read. Skip exercises that are passed or in `shown`."""
    order = list(steps(course))
    place = next((i for i, step in enumerate(order) if _key(step) == _key(file)), len(order))
    for step in order[place + 1 :]:
        if not (isinstance(step, Exercise) and (step.id in shown or is_done(step, progress))):
            return step
    return None


def is_done(step: Step, progress: Progress) -> bool:
    """Return whether a part is read, or an exercise passed as far as this edition of the course allows."""
    if isinstance(step, Exercise):
        state = progress.state(step.id)
        return state == "passed" or (state == "public" and step.solution is None)
    return progress.part_state(step.lesson_slug, step.slug) == "read"


def command_for(step: Step, course: Course) -> NextStep:
    """Return the command for a step, without `grade`."""
    if isinstance(step, Exercise):
        return NextStep(f"exercise {step.id}", "")
    return NextStep(f"lesson {step.name}", part_title(step))


def _last_touched(order: Sequence[Step], progress: Progress) -> int:
    """Return the index of the step that was graded or opened last, -1 if there is none."""
    places = {_key(step): place for place, step in enumerate(order)}
    touched = (places.get(_key_of_event(event)) for event in reversed(progress.events))
    return next((place for place in touched if place is not None), -1)


def _is_skipped(order: Sequence[Step], place: int, last: int) -> bool:
    """Return whether a step is an exercise before the last one, in the same lesson."""
    step, after = order[place], order[last] if last >= 0 else None
    if isinstance(step, Exercise) and isinstance(after, Exercise):
        return place < last and step.lesson == after.lesson
    return False


def _is_ready(step: Step, exercises: Mapping[str, Exercise], progress: Progress) -> bool:
    return isinstance(step, PartFile) or all(is_done(exercises[need], progress) for need in step.needs)


def _key(step: Step) -> tuple[str, ...]:
    return (step.id,) if isinstance(step, Exercise) else (step.lesson_slug, step.slug)


def _key_of_event(event: object) -> tuple[str, ...]:
    match event:
        case Graded(exercise=exercise):
            return (exercise,)
        case PartBegun() | PartStopped() | PartRead():
            return (event.lesson, event.slug)
    return ()
