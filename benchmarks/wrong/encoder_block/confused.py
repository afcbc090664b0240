# TRUE CAUSE: builds a pre-norm block, as GPT-2 has it: the norms are applied to what goes into attention and into the
# MLP, and the sums are not normalised. BERT's is post-norm: LN(x + Attn(x)), then LN(h + MLP(h)).
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def gelu(x: Tensor) -> Tensor:
    phi = torch.special.ndtr(x)
    return x * phi


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    mu = x.mean(dim=-1, keepdim=True)
    sigma2 = x.var(dim=-1, unbiased=False, keepdim=True)
    return weight * (x - mu) * torch.rsqrt(sigma2 + eps) + bias


class EncoderBlock(nn.Module):
    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float = 1e-12) -> None:
        super().__init__()
        self.n_heads = num_heads
        for name in ["q_proj", "k_proj", "v_proj", "out_proj"]:
            self.add_module(name, nn.Linear(hidden_size, hidden_size))
        self.fc1 = nn.Linear(hidden_size, intermediate_size)
        self.fc2 = nn.Linear(intermediate_size, hidden_size)
        self.attn_norm = nn.LayerNorm(hidden_size, layer_norm_eps)
        self.ffn_norm = nn.LayerNorm(hidden_size, layer_norm_eps)

    def split(self, t: Tensor) -> Tensor:
        return t.unflatten(2, (self.n_heads, -1)).permute(0, 2, 1, 3)

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        normed = self.attn_norm(x)
        bias = None
        if attention_mask is not None:
            bias = torch.zeros(attention_mask.shape, dtype=x.dtype)
            bias = bias.masked_fill(attention_mask == 0, -1e30)[:, None, None, :]
        q, k, v = self.split(self.q_proj(normed)), self.split(self.k_proj(normed)), self.split(self.v_proj(normed))
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        x = x + self.out_proj(attended.permute(0, 2, 1, 3).flatten(2))
        return x + self.fc2(gelu(self.fc1(self.ffn_norm(x))))
