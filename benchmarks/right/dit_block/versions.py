import math
from collections import Counter
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from base import modulate
from torch import nn

from grader.testing import replaces


def result_dtype(t):
    return torch.float64 if t.dtype == torch.float64 else torch.float32


# ------------------------------------------------------------------ timestep_embedding
@replaces("timestep_embedding")
def time_exp(t, dim, max_period=10000.0):
    """exp of a logarithm, as in the paper's code, in the dtype of the result"""
    dtype = result_dtype(t)
    half = dim // 2
    freqs = torch.exp(-math.log(max_period) * torch.arange(half, dtype=dtype) / half)
    args = t.to(dtype)[:, None] * freqs[None]
    emb = torch.cat([torch.cos(args), torch.sin(args)], dim=-1)
    if dim % 2:
        emb = torch.cat([emb, torch.zeros_like(emb[:, :1])], dim=-1)
    return emb


@replaces("timestep_embedding")
def time_pad(t, dim, max_period=10000.0):
    """outer product and F.pad"""
    half = dim // 2
    omega = torch.tensor([max_period ** (-j / half) for j in range(half)], dtype=torch.float64)
    angle = torch.outer(t.to(torch.float64), omega)
    return F.pad(torch.hstack((angle.cos(), angle.sin())), (0, dim % 2)).to(result_dtype(t))


@replaces("timestep_embedding")
def time_python(t, dim, max_period=10000.0):
    """math.cos, number by number"""
    half = dim // 2
    rows = []
    for time in t.tolist():
        angles = [time * max_period ** (-j / half) for j in range(half)]
        rows.append([math.cos(a) for a in angles] + [math.sin(a) for a in angles] + [0.0] * (dim - 2 * half))
    return torch.tensor(rows, dtype=result_dtype(t)).view(t.shape[0], dim)


@replaces("timestep_embedding")
def time_fill(t, dim, max_period=10000.0):
    """written into zeros"""
    half = dim // 2
    out = torch.zeros(t.shape[0], dim, dtype=result_dtype(t))
    for j in range(half):
        angle = t.double() * max_period ** (-j / half)
        out[:, j] = angle.cos()
        out[:, half + j] = angle.sin()
    return out


@replaces("timestep_embedding")
def time_numpy(t, dim, max_period=10000.0):
    """NumPy in float64"""
    half = dim // 2
    angle = t.detach().double().numpy()[:, None] * np.power(max_period, -np.arange(half) / half)
    out = np.zeros((len(t), dim))
    out[:, :half], out[:, half : 2 * half] = np.cos(angle), np.sin(angle)
    return torch.from_numpy(out).to(result_dtype(t))


@replaces("timestep_embedding")
def time_complex(t, dim, max_period=10000.0):
    """real and imaginary part of a rotation"""
    half = dim // 2
    angle = t.double().unsqueeze(1) / max_period ** (torch.arange(half).double() / half)
    z = torch.polar(torch.ones_like(angle), angle)
    odd = torch.zeros(len(t), dim & 1, dtype=torch.float64)
    return torch.cat([z.real, z.imag, odd], 1).to(dtype=result_dtype(t))


@replaces("timestep_embedding")
def time_shifted(t, dim, max_period=10000.0):
    """one table of angles, cosine or sine by where"""
    half = dim // 2
    j = torch.arange(2 * half)
    omega = max_period ** -((j % half).double() / half)
    angle = t.double()[:, None] * omega
    out = torch.where(j < half, angle.cos(), angle.sin())
    if dim > 2 * half:
        out = torch.column_stack((out, out.new_zeros(len(out))))
    return out.to(result_dtype(t))


@replaces("timestep_embedding")
def time_stack(t, dim, max_period=10000.0):
    """stack and flatten; linspace of exponents"""
    half = dim // 2
    exponents = torch.linspace(0, -(half - 1) / half, half, dtype=torch.float64)
    angle = torch.einsum("b,j->bj", t.double(), torch.pow(float(max_period), exponents))
    out = torch.stack([angle.cos(), angle.sin()], dim=1).flatten(1)
    if dim % 2 == 1:
        out = torch.nn.functional.pad(out, [0, 1])
    return out.float() if t.dtype != torch.float64 else out


@replaces("timestep_embedding")
def time_transposed(t, dim, max_period=10000.0):
    """built as (dim, B), returned as a view"""
    half = dim // 2
    kind = result_dtype(t)
    omega = torch.tensor(max_period, dtype=kind).pow(torch.arange(half, dtype=kind).neg().div(half))
    angle = omega[:, None] * t.to(kind)
    rows = [angle.cos(), angle.sin()] + [torch.zeros(1, t.numel(), dtype=kind)] * (dim % 2)
    return torch.cat(rows).T


