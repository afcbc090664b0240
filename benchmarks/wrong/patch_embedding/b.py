# TRUE CAUSE: sincos_2d uses the frequencies of the one-dimensional table, 10000^(-2j/dim). Here each of the four
# parts has q = dim/4 frequencies, ω_j = 10000^(-j/q), which is 10000^(-4j/dim).
import torch
from torch import Tensor, nn


def patchify(images: Tensor, patch: int) -> Tensor:
    B, C, H, W = images.shape
    if H % patch or W % patch:
        raise ValueError(f"patches of {patch} do not fit into {H} x {W}")
    rows, columns = H // patch, W // patch
    cut = images.reshape(B, C, rows, patch, columns, patch)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(B, rows * columns, C * patch * patch)


def unpatchify(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    B = patches.shape[0]
    rows, columns = height // patch, width // patch
    grid = patches.reshape(B, rows, columns, -1, patch, patch)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(B, -1, height, width)


class PatchEmbed(nn.Module):
    def __init__(self, patch: int, channels: int, dim: int) -> None:
        super().__init__()
        self.patch = patch
        self.weight = nn.Parameter(0.02 * torch.randn(dim, channels, patch, patch))
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
