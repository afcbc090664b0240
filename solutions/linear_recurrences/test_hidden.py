"""Each token as a matrix that is multiplied by the state, head by head; gradients by autograd, eigenvalues by NumPy."""

import itertools

import numpy as np
import pytest
import torch

from grader.testing import assert_close, needs, points

KINDS = {  # numbers in a (None: no a), and whether there is a beta
    "linear attention": (None, False),
    "RetNet or Mamba-2": ("1", False),
    "GLA": ("K", False),
    "DeltaNet": (None, True),
    "gated DeltaNet": ("1", True),
    "KDA": ("K", True),
}


def strided(x):
    """The same numbers, those of one row apart in memory."""
    return None if x is None else x.mT.contiguous().mT


def gates(rng, lead, K, kind):
    """a, from -1 to 1, and beta, from 0 to 2, of this kind of layer."""
    rows, corrects = KINDS[kind]
    a = None if rows is None else 1 - 2 * rng.rand(*lead, K if rows == "K" else 1)
    return a, 2 * rng.rand(*lead, 1) if corrects else None


def keys(rng, *shape):
    """Of length 0.7 √K or so."""
    return 0.7 * rng.randn(*shape)


def transition(k, a=None, beta=None):
    """The matrix (K, K) of one token, whose key is (K,)."""
    matrix = torch.eye(len(k), dtype=k.dtype)
    if a is not None:
        matrix = torch.diag(a.expand(len(k)))
    if beta is not None:
        matrix = (torch.eye(len(k), dtype=k.dtype) - beta * torch.outer(k, k)) @ matrix
    return matrix


def after(state, k, v, a=None, beta=None):
    """The state (K, V) after one token."""
    written = torch.outer(k, v) if beta is None else beta * torch.outer(k, v)
    return transition(k, a, beta) @ state + written


def rows(x, lead, axes):
    """The parts of a tensor (*lead, ...), which have so many axes; None for each if there is none."""
    count = int(np.prod(lead, dtype=int))
    return [None] * count if x is None else list(x.reshape(count, *x.shape[x.ndim - axes :]))


def right_step(state, k, v, a=None, beta=None):
    lead = k.shape[:-1]
    parts = zip(rows(state, lead, 2), *(rows(x, lead, 1) for x in (k, v, a, beta)), strict=True)
    return torch.stack([after(*part) for part in parts]).reshape(*lead, *state.shape[-2:])


def text_by_text(one_text, q, k, v, more, state):
    """o and the last state, where one_text(q, k, v, *more, state) knows how a single text without heads is read."""
    lead, (T, K), V = q.shape[:-2], q.shape[-2:], v.shape[-1]
    if state is None:
        state = q.new_zeros(*lead, K, V)
    parts = zip(*(rows(x, lead, 2) for x in (q, k, v, *more, state)), strict=True)
    outputs, states = zip(*(one_text(*part) for part in parts), strict=True)
    return torch.stack(outputs).reshape(*lead, T, V), torch.stack(states).reshape(*lead, K, V)


def right_scan(q, k, v, a=None, beta=None, state=None):
    def one_text(q, k, v, a, beta, S):
        outputs = []
        for t in range(len(q)):
            S = after(S, k[t], v[t], None if a is None else a[t], None if beta is None else beta[t])
            outputs.append(q[t] @ S)
        return torch.stack(outputs), S

    return text_by_text(one_text, q, k, v, (a, beta), state)


def right_gradient_scan(q, k, v, eta, batch, state=None):
    """The gradients are those of autograd; gradients of the result flow through them."""

    def one_text(q, k, v, eta, S):
        outputs = []
        for start in range(0, len(q), batch):
            first = S if S.requires_grad else S.clone().requires_grad_()
            for t in range(start, min(start + batch, len(q))):
                loss = (first.mT @ k[t] - v[t]).square().sum() / 2
                S = S - eta[t] * torch.autograd.grad(loss, first, create_graph=True)[0]
                outputs.append(q[t] @ S)
        return torch.stack(outputs), S

    return text_by_text(one_text, q, k, v, (eta,), state)


