"""The layer against one token after another, in plain formulas."""

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

NAN = float("nan")
NAMES = ("gate", "w1", "w2", "w3")


def tokens(rng, T, gate, offset=0.0):
    """x (T, D) whose logits are at least 0.1 apart for every token. The rows of gate are orthonormal."""
    E, D = gate.shape
    logits = 0.4 * (rng.rand(T, E).argsort(-1) - E / 2) + 0.3 * rng.rand(T, E) + offset
    x = rng.randn(T, D)
    return x + (logits - x @ gate.T) @ gate


def weights(rng, D, F, E):
    """gate (E, D), w1, w2, w3, such that outputs have size 1. D is at least E."""
    gate = torch.linalg.qr(rng.randn(D, E)).Q.T.contiguous()
    return gate, rng.randn(E, F, D) / D**0.5, rng.randn(E, D, F) / F**0.5, rng.randn(E, F, D) / D**0.5


def ffn(x, w1, w2, w3):
    """One expert on (D,) or on (T, D)."""
    a, b = torch.einsum("...d,fd->...f", x, w1), torch.einsum("...d,fd->...f", x, w3)
    return torch.einsum("...f,df->...d", a * b / (1 + torch.exp(-a)), w2)


def best(x, gate, k):
    """The k best experts of one token, as numbers."""
    logits = torch.einsum("d,ed->e", x, gate).tolist()
    return sorted(range(len(logits)), key=logits.__getitem__, reverse=True)[:k]


def mixture(x, gate, w1, w2, w3, k):
    """y (T, D), token by token."""
    rows = []
    for t in range(len(x)):
        chosen = best(x[t], gate, k)
        e = [torch.exp((x[t] * (gate[i] - gate[chosen[0]])).sum()) for i in chosen]
        rows.append(sum(e[s] / sum(e) * ffn(x[t], w1[i], w2[i], w3[i]) for s, i in enumerate(chosen)))
    return torch.stack(rows)


@points(2)
def test_one_choice(submission, rng):
    """k = 1: the output of the best expert"""
    T, D, F, E = 11, 7, 6, 5
    w = weights(rng, D, F, E)
    x = tokens(rng, T, w[0])
    assert_close(submission.moe_forward(x, *w, 1), mixture(x, *w, 1))


@points(5)
def test_mixture(submission, rng):
    """2, 3 and all experts, weighted and added"""
    F, T, E, D = sorted(rng.sizes(4, low=4, high=12))
    w = weights(rng, D, F, E)
    x = tokens(rng, T, w[0])
    for k in (2, 3, E):
        assert_close(submission.moe_forward(x, *w, k), mixture(x, *w, k))


@points(5)
def test_unchosen_expert(submission, rng):
    """NaN in an expert that nobody chose stays there"""
    T, D, F, E, k = 11, 7, 6, 5, 3
    gate, w1, w2, w3 = weights(rng, D, F, E)
    lonely = int(rng.randint(0, E, ()))
    offset = torch.zeros(E, dtype=torch.float64)
    offset[lonely] = -5.0
    x = tokens(rng, T, gate, offset)
    for w in (w1, w2, w3):
        w[lonely] = NAN
    for n in (1, k, E - 1):
        assert_close(submission.moe_forward(x, gate, w1, w2, w3, n), mixture(x, gate, w1, w2, w3, n))
    inputs, g = [x, gate, w1, w2, w3], rng.randn(T, D)  # NaN that is hidden in y comes back in the gradient
    found, expected = (gradients(forward, inputs, k, g) for forward in (submission.moe_forward, mixture))
    assert_close(found[0], expected[0], name="gradient of x")


@points(2)
def test_unchosen_token(submission, rng):
    """a token that overflows in others' experts"""
    T, D, F, E, k = 11, 7, 6, 5, 2
    gate, w1, w2, w3 = weights(rng, D, F, E)
    loud = torch.zeros(T, 1, dtype=torch.float64)
    loud[::3] = 1.0  # these tokens choose among the first three experts, the others among the last three
    x = tokens(rng, T, gate, 5.0 * torch.where(loud > 0, torch.arange(E) < 3, torch.arange(E) > 1))
    # One more number in each token: 1e200, which the first three experts do not read. To the others it is infinite.
    x = torch.cat([x, 1e200 * loud], dim=1)
    reads = 1e200 * (torch.arange(E) > 2).double().view(E, 1, 1).expand(E, F, 1)
    gate = torch.cat([gate, torch.zeros(E, 1, dtype=torch.float64)], dim=1)
    w1, w3 = torch.cat([w1, reads], dim=2), torch.cat([w3, reads], dim=2)
    w2 = torch.cat([w2, rng.randn(E, 1, F)], dim=1)
    assert_close(submission.moe_forward(x, gate, w1, w2, w3, k), mixture(x, gate, w1, w2, w3, k))
    inputs, g = [x, gate, w1, w2, w3], rng.randn(T, D + 1)  # what is hidden in y comes back in the gradient
    found, expected = (gradients(forward, inputs, k, g) for forward in (submission.moe_forward, mixture))
    assert_close(found[0], expected[0], name="gradient of x")


