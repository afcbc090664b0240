# TRUE CAUSE: prune_heads keeps n / H of the output bias, as if each head carried a share of it. The bias of out_proj
# belongs to no head: it is added once, whatever heads are left, and stays as it is.
"""Multi-head attention, and what it is made of."""

import math

import torch
from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.k_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.v_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=bias)

    def _read(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """What each head has read, (B, H, T, K), and its weights."""

        def split(t: Tensor) -> Tensor:
            return t.reshape(t.shape[0], t.shape[1], self.num_heads, -1).permute(0, 2, 1, 3)

        q, k, v = split(self.q_proj(query)), split(self.k_proj(key)), split(self.v_proj(value))
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        weights = torch.softmax(scores, dim=-1)
        return weights @ v, weights

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        heads, weights = self._read(query, key, value, mask)
        return self.out_proj(heads.permute(0, 2, 1, 3).flatten(2)), weights

    def head_contributions(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        heads, _ = self._read(query, key, value, mask)
        columns = self.out_proj.weight.unflatten(1, (self.num_heads, -1))  # (D, H, K)
        return torch.einsum("bhtk,dhk->bhtd", heads, columns)


def unpack_in_proj(state: dict[str, Tensor]) -> dict[str, Tensor]:
    unpacked = {}
    for kind in ("weight", "bias"):
        if f"in_proj_{kind}" in state:
            for name, part in zip("qkv", state[f"in_proj_{kind}"].chunk(3, dim=0)):
                unpacked[f"{name}_proj.{kind}"] = part
            unpacked[f"out_proj.{kind}"] = state[f"out_proj.{kind}"]
    return unpacked


def prune_heads(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    heads = sorted(keep)
    pruned = {}
    for name, tensor in state.items():
        if name == "out_proj.bias":
            pruned[name] = tensor * (len(heads) / num_heads)
        elif name == "out_proj.weight":
            pruned[name] = tensor.unflatten(1, (num_heads, -1))[:, heads].flatten(1)
        else:
            pruned[name] = tensor.unflatten(0, (num_heads, -1))[heads].flatten(0, 1)
    return pruned
