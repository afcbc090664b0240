"""Scores and choices query by query in Python, and dense attention in which all that is not chosen is -inf."""

import itertools
import math

import test_public
import torch
import torch.nn.functional as F

from grader.testing import assert_close, assert_equal, needs, points

INF = float("inf")


def strided(x):
    """The same numbers, those of one row apart in memory."""
    return x.mT.contiguous().mT


def right_scores(q, weights, k):
    """What index_scores should return: each query from the tokens that it may see, and -inf for the others."""
    (B, J, T, _), S = q.shape, k.shape[1]
    rows = []
    for i in range(T):
        row = torch.full((B, S), -INF, dtype=q.dtype)
        row[:, : S - T + i + 1] = 0.0
        for j in range(J):
            product = torch.einsum("bc,bsc->bs", q[:, j, i], k)
            row = row + weights[:, j, i, None] * torch.where(product > 0, product, 0.0)
        rows.append(row)
    return torch.stack(rows, dim=1)


def best(scores, count):
    """The places of the largest of these numbers, of equal ones the earlier."""
    return sorted(range(len(scores)), key=lambda place: (-scores[place], place))[:count]


def filled(chosen, limit):
    """(B, T, limit) from lists of positions for each text and query, sorted, with -1 in the places that are left."""
    return torch.tensor([[[-1] * (limit - len(row)) + sorted(row) for row in text] for text in chosen])


def right_keys(scores, count):
    """What top_keys should return, sorted."""
    rows = [[[p for p in best(row, count) if row[p] > -INF] for row in text] for text in scores.tolist()]
    return filled(rows, count)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def right_blocks(q, k, block, count):
    """What top_blocks should return, sorted."""
    (B, H, T, K), S = q.shape, k.shape[1]
    queries, keys, rows = q.tolist(), k.tolist(), []
    for b, i in itertools.product(range(B), range(T)):
        m = S - T + i
        own = m // block
        blocks = [keys[b][n * block : (n + 1) * block] for n in range(own)]
        means = [[sum(column) / block for column in zip(*each, strict=True)] for each in blocks]
        importance = [0.0] * own
        for h in range(H):
            scores = [dot(queries[b][h][i], mean) / math.sqrt(K) for mean in means]
            mass = [math.exp(score - max(scores)) for score in scores]
            importance = [old + each / sum(mass) for old, each in zip(importance, mass, strict=True)]
        read = [own, *best(importance, count - 1)]
        rows.append([p for n in read for p in range(n * block, (n + 1) * block) if p <= m])
    return filled([rows[b * T : (b + 1) * T] for b in range(B)], count * block)


def in_order(positions, limit):
    """A choice of the student, each row sorted and filled up with -1 to `limit` places."""
    assert isinstance(positions, torch.Tensor), "The positions are a tensor."
    assert positions.ndim == 3, f"The positions have 3 axes, B, T and N, and yours have {positions.ndim}."
    N = positions.shape[-1]
    assert limit >= N, f"There are at most {limit} places for a query, and yours are {N}."
    return F.pad(positions, (0, limit - N), value=-1).sort().values


def random_positions(rng, B, T, S, N):
    """(B, T, N): positions below S in any order, each once, and some places with -1, but not all of a query."""
    rows = []
    for _ in range(B * T):
        row = rng.randperm(S)[:N]
        row[rng.randperm(N)[: int(rng.randint(0, N, ()))]] = -1
        rows.append(row)
    return torch.stack(rows).view(B, T, N)


def dense(q, k, v, positions):
    """Attention with the scores of all keys, those of keys that are not chosen -inf."""
    (B, _, T, K), S = q.shape, k.shape[1]
    closed = torch.full((B, T, S), -INF, dtype=q.dtype)
    for b, i in itertools.product(range(B), range(T)):
        closed[b, i, [p for p in positions[b, i].tolist() if p >= 0]] = 0.0
    scores = torch.einsum("bhtk,bsk->bhts", q, k) / math.sqrt(K) + closed[:, None]
    return torch.softmax(scores, dim=-1) @ v[:, None]


