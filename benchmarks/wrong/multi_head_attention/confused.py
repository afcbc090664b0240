# TRUE CAUSE: takes the weights to lie as (in, out): it computes x @ W + b instead of x @ W.T + b in all four projections, so
# head h owns the COLUMNS h K ... (h + 1) K - 1 of the q, k and v weights and the same ROWS of out_proj.weight.
# head_contributions and prune_heads cut accordingly. In nn.Linear weights lie as (out, in).
import math

import torch
from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True) -> None:
        super().__init__()
        self.n, self.width = num_heads, embed_dim // num_heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(embed_dim, embed_dim, bias) for _ in range(4))

    def _project(self, layer: nn.Linear, x: Tensor) -> Tensor:
        """x @ W, weights as (in, out), then cut into heads: (B, H, T, K)."""
        y = x @ layer.weight
        if layer.bias is not None:
            y = y + layer.bias
        return y.unflatten(-1, (self.n, self.width)).transpose(1, 2)

    def _read(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        q = self._project(self.q_proj, query)
        k = self._project(self.k_proj, key)
        v = self._project(self.v_proj, value)
        s = torch.einsum("bhtk,bhsk->bhts", q, k) / math.sqrt(self.width)
        if mask is not None:
            s = torch.where(mask, s, -torch.inf)
        a = torch.softmax(s, -1)
        return torch.einsum("bhts,bhsk->bhtk", a, v), a

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        read, a = self._read(query, key, value, mask)
        y = read.transpose(1, 2).flatten(2) @ self.out_proj.weight
        if self.out_proj.bias is not None:
            y = y + self.out_proj.bias
        return y, a

    def head_contributions(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        read, _ = self._read(query, key, value, mask)
        rows = self.out_proj.weight.unflatten(0, (self.n, self.width))  # (H, K, D)
        return read @ rows


def unpack_in_proj(state: dict[str, Tensor]) -> dict[str, Tensor]:
    new = {}
    for old, tensor in state.items():
        if old.startswith("in_proj_"):
            kind = old.removeprefix("in_proj_")
            size = tensor.shape[0] // 3
            new[f"q_proj.{kind}"] = tensor[:size]
            new[f"k_proj.{kind}"] = tensor[size : 2 * size]
            new[f"v_proj.{kind}"] = tensor[2 * size :]
        else:
            new[old] = tensor
    return new


def prune_heads(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    width = state["out_proj.weight"].shape[0] // num_heads
    chosen = [h * width + j for h in sorted(keep) for j in range(width)]
    new = dict(state)
    for name in ("q_proj", "k_proj", "v_proj"):
        new[f"{name}.weight"] = state[f"{name}.weight"][:, chosen]
        if f"{name}.bias" in state:
            new[f"{name}.bias"] = state[f"{name}.bias"][chosen]
    new["out_proj.weight"] = state["out_proj.weight"][chosen]
    return new
