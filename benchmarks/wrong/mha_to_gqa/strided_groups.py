# TRUE CAUSE: Heads h, h + G, h + 2G ... are merged into group h instead of H/G neighbouring heads: the reshape
# has the groups as its second axis.
import torch
from torch import Tensor


def pool_heads(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    if method not in ("mean", "first"):
        raise ValueError(f"unknown method {method}")
    if num_heads % num_groups:
        raise ValueError("the groups do not divide the heads")
    if t.shape[0] % num_heads:
        raise ValueError("the heads do not divide the rows")
    K = t.shape[0] // num_heads
    grouped = t.reshape(num_heads // num_groups, num_groups, K, *t.shape[1:])
    pooled = grouped.mean(dim=0) if method == "mean" else grouped[0]
    return pooled.reshape(num_groups * K, *t.shape[1:])


def convert_state(state: dict[str, Tensor], num_heads: int, num_groups: int, method: str = "mean") -> dict[str, Tensor]:
    out = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if len(parts) >= 2 and parts[-2] in ("k_proj", "v_proj"):
            out[name] = pool_heads(tensor, num_heads, num_groups, method)
        else:
            out[name] = tensor
    return out


def expand_heads(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    K = t.shape[0] // num_groups
    heads = t.reshape(num_groups, K, *t.shape[1:])
    return heads.repeat_interleave(num_heads // num_groups, dim=0).reshape(num_heads * K, *t.shape[1:])
