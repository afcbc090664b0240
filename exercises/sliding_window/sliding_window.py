"""Attention that looks back a fixed number of tokens: its cache, its sinks, and stacks that mix in full attention."""

import torch
from torch import Tensor


def layer_types(num_layers: int, period: int) -> list[str]:
    """The kind of each layer: every period-th is "full_attention", all others are "sliding_attention".

    num_layers: L >= 1. period: at least 1; with 1 all layers are full, above num_layers none is.
    Returns: a list of L texts. The first full layer is the period-th.

    >>> layer_types(7, period=3)  # doctest: +NORMALIZE_WHITESPACE
    ['sliding_attention', 'sliding_attention', 'full_attention',
     'sliding_attention', 'sliding_attention', 'full_attention', 'sliding_attention']
    """
    raise NotImplementedError


def layout_cost(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """What a stack of such layers keeps of a text, and how far back its last token can see.

    types: as layer_types returns them, in any order. window: W >= 1; a token sees itself and the W - 1 before it.
        seq_len: S >= 1.
    Returns: exact ints.
        "cached_tokens": the sum, over all layers, of the tokens whose keys and values are kept: W in a sliding layer,
            or all S if they are fewer; all S in a full one.
        "receptive_field": how many tokens of the text, its last one included, the last token's output of the last layer
            can depend on. A full layer, wherever it stands, makes that all S.

    >>> layout_cost(["sliding_attention", "sliding_attention"], window=4, seq_len=100)
    {'cached_tokens': 8, 'receptive_field': 7}
    >>> layout_cost(["sliding_attention", "full_attention"], window=4, seq_len=100)
    {'cached_tokens': 104, 'receptive_field': 100}
    """
    raise NotImplementedError


def window_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    query_positions: Tensor,
    key_positions: Tensor,
    window: int | None = None,
    sinks: Tensor | None = None,
) -> Tensor:
    """Causal attention in which positions, and not the order of the keys, say who sees whom.

    A query at position m sees a key at position n if 0 <= n <= m and, with a window W, m - n < W. Scores are q·k / √K.
    A sink is one more logit in the softmax of its head, which no key and no value belongs to: with scores s_j and the
    sink z the weight of key j is exp(s_j) / (exp(z) + Σ exp(s)), where the sum goes over the keys that are seen.

    q: (B, H, T, K). k, v: (B, G, S, K), in the dtype of q, float32 or float64. G divides H; query head h reads the key
        and value head ⌊h G / H⌋.
    query_positions: int64 (T,). key_positions: int64 (S,), in any order; -1 marks a slot that is empty. Each query sees
        at least one key.
    window: W >= 1; None: no limit.
    sinks: (H,) in the dtype of q, used as they are; None: weights sum to 1.
    Returns: (B, H, T, K), in the dtype of q. Gradients flow to q, k, v and sinks. It and they are finite for scores and
        sinks as large as 1000 or as small as -1000.

    >>> q, k = torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 4, 1)
    >>> v = torch.tensor([[[[8.0], [2.0], [4.0], [100.0]]]])
    >>> at, slots = torch.tensor([6]), torch.tensor([6, 4, 5, -1])
    >>> window_attention(q, k, v, at, slots, window=2)
    tensor([[[[6.]]]])
    >>> window_attention(q, k, v, at, slots, window=2, sinks=torch.tensor([0.0]))
    tensor([[[[4.]]]])
    """
    raise NotImplementedError


def ring_append(cache: dict[str, Tensor] | None, k_new: Tensor, v_new: Tensor, window: int) -> dict[str, Tensor]:
    """A new cache of W slots in which each token takes the place of the one W before it.

    The token at position m lies in slot m mod W. Of the T new tokens the first stands at the position after the last
    one in the cache, at 0 in a new text. T may be larger than W: then only the last W are kept.

    cache: {"k": (B, G, W, K), "v": (B, G, W, K), "positions": int64 (W,)}, or None: the text begins. It is not changed.
        An empty slot has the position -1, and zeros in "k" and "v".
    k_new, v_new: (B, G, T, K), T >= 1. window: W >= 1, that of the cache.
    Returns: a dict of the same form.

    >>> k = torch.arange(1.0, 6.0).view(1, 1, 5, 1)
    >>> cache = ring_append(None, k[:, :, :2], k[:, :, :2], window=3)
    >>> cache["k"].flatten(), cache["positions"]
    (tensor([1., 2., 0.]), tensor([ 0,  1, -1]))
    >>> cache = ring_append(cache, k[:, :, 2:], k[:, :, 2:], window=3)
    >>> cache["k"].flatten(), cache["positions"]
    (tensor([4., 5., 3.]), tensor([3, 4, 2]))
    """
    raise NotImplementedError
