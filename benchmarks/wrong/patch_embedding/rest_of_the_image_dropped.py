# TRUE CAUSE: patchify cuts off the last rows and columns where P does not divide the size, in place of raising
# an error.
import math

import torch
from torch import Tensor, nn


def patchify(images: Tensor, patch: int) -> Tensor:
    B, C, H, W = images.shape
    images = images[:, :, : H // patch * patch, : W // patch * patch]
    x = images.reshape(B, C, H // patch, patch, W // patch, patch)
    x = x.permute(0, 2, 4, 1, 3, 5)
    return x.reshape(B, (H // patch) * (W // patch), C * patch * patch)


def unpatchify(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    B = patches.shape[0]
    rows, columns = height // patch, width // patch
    x = patches.reshape(B, rows, columns, -1, patch, patch)
    x = x.permute(0, 3, 1, 4, 2, 5)
    return x.reshape(B, -1, height, width)


class PatchEmbed(nn.Module):
    def __init__(self, patch: int, channels: int, dim: int) -> None:
        super().__init__()
        self.patch = patch
        fan_in = channels * patch * patch
        self.weight = nn.Parameter(torch.randn(dim, channels, patch, patch) / math.sqrt(fan_in))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.flatten(1).T + self.bias


def sincos_2d(dim: int, grid_h: int, grid_w: int) -> Tensor:
    q = dim // 4
    omega = 10000.0 ** (-torch.arange(q, dtype=torch.float64) / q)
    r = torch.arange(grid_h, dtype=torch.float64).repeat_interleave(grid_w)[:, None] * omega
    c = torch.arange(grid_w, dtype=torch.float64).repeat(grid_h)[:, None] * omega
    return torch.cat([r.sin(), r.cos(), c.sin(), c.cos()], dim=1)
