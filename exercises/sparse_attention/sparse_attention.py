"""Keep all tokens, read some of them: two ways to choose keys, and attention that touches no others.

The T queries are the last T of the S tokens, T <= S: query i stands at position S - T + i, and may see the positions 0
to S - T + i. All H heads share one key and one value per token, as in the absorbed form of latent attention, and all
of them read the same chosen positions.
"""

import torch
from torch import Tensor


def index_scores(q: Tensor, weights: Tensor, k: Tensor) -> Tensor:
    """The lightning indexer of DeepSeek-V3.2: how much each query wants to read each token.

    With small heads that serve no other purpose, score(i, s) = Σ_j weights_ij · max(0, q_ij · k_s).

    q: (B, J, T, C), the queries of J small heads. weights: (B, J, T), of any sign. k: (B, S, C), one for all J heads.
    Returns: (B, T, S) in the dtype of q; -inf where the query may not see the token. Gradients flow to all arguments.

    >>> q, weights = torch.tensor([[[[1.0]], [[-1.0]]]]), torch.tensor([[[2.0], [3.0]]])
    >>> index_scores(q, weights, torch.tensor([[[5.0], [-1.0], [0.0]]]))
    tensor([[[10.,  3.,  0.]]])
    """
    raise NotImplementedError


def top_keys(scores: Tensor, count: int) -> Tensor:
    """The positions of the count largest scores of each query.

    scores: (B, T, S), with -inf for tokens that the query may not see; at least one is not -inf. Of equal scores the
        earlier position is taken: many scores of an indexer are exactly 0.
    count: 1 or more.
    Returns: int64 (B, T, N), N at most count, in any order within a query, each position once. A query that may see
        fewer than N tokens has all of them, and -1 in the places that are left.

    >>> top_keys(torch.tensor([[[3.0, float("-inf"), float("-inf")], [0.0, 0.0, 5.0]]]), count=2).sort().values
    tensor([[[-1,  0],
             [ 0,  2]]])
    """
    raise NotImplementedError


def top_blocks(q: Tensor, k: Tensor, block: int, count: int) -> Tensor:
    """Whole blocks of neighboring tokens instead of single ones, as in NSA, here without its learned parts.

    Block b holds the positions b · block to (b + 1) · block - 1. A query always reads the block it stands in. Of the
    blocks before that one it reads count - 1 more, or all if they are fewer: those with the largest importance. To find
    it, each block before the query's own is represented by the mean of its keys, k̄_b. Each head has the weights
    softmax_b(q · k̄_b / √K) over these blocks, and a block's importance is the sum of its weights over the H heads.

    q: (B, H, T, K). k: (B, S, K). block: 1 or more; S need not be a multiple of it. count: 1 or more.
    Returns: int64 (B, T, N), N at most count · block, in any order within a query: the positions in the chosen blocks
        that the query may see, each once, and -1 in the places that are left.

    >>> k = torch.tensor([[[4.0], [4.0], [0.0], [0.0], [1.0], [9.0], [9.0]]])
    >>> top_blocks(torch.ones(1, 1, 2, 1), k, block=2, count=2).sort().values  # of the queries at 5 and 6
    tensor([[[ 0,  1,  4,  5],
             [-1,  4,  5,  6]]])
    """
    raise NotImplementedError


def attend_keys(q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
    """Attention over the chosen positions: the softmax of q · k / √K runs over these and no others.

    q: (B, H, T, K). k: (B, S, K). v: (B, S, V). All of one dtype.
    positions: int64 (B, T, N), for each query the positions it reads, each at most once, in any order; -1 stands for
        none. Each query has at least one. Whether it may see them has been decided before.
    Returns: (B, H, T, V) in the dtype of q. Gradients flow to q, k and v.
    Memory: nothing that is made on the way has a number for each query and each of the S tokens.

    >>> q, k = torch.zeros(1, 1, 1, 2), torch.zeros(1, 4, 2)
    >>> v = torch.tensor([[[1.0], [2.0], [30.0], [4.0]]])
    >>> attend_keys(q, k, v, torch.tensor([[[3, -1, 1]]]))
    tensor([[[[3.]]]])
    """
    raise NotImplementedError
