# TRUE CAUSE: (1) The scores are divided by the root of the whole width D and not of the width K of a head.
# (2) layer_norm adds the bias before it multiplies by the weight: (normed + bias) * weight.
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def gelu(x: Tensor) -> Tensor:
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2.0)))


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    var = (x - mean).pow(2).mean(-1, keepdim=True)
    return ((x - mean) / torch.sqrt(var + eps) + bias) * weight


class EncoderBlock(nn.Module):
    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float = 1e-12) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.head_dim = hidden_size // num_heads
        self.q_proj = nn.Linear(hidden_size, hidden_size)
        self.k_proj = nn.Linear(hidden_size, hidden_size)
        self.v_proj = nn.Linear(hidden_size, hidden_size)
        self.out_proj = nn.Linear(hidden_size, hidden_size)
        self.fc1 = nn.Linear(hidden_size, intermediate_size)
        self.fc2 = nn.Linear(intermediate_size, hidden_size)
        self.attn_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)
        self.ffn_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)

    def attention(self, x: Tensor, attention_mask: Tensor | None) -> Tensor:
        B, T, D = x.shape
        q = self.q_proj(x).reshape(B, T, self.num_heads, self.head_dim).transpose(1, 2)
        k = self.k_proj(x).reshape(B, T, self.num_heads, self.head_dim).transpose(1, 2)
        v = self.v_proj(x).reshape(B, T, self.num_heads, self.head_dim).transpose(1, 2)
        scores = q @ k.transpose(-2, -1) / math.sqrt(D)
        if attention_mask is not None:
            padding = ~attention_mask.bool()
            scores = scores.masked_fill(padding[:, None, None, :], torch.finfo(x.dtype).min)
        weights = scores.softmax(dim=-1)
        heads = (weights @ v).transpose(1, 2).reshape(B, T, D)
        return self.out_proj(heads)

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        h = self.attn_norm(x + self.attention(x, attention_mask))
        return self.ffn_norm(h + self.fc2(gelu(self.fc1(h))))
