"""The dense FFN against an independent mixture of the new experts, and counting by hand."""

from itertools import combinations, pairwise

import test_public
import torch

from grader.testing import assert_close, assert_equal, assert_own_memory, needs, points

NAMES = ("w1", "w2", "w3")


def dense(rng, F, D, dtype=torch.float64):
    """w1 (F, D), w2 (D, F), w3 (F, D)."""
    shapes = (F, D), (D, F), (F, D)
    return tuple((rng.randn(*shape) / shape[1] ** 0.5).to(dtype) for shape in shapes)


def ffn(x, w1, w2, w3):
    """W2 (silu(W1 x) * W3 x) for (T, D)."""
    a, b = torch.einsum("td,fd->tf", x, w1), torch.einsum("td,fd->tf", x, w3)
    return torch.einsum("tf,df->td", a * b / (1 + torch.exp(-a)), w2)


def mixture(x, layer, k):
    """Mixtral's layer, token by token: the k best experts, weights that sum to 1."""
    rows = []
    for token in x[:, None]:  # (1, D)
        logits = (layer["gate"] * token).sum(-1)  # (E,)
        chosen = logits.argsort(descending=True)[:k].tolist()
        e = torch.exp(logits[chosen] - logits[chosen].max())
        rows.append(
            sum(w * ffn(token, *(layer[name][i] for name in NAMES)) for i, w in zip(chosen, e / e.sum(), strict=True))
        )
    return torch.cat(rows)


@points(3)
@needs(test_public.test_example_upcycle)
def test_shapes(submission, rng):
    """one more axis for the experts; dtypes stay"""
    F, D, E = 6, 5, 4
    for dtype in (torch.float32, torch.float64):
        layer = submission.upcycle(*dense(rng, F, D, dtype), E, seed=3)
        for name, shape in {"gate": (E, D), "w1": (E, F, D), "w2": (E, D, F), "w3": (E, F, D)}.items():
            assert_equal(layer[name].shape, shape, name=f"shape of {name}")
            assert_equal(layer[name].dtype, dtype, name=f"dtype of {name}")


@points(3)
@needs(test_public.test_example_upcycle)
def test_copies(submission, rng):
    """every expert is the dense FFN, bit for bit"""
    F, D, E = rng.sizes(3)
    for dtype in (torch.float32, torch.float64):
        weights = dense(rng, F, D, dtype)
        for n in (1, E):
            layer = submission.upcycle(*weights, n, seed=3)
            for name, w in zip(NAMES, weights, strict=True):
                assert_equal(layer[name], torch.stack([w] * n), name=name)


@points(3)
@needs(test_public.test_example_upcycle)
def test_own_memory(submission, rng):
    """each expert in memory of its own: none changes with another"""
    F, D, E = rng.sizes(3)
    weights = dense(rng, F, D)
    for n in (E, 1):
        layer = submission.upcycle(*weights, n, seed=3)
        for name in NAMES:
            assert_own_memory(submission, layer[name], name=name)


@points(3)
@needs(test_shapes)
def test_equals_dense(submission, rng):
    """at step 0 the mixture gives what the FFN gave"""
    T, F, D, E = 7, 6, 5, 4
    weights, x = dense(rng, F, D), rng.randn(T, D)
    layer = submission.upcycle(*weights, E, seed=3, router_std=0.5)
    for k in (1, 2, 3):
        assert_close(mixture(x, layer, k), ffn(x, *weights), name="output of the mixture")


@points(3)
@needs(test_shapes)
def test_router_rows_differ(submission, rng):
    """each expert has its own row of the router"""
    F, D, E = 3, 9, 5
    gate = submission.upcycle(*dense(rng, F, D), E, seed=3)["gate"]
    assert not (gate == gate[:1]).all(), "All rows of gate are equal: every expert has the same logit for a token."
    assert_equal(int(torch.linalg.matrix_rank(gate)), E, name="rank of gate")


