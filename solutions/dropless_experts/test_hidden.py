"""The book-keeping against plain Python, the products and the layer row by row and token by token."""

import test_public
import torch

from grader.testing import assert_close, assert_equal, needs, points

NAN = float("nan")
NAMES = ("x", "weights", "w1", "w2", "w3")


def chosen(rng, T, E, k, idle=()):
    """indices (T, k): popular experts and unpopular ones; the k of a token differ, and nobody chooses an idle one."""
    popularity = torch.linspace(0, 2, E, dtype=torch.float64)[rng.randperm(E)]
    popularity[list(idle)] = -100.0
    return (popularity + rng.randn(T, E)).argsort(-1, descending=True)[:, :k]


def book(indices, E):
    """order and offsets, from lists of numbers."""
    experts = [e for row in indices.tolist() for e in row]
    order = [copy for e in range(E) for copy, mine in enumerate(experts) if mine == e]
    offsets = [sum(mine < e for mine in experts) for e in range(E + 1)]
    return torch.tensor(order, dtype=torch.int64), torch.tensor(offsets, dtype=torch.int64)


def bounds(*lengths):
    """offsets of segments of these lengths."""
    return torch.tensor([sum(lengths[:e]) for e in range(len(lengths) + 1)])


def product(rows, weight, offsets):
    """(M, O), row by row."""
    ends = offsets.tolist()
    expert = [e for e in range(len(weight)) for _ in range(ends[e], ends[e + 1])]
    return torch.stack([torch.einsum("i,oi->o", row, weight[e]) for row, e in zip(rows, expert, strict=True)])


def ffn(x, w1, w2, w3):
    """One expert on one token (D,)."""
    a, b = torch.einsum("d,fd->f", x, w1), torch.einsum("d,fd->f", x, w3)
    return torch.einsum("f,df->d", a * b / (1 + torch.exp(-a)), w2)


def mixture(x, indices, weights, w1, w2, w3):
    """y (T, D), token by token."""
    rows = []
    for t, row in enumerate(indices.tolist()):
        rows.append(sum(weights[t, s] * ffn(x[t], w1[e], w2[e], w3[e]) for s, e in enumerate(row)))
    return torch.stack(rows)


def matrices(rng, D, F, E):
    """w1, w2, w3, with which outputs have size 1."""
    return rng.randn(E, F, D) / D**0.5, rng.randn(E, D, F) / F**0.5, rng.randn(E, F, D) / D**0.5


def strided(tensor):
    """The same numbers, those of one row apart in memory."""
    return tensor.movedim(-1, 0).contiguous().movedim(0, -1)


@points(7)
@needs(test_public.test_shapes)
def test_sort(submission, rng):
    """every copy by expert, then by number"""
    for T, E, k in ((9, 5, 2), (3, 11, 4), (17, 4, 1), (6, 7, 7), (1, 8, 3)):
        indices = chosen(rng, T, E, k)
        assert_equal(submission.sort_by_expert(indices, E), book(indices, E))
    T, E, k = 12, 7, 3
    for idle in ((5, 6), (0, 1), (3,), (0, 2, 6)):
        indices = chosen(rng, T, E, k, idle)
        assert_equal(submission.sort_by_expert(indices, E), book(indices, E))
    indices = chosen(rng, T, E, k).T.contiguous().T
    assert_equal(submission.sort_by_expert(indices, E), book(indices, E))


@points(2)
@needs(test_public.test_shapes)
def test_nothing_to_do(submission, rng):
    """T = 0 and M = 0 give results without rows"""
    E, k, D, F = 5, 2, 3, 4
    indices = torch.zeros(0, k, dtype=torch.int64)
    nothing = torch.zeros(0, dtype=torch.int64)
    assert_equal(submission.sort_by_expert(indices, E), (nothing, torch.zeros(E + 1, dtype=torch.int64)))
    weight = rng.randn(E, F, D)
    rows = submission.grouped_matmul(rng.randn(0, D), weight, torch.zeros(E + 1, dtype=torch.int64))
    assert_equal(rows, torch.zeros(0, F, dtype=torch.float64), name="product")
    y = submission.dropless_forward(rng.randn(0, D), indices, rng.randn(0, k), *matrices(rng, D, F, E))
    assert_equal(y, torch.zeros(0, D, dtype=torch.float64), name="y")


