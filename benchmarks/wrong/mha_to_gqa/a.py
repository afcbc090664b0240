# TRUE CAUSE: convert_state takes the second to last part of every name, so a parameter of the model itself, whose
# name has no dot (such as "scale"), raises IndexError; it has to be kept as it is.
import torch
from torch import Tensor


def pool_heads(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    if method not in ("mean", "first"):
        raise ValueError(f"unknown method {method!r}")
    if num_heads % num_groups or t.shape[0] % num_heads:
        raise ValueError("groups must divide heads, and heads must divide the rows")
    width = t.shape[0] // num_heads
    grouped = t.reshape(num_groups, num_heads // num_groups, width, *t.shape[1:])
    if method == "mean":
        pooled = grouped.mean(dim=1)
    else:
        pooled = grouped[:, 0]
    return pooled.reshape(num_groups * width, *t.shape[1:])


def convert_state(state: dict[str, Tensor], num_heads: int, num_groups: int, method: str = "mean") -> dict[str, Tensor]:
    converted = {}
    for name, tensor in state.items():
        module = name.split(".")[-2]
        if module in ("k_proj", "v_proj"):
            tensor = pool_heads(tensor, num_heads, num_groups, method)
        converted[name] = tensor
    return converted


def expand_heads(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    by_group = t.unflatten(0, (num_groups, -1))
    return by_group.repeat_interleave(num_heads // num_groups, dim=0).flatten(0, 1)