@replaces("timestep_embedding")
def time_rows(t, dim, max_period=10000.0):
    """a helper for one time; 0-dim tensors"""
    half = dim // 2
    omega = torch.logspace(0, -(half - 1) / half, half, base=float(max_period), dtype=torch.float64)

    def one(time):
        angle = time.double() * omega
        return torch.cat((angle.cos(), angle.sin(), torch.zeros(dim - 2 * half, dtype=torch.float64)))

    return torch.stack([one(time) for time in t]).to(result_dtype(t))


@replaces("timestep_embedding")
def time_cumprod(t, dim, max_period=10000.0):
    """frequencies as powers of one ratio"""
    half = dim // 2
    ratio = float(max_period) ** (-1.0 / half)
    omega, value = [], 1.0
    for _ in range(half):
        omega.append(value)
        value *= ratio
    angle = t.double().reshape(-1, 1) * torch.tensor(omega, dtype=torch.float64)
    table = torch.zeros(angle.shape[0], dim, dtype=torch.float64)
    torch.cos(angle, out=table[:, :half])
    torch.sin(angle, out=table[:, half : 2 * half])
    return table.type(result_dtype(t))


@replaces("timestep_embedding")
def time_float32(t, dim, max_period=10000.0):
    """float32 unless t is float64; 1 / (period ** x)"""
    if t.dtype != torch.float64:
        t = t.float()
    half = dim // 2
    omega = 1.0 / (max_period ** (torch.arange(0, half, dtype=t.dtype) / half))
    emb = t.new_zeros((t.shape[0], dim))
    emb[:, 0:half] = torch.cos(t[:, None] * omega[None, :])
    emb[:, half : half + half] = torch.sin(t[:, None] * omega[None, :])
    return emb


# ------------------------------------------------------------------ modulate
@replaces("modulate")
def mod_unsqueeze(x, shift, scale):
    """unsqueeze"""
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


@replaces("modulate")
def mod_addcmul(x, shift, scale):
    """addcmul"""
    return torch.addcmul(shift[:, None], x, scale[:, None] + 1)


@replaces("modulate")
def mod_expanded(x, shift, scale):
    """x + x scale + shift"""
    B, T, D = x.shape
    return x + x * scale.view(B, 1, D) + shift.view(B, 1, D) if scale.is_contiguous() and shift.is_contiguous() else x + x * scale[:, None] + shift[:, None]


@replaces("modulate")
def mod_einsum(x, shift, scale):
    """einsum"""
    return torch.einsum("btd,bd->btd", x, 1 + scale) + shift[:, None, :]


@replaces("modulate")
def mod_loop(x, shift, scale):
    """image by image"""
    return torch.stack([image * (1 + a) + b for image, a, b in zip(x, scale, shift)])


@replaces("modulate")
def mod_tokens(x, shift, scale):
    """token by token"""
    return torch.stack([token * (scale + 1) + shift for token in x.unbind(1)], dim=1)


@replaces("modulate")
def mod_repeat(x, shift, scale):
    """repeated for each token"""
    T = x.shape[1]
    return (1 + scale).repeat_interleave(T, 0).view_as(x) * x + shift[:, None].expand_as(x)


@replaces("modulate")
def mod_transposed(x, shift, scale):
    """tokens first; a view"""
    return (x.transpose(0, 1) * (1 + scale) + shift).transpose(0, 1)


@replaces("modulate")
def mod_copy(x, shift, scale):
    """in place on an own copy"""
    out = x.clone()
    out *= scale[:, None] + 1
    out += shift[:, None]
    return out


@replaces("modulate")
def mod_lerp(x, shift, scale):
    """torch.add with broadcast"""
    return torch.add(shift[:, None], torch.mul(x, torch.add(scale, 1.0)[:, None]))


# ------------------------------------------------------------------ DiTBlock
@replaces("DiTBlock")
class FusedBlock(nn.Module):
    """scaled_dot_product_attention, nn.LayerNorm, nn.Sequential for nothing"""

    def __init__(self, dim, heads, mlp_dim):
        super().__init__()
        self.dim, self.heads = dim, heads
        self.norm1 = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.act = nn.GELU("tanh")
        self.ada = nn.Linear(dim, 6 * dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.fc1 = nn.Linear(dim, mlp_dim)
        self.fc2 = nn.Linear(mlp_dim, dim)
        for linear in (self.qkv, self.proj, self.fc1, self.fc2):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)
        nn.init.constant_(self.ada.weight, 0)
        nn.init.constant_(self.ada.bias, 0)

    def forward(self, x, c):
        s1, m1, g1, s2, m2, g2 = self.ada(F.silu(c)).unsqueeze(1).chunk(6, dim=2)
        a = self.norm1(x) * (1 + m1) + s1
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in self.qkv(a).chunk(3, dim=-1))
        x = x + g1 * self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + g2 * self.fc2(self.act(self.fc1(self.norm2(x) * (1 + m2) + s2)))