@points(7)
def test_step(submission, rng):
    """against the matrix written out; with and without a, β"""
    B = 2
    for (K, V), kind in itertools.product(((4, 3), (3, 5), (4, 4), (1, 3)), KINDS):
        state, k, v = rng.randn(B, K, V), keys(rng, B, K), rng.randn(B, V)
        a, beta = gates(rng, (B,), K, kind)
        found = submission.step(state, k, v, a, beta)
        assert_close(found, right_step(state, k, v, a, beta), name=f"state, K = {K}, V = {V}, {kind}")
    single = [x.float() for x in (state, k, v, a, beta)]
    # float32: sums of a few numbers of size 1 to 10
    expected = right_step(state, k, v, a, beta).float()
    assert_close(submission.step(*single), expected, rtol=1e-4, atol=1e-4, name="state in float32")


@points(3)
@needs(test_step)
def test_leading(submission, rng):
    """any leading dimensions, and none; views"""
    K, V = 5, 4
    for lead, kind in itertools.product(((), (3,), (2, 3), (2, 1, 3)), KINDS):
        state, k, v = rng.randn(*lead, K, V), keys(rng, *lead, K), rng.randn(*lead, V)
        a, beta = gates(rng, lead, K, kind)
        expected = right_step(state, k, v, a, beta)
        if len(lead) > 1:  # rows that are apart in memory
            state, k, v, a, beta = map(strided, (state, k, v, a, beta))
        name = f"state, {len(lead)} leading dimensions, {kind}"
        assert_close(submission.step(state, k, v, a, beta), expected, name=name)


@points(12)
def test_scan(submission, rng):
    """all six kinds, with a state and without one"""
    B, H, T, K, V = 2, 3, 7, 4, 5
    lead = (B, H)
    for kind in KINDS:
        q, k, v = rng.randn(*lead, T, K), keys(rng, *lead, T, K), rng.randn(*lead, T, V)
        a, beta = gates(rng, (*lead, T), K, kind)
        found = submission.scan(q, k, v, a, beta)
        expected = right_scan(q, k, v, a, beta)
        assert_close(found[0], expected[0], name=f"o, {kind}")
        assert_close(found[1], expected[1], name=f"state, {kind}")
        state = rng.randn(*lead, K, V)
        found = submission.scan(*map(strided, (q, k, v, a, beta, state)))
        expected = right_scan(q, k, v, a, beta, state)
        assert_close(found[0], expected[0], name=f"o, {kind}, with a state")
        assert_close(found[1], expected[1], name=f"state, {kind}, with a state")
    single = [x.float() for x in (q, k, v, a, beta, state)]
    # float32: sums of a few dozen numbers of size 1 to 100
    found = submission.scan(*single)
    assert_close(found[0], expected[0].float(), rtol=1e-3, atol=1e-3, name="o in float32")
    assert_close(found[1], expected[1].float(), rtol=1e-3, atol=1e-3, name="state in float32")


@points(6)
@needs(test_scan)
def test_pieces(submission, rng):
    """a text cut anywhere; one text without heads"""
    T, K, V = 6, 4, 3
    for kind in KINDS:
        q, k, v = rng.randn(T, K), keys(rng, T, K), rng.randn(T, V)
        a, beta = gates(rng, (T,), K, kind)
        o, last = right_scan(q, k, v, a, beta)
        for cut in (1, 4):
            pieces = [
                [None if x is None else x[part] for x in (q, k, v, a, beta)] for part in (slice(cut), slice(cut, T))
            ]
            first, middle = submission.scan(*pieces[0])
            second, end = submission.scan(*pieces[1], middle)
            assert_close(torch.cat([first, second]), o, name=f"o, cut at {cut}, {kind}")
            assert_close(end, last, name=f"state, cut at {cut}, {kind}")
        for t in range(T):  # a step is a text of one token
            single = [None if x is None else x[t : t + 1] for x in (q, k, v, a, beta)]
            expected = right_scan(*single, state=last)
            assert_close(submission.scan(*single, state=last), expected, name=f"o and state of one token, {kind}")


