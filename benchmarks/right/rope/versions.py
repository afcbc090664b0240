import math
from functools import lru_cache

import numpy as np
import torch
from base import rope_frequencies, rotate_half

from grader.testing import replaces


# ------------------------------------------------------------------ rope_frequencies
@replaces("rope_frequencies")
def rf_usual(head_dim, base=10000.0):
    """1 / base ** (...), as in Llama's code"""
    return 1.0 / (base ** (torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim))


@replaces("rope_frequencies")
def rf_list(head_dim, base=10000.0):
    """Python's powers"""
    return torch.tensor([base ** (-2 * i / head_dim) for i in range(head_dim // 2)], dtype=torch.float64)


@replaces("rope_frequencies")
def rf_exp(head_dim, base=10000.0):
    """exp of a logarithm"""
    return torch.exp(torch.arange(0, head_dim, 2).double() * (-math.log(base) / head_dim))


@replaces("rope_frequencies")
def rf_numpy(head_dim, base=10000.0):
    """NumPy"""
    return torch.from_numpy(np.float64(base) ** (-np.arange(0, head_dim, 2) / head_dim))


@replaces("rope_frequencies")
def rf_linspace(head_dim, base=10000.0):
    """logspace"""
    half = head_dim // 2
    return torch.logspace(0, -(half - 1) / half, half, base=float(base), dtype=torch.float64)


@replaces("rope_frequencies")
def rf_product(head_dim, base=10000.0):
    """each the one before times a ratio"""
    ratio = float(base) ** (-2 / head_dim)
    out = [1.0]
    for _ in range(head_dim // 2 - 1):
        out.append(out[-1] * ratio)
    return torch.tensor(out, dtype=torch.float64)


@replaces("rope_frequencies")
def rf_pow(head_dim, base=10000.0):
    """torch.pow of two tensors"""
    exponent = -torch.arange(head_dim // 2, dtype=torch.float64) / (head_dim / 2)
    return torch.pow(torch.tensor(base, dtype=torch.float64), exponent)


@replaces("rope_frequencies")
def rf_cumprod(head_dim, base=10000.0):
    """cumprod"""
    out = torch.full((head_dim // 2,), float(base) ** (-2.0 / head_dim), dtype=torch.float64)
    out[0] = 1.0
    return out.cumprod(0)


@replaces("rope_frequencies")
def rf_math(head_dim, base=10000.0):
    """math.pow, reciprocal"""
    periods = torch.empty(head_dim // 2, dtype=torch.float64)
    for i in range(head_dim // 2):
        periods[i] = math.pow(base, 2 * i / head_dim)
    return periods.reciprocal()


@replaces("rope_frequencies")
def rf_exp2(head_dim, base=10000.0):
    """exp2; every second one of all"""
    return torch.exp2(-torch.arange(head_dim, dtype=torch.float64)[::2] / head_dim * math.log2(base))


# ------------------------------------------------------------------ rotate_half
@replaces("rotate_half")
def rh_slices(x):
    """slices"""
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


@replaces("rotate_half")
def rh_stack(x):
    """stack and flatten"""
    a, b = x.unflatten(-1, (2, -1)).unbind(-2)
    return torch.stack([b.neg(), a], dim=-2).flatten(-2)


@replaces("rotate_half")
def rh_roll(x):
    """rolled, times signs"""
    K = x.shape[-1]
    sign = torch.ones(K, dtype=x.dtype)
    sign[: K // 2] = -1
    return x.roll(K // 2, dims=-1) * sign


@replaces("rotate_half")
def rh_index(x):
    """index with signs"""
    half = x.size(-1) // 2
    order = torch.cat([torch.arange(half, 2 * half), torch.arange(half)])
    sign = torch.where(torch.arange(2 * half) < half, -1, 1).to(x.dtype)
    return x[..., order] * sign


@replaces("rotate_half")
def rh_own(x):
    """written into an own tensor"""
    half = x.shape[-1] // 2
    out = torch.empty_like(x)
    out[..., :half] = -x[..., half:]
    out[..., half:] = x[..., :half]
    return out


@replaces("rotate_half")
def rh_split(x):
    """split, hstack on the last axis"""
    first, second = torch.split(x, x.shape[-1] // 2, dim=-1)
    return torch.concat([second * -1, first], axis=-1)


@replaces("rotate_half")
def rh_flip(x):
    """two halves flipped"""
    y = x.unflatten(-1, (2, x.shape[-1] // 2)).flip(-2)
    return (y * torch.tensor([[-1], [1]], dtype=x.dtype)).flatten(-2, -1)


@replaces("rotate_half")
def rh_matrix(x):
    """a matrix of 0, 1 and -1, number by number"""
    half = x.shape[-1] // 2
    columns = list(x.unbind(-1))
    return torch.stack([-c for c in columns[half:]] + columns[:half], dim=-1)


@replaces("rotate_half")
def rh_view(x):
    """the last axis first: a view"""
    a, b = x.movedim(-1, 0).tensor_split(2)
    return torch.cat([torch.negative(b), a]).movedim(0, -1)


# ------------------------------------------------------------------ apply_rope
def angles_of(x, positions, base):
    """(1, 1, T, K/2) or (B, 1, T, K/2), float64"""
    a = positions.to(torch.float64).unsqueeze(-1) * rope_frequencies(x.shape[-1], base)
    return a[None, None] if positions.ndim == 1 else a[:, None]


@replaces("apply_rope")
def ar_halves(x, positions, base=10000.0):
    """the two halves"""
    a, b = x.chunk(2, -1)
    angle = angles_of(x, positions, base)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@replaces("apply_rope")
def ar_double(x, positions, base=10000.0):
    """all in float64, the result rounded"""
    a, b = x.double().chunk(2, -1)
    angle = angles_of(x, positions, base)
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1).to(x.dtype)


@replaces("apply_rope")
def ar_complex(x, positions, base=10000.0):
    """complex numbers"""
    half = x.shape[-1] // 2
    z = torch.complex(x[..., :half].double(), x[..., half:].double())
    angle = angles_of(x, positions, base)
    z = z * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([z.real, z.imag], dim=-1).type(x.dtype)


@replaces("apply_rope")
def ar_float(x, positions, base=10000.0):
    """at least float32 for the products"""
    dtype = torch.promote_types(x.dtype, torch.float32)
    angle = angles_of(x, positions, base).repeat(1, 1, 1, 2)
    y = x.to(dtype)
    return (y * angle.cos().to(dtype) + rotate_half(y) * angle.sin().to(dtype)).to(x.dtype)


@replaces("apply_rope")
def ar_loop(x, positions, base=10000.0):
    """token by token, the sequences one by one"""
    theta = rope_frequencies(x.shape[-1], base)
    rows = positions.expand(x.shape[0], x.shape[2]).tolist()
    out = []
    for sequence, row in zip(x, rows):
        tokens = []
        for t, m in enumerate(row):
            cos, sin = torch.cos(m * theta).to(x.dtype), torch.sin(m * theta).to(x.dtype)
            a, b = sequence[:, t].chunk(2, -1)
            tokens.append(torch.cat([a * cos - b * sin, b * cos + a * sin], -1))
        out.append(torch.stack(tokens, 1))
    return torch.stack(out)


@replaces("apply_rope")
def ar_matrix(x, positions, base=10000.0):
    """2 × 2 matrices and einsum"""
    angle = angles_of(x, positions, base)[:, 0]
    c, s = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2).to(x.dtype)  # (B or 1, T, K/2, 2, 2)
    pairs = x.unflatten(-1, (2, -1))
    return torch.einsum("btkij,bhtjk->bhtik", turn.expand(x.shape[0], -1, -1, -1, -1), pairs).flatten(-2)


@replaces("apply_rope")
def ar_reduced(x, positions, base=10000.0):
    """angles modulo a turn, float64, one table of distinct positions"""
    distinct, where = positions.unique(return_inverse=True)
    angle = torch.remainder(torch.outer(distinct.double(), rope_frequencies(x.shape[-1], base)), 2 * math.pi)
    table = torch.stack([angle.cos(), angle.sin()]).to(x.dtype)[:, where]
    cos, sin = table if positions.dim() == 1 else table.unsqueeze(2)
    a, b = x.tensor_split(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


@replaces("apply_rope")
def ar_own(x, positions, base=10000.0):
    """written into an own tensor"""
    half = x.shape[-1] // 2
    angle = angles_of(x, positions, base)
    cos, sin = torch.cos(angle).to(x), torch.sin(angle).to(x)
    out = torch.zeros_like(x)
    out[..., :half] = x[..., :half] * cos - x[..., half:] * sin
    out[..., half:] = x[..., half:] * cos + x[..., :half] * sin
    return out


@replaces("apply_rope")
def ar_permuted(x, positions, base=10000.0):
    """tokens before heads; a view"""
    y = x.transpose(1, 2)  # (B, T, H, K)
    angle = (positions.double()[..., None] * rope_frequencies(x.shape[-1], base)).tile(2).unsqueeze(-2)
    y = y * angle.cos().to(x.dtype) + rotate_half(y) * angle.sin().to(x.dtype)
    return y.transpose(1, 2)


class Turn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, cos, sin):
        ctx.save_for_backward(cos, sin)
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    @staticmethod
    def backward(ctx, g):
        cos, sin = ctx.saved_tensors
        a, b = g.chunk(2, -1)
        return torch.cat([a * cos + b * sin, b * cos - a * sin], -1), None, None


@replaces("apply_rope")
def ar_function(x, positions, base=10000.0):
    """a gradient written by hand: it turns back"""
    angle = angles_of(x, positions, base)
    return Turn.apply(x, angle.cos().to(x.dtype), angle.sin().to(x.dtype))


@replaces("apply_rope")
def ar_python(x, positions, base=10000.0):
    """tables by math.cos"""
    half = x.shape[-1] // 2
    theta = [base ** (-2 * i / (2 * half)) for i in range(half)]

    @lru_cache(None)
    def row(m):
        return [math.cos(m * t) for t in theta], [math.sin(m * t) for t in theta]

    flat = positions.flatten().tolist()
    cos = torch.tensor([row(m)[0] for m in flat], dtype=torch.float64).view(*positions.shape, half)
    sin = torch.tensor([row(m)[1] for m in flat], dtype=torch.float64).view(*positions.shape, half)
    if positions.dim() > 1:
        cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([torch.addcmul(a * cos, b, sin, value=-1), torch.addcmul(b * cos, a, sin)], -1)


@replaces("apply_rope")
def ar_numpy(x, positions, base=10000.0):
    """tables by NumPy"""
    inv = 1.0 / (base ** (np.arange(0, x.shape[-1], 2, dtype=np.float64) / x.shape[-1]))
    angle = positions.numpy()[..., None] * inv
    emb = np.concatenate([angle, angle], axis=-1)
    cos, sin = (torch.from_numpy(f(emb)).to(x.dtype) for f in (np.cos, np.sin))
    if positions.ndim == 2:
        cos, sin = cos[:, None], sin[:, None]
    return x * cos + rotate_half(x) * sin


# ------------------------------------------------------------------ interleaved_to_half
@replaces("interleaved_to_half")
def ih_view(weight, num_heads):
    """pairs as an axis"""
    K = weight.shape[0] // num_heads
    pairs = weight.reshape(num_heads, K // 2, 2, *weight.shape[1:])
    return pairs.transpose(1, 2).reshape(weight.shape)


@replaces("interleaved_to_half")
def ih_slices(weight, num_heads):
    """even rows, then odd rows"""
    heads = weight.unflatten(0, (num_heads, -1))
    return torch.cat([heads[:, 0::2], heads[:, 1::2]], dim=1).flatten(0, 1)


@replaces("interleaved_to_half")
def ih_heads(weight, num_heads):
    """head by head"""
    out = []
    for head in weight.chunk(num_heads):
        out += [head[::2], head[1::2]]
    return torch.cat(out)


@replaces("interleaved_to_half")
def ih_index(weight, num_heads):
    """index_select of a permuted arange"""
    index = torch.arange(weight.shape[0]).view(num_heads, -1, 2).mT.reshape(-1)
    return weight.index_select(0, index)


@replaces("interleaved_to_half")
def ih_rows(weight, num_heads):
    """row by row into an own tensor"""
    K = weight.shape[0] // num_heads
    out = torch.empty_like(weight)
    for r in range(weight.shape[0]):
        h, r_in = divmod(r, K)
        i, odd = divmod(r_in, 2)
        out[h * K + i + (K // 2 if odd else 0)] = weight[r]
    return out


@replaces("interleaved_to_half")
def ih_stack(weight, num_heads):
    """stack of rows"""
    K = weight.shape[0] // num_heads
    return torch.stack([weight[h * K + 2 * i + odd] for h in range(num_heads) for odd in (0, 1) for i in range(K // 2)])


@replaces("interleaved_to_half")
def ih_sort(weight, num_heads):
    """rows sorted by head, then parity, stably"""
    n = weight.shape[0]
    r = torch.arange(n)
    key = r // (n // num_heads) * 2 + r % (n // num_heads) % 2
    return weight[key.argsort(stable=True)]


@replaces("interleaved_to_half")
def ih_copy(weight, num_heads):
    """rows put where they belong"""
    n = weight.shape[0]
    K = n // num_heads
    r = torch.arange(n)
    target = r // K * K + r % K // 2 + r % 2 * (K // 2)
    out = weight.clone()
    out[target] = weight
    return out


@replaces("interleaved_to_half")
def ih_numpy(weight, num_heads):
    """the index by NumPy"""
    order = np.arange(len(weight)).reshape(num_heads, -1, 2).transpose(0, 2, 1).ravel()
    return weight[torch.from_numpy(order.copy())]


@replaces("interleaved_to_half")
def ih_gather(weight, num_heads):
    """unbind of the two neighbours"""
    even, odd = weight.unflatten(0, (-1, 2)).unbind(1)
    even, odd = even.unflatten(0, (num_heads, -1)), odd.unflatten(0, (num_heads, -1))
    return torch.stack([even, odd], dim=1).flatten(0, 2)


@replaces("interleaved_to_half")
def ih_transposed(weight, num_heads):
    """columns of the transpose: a result that is not contiguous"""
    K = weight.shape[0] // num_heads
    last = weight.movedim(0, -1)
    order = [h * K + j for h in range(num_heads) for j in (*range(0, K, 2), *range(1, K, 2))]
    return last[..., order].movedim(-1, 0)
