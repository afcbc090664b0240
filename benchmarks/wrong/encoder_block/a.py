# TRUE CAUSE: padding is hidden by adding -10000 to its scores, as in BERT's old code; where the scores themselves are
# that large, padded keys still get weight. They must be excluded altogether (-inf, or a masked softmax).
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def gelu(x: Tensor) -> Tensor:
    return 0.5 * x * torch.special.erfc(-x / math.sqrt(2))


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    mu = x.mean(-1, keepdim=True)
    centered = x - mu
    var = (centered * centered).mean(-1, keepdim=True)
    return centered / torch.sqrt(var + eps) * weight + bias


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

    def split_heads(self, x: Tensor) -> Tensor:
        B, T, _ = x.shape
        return x.view(B, T, self.num_heads, self.head_dim).transpose(1, 2)

    def attention(self, x: Tensor, attention_mask: Tensor | None) -> Tensor:
        q = self.split_heads(self.q_proj(x))
        k = self.split_heads(self.k_proj(x))
        v = self.split_heads(self.v_proj(x))
        scores = q @ k.transpose(-2, -1) / math.sqrt(self.head_dim)
        if attention_mask is not None:
            scores = scores + (1.0 - attention_mask.to(x.dtype))[:, None, None, :] * -10000.0
        context = scores.softmax(dim=-1) @ v
        return self.out_proj(context.transpose(1, 2).reshape(x.shape))

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        h = self.attn_norm(x + self.attention(x, attention_mask))
        return self.ffn_norm(h + self.fc2(gelu(self.fc1(h))))
