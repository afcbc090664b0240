"""Right solutions in other styles. None of them may lose a point."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.testing import replaces


@replaces("timestep_embedding")
def with_numpy(t, dim, max_period=10000.0):
    """NumPy in float64, cast at the end"""
    half = dim // 2
    angles = np.outer(t.numpy().astype(np.float64), max_period ** (-np.arange(half) / half))
    rows = np.zeros((len(t), dim))
    rows[:, :half], rows[:, half : 2 * half] = np.cos(angles), np.sin(angles)
    embedding = torch.from_numpy(rows)
    return embedding if t.dtype == torch.float64 else embedding.float()


@replaces("timestep_embedding")
def number_by_number(t, dim, max_period=10000.0):
    """math, one number after the other; a transposed view"""
    half, dtype = dim // 2, torch.float64 if t.dtype == torch.float64 else torch.float32
    omegas = [math.exp(-j / half * math.log(max_period)) for j in range(half)]
    columns = [[math.cos(v * omega) for v in t.tolist()] for omega in omegas]
    columns += [[math.cos(v * omega - math.pi / 2) for v in t.tolist()] for omega in omegas]
    columns += [[0.0] * len(t)] * (dim - 2 * half)
    return torch.tensor(columns, dtype=dtype).T


@replaces("timestep_embedding")
def complex_exponential(t, dim, max_period=10000.0):
    """e^{i t ω} by torch.polar and a geometric sequence"""
    half = dim // 2
    omega = torch.logspace(0, -1 + 1 / half, half, base=max_period, dtype=torch.float64)
    z = torch.polar(torch.ones(len(t), half, dtype=torch.float64), torch.outer(t.double(), omega))
    rows = torch.hstack([z.real, z.imag] + [torch.zeros(len(t), 1)] * (dim % 2))
    return rows.to(torch.promote_types(t.dtype, torch.float32))


@replaces("modulate")
def addcmul(x, shift, scale):
    """one addcmul on a view with time first, back to (B, T, D)"""
    return torch.addcmul(shift, x.transpose(0, 1), scale + 1).transpose(0, 1)


@replaces("modulate")
def diagonal(x, shift, scale):
    """a diagonal matrix for each image, by bmm"""
    return torch.baddbmm(shift.unsqueeze(1), x, torch.diag_embed(scale) + torch.eye(x.shape[-1], dtype=x.dtype))


@replaces("modulate")
def image_by_image(x, shift, scale):
    """a loop"""
    return torch.stack([image + image * s + m for image, m, s in zip(x, shift, scale, strict=True)])


class Linears(nn.Module):
    """Not an entry: the parameters, for the blocks below."""

    def __init__(self, dim, heads, mlp_dim):
        if dim % heads != 0:
            raise ValueError("heads")
        super().__init__()
        self.H, self.K = heads, dim // heads
        self.ada = nn.Linear(dim, 6 * dim)
        for parameter in self.ada.parameters():
            parameter.data.zero_()
        self.fc2, self.fc1 = nn.Linear(mlp_dim, dim), nn.Linear(dim, mlp_dim)
        self.proj, self.qkv = nn.Linear(dim, dim), nn.Linear(dim, 3 * dim)


@replaces("DiTBlock")
class AsInThePaper(Linears):
    """two norms, a Sequential that shares its linear map with ada's name, xavier, zero biases"""

    def __init__(self, dim, heads, mlp_dim):
        super().__init__(dim, heads, mlp_dim)
        self.norm1 = nn.LayerNorm(dim, elementwise_affine=False, eps=1e-6)
        self.norm2 = nn.LayerNorm(dim, elementwise_affine=False, eps=1e-6)
        self.act = nn.GELU(approximate="tanh")
        for linear in (self.qkv, self.proj, self.fc1, self.fc2):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.constant_(linear.bias, 0)

    def forward(self, x, c):
        knobs = nn.functional.silu(c) @ self.ada.weight.T + self.ada.bias
        shift_msa, scale_msa, gate_msa, shift_mlp, scale_mlp, gate_mlp = knobs.unsqueeze(1).tensor_split(6, dim=2)
        a = self.norm1(x) * (1 + scale_msa) + shift_msa
        q, k, v = (p.unflatten(-1, (self.H, self.K)).transpose(1, 2) for p in self.qkv(a).chunk(3, dim=-1))
        weights = (q @ k.mT / math.sqrt(self.K)).softmax(-1)
        x = x + gate_msa * self.proj((weights @ v).transpose(1, 2).flatten(2))
        return x + gate_mlp * self.fc2(self.act(self.fc1(self.norm2(x) * (1 + scale_mlp) + shift_mlp)))


@replaces("DiTBlock")
class ImageByImage(Linears):
    """loops over images and heads, F.layer_norm with 1 + scale as its weight and shift as its bias"""

    def forward(self, x, c):
        D = x.shape[-1]
        results = []
        for tokens, condition in zip(x, c, strict=True):
            knobs = self.ada(condition * torch.sigmoid(condition)).split(D)
            a = F.layer_norm(tokens, (D,), 1 + knobs[1], knobs[0], 1e-6)
            q, k, v = self.qkv(a).split(D, dim=-1)
            heads = []
            for h in range(self.H):
                own = slice(h * self.K, (h + 1) * self.K)
                scores = q[:, own] @ k[:, own].T * self.K**-0.5
                heads.append(torch.softmax(scores, dim=1) @ v[:, own])
            tokens = tokens + knobs[2] * self.proj(torch.cat(heads, dim=1))
            a = F.layer_norm(tokens, (D,), 1 + knobs[4], knobs[3], 1e-6)
            results.append(torch.addcmul(tokens, knobs[5], self.fc2(F.gelu(self.fc1(a), approximate="tanh"))))
        return torch.stack(results)


