"""Experts without a capacity: sort the copies of the tokens by expert, multiply by segments, put everything back."""

import torch
import torch.nn.functional as F
from torch import Tensor


def sort_by_expert(indices: Tensor, num_experts: int) -> tuple[Tensor, Tensor]:
    """The order in which the T · k copies of the tokens lie sorted by expert, and where each expert's part begins.

    indices: (T, k) int64, T >= 0, each from 0 to num_experts - 1: the experts that a token chose. Copy t · k + s is
        token t, sent to its s-th choice.
    Returns: order (T k,) int64, numbers of copies: those of expert 0 first, then those of expert 1, ..., and for one
        expert in rising order. And offsets (num_experts + 1,) int64: expert e has the places offsets[e] up to
        offsets[e + 1] of order, the latter excluded.

    >>> sort_by_expert(torch.tensor([[2, 0], [2, 3], [0, 2]]), num_experts=4)
    (tensor([1, 4, 0, 2, 5, 3]), tensor([0, 2, 2, 5, 6]))
    """
    raise NotImplementedError


def grouped_matmul(rows: Tensor, weight: Tensor, offsets: Tensor) -> Tensor:
    """Each segment of the rows times the matrix of its expert: rows[offsets[e]:offsets[e + 1]] @ weight[e].T.

    rows: (M, I), M >= 0, float32 or float64. weight: (E, O, I), in the dtype of rows. offsets: (E + 1,) int64, rising
        from 0 to M; segments may be empty.
    Returns: (M, O). A matrix meets the rows of its own segment and no others: that of an empty segment may hold NaN.
        Gradients flow to rows and weight; the matrix of an empty segment gets gradient 0.

    >>> rows = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> weight = torch.tensor([[[1.0, 1.0]], [[float("nan"), 0.0]], [[10.0, 0.0]]])
    >>> grouped_matmul(rows, weight, torch.tensor([0, 2, 2, 3]))
    tensor([[ 3.],
            [ 7.],
            [50.]])
    """
    raise NotImplementedError


def dropless_forward(x: Tensor, indices: Tensor, weights: Tensor, w1: Tensor, w2: Tensor, w3: Tensor) -> Tensor:
    """y_t = Σ_s weights[t, s] · FFN of expert indices[t, s] at x_t, with FFN_e(x) = W2_e (silu(W1_e x) * W3_e x).

    x: (T, D), T >= 0. indices: (T, k) int64, no expert twice in a row. weights: (T, k); they need not add up to 1.
    w1, w3: (E, F, D). w2: (E, D, F). All but indices float32 or float64, of one dtype.
    Returns: (T, D) in the dtype of x. No copy is dropped, however many chose one expert. An expert runs on the tokens
        that chose it and on no others; one that nobody chose may hold NaN. Gradients flow to x, weights, w1, w2 and w3;
        the matrices of an expert that nobody chose get gradient 0.

    >>> x, one = torch.tensor([[100.0], [200.0]]), torch.ones(2, 1, 1)  # silu(100) = 100
    >>> indices, weights = torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0.5, 0.25], [1.0, 0.0]])
    >>> dropless_forward(x, indices, weights, one, torch.tensor([[[1.0]], [[2.0]]]), one)  # 1 · 100² and 2 · 200²
    tensor([[10000.],
            [80000.]])
    """
    raise NotImplementedError


def padded_rows(offsets: Tensor, block: int) -> dict[str, int]:
    """How many rows two fixed-shape layouts compute for the same routing.

    offsets: (E + 1,) int64, as sort_by_expert gives them. block: rows of a block, at least 1.
    Returns: a dict of Python ints. "rows": the copies themselves. "blocks": how many blocks of `block` rows they take
        if each expert fills up its last one; an expert without copies takes none. "block_rows": the rows in these
        blocks. "capacity_rows": the rows if every expert gets a buffer as long as the fullest segment.

    >>> padded_rows(torch.tensor([0, 2, 2, 7, 8]), block=4)  # segments of 2, 0, 5 and 1
    {'rows': 8, 'blocks': 4, 'block_rows': 16, 'capacity_rows': 20}
    """
    raise NotImplementedError
