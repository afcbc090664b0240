"""The Vision Transformer: patches, a class token, pre-norm blocks without a mask, a head on token 0."""

import torch
import torch.nn.functional as F
from patch_embedding import PatchEmbed
from torch import Tensor, nn


class _Attention(nn.Module):
    """Every token to every token, in H heads."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        qkv = self.qkv(x).view(B, T, 3, self.heads, D // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, T, K)
        attended = F.scaled_dot_product_attention(q, k, v)  # (B, H, T, K), scale 1/√K, no mask
        return self.proj(attended.transpose(1, 2).reshape(B, T, D))  # (B, T, D)


class _MLP(nn.Module):
    def __init__(self, dim: int, mlp_dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, mlp_dim)
        self.fc2 = nn.Linear(mlp_dim, dim)

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
    """A Vision Transformer with a class token and learned positions.

    image_size: I, the side of an image. patch: P, divides I; N = (I/P)² patches. channels: C. dim: D. depth: number of
    blocks. heads: H, each of width K = D/H. mlp_dim: F. num_classes: rows of the head.
    Parameters: those of the table in the statement, under these names, and no others: cls_token (1, 1, D), pos_embed
        (1, N + 1, D), patch_embed.proj, blocks.i with norm1, attn.qkv (3D, D), attn.proj, norm2, mlp.fc1 and
        mlp.fc2, then norm and head. They begin finite and such that two images get different features.

    With all linear maps set to 0, the class token and its position [1, 2, 3, 8] are normalised, and this head
    reads the first and the last number:

    >>> vit = ViT(image_size=6, patch=3, channels=1, dim=4, depth=1, heads=2, mlp_dim=3, num_classes=2)
    >>> sum(p.numel() for p in vit.parameters())
    209
    >>> state = {name: torch.zeros_like(value) for name, value in vit.state_dict().items()}
    >>> state["cls_token"][0, 0] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    >>> state["pos_embed"][0, 0] = torch.tensor([0.0, 0.0, 0.0, 4.0])
    >>> state["norm.weight"] = torch.ones(4)
    >>> state["head.weight"] = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    >>> _ = vit.load_state_dict(state)
    >>> vit(torch.ones(1, 1, 6, 6)).detach()
    tensor([[-0.9285,  1.6713]])
    """

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
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, N + 1, dim))
        self.patch_embed = nn.ModuleDict({"proj": PatchEmbed(patch, channels, dim)})
        self.blocks = nn.ModuleList(_Block(dim, heads, mlp_dim) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def features(self, images: Tensor) -> Tensor:
        """All tokens after the last norm.

        images: floating point (B, C, I, I), in the dtype of the parameters.
        Returns: (B, N + 1, D), the class token first, then the patches row by row.
            Gradients flow to images and to all parameters but those of the head.
        Raises: ValueError, or torch's RuntimeError, unless the images are I x I.
        """
        if images.shape[2:] != (self.image_size, self.image_size):
            raise ValueError(f"images must be {self.image_size} x {self.image_size}, not {tuple(images.shape[2:])}")
        x = self.patch_embed["proj"](images)  # (B, N, D)
        cls = self.cls_token.expand(len(x), -1, -1)  # (B, 1, D)
        x = torch.cat([cls, x], dim=1) + self.pos_embed  # (B, N + 1, D)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, images: Tensor) -> Tensor:
        """The logits of each class.

        images: as for features.
        Returns: (B, num_classes): the head of token 0 of features. Gradients flow to images and to all parameters.
        Raises: ValueError, or torch's RuntimeError, unless the images are I x I.
        """
        return self.head(self.features(images)[:, 0])


def resize_positions(pos_embed: Tensor, new_grid: int) -> Tensor:
    """The table of positions for a grid of another size.

    pos_embed: floating point (1, g² + 1, D), g >= 1: the position of the class token, then those of a g x g grid, row
        by row.
    new_grid: n >= 1, the side of the new grid.
    Returns: (1, n² + 1, D) in the dtype of pos_embed: row 0 as it was, and the grid resized to n x n by bicubic
        interpolation, that of F.interpolate with align_corners=False and antialias=False. Gradients flow.

    >>> pos_embed = torch.tensor([9.0, 0, 1, 2, 3, 4, 5, 6, 7, 8]).view(1, 10, 1)  # class token and a 3 x 3 grid
    >>> resize_positions(pos_embed, 2)[0, :, 0]
    tensor([9.0000, 0.7656, 2.3828, 5.6172, 7.2344])
    """
    cls, grid = pos_embed[:, :1], pos_embed[:, 1:]  # (1, 1, D), (1, g², D)
    g = round(grid.shape[1] ** 0.5)
    picture = grid.unflatten(1, (g, g)).permute(0, 3, 1, 2)  # (1, D, g, g)
    picture = F.interpolate(picture, size=(new_grid, new_grid), mode="bicubic", align_corners=False)
    return torch.cat([cls, picture.flatten(2).mT], dim=1)  # (1, n² + 1, D)


def vit_param_count(
    image_size: int, patch: int, channels: int, dim: int, depth: int, mlp_dim: int, num_classes: int
) -> int:
    """How many numbers a ViT has.

    Arguments: as for ViT; patch divides image_size.
    Returns: the number of its parameters, an int.

    >>> vit_param_count(224, patch=16, channels=3, dim=768, depth=12, mlp_dim=3072, num_classes=1000)
    86567656
    """
    D, N = dim, (image_size // patch) ** 2
    patches = channels * patch**2 * D + D
    positions = D + (N + 1) * D  # the class token and a row for every token
    attention = 3 * D * D + 3 * D + D * D + D
    mlp = D * mlp_dim + mlp_dim + mlp_dim * D + D
    norm = 2 * D
    block = attention + mlp + 2 * norm
    return patches + positions + depth * block + norm + D * num_classes + num_classes
