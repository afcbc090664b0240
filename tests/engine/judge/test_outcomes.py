"""What a submission can get wrong without malice, with its outcome and message.

All submissions are of the exercise in tests/toolbox: the reference, with the code shown here after it.
"""
# ruff: noqa: E501 - a row of a table is one line

import sys
from textwrap import dedent
from typing import Any

import pytest

from grader.base.result import Failure, Outcome, Raised, Result
from grader.engine.judge.messages import Job

if sys.platform != "linux":
    pytest.skip("the limits on memory and time are tested where they hold", allow_module_level=True)


def failure(result: Result, test: str) -> Failure:
    """Return why a test failed."""
    found = next(each.failure for each in result.tests if each.id == f"test_{test}")
    assert found is not None
    return found


def exception(result: Result, test: str) -> Raised:
    """Return the exception in a test."""
    found = failure(result, test).exception
    assert found is not None
    return found


def frame(result: Result, test: str) -> Any:
    """Return the innermost frame of the exception in a test."""
    return exception(result, test).frames[-1]


def samples(result: Result, test: str) -> Any:
    """Return the samples of a call that did not end."""
    found = failure(result, test).samples
    assert found is not None
    return found


def line_of(result: Result, test: str) -> str:
    """Return the source line that raised an exception."""
    found = frame(result, test)
    return str(next(line.text for line in found.source if line.number == found.line)).strip()


def line_number(grade: Any, code: str, words: str) -> int:
    """Return the line of some words in the whole submission."""
    lines = f"{grade.reference}\n\n{code}".split("\n")
    return next(number for number, line in enumerate(lines, 1) if words in line)


# ------------------------------------------------------------ one function is wrong

