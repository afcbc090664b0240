"""A run over a class: everything between the hand-ins and their grades in a gradebook."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from grader.base.files import read_text
from grader.course import Course, Exercise
from grader.engine.judge.materials import materials_of
from grader.teach.batch.bundle import bundle_course, engine_version
from grader.teach.batch.keys import ResultKeys
from grader.teach.batch.options import BatchOptions
from grader.teach.batch.pool import Pool, local_pool
from grader.teach.batch.quizzes import Quizzes
from grader.teach.batch.run import Batch, Tally
from grader.teach.gradebook import Gradebook
from grader.teach.gradebook.model import Item
from grader.teach.handins.handin import Found, IgnoredKind


class ClassRun:
    """A run of `grade batch`: call `begin`, then grade with `open_batch`, then call `end`."""

    def __init__(self, course: Course, quizzes: Quizzes, found: Found, options: BatchOptions):
        """Read the tests of all exercises that were handed in. Raise UsageError if a file cannot be read."""
        self._course = course
        self._quizzes = quizzes
        self._found = found
        self._options = options
        handed_in = {handin.item for handin in found.handins}
        self._exercises = [each for each in course.exercises if each.id in handed_in]
        self._items = [*map(_exercise_item, self._exercises), *_quiz_items(course, quizzes, found)]
        self._materials = materials_of(course, self._exercises, {handin.item for handin in found.unrequested})
        self._bundle = bundle_course(self._materials)
        self._run = 0  # id, once begun

    def begin(self, book: Gradebook) -> bool:
        """Begin a run in the gradebook, and lock it. Return True if an interrupted run is resumed."""
        found, options = self._found, self._options
        book.lock()
        self._run, resumed = book.begin_run(
            options.run_key(),
            engine=engine_version(),
            course=self._course.title,
            course_hash=self._bundle.hash,
            layout=found.layout,
            items=self._items,
            students=[*found.students(), *found.missing],
            ignored=[each for each in found.ignored if each.kind is not IgnoredKind.NOISE],
            given={each.id: _public_code(each) for each in self._exercises},
        )
        known = [*(each.id for each in self._course.exercises), *self._quizzes.slugs()]
        book.set_policies(
            late=options.late, extensions=options.extensions, adjustments=options.adjustments, known=known
        )
        return resumed

    @contextmanager
    def open_batch(self, book: Gradebook) -> Iterator[Batch]:
        """Open the pool, and yield the batch to pass to `grade`."""
        keys = ResultKeys(self._bundle, self._quizzes, confined=self._options.confined)
        with self._pool() as pool:
            yield Batch(
                book,
                self._run,
                self._items,
                self._course,
                self._quizzes,
                keys,
                pool,
                regrade=self._options.regrade,
            )

    def grade(self, batch: Batch, show: Callable[[Tally], None]) -> Tally:
        """Grade all hand-ins. `show` is called as the batch proceeds."""
        return batch.grade(self._found.handins, [*self._found.handins, *self._found.unrequested], show)

    def end(self, book: Gradebook) -> None:
        """Mark the run as complete."""
        book.end_run(self._run)

    @contextmanager
    def _pool(self) -> Iterator[Pool]:
        options = self._options
        if options.cluster is not None:
            from grader.teach.batch.cluster import cluster_pool

            with cluster_pool(options.cluster, self._bundle, confined=options.confined) as pool:
                yield pool
        else:
            judges = options.jobs or os.cpu_count() or 1
            with local_pool(self._materials, self._course.root, judges, confined=options.confined) as pool:
                yield pool


def _public_code(exercise: Exercise) -> list[str]:
    """Return the code of an exercise that everybody may have: its stub, and the reference if there is one."""
    paths = (exercise.stub, *(() if exercise.solution is None else (exercise.reference,)))
    return [read_text(path) for path in paths if path.is_file()]


def _exercise_item(exercise: Exercise) -> Item:
    return Item(
        id=exercise.id, kind="exercise", title=exercise.title, lesson=exercise.lesson, max_score=exercise.points
    )


def _quiz_items(course: Course, quizzes: Quizzes, found: Found) -> Iterator[Item]:
    slugs = {handin.item for handin in found.handins if handin.kind == "quiz"}
    for lesson in course.lessons:
        if lesson.slug in slugs:
            quiz = quizzes.quiz(lesson.slug)
            points = float(len(quiz.questions))
            yield Item(id=lesson.slug, kind="quiz", title=quiz.title, lesson=lesson.number, max_score=points)
