"""Right solutions in other styles. None of them may lose a point."""

import math
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from decoder_block import rms_norm, swiglu
from torch import Tensor, nn

from grader.testing import replaces


@replaces("rms_norm")
def torchs_own(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """F.rms_norm, in float64 whatever x is; rounded once, after the gain"""
    return F.rms_norm(x.double(), weight.shape, weight.double(), eps).to(x.dtype)


@replaces("rms_norm")
def by_length(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """the length of the vector, and hypot for eps"""
    h = x if x.dtype == torch.float64 else x.float()
    length = torch.linalg.vector_norm(h, dim=-1, keepdim=True) / math.sqrt(x.shape[-1])
    return (h / torch.hypot(length, torch.full_like(length, math.sqrt(eps)))).to(x.dtype) * weight


@replaces("rms_norm")
def row_by_row(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """a loop over tokens, einsum inside"""
    out = []
    for row in x.reshape(-1, x.shape[-1]).double():
        power = torch.einsum("d,d->", row, row) / row.numel() + eps
        out.append(row * power**-0.5 * weight)
    return torch.stack(out).view(x.shape).to(x.dtype)


class NumpyNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        h, g = x.double().numpy(), weight.double().numpy()
        r = 1 / np.sqrt((h**2).mean(-1, keepdims=True) + eps)
        ctx.arrays = h, g, r
        return torch.from_numpy(h * r * g).to(x.dtype)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        h, g, r = ctx.arrays
        d = grad.double().numpy()
        dx = r * d * g - h * r**3 * (d * g * h).mean(-1, keepdims=True)
        dg = (d * h * r).reshape(-1, h.shape[-1]).sum(0)
        return torch.from_numpy(dx).to(grad.dtype), torch.from_numpy(dg).to(grad.dtype), None


@replaces("rms_norm")
def numpy_norm(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """NumPy inside a custom autograd Function"""
    return NumpyNorm.apply(x, weight, eps)


@replaces("swiglu")
def one_matrix(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """gate and up as one matrix, as inference engines store them"""
    gate, up = (x @ torch.cat([w_gate, w_up]).T).chunk(2, dim=-1)
    return (gate * torch.sigmoid(gate) * up) @ w_down.T


@replaces("swiglu")
def by_einsum(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """einsum; a view whose last axis is not contiguous"""
    gate, up = torch.einsum("...d,fd->f...", x, w_gate), torch.einsum("...d,fd->f...", x, w_up)
    return torch.einsum("df,f...->d...", w_down, gate / (1 + (-gate).exp()) * up).movedim(0, -1)


@replaces("swiglu")
def neuron_by_neuron(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """a sum over hidden neurons"""
    y = torch.zeros_like(x)
    for gate, up, down in zip(w_gate, w_up, w_down.T, strict=True):
        y = y + (F.silu((x * gate).sum(-1)) * (x * up).sum(-1)).unsqueeze(-1) * down
    return y


@replaces("swiglu_hidden_size")
def fractions(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """exact fractions"""
    width = math.floor(Fraction(8 * hidden_size, 3))
    if ffn_dim_multiplier is not None:
        width = math.floor(Fraction(str(ffn_dim_multiplier)) * width)
    return math.ceil(Fraction(width, multiple_of)) * multiple_of


@replaces("swiglu_hidden_size")
def as_meta(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """floats, as in Meta's code"""
    width = int(2 * (4 * hidden_size) / 3)
    width = width if ffn_dim_multiplier is None else int(ffn_dim_multiplier * width)
    return multiple_of * ((width + multiple_of - 1) // multiple_of)


@replaces("swiglu_hidden_size")
def counting(hidden_size: int, multiple_of: int = 256, ffn_dim_multiplier: float | None = None) -> int:
    """adds what is missing"""
    width = hidden_size * 8 // 3
    if ffn_dim_multiplier:
        width = math.floor(width * ffn_dim_multiplier)
    return width + -width % multiple_of


def checked(D: int, H: int) -> int:
    if D % H != 0 or (D // H) % 2 == 1:
        raise ValueError("bad heads")
    return D // H


@replaces("LlamaBlock")
class ComplexRope(nn.Module):
    """fused projections, complex numbers, an additive mask, nn.RMSNorm with its own forward"""

    def __init__(self, hidden_size, num_heads, intermediate_size, rms_norm_eps=1e-6, rope_theta=10000.0):
        super().__init__()
        K = checked(hidden_size, num_heads)
        self.H = num_heads
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (
            nn.Linear(hidden_size, hidden_size, bias=False) for _ in range(4)
        )
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, False)
        self.input_layernorm = nn.RMSNorm(hidden_size, eps=rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(hidden_size, eps=rms_norm_eps)
        self.theta = torch.exp(torch.arange(0, K, 2).double() * (-math.log(rope_theta) / K))

    def forward(self, x, positions=None):
        B, T, D = x.shape
        h = self.input_layernorm(x)
        W = torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight])
        q, k, v = torch.einsum("nd,btd->btn", W, h).view(B, T, 3, self.H, -1).permute(2, 0, 3, 1, 4)
        where = torch.arange(T) if positions is None else positions
        turn = torch.polar(torch.ones(T, len(self.theta)).double(), torch.outer(where.double(), self.theta))
        q, k = self.turn(q, turn), self.turn(k, turn)
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        scores = scores + torch.full((T, T), -math.inf, dtype=x.dtype).triu(1)
        heads = scores.softmax(-1) @ v
        x = x + heads.permute(0, 2, 1, 3).reshape(B, T, D) @ self.o_proj.weight.T
        h = self.post_attention_layernorm(x)
        return x + self.down_proj(F.silu(self.gate_proj(h)) * self.up_proj(h))

    @staticmethod
    def turn(y, turn):
        a, b = y.double().chunk(2, dim=-1)
        z = torch.complex(a, b) * turn
        return torch.cat([z.real, z.imag], dim=-1).to(y.dtype)


class Weight(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape) if len(shape) == 1 else 0.02 * torch.randn(shape))


@replaces("LlamaBlock")
class TokenByToken(nn.Module):
    """bare parameters; loops over heads and tokens; keys are kept in a list"""

    def __init__(self, hidden_size, num_heads, intermediate_size, rms_norm_eps=1e-6, rope_theta=10000.0):
        super().__init__()
        D, width = hidden_size, intermediate_size
        self.K, self.eps, self.base = checked(D, num_heads), rms_norm_eps, rope_theta
        for name in ("q", "k", "v", "o"):
            self.add_module(f"{name}_proj", Weight(D, D))
        self.gate_proj, self.up_proj, self.down_proj = Weight(width, D), Weight(width, D), Weight(D, width)
        self.input_layernorm, self.post_attention_layernorm = Weight(D), Weight(D)

    def turned(self, y, position):
        half = self.K // 2
        out = [None] * self.K
        for i in range(half):
            angle = position * self.base ** (-2 * i / self.K)
            c, s = math.cos(angle), math.sin(angle)
            out[i], out[i + half] = y[:, i] * c - y[:, i + half] * s, y[:, i + half] * c + y[:, i] * s
        return torch.stack(out, -1)

    def forward(self, x, positions=None):
        T = x.shape[1]
        where = range(T) if positions is None else positions.tolist()
        h = rms_norm(x, self.input_layernorm.weight, self.eps)
        heads = []
        for rows in torch.arange(x.shape[2]).split(self.K):
            keys, values, outs = [], [], []
            for t in range(T):
                q, k, v = (h[:, t] @ w.weight[rows].T for w in (self.q_proj, self.k_proj, self.v_proj))
                keys.append(self.turned(k, where[t]))
                values.append(v)
                scores = [(self.turned(q, where[t]) * key).sum(-1) / self.K**0.5 for key in keys]
                weights = torch.stack(scores).softmax(0)  # (t + 1, B)
                outs.append((weights.unsqueeze(-1) * torch.stack(values)).sum(0))
            heads.append(torch.stack(outs, 1))
        x = x + torch.cat(heads, -1) @ self.o_proj.weight.T
        h = rms_norm(x, self.post_attention_layernorm.weight, self.eps)
        return x + swiglu(h, self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight)


class OwnNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return x / (x.pow(2).mean(-1, True) + self.eps) ** 0.5 * self.weight


@replaces("LlamaBlock")
class AsInTransformers(nn.Module):
    """rotate_half and cached angles in a buffer that is not saved; a bool mask"""

    def __init__(self, hidden_size, num_heads, intermediate_size, rms_norm_eps=1e-6, rope_theta=10000.0):
        super().__init__()
        self.head_dim = checked(hidden_size, num_heads)
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)
        self.input_layernorm = OwnNorm(hidden_size, rms_norm_eps)
        self.post_attention_layernorm = OwnNorm(hidden_size, rms_norm_eps)
        inv_freq = 1.0 / rope_theta ** (torch.arange(0, self.head_dim, 2).double() / self.head_dim)
        self.register_buffer("inv_freq", inv_freq, persistent=False)

    def forward(self, x, positions=None):
        shape = (*x.shape[:-1], -1, self.head_dim)
        h = self.input_layernorm(x)
        q = self.q_proj(h).view(shape).transpose(1, 2)
        k = self.k_proj(h).view(shape).transpose(1, 2)
        v = self.v_proj(h).view(shape).transpose(1, 2)
        positions = torch.arange(x.shape[1]) if positions is None else positions
        freqs = positions[None, :, None].double() * self.inv_freq[None, None, :].double()
        emb = torch.cat((freqs, freqs), dim=-1)[:, None]
        cos, sin = emb.cos().to(x.dtype), emb.sin().to(x.dtype)
        q, k = (
            y * cos + torch.cat([-y[..., y.shape[-1] // 2 :], y[..., : y.shape[-1] // 2]], -1) * sin for y in (q, k)
        )
        keep = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=keep)
        x = x + self.o_proj(out.transpose(1, 2).reshape(x.shape))
        h = self.post_attention_layernorm(x)
        return x + self.down_proj(nn.functional.silu(self.gate_proj(h)) * self.up_proj(h))