@points(8)
def test_gradient_scan(submission, rng):
    """against autograd; the last batch may be shorter"""
    B, H, T, K, V = 2, 3, 10, 4, 5
    lead = (B, H)
    for batch in (4, 1, 2, 3, T, T + 3):
        q, k, v = rng.randn(*lead, T, K), keys(rng, *lead, T, K), rng.randn(*lead, T, V)
        eta = rng.rand(*lead, T, 1)
        for state, name in ((rng.randn(*lead, K, V), f"batch = {batch}, with a state"), (None, f"batch = {batch}")):
            found = submission.gradient_scan(*map(strided, (q, k, v, eta)), batch, strided(state))
            expected = right_gradient_scan(q, k, v, eta, batch, state)
            assert_close(found[0], expected[0].detach(), name=f"o, {name}")
            assert_close(found[1], expected[1].detach(), name=f"state, {name}")
    q, k, v, eta = rng.randn(T, K), keys(rng, T, K), rng.randn(T, V), rng.rand(T, 1)
    expected = [x.detach() for x in right_gradient_scan(q, k, v, eta, 3)]
    found = submission.gradient_scan(q, k, v, eta, 3)
    assert_close(found, tuple(expected), name="o and state of one text without heads")
    found = submission.gradient_scan(q.float(), k.float(), v.float(), eta.float(), 3)
    # float32: sums of a few dozen numbers of size 1 to 100
    expected = tuple(x.float() for x in expected)
    assert_close(found, expected, rtol=1e-3, atol=1e-3, name="o and state in float32")


@points(4)
@needs(test_gradient_scan)
def test_two_ends(submission, rng):
    """a batch of 1 is DeltaNet; one batch is linear attention"""
    B, T, K, V = 3, 7, 4, 5
    q, k, v = rng.randn(B, T, K), keys(rng, B, T, K), rng.randn(B, T, V)
    eta, state = 2 * rng.rand(B, T, 1), rng.randn(B, K, V)
    for start in (None, state):
        found = submission.gradient_scan(q, k, v, eta, 1, start)
        assert_close(found, right_scan(q, k, v, beta=eta, state=start), name="o and state, batch = 1")
    for batch in (T, T + 2):
        found = submission.gradient_scan(q, k, v, eta, batch)
        assert_close(found, right_scan(q, k, eta * v), name=f"o and state, batch = {batch}")


@points(1)
@needs(test_gradient_scan)
def test_bad_batch(submission, rng):
    """a batch below 1 raises ValueError"""
    T, K, V = 4, 3, 2
    for batch in (0, -2):
        with pytest.raises(ValueError):  # noqa: PT011 - the wording is the student's
            submission.gradient_scan(rng.randn(T, K), rng.randn(T, K), rng.randn(T, V), rng.rand(T, 1), batch)


def lowest(k, a=None, beta=None):
    """The smallest eigenvalue of each token, by NumPy."""
    lead = k.shape[:-1]
    parts = zip(*(rows(x, lead, 1) for x in (k, a, beta)), strict=True)
    found = [np.linalg.eigvals(transition(*part).numpy()).real.min() for part in parts]
    return torch.tensor(np.array(found)).reshape(lead)


