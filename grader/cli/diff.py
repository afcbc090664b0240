"""grade diff: compare the student's solution with the reference."""

import ast
import difflib
import shutil
import sys
from collections.abc import Iterator
from itertools import zip_longest

import click

from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.cli.names import ExerciseName, find_exercise
from grader.cli.screen import bold, course_root, dim, prose, say, step
from grader.course import load_course
from grader.course.find_exercise import current_exercise
from grader.course.progress import Graded, Progress
from grader.engine.submission import examine
from grader.show.layout import display_text, pad
from grader.show.symbols import supports_unicode
from grader.show.text import wrap_code
from grader.study.grading import own_submission
from grader.study.reader.order import command_for, next_step, steps

SIDE_BY_SIDE = 120  # the width from which both are shown side by side

NameAndTexts = tuple[str, str, str]  # of a definition: the student's text and the reference's, "" if it is missing


@click.command("diff")
@click.argument("exercise_id", metavar="[ID]", type=ExerciseName(), required=False)
def command(exercise_id: str | None) -> None:
    """Show where your solution of exercise ID differs from the reference, after a pass.

    Without ID, takes the exercise in whose folder you are, or the one that passed last.
    """
    root = course_root()
    progress = Progress.load(root)
    exercise = find_exercise(root, exercise_id or current_exercise(root) or _passed_last(progress))
    reference = exercise.reference  # raises UsageError in a student's edition
    if progress.state(exercise.id) != "passed":
        raise UsageError(
            f"grade diff shows the reference of {exercise.id} after a pass; grade it with: grade exercise {exercise.id}"
        )
    yours = own_submission(exercise).text
    if finding := examine(yours, exercise.id).finding:
        raise UsageError(f"{shown(exercise.stub)}:{finding.line or 1}: {finding.message}.")
    differing = list(_differing(yours, read_text(reference)))
    width = shutil.get_terminal_size().columns
    legend = f"{_colored('-')} yours, {_colored('+')} the reference"
    if width >= SIDE_BY_SIDE:
        legend = "yours left, the reference right"
    say("", f"  {bold(exercise.id)}   {legend}" if differing else f"  {bold(exercise.id)}")
    unicode = supports_unicode(sys.stdout)
    for name, left, right in differing:
        say(
            "",
            f"  {name}" + ("" if right else "   only yours") + ("" if left else "   only in the reference"),
            "",
        )
        rows = (display_text(left, unicode).splitlines(), display_text(right, unicode).splitlines())
        say(*(_side_by_side(*rows, width) if width >= SIDE_BY_SIDE and left and right else _unified(*rows, width)))
    if not differing:
        say("", *prose("Your code and the reference are the same, except for comments and docstrings.", 2))
    course = load_course(root)
    following = next_step(list(steps(course)), progress)
    if following is None:
        say("", step("map", "grade"))
    else:
        to = command_for(following, course)
        say("", step("next", f"grade {to.command}", to.remark))


def _passed_last(progress: Progress) -> str:
    """Return the exercise that passed last. Raise UsageError if none has."""
    passed = [each.exercise for each in progress.events if isinstance(each, Graded) and each.passed]
    if not passed:
        raise UsageError("No exercise has passed yet; grade diff shows the reference after a pass.")
    return passed[-1]


def _differing(yours: str, reference: str) -> Iterator[NameAndTexts]:
    """Yield the top-level functions and classes whose code differs, in the reference's order."""
    mine, theirs = _definitions(yours), _definitions(reference)
    for name in [*theirs, *(name for name in mine if name not in theirs)]:
        left, right = mine.get(name), theirs.get(name)
        if left is None or right is None or left[0] != right[0]:
            yield name, left[1] if left else "", right[1] if right else ""


def _definitions(source: str) -> dict[str, tuple[str, str]]:
    """Return the top-level definitions by name: the dumped syntax tree and the text, both without docstrings."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            text = source.splitlines()
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            omitted = _docstring_lines(node)
            lines = [text[n - 1] for n in range(first, (node.end_lineno or first) + 1) if n not in omitted]
            found[node.name] = (_dump_without_docstrings(node), "\n".join(lines))
    return found


def _docstring_lines(node: ast.AST) -> set[int]:
    """Return the lines that contain only docstrings, of the definition and of those nested in it."""
    lines: set[int] = set()
    for each in _with_docstring(node):
        docstring = each.body[0]
        if docstring.lineno > each.lineno and len(each.body) > 1 and each.body[1].lineno > docstring.lineno:
            lines |= set(range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1))
    return lines


def _dump_without_docstrings(node: ast.AST) -> str:
    for each in _with_docstring(node):
        del each.body[0]
    return ast.dump(node)


def _with_docstring(node: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    return [
        each
        for each in ast.walk(node)
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and ast.get_docstring(each, clean=False) is not None
    ]


def _colored(sign: str) -> str:
    return click.style(sign, fg="red" if sign == "-" else "green")


def _unified(left: list[str], right: list[str], width: int) -> list[str]:
    """Return one diff, with - for your lines and + for the reference's."""
    if not left or not right:
        return [f"    {part}" for line in left or right for part in _wrap(line, width - 4)]
    found = []
    for line in list(difflib.unified_diff(left, right, n=1000, lineterm=""))[3:]:
        sign, text = line[0], line[1:]
        found += [f"  {_colored(sign) if sign in '+-' else ' '} {part}" for part in _wrap(text, width - 4)]
    return found


def _side_by_side(left: list[str], right: list[str], width: int) -> list[str]:
    """Return rows with equal lines beside each other, and a bar in the rows that differ."""
    room = (width - 7) // 2
    lines = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for mine, theirs in zip_longest(left[i:j], right[k:m], fillvalue=""):
            bar = dim(" ") if tag == "equal" else "│"
            for one, other in zip_longest(_wrap(mine, room), _wrap(theirs, room), fillvalue=""):
                lines.append(f"  {pad(one, room)} {bar} {other}")
    return lines


def _wrap(line: str, room: int) -> list[str]:
    """Break a line of code that is too long, at spaces and brackets."""
    return ["".join(span.text for span in part) for part in wrap_code(line, room, "")]
