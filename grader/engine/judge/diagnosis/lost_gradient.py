"""A sentence about results that are right and do not depend on their inputs any more, as far as autograd knows."""

import ast

from grader.engine.judge.diagnosis.evidence import Case
from grader.engine.judge.replay import same_gradients

MOST_LINES = 3
_METHODS = {"item", "tolist", "numpy", "detach", "detach_"}
_FUNCTIONS = {"no_grad", "inference_mode", "tensor", "as_tensor", "from_numpy"}


def describe_lost_gradient(case: Case, source: str) -> str | None:
    """Return a sentence about the first call whose right result has no gradient; None if there is none.

    `source` is the submission. The sentence names the lines that may have cut the graph.
    """
    places = range(case.answered)
    right = (place for place in places if case.is_right[place])
    lost = next((each for each in right if not same_gradients(case.answers[each], case.expected[each])), None)
    if lost is None:
        return None
    label = case.test.log[lost].question.label
    sentence = f"The numbers that {label} returns are right, but no gradient leads from them to the inputs"
    lines = _lines_that_leave_the_graph(source)
    if not lines:
        return f"{sentence}: which step makes a new tensor from numbers instead of computing with the old one?"
    listed = ", ".join(f"{number} ({text})" for number, text in list(lines.items())[:MOST_LINES])
    return f"{sentence}. These lines of yours leave the graph: {listed}. Which of them should stay in it?"


def _lines_that_leave_the_graph(source: str) -> dict[int, str]:
    """Return the line numbers of expressions that autograd does not follow, each with what stands there."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return {}
    found = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        if node.attr == "data" or node.attr in _METHODS:
            found[node.lineno] = f".{node.attr}" if node.attr == "data" else f".{node.attr}()"
        elif node.attr in _FUNCTIONS and isinstance(node.value, ast.Name) and node.value.id == "torch":
            found[node.lineno] = f"torch.{node.attr}"
    return dict(sorted(found.items()))