@points(6)
def test_eigenvalue(submission, rng):
    """of all six kinds; long keys, a row that is forgotten"""
    B, T = 3, 7
    for K, kind in itertools.product((5, 2, 1), reversed(KINDS)):
        k = keys(rng, B, T, K)
        k[0, :4] *= 2 / k[0, :4].norm(dim=-1, keepdim=True)
        k[1, 2:] /= k[1, 2:].norm(dim=-1, keepdim=True)
        a, beta = gates(rng, (B, T), K, kind)
        if a is not None and beta is not None:
            a = a.abs()
            a[2, :, -1] = 0.0
        if beta is not None:
            beta[:, 1] = 0.1  # nothing is turned around
        found, expected = submission.lowest_eigenvalue(k, a, beta), lowest(k, a, beta)
        # eigenvalues that are nearly equal have fewer digits
        assert_close(found, expected, rtol=1e-7, atol=1e-7, name=f"eigenvalue, K = {K}, {kind}")
        if K == 5:
            one = [None if x is None else x[0, 0] for x in (k, a, beta)]
            found, name = submission.lowest_eigenvalue(*one), f"eigenvalue of one token, {kind}"
            assert_close(found, lowest(*one), rtol=1e-7, atol=1e-7, name=name)
            single = [None if x is None else x.float() for x in (k, a, beta)]
            found, name = submission.lowest_eigenvalue(*single), f"eigenvalue in float32, {kind}"
            assert_close(found, expected.float(), rtol=1e-3, atol=1e-3, name=name)


@points(3)
@needs(test_scan)
def test_parity(submission, rng):
    """200 bits, by β = 2 and by a = -1"""
    T, K = 200, 3
    bits = rng.randint(0, 2, (T, 1)).double()
    parity = (bits.cumsum(0) % 2).long()
    k = torch.zeros(T, K, dtype=torch.float64)
    k[:, 1] = 1.0
    state = k[:1].mT.contiguous()  # 1 under the key, and 0 elsewhere
    turned = 1.0 - 2 * parity  # -1 after an odd number of ones
    o = submission.scan(k, k, 0 * bits, beta=2 * bits, state=state)[0]
    assert_close(o, turned.double(), name="o, beta = 2 · bits")
    o = submission.scan(k, k, 0 * bits, a=1 - 2 * bits, state=state)[0]
    assert_close(o, turned.double(), name="o, a = 1 - 2 · bits")
    slow = submission.scan(k, k, 0 * bits, a=1 - bits, state=state)[0]  # 0 and 1: forgotten with the first 1
    assert_close(slow, (bits.cumsum(0) == 0).double(), name="o, a = 1 - bits")


@points(2)
@needs(test_step, test_scan, test_gradient_scan)
def test_gradients(submission, rng):
    """reach every argument"""
    B, T, K, V = 2, 4, 3, 5
    q, k, v, state = rng.randn(B, T, K), keys(rng, B, T, K), rng.randn(B, T, V), rng.randn(B, K, V)
    a, beta = gates(rng, (B, T), K, "KDA")
    eta = rng.rand(B, T, 1)
    first = {"state": state, "k": k[:, 0], "v": v[:, 0], "a": a[:, 0], "beta": beta[:, 0]}
    agree(rng, submission.step, right_step, first)
    agree(rng, submission.scan, right_scan, {"q": q, "k": k, "v": v, "a": a, "beta": beta, "state": state})
    tensors = {"q": q, "k": k, "v": v, "eta": eta, "state": state}
    for batch in (2, 1, T):
        agree(rng, submission.gradient_scan, right_gradient_scan, tensors, batch=batch)


def agree(rng, function, right, tensors, **more):
    """Compare the gradients of all these tensors, for random gradients of all results."""
    leaves = {name: x.clone().requires_grad_() for name, x in tensors.items()}
    found, expected = function(**leaves, **more), right(**leaves, **more)
    found, expected = ([x] if isinstance(x, torch.Tensor) else list(x) for x in (found, expected))
    assert all(x.requires_grad for x in found), (
        "No gradient leads from a result to the arguments: something was detached."
    )
    upstream = [rng.randn(*x.shape) for x in expected]
    mine = torch.autograd.grad(found, list(leaves.values()), upstream, allow_unused=True)
    true = torch.autograd.grad(expected, list(leaves.values()), upstream)
    for name, one, other in zip(leaves, mine, true, strict=True):
        assert one is not None, f"No gradient reaches {name}."
        assert_close(one, other, name=f"gradient of {name}")
