# TRUE CAUSE: sincos_2d takes the exponent of one-dimensional positions, 10000^(-2j/dim); here each part has q = dim/4
# frequencies 10000^(-j/q), which is 10000^(-4j/dim).
import math

import torch
from torch import Tensor, nn


def patchify(images: Tensor, patch: int) -> Tensor:
    B, C, H, W = images.shape
    if H % patch or W % patch:
        raise ValueError(f"patches of {patch} do not fit into {H} x {W}")
    cut = images.reshape(B, C, H // patch, patch, W // patch, patch)
    return cut.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def unpatchify(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    B = patches.shape[0]
    rows, columns = height // patch, width // patch
    cut = patches.reshape(B, rows, columns, -1, patch, patch)
    return cut.permute(0, 3, 1, 4, 2, 5).reshape(B, -1, height, width)


class PatchEmbed(nn.Module):
    def __init__(self, patch: int, channels: int, dim: int) -> None:
        super().__init__()
        self.patch = patch
        std = 1 / math.sqrt(channels * patch * patch)
        self.weight = nn.Parameter(torch.randn(dim, channels, patch, patch) * std)
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, images: Tensor) -> Tensor:
        return patchify(images, self.patch) @ self.weight.flatten(1).T + self.bias


def sincos_2d(dim: int, grid_h: int, grid_w: int) -> Tensor:
    j = torch.arange(dim // 4, dtype=torch.float64)
    omega = 10000.0 ** (-2 * j / dim)
    r = torch.arange(grid_h, dtype=torch.float64).repeat_interleave(grid_w)
    c = torch.arange(grid_w, dtype=torch.float64).repeat(grid_h)
    by_row, by_column = torch.outer(r, omega), torch.outer(c, omega)
    return torch.cat([by_row.sin(), by_row.cos(), by_column.sin(), by_column.cos()], dim=1)