@replaces("DiTBlock")
class HandBlock(nn.Module):
    """every formula by hand"""

    def __init__(self, dim, heads, mlp_dim):
        super().__init__()
        self.dim = dim
        self.heads = heads
        shapes = {"qkv": (3 * dim, dim), "proj": (dim, dim), "fc1": (mlp_dim, dim), "fc2": (dim, mlp_dim), "ada": (6 * dim, dim)}
        for name, (rows, columns) in shapes.items():
            layer = nn.Module()
            if name == "ada":
                layer.weight = nn.Parameter(torch.zeros(rows, columns))
            else:
                layer.weight = nn.Parameter(torch.randn(rows, columns) * 0.02)
            layer.bias = nn.Parameter(torch.zeros(rows))
            setattr(self, name, layer)

    @staticmethod
    def linear(x, layer):
        return x @ layer.weight.T + layer.bias

    @staticmethod
    def ln(x):
        mean = x.mean(-1, keepdim=True)
        centred = x - mean
        return centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-6)

    def forward(self, x, c):
        D, K = self.dim, self.dim // self.heads
        ada = self.linear(c * torch.sigmoid(c), self.ada)
        knobs = [ada[:, None, i * D : (i + 1) * D] for i in range(6)]
        qkv = self.linear(self.ln(x) * (1 + knobs[1]) + knobs[0], self.qkv)
        outs = []
        for h in range(self.heads):
            q = qkv[..., h * K : (h + 1) * K]
            k = qkv[..., D + h * K : D + (h + 1) * K]
            v = qkv[..., 2 * D + h * K : 2 * D + (h + 1) * K]
            scores = torch.bmm(q, k.transpose(1, 2)) * K**-0.5
            scores = scores - scores.amax(-1, keepdim=True).detach()
            e = scores.exp()
            outs.append(torch.bmm(e / e.sum(-1, keepdim=True), v))
        x = x + knobs[2] * self.linear(torch.cat(outs, dim=-1), self.proj)
        u = self.linear(self.ln(x) * (1 + knobs[4]) + knobs[3], self.fc1)
        u = 0.5 * u * (1 + torch.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))
        return x + knobs[5] * self.linear(u, self.fc2)


@replaces("DiTBlock")
class EinsumBlock(nn.Module):
    """einsum, modulate of base, knobs as (6, B, 1, D)"""

    def __init__(self, dim, heads, mlp_dim):
        super().__init__()
        self.qkv = nn.Linear(dim, dim * 3, bias=True)
        self.proj = nn.Linear(dim, dim, bias=True)
        self.fc1 = nn.Linear(dim, mlp_dim, bias=True)
        self.fc2 = nn.Linear(mlp_dim, dim, bias=True)
        self.ada = nn.Linear(dim, dim * 6, bias=True)
        self.H = heads
        with torch.no_grad():
            self.ada.weight.zero_()
            self.ada.bias.zero_()
            for layer in (self.qkv, self.proj, self.fc1, self.fc2):
                layer.weight.normal_(std=0.05)

    def attend(self, a):
        q, k, v = self.qkv(a).unflatten(-1, (3, self.H, -1)).unbind(2)  # (B, T, H, K)
        w = torch.einsum("bthk,bshk->bhts", q / q.shape[-1] ** 0.5, k).softmax(dim=-1)
        return self.proj(torch.einsum("bhts,bshk->bthk", w, v).flatten(2))

    def mlp(self, a):
        return self.fc2(F.gelu(self.fc1(a), approximate="tanh"))

    def forward(self, x, c):
        knobs = self.ada(nn.functional.silu(c)).view(-1, 6, x.shape[-1]).transpose(0, 1)
        for branch, (shift, scale, gate) in zip((self.attend, self.mlp), (knobs[:3], knobs[3:])):
            normed = F.layer_norm(x, x.shape[-1:], eps=1e-6)
            x = torch.addcmul(x, gate[:, None], branch(modulate(normed, shift, scale)))
        return x


class Plain(nn.Linear):
    def __init__(self, n_in, n_out, zero=False):
        self.zero = zero
        super().__init__(n_in, n_out)

    def reset_parameters(self):
        if self.zero:
            nn.init.zeros_(self.weight)
        else:
            nn.init.kaiming_normal_(self.weight)
        nn.init.zeros_(self.bias)