def causal(q, k, v):
    """Full causal attention of the last T of S tokens."""
    T, S = q.shape[2], k.shape[1]
    positions = torch.tensor([[p if p <= S - T + i else -1 for p in range(S)] for i in range(T)])
    return dense(q, k, v, positions.expand(q.shape[0], T, S))


@points(6)
@needs(test_public.test_example_scores)
def test_scores(submission, rng):
    """the last T of S tokens; weights of any sign"""
    B, J, C = 2, 3, 4
    for T, S in ((5, 5), (5, 9), (1, 7), (1, 1)):
        q, weights, k = rng.randn(B, J, T, C), rng.randn(B, J, T), rng.randn(B, S, C)
        scores = submission.index_scores(strided(q), strided(weights), strided(k))
        assert_close(scores, right_scores(q, weights, k), name=f"scores, T = {T}, S = {S}")
    single = [x.float() for x in (q, weights, k)]
    assert_close(submission.index_scores(*single), right_scores(q, weights, k).float(), name="scores in float32")


@points(2)
@needs(test_scores)
def test_score_gradients(submission, rng):
    """reach q, weights and k, without a nan"""
    B, J, T, S, C = 2, 3, 4, 6, 5
    arguments = [rng.randn(*shape).requires_grad_() for shape in ((B, J, T, C), (B, J, T), (B, S, C))]
    g = rng.randn(B, T, S)
    scores = submission.index_scores(*arguments)
    assert scores.requires_grad, "No gradient leads from the scores to the arguments: something was detached."
    expected = right_scores(*arguments)
    seen = expected > -INF
    found = torch.autograd.grad((scores[seen] * g[seen]).sum(), arguments, allow_unused=True)
    right = torch.autograd.grad((expected[seen] * g[seen]).sum(), arguments)
    for name, mine, true in zip(("q", "weights", "k"), found, right, strict=True):
        assert mine is not None, f"No gradient reaches {name}."
        assert_close(mine, true, name=f"gradient of {name}")


@points(2)
@needs(test_public.test_example_keys)
def test_keys(submission, rng):
    """all counts, scores of both signs"""
    B, T, S = 2, 3, 7
    scores = rng.randn(B, T, S)
    for count in range(1, S + 3):
        positions = in_order(submission.top_keys(scores, count), count)
        assert_equal(positions, right_keys(scores, count), name=f"positions, sorted, count = {count}")
    below = -1 - rng.rand(B, T, S, dtype=torch.float32)
    assert_equal(in_order(submission.top_keys(below, 4), 4), right_keys(below, 4), name="positions, sorted")


@points(3)
@needs(test_keys)
def test_ties(submission, rng):
    """of equal scores the earlier, in long rows"""
    B, T = 2, 5
    for S, count in ((23, 4), (97, 30), (300, 40)):
        scores = (rng.randint(-2, 3, (B, T, S)).double() / 2).trunc()  # 1, -1, and most of them 0 or -0
        positions = in_order(submission.top_keys(scores, count), count)
        assert_equal(positions, right_keys(scores, count), name="positions, sorted")
    near = torch.zeros(B, T, 23, dtype=torch.float64)
    near[:, :, 11:] = 1e-13  # nearly equal is not equal
    assert_equal(in_order(submission.top_keys(near, 4), 4), right_keys(near, 4), name="positions, sorted")


@points(3)
@needs(test_keys)
def test_few_tokens(submission, rng):
    """-1, and no token that is hidden"""
    B, T, S = 2, 4, 9
    causal_scores = rng.randn(B, T, S).masked_fill(torch.ones(T, S).triu(1) > 0, -INF)
    holes = rng.randn(B, T, S).masked_fill(rng.rand(B, T, S) < 0.6, -INF)  # anywhere, as for tokens that are padding
    holes[:, :, 5] = -3.0
    for scores, count in itertools.product((causal_scores, holes, holes.float()), (1, 3, S, S + 4)):
        positions = in_order(submission.top_keys(scores, count), count)
        assert_equal(positions, right_keys(scores, count), name=f"positions, sorted, count = {count}")


