"""Attention in tiles: a softmax that is corrected as it goes on, a backward pass that computes its weights anew."""

import torch
from torch import Tensor


def merge(out_a: Tensor, lse_a: Tensor, out_b: Tensor, lse_b: Tensor) -> tuple[Tensor, Tensor]:
    """The attention over two sets of keys, from the attention over each of them.

    out_a, out_b: float32 or float64 (..., V), softmax-weighted means of the values of the two sets, which have no key
        in common.
    lse_a, lse_b: (...), in the dtype of the outputs: of each set the logarithm of the sum of exp(score). They may be as
        large as 10000 or as small as -10000. A set without keys has -inf, and an output of zeros.
    Returns: the output (..., V) and the log-sum-exp (...) over both sets. Two sets without keys make another one.

    >>> out_a, lse_a = torch.tensor([[4.0], [12.0]]), torch.tensor([1.0986, 3.2958])  # two queries, masses 3 and 27
    >>> out_b, lse_b = torch.tensor([[8.0], [4.0]]), torch.tensor([2.1972, 2.1972])  # masses 9 and 9
    >>> merge(out_a, lse_a, out_b, lse_b)
    (tensor([[ 7.0000],
            [10.0000]]), tensor([2.4849, 3.5835]))
    """
    lse = torch.logaddexp(lse_a, lse_b)
    base = lse.masked_fill(lse == float("-inf"), 0.0)  # no keys at all: weights e^(-inf - 0) = 0, and not NaN
    weight_a, weight_b = torch.exp(lse_a - base), torch.exp(lse_b - base)
    return weight_a[..., None] * out_a + weight_b[..., None] * out_b, lse


def _tiles(length: int, block: int) -> list[slice]:
    return [slice(start, min(start + block, length)) for start in range(0, length, block)]


def _scores(q: Tensor, k: Tensor, rows: slice, cols: slice, causal: bool) -> Tensor:
    """The scaled scores of one tile (B, H, queries, keys), -inf on keys of the future."""
    T, S, K = q.shape[2], k.shape[2], q.shape[3]
    scores = q[:, :, rows] @ k[:, :, cols].mT / K**0.5
    if causal:
        m = torch.arange(rows.start, rows.stop)[:, None] + S - T
        n = torch.arange(cols.start, cols.stop)
        scores = scores.masked_fill(n > m, float("-inf"))
    return scores


def flash_forward(
    q: Tensor, k: Tensor, v: Tensor, block_q: int, block_k: int, causal: bool = False
) -> tuple[Tensor, Tensor]:
    """softmax(q kᵀ / √K) v, of which never more than a tile of scores exists.

    q: (B, H, T, K). k: (B, H, S, K). v: (B, H, S, V). All float32 or float64, of one dtype; scores may be as large as
        10000, of either sign.
    block_q, block_k: at least 1; the last tile of a row or column is smaller where they do not divide T or S.
    causal: the T queries are the last T of the S positions, T <= S: query i sees the keys 0 to S - T + i.
    Returns: the output (B, H, T, V), and the log-sum-exp (B, H, T) of the scaled scores of each query, over the keys
        that it sees; both in the dtype of q.
    Memory: a tensor that has an axis of queries and one of keys has at most block_q of the first and block_k of the
        second.

    >>> q, k = torch.ones(1, 1, 1, 1), torch.tensor([[[[0.0], [1.0986], [0.0]]]])
    >>> v = torch.tensor([[[[5.0], [10.0], [0.0]]]])
    >>> flash_forward(q, k, v, block_q=1, block_k=2)  # weights 1/5, 3/5, 1/5
    (tensor([[[[7.0000]]]]), tensor([[[1.6094]]]))
    """
    T, S = q.shape[2], k.shape[2]
    outs, lses = [], []
    for rows in _tiles(T, block_q):
        m = torch.full_like(q[:, :, rows, 0], float("-inf"))  # (B, H, queries): the largest score so far
        total = torch.zeros_like(m)  # the sum of exp(s - m)
        acc = torch.zeros_like(q[:, :, rows, :1])  # (B, H, queries, V) from the first tile on: that of exp(s - m) v
        for cols in _tiles(S, block_k):
            s = _scores(q, k, rows, cols, causal)
            new = torch.maximum(m, s.amax(dim=-1))  # the first tile has key 0, which all see: never -inf
            old, p = torch.exp(m - new), torch.exp(s - new[..., None])
            total = old * total + p.sum(dim=-1)
            acc = old[..., None] * acc + p @ v[:, :, cols]
            m = new
        outs.append(acc / total[..., None])
        lses.append(m + torch.log(total))
    return torch.cat(outs, dim=2), torch.cat(lses, dim=2)


def flash_backward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    out: Tensor,
    lse: Tensor,
    d_out: Tensor,
    block_q: int,
    block_k: int,
    causal: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of q, k and v, by formula and without the weights of the forward pass, which are computed anew.

    q, k, v, block_q, block_k, causal: as in flash_forward. out, lse: what it returned for them.
    d_out: (B, H, T, V), the gradient of the output; none comes through lse.
    Returns: three tensors, in the shapes and the dtype of q, k and v.
    Memory: as in flash_forward.

    >>> q, k = torch.ones(1, 1, 1, 1), torch.tensor([[[[0.0], [1.0986], [0.0]]]])
    >>> v = torch.tensor([[[[5.0], [10.0], [0.0]]]])
    >>> out, lse = flash_forward(q, k, v, 1, 2)
    >>> dq, dk, dv = flash_backward(q, k, v, out, lse, torch.ones(1, 1, 1, 1), 1, 2)
    >>> dq.flatten(), dk.flatten(), dv.flatten()
    (tensor([1.9775]), tensor([-0.4000,  1.8000, -1.4000]), tensor([0.2000, 0.6000, 0.2000]))
    """
    T, S, scale = q.shape[2], k.shape[2], q.shape[3] ** -0.5
    delta = (d_out * out).sum(dim=-1, keepdim=True)  # (B, H, T, 1): the row sums of P ⊙ dP
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    for rows in _tiles(T, block_q):
        for cols in _tiles(S, block_k):
            p = torch.exp(_scores(q, k, rows, cols, causal) - lse[:, :, rows, None])  # the weights, anew
            dp = d_out[:, :, rows] @ v[:, :, cols].mT
            ds = p * (dp - delta[:, :, rows])
            dv[:, :, cols] += p.mT @ d_out[:, :, rows]
            dq[:, :, rows] += ds @ k[:, :, cols] * scale
            dk[:, :, cols] += ds.mT @ q[:, :, rows] * scale
    return dq, dk, dv
