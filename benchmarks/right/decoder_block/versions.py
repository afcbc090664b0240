import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from base import _rotate, rms_norm, swiglu
from torch import Tensor, nn

from grader.testing import replaces

HALF = (torch.float16, torch.bfloat16)


def wide(x):
    return x.float() if x.dtype in HALF else x


# ---------------------------------------------------------------- rms_norm
@replaces("rms_norm")
def rms_f(x, weight, eps=1e-6):
    """F.rms_norm, the gain before rounding"""
    w = wide(x)
    return F.rms_norm(w, (x.shape[-1],), weight.to(w.dtype), eps).to(x.dtype)


@replaces("rms_norm")
def rms_gain_before(x, weight, eps=1e-6):
    """sqrt and division, the gain before rounding"""
    w = wide(x)
    return (w / torch.sqrt((w * w).mean(dim=-1, keepdim=True) + eps) * wide(weight)).to(x.dtype)


@replaces("rms_norm")
def rms_norm_function(x, weight, eps=1e-6):
    """from the vector's length"""
    w = wide(x)
    length = torch.linalg.vector_norm(w, dim=-1, keepdim=True)
    return (w * (length.square() / x.size(-1) + eps).pow(-0.5)).type_as(x) * weight


@replaces("rms_norm")
def rms_einsum(x, weight, eps=1e-6):
    """einsum for the sum of squares"""
    w = wide(x)
    ms = torch.einsum("...d,...d->...", w, w) / x.shape[-1]
    return (w / (ms + eps).sqrt().unsqueeze(-1) * weight.to(w.dtype)).to(x.dtype)


@replaces("rms_norm")
def rms_rows(x, weight, eps=1e-6):
    """token by token, with Python floats; no gradient is promised"""
    x, weight = x.detach(), weight.detach()
    flat = wide(x).reshape(-1, x.shape[-1])
    out = []
    for row in flat.unbind(0):
        ms = sum(v * v for v in row.tolist()) / len(row)
        out.append(row / math.sqrt(ms + eps))
    if not out:
        return x.clone()
    return torch.stack(out).to(x.dtype).reshape(x.shape) * weight


@replaces("rms_norm")
def rms_numpy(x, weight, eps=1e-6):
    """NumPy; float64 inside; no gradient is promised"""
    a = x.detach().double().numpy()
    y = a / np.sqrt(np.mean(np.square(a), axis=-1, keepdims=True) + eps) * weight.detach().double().numpy()
    return torch.from_numpy(np.asarray(y)).to(x.dtype)


@replaces("rms_norm")
def rms_float64(x, weight, eps=1e-6):
    """float64 for all"""
    d = x.double()
    return (d * weight.double() * torch.rsqrt(d.square().mean(-1, keepdim=True) + eps)).to(x.dtype)


@replaces("rms_norm")
def rms_module(x, weight, eps=1e-6):
    """nn.RMSNorm, called functionally"""
    w = wide(x)
    norm = nn.RMSNorm(x.shape[-1], eps=eps, elementwise_affine=False)
    return weight * norm(w).to(weight.dtype)


@replaces("rms_norm")
def rms_inplace(x, weight, eps=1e-6):
    """in place on an own copy"""
    out = x.to(torch.promote_types(x.dtype, torch.float32), copy=True)
    scale = out.detach().pow(2).mean(-1, keepdim=True).add_(eps).rsqrt_() if not out.requires_grad else (out.pow(2).mean(-1, keepdim=True) + eps).rsqrt()
    out = out.mul_(scale) if not out.requires_grad else out * scale
    return out.to(x.dtype) * weight


@replaces("rms_norm")
def rms_var(x, weight, eps=1e-6):
    """mean of squares = variance + mean squared"""
    w = x.double()
    ms = w.var(dim=-1, unbiased=False, keepdim=True) + w.mean(dim=-1, keepdim=True) ** 2
    return (w / (ms + eps) ** 0.5).to(x.dtype).mul(weight)


@replaces("rms_norm")
def rms_matmul(x, weight, eps=1e-6):
    """the mean as a product with a vector of 1/D, the gain as a diagonal"""
    w = wide(x)
    ones = torch.full((x.shape[-1], 1), 1 / x.shape[-1], dtype=w.dtype)
    y = w * torch.rsqrt((w * w) @ ones + eps)
    return (y @ torch.diag(weight.to(w.dtype))).to(x.dtype)


