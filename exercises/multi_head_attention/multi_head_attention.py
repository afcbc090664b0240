"""Multi-head attention, and what it is made of: heads that can be looked at, and removed, one by one."""

import math

import torch
from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    """H attentions of width K = D / H side by side, mixed by one output matrix.

    Parameters: q_proj, k_proj, v_proj and out_proj, each an nn.Linear(embed_dim, embed_dim): `.weight` (D, D) and,
        with bias, `.bias` (D,). Head h owns the rows h K ... (h + 1) K - 1 of q_proj, k_proj and v_proj, and the
        same columns of out_proj.weight.

    >>> mha = MultiHeadAttention(embed_dim=2, num_heads=2, bias=False)
    >>> state = {f"{name}.weight": torch.eye(2) for name in ("q_proj", "k_proj", "v_proj")}
    >>> state["out_proj.weight"] = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    >>> _ = mha.requires_grad_(False).load_state_dict(state)
    >>> query = torch.tensor([[[0.0, 1.0986]]])  # ln 3 in head 1
    >>> key = torch.tensor([[[5.0, 0.0], [7.0, 1.0], [9.0, 0.0]]])
    >>> value = torch.tensor([[[10.0, 1.0], [20.0, 3.0], [30.0, 2.0]]])
    >>> mha(query, key, value)  # head 0 averages to 20, head 1 to 12/5
    (tensor([[[24.8000,  2.4000]]]), tensor([[[[0.3333, 0.3333, 0.3333]],
             [[0.2000, 0.6000, 0.2000]]]]))
    >>> mha.head_contributions(query, key, value)
    tensor([[[[20.0000,  0.0000]],
             [[ 4.8000,  2.4000]]]])
    """

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True) -> None:
        """embed_dim: D; num_heads: H >= 1, divides D; bias: whether the four linear layers have one."""
        raise NotImplementedError

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """softmax(Q Kᵀ / √K) V in every head, the heads concatenated, then out_proj.

        query: (B, T, D), in the dtype of the parameters, as all that follows.
        key, value: (B, S, D), two tensors that may differ.
        mask: bool, broadcasts to (B, H, T, S), True = may attend; every query may attend to at least one key.
            None: to all.
        Returns: the output (B, T, D), and the attention weights (B, H, T, S) of every head, exactly 0 where
            masked. Gradients flow to the inputs and to all parameters.
        """
        raise NotImplementedError

    def head_contributions(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        """What each head adds to the output.

        Arguments as in forward.
        Returns: (B, H, T, D); the sum over H plus out_proj.bias, if there is one, is the output of forward.
        """
        raise NotImplementedError


def unpack_in_proj(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The parameters of an nn.MultiheadAttention under the names of MultiHeadAttention.

    state: in_proj_weight (3D, D), which is W_q, W_k and W_v stacked in this order, and out_proj.weight (D, D);
        with biases also in_proj_bias (3D,) and out_proj.bias (D,).
    Returns: q_proj.weight, k_proj.weight, v_proj.weight and out_proj.weight, each (D, D); with biases also
        q_proj.bias, k_proj.bias, v_proj.bias and out_proj.bias, each (D,).
        They may be views of the tensors in state.

    >>> state = {"in_proj_weight": torch.tensor([[1.0], [2.0], [3.0]]), "out_proj.weight": torch.tensor([[4.0]])}
    >>> unpack_in_proj(state)
    {'q_proj.weight': tensor([[1.]]), 'k_proj.weight': tensor([[2.]]), 'v_proj.weight': tensor([[3.]]),
     'out_proj.weight': tensor([[4.]])}
    """
    raise NotImplementedError


def prune_heads(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    """The parameters of the attention that has only the heads in `keep`, in ascending order.

    state: the state_dict of a MultiHeadAttention, with or without biases.
    num_heads: H, how many heads it has.
    keep: the numbers of n >= 1 different heads, in any order.
    Returns: the same names; q_proj, k_proj and v_proj have n K rows, out_proj.weight is (D, n K), out_proj.bias
        stays. They may share memory with the tensors in state.

    >>> square = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> state = {f"{name}_proj.weight": square for name in ("q", "k", "v", "out")}
    >>> prune_heads(state, num_heads=2, keep=[1])
    {'q_proj.weight': tensor([[3., 4.]]), 'k_proj.weight': tensor([[3., 4.]]), 'v_proj.weight': tensor([[3., 4.]]),
     'out_proj.weight': tensor([[2.],
            [4.]])}
    """
    raise NotImplementedError
