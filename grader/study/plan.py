"""Plans of an evening: which of the next steps fit into so many minutes, at the student's own pace."""

from collections.abc import Iterator, Sequence

import msgspec

from grader.course.lesson.files import part_title, quiz_path
from grader.course.lesson.load import load_part
from grader.course.lesson.model import reading_time
from grader.course.model import Course, Exercise, Lesson
from grader.course.progress import Event, Graded, PartRead, Progress, now
from grader.quiz import history
from grader.quiz.load import load_quiz
from grader.study.pace import Pace, own_pace
from grader.study.reader.order import Step, command_for, is_done, next_step

MOST_REVIEWED = 20  # questions in one evening
REVIEW_SHARE = 0.5  # of the evening at most


class PlannedStep(msgspec.Struct, frozen=True):
    """A command, what it is about, and how long it takes this student."""

    command: str  # without `grade`
    about: str
    minutes: int


class Plan(msgspec.Struct, frozen=True):
    """What fits into an evening, in order, and the first step that does not."""

    steps: tuple[PlannedStep, ...]
    following: PlannedStep | None


def plan_evening(course: Course, order: Sequence[Step], progress: Progress, minutes: int) -> Plan:
    """Return the review that is due and the next steps that fit into so many minutes. `order` are the course's steps.

    A lesson's quiz follows its last part and exercise. The plan ends at the first step that does not fit.
    """
    pace, left = own_pace(course, progress), minutes
    planned: list[PlannedStep] = []
    for step in _upcoming(course, order, progress, pace, minutes):
        if step.minutes > left:
            return Plan(tuple(planned), step)
        planned.append(step)
        left -= step.minutes
    return Plan(tuple(planned), None)


def _upcoming(
    course: Course, order: Sequence[Step], progress: Progress, pace: Pace, minutes: int
) -> Iterator[PlannedStep]:
    """Yield what is next, as if each step were done before the one after it."""
    yield from _review(progress, pace, minutes)
    while (step := next_step(order, progress)) is not None:
        yield _planned(course, step, progress, pace)
        progress = Progress(progress.file, [*progress.events, _done(step)])
        lesson = course.lesson(step.lesson) if step.lesson else None
        if lesson and all(is_done(each, progress) for each in order if each.lesson == lesson.number):
            yield from _quiz(course, lesson, progress, pace)


def _review(progress: Progress, pace: Pace, minutes: int) -> Iterator[PlannedStep]:
    missed, due = history.to_review(progress.events, now())
    fitting = int(REVIEW_SHARE * minutes / pace.of_answers(1))
    if count := min(missed + due, MOST_REVIEWED, fitting):
        limit = f" --n {count}" if count < min(missed + due, MOST_REVIEWED) else ""
        yield PlannedStep(f"review{limit}", f"{missed + due} due", _whole(pace.of_answers(count)))


def _planned(course: Course, step: Step, progress: Progress, pace: Pace) -> PlannedStep:
    command = command_for(step, course).command
    if isinstance(step, Exercise):
        return PlannedStep(command, step.title, _whole(pace.of_exercise(step.minutes)))
    begin = progress.part_place(step.lesson_slug, step.slug)
    blocks = load_part(course.root, step).blocks[begin:]
    minutes = pace.of_part(sum(map(reading_time, blocks)))
    return PlannedStep(command, part_title(step), _whole(minutes))


def _done(step: Step) -> Event:
    if isinstance(step, Exercise):
        return Graded(exercise=step.id, score=1, max_score=1, passed=True, sha256=None)
    return PartRead(lesson=step.lesson_slug, part=step.number, slug=step.slug)


def _quiz(course: Course, lesson: Lesson, progress: Progress, pace: Pace) -> Iterator[PlannedStep]:
    """Yield the lesson's quiz, if there is one that was never finished."""
    state, path = history.quiz_state(progress.events, lesson.slug), quiz_path(course, lesson)
    if path.is_file() and state.best is None:
        left = len(load_quiz(path).questions) - state.answered
        yield PlannedStep(f"quiz {lesson.slug}", f"{left} questions", _whole(pace.of_answers(left)))


def _whole(minutes: float) -> int:
    return max(1, round(minutes))
