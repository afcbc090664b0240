# TRUE CAUSE: applies the norms behind the sums (post-norm, as in BERT): LN(z + Attn(z)) with norm1 and LN(z + MLP(z)) with
# norm2, then the last norm. ViT is pre-norm: z + Attn(LN(z)), and the sum is not normalised.
import torch
import torch.nn.functional as F
from patch_embedding import PatchEmbed
from torch import nn


class ViT(nn.Module):
    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes):
        super().__init__()
        self.side, self.n_heads = image_size, heads
        self.patch_embed = nn.ModuleDict({"proj": PatchEmbed(patch, channels, dim)})
        n_patches = (image_size // patch) * (image_size // patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim).normal_(std=0.02))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + n_patches, dim).normal_(std=0.02))
        blocks = []
        for _ in range(depth):
            block = nn.Module()
            block.norm1 = nn.LayerNorm(dim, 1e-6)
            block.norm2 = nn.LayerNorm(dim, 1e-6)
            block.attn = nn.ModuleDict({"qkv": nn.Linear(dim, 3 * dim), "proj": nn.Linear(dim, dim)})
            block.mlp = nn.ModuleDict({"fc1": nn.Linear(dim, mlp_dim), "fc2": nn.Linear(mlp_dim, dim)})
            blocks.append(block)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(dim, 1e-6)
        self.head = nn.Linear(dim, num_classes)

    def attend(self, attn, tokens):
        q, k, v = attn["qkv"](tokens).chunk(3, dim=-1)
        q, k, v = (t.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for t in (q, k, v))
        weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
        return attn["proj"]((weights @ v).transpose(1, 2).flatten(-2))

    def features(self, images):
        if images.shape[2] != self.side or images.shape[3] != self.side:
            raise ValueError(f"expected {self.side} x {self.side}")
        patches = self.patch_embed["proj"](images)
        z = torch.cat([self.cls_token.repeat(len(images), 1, 1), patches], 1)
        z = z + self.pos_embed
        for block in self.blocks:
            z = block.norm1(z + self.attend(block.attn, z))
            z = block.norm2(z + block.mlp["fc2"](F.gelu(block.mlp["fc1"](z))))
        return self.norm(z)

    def forward(self, images):
        return self.head(self.features(images)[:, 0, :])


def resize_positions(pos_embed, new_grid):
    first = pos_embed[:, 0:1]
    old_grid = int((pos_embed.size(1) - 1) ** 0.5 + 0.5)
    if old_grid == new_grid:
        return pos_embed.clone()
    maps = pos_embed[:, 1:].mT.unflatten(-1, (old_grid, old_grid))
    maps = F.interpolate(maps, (new_grid, new_grid), mode="bicubic", align_corners=False, antialias=False)
    return torch.cat((first, maps.flatten(2).mT), 1)


def vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    n = image_size // patch
    total = dim + (n * n + 1) * dim
    total += (channels * patch * patch + 1) * dim
    for _ in range(depth):
        total += 4 * dim
        total += 4 * dim * (dim + 1)
        total += (dim + 1) * mlp_dim + (mlp_dim + 1) * dim
    total += 2 * dim
    return total + (dim + 1) * num_classes
