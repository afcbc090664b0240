"""The order of the course: each part, then the exercises that are due in it; and what comes next in it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from grader.course.lesson.files import PartFile, due_in, opening, part_files, part_title
from grader.course.model import Course, Exercise
from grader.course.progress import Graded, PartBegun, PartRead, PartStopped, Progress
from grader.show.view import Next

LAB = "_lab"  # at the end of an exercise's id, which may be left out
Step = PartFile | Exercise


def steps(course: Course) -> Iterator[Step]:
    """All parts and exercises. Exercises that no part has come after the parts of their lesson."""
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
    """The course with its exercises in the order of its steps."""
    exercises = tuple(step for step in order if isinstance(step, Exercise))
    return msgspec.structs.replace(course, exercises=exercises)


def next_step(order: Sequence[Step], progress: Progress) -> Step | None:
    """What was begun last and is not done; else the next that is ready, from the last one on; None: all is done.

    `order`: the steps of the course. After an exercise come those of its lesson that stand before it and were left out:
    they are easier.
    """
    last = _last(order, progress)
    left = [place for place, step in enumerate(order) if not done(step, progress)]
    if last in left:
        return order[last]
    exercises = {step.id: step for step in order if isinstance(step, Exercise)}
    ready = [place for place in left if _ready(order[place], exercises, progress)] or left
    place = min(ready, key=lambda each: (not _left_out(order, each, last), each < last, each), default=None)
    return None if place is None else order[place]


def next_exercise(course: Course, progress: Progress) -> Exercise | None:
    """The next step among the exercises alone, whatever was read."""
    step = next_step([step for step in steps(course) if isinstance(step, Exercise)], progress)
    return step if isinstance(step, Exercise) else None


def why(step: Step, course: Course, order: Sequence[Step], progress: Progress) -> str:
    """A few words on why a step comes next, or what it is."""
    if isinstance(step, PartFile):
        return part_title(step)
    if (best := progress.best(step.id)) is not None:
        return f"{round(best * step.points, 1):.10g} of {step.points:.10g} points so far"
    if _left_out(order, order.index(step), _last(order, progress)):
        return "easier, and left out"
    if step.needs:
        return f"builds on {' and '.join(step.needs)}" if len(step.needs) < 3 else "builds on what passes"
    return f"level {step.level}, {step.minutes} min"


def next_part(course: Course, progress: Progress) -> PartFile | None:
    """The part that was begun last and is not read, else the next one that is not; None: all are read."""
    parts = list(steps(msgspec.structs.replace(course, exercises=())))
    files = {_key(step): step for step in parts}
    for event in reversed(progress.events):
        step = files.get(_key_of_event(event))
        if isinstance(step, PartFile) and not done(step, progress):
            return step
    step = next_step(parts, progress)
    return step if isinstance(step, PartFile) else None


def step_after(course: Course, file: PartFile, progress: Progress, shown: Collection[str] = ()) -> Step | None:
    """What follows a part in the course, whatever was read: an exercise that is passed, or `shown`, is passed over."""
    order = list(steps(course))
    place = next((i for i, step in enumerate(order) if _key(step) == _key(file)), len(order))
    for step in order[place + 1 :]:
        if not (isinstance(step, Exercise) and (step.id in shown or done(step, progress))):
            return step
    return None


def done(step: Step, progress: Progress) -> bool:
    """Whether an exercise is passed, as far as it can be in this edition of the course, or a part read."""
    if isinstance(step, Exercise):
        state = progress.state(step.id)
        return state == "passed" or (state == "public" and step.solution is None)
    return progress.part_state(step.lesson_slug, step.slug) == "read"


def leads_to(step: Step, course: Course) -> Next:
    """The command for a step."""
    if isinstance(step, Exercise):
        return Next(f"exercise {step.id}", "")
    return Next(f"lesson {step.name}", part_title(step))


def _last(order: Sequence[Step], progress: Progress) -> int:
    """The place of what was graded, or opened, last; -1 where nothing was."""
    places = {_key(step): place for place, step in enumerate(order)}
    touched = (places.get(_key_of_event(event)) for event in reversed(progress.events))
    return next((place for place in touched if place is not None), -1)


def _left_out(order: Sequence[Step], place: int, last: int) -> bool:
    """Whether an exercise stands before the last one, in the same lesson."""
    step, after = order[place], order[last] if last >= 0 else None
    if isinstance(step, Exercise) and isinstance(after, Exercise):
        return place < last and step.lesson == after.lesson
    return False


def _ready(step: Step, exercises: Mapping[str, Exercise], progress: Progress) -> bool:
    return isinstance(step, PartFile) or all(done(exercises[need], progress) for need in step.needs)


def _key(step: Step) -> tuple[str, ...]:
    return (step.id,) if isinstance(step, Exercise) else (step.lesson_slug, step.slug)


def _key_of_event(event: object) -> tuple[str, ...]:
    match event:
        case Graded(exercise=exercise):
            return (exercise,)
        case PartBegun() | PartStopped() | PartRead():
            return (event.lesson, event.slug)
    return ()
