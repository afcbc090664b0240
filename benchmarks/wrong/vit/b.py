# TRUE CAUSE: The scores are divided by √D, the width of the model. Each head compares vectors of width K = D / H, so
# the scale is 1/√K.
"""The Vision Transformer."""

import torch
import torch.nn.functional as F
from patch_embedding import PatchEmbed
from torch import Tensor, nn


class _Patches(nn.Module):
    def __init__(self, patch: int, channels: int, dim: int) -> None:
        super().__init__()
        self.proj = PatchEmbed(patch, channels, dim)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(images)


class _Attention(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, dim**-0.5
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = self.qkv(x).reshape(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        weights = (self.scale * q @ k.transpose(-1, -2)).softmax(dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(B, T, D))


class _MLP(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class _Block(nn.Module):
    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = _Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = _MLP(dim, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    def __init__(
        self,
        image_size: int,
        patch: int,
        channels: int,
        dim: int,
        depth: int,
        heads: int,
        mlp_dim: int,
        num_classes: int,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.patch_embed = _Patches(patch, channels, dim)
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, (image_size // patch) ** 2 + 1, dim))
        self.blocks = nn.ModuleList([_Block(dim, heads, mlp_dim) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, num_classes)

    def features(self, images: Tensor) -> Tensor:
        if tuple(images.shape[2:]) != (self.image_size, self.image_size):
            raise ValueError(f"images have to be {self.image_size} x {self.image_size}")
        cls = self.cls_token.expand(len(images), -1, -1)
        x = torch.cat([cls, self.patch_embed(images)], dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images)[:, 0])


def resize_positions(pos_embed: Tensor, new_grid: int) -> Tensor:
    D = pos_embed.shape[-1]
    grid = round((pos_embed.shape[1] - 1) ** 0.5)
    if grid == new_grid:
        return pos_embed
    picture = pos_embed[:, 1:].reshape(1, grid, grid, D).permute(0, 3, 1, 2)
    picture = F.interpolate(picture, size=(new_grid, new_grid), mode="bicubic", align_corners=False, antialias=False)
    return torch.cat([pos_embed[:, :1], picture.flatten(2).transpose(1, 2)], dim=1)


def vit_param_count(
    image_size: int, patch: int, channels: int, dim: int, depth: int, mlp_dim: int, num_classes: int
) -> int:
    tokens = (image_size // patch) ** 2 + 1
    attention = (3 * dim * dim + 3 * dim) + (dim * dim + dim)
    mlp = (dim * mlp_dim + mlp_dim) + (mlp_dim * dim + dim)
    block = 2 * (2 * dim) + attention + mlp
    patches = channels * patch * patch * dim + dim
    return dim + tokens * dim + patches + depth * block + 2 * dim + (dim + 1) * num_classes
