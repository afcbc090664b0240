# TRUE CAUSE: The second sublayer normalises the branch alone, h + LN(fc2(gelu(fc1(h)))). Post-norm is the norm of the
# sum, LN(h + fc2(gelu(fc1(h)))), as in the first sublayer.
"""One layer of BERT."""

import math

import torch
from torch import Tensor, nn


def gelu(x: Tensor) -> Tensor:
    return 0.5 * x * torch.erfc(-x / math.sqrt(2))


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = (centred * centred).mean(dim=-1, keepdim=True)
    return centred / torch.sqrt(variance + eps) * weight + bias


class EncoderBlock(nn.Module):
    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float = 1e-12) -> None:
        super().__init__()
        self.heads = num_heads
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            self.add_module(name, nn.Linear(hidden_size, hidden_size))
        self.fc1 = nn.Linear(hidden_size, intermediate_size)
        self.fc2 = nn.Linear(intermediate_size, hidden_size)
        self.attn_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)
        self.ffn_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)

    def _split(self, t: Tensor) -> Tensor:
        return t.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _attend(self, x: Tensor, attention_mask: Tensor | None) -> Tensor:
        q, k, v = self._split(self.q_proj(x)), self._split(self.k_proj(x)), self._split(self.v_proj(x))
        scores = torch.einsum("bhtk,bhsk->bhts", q, k) / math.sqrt(q.shape[-1])
        if attention_mask is not None:
            padding = ~attention_mask.bool()[:, None, None, :]
            scores = scores.masked_fill(padding, torch.finfo(scores.dtype).min)
        read = torch.einsum("bhts,bhsk->bthk", scores.softmax(dim=-1), v)
        return self.out_proj(read.flatten(2))

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        h = self.attn_norm(x + self._attend(x, attention_mask))
        return h + self.ffn_norm(self.fc2(gelu(self.fc1(h))))
