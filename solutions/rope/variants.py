"""Right solutions in other styles. None of them may lose a point."""

import math

import numpy as np
import torch
from rope import rope_frequencies
from torch import Tensor

from grader.testing import replaces


@replaces("rope_frequencies")
def one_by_one(head_dim: int, base: float = 10000.0) -> Tensor:
    """plain numbers"""
    if head_dim % 2 != 0:
        raise ValueError("odd")
    return torch.tensor([base ** -(i / head_dim) for i in range(0, head_dim, 2)], dtype=torch.float64)


@replaces("rope_frequencies")
def exponential(head_dim: int, base: float = 10000.0) -> Tensor:
    """e to the logarithm, as the first transformer has it"""
    if head_dim & 1:
        raise ValueError("odd")
    return torch.exp(torch.arange(0, head_dim, 2).double() * (-math.log(base) / head_dim))


@replaces("rope_frequencies")
def logspace(head_dim: int, base: float = 10000.0) -> Tensor:
    """NumPy; one number too many, then a view"""
    half, rest = divmod(head_dim, 2)
    if rest:
        raise ValueError("odd")
    return torch.from_numpy(np.geomspace(1.0, 1.0 / base, half + 1))[:-1]


@replaces("rope_frequencies")
def powers(head_dim: int, base: float = 10000.0) -> Tensor:
    """a geometric sequence by cumulative products"""
    if head_dim % 2:
        raise ValueError("odd")
    ratio = torch.full((head_dim // 2,), base ** (-2 / head_dim), dtype=torch.float64)
    ratio[0] = 1.0
    return ratio.cumprod(0)


@replaces("rotate_half")
def rolled(x: Tensor) -> Tensor:
    """roll, then signs"""
    K = x.shape[-1]
    signs = torch.ones(K, dtype=x.dtype)
    signs[: K // 2] = -1
    return x.roll(K // 2, -1) * signs


@replaces("rotate_half")
def by_matrix(x: Tensor) -> Tensor:
    """einsum with a quarter turn"""
    K = x.shape[-1]
    eye = torch.eye(K // 2, dtype=x.dtype)
    nothing = torch.zeros_like(eye)
    quarter = torch.cat([torch.cat([nothing, -eye], 1), torch.cat([eye, nothing], 1)])
    return torch.einsum("...k,jk->...j", x, quarter)


@replaces("rotate_half")
def times_i(x: Tensor) -> Tensor:
    """multiplication by the imaginary unit; a view of the product"""
    a, b = x.unflatten(-1, (2, -1)).unbind(-2)
    return torch.view_as_real(1j * torch.complex(a.double(), b.double())).transpose(-1, -2).flatten(-2).to(x.dtype)


@replaces("rotate_half")
def filled(x: Tensor) -> Tensor:
    """assignment into a new tensor, number by number"""
    half = x.shape[-1] // 2
    y = torch.empty_like(x)
    for i in range(half):
        y[..., i] = -x[..., half + i]
        y[..., half + i] = x[..., i]
    return y


@replaces("apply_rope")
def complex_numbers(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """polar and complex multiplication"""
    half = x.shape[-1] // 2
    angle = torch.einsum("...t,f->...tf", positions.double(), rope_frequencies(2 * half, base))
    turn = torch.polar(torch.ones_like(angle), angle)
    if positions.ndim == 2:
        turn = turn[:, None]
    z = torch.complex(x[..., :half].double(), x[..., half:].double()) * turn
    return torch.cat([z.real, z.imag], -1).to(x.dtype)


@replaces("apply_rope")
def as_in_transformers(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """cos and sin are rounded to the dtype of x first, then a half at a time"""
    if positions.dim() == 1:
        positions = positions.expand(x.shape[0], -1)
    angle = positions[:, None, :, None] * rope_frequencies(x.shape[-1], base)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@replaces("apply_rope")
def rotation_matrices(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """a 2 x 2 matrix for each token and pair; a view with strange strides"""
    angle = positions.to(torch.float64).unsqueeze(-1) * rope_frequencies(x.size(-1), base)
    c, s = torch.cos(angle), torch.sin(angle)
    R = torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)  # (..., T, K/2, 2, 2)
    R = R.expand(x.shape[0], *R.shape[-4:])
    pairs = x.double().unflatten(-1, (2, -1))  # (B, H, T, 2, K/2)
    return torch.einsum("btfij,bhtjf->bthif", R, pairs).to(x.dtype).flatten(-2).transpose(1, 2)


@replaces("apply_rope")
def token_by_token(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """loops over sequences, tokens and pairs"""
    B, _, T, K = x.shape
    half = K // 2
    theta = rope_frequencies(K, base).tolist()
    rows = positions.tolist() if positions.dim() == 2 else [positions.tolist()] * B
    y = torch.zeros_like(x)
    for b in range(B):
        for t in range(T):
            for i in range(half):
                c, s = math.cos(rows[b][t] * theta[i]), math.sin(rows[b][t] * theta[i])
                y[b, :, t, i] = x[b, :, t, i] * c - x[b, :, t, half + i] * s
                y[b, :, t, half + i] = x[b, :, t, half + i] * c + x[b, :, t, i] * s
    return y


class Turn(torch.autograd.Function):
    """NumPy; the derivative of a rotation is the rotation back."""

    @staticmethod
    def forward(ctx, x: Tensor, angle: Tensor) -> Tensor:
        ctx.save_for_backward(angle)
        half = x.shape[-1] // 2
        z = x.double().numpy()
        z = (z[..., :half] + 1j * z[..., half:]) * np.exp(1j * angle.numpy())
        return torch.from_numpy(np.concatenate([z.real, z.imag], -1)).to(x.dtype)

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor, None]:
        (angle,) = ctx.saved_tensors
        return Turn.apply(g, -angle), None


@replaces("apply_rope")
def numpy_round_trip(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """NumPy inside a custom autograd Function"""
    angle = positions.unsqueeze(-1) * rope_frequencies(x.shape[-1], base)
    return Turn.apply(x, angle.unsqueeze(-3))


@replaces("interleaved_to_half")
def even_then_odd(weight: Tensor, num_heads: int) -> Tensor:
    """head by head, the even rows and then the odd ones"""
    parts = []
    for head in weight.chunk(num_heads):
        parts += [head[0::2], head[1::2]]
    return torch.cat(parts)


@replaces("interleaved_to_half")
def by_index(weight: Tensor, num_heads: int) -> Tensor:
    """a list of row numbers"""
    K = len(weight) // num_heads
    rows = [h * K + 2 * (r % (K // 2)) + r // (K // 2) for h in range(num_heads) for r in range(K)]
    return weight[rows]


@replaces("interleaved_to_half")
def numpy_swapaxes(weight: Tensor, num_heads: int) -> Tensor:
    """NumPy"""
    w = weight.numpy()
    return torch.from_numpy(w.reshape(num_heads, -1, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape).copy())


@replaces("interleaved_to_half")
def permutation_matrix(weight: Tensor, num_heads: int) -> Tensor:
    """a permutation as a matrix of 0 and 1"""
    K = weight.shape[0] // num_heads
    order = torch.arange(K).view(K // 2, 2).T.reshape(K)
    head = torch.eye(K, dtype=weight.dtype)[order]
    whole = torch.block_diag(*[head] * num_heads).to(weight.dtype)
    return whole @ weight