@points(5)
@needs(test_public.test_shapes)
def test_grouped_matmul(submission, rng):
    """each row meets the matrix of its segment"""
    In, Out, E = 4, 3, 6
    for lengths in ((3, 1, 4, 2, 5, 1), (0, 3, 0, 0, 5, 2), (2, 4, 1, 3, 0, 0), (0, 0, 7, 0, 0, 0), (1, 0, 2, 0, 3, 0)):
        M = sum(lengths)
        rows, weight, offsets = rng.randn(M, In), rng.randn(E, Out, In), bounds(*lengths)
        expected = product(rows, weight, offsets)
        assert_close(submission.grouped_matmul(rows, weight, offsets), expected)
        for e, length in enumerate(lengths):
            if length == 0:
                weight[e] = NAN
        assert_close(submission.grouped_matmul(rows, weight, offsets), expected)
        # A segment that is full of NaN stays alone with it.
        e = max(range(E), key=lengths.__getitem__)
        spoilt = rows.clone()
        spoilt[offsets[e] : offsets[e + 1]] = NAN
        weight[e] = NAN
        found = submission.grouped_matmul(spoilt, weight, offsets)
        for part in (slice(0, int(offsets[e])), slice(int(offsets[e + 1]), M)):
            assert_close(found[part], expected[part], name="rows of the other segments")
    rows, weight = rng.randn(In, 5).T, rng.randn(2, In, Out).mT
    expected = product(rows, weight, bounds(3, 2))
    assert_close(submission.grouped_matmul(rows, weight, bounds(3, 2)), expected)
    single = submission.grouped_matmul(rows.float(), weight.float(), bounds(3, 2))
    # float32: sums of four products of size 1, a few units of 6e-8
    assert_close(single, expected.float(), rtol=1e-5, atol=1e-5)


@points(9)
@needs(test_public.test_shapes)
def test_forward(submission, rng):
    """the weighted sum of the chosen experts"""
    for T, D, F, E, k in ((11, 7, 6, 5, 1), (9, 4, 3, 6, 2), (5, 3, 7, 8, 4), (7, 6, 2, 5, 5), (1, 2, 3, 7, 4)):
        x, indices, w = rng.randn(T, D), chosen(rng, T, E, k), matrices(rng, D, F, E)
        weights = rng.randn(T, k)  # of any sum and sign
        assert_close(submission.dropless_forward(x, indices, weights, *w), mixture(x, indices, weights, *w))
    weights = 0.1 + 0.2 * rng.rand(T, k)  # positive, as after a sigmoid or the softmax over all experts
    expected = mixture(x, indices, weights, *w)
    assert_close(submission.dropless_forward(x, indices, weights, *w), expected)
    single = submission.dropless_forward(x.float(), indices, weights.float(), *(p.float() for p in w))
    # float32: a few sums of at most 7 terms of size 1, three in a row
    assert_close(single, expected.float(), rtol=1e-5, atol=1e-5)
    T, D, F, E, k = 8, 5, 3, 6, 2
    x, indices, weights, w = rng.randn(T, D), chosen(rng, T, E, k), rng.randn(T, k), matrices(rng, D, F, E)
    found = submission.dropless_forward(*(strided(each) for each in (x, indices, weights, *w)))
    assert_close(found, mixture(x, indices, weights, *w), name="y, where all arguments are views")


@points(2)
@needs(test_forward)
def test_all_on_one_expert(submission, rng):
    """64 tokens for one, and nobody is dropped"""
    T, D, F, E = 64, 5, 3, 6
    x, w = rng.randn(T, D), matrices(rng, D, F, E)
    for e in (0, E - 1):
        first = torch.full((T, 1), e)
        weights = rng.randn(T, 1)
        assert_close(submission.dropless_forward(x, first, weights, *w), mixture(x, first, weights, *w))
        indices = torch.cat([first, rng.randint(1, E - 1, (T, 1))], dim=1)
        weights = rng.randn(T, 2)
        assert_close(submission.dropless_forward(x, indices, weights, *w), mixture(x, indices, weights, *w))