@replaces("DiTBlock")
class SubclassBlock(nn.Module):
    """a subclass of nn.Linear; heads as batch; float('inf')-safe; var without correction"""

    def __init__(self, dim, heads, mlp_dim):
        super().__init__()
        self.width, self.heads, self.head_dim = dim, heads, dim // heads
        self.ada = Plain(dim, 6 * dim, zero=True)
        self.fc2, self.fc1 = Plain(mlp_dim, dim), Plain(dim, mlp_dim)
        self.proj, self.qkv = Plain(dim, dim), Plain(dim, 3 * dim)

    def normed(self, x):
        var, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
        return (x - mean) * torch.rsqrt(var + 1e-6)

    def forward(self, x, c):
        B, T, D = x.shape
        shift1, scale1, gate1, shift2, scale2, gate2 = torch.split(self.ada(F.silu(c))[:, None, :], D, dim=-1)
        q, k, v = self.qkv(self.normed(x) * (scale1 + 1) + shift1).split(D, dim=-1)

        def batch(y):
            return y.reshape(B, T, self.heads, self.head_dim).transpose(1, 2).reshape(B * self.heads, T, self.head_dim)

        scores = torch.baddbmm(x.new_zeros(1), batch(q), batch(k).mT, beta=0, alpha=1 / math.sqrt(self.head_dim))
        read = F.softmax(scores, -1).bmm(batch(v)).view(B, self.heads, T, -1).permute(0, 2, 1, 3).reshape(B, T, D)
        h = x + gate1 * self.proj(read)
        hidden = F.gelu(self.fc1(self.normed(h) * (scale2 + 1) + shift2), approximate="tanh")
        return h + gate2 * self.fc2(hidden)


@replaces("DiTBlock")
class LoopBlock(nn.Module):
    """image by image, a matrix for each head"""

    def __init__(self, dim, heads, mlp_dim):
        nn.Module.__init__(self)
        self.heads = heads
        sizes = dict(qkv=(dim, 3 * dim), proj=(dim, dim), fc1=(dim, mlp_dim), fc2=(mlp_dim, dim), ada=(dim, 6 * dim))
        for name, size in sizes.items():
            self.add_module(name, nn.Linear(*size))
        self.ada.requires_grad_(False).weight.zero_()
        self.ada.bias.zero_()
        self.ada.requires_grad_(True)

    def one(self, x, c):
        D = x.shape[1]
        k6 = self.ada(c / (1 + torch.exp(-c))).view(6, D)
        ln = lambda y: F.layer_norm(y, [D], None, None, 1e-6)  # noqa: E731
        qkv = self.qkv(ln(x) * (1 + k6[1]) + k6[0]).view(len(x), 3, self.heads, -1)
        w_o = self.proj.weight.view(D, self.heads, -1)
        out = self.proj.bias
        for h in range(self.heads):
            q, k, v = qkv[:, 0, h], qkv[:, 1, h], qkv[:, 2, h]
            out = out + torch.softmax(q @ k.T / math.sqrt(q.shape[1]), 1) @ v @ w_o[:, h].T
        x = x + out * k6[2]
        return x + self.fc2(F.gelu(self.fc1(ln(x) * (1 + k6[4]) + k6[3]), approximate="tanh")) * k6[5]

    def forward(self, x, c):
        return torch.stack([self.one(a, b) for a, b in zip(x, c)])


