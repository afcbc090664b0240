# TRUE CAUSE: takes the first coordinate of a position for x, the column: in sincos_2d the first two parts have sine and cosine
# of the COLUMN and the last two those of the row (as in MAE's code). The other functions are right.
import torch
import torch.nn.functional as F
from torch import nn


def patchify(images, patch):
    if images.size(2) % patch != 0 or images.size(3) % patch != 0:
        raise ValueError("image size must be a multiple of the patch size")
    return F.unfold(images, kernel_size=patch, stride=patch).transpose(1, 2)


def unpatchify(patches, patch, height, width):
    return F.fold(patches.transpose(1, 2), (height, width), kernel_size=patch, stride=patch)


class PatchEmbed(nn.Module):
    def __init__(self, patch, channels, dim):
        super().__init__()
        self.p = patch
        self.weight = nn.Parameter(0.02 * torch.randn(dim, channels, patch, patch))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, images):
        if images.size(2) % self.p or images.size(3) % self.p:
            raise ValueError("image size must be a multiple of the patch size")
        out = F.conv2d(images, self.weight, self.bias, stride=self.p)
        return out.flatten(2).transpose(1, 2)


def sincos_2d(dim, grid_h, grid_w):
    quarter = dim // 4
    freq = 1.0 / 10000 ** (torch.arange(quarter).double() / quarter)
    y, x = torch.meshgrid(torch.arange(grid_h).double(), torch.arange(grid_w).double(), indexing="ij")
    parts = []
    for coordinate in (x.flatten(), y.flatten()):
        angle = torch.outer(coordinate, freq)
        parts += [angle.sin(), angle.cos()]
    return torch.cat(parts, dim=1)
