"""Gradients through calls, by arguments and parameters, of any order."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

from grader.base.errors import UsageError
from grader.engine.judge.session import Session

STUDENT = '''
import weakref

import torch
from torch import nn


def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = scores.softmax(-1)
    return weights @ v, weights


def cube(x):
    return x**3


def parts(x):
    return {"sum": x.sum(), "list": [x * 2, None, 3], "ids": x.argmax(-1), "cut": x.detach()}


def twice(x):
    y = x * 2
    return y, y


def same(x):
    return x


def mix(inputs, scale=1.0):
    """Tensors nested in arguments."""
    return (inputs["a"] * inputs["more"][0]).sum() * scale


def frozen(x):
    with torch.no_grad():
        return x * 2


given = []


def remembered(x):
    y = x**2
    given.append(weakref.ref(y))
    return y


def alive():
    return sum(result() is not None for result in given)


def leaf(n):
    return torch.arange(float(n)).requires_grad_()


def wants_grad(x):
    return x.requires_grad, x.is_leaf


def half(x):
    return x * 3


def spectrum(z):
    return z * z.conj()


class Clamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clamp(max=1.0)

    @staticmethod
    def backward(ctx, grad):
        return grad * 5


def straight_through(x):
    return Clamp.apply(x)


def own_gradient(x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad((x**2).sum(), x)[0]


class Gain(nn.Module):
    def __init__(self, width, dtype=torch.float64):
        super().__init__()
        self.weight = nn.Parameter(torch.arange(1.0, width + 1, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(width, dtype=dtype))
        self.unused = nn.Parameter(torch.zeros(1, dtype=dtype))

    def forward(self, x):
        return self.weight * x * x + self.bias

    @property
    def squared(self):
        return self.weight**2

    def penalty(self):
        return {"l2": self.squared.sum()}

    def shared(self):
        return self.weight


def apply(module, x):
    return module(x) * 2
'''

F64 = torch.float64


def gradient(tensor: Tensor) -> Tensor:
    """Return the gradient of a tensor, which must have one."""
    assert tensor.grad is not None
    return tensor.grad


def test_backward_reaches_arguments(m: Any) -> None:
    q, k, v = (torch.randn(2, n, 4, dtype=F64, requires_grad=True) for n in (3, 5, 5))
    mask = torch.ones(3, 5, dtype=torch.bool).tril(2)
    out, weights = m.attention(q, k, v, mask=mask)
    assert out.requires_grad
    assert weights.requires_grad
    grad = torch.randn_like(out)
    out.backward(grad)
    expected = torch.autograd.grad(F.scaled_dot_product_attention(q, k, v, mask), [q, k, v], grad)
    for tensor, wanted in zip((q, k, v), expected, strict=True):
        torch.testing.assert_close(tensor.grad, wanted)


def test_gradients_accumulate(m: Any) -> None:
    x = torch.ones(3, requires_grad=True)
    m.cube(x).sum().backward()
    m.cube(x).sum().backward()
    assert gradient(x).tolist() == [6.0, 6.0, 6.0]


def test_gradients_flow_through_computations_of_the_test(m: Any) -> None:
    w = torch.tensor(2.0, requires_grad=True)
    y = m.cube(m.cube(w * 1.0) / 2) + w
    (grad,) = torch.autograd.grad(y, w)
    # y = w**9 / 8 + w
    assert grad.item() == pytest.approx(9 * 2**8 / 8 + 1)
    assert w.grad is None


def test_gradients_of_results_nested_in_values(m: Any) -> None:
    x = torch.randn(2, 3, requires_grad=True)
    parts = m.parts(x)
    assert not parts["ids"].requires_grad
    assert not parts["cut"].requires_grad
    assert parts["list"][1:] == [None, 3]
    (parts["sum"] + parts["list"][0].sum()).backward()
    assert torch.equal(gradient(x), torch.full((2, 3), 3.0))


def test_gradients_of_arguments_nested_in_values(m: Any) -> None:
    a, b = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
    m.mix({"a": a, "more": [b, torch.ones(2)]}, scale=torch.tensor(2.0)).backward()
    assert torch.equal(gradient(a), 2 * b)
    assert torch.equal(gradient(b), 2 * a)


def test_gradient_of_a_tensor_that_is_passed_twice(m: Any) -> None:
    x = torch.tensor([3.0], requires_grad=True)
    m.mix({"a": x, "more": (x,)}).backward()
    assert gradient(x).item() == 6.0
    a, b = m.twice(x)
    (a + 3 * b).backward()
    assert gradient(x).item() == 6.0 + 8.0


def test_gradient_of_an_argument_that_is_returned(m: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    y = m.same(x)
    assert y.requires_grad
    (y * 3).sum().backward()
    assert gradient(x).tolist() == [3.0, 3.0]
    assert not m.same(x.detach()).requires_grad


def test_the_module_sees_requires_grad(m: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    assert m.wants_grad(x) == (True, True)
    assert m.wants_grad(x * 2)[0] is True
    assert m.wants_grad(x.detach()) == (False, True)
    with torch.no_grad():
        assert m.wants_grad(x)[0] is True
        assert not m.cube(x).requires_grad
    with torch.inference_mode():
        assert not m.cube(x).requires_grad
    assert not m.frozen(x).requires_grad
    assert not m.cube(torch.arange(3)).requires_grad


def test_a_leaf_made_by_the_module_is_a_leaf(m: Any) -> None:
    w = m.leaf(3)
    assert w.requires_grad
    assert w.is_leaf
    (m.cube(w).sum() + w.sum()).backward()
    assert w.grad.tolist() == [1.0, 4.0, 13.0]
    with torch.no_grad():
        w -= 1
    assert w.tolist() == [-1.0, 0.0, 1.0]


def test_results_changed_in_place_keep_their_gradients(m: Any) -> None:
    x = torch.ones(3, requires_grad=True)
    y = m.cube(x)
    y *= 2
    y[0] = 0
    y.sum().backward()
    assert gradient(x).tolist() == [0.0, 6.0, 6.0]


def test_gradcheck_passes(m: Any) -> None:
    q, k, v = (torch.randn(n, 4, dtype=F64, requires_grad=True) for n in (3, 5, 5))
    assert gradcheck(m.attention, (q, k, v))
    assert gradcheck(lambda x: m.parts(x)["sum"], (q,))
    assert gradcheck(m.spectrum, (torch.randn(3, dtype=torch.complex128, requires_grad=True),))


def test_gradcheck_finds_a_wrong_gradient(m: Any) -> None:
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        gradcheck(m.straight_through, (torch.zeros(2, dtype=F64, requires_grad=True),))


def test_autograd_functions_and_grad_inside_the_module_work(m: Any) -> None:
    x = torch.tensor([0.5, 2.0], requires_grad=True)
    m.straight_through(x).sum().backward()
    assert gradient(x).tolist() == [5.0, 5.0]
    assert m.own_gradient(x).tolist() == [1.0, 4.0]


def test_double_backward_works(m: Any) -> None:
    x = torch.tensor([2.0, 3.0], dtype=F64, requires_grad=True)
    (first,) = torch.autograd.grad(m.cube(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = torch.autograd.grad(second.sum(), x)
    assert (first.tolist(), second.tolist(), third.tolist()) == ([12.0, 27.0], [12.0, 18.0], [6.0, 6.0])
    q, k, v = (torch.randn(n, 2, dtype=F64, requires_grad=True) for n in (2, 3, 3))
    assert gradgradcheck(lambda *qkv: m.attention(*qkv)[0], (q, k, v))


def test_jacobian_and_hessian_work(m: Any) -> None:
    x = torch.tensor([2.0, 3.0])
    assert torch.equal(torch.autograd.functional.jacobian(m.cube, x), torch.diag(3 * x**2))
    assert torch.equal(torch.autograd.functional.hessian(lambda x: m.cube(x).sum(), x), torch.diag(6 * x))


def test_vjp_works(m: Any) -> None:
    x = torch.tensor([2.0, 3.0])
    _, grad = torch.autograd.functional.vjp(m.cube, x, torch.ones(2))
    assert torch.equal(grad, 3 * x**2)


def test_gradients_in_half_precision(m: Any) -> None:
    for dtype in (torch.float16, torch.bfloat16):
        x = torch.tensor([60000.0, 1.0, -2.0], dtype=dtype, requires_grad=True)
        y = m.half(x)
        assert y.dtype is dtype
        y.backward(torch.tensor([1000.0, 2.0, -1.0], dtype=dtype))
        assert gradient(x).dtype is dtype
        assert gradient(x).tolist() == pytest.approx([3000.0, 6.0, -3.0], rel=1e-2)


def test_hooks_on_tensors_run(m: Any) -> None:
    seen: list[Tensor] = []

    def double(grad: Tensor) -> Tensor:
        seen.append(grad)
        return grad * 2

    x = torch.ones(2, requires_grad=True)
    y = m.cube(x)
    y.register_hook(double)
    y.retain_grad()
    y.sum().backward()
    assert seen[0].tolist() == [1.0, 1.0]
    assert y.grad.tolist() == [2.0, 2.0]
    assert gradient(x).tolist() == [6.0, 6.0]


def test_results_without_gradients_do_not_require_grad(m: Any) -> None:
    x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    out, _ = m.attention(x[None], y[None], torch.ones(1, 2))
    (grad,) = torch.autograd.grad(out.sum(), x, allow_unused=True)
    assert grad is not None
    other = torch.ones(1, requires_grad=True)
    assert torch.autograd.grad(m.mix({"a": x, "more": [y]}), [x, other], allow_unused=True)[1] is None
    with pytest.raises(RuntimeError, match="does not require grad"):
        m.frozen(x).sum().backward()


# ------------------------------------------------------------ parameters


def test_backward_reaches_parameters(m: Any) -> None:
    gain = m.Gain(3)
    x = torch.tensor([1.0, 2.0, 3.0], dtype=F64, requires_grad=True)
    gain(x).sum().backward()
    assert gain.weight.grad.tolist() == [1.0, 4.0, 9.0]
    assert gain.bias.grad.tolist() == [1.0, 1.0, 1.0]
    assert gain.unused.grad is None
    assert gradient(x).tolist() == [2.0, 8.0, 18.0]
    gain.zero_grad()
    assert gain.weight.grad is None


def test_autograd_grad_by_parameters(m: Any) -> None:
    gain = m.Gain(2)
    x = torch.tensor([2.0, 3.0], dtype=F64, requires_grad=True)
    weight, dx = torch.autograd.grad(gain(x).sum(), [gain.weight, x], create_graph=True)
    assert weight.tolist() == [4.0, 9.0]
    (mixed,) = torch.autograd.grad(dx.sum(), gain.weight)
    assert mixed.tolist() == [4.0, 6.0]  # d(2 w x)/dw
    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(gain(x).sum(), gain.unused)


def test_gradients_of_methods_and_properties(m: Any) -> None:
    gain = m.Gain(2)
    gain.penalty()["l2"].backward()
    assert gain.weight.grad.tolist() == [2.0, 4.0]
    gain.squared.sum().backward()
    assert gain.weight.grad.tolist() == [4.0, 8.0]
    (gain.shared() * 3).sum().backward()
    assert gain.weight.grad.tolist() == [7.0, 11.0]


def test_gradients_of_a_module_passed_as_an_argument(m: Any) -> None:
    gain = m.Gain(2)
    m.apply(gain, torch.ones(2, dtype=F64)).sum().backward()
    assert gain.weight.grad.tolist() == [2.0, 2.0]


def test_gradient_of_a_parameter_passed_as_an_argument(m: Any) -> None:
    gain = m.Gain(2)
    m.cube(gain.weight).sum().backward()
    assert gain.weight.grad.tolist() == [3.0, 12.0]


def test_modules_of_both_processes_in_one_graph(m: Any) -> None:
    torch.manual_seed(0)
    head = torch.nn.Linear(2, 1).double()
    gain = m.Gain(2)
    model = torch.nn.Sequential(gain, head)
    model(torch.ones(5, 2, dtype=F64)).sum().backward()
    assert torch.allclose(gain.bias.grad, 5 * head.weight.detach()[0])
    assert gradient(head.bias).item() == 5


def test_frozen_parameters_get_no_gradient(m: Any) -> None:
    gain = m.Gain(2)
    gain.weight.requires_grad_(False)
    x = torch.ones(2, dtype=F64)
    gain(x).sum().backward()
    assert gain.weight.grad is None
    assert gain.bias.grad is not None
    gain.requires_grad_(False)
    assert not gain(x).requires_grad
    gain.requires_grad_(True)
    assert gain(x).requires_grad


def functional(m: Any) -> Callable[..., Tensor]:
    gain = m.Gain(2)
    names = ["weight", "bias"]
    return lambda x, *tensors: functional_call(gain, dict(zip(names, tensors, strict=True)), (x,))


def test_functional_call_has_gradients(m: Any) -> None:
    call = functional(m)
    x, bias = torch.tensor([2.0, 3.0], dtype=F64), torch.zeros(2, dtype=F64)
    w = torch.tensor([5.0, 6.0], dtype=F64, requires_grad=True)
    y = call(x, w, bias)
    assert y.tolist() == [20.0, 54.0]
    z = call(x, w * 2, bias)  # another value in the same place, before the first is differentiated
    (y + z).sum().backward()
    assert gradient(w).tolist() == [4.0 + 8.0, 9.0 + 18.0]


def test_gradcheck_of_parameters(m: Any) -> None:
    call = functional(m)
    x, w, b = (torch.randn(2, dtype=F64, requires_grad=True) for _ in range(3))
    assert gradcheck(call, (x, w, b))
    assert gradgradcheck(call, (x, w, b))


def test_gradcheck_of_parameters_in_place(m: Any) -> None:
    gain = m.Gain(2)
    x = torch.randn(2, dtype=F64)

    def loss(weight: Tensor) -> Any:
        with torch.no_grad():
            gain.weight.copy_(weight)
        return gain(x)

    y = loss(torch.tensor([1.0, -1.0], dtype=F64))
    y.sum().backward()
    assert torch.allclose(gain.weight.grad, x * x)
    assert torch.allclose(loss(torch.zeros(2, dtype=F64)), torch.zeros(2, dtype=F64))


def test_backward_allows_a_change_of_an_argument_that_it_does_not_need(m: Any) -> None:
    x = torch.ones(2, dtype=F64, requires_grad=True)
    y = m.half(x)
    with torch.no_grad():
        x.add_(1)
    y.sum().backward()
    assert gradient(x).tolist() == [3.0, 3.0]


def test_backward_after_a_change_of_parameters(m: Any) -> None:
    gain = m.Gain(2)
    x = torch.ones(2, dtype=F64, requires_grad=True)
    y = gain(x)
    with torch.no_grad():
        gain.weight.mul_(2)
    again = gain(x)
    again.sum().backward()
    assert gradient(x).tolist() == [4.0, 8.0]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_results_are_freed_after_the_test(session: Session) -> None:
    # Python's garbage collector finds no cycle through a call that returned two results.

    def called() -> tuple[weakref.ref[Tensor], weakref.ref[Any]]:
        submission = session.begin(0)
        found = submission.parts(torch.ones(2, requires_grad=True))
        (found["sum"] + found["list"][0].sum()).backward()
        return weakref.ref(found["sum"]), weakref.ref(vars(submission)["_link"])

    result, link = called()
    session.begin(1)
    gc.collect()
    assert result() is None
    assert link() is None


def test_results_that_training_has_dropped_are_freed_in_the_worker(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "trains", True)
    submission = session.begin(0)
    weight = torch.ones((), requires_grad=True)
    for _ in range(5):
        loss = submission.remembered(weight)  # the loss of the step before is dropped after this call
        loss.backward()
    del loss
    assert submission.alive() <= 1
    assert weight.grad == 10


def test_a_result_cannot_be_differentiated_after_its_test(session: Session) -> None:
    y = session.begin(0).cube(torch.ones(2, requires_grad=True))
    session.begin(1)
    gc.collect()
    with pytest.raises(UsageError, match="cube is differentiated after the test in which it was called"):
        y.sum().backward()
