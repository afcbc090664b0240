import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def gelu(x: Tensor) -> Tensor:
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-12) -> Tensor:
    dtype = x.dtype
    wide = x.float() if dtype in (torch.float16, torch.bfloat16) else x
    centered = wide - wide.mean(-1, keepdim=True)
    var = (centered * centered).mean(-1, keepdim=True)
    return (centered / torch.sqrt(var + eps) * weight + bias).to(dtype)


class EncoderBlock(nn.Module):
    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, layer_norm_eps: float = 1e-12) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = nn.Linear(hidden_size, hidden_size)
        self.k_proj = nn.Linear(hidden_size, hidden_size)
        self.v_proj = nn.Linear(hidden_size, hidden_size)
        self.out_proj = nn.Linear(hidden_size, hidden_size)
        self.fc1 = nn.Linear(hidden_size, intermediate_size)
        self.fc2 = nn.Linear(intermediate_size, hidden_size)
        self.attn_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)
        self.ffn_norm = nn.LayerNorm(hidden_size, eps=layer_norm_eps)

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        b, t, d = x.shape

        def heads(z):
            return z.view(b, t, self.num_heads, -1).transpose(1, 2)

        q, k, v = heads(self.q_proj(x)), heads(self.k_proj(x)), heads(self.v_proj(x))
        scores = q @ k.transpose(-2, -1) / math.sqrt(d // self.num_heads)
        if attention_mask is not None:
            hidden = attention_mask[:, None, None, :] == 0
            scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
        out = (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d)
        norm = self.attn_norm
        h = layer_norm(x + self.out_proj(out), norm.weight, norm.bias, norm.eps)
        norm = self.ffn_norm
        return layer_norm(h + self.fc2(gelu(self.fc1(h))), norm.weight, norm.bias, norm.eps)
