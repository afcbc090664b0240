# TRUE CAUSE: convert_state pools the columns of a weight, as if matrices lay as (in, out). nn.Linear keeps them as
# (out, in): the heads own rows, of weights as of biases, and the result has to be (G K, D).
import torch
from torch import Tensor


def pool_heads(t: Tensor, num_heads: int, num_groups: int, method: str = "mean") -> Tensor:
    if method not in ("mean", "first"):
        raise ValueError(f"unknown method {method!r}")
    if num_heads % num_groups or t.shape[0] % num_heads:
        raise ValueError("groups have to divide the heads, and heads the rows")
    heads = t.reshape(num_groups, num_heads // num_groups, t.shape[0] // num_heads, *t.shape[1:])
    pooled = heads.mean(dim=1) if method == "mean" else heads[:, 0]
    return pooled.reshape(-1, *t.shape[1:])


def convert_state(state: dict[str, Tensor], num_heads: int, num_groups: int, method: str = "mean") -> dict[str, Tensor]:
    converted = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if len(parts) >= 2 and parts[-2] in ("k_proj", "v_proj"):
            if tensor.dim() == 2:
                tensor = pool_heads(tensor.T, num_heads, num_groups, method).T
            else:
                tensor = pool_heads(tensor, num_heads, num_groups, method)
        converted[name] = tensor
    return converted


def expand_heads(t: Tensor, num_heads: int, num_groups: int) -> Tensor:
    heads = t.reshape(num_groups, -1, *t.shape[1:])
    return heads.repeat_interleave(num_heads // num_groups, dim=0).flatten(0, 1)