class Bare(nn.Module):
    """Not an entry: a weight and a bias."""

    def __init__(self, rows, columns, size=0.1):
        super().__init__()
        self.bias = nn.Parameter(size * torch.randn(rows))
        self.weight = nn.Parameter(size * torch.randn(rows, columns))


@replaces("DiTBlock")
class Einsum(nn.Module):
    """bare parameters and a buffer, einsum over named axes, tanh spelt out"""

    def __init__(self, dim, heads, mlp_dim):
        super().__init__()
        self.qkv, self.proj, self.ada = Bare(3 * dim, dim), Bare(dim, dim), Bare(6 * dim, dim, size=0.0)
        self.fc1, self.fc2 = Bare(mlp_dim, dim), Bare(dim, mlp_dim)
        self.register_buffer("heads", torch.tensor(heads))
        if dim // heads * heads != dim:
            raise ValueError(f"{dim} / {heads}")

    def enter(self, x, shift, scale):
        var, mu = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
        return torch.einsum("btd,bd->btd", (x - mu) * torch.rsqrt(var + 1e-6), 1 + scale) + shift.unsqueeze(-2)

    def linear(self, part, a):
        return torch.einsum("...d,ed->...e", a, part.weight) + part.bias

    def forward(self, x, c):
        H, D = int(self.heads), x.shape[-1]
        knobs = self.linear(self.ada, c / (1 + torch.exp(-c))).view(-1, 6, D)
        qkv = self.linear(self.qkv, self.enter(x, knobs[:, 0], knobs[:, 1])).view(*x.shape[:2], 3, H, D // H)
        scores = torch.einsum("bthk,bshk->bhts", qkv[:, :, 0], qkv[:, :, 1]) / (D / H) ** 0.5
        attended = torch.einsum("bhts,bshk->bthk", scores.softmax(-1), qkv[:, :, 2]).reshape(x.shape)
        h = x + torch.einsum("btd,bd->btd", self.linear(self.proj, attended), knobs[:, 2])
        u = self.linear(self.fc1, self.enter(h, knobs[:, 3], knobs[:, 4]))
        u = 0.5 * u * (1 + torch.tanh((2 / math.pi) ** 0.5 * (u + 0.044715 * u * u * u)))
        return h + torch.einsum("btd,bd->btd", self.linear(self.fc2, u), knobs[:, 5])


@replaces("DiTBlock")
class TorchsAttention(Linears):
    """F.multi_head_attention_forward, time first; a result that is not contiguous"""

    def branch(self, x, shift, scale):
        return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (scale + 1) + shift

    def forward(self, x, c):
        D = self.H * self.K
        six = F.linear(F.silu(c), self.ada.weight, self.ada.bias).view(len(c), 6, D).transpose(0, 1)
        x = x.permute(1, 0, 2)  # (T, B, D), where (B, D) broadcasts by itself
        a = self.branch(x, six[0], six[1])
        a, _ = F.multi_head_attention_forward(
            a, a, a, D, self.H, self.qkv.weight, self.qkv.bias, None, None, False, 0.0,
            self.proj.weight, self.proj.bias, need_weights=False,
        )  # fmt: skip
        x = x + six[2] * a
        a = self.fc2(F.gelu(self.fc1(self.branch(x, six[3], six[4])), approximate="tanh"))
        return (x + six[5] * a).permute(1, 0, 2)


@replaces("dit_param_count")
def on_the_meta_device(
    dim: int,
    depth: int,
    patch: int = 2,
    channels: int = 4,
    input_size: int = 32,
    mlp_ratio: float = 4.0,
    num_classes: int = 1000,
    learn_sigma: bool = True,
) -> int:
    """modules without memory, counted"""
    on = {"device": "meta"}
    out = patch * patch * channels * (1 + learn_sigma)
    block = [nn.MultiheadAttention(dim, 1, **on), nn.Linear(dim, 6 * dim, **on)]
    block += [nn.Linear(dim, round(dim * mlp_ratio), **on), nn.Linear(round(dim * mlp_ratio), dim, **on)]
    rest = [nn.Conv2d(channels, dim, patch, **on), nn.Embedding(num_classes + 1, dim, **on), nn.Linear(256, dim, **on)]
    rest += [nn.Linear(dim, dim, **on), nn.Linear(dim, 2 * dim, **on), nn.Linear(dim, out, **on)]
    one, other = (sum(p.numel() for p in nn.ModuleList(part).parameters()) for part in (block, rest))
    return depth * one + other


@replaces("dit_param_count")
def polynomial(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """multiplied out, in powers of D"""
    D, pixels = dim, channels * patch**2
    F = int(D * mlp_ratio)
    quadratic = 10 * depth + 3
    linear = (2 * F + 11) * depth + (3 if learn_sigma else 2) * pixels + num_classes + 262
    return quadratic * D**2 + linear * D + depth * F + (2 * pixels if learn_sigma else pixels)


def _ints(matrices: list[tuple[int, int]]) -> Tensor:
    return torch.tensor(matrices, dtype=torch.int64)


@replaces("dit_param_count")
def in_a_tensor(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """a table of all matrices as a tensor of whole numbers"""
    F = int(mlp_ratio * dim)
    blocks = [(dim, 3 * dim), (dim, dim), (dim, F), (F, dim), (dim, 6 * dim)] * depth
    rest = [(channels * patch**2, dim), (256, dim), (dim, dim), (dim, 2 * dim)]
    rest.append((dim, patch**2 * channels * [1, 2][learn_sigma]))
    n, m = _ints(blocks + rest).T
    return int(((n + 1) * m).sum()) + dim * num_classes + dim
