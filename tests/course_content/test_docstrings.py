"""The examples in the docstrings of stubs and references hold."""

import ast
import doctest
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from grader.course import Exercise, load_course
from tests.course_content.references.solutions import reference
from tests.paths import ROOT

COURSE = load_course(ROOT)


@pytest.mark.parametrize("exercise", COURSE.exercises, ids=lambda each: each.id)
def test_examples_in_docstrings_hold(exercise: Exercise) -> None:
    names = {"torch": torch, **vars(reference(exercise.id))}
    failures: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    for path in (exercise.stub, exercise.reference):
        for name, docstring in docstrings(path):
            examples = doctest.DocTestParser().get_doctest(docstring, dict(names), name, str(path), 0)
            runner.run(examples, out=failures.append)
    assert runner.tries > 0
    assert failures == []


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the docstring of each definition in a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and (docstring := ast.get_docstring(node)):
            yield node.name, docstring
