# TRUE CAUSE: prune_heads takes the rows of out_proj.weight, as of the other three, instead of its columns.
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
        B, T, _ = x.shape
        return x.reshape(B, T, self.num_heads, self.head_dim).transpose(1, 2)

    def _heads(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        q, k, v = self._split(self.q_proj(query)), self._split(self.k_proj(key)), self._split(self.v_proj(value))
        scores = q @ k.transpose(-2, -1) / math.sqrt(self.head_dim)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        weights = scores.softmax(dim=-1)
        return weights @ v, weights

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        heads, weights = self._heads(query, key, value, mask)
        B, _, T, _ = heads.shape
        merged = heads.transpose(1, 2).reshape(B, T, -1)
        return self.out_proj(merged), weights

    def head_contributions(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        heads, _ = self._heads(query, key, value, mask)
        w = self.out_proj.weight.reshape(-1, self.num_heads, self.head_dim)  # (D, H, K)
        return torch.einsum("bhtk,dhk->bhtd", heads, w)


def unpack_in_proj(state: dict[str, Tensor]) -> dict[str, Tensor]:
    out = {}
    for kind in ("weight", "bias"):
        if f"in_proj_{kind}" in state:
            parts = state[f"in_proj_{kind}"].chunk(3)
            for name, part in zip("qkv", parts):
                out[f"{name}_proj.{kind}"] = part
            out[f"out_proj.{kind}"] = state[f"out_proj.{kind}"]
    return out


def prune_heads(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    K = state["q_proj.weight"].shape[0] // num_heads
    rows = torch.cat([torch.arange(h * K, (h + 1) * K) for h in sorted(keep)])
    out = {}
    for name, tensor in state.items():
        if name == "out_proj.weight":
            out[name] = tensor[rows]
        elif name == "out_proj.bias":
            out[name] = tensor
        else:
            out[name] = tensor[rows]
    return out
