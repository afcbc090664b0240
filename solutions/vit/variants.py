"""Right solutions in other styles. None of them may lose a point."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.testing import replaces


class Holder(nn.Module):
    """Parts under their names, and nothing else."""

    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


def norm(dim):
    return nn.LayerNorm(dim, 1e-6)


class Bare(nn.Module):
    """Parameters in holders that compute nothing, and a convolution."""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes):
        super().__init__()
        if image_size % patch != 0 or dim % heads != 0:
            raise ValueError("sizes")
        self.I, self.H, self.K = image_size, heads, dim // heads
        self.head, self.norm = nn.Linear(dim, num_classes), norm(dim)
        self.patch_embed = Holder(proj=nn.Conv2d(channels, dim, patch, patch))
        self.blocks = nn.Sequential(
            *(
                Holder(
                    attn=Holder(qkv=nn.Linear(dim, 3 * dim), proj=nn.Linear(dim, dim)),
                    mlp=Holder(fc1=nn.Linear(dim, mlp_dim), fc2=nn.Linear(mlp_dim, dim)),
                    norm1=norm(dim),
                    norm2=norm(dim),
                )
                for _ in range(depth)
            )
        )
        self.pos_embed = nn.Parameter(torch.zeros(1, (image_size // patch) ** 2 + 1, dim))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)

    def attend(self, attn, x):
        """Head by head, with slices of the rows."""
        D, heads = self.H * self.K, []
        for h in range(self.H):
            q, k, v = (
                F.linear(x, attn.qkv.weight[rows], attn.qkv.bias[rows])
                for rows in (slice(part * D + h * self.K, part * D + (h + 1) * self.K) for part in range(3))
            )
            heads.append(torch.softmax(q @ k.transpose(-1, -2) / self.K**0.5, dim=-1) @ v)
        return attn.proj(torch.cat(heads, dim=-1))

    def embed(self, images):
        x = self.patch_embed.proj(images).flatten(2).transpose(1, 2)
        return torch.cat([self.cls_token.repeat(x.size(0), 1, 1), x], 1) + self.pos_embed

    def features(self, images):
        if tuple(images.shape[-2:]) != (self.I, self.I):
            raise ValueError("image size")
        x = self.embed(images)
        for block in self.blocks:
            x = x + self.attend(block.attn, block.norm1(x))
            x = x + block.mlp.fc2(F.gelu(block.mlp.fc1(block.norm2(x))))
        return self.norm(x)

    def forward(self, images):
        return self.head(self.features(images)[:, 0])


@replaces("ViT")
class HeadByHead(Bare):
    """a loop over heads; a convolution; holders"""


@replaces("ViT")
class Einsum(Bare):
    """einsum over named axes; positions added in two parts"""

    def embed(self, images):
        B = images.shape[0]
        weight, bias = self.patch_embed.proj.weight, self.patch_embed.proj.bias
        P = weight.shape[-1]
        blocks = images.unflatten(3, (-1, P)).unflatten(2, (-1, P))
        x = torch.einsum("bcrpsq,dcpq->brsd", blocks, weight).reshape(B, -1, len(bias)) + bias + self.pos_embed[:, 1:]
        cls = self.cls_token[0, 0] + self.pos_embed[0, 0]
        return torch.cat((cls.expand(B, 1, -1), x), dim=1)

    def attend(self, attn, x):
        weight = attn.qkv.weight.view(3, self.H, self.K, -1)
        q, k, v = torch.einsum("btd,ihkd->ibhtk", x, weight) + attn.qkv.bias.view(3, 1, self.H, 1, self.K)
        weights = torch.einsum("bhtk,bhsk->bhts", q, k).div(math.sqrt(self.K)).softmax(-1)
        merged = torch.einsum("bhts,bhsk->bthk", weights, v)
        return torch.einsum("bthk,dhk->btd", merged, attn.proj.weight.view(-1, self.H, self.K)) + attn.proj.bias


@replaces("ViT")
class TorchsAttention(Bare):
    """F.multi_head_attention_forward, image by image; norms and GELU by hand"""

    def attend(self, attn, x):
        x = x.transpose(0, 1)
        y, _ = F.multi_head_attention_forward(
            x, x, x, self.H * self.K, self.H, attn.qkv.weight, attn.qkv.bias, None, None, False, 0.0,
            attn.proj.weight, attn.proj.bias, need_weights=False,
        )  # fmt: skip
        return y.transpose(0, 1)

    def features(self, images):
        if images.shape[2] != self.I or images.shape[3] != self.I:
            raise ValueError("image size")

        def normalise(layer, x):
            var, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
            return (x - mean) * torch.rsqrt(var + 1e-6) * layer.weight + layer.bias

        results = []
        for image in images.split(1):
            x = self.embed(image)
            for block in self.blocks.children():
                x = x + self.attend(block.attn, normalise(block.norm1, x))
                h = block.mlp.fc1(normalise(block.norm2, x))
                x = x + block.mlp.fc2(h * torch.special.ndtr(h))
            results.append(normalise(self.norm, x))
        return torch.cat(results)


class OwnMLP(nn.Sequential):
    """Not an entry: fc1, gelu, fc2 by their names."""

    def __init__(self, dim, hidden):
        super().__init__()
        self.add_module("fc1", nn.Linear(dim, hidden))
        self.add_module("act", nn.GELU())
        self.add_module("fc2", nn.Linear(hidden, dim))


class OwnAttention(nn.Module):
    """Not an entry: what timm writes."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.qkv, self.proj = nn.Linear(dim, dim * 3), nn.Linear(dim, dim)
        self.drop = nn.Identity()

    def forward(self, x):
        B, T, D = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        q, k, v = (part.reshape(B, T, self.heads, -1).permute(0, 2, 1, 3) for part in (q, k, v))
        weights = ((q * self.scale) @ k.mT).softmax(dim=-1)
        return self.drop(self.proj((weights @ v).transpose(1, 2).reshape(B, T, D)))


