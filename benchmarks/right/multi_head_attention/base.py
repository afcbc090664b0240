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

    def heads(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        q, k, v = (
            layer(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for layer, x in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        weights = scores.softmax(-1)
        return weights @ v, weights

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        read, weights = self.heads(query, key, value, mask)
        return self.out_proj(read.transpose(1, 2).flatten(2)), weights

    def head_contributions(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        read, _ = self.heads(query, key, value, mask)
        w = self.out_proj.weight.unflatten(1, (self.num_heads, -1))
        return torch.einsum("bhtk,dhk->bhtd", read, w)


def unpack_in_proj(state: dict[str, Tensor]) -> dict[str, Tensor]:
    names = ("q_proj", "k_proj", "v_proj")
    out = {f"{name}.weight": w for name, w in zip(names, state["in_proj_weight"].chunk(3))}
    out["out_proj.weight"] = state["out_proj.weight"]
    if "in_proj_bias" in state:
        out |= {f"{name}.bias": b for name, b in zip(names, state["in_proj_bias"].chunk(3))}
        out["out_proj.bias"] = state["out_proj.bias"]
    return out


def prune_heads(state: dict[str, Tensor], num_heads: int, keep: list[int]) -> dict[str, Tensor]:
    D = state["out_proj.weight"].shape[0]
    K = D // num_heads
    rows = torch.tensor([h * K + i for h in sorted(keep) for i in range(K)])
    out = {}
    for name, value in state.items():
        if name == "out_proj.weight":
            out[name] = value[:, rows]
        elif name == "out_proj.bias":
            out[name] = value
        else:
            out[name] = value[rows]
    return out
