"""What cannot be sent raises UsageError, with one sentence for the author of the test."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from grader.base.errors import UsageError
from grader.engine.sandbox.proxy import RemoteSubmission

STUDENT = """
import torch
from torch import nn

EPS = 1.0
memory = []


def square(x):
    return x**2


def remember(x):
    memory.append(x * 2)


def recall():
    return memory[-1]


weight = torch.ones(2, requires_grad=True)


def own():
    return weight * 2


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)
        self.register_buffer("c", torch.ones(2))

    def forward(self, x):
        return self.b(self.a(x)) * self.c
"""

X = torch.ones(3)


class Thing:
    pass


REFUSED: dict[str, tuple[Callable[[Any], object], str]] = {
    "an object of the test's": (lambda m: m.square(Thing()), "square cannot be given a Thing"),
    "a function of the test's": (lambda m: m.square(x=len), "square cannot be given a builtin_function_or_method"),
    "an object within a list": (lambda m: m.square([[{"a": Thing()}]]), "square cannot be given a Thing"),
    "a device": (lambda m: m.square(torch.device("cpu")), "square cannot be given a device"),
    "a module of the test's": (lambda m: m.square(nn.Linear(1, 1)), "square cannot be given a Linear"),
    "a tensor on meta": (lambda m: m.square(torch.ones(2, device="meta")), "a tensor on device 'meta'"),
    "a tensor of uint16": (lambda m: m.square(X.to(torch.uint16)), "a tensor of dtype torch.uint16"),
    "an endless list": (lambda m: m.square(endless()), "a value nested more than 100 deep"),
    "a long list": (lambda m: m.square([0] * (2 << 20)), "more than 1,048,576 values"),
    "a long text": (lambda m: m.square("x" * (2 << 20)), "bytes besides its tensors"),
    "many bytes of tensors": (lambda m: m.square(torch.empty(1 << 28)), "tensors of more than"),
    "a constant that is set": (lambda m: setattr(m, "EPS", 2.0), "cannot set 'EPS' in a submission"),
    "a function that gets an attribute": (lambda m: setattr(m.square, "calls", 0), "cannot set square.calls"),
    "a signature": (lambda m: inspect.signature(m.square), "The signature of square"),
    "a part that is replaced": (lambda m: setattr(m.Pair(), "a", nn.Identity()), "set the module 'a' in Pair"),
    "a part that is removed": (lambda m: delattr(m.Pair(), "a"), "cannot delete 'a' in Pair"),
    "a part that is added": (lambda m: m.Pair().add_module("d", nn.Identity()), "cannot add a module 'd'"),
    "a parameter that is added": (lambda m: setattr(m.Pair(), "d", nn.Parameter(X)), "cannot add a parameter 'd'"),
    "a buffer that is added": (lambda m: m.Pair().register_buffer("d", X), "cannot add a buffer 'd'"),
    "a hook on a part": (
        lambda m: m.Pair().a.register_forward_hook(print),
        "A hook on a, a part of a submission's module",
    ),
    "a backward hook on a part": (lambda m: m.Pair().a.register_full_backward_hook(print), "A hook on a"),
    "a module moved to meta": (lambda m: m.Pair().to("meta")(X[:2]), "a tensor on device 'meta'"),
    "a device as context": (lambda m: within(torch.device("meta"), m.Pair), "a mode of torch"),
    "autocast": (lambda m: within(torch.autocast("cpu"), m.square, X), "torch.autocast"),
    "a FLOP counter": (lambda m: within(flop_counter(), m.square, X), "a mode of torch"),
    "vmap": (lambda m: torch.vmap(m.square)(X), "a transform of torch.func"),
    "torch.func.grad": (lambda m: torch.func.grad(lambda x: m.square(x).sum())(X), "a transform of torch.func"),
    "forward-mode differentiation": (
        lambda m: torch.autograd.gradcheck(m.square, X.double().requires_grad_(), check_forward_ad=True),
        "forward-mode differentiation",
    ),
    "a batch of gradients": (
        lambda m: torch.autograd.functional.jacobian(m.square, X, vectorize=True),
        "is differentiated by vmap",
    ),
}


def endless() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def flop_counter() -> Any:
    from torch.utils.flop_counter import FlopCounterMode

    return FlopCounterMode(display=False)


def within(context: Any, function: Any, *args: Any) -> None:
    with context:
        function(*args)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_sent_raises_one_sentence(submission: RemoteSubmission, name: str) -> None:
    ask, words = REFUSED[name]
    with pytest.raises(UsageError) as caught:
        ask(submission)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_a_gradient_by_an_argument_of_an_earlier_call_is_refused(submission: RemoteSubmission) -> None:
    x = torch.ones(2, requires_grad=True)
    kept = submission.square(x)
    submission.remember(x)
    y = submission.recall()
    assert y.requires_grad
    with pytest.raises(UsageError, match="The result of recall depends on tensors of an earlier call"):
        y.sum().backward()
    kept.sum().backward()


def test_a_gradient_of_the_modules_own_leaf_is_not_needed(submission: RemoteSubmission) -> None:
    x = torch.ones(2, requires_grad=True)
    (submission.own() * x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 2.0]


def test_calls_work_after_a_refusal(submission: RemoteSubmission) -> None:
    with pytest.raises(UsageError):
        submission.square(Thing())
    assert submission.square(3) == 9
