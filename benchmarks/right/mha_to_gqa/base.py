"""From a trained multi-head attention to grouped queries."""

import torch
from torch import Tensor


def pool_heads(t, num_heads, num_groups, method="mean"):
    if num_heads % num_groups or t.shape[0] % num_heads:
        raise ValueError("sizes do not fit")
    if method not in ("mean", "first"):
        raise ValueError(f"unknown method {method!r}")
    width = t.shape[0] // num_heads
    heads = t.reshape(num_groups, num_heads // num_groups, width, *t.shape[1:])
    pooled = heads.mean(1) if method == "mean" else heads[:, 0]
    return pooled.reshape(num_groups * width, *t.shape[1:])


def convert_state(state, num_heads, num_groups, method="mean"):
    result = {}
    for name, t in state.items():
        parts = name.split(".")
        if len(parts) > 1 and parts[-2] in ("k_proj", "v_proj"):
            t = pool_heads(t, num_heads, num_groups, method)
        result[name] = t
    return result


def expand_heads(t, num_heads, num_groups):
    heads = t.reshape(num_groups, t.shape[0] // num_groups, *t.shape[1:])
    return heads.repeat_interleave(num_heads // num_groups, dim=0).flatten(0, 1)