class _Rms(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, eps):
        w = x.to(torch.promote_types(x.dtype, torch.float32))
        r = torch.rsqrt((w * w).mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(x, weight, r)
        return (w * r * weight).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        x, weight, r = ctx.saved_tensors
        w = x.to(r.dtype)
        n = w * r
        gw = (g * n).reshape(-1, x.shape[-1]).sum(0).to(weight.dtype)
        gn = g * weight
        gx = r * (gn - n * (gn * n).mean(-1, keepdim=True))
        return gx.to(x.dtype), gw, None


@replaces("rms_norm")
def rms_autograd(x, weight, eps=1e-6):
    """a custom autograd.Function"""
    return _Rms.apply(x, weight, eps)


# ---------------------------------------------------------------- swiglu
@replaces("swiglu")
def swiglu_matmul(x, w_gate, w_up, w_down):
    """@ and a hand-written silu"""
    gate = x @ w_gate.T
    return (gate * torch.sigmoid(gate) * (x @ w_up.T)) @ w_down.T


@replaces("swiglu")
def swiglu_einsum(x, w_gate, w_up, w_down):
    """einsum"""
    gate = torch.einsum("...d,fd->...f", x, w_gate)
    up = torch.einsum("...d,fd->...f", x, w_up)
    return torch.einsum("...f,df->...d", F.silu(gate) * up, w_down)


@replaces("swiglu")
def swiglu_fused(x, w_gate, w_up, w_down):
    """gate and up in one product"""
    gate, up = F.linear(x, torch.cat([w_gate, w_up], dim=0)).chunk(2, dim=-1)
    return F.linear(F.silu(gate).mul(up), w_down)


@replaces("swiglu")
def swiglu_glu(x, w_gate, w_up, w_down):
    """F.glu: up * sigmoid(gate), times gate"""
    gate, up = x @ w_gate.mT, x @ w_up.mT
    return (gate * F.glu(torch.cat([up, gate], dim=-1), dim=-1)) @ w_down.mT


@replaces("swiglu")
def swiglu_tokens(x, w_gate, w_up, w_down):
    """token by token, mv"""
    flat = x.reshape(-1, x.shape[-1])
    rows = [w_down.mv(F.silu(w_gate.mv(t)) * w_up.mv(t)) for t in flat]
    return torch.stack(rows).reshape(x.shape) if rows else torch.zeros_like(x)


@replaces("swiglu")
def swiglu_units(x, w_gate, w_up, w_down):
    """hidden unit by hidden unit"""
    dtype, x, w_gate, w_up, w_down = x.dtype, *(wide(t) for t in (x, w_gate, w_up, w_down))
    out = torch.zeros_like(x)
    for f in range(w_gate.shape[0]):
        gate = (x * w_gate[f]).sum(-1, keepdim=True)
        up = (x * w_up[f]).sum(-1, keepdim=True)
        out = out + gate * gate.sigmoid() * up * w_down[:, f]
    return out.to(dtype)


@replaces("swiglu")
def swiglu_numpy(x, w_gate, w_up, w_down):
    """NumPy; float64 inside; no gradient is promised"""
    a, g, u, d = (t.detach().double().numpy() for t in (x, w_gate, w_up, w_down))
    z = a @ g.T
    with np.errstate(over="ignore"):
        y = (z / (1 + np.exp(-z)) * (a @ u.T)) @ d.T
    return torch.from_numpy(np.asarray(y)).to(x.dtype)


@replaces("swiglu")
def swiglu_wide(x, w_gate, w_up, w_down):
    """half precision through float32"""
    h = wide(x)
    gate, up = (F.linear(h, w.to(h.dtype)) for w in (w_gate, w_up))
    return F.linear(F.silu(gate) * up, w_down.to(h.dtype)).to(x.dtype)


@replaces("swiglu")
def swiglu_column(x, w_gate, w_up, w_down):
    """column vectors"""
    col = x.unsqueeze(-1)
    hidden = F.silu(w_gate @ col) * (w_up @ col)
    return (w_down @ hidden).squeeze(-1)


@replaces("swiglu")
def swiglu_tensordot(x, w_gate, w_up, w_down):
    """tensordot, silu in place"""
    gate = torch.tensordot(x, w_gate, dims=([-1], [1]))
    up = torch.tensordot(x, w_up, dims=([-1], [1]))
    return torch.tensordot(up * F.silu(gate.clone(), inplace=True), w_down, dims=([-1], [1]))


@replaces("swiglu")
def swiglu_modules(x, w_gate, w_up, w_down):
    """nn.SiLU and partial"""
    gate, up, down = (partial(F.linear, weight=w) for w in (w_gate, w_up, w_down))
    return down(nn.SiLU()(gate(x)) * up(x))


@replaces("swiglu")
def swiglu_slices(x, w_gate, w_up, w_down):
    """two slices of the hidden units, added"""
    half = (w_gate.shape[0] + 1) // 2
    parts = [
        F.linear(F.silu(F.linear(x, g)) * F.linear(x, u), d)
        for g, u, d in zip(w_gate.split(half), w_up.split(half), w_down.split(half, dim=1))
    ]
    return torch.stack(parts).sum(0)


# ---------------------------------------------------------------- swiglu_hidden_size
@replaces("swiglu_hidden_size")
def hidden_llama(hidden_size, multiple_of=256, ffn_dim_multiplier=None):
    """as in Llama's code"""
    hidden_dim = 4 * hidden_size
    hidden_dim = int(2 * hidden_dim / 3)
    if ffn_dim_multiplier is not None:
        hidden_dim = int(ffn_dim_multiplier * hidden_dim)
    return multiple_of * ((hidden_dim + multiple_of - 1) // multiple_of)


@replaces("swiglu_hidden_size")
def hidden_negative(hidden_size, multiple_of=256, ffn_dim_multiplier=None):
    """-(-a // b)"""
    f = hidden_size * 8 // 3
    f = f if ffn_dim_multiplier is None else math.floor(f * ffn_dim_multiplier)
    return -(-f // multiple_of) * multiple_of


@replaces("swiglu_hidden_size")
def hidden_while(hidden_size, multiple_of=256, ffn_dim_multiplier=None):
    """counts up"""
    f = (8 * hidden_size) // 3
    if ffn_dim_multiplier:
        f = int(f * ffn_dim_multiplier)
    while f % multiple_of:
        f += 1
    return f


@replaces("swiglu_hidden_size")
def hidden_mod(hidden_size, multiple_of=256, ffn_dim_multiplier=None):
    """adds what is missing"""
    f = 2 * (4 * hidden_size) // 3
    if ffn_dim_multiplier is not None:
        f = math.trunc(ffn_dim_multiplier * f)
    return f + (-f) % multiple_of


@replaces("swiglu_hidden_size")
def hidden_divmod(hidden_size, multiple_of=256, ffn_dim_multiplier=None):
    """divmod"""
    f, _ = divmod(8 * hidden_size, 3)
    if ffn_dim_multiplier is not None:
        f = int(f * ffn_dim_multiplier // 1)
    blocks, rest = divmod(f, multiple_of)
    return (blocks + (rest > 0)) * multiple_of


@replaces("swiglu_hidden_size")
def hidden_ceil(hidden_size, multiple_of=256, ffn_dim_multiplier=None):
    """math.ceil"""
    f = math.floor(8 * hidden_size / 3)
    f = math.floor((1.0 if ffn_dim_multiplier is None else ffn_dim_multiplier) * f)
    return math.ceil(f / multiple_of) * multiple_of


@replaces("swiglu_hidden_size")
def hidden_numpy(hidden_size, multiple_of=256, ffn_dim_multiplier=None):
    """NumPy, an int at the end"""
    f = np.floor_divide(8 * hidden_size, 3)
    if ffn_dim_multiplier is not None:
        f = np.floor(ffn_dim_multiplier * f)
    return int(np.ceil(f / multiple_of) * multiple_of)


@replaces("swiglu_hidden_size")
def hidden_range(hidden_size, multiple_of=256, ffn_dim_multiplier=None):
    """the first multiple that is large enough"""
    f = hidden_size * 4 * 2 // 3
    if ffn_dim_multiplier is not None:
        f = int(ffn_dim_multiplier * f)
    return next(n for n in range(0, f + multiple_of, multiple_of) if n >= f)


@replaces("swiglu_hidden_size")
def hidden_round(hidden_size, multiple_of=256, ffn_dim_multiplier=None):
    """floor of f - 1, plus one"""
    f = 8 * hidden_size // 3
    if ffn_dim_multiplier is not None:
        f = int(ffn_dim_multiplier * f)
    return ((f - 1) // multiple_of + 1) * multiple_of


# ---------------------------------------------------------------- LlamaBlock
class Weight(nn.Module):
    """only a weight"""

    def __init__(self, *shape, ones=False):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape) if ones else torch.randn(shape) * 0.02)


class OwnNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return rms_norm(x, self.weight, self.eps)


@replaces("LlamaBlock")
class BlockByHand(nn.Module):
    """bare weights, explicit mask and softmax"""

    def __init__(self, hidden_size, num_heads, intermediate_size, rms_norm_eps=1e-6, rope_theta=10000.0):
        super().__init__()
        D, F_ = hidden_size, intermediate_size
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, Weight(D, D))
        self.gate_proj, self.up_proj, self.down_proj = Weight(F_, D), Weight(F_, D), Weight(D, F_)
        self.input_layernorm, self.post_attention_layernorm = Weight(D, ones=True), Weight(D, ones=True)
        self.h, self.eps, self.theta = num_heads, rms_norm_eps, rope_theta

    def forward(self, x, positions=None):
        B, T, D = x.shape
        K = D // self.h
        if positions is None:
            positions = torch.arange(T)
        n = rms_norm(x, self.input_layernorm.weight, self.eps)

        def split(w):
            return (n @ w.weight.T).reshape(B, T, self.h, K).permute(0, 2, 1, 3)

        q, k, v = split(self.q_proj), split(self.k_proj), split(self.v_proj)
        q, k = _rotate(q, positions, self.theta), _rotate(k, positions, self.theta)
        scores = q @ k.transpose(-1, -2) / math.sqrt(K)
        scores = scores.masked_fill(torch.ones(T, T, dtype=torch.bool).triu(1), float("-inf"))
        heads = scores.softmax(-1) @ v
        y = x + heads.permute(0, 2, 1, 3).flatten(2) @ self.o_proj.weight.T
        return y + swiglu(
            rms_norm(y, self.post_attention_layernorm.weight, self.eps), self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight
        )


@replaces("LlamaBlock")
class BlockHeads(nn.Module):
    """a loop over heads, each with its rows of the matrices, added up at the output"""

    def __init__(self, hidden_size, num_heads, intermediate_size, rms_norm_eps=1e-6, rope_theta=10000.0):
        super().__init__()
        linear = partial(nn.Linear, bias=False)
        self.down_proj = linear(intermediate_size, hidden_size)
        self.up_proj = linear(hidden_size, intermediate_size)
        self.gate_proj = linear(hidden_size, intermediate_size)
        self.post_attention_layernorm = OwnNorm(hidden_size, rms_norm_eps)
        self.o_proj = linear(hidden_size, hidden_size)
        self.v_proj = linear(hidden_size, hidden_size)
        self.k_proj = linear(hidden_size, hidden_size)
        self.q_proj = linear(hidden_size, hidden_size)
        self.input_layernorm = OwnNorm(hidden_size, rms_norm_eps)
        self.num_heads, self.rope_theta = num_heads, rope_theta

    def forward(self, x, positions=None):
        T, D = x.shape[1:]
        K = D // self.num_heads
        where = torch.arange(T) if positions is None else positions
        n = self.input_layernorm(x)
        bias = torch.full((T, T), float("-inf"), dtype=x.dtype).triu(1)
        y = x
        for h in range(self.num_heads):
            rows = slice(h * K, (h + 1) * K)
            q = _rotate(n @ self.q_proj.weight[rows].T, where, self.rope_theta)
            k = _rotate(n @ self.k_proj.weight[rows].T, where, self.rope_theta)
            v = n @ self.v_proj.weight[rows].T
            w = torch.softmax(torch.bmm(q, k.mT) * K**-0.5 + bias, dim=-1)
            y = y + torch.bmm(w, v) @ self.o_proj.weight[:, rows].T
        n = self.post_attention_layernorm(y)
        return y + self.down_proj(F.silu(self.gate_proj(n)) * self.up_proj(n))


@replaces("LlamaBlock")
class BlockFused(nn.Module):
    """one product for q, k, v; einsum; an own rotation by complex numbers"""

    def __init__(self, hidden_size: int, num_heads: int, intermediate_size: int, rms_norm_eps: float = 1e-6, rope_theta: float = 10000.0):
        super().__init__()
        if hidden_size % num_heads or hidden_size // num_heads % 2:
            raise ValueError("heads of even width")
        for name, (o, i) in {
            "q_proj": (hidden_size, hidden_size),
            "k_proj": (hidden_size, hidden_size),
            "v_proj": (hidden_size, hidden_size),
            "o_proj": (hidden_size, hidden_size),
            "gate_proj": (intermediate_size, hidden_size),
            "up_proj": (intermediate_size, hidden_size),
            "down_proj": (hidden_size, intermediate_size),
        }.items():
            self.add_module(name, nn.Linear(i, o, bias=False))
        self.input_layernorm = nn.RMSNorm(hidden_size, rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(hidden_size, rms_norm_eps)
        self.heads = num_heads
        self.theta = rope_theta

    def _turn(self, x, positions):
        half = x.shape[-1] // 2
        freq = torch.exp(-math.log(self.theta) * torch.arange(half, dtype=torch.float64) / half)
        turn = torch.polar(torch.ones(len(positions), half, dtype=torch.float64), positions.double()[:, None] * freq)
        z = torch.complex(x[..., :half].double(), x[..., half:].double()) * turn[:, None]  # (B, T, H, K/2)
        return torch.cat([z.real, z.imag], -1).to(x.dtype)

    def forward(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        n = self.input_layernorm(x)
        qkv = F.linear(n, torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight]))
        q, k, v = (t.unflatten(-1, (self.heads, -1)) for t in qkv.chunk(3, dim=-1))  # (B, T, H, K)
        if positions is None:
            positions = torch.arange(x.shape[1])
        q, k = self._turn(q, positions), self._turn(k, positions)
        scores = torch.einsum("bihk,bjhk->bhij", q, k) / q.shape[-1] ** 0.5
        seen = torch.tril(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool))
        w = torch.where(seen, scores, torch.finfo(x.dtype).min).softmax(dim=-1)
        out = torch.einsum("bhij,bjhk->bihk", w, v).flatten(-2)
        y = x + self.o_proj(out)
        n = self.post_attention_layernorm(y)
        gate, up = F.linear(n, torch.cat([self.gate_proj.weight, self.up_proj.weight])).chunk(2, -1)
        return self.down_proj(F.silu(gate) * up) + y


@replaces("LlamaBlock")
class BlockTokens(nn.Module):
    """a loop over the tokens: query t against the keys so far; norms and FFN token by token"""

    def __init__(self, hidden_size, num_heads, intermediate_size, rms_norm_eps=1e-6, rope_theta=10000.0):
        super().__init__()
        self.input_layernorm = OwnNorm(hidden_size, eps=rms_norm_eps)
        self.post_attention_layernorm = OwnNorm(hidden_size, eps=rms_norm_eps)
        for name in "qkvo":
            layer = nn.Linear(hidden_size, hidden_size, bias=False)
            nn.init.xavier_uniform_(layer.weight)
            self.add_module(f"{name}_proj", layer)
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)
        self.num_heads, self.rope_theta = num_heads, rope_theta

    def forward(self, x, positions=None):
        B, T, D = x.shape
        H, K = self.num_heads, D // self.num_heads
        positions = range(T) if positions is None else positions.tolist()
        freq = [self.rope_theta ** (-2 * i / K) for i in range(K // 2)]
        keys, values, outs = [], [], []
        for t, m in enumerate(positions):
            cos = torch.tensor([math.cos(m * f) for f in freq], dtype=torch.float64).to(x.dtype)
            sin = torch.tensor([math.sin(m * f) for f in freq], dtype=torch.float64).to(x.dtype)

            def turn(z):
                a, b = z.chunk(2, dim=-1)
                return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)

            n = self.input_layernorm(x[:, t])
            q = turn(self.q_proj(n).view(B, H, K))
            keys.append(turn(self.k_proj(n).view(B, H, K)))
            values.append(self.v_proj(n).view(B, H, K))
            s = (q[:, None] * torch.stack(keys, 1)).sum(-1) / math.sqrt(K)  # (B, t+1, H)
            w = s.softmax(1)
            y = x[:, t] + self.o_proj((w[..., None] * torch.stack(values, 1)).sum(1).reshape(B, D))
            n = self.post_attention_layernorm(y)
            outs.append(y + self.down_proj(F.silu(self.gate_proj(n)) * self.up_proj(n)))
        return torch.stack(outs, dim=1)


@replaces("LlamaBlock")
class BlockTables(nn.Module):
    """rotate_half with full cos and sin, frequencies in a buffer that is not persistent, sdpa with a mask and scale"""

    def __init__(self, hidden_size, num_heads, intermediate_size, rms_norm_eps=1e-6, rope_theta=10000.0):
        super().__init__()
        D, I = hidden_size, intermediate_size
        self.head_dim = D // num_heads
        self.q_proj = nn.Linear(D, D, False)
        self.k_proj = nn.Linear(D, D, False)
        self.v_proj = nn.Linear(D, D, False)
        self.o_proj = nn.Linear(D, D, False)
        self.gate_proj = nn.Linear(D, I, False)
        self.up_proj = nn.Linear(D, I, False)
        self.down_proj = nn.Linear(I, D, False)
        self.input_layernorm = OwnNorm(D, rms_norm_eps)
        self.post_attention_layernorm = OwnNorm(D, rms_norm_eps)
        exponents = torch.arange(0, self.head_dim, 2)  # whole numbers, so that .to(dtype) cannot hurt them
        self.register_buffer("exponents", exponents, persistent=False)
        self.theta = rope_theta

    @staticmethod
    def rotate_half(x):
        a, b = x.chunk(2, dim=-1)
        return torch.cat([-b, a], dim=-1)

    def forward(self, x, positions=None):
        T = x.size(1)
        if positions is None:
            positions = torch.arange(T, device=x.device)
        freq = 1.0 / self.theta ** (self.exponents.double() / self.head_dim)
        angles = torch.outer(positions.double(), freq).repeat(1, 2)
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        residual = x
        h = self.input_layernorm(x)
        q, k, v = (f(h).unflatten(-1, (-1, self.head_dim)).transpose(1, 2) for f in (self.q_proj, self.k_proj, self.v_proj))
        q = q * cos + self.rotate_half(q) * sin
        k = k * cos + self.rotate_half(k) * sin
        mask = torch.arange(T)[:, None] >= torch.arange(T)[None, :]
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=self.head_dim**-0.5)
        h = residual + self.o_proj(a.transpose(1, 2).contiguous().view_as(x))
        residual = h
        h = self.post_attention_layernorm(h)
        return residual + self.down_proj(F.silu(self.gate_proj(h)) * self.up_proj(h))