@points(8)
@needs(test_public.test_example_blocks)
def test_blocks(submission, rng):
    """any S, T, block and count"""
    for (S, T), block in itertools.product(((12, 12), (17, 17), (17, 5), (14, 1)), (1, 3, 4, 20)):
        q, k = 3 * rng.randn(2, 3, T, 4), rng.randn(2, S, 4)  # without letters, as 2 is a count and 3 and 4 are blocks
        for count in (1, 2, 3, 40):
            positions = in_order(submission.top_blocks(strided(q), strided(k), block, count), count * block)
            name = f"positions, sorted, S = {S}, T = {T}, block = {block}, count = {count}"
            assert_equal(positions, right_blocks(q, k, block, count), name=name)


@points(2)
@needs(test_blocks)
def test_loud_head(submission, rng):
    """a loud head does not outvote two"""
    H, K, block = 3, 5, 4
    T = 1
    order = rng.randperm(K).tolist()
    k = torch.eye(K, dtype=torch.float64)[order].repeat_interleave(block, dim=0)  # 5 blocks before the query's own
    k = torch.cat([k, torch.zeros(block, K, dtype=torch.float64)])[None]
    loud, quiet = rng.randperm(K)[:2].tolist()
    q = 0.1 * rng.randn(1, H, T, K)
    q[:, 0, :, loud] += 100.0 * math.sqrt(K)
    q[:, 1:, :, quiet] += 4.0 * math.sqrt(K)
    q = q[:, rng.randperm(H)]
    for count in (2, 3):
        positions = in_order(submission.top_blocks(q, k, block, count), count * block)
        assert_equal(positions, right_blocks(q, k, block, count), name=f"positions, sorted, count = {count}")


@points(4)
@needs(test_blocks)
def test_future(submission, rng):
    """own block and later keys decide nothing"""
    B, H, S, K, block, count = 2, 3, 15, 4, 2, 3
    q, k = 3 * rng.randn(B, H, S, K), rng.randn(B, S, K)
    limit = count * block
    expected = right_blocks(q, k, block, count)
    for m in range(S):
        one, cache = q[:, :, m : m + 1], k[:, : m + 1]
        positions = in_order(submission.top_blocks(one, cache, block, count), limit)
        assert_equal(positions, expected[:, m : m + 1], name=f"positions, sorted, of a query at {m}")
        other = k.clone()
        start = m // block * block
        other[:, start:] = 100 * rng.randn(B, S - start, K)
        positions = in_order(submission.top_blocks(q, other, block, count), limit)
        assert_equal(positions[:, m], expected[:, m], name=f"positions, sorted, with other keys from {start} on")


@points(6)
@needs(test_public.test_example_attend)
def test_attend(submission, rng):
    """any order, -1 anywhere, nothing leaks"""
    B, H, K, V = 2, 3, 4, 6
    for T, S, N in ((5, 11, 7), (9, 9, 5), (1, 8, 2), (2, 7, 1)):
        q, k, v = rng.randn(B, H, T, K), rng.randn(B, S, K), rng.randn(B, S, V)
        positions = random_positions(rng, B, T, S, N)
        name = f"output, T = {T}, S = {S}, N = {N}"
        found = submission.attend_keys(q, strided(k), strided(v), strided(positions))
        assert_close(found, dense(q, k, v, positions), name=name)
        positions = random_positions(rng, B, T, S - 2, N)
        positions = torch.where(positions < 0, positions, positions + 1)  # nobody reads the first key and the last
        expected = dense(q, k, v, positions)
        k[:, [0, -1]] = 1e5 * rng.randn(B, 2, K)
        v[:, [0, -1]] = 1e9 * rng.randn(B, 2, V)
        name = f"{name}, huge numbers that nobody reads"
        assert_close(submission.attend_keys(q, k, v, positions), expected, name=name)
    q, k, v = (x.float() for x in (q, k, v))
    # float32: means of a few values
    assert_close(submission.attend_keys(q, k, v, positions), expected.float(), rtol=1e-5, atol=1e-5, name="output")


