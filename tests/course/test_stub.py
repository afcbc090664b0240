"""The interface of a stub, and differences from the reference."""

import pytest

from grader.base.errors import UsageError
from grader.course.stub import disagreements, interface

STUB = '''\
import torch
from torch import Tensor

LIMIT = 3

def route(logits: Tensor, k: int = 2, *, sort=True) -> Tensor:
    """The k best."""
    raise NotImplementedError

def _helper(x): ...

class Layer(torch.nn.Module):
    """A layer."""
    def __init__(self, width: int):
        raise NotImplementedError
    def forward(self, x: Tensor) -> Tensor:
        """Applies it."""
        raise NotImplementedError
'''


def test_interface_lists_public_functions_classes_and_methods() -> None:
    found = interface(STUB)
    assert [(d.name, d.kind, d.line) for d in found] == [
        ("route", "function", 6),
        ("Layer", "class", 12),
        ("Layer.__init__", "method", 14),
        ("Layer.forward", "method", 16),
    ]
    route, layer, _, forward = found
    assert route.signature == "route(logits: Tensor, k: int=2, *, sort=True) -> Tensor"
    assert (route.call, layer.call, forward.call) == (
        "route(logits, k=2, *, sort=True)",
        "Layer(width)",
        "Layer.forward(x)",
    )
    assert (route.docstring, layer.signature) == ("The k best.", "Layer(torch.nn.Module)")


def test_a_stub_that_does_not_compile_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"^stub\.py:2: "):
        interface("x = 1\ndef f(:\n", "stub.py")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "k: int = 2",
            "k: int = 3",
            "route is route(logits: Tensor, k: int=2, *, sort=True) -> Tensor in the stub (line 6)",
        ),
        (
            "The k best.",
            "Others.",
            "The docstring of route differs between the stub (line 6) and the reference (line 6).",
        ),
        ("def forward(", "def backward(", "Layer.forward is in the stub (line 16) and not in the reference."),
        (
            "_helper",
            "helper",
            "helper is in the reference (line 10) and not in the stub; the name of a helper must start",
        ),
    ],
)
def test_a_difference_between_stub_and_reference_is_a_sentence(old: str, new: str, sentence: str) -> None:
    assert disagreements(STUB, STUB) == ()
    (found,) = disagreements(STUB, STUB.replace(old, new))
    assert found.startswith(sentence)