def gradients(forward, tensors, g):
    """y, and the gradients of (y * g).sum(): those of the tensors, 0 where there is none."""
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    y = forward(*leaves)
    assert y.requires_grad, "No gradient leads from the result to its inputs: something was detached."
    (y * g).sum().backward()
    return y.detach(), [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves]


@points(2)
@needs(test_forward)
def test_idle_experts(submission, rng):
    """may hold NaN; their gradient is 0"""
    T, D, F, E, k = 6, 4, 3, 7, 2
    idle = [0, 3, 6]
    indices = chosen(rng, T, E, k, idle)
    tensors, g = [rng.randn(T, D), rng.randn(T, k), *matrices(rng, D, F, E)], rng.randn(T, D)
    y, expected = gradients(lambda x, weights, *w: mixture(x, indices, weights, *w), tensors, g)
    for w in tensors[2:]:
        w[idle] = NAN
    found, grads = gradients(lambda x, weights, *w: submission.dropless_forward(x, indices, weights, *w), tensors, g)
    assert_close(found, y, name="y")
    for name, mine, right in zip(NAMES, grads, expected, strict=True):
        assert_close(mine, right, name=f"gradient of {name}")


@points(2)
@needs(test_grouped_matmul)
def test_gradients(submission, rng):
    """reach rows, x, weights and every matrix"""
    In, Out, E = 4, 3, 5
    offsets = bounds(2, 0, 3, 1, 0)
    tensors, g = [rng.randn(6, In), rng.randn(E, Out, In)], rng.randn(6, Out)
    _, expected = gradients(lambda *inputs: product(*inputs, offsets), tensors, g)
    tensors[1][[1, 4]] = NAN
    _, found = gradients(lambda *inputs: submission.grouped_matmul(*inputs, offsets), tensors, g)
    for name, mine, right in zip(("rows", "weight"), found, expected, strict=True):
        assert_close(mine, right, name=f"gradient of {name}")

    T, D, F, k = 7, 6, 8, 2
    indices = chosen(rng, T, E, k)
    tensors, g = [rng.randn(T, D), rng.randn(T, k), *matrices(rng, D, F, E)], rng.randn(T, D)
    _, expected = gradients(lambda x, weights, *w: mixture(x, indices, weights, *w), tensors, g)
    _, found = gradients(lambda x, weights, *w: submission.dropless_forward(x, indices, weights, *w), tensors, g)
    for name, mine, right in zip(NAMES, found, expected, strict=True):
        assert_close(mine, right, name=f"gradient of {name}")


@points(2)
@needs(test_forward)
def test_permuted(submission, rng):
    """tokens or choices in another order"""
    T, D, F, E, k = 8, 5, 4, 6, 3
    x, indices, weights, w = rng.randn(T, D), chosen(rng, T, E, k), rng.randn(T, k), matrices(rng, D, F, E)
    expected = mixture(x, indices, weights, *w)
    tokens = rng.randperm(T)
    found = submission.dropless_forward(x[tokens], indices[tokens], weights[tokens], *w)
    assert_close(found, expected[tokens], name="y of the tokens in another order")
    slots = rng.rand(T, k).argsort(-1)
    found = submission.dropless_forward(x, indices.gather(1, slots), weights.gather(1, slots), *w)
    assert_close(found, expected, name="y with the choices in another order")


@points(5)
def test_padded_rows(submission, rng):
    """empty segments, and full blocks"""
    drawn = tuple(rng.randint(0, 300, (9,)).tolist())
    for lengths in ((3, 0, 6, 7, 1), (0, 128, 129, 0, 256, 127), (0, 0, 5), (9,), drawn):
        for block in (3, 1, 128):
            blocks = sum(len(range(0, n, block)) for n in lengths)
            expected = {
                "rows": sum(lengths),
                "blocks": blocks,
                "block_rows": blocks * block,
                "capacity_rows": sum(max(lengths) for _ in lengths),
            }
            found = submission.padded_rows(bounds(*lengths), block)
            for name, number in expected.items():
                assert_equal(found[name], number, name=name)
                assert isinstance(found[name], int), f"{name} is a tensor or a float and should be a Python int."
            assert_equal(sorted(found), sorted(expected), name="keys")
    nothing = {"rows": 0, "blocks": 0, "block_rows": 0, "capacity_rows": 0}
    assert_equal(submission.padded_rows(bounds(0, 0, 0), 4), nothing)
