"""The block of DiT, a transformer that removes noise, and the size of the whole model."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def timestep_embedding(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """[cos(t ω_j) for every j | sin(t ω_j) for every j], with ω_j = max_period ** (-j / half), half = dim // 2.

    t: (B,), whole numbers or floating point, fractions included. dim >= 2. If it is odd, one 0 stands at the end.
    Returns: (B, dim), float64 if t is float64, else float32; computed in this dtype or in a finer one.

    >>> timestep_embedding(torch.tensor([0, 100]), dim=4)  # cos 100, cos 1, sin 100, sin 1
    tensor([[ 1.0000,  1.0000,  0.0000,  0.0000],
            [ 0.8623,  0.5403, -0.5064,  0.8415]])
    """
    half = dim // 2
    t = t if t.dtype == torch.float64 else t.float()
    omega = torch.exp(-math.log(max_period) * torch.arange(half, dtype=t.dtype) / half)  # (half,)
    angles = t[:, None] * omega  # (B, half)
    return F.pad(torch.cat([angles.cos(), angles.sin()], dim=-1), (0, dim % 2))


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """x (1 + scale) + shift, the same scale and shift for all tokens of an image.

    x: floating point (B, T, D). shift, scale: (B, D), one row for each image.
    Returns: (B, T, D).

    >>> x = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    >>> modulate(x, shift=torch.tensor([[10.0, 20.0]]), scale=torch.tensor([[0.0, 1.0]]))
    tensor([[[11., 24.],
             [13., 28.]]])
    """
    return x * (1 + scale[:, None]) + shift[:, None]


class DiTBlock(nn.Module):
    """Attention and MLP, both modulated and gated by a condition: adaLN-Zero.

    dim: D. heads: H, divides D. mlp_dim: F, the rows of fc1.
    Parameters: qkv (3D, D), proj (D, D), fc1 (F, D), fc2 (D, F), ada (6D, D), each a linear map with bias. No others.
        ada is zero in a new block. How the others are drawn is not prescribed: biases may be zero, weights are not.
    """

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.fc1 = nn.Linear(dim, mlp_dim)
        self.fc2 = nn.Linear(mlp_dim, dim)
        self.ada = nn.Linear(dim, 6 * dim)
        nn.init.zeros_(self.ada.weight)
        nn.init.zeros_(self.ada.bias)
        self.norm = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)  # without parameters, so one serves both

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """x: (B, T, D), the tokens. c: (B, D), the condition of each image. Both in the dtype of the parameters.
        Returns: (B, T, D). A new block returns x, exactly. Gradients flow to x, to c and to all parameters.

        With q = k = 0 attention is a mean over the tokens; with gate₂ = 0 there is no MLP:

        >>> block = DiTBlock(dim=2, heads=1, mlp_dim=3)
        >>> for parameter in block.parameters():
        ...     _ = nn.init.zeros_(parameter)
        >>> block.qkv.weight.data[4:], block.proj.weight.data = torch.eye(2), torch.eye(2)
        >>> block.ada.bias.data[:6] = torch.tensor([1.0, 0.0, 0.0, 2.0, 3.0, 0.5])  # shift, scale, gate of attention
        >>> block(torch.tensor([[[0.0, 2.0], [4.0, 0.0], [1.0, 5.0]]]), c=torch.zeros(1, 2)).detach()
        tensor([[[2.0000, 2.5000],
                 [6.0000, 0.5000],
                 [3.0000, 5.5000]]])
        """
        shift1, scale1, gate1, shift2, scale2, gate2 = self.ada(F.silu(c)).chunk(6, dim=-1)  # (B, D) each
        h = x + gate1[:, None] * self._attention(modulate(self.norm(x), shift1, scale1))  # (B, T, D)
        return h + gate2[:, None] * self._mlp(modulate(self.norm(h), shift2, scale2))  # (B, T, D)

    def _attention(self, a: Tensor) -> Tensor:
        B, T, D = a.shape
        q, k, v = self.qkv(a).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # (B, H, T, K) each
        attended = F.scaled_dot_product_attention(q, k, v)  # (B, H, T, K)
        return self.proj(attended.transpose(1, 2).reshape(B, T, D))  # (B, T, D)

    def _mlp(self, a: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(a), approximate="tanh"))  # (B, T, D)


def dit_param_count(
    dim: int,
    depth: int,
    patch: int = 2,
    channels: int = 4,
    input_size: int = 32,
    mlp_ratio: float = 4.0,
    num_classes: int = 1000,
    learn_sigma: bool = True,
) -> int:
    """The trained parameters of a DiT: patch map, time step, classes, blocks, final adaLN, output.

    patch: P. channels: C. input_size: the side of the latent image, a multiple of P; no parameter depends on it.
    mlp_ratio: F / D; mlp_ratio * D is a whole number.
    num_classes: without the row for "no class". learn_sigma: whether the output has 2 C channels, or C.
    Returns: an int.

    >>> dit_param_count(384, depth=12)  # DiT-S/2
    32865056
    """
    mlp_dim = int(mlp_ratio * dim)
    linear = _linear_params
    patch_map = linear(channels * patch**2, dim)
    timestep = linear(256, dim) + linear(dim, dim)
    classes = (num_classes + 1) * dim
    attention, mlp = linear(dim, 3 * dim) + linear(dim, dim), linear(dim, mlp_dim) + linear(mlp_dim, dim)
    block = attention + mlp + linear(dim, 6 * dim)
    out_channels = 2 * channels if learn_sigma else channels
    final = linear(dim, 2 * dim) + linear(dim, patch**2 * out_channels)
    return patch_map + timestep + classes + depth * block + final


def _linear_params(n: int, m: int) -> int:
    """A weight (m, n) and a bias (m,)."""
    return (n + 1) * m
