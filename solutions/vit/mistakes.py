"""Wrong versions that students write. Each docstring is the advice that such a student reads.

The model has three places to go wrong: the tokens, a block, what is read at the end. A mistake gets one of them wrong.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from vit import ViT, resize_positions, vit_param_count

from grader.testing import replaces


class Parts(ViT):
    """The right model, with more places in which to go wrong."""

    def _check(self, images: Tensor) -> None:
        if images.shape[2:] != (self.image_size, self.image_size):
            raise ValueError("image size")

    def _tokens(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images)
        return torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + self.pos_embed

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return attn.qkv(x).unflatten(-1, (3, attn.heads, -1)).permute(2, 0, 3, 1, 4).unbind()

    def _softmax(self, scores: Tensor) -> Tensor:
        return scores.softmax(-1)

    def _scale(self, D: int, H: int) -> float:
        return math.sqrt(D // H)

    def _merge(self, heads: Tensor) -> Tensor:
        return heads.transpose(1, 2).flatten(2)

    def _attention(self, attn: nn.Module, x: Tensor) -> Tensor:
        q, k, v = self._split(attn, x)
        weights = self._softmax(q @ k.mT / self._scale(x.shape[-1], attn.heads))
        return attn.proj(self._merge(weights @ v))

    def _gelu(self, x: Tensor) -> Tensor:
        return F.gelu(x)

    def _mlp(self, mlp: nn.Module, x: Tensor) -> Tensor:
        return mlp.fc2(self._gelu(mlp.fc1(x)))

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        x = x + self._attention(block.attn, block.norm1(x))
        return x + self._mlp(block.mlp, block.norm2(x))

    def _last(self, x: Tensor) -> Tensor:
        return self.norm(x)

    def features(self, images: Tensor) -> Tensor:
        self._check(images)
        x = self._tokens(images)
        for block in self.blocks:
            x = self._block(block, x)
        return self._last(x)

    def _read(self, x: Tensor) -> Tensor:
        return x[:, 0]

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self._read(self.features(images)))


@replaces("ViT")
class NoClassPosition(Parts):
    """Your class token has no position. Which table row is for it, and how many tokens are there when you add the
    positions?"""

    def _tokens(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images) + self.pos_embed[:, 1:]
        return torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)


@replaces("ViT", read_last=[False, True])
class ClassTokenLast(Parts):
    """Your class token comes after the patches. Which token comes first in the formula of z₀, and whose is row 0 of
    pos_embed?"""

    read_last: bool

    def _tokens(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images)
        return torch.cat([x, self.cls_token.expand(len(x), -1, -1)], dim=1) + self.pos_embed

    def _read(self, x: Tensor) -> Tensor:
        return x[:, -1 if self.read_last else 0]


@replaces("ViT")
class ClassPositionLast(Parts):
    """Your class token has the last row of pos_embed as its position, and each patch the row of the one before. In
    which order do tokens and rows belong together?"""

    def _tokens(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images) + self.pos_embed[:, :-1]
        cls = self.cls_token + self.pos_embed[:, -1:]
        return torch.cat([cls.expand(len(x), -1, -1), x], dim=1)


@replaces("ViT")
class NoPositions(Parts):
    """Your result does not depend on pos_embed. What else could tell attention where a patch was?"""

    def _tokens(self, images: Tensor) -> Tensor:
        return super()._tokens(images) - self.pos_embed


@replaces("ViT")
class GridByColumns(Parts):
    """Your patches go down the image first, so they meet positions of other places. Which patch comes after patch
    0?"""

    def _tokens(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images)
        g = math.isqrt(x.shape[1])
        x = x.unflatten(1, (g, g)).transpose(1, 2).flatten(1, 2)
        return torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + self.pos_embed


@replaces("ViT")
class NormalisedTokens(Parts):
    """A norm runs before the blocks. CLIP's ViT has one of its own there. Where is LN in these formulas?"""

    def _tokens(self, images: Tensor) -> Tensor:
        return self.norm(super()._tokens(images))


