# TRUE CAUSE: takes the rows of a weight to be ordered with the head index fastest, row k * H + h for number k of head h
# (heads interleaved), in all three functions, instead of K rows of head 0, then K rows of head 1.
import torch
from torch import Tensor


def _check(t: Tensor, num_heads: int, num_groups: int) -> int:
    if num_heads % num_groups != 0:
        raise ValueError("num_groups must divide num_heads")
    if t.size(0) % num_heads != 0:
        raise ValueError("num_heads must divide the rows")
    return num_heads // num_groups


def pool_heads(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    size = _check(t, num_heads, num_groups)
    by_head = t.unflatten(0, (-1, num_groups, size))  # number k, group, head in the group
    if method == "mean":
        merged = by_head.mean(2)
    elif method == "first":
        merged = by_head[:, :, 0]
    else:
        raise ValueError(method)
    return merged.flatten(0, 1)


def convert_state(state: dict[str, Tensor], num_heads: int, num_groups: int, method: str = "mean") -> dict[str, Tensor]:
    new = dict(state)
    for name in state:
        module, dot, _ = name.rpartition(".")
        if dot and module.rpartition(".")[2] in {"k_proj", "v_proj"}:
            new[name] = pool_heads(state[name], num_heads, num_groups, method)
    return new


def expand_heads(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    by_head = t.unflatten(0, (-1, num_groups))
    return by_head.repeat_interleave(num_heads // num_groups, dim=1).flatten(0, 1)