class _Attn:
    """plain closure over the weights; not a module"""

    def __init__(self, block):
        self.block = block

    def __call__(self, n, positions):
        b = self.block
        B, T, D = n.shape
        H = b.num_heads
        q, k, v = [p(n).view(B, T, H, D // H).movedim(2, 0) for p in (b.q_proj, b.k_proj, b.v_proj)]  # (H, B, T, K)
        q, k = _rotate(q, positions, b.rope_theta), _rotate(k, positions, b.rope_theta)
        s = (q @ k.mT).mul(1 / math.sqrt(D // H))
        e = torch.exp(s - s.masked_fill(~torch.ones(T, T).tril().bool(), -math.inf).amax(-1, keepdim=True).detach())
        e = e.tril()
        e = torch.where(torch.ones(T, T).tril().bool(), e, torch.zeros_like(e))
        return ((e / e.sum(-1, keepdim=True)) @ v).movedim(0, 2).reshape(B, T, D)


@replaces("LlamaBlock")
class BlockParts(nn.Module):
    """FFN in chunks of tokens, attention in an object that is no module, extra attributes and an extra method"""

    def __init__(self, hidden_size, num_heads, intermediate_size, rms_norm_eps=1e-6, rope_theta=10000.0):
        super().__init__()
        self.num_heads, self.rope_theta = num_heads, rope_theta
        self.input_layernorm = nn.RMSNorm((hidden_size,), rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm((hidden_size,), rms_norm_eps)
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            self.register_module(name, nn.Linear(hidden_size, hidden_size, bias=False))
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)
        self.reset()

    @torch.no_grad()
    def reset(self):
        for name, p in self.named_parameters():
            if "layernorm" not in name:
                nn.init.trunc_normal_(p, std=0.02)

    def ffn(self, t):
        return self.down_proj(F.silu(self.gate_proj(t)) * self.up_proj(t))

    def forward(self, x, positions=None):
        positions = torch.arange(x.shape[1]) if positions is None else positions
        y = x + self.o_proj(_Attn(self)(self.input_layernorm(x), positions))
        return y + torch.cat([self.ffn(c) for c in self.post_attention_layernorm(y).split(2, dim=1)], dim=1)
