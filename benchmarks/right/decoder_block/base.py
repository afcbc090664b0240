"""One layer of Llama."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _rotate(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    half = x.shape[-1] // 2
    frequencies = theta ** (-torch.arange(half, dtype=torch.float64) / half)  # (K/2,)
    angles = positions[:, None] * frequencies  # (T, K/2)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def rms_norm(x, weight, eps=1e-6):
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    normed = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    return normed.to(x.dtype) * weight


def swiglu(x, w_gate, w_up, w_down):
    return F.linear(F.silu(F.linear(x, w_gate)) * F.linear(x, w_up), w_down)


def swiglu_hidden_size(hidden_size, multiple_of=256, ffn_dim_multiplier=None):
    f = 8 * hidden_size // 3
    if ffn_dim_multiplier is not None:
        f = int(ffn_dim_multiplier * f)
    return (f + multiple_of - 1) // multiple_of * multiple_of


class LlamaBlock(nn.Module):
    def __init__(self, hidden_size, num_heads, intermediate_size, rms_norm_eps=1e-6, rope_theta=10000.0):
        super().__init__()
        self.num_heads = num_heads
        self.rope_theta = rope_theta
        self.input_layernorm = nn.RMSNorm(hidden_size, eps=rms_norm_eps)
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.post_attention_layernorm = nn.RMSNorm(hidden_size, eps=rms_norm_eps)
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)

    def forward(self, x, positions=None):
        B, T, D = x.shape
        if positions is None:
            positions = torch.arange(T)
        h = self.input_layernorm(x)
        q, k, v = (p(h).view(B, T, self.num_heads, -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        q, k = _rotate(q, positions, self.rope_theta), _rotate(k, positions, self.rope_theta)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        y = x + self.o_proj(out.transpose(1, 2).reshape(B, T, D))
        h = self.post_attention_layernorm(y)
        return y + self.down_proj(F.silu(self.gate_proj(h)) * self.up_proj(h))
