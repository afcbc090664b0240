"""From a trained multi-head attention to grouped queries: the checkpoint surgery of Ainslie et al. 2023."""

import torch
from torch import Tensor


def pool_heads(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    """H heads become G: each group of H / G neighbouring heads becomes one.

    t: floating point, a weight (H K, D) or a bias (H K,); head h owns the rows h K ... (h + 1) K - 1.
    num_heads: H. num_groups: G. Both are at least 1.
    method: "mean": the mean of the heads of a group, row by row; "first": the first of them.
    Returns: (G K, D) or (G K,), in the dtype of t.
    Raises: ValueError unless G divides H and H divides the number of rows, and for any other method.

    >>> t = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])  # 4 heads of width 2
    >>> pool_heads(t, num_heads=4, num_groups=2)
    tensor([2., 3., 6., 7.])
    >>> pool_heads(t, num_heads=4, num_groups=2, method="first")
    tensor([1., 2., 5., 6.])
    """
    raise NotImplementedError


def convert_state(state: dict[str, Tensor], num_heads: int, num_groups: int, method: str = "mean") -> dict[str, Tensor]:
    """The checkpoint of a model with multi-head attention as that of one with grouped queries.

    state: a state_dict. The last part of a name, after the last dot, is that of a parameter; before it stand the
        modules, from the outermost inwards. A parameter of the model itself has no dot in its name.
    num_heads, num_groups, method: as in pool_heads.
    Returns: the same names. The own parameters of all modules that are called k_proj or v_proj are pooled, whatever
        module they are in; all others stay as they are. `state` is not changed.
    Raises: ValueError where pool_heads does. If nothing is pooled, sizes and method need not be looked at.

    >>> state = {"layers.0.q_proj.bias": torch.tensor([1.0, 3.0]), "layers.0.k_proj.bias": torch.tensor([1.0, 3.0])}
    >>> convert_state(state, num_heads=2, num_groups=1)
    {'layers.0.q_proj.bias': tensor([1., 3.]), 'layers.0.k_proj.bias': tensor([2.])}
    """
    raise NotImplementedError


def expand_heads(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    """The way back: G heads become H, each repeated next to itself. So grouped queries are written as multi-head.

    t: a weight (G K, D) or a bias (G K,); num_heads: H; num_groups: G, divides H and the number of rows.
    Returns: (H K, D) or (H K,): head h is head h G // H of t.

    >>> expand_heads(torch.tensor([1.0, 2.0, 3.0, 4.0]), num_heads=4, num_groups=2)  # 2 heads of width 2
    tensor([1., 2., 1., 2., 3., 4., 3., 4.])
    """
    raise NotImplementedError
