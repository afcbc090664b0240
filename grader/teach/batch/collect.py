"""Collects what a batch grades: finds the hand-ins, assigns quiz forms, and matches the roster."""

from grader.course import Course
from grader.teach.batch.options import BatchOptions
from grader.teach.batch.quizzes import Quizzes
from grader.teach.formats.files import join_names, print_note
from grader.teach.handins.file_map import read_file_map
from grader.teach.handins.find import find_handins
from grader.teach.handins.handin import Found
from grader.teach.handins.roster import logins_of, match_roster, read_roster


def collect_handins(course: Course, quizzes: Quizzes, options: BatchOptions) -> Found:
    """Return the hand-ins to grade. Print a note about rows of the file map that match no file.

    Raise UsageError if an option names an unknown exercise, if a table is invalid, or if nothing was found.
    """
    exercises, slugs = [each.id for each in course.exercises], quizzes.slugs()
    for item in options.only:
        if item not in slugs:
            course.exercise(item)  # raises UsageError with a suggestion
    roster = () if options.roster is None else read_roster(options.roster)
    file_map = None if options.file_map is None else read_file_map(options.file_map, exercises, slugs)
    found = find_handins(
        options.submissions,
        exercises,
        slugs,
        layout=options.layout,
        only=options.only,
        prefix=options.prefix,
        logins=logins_of(roster),
        file_map=file_map,
    )
    if found.not_found:
        print_note(f"{options.file_map} lists files that were not found: {join_names(found.not_found)}.")
    found = quizzes.assign(found, options.only)
    return found if options.roster is None else match_roster(found, roster)
