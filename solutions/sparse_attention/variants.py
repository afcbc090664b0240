"""Right solutions in other styles. None of them may lose a point."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces


@replaces("index_scores")
def head_by_head(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """a loop over the small heads, and -inf added at the end"""
    total = 0.0
    for queries, weight in zip(q.unbind(1), weights.unbind(1), strict=True):
        total = total + weight[:, :, None] * (queries @ k.mT).clamp(min=0)
    T, S = total.shape[1:]
    return total + torch.full((T, S), -math.inf, dtype=q.dtype).triu(S - T + 1)


@replaces("index_scores")
def weights_as_a_row(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """heads last, as in Hugging Face: a row of weights times a matrix"""
    products = torch.matmul(q.transpose(1, 2), k.mT[:, None])  # (B, T, J, S)
    scores = (weights.mT[:, :, None] @ F.relu(products))[:, :, 0]
    T, S = scores.shape[1:]
    seen = torch.arange(S)[None] <= torch.arange(S - T, S)[:, None]
    return torch.where(seen, scores, torch.tensor(-torch.inf, dtype=scores.dtype))


@replaces("index_scores")
def query_by_query(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """only the products that are needed; a row is filled up"""
    T, S = q.shape[2], k.shape[1]
    rows = []
    for i in range(T):
        seen = S - T + i + 1
        wishes = torch.maximum(q[:, :, i] @ k[:, :seen].mT, torch.zeros((), dtype=q.dtype))
        rows.append(F.pad((weights[:, :, i, None] * wishes).sum(1), (0, S - seen), value=float("-inf")))
    return torch.stack(rows, 1)


@replaces("top_keys")
def python_lists(scores: Tensor, count: int) -> Tensor:
    """sorted() with a key; the -1 first; always count places"""
    rows = []
    for row in scores.flatten(0, 1).tolist():
        ranked = sorted((-score, position) for position, score in enumerate(row) if score != float("-inf"))
        found = [position for _, position in ranked[:count]]
        rows.append([-1] * (count - len(found)) + found)
    return torch.tensor(rows).view(*scores.shape[:2], count)


@replaces("top_keys")
def double_argsort(scores: Tensor, count: int) -> Tensor:
    """the rank of each token, and the tokens of low rank in the order of the text"""
    S = scores.shape[-1]
    rank = scores.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    position = torch.where((rank < count) & (scores > -math.inf), torch.arange(S), -1)
    return position.sort(dim=-1, descending=True).values[..., :count]


@replaces("top_keys")
def numpy_lexsort(scores: Tensor, count: int) -> Tensor:
    """NumPy, from the last to the first"""
    numbers = scores.detach().numpy()
    place = np.broadcast_to(np.arange(numbers.shape[-1]), numbers.shape)
    order = np.lexsort((place, -numbers), axis=-1)[..., :count]
    order = np.where(np.isneginf(np.take_along_axis(numbers, order, axis=-1)), -1, order)
    return torch.from_numpy(order[..., ::-1].copy())


@replaces("top_keys")
def one_after_another(scores: Tensor, count: int) -> Tensor:
    """count times the largest that is left, of equals the first"""
    left, found = scores.clone(), []
    for _ in range(count):
        place = torch.where(left == left.amax(-1, keepdim=True), torch.arange(left.shape[-1]), left.shape[-1]).amin(-1)
        value = left.gather(-1, place[..., None])[..., 0]
        found.append(torch.where(value == -math.inf, -1, place))
        left.scatter_(-1, place[..., None], -math.inf)
    return torch.stack(found, dim=-1)


@replaces("top_blocks")
def loops(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """a loop over texts and queries; as few places as are needed"""
    (B, _, T, K), S = q.shape, k.shape[1]
    rows = []
    for b in range(B):
        for m in range(S - T, S):
            own = m // block
            read = [own]
            if own > 0 and count > 1:
                means = k[b, : own * block].reshape(own, block, K).mean(1)
                weights = torch.softmax(q[b, :, m - S + T] @ means.T / math.sqrt(K), dim=-1).sum(0)
                read += weights.topk(min(count - 1, own)).indices.tolist()
            rows.append([p for n in read for p in range(n * block, min(n * block + block, m + 1))])
    N = max(map(len, rows))
    return torch.tensor([row + [-1] * (N - len(row)) for row in rows]).view(B, T, N)


@replaces("top_blocks")
def mask_of_blocks(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """complete blocks only, ranks, and a mask over positions that is sorted"""
    (B, _, T, K), S = q.shape, k.shape[1]
    full = S // block
    m = torch.arange(S - T, S)
    own = m // block
    means = k[:, : full * block].reshape(B, full, block, K).sum(2) / block
    before = torch.arange(full) < own[:, None]
    scores = torch.einsum("bhtk,bnk->bhtn", q, means).div(math.sqrt(K)).masked_fill(~before, -1e30)
    importance = (scores.softmax(-1) * before).mean(1) - (~before).to(q.dtype)
    rank = importance.argsort(-1, descending=True).argsort(-1)
    read = F.pad((rank < count - 1) & before, (0, -(-S // block) - full))
    read = read | (torch.arange(read.shape[-1]) == own[:, None])
    token = read.repeat_interleave(block, dim=-1)[..., :S] & (torch.arange(S) <= m[:, None])
    position = torch.where(token, torch.arange(S), -1).sort(-1, descending=True).values
    return position[..., : count * block]


@replaces("top_blocks")
def dense_means(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """means by a matrix; the softmax by exp, and the own block at the end of the row"""
    (B, _, T, K), S = q.shape, k.shape[1]
    blocks = (S + block - 1) // block
    mean = (torch.arange(S) // block == torch.arange(blocks)[:, None]).to(k.dtype) / block
    scores = q @ (mean @ k).mT[:, None] * K**-0.5
    position = torch.arange(S - T, S).view(1, T, 1)
    own = torch.div(position, block, rounding_mode="floor")
    before = torch.arange(blocks) < own
    scores = scores - scores.masked_fill(~before[:, None], -math.inf).amax(-1, keepdim=True).clamp(min=-1e30)
    mass = torch.where(before[:, None], scores, torch.tensor(-math.inf, dtype=q.dtype)).exp()
    importance = (mass / mass.sum(-1, keepdim=True).clamp(min=1e-30)).sum(1)
    importance = torch.where(before, importance, -1.0)
    best = importance.topk(min(count - 1, blocks), dim=-1)
    chosen = torch.cat([torch.where(best.values < 0, -1, best.indices), own.expand(B, -1, -1)], dim=-1)
    place = (chosen[..., None] * block + torch.arange(block)).flatten(-2)
    return torch.where((place < 0) | (place > position), -1, place)


@replaces("attend_keys")
def text_by_text(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """plain attention for each text and query, over the keys without -1"""
    texts = []
    for b in range(len(q)):
        rows = []
        for i, row in enumerate(positions[b]):
            kept = row[row >= 0]
            weights = torch.softmax(q[b, :, i] @ k[b, kept].T / math.sqrt(q.shape[-1]), dim=-1)
            rows.append(weights @ v[b, kept])
        texts.append(torch.stack(rows, dim=1))
    return torch.stack(texts)


@replaces("attend_keys")
def heads_as_queries(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """scaled_dot_product_attention, in which the heads are the queries of one row"""
    (B, H, T, K), N = q.shape, positions.shape[-1]
    place = positions.clamp(min=0).flatten(1)[..., None]  # (B, T N, 1)
    keys = torch.take_along_dim(k, place, dim=1).view(B, T, N, K)
    values = torch.take_along_dim(v, place, dim=1).view(B, T, N, -1)
    mask = (positions >= 0)[:, :, None].expand(-1, -1, H, -1)
    return F.scaled_dot_product_attention(q.transpose(1, 2), keys, values, attn_mask=mask).transpose(1, 2)


@replaces("attend_keys")
def one_row_of_keys(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """all texts in one long row of keys, a row of zeros for -1, exp and sums by hand"""
    B, S, K = k.shape
    place = torch.where(positions < 0, B * S, positions + S * torch.arange(B).view(B, 1, 1))
    keys = torch.cat([k.reshape(B * S, K), k.new_zeros(1, K)])[place]
    values = torch.cat([v.reshape(B * S, -1), v.new_zeros(1, v.shape[-1])])[place]
    scores = (q.transpose(1, 2) @ keys.mT).transpose(1, 2) * K**-0.5
    scores = torch.where(positions[:, None] < 0, -math.inf, scores)
    mass = torch.exp(scores - scores.amax(-1, keepdim=True).detach())
    return torch.einsum("bhtn,btnv->bhtv", mass, values) / mass.sum(-1, keepdim=True)


@replaces("attend_keys")
def views_that_gather(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """gather from expanded views, which copies nothing forward; products by broadcasting"""
    T = q.shape[2]
    place = torch.where(positions == -1, torch.zeros_like(positions), positions)[..., None]
    keys = k[:, None].expand(-1, T, -1, -1).gather(2, place.expand(-1, -1, -1, k.shape[-1]))
    values = v[:, None].expand(-1, T, -1, -1).gather(2, place.expand(-1, -1, -1, v.shape[-1]))
    scores = (q[:, :, :, None] * keys[:, None]).sum(-1) / math.sqrt(q.shape[-1])
    weights = (scores + torch.where(positions == -1, -math.inf, 0.0).to(q.dtype)[:, None]).softmax(-1)
    return (weights[..., None] * values[:, None]).sum(-2)