@replaces("ViT")
class Causal(Parts):
    """Your tokens see only those in front of them, as in a language model. In which order is an image read?"""

    def _softmax(self, scores: Tensor) -> Tensor:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        return scores.masked_fill(later, float("-inf")).softmax(-1)


@replaces("ViT")
class SoftmaxOverQueries(Parts):
    """Your softmax runs over the queries. Each token distributes its attention over the keys: along which axis are
    those?"""

    def _softmax(self, scores: Tensor) -> Tensor:
        return scores.softmax(-2)


@replaces("ViT", by=["√D", "√H", "K", "1"])
class OtherScale(Parts):
    """Your scores are divided by {by}. How many products are in the dot product of a query and a key of one head?"""

    by: str

    def _scale(self, D: int, H: int) -> float:
        return {"√D": D**0.5, "√H": H**0.5, "K": D / H, "1": 1.0}[self.by]


@replaces("ViT", cut=["(H, 3, K)", "(H, K, 3)", "(K, H, 3)"])
class QkvCutOtherwise(Parts):
    """You cut the 3D numbers of qkv into {cut}. It would train well, but weights of others do not fit. Which rows are
    all of q, and in which order are the axes then?"""

    cut: str

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        names, sizes = self.cut.strip("()").split(", "), {"3": 3, "H": attn.heads, "K": x.shape[-1] // attn.heads}
        parts = attn.qkv(x).unflatten(-1, [sizes[name] for name in names])
        places = [2 + names.index(name) for name in ("3", "H", "K")]
        return parts.permute(places[0], 0, places[1], 1, places[2]).unbind()


@replaces("ViT", merged_so=[False, True])
class HeadsInterleaved(Parts):
    """Your heads take every H-th of their D numbers. Which numbers of q does head 0 own?"""

    merged_so: bool

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return attn.qkv(x).unflatten(-1, (3, -1, attn.heads)).permute(2, 0, 4, 1, 3).unbind()

    def _merge(self, heads: Tensor) -> Tensor:
        return heads.permute(0, 2, 3, 1).flatten(2) if self.merged_so else super()._merge(heads)


@replaces("ViT", where=["split", "merged", "split and merged"])
class HeadsByReshape(Parts):
    """Your heads are {where} by a reshape alone, which keeps the order of the numbers, so pieces of several tokens
    meet in one row. Which two axes have to be swapped?"""

    where: str

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if "split" not in self.where:
            return super()._split(attn, x)
        B, T, D = x.shape
        return [part.reshape(B, attn.heads, T, D // attn.heads) for part in attn.qkv(x).chunk(3, dim=-1)]

    def _merge(self, heads: Tensor) -> Tensor:
        B, H, T, K = heads.shape
        return heads.reshape(B, T, H * K) if "merged" in self.where else super()._merge(heads)


@replaces("ViT", order=["k, q, v", "q, v, k", "v, k, q", "k, v, q", "v, q, k"])
class OtherOrder(Parts):
    """You read the three blocks of rows of qkv as {order}. In which order does the table list them?"""

    order: str

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        read = dict(zip(self.order.split(", "), super()._split(attn, x), strict=True))
        return read["q"], read["k"], read["v"]


@replaces("ViT")
class NoOutputMatrix(Parts):
    """Your result does not depend on attn.proj. What happens to the heads after they are side by side?"""

    def _attention(self, attn: nn.Module, x: Tensor) -> Tensor:
        q, k, v = self._split(attn, x)
        return self._merge(F.scaled_dot_product_attention(q, k, v))


@replaces("ViT", function=["the tanh approximation of GELU", "x · sigmoid(1.702 x)", "a ReLU", "SiLU", "nothing"])
class OtherActivation(Parts):
    """Between fc1 and fc2 you have {function}. Which function is there in the formula, and how is it defined?"""

    function: str

    def _gelu(self, x: Tensor) -> Tensor:
        if "tanh" in self.function:
            return F.gelu(x, approximate="tanh")
        made = {"x · sigmoid(1.702 x)": x * torch.sigmoid(1.702 * x), "a ReLU": x.relu(), "SiLU": F.silu(x)}
        return made.get(self.function, x)


@replaces("ViT")
class PostNorm(Parts):
    """Your norms come after the sums, as in BERT. What is normalized in these formulas: the sum, or what goes into a
    branch?"""

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        x = block.norm1(x + self._attention(block.attn, x))
        return block.norm2(x + self._mlp(block.mlp, x))


@replaces("ViT", norms=["norm1", "norm2", "norm1 and norm2"])
class NormalisedStream(Parts):
    """Your x is replaced by its normalized self ({norms}) before a branch is added to it. What does the formula add a
    branch to?"""

    norms: str

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        y = block.norm1(x)
        x = (y if "norm1" in self.norms else x) + self._attention(block.attn, y)
        y = block.norm2(x)
        return (y if "norm2" in self.norms else x) + self._mlp(block.mlp, y)


@replaces("ViT", norm=["norm1", "norm2"])
class NormLeftOut(Parts):
    """Your result does not depend on {norm}. What goes into each of the two branches?"""

    norm: str

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        x = x + self._attention(block.attn, x if self.norm == "norm1" else block.norm1(x))
        return x + self._mlp(block.mlp, x if self.norm == "norm2" else block.norm2(x))


@replaces("ViT")
class MlpFirst(Parts):
    """Your MLP comes before attention. Which of the two makes z′ in the formulas?"""

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        x = x + self._mlp(block.mlp, block.norm2(x))
        return x + self._attention(block.attn, block.norm1(x))


@replaces("ViT", branches=["attention", "the MLP", "attention and the MLP"])
class BranchReplaces(Parts):
    """The result of {branches} replaces x in your block. What is on the left of the sums in the formulas?"""

    branches: str

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        y = self._attention(block.attn, block.norm1(x))
        x = y if "attention" in self.branches else x + y
        y = self._mlp(block.mlp, block.norm2(x))
        return y if "MLP" in self.branches else x + y


@replaces("ViT")
class Parallel(Parts):
    """Attention and MLP both read the input of the block. What does the MLP read in the formula of z?"""

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        return x + self._attention(block.attn, block.norm1(x)) + self._mlp(block.mlp, block.norm2(x))


@replaces("ViT")
class NormsSwapped(Parts):
    """norm1 and norm2 are swapped. New ones are alike, so it shows only with trained weights. Which of them comes
    before attention?"""

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        x = x + self._attention(block.attn, block.norm2(x))
        return x + self._mlp(block.mlp, block.norm1(x))


@replaces("ViT")
class OneBlock(Parts):
    """Only one block runs, whatever the depth is. What does the next block get as its input?"""

    def features(self, images: Tensor) -> Tensor:
        self._check(images)
        return self._last(self._block(self.blocks[0], self._tokens(images)))


@replaces("ViT")
class SharedBlock(ViT):
    """All your blocks share one set of weights. Does [block] * depth make new blocks, or more references to one?"""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        self.blocks = nn.ModuleList([self.blocks[0]] * depth)


@replaces("ViT")
class NoFinalNorm(Parts):
    """Your features come straight from the last block. What does the formula of y do with z_L?"""

    def _last(self, x: Tensor) -> Tensor:
        return x


@replaces("ViT")
class NormOnlyInForward(Parts):
    """Your features are not normalized, although your logits are right. Which of the two methods is y the result
    of?"""

    def _last(self, x: Tensor) -> Tensor:
        return x

    def _read(self, x: Tensor) -> Tensor:
        return self.norm(x[:, 0])


@replaces("ViT", what=["the mean of all tokens", "the mean of the patches", "the last token", "the first patch"])
class OtherRead(Parts):
    """Your head reads {what}. Some models do that. Which token is there for the head in this one?"""

    what: str

    def _read(self, x: Tensor) -> Tensor:
        if "mean" in self.what:
            return (x if "all" in self.what else x[:, 1:]).mean(1)
        return x[:, -1 if "last" in self.what else 1]


@replaces("ViT")
class EveryToken(Parts):
    """You return logits for every token. How many classes does one image have, and which token does the head read?"""

    def _read(self, x: Tensor) -> Tensor:
        return x


@replaces("ViT")
class ClassTokenOnly(Parts):
    """Your features contain the class token alone. How many tokens should they have?"""

    def features(self, images: Tensor) -> Tensor:
        return super().features(images)[:, 0]

    def _read(self, x: Tensor) -> Tensor:
        return x


@replaces(
    "ViT", eps=[1e-5, 1e-8, 1e-12], where=["all your norms", "the norm after the blocks", "the norms in the blocks"]
)
class OtherEps(ViT):
    """The eps of {where} is {eps}. Which eps does the statement give to LN, and where?"""

    eps: float
    where: str

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        for name, module in self.named_modules():
            last = name == "norm"
            if isinstance(module, nn.LayerNorm) and ("all" in self.where or last == ("after" in self.where)):
                module.eps = self.eps


@replaces("ViT")
class Detached(Parts):
    """Your result is right, but no gradient reaches the rows of q and k in qkv. Which step of attention leaves the
    graph?"""

    def _softmax(self, scores: Tensor) -> Tensor:
        return scores.detach().softmax(-1)


@replaces("ViT")
class FixedPositions(ViT):
    """No gradient reaches pos_embed. Are the positions fixed in this model, or learned?"""

    def features(self, images: Tensor) -> Tensor:
        self.pos_embed.requires_grad_(False)
        return super().features(images)


@replaces("ViT")
class SizeUnchecked(Parts):
    """An image of another size is not refused. If it has as many patches in another shape, which positions do they
    get?"""

    def _check(self, images: Tensor) -> None:
        pass


@replaces("ViT")
class PatchesCounted(Parts):
    """You compare the number of pixels or of patches. An image of 2I × I/2 has as many: which two numbers of an image
    must be I?"""

    def _check(self, images: Tensor) -> None:
        if images.shape[2] * images.shape[3] != self.image_size**2:
            raise ValueError("image size")


class Cropping(Parts):
    """What is left over beside the whole patches is dropped, as a convolution does it."""

    def _tokens(self, images: Tensor) -> Tensor:
        P = self.patch_embed["proj"].patch
        H, W = (size // P * P for size in images.shape[2:])
        return super()._tokens(images[:, :, :H, :W])


@replaces("ViT")
class SizeInWholePatches(Cropping):
    """You compare how many whole patches fit into an image. What happens to the pixels left over if it is a little too
    large?"""

    def _check(self, images: Tensor) -> None:
        P = self.patch_embed["proj"].patch
        if any(size // P != self.image_size // P for size in images.shape[2:]):
            raise ValueError("image size")


@replaces("ViT", side=["height", "width"])
class OneSideChecked(Cropping):
    """You compare the {side} alone. What happens to the pixels left over if the other side is a few pixels too
    long?"""

    side: str

    def _check(self, images: Tensor) -> None:
        if images.shape[2 if self.side == "height" else 3] != self.image_size:
            raise ValueError("image size")


@replaces("ViT")
class NoQkvBias(ViT):
    """Your qkv has no bias. Which parameters does the table list for it?"""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        for block in self.blocks:
            block.attn.qkv.bias = None


@replaces("ViT")
class PatchPositionsOnly(ViT):
    """Your pos_embed has N rows. How many tokens get a position?"""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        self.pos_embed = nn.Parameter(self.pos_embed.detach()[:, 1:])


@replaces("ViT")
class BlocksInAList(ViT):
    """The parameters of your blocks are missing. Where does nn.Module look for its parts?"""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        blocks = list(self.blocks)
        del self.blocks
        object.__setattr__(self, "blocks", blocks)


@replaces("ViT")
class AllZero(ViT):
    """All parameters of a new model are zero, so it gives every image the same features. Which of them must begin
    random?"""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)


def grid_of(pos_embed: Tensor) -> Tensor:
    """(1, D, g, g)."""
    g = math.isqrt(pos_embed.shape[1] - 1)
    return pos_embed[:, 1:].unflatten(1, (g, g)).permute(0, 3, 1, 2)


def with_class(pos_embed: Tensor, picture: Tensor) -> Tensor:
    return torch.cat([pos_embed[:, :1], picture.flatten(2).mT], dim=1)


@replaces("resize_positions")
def class_resized(pos_embed: Tensor, new_grid: int) -> Tensor:
    """You stretched all rows along one line, the class position among them. Which rows of the table form a picture,
    and what is its shape?"""
    grid_of(pos_embed)
    return F.interpolate(pos_embed.mT, size=new_grid**2 + 1, mode="linear", align_corners=False).mT


@replaces("resize_positions")
def corners_aligned(pos_embed: Tensor, new_grid: int) -> Tensor:
    """Your grid is stretched between the centers of its outermost pixels. Which setting of F.interpolate does the
    statement name?"""
    picture = F.interpolate(grid_of(pos_embed), (new_grid, new_grid), mode="bicubic", align_corners=True)
    return with_class(pos_embed, picture)


@replaces("resize_positions", mode=["bilinear", "nearest", "nearest-exact", "area"])
def other_mode(pos_embed: Tensor, new_grid: int, *, mode: str) -> Tensor:
    """Your new positions are those of F.interpolate with the mode {mode}. Which mode does the statement name, and
    which do you get without naming one?"""
    return with_class(pos_embed, F.interpolate(grid_of(pos_embed), (new_grid, new_grid), mode=mode))


@replaces("resize_positions")
def antialiased(pos_embed: Tensor, new_grid: int) -> Tensor:
    """When the new grid is smaller, yours is smoothed first. Which settings of F.interpolate does the statement
    name?"""
    picture = F.interpolate(grid_of(pos_embed), (new_grid, new_grid), mode="bicubic", antialias=True)
    return with_class(pos_embed, picture)


@replaces("resize_positions", when=["before", "after", "before and after"])
def reshaped(pos_embed: Tensor, new_grid: int, *, when: str) -> Tensor:
    """You move the axis D by a reshape {when} the interpolation, which keeps the order of the numbers, so a channel
    holds numbers of several channels. Which operation swaps axes?"""
    picture = grid_of(pos_embed)
    if "before" in when:
        picture = pos_embed[:, 1:].reshape(picture.shape)
    picture = F.interpolate(picture, (new_grid, new_grid), mode="bicubic")
    if "after" not in when:
        return with_class(pos_embed, picture)
    return torch.cat([pos_embed[:, :1], picture.reshape(1, new_grid**2, -1)], dim=1)


@replaces("resize_positions")
def grid_transposed(pos_embed: Tensor, new_grid: int) -> Tensor:
    """Your new grid is transposed. Which axis is the row after the interpolation, and which comes first when you
    flatten?"""
    picture = F.interpolate(grid_of(pos_embed), (new_grid, new_grid), mode="bicubic")
    return with_class(pos_embed, picture.mT)


@replaces("resize_positions")
def class_dropped(pos_embed: Tensor, new_grid: int) -> Tensor:
    """Your new table has n² rows. Which position is missing?"""
    return resize_positions(pos_embed, new_grid)[:, 1:]


@replaces("resize_positions")
def class_at_the_end(pos_embed: Tensor, new_grid: int) -> Tensor:
    """You take the last row for that of the class token. Which row is it, before and after?"""
    return resize_positions(pos_embed.roll(1, dims=1), new_grid).roll(-1, dims=1)


@replaces("resize_positions")
def grid_detached(pos_embed: Tensor, new_grid: int) -> Tensor:
    """Only the class position gets a gradient. Which step of your resizing leaves the graph?"""
    return resize_positions(torch.cat([pos_embed[:, :1], pos_embed.detach()[:, 1:]], dim=1), new_grid)


@replaces("vit_param_count")
def short_by_d(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """Your count is short by D. Does the class token have a position, and the patch map a bias?"""
    return vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes) - dim


@replaces("vit_param_count")
def short_by_2d(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """Your count is short by 2D. Is the class token there with its position, and what comes between the last block and
    the head?"""
    return vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes) - 2 * dim


PARTS = {
    "the biases of the blocks' linear maps": lambda C, P, D, L, F, n: L * (5 * D + F),
    "the biases of qkv in all blocks": lambda C, P, D, L, F, n: L * 3 * D,
    "the biases of the MLPs in all blocks": lambda C, P, D, L, F, n: L * (F + D),
    "both norms of all blocks": lambda C, P, D, L, F, n: L * 4 * D,
    "one norm of each block": lambda C, P, D, L, F, n: L * 2 * D,
    "attn.proj of all blocks": lambda C, P, D, L, F, n: L * (D * D + D),
    "fc2 of all blocks": lambda C, P, D, L, F, n: L * (D * F + D),
    "the patch map": lambda C, P, D, L, F, n: C * P * P * D + D,
    "the head": lambda C, P, D, L, F, n: n * D + n,
    "the bias of the head": lambda C, P, D, L, F, n: n,
}


@replaces(
    "vit_param_count",
    part=[
        "the biases of the blocks' linear maps",
        "the biases of qkv in all blocks",
        "the biases of the MLPs in all blocks",
        "both norms of all blocks",
        "one norm of each block",
        "attn.proj of all blocks",
        "fc2 of all blocks",
        "the patch map",
        "the head",
        "the bias of the head",
    ],
)
def part_missing(image_size, patch, channels, dim, depth, mlp_dim, num_classes, *, part: str) -> int:
    """What your count lacks is as much as {part} would hold. Which rows of the table are in your sum, and which of
    their weights and biases?"""
    lacking = PARTS[part](channels, patch, dim, depth, mlp_dim, num_classes)
    return vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes) - lacking


@replaces("vit_param_count")
def norms_without_bias(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """You count D for each norm. Which parameters does a LayerNorm have, besides its weight?"""
    return vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes) - (2 * depth + 1) * dim


@replaces("vit_param_count")
def mlp_four_times_as_wide(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """Your MLP is 4D wide, as in the published models. Which argument says how wide it is?"""
    return vit_param_count(image_size, patch, channels, dim, depth, 4 * dim, num_classes)


@replaces("vit_param_count")
def side_not_squared(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """You count I/P patches. How many rows of them does an image have?"""
    g = image_size // patch
    return vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes) - (g * g - g) * dim


@replaces("ViT")
class ClassTokenNotExpanded(Parts):
    """You put one class token in front of the patches of a whole batch, which works only for a batch of one. How many
    class tokens do B images need?"""

    def _tokens(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images)
        return torch.cat([self.cls_token, x], dim=1) + self.pos_embed


@replaces("ViT")
class ClassTokenZero(Parts):
    """Your result does not depend on cls_token. Which vector is token 0 before the positions are added?"""

    def _tokens(self, images: Tensor) -> Tensor:
        return super()._tokens(images) - F.pad(self.cls_token, (0, 0, 0, self.pos_embed.shape[1] - 1))


@replaces("resize_positions")
def grid_in_one_line(pos_embed: Tensor, new_grid: int) -> Tensor:
    """You resized the patches as one long row, so the end of one line of the grid mixes with the start of the next.
    How many axes does the grid have?"""
    column = pos_embed[:, 1:].mT[..., None]  # (1, D, g², 1)
    column = F.interpolate(column, (new_grid**2, 1), mode="bicubic", align_corners=False)
    return torch.cat([pos_embed[:, :1], column[..., 0].mT], dim=1)


@replaces("vit_param_count")
def one_block_counted(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """You count one block, whatever the depth is. How many blocks with weights of their own does the model have?"""
    return vit_param_count(image_size, patch, channels, dim, 1, mlp_dim, num_classes)


@replaces("vit_param_count")
def one_channel(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """Your patch map reads one channel. How many numbers does a patch of an image with C channels have?"""
    return vit_param_count(image_size, patch, 1, dim, depth, mlp_dim, num_classes)


@replaces("vit_param_count")
def three_matrices(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """Your MLP has three matrices, as in a gated network. Which matrices does the table list?"""
    count = vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes)
    return count + depth * dim * mlp_dim