@points(2)
def test_token_by_token(submission, rng):
    """each token alone, T = 1, as in the batch"""
    T, D, F, E, k = 6, 8, 4, 5, 3
    w = weights(rng, D, F, E)
    x = tokens(rng, T, w[0])
    together = submission.moe_forward(x, *w, k)
    for t in range(T):
        assert_close(submission.moe_forward(x[t : t + 1], *w, k), mixture(x[t : t + 1], *w, k))
        assert_close(together[t], mixture(x[t : t + 1], *w, k)[0], name=f"y[{t}]")


@points(2)
def test_equal_experts(submission, rng):
    """equal experts are one FFN, whatever the router says"""
    T, D, F, E, k = 11, 7, 6, 5, 3
    gate, w1, w2, w3 = weights(rng, D, F, E)
    x = tokens(rng, T, gate)
    copies = [w[:1].repeat(E, 1, 1) for w in (w1, w2, w3)]
    assert_close(submission.moe_forward(x, gate, *copies, k), ffn(x, w1[0], w2[0], w3[0]))


@points(2)
def test_float32(submission, rng):
    """float32 in, float32 out"""
    T, D, F, E, k = 11, 7, 6, 5, 3
    w = weights(rng, D, F, E)
    x = tokens(rng, T, w[0])
    y = submission.moe_forward(x.float(), *[p.float() for p in w], k)
    # Sums of at most 7 terms of size 1, three in a row: a few units of 6e-8, times numbers up to about 10.
    assert_close(y, mixture(x, *w, k).float(), rtol=1e-5, atol=1e-5)


def gradients(forward, inputs, k, g):
    """Those of x, gate, w1, w2, w3 for the loss (y * g).sum(); 0 where there is none."""
    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    y = forward(*leaves, k)
    assert y.requires_grad, "No gradient leads from the output to its inputs: something was detached."
    (y * g).sum().backward()
    return [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves]


@points(5)
def test_gradients(submission, rng):
    """reach x, the router and the chosen experts"""
    T, D, F, E, k = 11, 7, 6, 5, 3
    gate, w1, w2, w3 = weights(rng, D, F, E)
    offset = torch.zeros(E, dtype=torch.float64)
    offset[1] = -5.0  # chosen by nobody
    inputs, g = [tokens(rng, T, gate, offset), gate, w1, w2, w3], rng.randn(T, D)
    found = gradients(submission.moe_forward, inputs, k, g)
    expected = gradients(mixture, inputs, k, g)
    for name, mine, right in zip(("x", *NAMES), found, expected, strict=True):
        assert_close(mine, right, name=f"gradient of {name}")


@points(2)
def test_router_at_k1(submission, rng):
    """with k = 1 the loss says nothing to the router"""
    T, D, F, E = 11, 7, 6, 5
    w = weights(rng, D, F, E)
    inputs, g = [tokens(rng, T, w[0]), *w], rng.randn(T, D)
    found, expected = (gradients(forward, inputs, 1, g) for forward in (submission.moe_forward, mixture))
    assert_close(found[1], torch.zeros_like(w[0]), name="gradient of gate")
    assert_close(found[0], expected[0], name="gradient of x")


@points(2)
@needs(test_public.test_parameters)
def test_module(submission, rng):
    """(B, T, D) with loaded parameters, float64"""
    B, T, D, F, E = 2, 3, 8, 7, 5
    w = weights(rng, D, F, E)
    x = tokens(rng, B * T, w[0])
    for k in (1, 3):
        layer = submission.MoELayer(D, F, E, k).double()
        layer.load_state_dict(dict(zip(NAMES, w, strict=True)), strict=False)  # buffers of your own are fine
        y = layer(x.view(B, T, D))
        assert_equal(y.shape, (B, T, D), name="shape of y")
        assert_close(y, mixture(x, *w, k).view(B, T, D), name="y")
        across = x.view(T, B, D).transpose(0, 1)  # in memory the texts stand beside each other, token by token
        expected = mixture(x, *w, k).view(T, B, D).transpose(0, 1)
        assert_close(layer(across), expected, name="y of x.transpose(0, 1)")


@points(2)
@needs(test_module)
def test_module_learns(submission, rng):
    """the loss of the module reaches its parameters"""
    B, T, D, F, E, k = 2, 3, 8, 7, 5, 4
    w = weights(rng, D, F, E)
    x, g = tokens(rng, B * T, w[0]), rng.randn(B, T, D)
    layer = submission.MoELayer(D, F, E, k).double()
    layer.load_state_dict(dict(zip(NAMES, w, strict=True)), strict=False)
    y = layer(x.view(B, T, D))
    assert y.requires_grad, "No gradient leads from the output to the parameters: something was detached."
    (y * g).sum().backward()
    expected = gradients(mixture, [x, *w], k, g.view(B * T, D))[1:]
    parameters = dict(layer.named_parameters())
    for name, right in zip(NAMES, expected, strict=True):
        assert parameters[name].grad is not None, f"{name} got no gradient."
        assert_close(parameters[name].grad, right, name=f"gradient of {name}")