@points(5)
@needs(test_shapes)
def test_router(submission, rng):
    """normal, mean 0, standard deviation router_std"""
    F, D, E = 3, 128, 24
    weights = dense(rng, F, D)
    n = E * D  # 3072 numbers. The bounds are six standard errors: one run in 100 million fails.
    # Called one by one, so that a failure shows the call whose router it is.
    for std, call in [
        (0.02, lambda: submission.upcycle(*weights, E, seed=3)),
        (0.5, lambda: submission.upcycle(*weights, E, seed=4, router_std=0.5)),
        (3.0, lambda: submission.upcycle(*weights, E, 5, 3.0)),
    ]:
        z = call()["gate"].double() / std
        zero, one = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
        assert_close(z.std(), one, rtol=0.0, atol=6 * (2 * n) ** -0.5, name="standard deviation / router_std")
        assert_close(z.mean(), zero, rtol=0.0, atol=6 * n**-0.5, name="mean / router_std")
        inside = (z.abs() < 1).double().mean()
        assert_close(inside, 0.6827 * one, rtol=0.0, atol=6 * (0.6827 * 0.3173 / n) ** 0.5, name="share within one")


@points(2)
@needs(test_shapes)
def test_seed(submission, rng):
    """repeatable by seed, and only by the same"""
    F, D, E = 3, 9, 5
    weights = dense(rng, F, D)
    seeds = (11, 12, 0, 1, 2**31 - 1, 2**31, 2**32 - 1)
    gates = {seed: submission.upcycle(*weights, E, seed=seed)["gate"] for seed in seeds}
    for seed in (11, 0):
        assert_equal(submission.upcycle(*weights, E, seed=seed)["gate"], gates[seed], name=f"gate, seed {seed} again")
    for one, two in combinations(seeds, 2):
        assert not gates[one].equal(gates[two]), f"Seeds {one} and {two} gave the same gate."


@points(5)
@needs(test_public.test_example_split)
def test_slices(submission, rng):
    """slice j has its F/m neighbouring hidden units"""
    # Where w1 and w2 are square, no shape says which of their axes is that of the hidden units.
    for F, D, dtype in ((24, 5, torch.float64), (12, 12, torch.float32), (6, 18, torch.float64)):
        w1, w2, w3 = dense(rng, F, D, dtype)
        for m in (2, 3, 1, F):
            slices = submission.split_expert(w1, w2, w3, m)
            units = [slice(j * F // m, (j + 1) * F // m) for j in range(m)]
            assert_equal(slices["w1"], torch.stack([w1[own] for own in units]), name="w1")
            assert_equal(slices["w2"], torch.stack([w2[:, own] for own in units]), name="w2")
            assert_equal(slices["w3"], torch.stack([w3[own] for own in units]), name="w3")


@points(2)
@needs(test_public.test_example_split)
def test_slices_sum(submission, rng):
    """the outputs of the slices sum to that of the FFN"""
    T, D, F = 7, 5, 16
    weights, x = dense(rng, F, D), rng.randn(T, D)
    for m in (1, 2, 4, 8):
        slices = submission.split_expert(*weights, m)
        total = sum(ffn(x, *(slices[name][j] for name in NAMES)) for j in range(m))
        assert_close(total, ffn(x, *weights), name="sum of the slices")


def pascal(n, r):
    """n choose r, by adding up Pascal's triangle."""
    row = [1]
    for _ in range(n):
        row = [1, *(a + b for a, b in pairwise(row)), 1]
    return row[r]


@points(2)
@needs(test_public.test_example_combinations)
def test_combinations(submission, rng):
    """an exact int, also with 60 digits"""
    E = int(rng.randint(5, 12, ()))
    for k in (1, 3, E):
        for m in (1, 2, 5):
            assert_equal(submission.combinations(E, k, m), pascal(m * E, m * k))
    assert_equal(submission.combinations(256, 8), 409663695276000)  # the choices of DeepSeek-V3 in one layer
    assert_equal(submission.combinations(64, 16, 4), pascal(256, 64))