# ------------------------------------------------------------------ dit_param_count
@replaces("dit_param_count")
def count_formula(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """one formula"""
    D, F_, P = dim, round(dim * mlp_ratio), patch * patch * channels
    out = 2 * P if learn_sigma else P
    return (
        depth * (10 * D * D + 10 * D + 2 * D * F_ + F_ + D)
        + P * D + D
        + 256 * D + D + D * D + D
        + (num_classes + 1) * D
        + 2 * D * D + 2 * D
        + D * out + out
    )


@replaces("dit_param_count")
def count_meta(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """layers on the meta device are counted"""
    with torch.device("meta"):
        hidden = round(mlp_ratio * dim)
        block = nn.ModuleList([nn.Linear(dim, 3 * dim), nn.Linear(dim, dim), nn.Linear(dim, hidden), nn.Linear(hidden, dim), nn.Linear(dim, 6 * dim)])
        rest = nn.ModuleList([
            nn.Conv2d(channels, dim, patch, stride=patch),
            nn.Linear(256, dim), nn.Linear(dim, dim),
            nn.Embedding(num_classes + 1, dim),
            nn.Linear(dim, 2 * dim),
            nn.Linear(dim, patch * patch * channels * (1 + learn_sigma)),
        ])
    return sum(p.numel() for p in rest.parameters()) + depth * sum(p.numel() for p in block.parameters())


@replaces("dit_param_count")
def count_int(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """int of the product, which is a whole number"""
    mlp = int(mlp_ratio * dim)
    weights = 3 * dim * dim + dim * dim + 2 * mlp * dim + 6 * dim * dim
    biases = 3 * dim + dim + mlp + dim + 6 * dim
    c_out = channels * 2 if learn_sigma else channels
    x_embedder = channels * patch**2 * dim + dim
    t_embedder = 256 * dim + dim + dim * dim + dim
    y_embedder = dim * (num_classes + 1)
    final = dim * 2 * dim + 2 * dim + dim * patch**2 * c_out + patch**2 * c_out
    return x_embedder + t_embedder + y_embedder + depth * (weights + biases) + final


@replaces("dit_param_count")
def count_shapes(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """a list of shapes"""
    mlp = round(dim * mlp_ratio)
    maps = [(patch**2 * channels, dim), (256, dim), (dim, dim), (dim, 2 * dim)]
    maps += [(dim, patch**2 * channels * (2 if learn_sigma else 1))]
    maps += [(dim, 3 * dim), (dim, dim), (dim, mlp), (mlp, dim), (dim, 6 * dim)] * depth
    return sum((a + 1) * b for a, b in maps) + (num_classes + 1) * dim


@replaces("dit_param_count")
def count_fraction(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """a Fraction for the ratio"""
    ratio = Fraction(round(mlp_ratio * dim), dim)
    per_block = (10 + 2 * ratio) * dim**2 + (11 + ratio) * dim
    pixels = channels * patch**2
    out = pixels << bool(learn_sigma)
    others = dim * (pixels + 1 + 257 + dim + 1 + num_classes + 1 + 2 * dim + 2 + out) + out
    return int(depth * per_block + others)


@replaces("dit_param_count")
def count_parts(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """a Counter of parts"""
    def lin(a, b):
        return a * b + b

    parts = Counter()
    pp = patch * patch
    parts["patch"] += lin(channels * pp, dim)
    parts["time"] += lin(256, dim) + lin(dim, dim)
    parts["classes"] += dim * num_classes + dim
    hidden = int(round(mlp_ratio * dim))
    for _ in range(depth):
        parts["attention"] += lin(dim, 3 * dim) + lin(dim, dim)
        parts["mlp"] += lin(dim, hidden) + lin(hidden, dim)
        parts["ada"] += lin(dim, 6 * dim)
    parts["final"] += lin(dim, 2 * dim)
    channels_out = channels
    if learn_sigma:
        channels_out *= 2
    parts["output"] += lin(dim, pp * channels_out)
    return sum(parts.values())


@replaces("dit_param_count")
def count_polynomial(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """coefficients of a polynomial in D"""
    hidden, P = round(dim * mlp_ratio), channels * patch**2
    out = P * (1 + int(learn_sigma))
    square = 10 * depth + 1 + 2
    linear = depth * (3 + 1 + 1 + 6) + 2 * depth * hidden + P + 1 + 256 + 1 + 1 + num_classes + 1 + 2 + out
    constant = depth * hidden + out
    return (square * dim + linear) * dim + constant


@replaces("dit_param_count")
def count_numpy(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """NumPy with Python ints"""
    mlp = round(mlp_ratio * dim)
    pixels = channels * patch * patch
    out = pixels * 2 if learn_sigma else pixels
    n_in = np.array([dim, dim, dim, mlp, dim, pixels, 256, dim, dim, dim], dtype=object)
    n_out = np.array([3 * dim, dim, mlp, dim, 6 * dim, dim, dim, dim, 2 * dim, out], dtype=object)
    times = np.array([depth] * 5 + [1] * 5, dtype=object)
    return int(((n_in + 1) * n_out * times).sum()) + (num_classes + 1) * dim


@replaces("dit_param_count")
def count_recursive(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """one block more than the model of one block less"""
    mlp = round(mlp_ratio * dim)
    if depth > 0:
        block = (dim + 1) * (3 + 1 + 6) * dim + (dim + 1) * mlp + (mlp + 1) * dim
        return block + count_recursive(dim, depth - 1, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    pixels = channels * patch**2
    out = pixels * (2 if learn_sigma else 1)
    return (pixels + 1) * dim + 257 * dim + (dim + 1) * dim + (num_classes + 1) * dim + (dim + 1) * (2 * dim + out)