class OwnBlock(nn.Module):
    """Not an entry."""

    def __init__(self, dim, heads, hidden):
        super().__init__()
        self.norm1, self.norm2 = norm(dim), norm(dim)
        self.attn, self.mlp = OwnAttention(dim, heads), OwnMLP(dim, hidden)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Embedding(nn.Module):
    """Not an entry."""

    def __init__(self, patch, channels, dim):
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, kernel_size=(patch, patch), stride=(patch, patch))

    def forward(self, images):
        return self.proj(images).flatten(start_dim=2).permute(0, 2, 1)


@replaces("ViT")
class AsTimm(nn.Module):
    """the structure of the timm library; the class token reads a head of zeros at first"""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes):
        super().__init__()
        if image_size % patch:
            raise ValueError("patch")
        if dim % heads:
            raise ValueError("heads")
        self.img_size = image_size
        self.patch_embed = Embedding(patch, channels, dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.randn(1, (image_size // patch) ** 2 + 1, dim) * 0.02)
        self.blocks = nn.Sequential(*[OwnBlock(dim, heads, mlp_dim) for _ in range(depth)])
        self.norm = norm(dim)
        self.head = nn.Linear(dim, num_classes)
        nn.init.zeros_(self.head.weight)

    def features(self, images):
        B, _, height, width = images.shape
        if not height == width == self.img_size:
            raise ValueError("image size")
        x = torch.cat((self.cls_token.expand(B, -1, -1), self.patch_embed(images)), dim=1)
        return self.norm(self.blocks(x + self.pos_embed))

    def forward(self, images):
        x = self.features(images)
        return self.head(x[:, 0, :])


def table(rows: int) -> int:
    g = math.isqrt(rows - 1)
    if g * g != rows - 1:
        raise ValueError("rows")
    return g


@replaces("resize_positions")
def as_hugging_face(pos_embed: Tensor, new_grid: int) -> Tensor:
    """reshape, permute, interpolate, permute, view"""
    g, D = table(pos_embed.shape[1]), pos_embed.shape[-1]
    cls, grid = pos_embed.split([1, g * g], dim=1)
    grid = grid.reshape(1, g, g, D).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, size=new_grid, mode="bicubic", align_corners=False)
    return torch.cat((cls, grid.permute(0, 2, 3, 1).reshape(1, -1, D)), dim=1)


def cubic_weights(g: int, n: int) -> np.ndarray:
    """(n, g) of torch's bicubic, a = -3/4, in NumPy."""
    place = (np.arange(n) + 0.5) * g / n - 0.5
    first = np.floor(place).astype(int)
    weights = np.zeros((n, g))
    for offset in (-1, 0, 1, 2):
        t = np.abs(place - first - offset)
        near, far = 1.25 * t**3 - 2.25 * t**2 + 1, -0.75 * t**3 + 3.75 * t**2 - 6 * t + 3
        np.add.at(weights, (np.arange(n), np.clip(first + offset, 0, g - 1)), np.where(t <= 1, near, far))
    return weights


@replaces("resize_positions")
def two_matrices(pos_embed: Tensor, new_grid: int) -> Tensor:
    """the interpolation as a matrix for rows and one for columns"""
    g = table(pos_embed.shape[1])
    W = torch.from_numpy(cubic_weights(g, new_grid)).to(pos_embed.dtype)
    grid = torch.tensordot(W, pos_embed[0, 1:].view(g, g, -1), dims=1)  # (n, g, D)
    grid = torch.einsum("xc,ycd->yxd", W, grid).flatten(0, 1)
    return torch.vstack([pos_embed[0, :1], grid]).unsqueeze(0)


@replaces("resize_positions")
def channel_by_channel(pos_embed: Tensor, new_grid: int) -> Tensor:
    """nn.Upsample, one channel at a time; a result that is not contiguous"""
    g = table(pos_embed.shape[1])
    resize = nn.Upsample(size=(new_grid, new_grid), mode="bicubic")
    columns = []
    for d in range(pos_embed.shape[2]):
        column = pos_embed[0, :, d]
        columns.append(torch.cat([column[:1], resize(column[1:].view(1, 1, g, g)).flatten()]))
    return torch.stack(columns).T[None]


@replaces("vit_param_count")
def block_formula(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    """4 D² + 2 D F and the rest"""
    N = image_size // patch * (image_size // patch)
    block = 4 * dim**2 + 2 * dim * mlp_dim + 9 * dim + mlp_dim
    return depth * block + dim * (channels * patch * patch + N + 5 + num_classes) + num_classes


@replaces("vit_param_count")
def on_meta(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    """counts the parameters of a model without memory"""
    with torch.device("meta"):
        parts = [nn.Conv2d(channels, dim, patch), nn.Embedding((image_size // patch) ** 2 + 2, dim), nn.LayerNorm(dim)]
        parts += [nn.TransformerEncoderLayer(dim, 1, mlp_dim) for _ in range(depth)] + [nn.Linear(dim, num_classes)]
    return sum(p.numel() for part in parts for p in part.parameters())


@replaces("vit_param_count")
def shape_by_shape(image_size, patch, channels, dim, depth, mlp_dim, num_classes):
    """the table of the statement, NumPy's product of each shape"""
    shapes = [(dim,), ((image_size // patch) ** 2 + 1, dim), (dim, channels, patch, patch), (dim,), (dim,), (dim,)]
    for _ in range(depth):
        shapes += [(3 * dim, dim), (3 * dim,), (dim, dim), (dim,), (mlp_dim, dim), (mlp_dim,), (dim, mlp_dim)]
        shapes += [(dim,)] * 5
    return sum(int(np.prod(shape)) for shape in [*shapes, (num_classes, dim), (num_classes,)])
