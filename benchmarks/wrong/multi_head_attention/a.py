# TRUE CAUSE: head_contributions sends each head alone through out_proj as a module, which adds the output bias H
# times; the contribution of a head is the product with its columns without the bias.
import math

import torch
from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.q_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.k_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.v_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=bias)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)

    def _heads(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """What each head reads, (B, H, T, K), and its weights, (B, H, T, S)."""
        q = self._split(self.q_proj(query))
        k = self._split(self.k_proj(key))
        v = self._split(self.v_proj(value))
        scores = q @ k.transpose(-2, -1) / math.sqrt(self.head_dim)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        weights = torch.softmax(scores, dim=-1)
        return weights @ v, weights

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        heads, weights = self._heads(query, key, value, mask)
        return self.out_proj(heads.transpose(1, 2).flatten(2)), weights

    def head_contributions(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        heads, _ = self._heads(query, key, value, mask)
        parts = []
        for h in range(self.num_heads):
            alone = torch.zeros_like(heads)
            alone[:, h] = heads[:, h]
            parts.append(self.out_proj(alone.transpose(1, 2).flatten(2)))
        return torch.stack(parts, dim=1)


def unpack_in_proj(state: dict[str, Tensor]) -> dict[str, Tensor]:
    result = {}
    for kind in ("weight", "bias"):
        if f"in_proj_{kind}" not in state:
            continue
        for name, part in zip("qkv", state[f"in_proj_{kind}"].chunk(3)):
            result[f"{name}_proj.{kind}"] = part
        result[f"out_proj.{kind}"] = state[f"out_proj.{kind}"]
    return result


def prune_heads(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    width = state["q_proj.weight"].shape[0] // num_heads
    rows = torch.cat([torch.arange(h * width, (h + 1) * width) for h in sorted(keep)])
    pruned = {}
    for name, tensor in state.items():
        if name == "out_proj.weight":
            pruned[name] = tensor[:, rows]
        elif name == "out_proj.bias":
            pruned[name] = tensor
        else:
            pruned[name] = tensor[rows]
    return pruned
