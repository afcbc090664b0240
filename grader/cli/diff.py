"""grade diff: the student's solution beside the reference."""

import ast
import difflib
import shutil
import sys
from collections.abc import Iterator
from itertools import zip_longest

import click

from grader.base.errors import UsageError
from grader.base.files import read_text, shown
from grader.cli.names import ExerciseName, named
from grader.cli.screen import bold, course_root, dim, say, step
from grader.course.progress import Progress
from grader.engine.submission import examine
from grader.show.layout import clean, pad
from grader.show.marks import unicode_on
from grader.show.text import code_line
from grader.study.grading import own_submission

SIDE_BY_SIDE = 120  # columns that a terminal needs for it

Pair = tuple[str, str, str]  # a definition's name, the student's text of it and the reference's; "" where it is missing


@click.command("diff")
@click.argument("exercise_id", metavar="ID", type=ExerciseName())
def command(exercise_id: str) -> None:
    """Your solution of exercise ID and the reference, after a pass: the functions and classes that differ."""
    root = course_root()
    exercise = named(root, exercise_id)
    reference = exercise.reference  # UsageError in a student's edition
    if Progress.load(root).state(exercise.id) != "passed":
        raise UsageError(
            f"grade diff shows the reference of {exercise.id} after a pass; grade it with: grade exercise {exercise.id}"
        )
    yours = own_submission(exercise).text
    if finding := examine(yours, exercise.id).finding:
        raise UsageError(f"{shown(exercise.stub)}:{finding.line or 1}: {finding.message}.")
    differing = list(_differing(yours, read_text(reference)))
    width = shutil.get_terminal_size().columns
    sides = f"{_signed('-')} yours, {_signed('+')} the reference"
    if width >= SIDE_BY_SIDE:
        sides = "yours left, the reference right"
    say("", f"  {bold(exercise.id)}   {sides}" if differing else f"  {bold(exercise.id)}")
    unicode = unicode_on(sys.stdout)
    for name, left, right in differing:
        say(
            "",
            f"  {name}" + ("" if right else "   only yours") + ("" if left else "   only in the reference"),
            "",
        )
        rows = (clean(left, unicode).splitlines(), clean(right, unicode).splitlines())
        say(*(_beside(*rows, width) if width >= SIDE_BY_SIDE and left and right else _unified(*rows, width)))
    if not differing:
        say("", "  Your code and the reference are the same, comments and docstrings aside.")
    say("", step("next", "grade list"))


def _differing(yours: str, reference: str) -> Iterator[Pair]:
    """The functions and classes at the top level that are not the same code, in the reference's order."""
    mine, theirs = _definitions(yours), _definitions(reference)
    for name in [*theirs, *(name for name in mine if name not in theirs)]:
        left, right = mine.get(name), theirs.get(name)
        if left is None or right is None or left[0] != right[0]:
            yield name, left[1] if left else "", right[1] if right else ""


def _definitions(source: str) -> dict[str, tuple[str, str]]:
    """Name -> the code without docstrings in one fixed form, and the text without the docstring."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            text = source.splitlines()
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            omitted = _docstring_lines(node)
            lines = [text[n - 1] for n in range(first, (node.end_lineno or first) + 1) if n not in omitted]
            found[node.name] = (_code(node), "\n".join(lines))
    return found


def _docstring_lines(node: ast.AST) -> set[int]:
    """The lines that hold nothing but docstrings of the definition and of what is defined in it."""
    lines: set[int] = set()
    for each in _documented(node):
        docstring = each.body[0]
        if docstring.lineno > each.lineno and len(each.body) > 1 and each.body[1].lineno > docstring.lineno:
            lines |= set(range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1))
    return lines


def _code(node: ast.AST) -> str:
    for each in _documented(node):
        del each.body[0]
    return ast.dump(node)


def _documented(node: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    return [
        each
        for each in ast.walk(node)
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and ast.get_docstring(each, clean=False) is not None
    ]


def _signed(sign: str) -> str:
    return click.style(sign, fg="red" if sign == "-" else "green")


def _unified(left: list[str], right: list[str], width: int) -> list[str]:
    """One below the other: - is yours, + is the reference's."""
    if not left or not right:
        return [f"    {part}" for line in left or right for part in _broken(line, width - 4)]
    found = []
    for line in list(difflib.unified_diff(left, right, n=1000, lineterm=""))[3:]:
        sign, text = line[0], line[1:]
        found += [f"  {_signed(sign) if sign in '+-' else ' '} {part}" for part in _broken(text, width - 4)]
    return found


def _beside(left: list[str], right: list[str], width: int) -> list[str]:
    """Side by side: equal lines stand in one row, and a bar marks the rows that differ. What is long goes on below."""
    room = (width - 7) // 2
    lines = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for mine, theirs in zip_longest(left[i:j], right[k:m], fillvalue=""):
            bar = dim(" ") if tag == "equal" else "│"
            for one, other in zip_longest(_broken(mine, room), _broken(theirs, room), fillvalue=""):
                lines.append(f"  {pad(one, room)} {bar} {other}")
    return lines


def _broken(line: str, room: int) -> list[str]:
    """A line of code, broken at spaces and brackets where it is too long."""
    return ["".join(span.text for span in part) for part in code_line(line, room, "")]
