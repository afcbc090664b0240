# TRUE CAUSE: resize_positions reshapes the (g², D) grid to (D, g, g) directly instead of permuting the channels
# to the front, so numbers of different channels and places are mixed.
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Patches(nn.Module):
    def __init__(self, patch: int, channels: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, kernel_size=patch, stride=patch)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(images).flatten(2).transpose(1, 2)


class _Attention(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = self.qkv(x).reshape(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(B, T, D))


class _MLP(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class _Block(nn.Module):
    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = _Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = _MLP(dim, mlp_dim)

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
        N = (image_size // patch) ** 2
        self.patch_embed = _Patches(patch, channels, dim)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.pos_embed = nn.Parameter(torch.randn(1, N + 1, dim) * 0.02)
        self.blocks = nn.ModuleList(_Block(dim, heads, mlp_dim) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, num_classes)

    def features(self, images: Tensor) -> Tensor:
        if images.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError("images of another size")
        x = self.patch_embed(images)
        cls = self.cls_token.expand(x.shape[0], -1, -1)
        x = torch.cat([cls, x], dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images)[:, 0])


def resize_positions(pos_embed: Tensor, new_grid: int) -> Tensor:
    cls, grid = pos_embed[:, :1], pos_embed[:, 1:]
    g = round(grid.shape[1] ** 0.5)
    if g == new_grid:
        return pos_embed
    D = pos_embed.shape[-1]
    picture = grid.reshape(1, D, g, g)
    picture = F.interpolate(picture, size=(new_grid, new_grid), mode="bicubic", align_corners=False)
    return torch.cat([cls, picture.permute(0, 2, 3, 1).reshape(1, new_grid**2, D)], dim=1)


def vit_param_count(
    image_size: int, patch: int, channels: int, dim: int, depth: int, mlp_dim: int, num_classes: int
) -> int:
    N = (image_size // patch) ** 2
    embed = dim * channels * patch**2 + dim + dim + (N + 1) * dim
    attention = 3 * dim * dim + 3 * dim + dim * dim + dim
    mlp = mlp_dim * dim + mlp_dim + dim * mlp_dim + dim
    block = 2 * 2 * dim + attention + mlp
    return embed + depth * block + 2 * dim + num_classes * dim + num_classes