@points(3)
@needs(test_attend)
def test_attend_gradients(submission, rng):
    """as dense attention has them; 0 for keys not read"""
    B, H, T, S, K, V, N = 2, 3, 4, 12, 5, 6, 7
    arguments = [rng.randn(*shape).requires_grad_() for shape in ((B, H, T, K), (B, S, K), (B, S, V))]
    positions, g = random_positions(rng, B, T, S, N), rng.randn(B, H, T, V)
    out = submission.attend_keys(*arguments, positions)
    assert out.requires_grad, "No gradient leads from the output to the arguments: something was detached."
    found = torch.autograd.grad((out * g).sum(), arguments, allow_unused=True)
    expected = torch.autograd.grad((dense(*arguments, positions) * g).sum(), arguments)
    for name, mine, right in zip(("q", "k", "v"), found, expected, strict=True):
        assert mine is not None, f"No gradient reaches {name}."
        assert_close(mine, right, name=f"gradient of {name}")


@points(3)
@needs(test_attend)
def test_memory(submission, rng):
    """65,536 keys, 64 heads or 8192 queries, in 512 MiB"""
    B, S, K, V, N = 1, 65536, 16, 12, 10
    k, v = rng.randn(B, S, K, dtype=torch.float32), rng.randn(B, S, V, dtype=torch.float32)
    for H, T in ((64, 128), (2, 8192)):
        q = rng.randn(B, H, T, K, dtype=torch.float32)
        positions = S // N * torch.arange(N) + rng.randint(0, S // N, (B, T, N))
        positions[:, ::3, 4] = -1
        out = submission.attend_keys(q, k, v, positions)
        some = [0, 1, T // 2, T - 1]
        expected = dense(q[:, :, some], k, v, positions[:, some])
        # float32: sums of a dozen products
        assert_close(out[:, :, some], expected, rtol=1e-5, atol=1e-5, name="output of four queries")


def sparse(submission, q, k, v, small, by_blocks, count, block):
    """Attention over what the indexer with the queries, weights and keys in `small` chooses, or over blocks."""
    if by_blocks:
        positions = submission.top_blocks(q, k, block, count)
    else:
        positions = submission.top_keys(submission.index_scores(*small), count)
    return submission.attend_keys(q, k, v, positions)


@points(3)
@needs(test_scores, test_few_tokens, test_blocks, test_attend)
def test_all_keys(submission, rng):
    """with count = S, full causal attention"""
    B, H, J, C, K, V, block = 2, 4, 3, 5, 8, 6, 2
    for T, S in ((7, 7), (3, 11)):
        q, k, v = rng.randn(B, H, T, K), rng.randn(B, S, K), rng.randn(B, S, V)
        small = rng.randn(B, J, T, C), rng.randn(B, J, T), rng.randn(B, S, C)
        for by_blocks in (False, True):
            out = sparse(submission, q, k, v, small, by_blocks, S, block)
            assert_close(out, causal(q, k, v), name="output by " + ("blocks" if by_blocks else "keys"))


@points(3)
@needs(test_all_keys)
def test_pieces(submission, rng):
    """pieces of any lengths equal one pass"""
    B, H, J, C, S, K, V, block, count = 2, 4, 3, 5, 11, 8, 6, 2, 3
    q, k, v = 3 * rng.randn(B, H, S, K), rng.randn(B, S, K), rng.randn(B, S, V)
    queries, weights, keys = rng.randn(B, J, S, C), rng.randn(B, J, S), rng.randn(B, S, C)
    scores = right_scores(queries, weights, keys)
    for by_blocks in (False, True):
        chosen = right_blocks(q, k, block, count) if by_blocks else right_keys(scores, count)
        expected = dense(q, k, v, chosen)
        for pieces in ([S], [1] * S, [4, 7], [2, 1, 8]):
            outputs, done = [], 0
            for T in pieces:
                new, done = slice(done, done + T), done + T
                small = queries[:, :, new], weights[:, :, new], keys[:, :done]
                piece = q[:, :, new], k[:, :done], v[:, :done]
                outputs.append(sparse(submission, *piece, small, by_blocks, count, block))
            name = "output by " + ("blocks" if by_blocks else "keys") + ", pieces of " + "+".join(map(str, pieces))
            assert_close(torch.cat(outputs, dim=2), expected, name=name)
