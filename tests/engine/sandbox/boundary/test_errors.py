"""Exceptions: their types, messages and arguments, and calls after them."""

from typing import Any

import pytest
import torch

from grader.engine.sandbox.proxy import RemoteSubmission

STUDENT = """
import torch
from torch import nn


class Unequal(ValueError):
    pass


class Told(KeyError):
    def __init__(self, key, place):
        super().__init__(key, place)
        self.place = place

    def __str__(self):
        return f"no {self.args[0]} at {self.place}"


def check(kind):
    if kind == "value":
        raise ValueError("k must be in 1 .. E, got k = 9 of E = 4")
    if kind == "type":
        raise TypeError("the mask is float, not bool")
    if kind == "own":
        raise Unequal("5 images, 4 texts")
    if kind == "key":
        {"a": 1}["d_model"]
    if kind == "index":
        [1, 2][5]
    if kind == "several":
        raise ValueError("bad", 3, None)
    if kind == "none":
        raise ValueError
    if kind == "told":
        raise Told("weight", 3)
    if kind == "words":
        raise ValueError("ᾱ must lie in (0, 1]: \\"two\\" is not ≤ 1\\nsecond line")
    if kind == "assert":
        assert kind == "x", "shapes differ"
    if kind == "zero":
        1 / 0
    if kind == "from":
        try:
            check("key")
        except KeyError as error:
            raise ValueError("no d_model") from error
    if kind == "attribute":
        torch.nope
    if kind == "stop":
        next(iter([]))
    if kind == "overflow":
        2.0**100000
    if kind == "io":
        raise FileNotFoundError(2, "No such file or directory")
    return kind


def matmul(a, b):
    return a @ b


def unbroadcastable(x):
    return x + torch.zeros(x.shape[-1] + 1)


class Gate(nn.Module):
    def __init__(self, width):
        super().__init__()
        if width < 1:
            raise ValueError(f"width must be positive, got {width}")
        self.w = nn.Parameter(torch.ones(width))

    def forward(self, x):
        if x.shape[-1] != len(self.w):
            raise ValueError(f"expected {len(self.w)} features, got {x.shape[-1]}")
        return x * self.w

    @property
    def depth(self):
        raise ValueError("no depth")


class Weight(nn.Parameter):
    @property
    def dtype(self):
        raise ValueError("no dtype")


def reweighted(gate):
    gate.w = Weight(gate.w.detach())
    return gate


class Bad(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        raise ValueError("no backward here")


def no_backward(x):
    return Bad.apply(x)


def steps():
    yield 1
    raise ValueError("after one")
"""

KINDS = {
    "value": (ValueError, "k must be in 1 .. E, got k = 9 of E = 4"),
    "type": (TypeError, "the mask is float, not bool"),
    "own": (ValueError, "5 images, 4 texts"),
    "key": (KeyError, "'d_model'"),
    "index": (IndexError, "list index out of range"),
    "several": (ValueError, "('bad', 3, None)"),
    "none": (ValueError, ""),
    "told": (KeyError, "no weight at 3"),
    "assert": (AssertionError, "shapes differ"),
    "zero": (ZeroDivisionError, "division by zero"),
    "from": (ValueError, "no d_model"),
    "attribute": (AttributeError, "module 'torch' has no attribute 'nope'"),
    "stop": (StopIteration, ""),
    "overflow": (OverflowError, "(34, 'Numerical result out of range')"),
    "io": (FileNotFoundError, "[Errno 2] No such file or directory"),
}


@pytest.mark.parametrize("name", KINDS)
def test_an_exception_is_raised(m: Any, name: str) -> None:
    kind, message = KINDS[name]
    with pytest.raises(kind) as caught:
        m.check(name)
    assert str(caught.value) == message
    assert m.check("well") == "well"


def test_only_the_right_exception_is_caught(m: Any) -> None:
    with pytest.raises(TypeError), pytest.raises(ValueError, match="mask"):
        m.check("type")
    with pytest.raises((ValueError, TypeError), match=r"k = 9 of E = \d"):
        m.check("value")
    with pytest.raises(LookupError):
        m.check("key")
    with pytest.raises(Exception, match="5 images") as caught:
        m.check("own")
    assert caught.value.args == ("5 images, 4 texts",)


def test_an_exception_keeps_its_arguments(m: Any) -> None:
    with pytest.raises(ValueError, match="bad") as caught:
        m.check("several")
    assert caught.value.args == ("bad", 3, None)
    with pytest.raises(KeyError) as missing:
        m.check("key")
    assert missing.value.args == ("d_model",)


def test_an_exception_keeps_its_message(m: Any) -> None:
    with pytest.raises(ValueError, match=r"ᾱ must lie in .* is not ≤ 1") as caught:
        m.check("words")
    assert str(caught.value).endswith("second line")


def test_exceptions_of_torch_are_raised(m: Any) -> None:
    with pytest.raises(RuntimeError, match="2x3 and 4x5"):
        m.matmul(torch.ones(2, 3), torch.ones(4, 5))
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        m.unbroadcastable(torch.ones(2, 3))
    with pytest.raises(IndexError, match="Dimension out of range"):
        m.unbroadcastable(torch.ones(2, 3).sum(5))


def test_exceptions_of_modules_are_raised(m: Any) -> None:
    with pytest.raises(ValueError, match="width must be positive, got 0"):
        m.Gate(0)
    gate = m.Gate(3)
    with pytest.raises(ValueError, match="expected 3 features, got 4"):
        gate(torch.ones(2, 4))
    assert torch.equal(gate(torch.ones(2, 3)), torch.ones(2, 3))


def test_exceptions_in_backward_are_raised(m: Any) -> None:
    y = m.no_backward(torch.ones(2, requires_grad=True))
    with pytest.raises(ValueError, match="no backward here"):
        y.sum().backward()


def test_exceptions_of_a_generator_are_raised(m: Any) -> None:
    steps = m.steps()
    assert next(steps) == 1
    with pytest.raises(ValueError, match="after one"):
        next(steps)


def test_missing_names_raise_attribute_error(m: Any) -> None:
    with pytest.raises(AttributeError):
        m.chek("value")
    with pytest.raises(AttributeError, match="wieght"):
        _ = m.Gate(2).wieght


def test_frames_of_the_executor_do_not_count_as_hidden(submission: RemoteSubmission) -> None:
    gate = submission.reweighted(submission.Gate(2))
    with pytest.raises(ValueError, match="no depth") as asked:
        _ = gate.depth
    with torch.no_grad():
        gate.w.add_(1)
    with pytest.raises(ValueError, match="no dtype") as updated:
        gate(torch.ones(2))
    errors: list[Any] = [asked.value, updated.value]
    assert [error.fault.threw.hidden_frames for error in errors] == [0, 0]