# name: (test that fails, its outcome, words of its message, code)
WRONG = {
    "not started": ("scale", "not_started", "not written yet", "def scale(x, factor): raise NotImplementedError"),
    "not started, with a word": ("pick", "not_started", "", "def pick(items, place): raise NotImplementedError('soon')"),
    "a name is missing": ("scale", "missing_name", "Your file has no 'scale'.", "del scale"),
    "a name is misspelt": ("scale", "missing_name", "Is it what you called 'scael'?", "scael = scale; del scale"),
    "a name is no function": ("scale", "wrong_type", "'int' object is not callable", "scale = 3"),
    "too few parameters": ("scale", "wrong_signature", "Yours is scale(x), the exercise's scale(x", "def scale(x): pass"),
    "too many parameters": ("mix", "wrong_signature", "mix(a, b, c)", "def mix(a, b, c): pass"),
    "a class takes nothing": ("gate", "wrong_signature", "Gate()", "class Gate(nn.Module):\n def __init__(self): pass"),
    "wrong shape": ("scale", "wrong_shape", "[D=7, T=5], expected [T=5, D=7]", "def scale(x, f): return (x * f).T"),
    "an axis is missing": ("mix", "wrong_shape", "No axis of yours has length T=3 and D=7", "def mix(s, v): return v.sum(1)"),
    "wrong dtype": ("scale", "wrong_dtype", "float32, expected float64", "def scale(x, f): return x.float() * f"),
    "wrong values": ("scale", "wrong_values", "35 of 35 numbers", "def scale(x, factor): return x - factor"),
    "NaN": ("scale", "nan", "35 of 35 numbers of what scale returns are NaN", "def scale(x, factor): return x * float('nan')"),
    "None": ("scale", "returned_none", "scale returned None. Is a return missing?", "def scale(x, factor): x * factor"),
    "wrong type": ("scale", "wrong_type", "a list, expected a tensor", "def scale(x, factor): return [x]"),
    "a numpy array": ("scale", "wrong_type", "a numpy array, expected a tensor", "def scale(x, factor): return (x * factor).numpy()"),
    "a string": ("mix", "wrong_type", "a str", "def mix(scores, values): return 'done'"),
    "ellipsis": ("scale", "wrong_type", "an ellipsis", "def scale(x, factor): return ..."),
    "a number for a tensor": ("scale", "wrong_type", "a float", "def scale(x, factor): return 3.0"),
    "another int": ("pick", "wrong_values", "11, expected 22", "def pick(items, place): return items[place - 1]"),
    "a key is missing": ("merge", "wrong_values", "merge returns lacks the keys 'left' and 'right'.", "def merge(parts): return {}"),
    "a key too many": (
        "merge", "wrong_values", "merge returns has the key 'sum', which should not be there.",
        "def merge(parts): return {**{n: sum(p) for n, p in parts.items()}, 'sum': 0}",
    ),
    "a value in a dict": ("merge", "wrong_values", "what merge returns at ['left']", "def merge(parts): return {n: p[0] for n, p in parts.items()}"),
    "no exception": ("pick", "no_exception", "should raise IndexError", "def pick(items, place): return items[1]"),
    "another exception": (
        "pick", "exception", "KeyError", "def pick(items, place):\n if place == 1: return 22\n raise KeyError(place)",
    ),
    "a coroutine": ("scale", "wrong_type", "coroutine", "async def scale(x, factor): return x * factor"),
    "a generator": ("scale", "wrong_type", "generator", "def scale(x, factor): yield x * factor"),
    "a function": ("scale", "wrong_type", "function", "def scale(x, factor): return lambda: x"),
    "a class for a value": ("scale", "wrong_type", "", "def scale(x, factor): return nn.Linear"),
    "own objects for keys": ("merge", "wrong_type", "with a key other than a number", "class Name: pass\ndef merge(parts): return {Name(): 1}"),
    "own objects in a set": ("merge", "wrong_type", "with a key other than a number", "class Name: pass\ndef merge(parts): return {(1, Name())}"),
    "a named tuple of 300": ("pick", "wrong_type", "a tuple", "from collections import namedtuple\nLong = namedtuple('Long', [f'n{i}' for i in range(300)])\ndef pick(items, place): return Long(*range(300))"),
    "a module for a tensor": ("scale", "wrong_type", "", "def scale(x, factor): return nn.Linear(2, 3)"),
    "overwritten before the gradient": ("gate", "exception", "A tensor that the gradient needs was overwritten", "def forward(self, x):\n s = self.weight.sigmoid()\n y = x * s\n s *= 2\n return y\nGate.forward = forward"),
    "overwritten by a method": ("gate", "exception", "h.mul_(a)", "def forward(self, x):\n s = self.weight.sigmoid()\n y = x * s\n s.mul_(2)\n return y\nGate.forward = forward"),
    "gradient cut": ("gate", "wrong_type", "does not require grad", "Gate.forward = lambda self, x: x * self.weight.sigmoid().detach()"),
    "an argument, in place": ("scale", "argument_changed", "changed x in place", "def scale(x, factor): return x.mul_(factor)"),
    "an argument, by index": (
        "mix", "argument_changed", "values", "def mix(s, v):\n out = s.softmax(-1) @ v\n v[0, 0] += 1\n return out",
    ),
    "an argument, by .data": ("scale", "argument_changed", "x", "def scale(x, f):\n x.data *= f\n return x.clone()"),
    "an argument, by numpy": (
        "scale", "argument_changed", "x", "def scale(x, f):\n out = x * f\n x.numpy()[0] = 0\n return out",
    ),
    "an argument, by a view": ("scale", "argument_changed", "x", "def scale(x, f):\n out = x * f\n x[1:].t()[0].zero_()\n return out"),
    "an argument, by resizing": ("scale", "argument_changed", "x", "def scale(x, f):\n out = x * f\n x.resize_(2, 2)\n return out"),
    "an argument, transposed in place": ("scale", "argument_changed", "x", "def scale(x, f):\n out = x * f\n x.t_()\n return out"),
    "a list": ("pick", "argument_changed", "changed items in place", "def pick(items, place): return items.pop(place)"),
    "a list that is sorted": (
        "pick", "argument_changed", "items", "def pick(items, place):\n items.sort(reverse=True)\n return items[place]",
    ),
    "a dict": ("merge", "argument_changed", "parts", "def merge(parts): return {k: sum(parts.pop(k)) for k in list(parts)}"),
    "a list in a dict": ("merge", "argument_changed", "parts", "def merge(parts): return {k: sum(p, p.pop()) for k, p in parts.items()}"),
    "a tensor in a dict": (
        "merge", "argument_changed", "parts",
        "def merge(parts):\n for p in parts.values():\n  for t in p[1:]: p[0].add_(t)\n return {k: p[0].clone() for k, p in parts.items()}",
    ),
    "sys.exit": ("scale", "exited", "called exit", "def scale(x, factor): import sys; sys.exit('enough')"),
    "exit(None)": ("scale", "exited", "called exit.", "def scale(x, factor): raise SystemExit(None)"),
    "exit without a code": ("scale", "exited", "called exit.", "def scale(x, factor): raise SystemExit"),
    "exit()": ("scale", "exited", "called exit (0)", "def scale(x, factor): raise SystemExit(0)"),
    "quit()": ("scale", "exited", "called exit", "def scale(x, factor): quit()"),
    "os._exit(0)": ("scale", "exited", "exit code 0", "import os\ndef scale(x, factor): os._exit(0)"),
    "os._exit(7)": ("mix", "exited", "exit code 7", "import os\ndef mix(s, v): os._exit(7)"),
    "os.abort": ("scale", "crashed", "SIGABRT", "import os\ndef scale(x, factor): os.abort()"),
    "a segmentation fault": ("scale", "crashed", "SIGSEGV", "import ctypes\ndef scale(x, factor): ctypes.string_at(0)"),
    "a signal of its own": ("scale", "crashed", "signal 50", "import os\ndef scale(x, f): os.kill(os.getpid(), 50)"),
    "killed": ("scale", "crashed", "killed", "import os\ndef scale(x, f): os.kill(os.getpid(), 9)"),
    "recursion": ("scale", "recursion", "calls itself", "def scale(x, factor): return scale(x, factor)"),
    "recursion of two": ("scale", "recursion", "", "def f(n): return g(n + 1)\ndef g(n): return f(n + 1)\ndef scale(x, f_): return f(0)"),
    "a list without end": ("scale", "memory", "memory", "def scale(x, f):\n a = [0]\n while 1: a = a + a"),
    "a tensor of 4 TB": ("scale", "memory", "memory", "def scale(x, f): return torch.empty(1 << 40).fill_(1)"),
    "many tensors": ("scale", "memory", "memory", "def scale(x, f):\n a = []\n while 1: a.append(torch.ones(1 << 20))"),
    "what torch says of C++": ("scale", "memory", "memory", "def scale(x, f): raise RuntimeError('std::bad_alloc')"),
    "a string of 4 TB": ("scale", "memory", "memory", "def scale(x, f): return 'a' * (1 << 42)"),
    "keyboard interrupt": ("scale", "exception", "KeyboardInterrupt", "def scale(x, f): raise KeyboardInterrupt"),
    "generator exit": ("scale", "exception", "GeneratorExit", "def scale(x, f): raise GeneratorExit('a')"),
    "a name that is misspelt": ("scale", "exception", "not defined. Did you mean: 'factor'?", "def scale(x, factor): return x * facter"),
    "a method that is misspelt": ("scale", "exception", "Did you mean: 'softmax'?", "def scale(x, factor): return x.sofmax(-1)"),
    "a breakpoint": ("scale", "exception", "Your code stops at breakpoint()", "def scale(x, factor):\n breakpoint()\n return x"),
    "input": ("scale", "exception", "Your code calls input(), and nobody can answer", "def scale(x, factor): return x * int(input())"),
    "the end of a file": ("scale", "exception", "EOFError: no more", "def scale(x, factor): raise EOFError('no more')"),
    "stop iteration": ("scale", "exception", "StopIteration", "def scale(x, f): return next(iter([]))"),
    "a group of exceptions": ("scale", "exception", "two", "def scale(x, f): raise ExceptionGroup('two', [ValueError('a'), KeyError('b')])"),
    "a Unicode error": ("scale", "exception", "UnicodeDecodeError", "def scale(x, f): b'\\xff'.decode()"),
    "an exception of one's own": ("scale", "exception", "Odd: a", "class Odd(Exception): pass\ndef scale(x, f): raise Odd('a')"),
    "a failed assertion": ("scale", "exception", "AssertionError: no", "def scale(x, f): assert x is None, 'no'"),
    "a warning as an error": ("scale", "exception", "UserWarning", "def scale(x, f): raise UserWarning('careful')"),
    "an OSError": ("scale", "exception", "FileNotFoundError", "import os\ndef scale(x, f): os.stat('/usr/lib/not-there')"),
    "an operation that torch does not have": ("scale", "exception", "NotImplementedError", "def scale(x, f): return torch.empty(5, 7, device='meta').to('cpu')"),
    "a syntax error at run time": ("scale", "exception", "SyntaxError", "def scale(x, f): return eval('x *')"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_function_has_the_expected_outcome(name: str, grade: Any) -> None:
    test, outcome, words, code = WRONG[name]
    result = grade(code)
    assert result.outcome is Outcome.GRADED, result.message
    assert grade.failed(result) == {test: outcome}
    assert words in failure(result, test).message


# ------------------------------------------------------------ nothing can be run

# name: (outcome, words of the message, line of the innermost frame, code)
UNUSABLE = {
    "nothing is written": ("not_started", "", None, "def scale(x, factor):\n    raise NotImplementedError\n"),
    "a bracket is open": ("syntax_error", "was never closed", 2, "import torch\nx = (1,\n"),
    "bad indentation": ("syntax_error", "indent", 2, "def scale(x, factor):\nreturn x\n"),
    "return outside of a function": ("syntax_error", "'return' outside function", 3, "a = 1\n\nreturn a\n"),
    "brackets too deep": ("syntax_error", "", None, "x = " + "(" * 5000 + ")" * 5000),
    "minus signs too deep": ("syntax_error", "nested too deeply", None, "x = " + "-" * 100_000 + "1"),
    "a number too long": ("syntax_error", "", None, "x = " + "9" * 10_000),
    "no such module": ("import_error", "No module named 'tensorflow'", 1, "import tensorflow\n"),
    "no such name": ("import_error", "cannot import name 'MagicLayer'", 2, "\nfrom torch.nn import MagicLayer\n"),
    "an exception at import": ("import_error", "ZeroDivisionError", 2, "a = 0\nb = 1 / a\n"),
    "a deep exception at import": ("import_error", "NameError: name 'y'", 2, "def f():\n    return y\nf()\n"),
    "input at import": ("import_error", "Your code calls input()", 2, "\nfactor = input()\n"),
    "a breakpoint at import": ("import_error", "Your code stops at breakpoint()", 2, "\nbreakpoint()\n"),
    "exit at import": ("exited", "called exit (2)", 2, "import sys\nsys.exit(2)\n"),
    "os._exit at import": ("exited", "exit code 3", None, "import os\nos._exit(3)\n"),
    "a crash at import": ("crashed", "SIGSEGV", None, "import ctypes\nctypes.string_at(0)\n"),
    "recursion at import": ("recursion", "calls itself", 2, "def f():\n    f()\nf()\n"),
    "no memory at import": ("memory", "memory", 2, "import torch\nx = torch.ones(1 << 40)\n"),
    "nothing at import": ("not_started", "", 1, "raise NotImplementedError\n"),
    "a file at import": ("forbidden", "asked the system", 1, "open('/etc/hostname')\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_cannot_be_loaded_has_the_expected_outcome(name: str, grade: Any) -> None:
    outcome, words, line, code = UNUSABLE[name]
    result = grade(code, whole=True)
    assert result.outcome.value == outcome
    assert (result.score, result.max_score, result.tests) == (0, 31, ())
    assert words in (result.message or "")
    if line is not None:
        assert result.exception.frames[-1].line == line
        assert result.exception.frames[-1].file == "toolbox.py"


def test_an_empty_file_has_missing_names(grade: Any) -> None:
    result = grade("", whole=True)
    assert set(grade.failed(result).values()) == {"missing_name"}


def test_each_function_has_an_outcome_of_its_own(grade: Any) -> None:
    result = grade("""
def scale(x, factor): return x.nope
def mix(scores, values): return values @ scores
def pick(items, place): return 22
def merge(parts): parts.clear()
def Gate(size): import os; os._exit(0)
""")
    assert grade.failed(result) == {
        "scale": "exception",
        "mix": "exception",
        "pick": "no_exception",
        "merge": "argument_changed",
        "gate": "exited",
    }


# ------------------------------------------------------------ exceptions


def test_an_exception_shows_only_the_students_frames(grade: Any) -> None:
    result = grade(
        dedent("""
        def inner(left, right):
            return torch.nn.functional.linear(left, right)

        def mix(scores, values):
            weights = torch.softmax(scores, dim=-1)
            return inner(weights, values)
        """)
    )
    raised = failure(result, "mix").exception
    assert raised is not None
    assert [each.function for each in raised.frames] == ["mix", "inner"]
    assert {each.file for each in raised.frames} == {"toolbox.py"}
    assert line_of(result, "mix") == "return torch.nn.functional.linear(left, right)"
    assert "mat1 and mat2 shapes cannot be multiplied (3x5 and 7x5)" in raised.message


def test_an_exception_shows_the_operands_with_their_axes(grade: Any) -> None:
    result = grade("def mix(scores, values):\n    weights = scores.softmax(-1)\n    return weights @ values.T")
    found = frame(result, "mix")
    shapes = {o.expression: [(a.size, a.name) for a in o.value.shape] for o in found.operands if o.value.shape}
    assert shapes == {"weights": [(3, "T"), (5, "S")], "values.T": [(7, "D"), (5, "S")]}
    local = {each.name: each.value for each in found.locals}
    assert [axis.size for axis in local["values"].shape] == [5, 7]
    assert local["values"].dtype == "float64"
    line = next(each.text for each in found.source if each.number == found.line)
    assert line[found.column : found.end_column] == "weights @ values.T"


def test_sizes_in_a_dict_of_the_file_name_axes(grade: Any) -> None:
    shown = failure(grade("def merge(parts): return {name: part[0][1:] for name, part in parts.items()}"), "merge")
    assert "[6], expected [D=7]" in shown.message


def test_a_size_with_another_name_in_the_students_code_is_not_named(grade: Any) -> None:
    """The test has D = 7, but the student calls the size N, which may be another."""
    code = "def mix(scores, values):\n    N = 7\n    return scores.softmax(-1) @ values.T"
    shapes = {o.expression: [a.name for a in o.value.shape] for o in frame(grade(code), "mix").operands}
    assert shapes["values.T"] == [None, "S"]
    shapes = {
        o.expression: [a.name for a in o.value.shape] for o in frame(grade(code.replace("N", "D")), "mix").operands
    }
    assert shapes["values.T"] == ["D", "S"]


def operands(grade: Any, line: str) -> dict[str, list[int]]:
    """Return the tensors on a line of `mix` that raises, by name."""
    result = grade(f"def mix(scores, values):\n    t = 1\n    return {line}")
    found = frame(result, "mix").operands
    return {o.expression: [axis.size for axis in o.value.shape] for o in found if o.value.shape is not None}


def test_a_slice_has_its_own_shape(grade: Any) -> None:
    assert operands(grade, "scores[:, t] + values[1:, None]") == {"scores[:, t]": [3], "values[1:, None]": [4, 1, 7]}
    assert operands(grade, "scores[-1] @ values[..., :2].T") == {"scores[-1]": [5], "values[..., :2]": [5, 2]}


def test_the_tensors_of_a_computed_operand_are_shown(grade: Any) -> None:
    assert operands(grade, "(scores * 2)[:, None] + values.exp()") == {"scores": [3, 5], "values": [5, 7]}


def test_a_product_of_computed_operands_is_not_explained_by_their_tensors(grade: Any) -> None:
    result = grade("def mix(scores, values): return scores @ values.reshape(7, 5)")
    assert "sums over the last axis" not in failure(result, "mix").message


@pytest.mark.parametrize(
    ("line", "copied"),
    [
        ("q @ k[:, None].mT", "copies k[:, None] 64 times"),  # 2 * 64 * 20000 * 40 doubles
        ("(q * 2) @ k[:, None].transpose(-1, -2)", "copies k[:, None] 64 times"),
        ("torch.matmul(q, k[:, None].mT)", "copies k[:, None] 64 times"),
        ("q * k[:, None, :1] + torch.ones(2, 64, 20000, 40)", None),
        ("torch.einsum('bhtc,bsc->bhsc', q, k)", None),
    ],
)
def test_names_the_tensor_that_a_product_copies_until_memory_is_full(line: str, copied: str | None, grade: Any) -> None:
    made = " q = torch.ones(2, 64, 1, 40, dtype=torch.float64)\n k = torch.ones(2, 20000, 40, dtype=torch.float64)\n"
    result = grade(f"def mix(scores, values):\n{made} return {line}")
    message = failure(result, "mix").message
    assert "was not enough" in message
    if copied is None:
        assert "copies" not in message
    else:
        assert copied in message
        assert "781 MiB" in message


def test_a_long_message_is_not_cut(grade: Any) -> None:
    result = grade("def scale(x, factor): raise ValueError(' '.join(str(n) for n in range(5000)))")
    assert exception(result, "scale").message == " ".join(map(str, range(5000)))


def test_a_message_of_torch_is_not_cut(grade: Any) -> None:
    result = grade("def scale(x, factor): return x + torch.zeros(6, 7)")
    words = "The size of tensor a (5) must match the size of tensor b (6) at non-singleton dimension 0"
    assert exception(result, "scale").message == words


def test_a_column_counts_characters(grade: Any) -> None:
    result = grade("def scale(x, factor):\n    ваги = 'ґ'; return ваги / x")
    found = frame(result, "scale")
    line = next(each.text for each in found.source if each.number == found.line)
    assert line[found.column : found.end_column] == "ваги / x"
    assert [o.expression for o in found.operands] == ["ваги", "x"]


def test_an_exception_in_a_lambda_of_a_class_body_shows_its_line(grade: Any) -> None:
    result = grade(
        "class Table:\n    look = staticmethod(lambda x: x[9])\ndef scale(x, factor): return Table.look([1])"
    )
    assert grade.failed(result) == {"scale": "exception"}
    assert frame(result, "scale").function == "<lambda>"


def test_recursion_ends_within_the_time_of_a_test(grade: Any) -> None:
    """The traceback has a thousand frames of a long file, and only some are examined."""
    result = grade("\n".join(f"name_{n} = {n}" for n in range(5000)) + "\ndef scale(x, f): return scale(x, f)")
    assert grade.failed(result) == {"scale": "recursion"}


# ------------------------------------------------------------ calls that do not end


def test_a_loop_shows_its_line_and_the_locals_that_do_not_change(grade: Any) -> None:
    code = "def scale(x, factor):\n    place, size = 0, 3\n    while place < size:\n        x = x + 0\n    return x"
    result = grade(code, seconds=0.5)
    assert grade.failed(result) == {"scale": "timeout"}
    found = samples(result, "scale")
    assert found.limit == 0.5
    assert found.count > 1
    texts = [line.text for line in found.frame.source if line.number == found.frame.line]
    assert texts in (["    while place < size:"], ["        x = x + 0"])
    assert {each.name: each.value.text for each in found.unchanged} == {"place": "0", "size": "3", "factor": "3.0"}


def test_an_operation_of_torch_shows_its_line(grade: Any) -> None:
    code = "def scale(x, factor):\n    big = torch.ones(1500, 1500)\n    return torch.matrix_power(big, 2**62 - 1)"
    result = grade(code, seconds=0.5)
    assert grade.failed(result) == {"scale": "timeout"}
    found = samples(result, "scale")
    texts = [line.text for line in found.frame.source if line.number == found.frame.line]
    assert texts == ["    return torch.matrix_power(big, 2**62 - 1)"]


def test_an_operation_after_some_python_shows_its_own_line(grade: Any) -> None:
    """A sample from long before the timeout does not show where the code hangs."""
    code = """
def scale(x, factor):
    import time
    begun = time.process_time()
    while time.process_time() < begun + 0.2:
        pass
    big = torch.ones(1500, 1500)
    return torch.matrix_power(big, 2**62 - 1)
"""
    result = grade(code, seconds=1.0)
    assert grade.failed(result) == {"scale": "timeout"}
    found = samples(result, "scale")
    texts = [line.text for line in found.frame.source if line.number == found.frame.line]
    assert texts == ["    return torch.matrix_power(big, 2**62 - 1)"]


def test_a_loop_around_operations_of_torch_shows_its_line(grade: Any) -> None:
    """The frames of torch's Python functions are skipped."""
    code = "def scale(x, factor):\n    big = torch.ones(700, 700, requires_grad=True)\n    while True: torch.autograd.grad(torch.matrix_exp(big).sum(), big)"
    result = grade(code, seconds=0.5)
    assert grade.failed(result) == {"scale": "timeout"}
    assert samples(result, "scale").frame.line == line_number(grade, code, "while True")


def test_code_without_a_line_shows_its_function(grade: Any) -> None:
    """Some instructions of any function have no line, and a sample may find one of them."""
    lines = "\nscale.__code__ = scale.__code__.replace(co_linetable=b'')\n"
    result = grade(f"def scale(x, factor):\n    while True:\n        pass\n{lines}", seconds=0.5)
    assert grade.failed(result) == {"scale": "timeout"}
    looped = samples(result, "scale")
    assert looped.frame.function == "scale"
    assert looped.frame.source[2].text == "def scale(x, factor):"
    result = grade(f"def scale(x, factor):\n    raise KeyError(factor)\n{lines}")
    assert grade.failed(result) == {"scale": "exception"}


def test_sleeping_too_long_is_a_timeout(grade: Any) -> None:
    result = grade("import time\ndef scale(x, factor):\n    while True: time.sleep(9)", seconds=0.5)
    assert grade.failed(result) == {"scale": "timeout"}
    assert samples(result, "scale").frame.function == "scale"


def test_skips_the_remaining_tests_after_two_timeouts(grade: Any) -> None:
    code = "def mix(s, v):\n while 1: pass\ndef scale(x, f):\n while 1: pass\n"
    result = grade(code, seconds=0.5)
    assert grade.failed(result) == {
        "scale": "timeout",
        "mix": "timeout",
        "pick": "skipped",
        "merge": "skipped",
        "gate": "skipped",
    }
    assert failure(result, "gate").message == "Not run: 2 tests of this submission did not end."


def test_exitfirst_skips_the_tests_after_the_first_failure(grade: Any) -> None:
    source = f"{grade.reference}\ndef mix(scores, values): return values\ndef pick(items, place): return None\n"
    outcomes = {}
    for exitfirst in (False, True):
        job = Job(0, "toolbox", "toolbox.py", source, "", seed=0, exitfirst=exitfirst)
        result = grade.graded(job)
        outcomes[exitfirst] = [test.outcome for test in result.tests]
    first = next(place for place, outcome in enumerate(outcomes[False]) if outcome is not Outcome.PASSED)
    rest = outcomes[True][first + 1 :]
    assert outcomes[True][: first + 1] == outcomes[False][: first + 1]
    assert len(rest) > 1
    assert set(rest) == {Outcome.SKIPPED}
    assert Outcome.RETURNED_NONE in outcomes[False][first + 1 :]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("return x * self.weight.sigmoid().detach()", "leave the graph: {line} (.detach())"),
        ("return torch.tensor((x * self.weight.sigmoid()).tolist(), dtype=x.dtype)", "leave the graph: {line} ("),
    ],
)
def test_a_lost_gradient_is_told_with_the_lines_that_leave_the_graph(code: str, words: str, grade: Any) -> None:
    text = f"def forward(self, x):\n    {code}\nGate.forward = forward"
    (sentence,) = failure(grade(text), "gate").observations
    assert sentence.startswith("The numbers that Gate.forward returns are right, but no gradient leads from them")
    assert words.format(line=line_number(grade, text, code)) in sentence


@pytest.mark.parametrize(("error", "told"), [("ValueError", True), ("MemoryError", False)])
def test_a_call_that_fills_the_memory_is_not_repeated(error: str, told: bool, grade: Any) -> None:
    """After any other exception, more calls show what the failure depends on."""
    result = grade(f"def scale(x, factor):\n if len(x) > 1: raise {error}\n return x * factor")
    assert any("your code runs" in each for each in failure(result, "scale").observations) == told


@pytest.mark.slow
def test_a_loop_at_import_is_a_timeout(grade: Any) -> None:
    """Loading has at least ten seconds, because of slow imports; the message has the limit and the line."""
    result = grade("import torch\nwhile True:\n    pass\n", seconds=0.5, whole=True)
    assert result.outcome is Outcome.TIMEOUT
    assert "10 s" in result.message
    assert "line 2" in result.message or "line 3" in result.message


# ------------------------------------------------------------ output


def test_output_of_a_public_test_is_shown_and_of_a_hidden_one_is_not(grade: Any) -> None:
    code = "def mix(s, v):\n print('in mix')\n return s.softmax(-1) @ v\ndef pick(i, p):\n print('in pick')\n if p < 0: raise IndexError\n return i[p]\nprint('at import')"
    result = grade(code)
    assert grade.failed(result) == {}
    assert result.output.text == "at import\n"
    shown = {test.id: test.output and test.output.text for test in result.tests}
    assert shown["test_mix"] == "in mix\n"
    assert shown["test_pick"] is None


def test_output_before_a_crash_is_shown(grade: Any) -> None:
    result = grade("import os\ndef scale(x, f):\n print('so far')\n os.abort()")
    assert next(test for test in result.tests if test.id == "test_scale").output.text.startswith("so far\n")


def test_standard_error_and_descriptors_are_shown(grade: Any) -> None:
    code = "import os, sys\ndef scale(x, f):\n print('a', file=sys.stderr)\n os.write(1, b'b')\n os.write(2, b'c')\n return x * f"
    result = grade(code)
    assert next(test for test in result.tests if test.id == "test_scale").output.text == "a\nbc"


def test_output_beyond_the_limit_is_dropped_and_counted(grade: Any) -> None:
    """A test that prints gigabytes passes."""
    code = "import os\nchunk = b'x' * (1 << 20)\ndef scale(x, f):\n left = 1 << 30\n while left: left -= os.write(1, chunk[:left])\n return x * f"
    result = grade(code, seconds=20.0)
    assert grade.failed(result) == {}
    output = next(test for test in result.tests if test.id == "test_scale").output
    assert len(output.text) == 64 << 10
    assert output.dropped == (1 << 30) - (64 << 10)


# ------------------------------------------------------------ unusual and right

RIGHT = {
    "float64 through numpy": "import numpy\ndef scale(x, f): return torch.from_numpy(x.numpy() * f)",
    "a parameter": "def scale(x, f): return nn.Parameter(x * f)",
    "a view": "def scale(x, f): return (x * f).T.contiguous().T",
    "a stride of zero": "def merge(parts): return {k: torch.stack([*p, torch.zeros(1).double().expand(7)]).sum(0) for k, p in parts.items()}",
    "a sparse tensor": "def scale(x, f): return (x * f).to_sparse()",
    "an ordered dict": "import collections\ndef merge(parts): return collections.OrderedDict((k, sum(p)) for k, p in parts.items())",
    "an int of numpy": "import numpy\ndef pick(i, p):\n if p < 0: raise IndexError\n return int(numpy.array(i)[p])",
    "a bool of one's own": "class Late(IndexError): pass\ndef pick(i, p):\n if p < 0 or p > 2: raise Late('late')\n return i[p]",
    "a callable object": "class Scale:\n def __call__(self, x, f): return x * f\nscale = Scale()",
    "a partial": "import functools\nscale = functools.partial(lambda f, x, g: x * g, None)",
    "a compiled-like wrapper": "scale = torch.no_grad()(scale)",
    "a jit script": "scale = torch.jit.trace(lambda x: x * 3.0, torch.ones(5, 7).double(), check_trace=False)\nscale = (lambda g: lambda x, f: g(x))(scale)",
    "postponed annotations and a dataclass": "import dataclasses\n@dataclasses.dataclass\nclass Two:\n a: 'int' = 1",
    "set_num_threads": "torch.set_num_threads(8)\ntorch.set_num_interop_threads(2)",
    "grad mode left off": "torch.set_grad_enabled(False)",
    "default dtype left changed": "torch.set_default_dtype(torch.float64)",
    "stdout replaced": "import io, sys\nsys.stdout = io.StringIO()\nprint('x')",
    "stdout taken away": "import sys\nsys.stdout = None",
    "stdout closed": "import sys\nsys.stdout.close()",
    "main guard": "if __name__ == '__main__':\n raise ValueError",
    "Windows line ends in a string": "text = 'a\\r\\nb'",
    "a name in another alphabet": "масштаб = 3\nif масштаб != 3: raise ValueError",
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_unusual_right_code_passes(name: str, grade: Any) -> None:
    assert grade.failed(grade(RIGHT[name])) == {}
