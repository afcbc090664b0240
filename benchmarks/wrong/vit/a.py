# TRUE CAUSE: resize_positions reshapes the rows (g², D) to (D, g, g) and back without moving the axis of D, which
# mixes places and channels for D > 1; it has to be permuted before and after the interpolation.
import torch
import torch.nn.functional as F
from patch_embedding import PatchEmbed
from torch import Tensor, nn

EPS = 1e-6


class Attention(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=EPS)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=EPS)
        self.mlp = Mlp(dim, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchLayer(nn.Module):
    def __init__(self, patch: int, channels: int, dim: int) -> None:
        super().__init__()
        self.proj = PatchEmbed(patch, channels, dim)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(images)


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
        n = (image_size // patch) ** 2
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, n + 1, dim))
        self.patch_embed = PatchLayer(patch, channels, dim)
        self.blocks = nn.ModuleList(Block(dim, heads, mlp_dim) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=EPS)
        self.head = nn.Linear(dim, num_classes)

    def features(self, images: Tensor) -> Tensor:
        if tuple(images.shape[-2:]) != (self.image_size, self.image_size):
            raise ValueError(f"images must be {self.image_size} x {self.image_size}")
        patches = self.patch_embed(images)
        tokens = torch.cat([self.cls_token.expand(len(images), -1, -1), patches], dim=1) + self.pos_embed
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images)[:, 0])


def resize_positions(pos_embed: Tensor, new_grid: int) -> Tensor:
    first, grid = pos_embed[:, :1], pos_embed[:, 1:]
    g, D = round(grid.shape[1] ** 0.5), grid.shape[2]
    picture = grid.reshape(1, D, g, g)
    picture = F.interpolate(picture, size=(new_grid, new_grid), mode="bicubic", align_corners=False)
    return torch.cat([first, picture.reshape(1, new_grid * new_grid, D)], dim=1)


def vit_param_count(
    image_size: int, patch: int, channels: int, dim: int, depth: int, mlp_dim: int, num_classes: int
) -> int:
    n = (image_size // patch) ** 2
    tokens = dim + (n + 1) * dim + channels * patch**2 * dim + dim
    attention = 3 * dim * dim + 3 * dim + dim * dim + dim
    mlp = 2 * dim * mlp_dim + mlp_dim + dim
    block = attention + mlp + 4 * dim
    return tokens + depth * block + 2 * dim + dim * num_classes + num_classes
