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
    """Positions were added to the patches only, before the class token came: it has none. pos_embed has N + 1
    rows. Whose is row 0?"""

    def _tokens(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images) + self.pos_embed[:, 1:]
        return torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)


@replaces("ViT")
class ClassTokenLast(Parts):
    """The class token stands behind the patches, and token 0, which the head reads, is a patch. It comes
    first."""

    def _tokens(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images)
        return torch.cat([x, self.cls_token.expand(len(x), -1, -1)], dim=1) + self.pos_embed


@replaces("ViT")
class ClassTokenLastThroughout(Parts):
    """Your class token stands behind the patches: it has the last row of pos_embed, and the head reads the last token.
    It attends just as well from there, and no checkpoint fits. Which token comes first, and whose is row 0?"""

    def _tokens(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images)
        return torch.cat([x, self.cls_token.expand(len(x), -1, -1)], dim=1) + self.pos_embed

    def _read(self, x: Tensor) -> Tensor:
        return x[:, -1]


@replaces("ViT")
class ClassPositionLast(Parts):
    """Your class token has the last row of pos_embed as its position, and every patch the row of its predecessor.
    Add the table to all tokens in the order in which they stand."""

    def _tokens(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images) + self.pos_embed[:, :-1]
        cls = self.cls_token + self.pos_embed[:, -1:]
        return torch.cat([cls.expand(len(x), -1, -1), x], dim=1)


@replaces("ViT")
class NoPositions(Parts):
    """pos_embed has no effect. Attention does not know where a patch was: who tells it?"""

    def _tokens(self, images: Tensor) -> Tensor:
        return super()._tokens(images) - self.pos_embed


@replaces("ViT")
class GridByColumns(Parts):
    """Your patches go down the image first: each meets the position of the one on the other side of the
    diagonal."""

    def _tokens(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images)
        g = math.isqrt(x.shape[1])
        x = x.unflatten(1, (g, g)).transpose(1, 2).flatten(1, 2)
        return torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + self.pos_embed


@replaces("ViT")
class NormalisedTokens(Parts):
    """The last norm runs before the blocks too. CLIP's ViT has a norm there, and it is one of its own; this one
    has none."""

    def _tokens(self, images: Tensor) -> Tensor:
        return self.norm(super()._tokens(images))


@replaces("ViT")
class Causal(Parts):
    """A causal mask is left in: the first patch does not see the last one, and the class token sees only itself.
    An image is not read from left to right."""

    def _softmax(self, scores: Tensor) -> Tensor:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        return scores.masked_fill(later, float("-inf")).softmax(-1)


@replaces("ViT")
class SoftmaxOverQueries(Parts):
    """Your softmax runs over the queries. Every token distributes its attention over the keys: on which axis do
    those lie?"""

    def _softmax(self, scores: Tensor) -> Tensor:
        return scores.softmax(-2)


@replaces("ViT")
class ScaleByD(Parts):
    """The scores are divided by √D. A dot product runs over the width of one head."""

    def _scale(self, D: int, H: int) -> float:
        return math.sqrt(D)


@replaces("ViT")
class NoScale(Parts):
    """Your scores are not divided by anything, so they grow with the width K of a head. By what are they divided in the
    formula?"""

    def _scale(self, D: int, H: int) -> float:
        return 1.0


@replaces("ViT")
class QkvPerHead(Parts):
    """You cut the 3D numbers into (H, 3, K): first everything of head 0. It trains well, and with the weights of
    others it is noise: their rows are all queries, then all keys, then all values."""

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return attn.qkv(x).unflatten(-1, (attn.heads, 3, -1)).permute(3, 0, 2, 1, 4).unbind()


@replaces("ViT")
class QkvInterleaved(Parts):
    """You cut the 3D numbers into (H, K, 3), so q, k and v take every third of them. Their rows lie in three
    blocks."""

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return attn.qkv(x).unflatten(-1, (attn.heads, -1, 3)).permute(4, 0, 2, 1, 3).unbind()


@replaces("ViT")
class HeadsInterleaved(Parts):
    """Your heads take every H-th number. Head h owns K neighbouring ones."""

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return attn.qkv(x).unflatten(-1, (3, -1, attn.heads)).permute(2, 0, 4, 1, 3).unbind()

    def _merge(self, heads: Tensor) -> Tensor:
        return heads.permute(0, 2, 3, 1).flatten(2)


@replaces("ViT")
class HeadsInterleavedOnTheWayIn(Parts):
    """Your heads take every H-th of their D numbers, and are put side by side again at the end. Which numbers of q does
    head 0 own?"""

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return attn.qkv(x).unflatten(-1, (3, -1, attn.heads)).permute(2, 0, 4, 1, 3).unbind()


@replaces("ViT")
class SplitByReshape(Parts):
    """The heads were merged rightly and split by a reshape alone, which puts pieces of several tokens into one head.
    Which axis has to be cut first, and which two then change places?"""

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        B, T, D = x.shape
        return [part.reshape(B, attn.heads, T, D // attn.heads) for part in attn.qkv(x).chunk(3, dim=-1)]


@replaces("ViT")
class KeysFirst(Parts):
    """Keys and queries have changed places: the first D rows of qkv are the queries."""

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        k, q, v = super()._split(attn, x)
        return q, k, v


@replaces("ViT")
class HeadsByReshape(Parts):
    """You reshaped (B, T, D) to (B, H, T, K). That moves nothing, and a head holds pieces of several tokens: cut
    D first, then let two axes change places."""

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        B, T, D = x.shape
        return [part.reshape(B, attn.heads, T, D // attn.heads) for part in attn.qkv(x).chunk(3, dim=-1)]

    def _merge(self, heads: Tensor) -> Tensor:
        B, H, T, K = heads.shape
        return heads.reshape(B, T, H * K)


@replaces("ViT")
class MergedByReshape(Parts):
    """The heads were split rightly and merged by a reshape alone, which puts several tokens into one row. Which
    two axes must change places first?"""

    def _merge(self, heads: Tensor) -> Tensor:
        B, H, T, K = heads.shape
        return heads.reshape(B, T, H * K)


@replaces("ViT")
class NoOutputMatrix(Parts):
    """attn.proj has no effect: the heads were put side by side and never mixed."""

    def _attention(self, attn: nn.Module, x: Tensor) -> Tensor:
        q, k, v = self._split(attn, x)
        return self._merge(F.scaled_dot_product_attention(q, k, v))


@replaces("ViT")
class TanhGelu(Parts):
    """This is the tanh approximation of GELU, which is GPT-2's. ViT was trained with the exact one."""

    def _gelu(self, x: Tensor) -> Tensor:
        return F.gelu(x, approximate="tanh")


@replaces("ViT")
class QuickGelu(Parts):
    """x sigmoid(1.702 x) is the GELU of OpenAI's CLIP. ViT has the exact one."""

    def _gelu(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


@replaces("ViT")
class ReluMlp(Parts):
    """Your MLP has a ReLU between its matrices. ViT has GELU."""

    def _gelu(self, x: Tensor) -> Tensor:
        return x.relu()


@replaces("ViT")
class NoActivation(Parts):
    """Between fc1 and fc2 nothing happens, and two linear maps in a row are one."""

    def _gelu(self, x: Tensor) -> Tensor:
        return x


@replaces("ViT")
class PostNorm(Parts):
    """Your norms stand behind the sums, as in BERT. ViT normalises what goes into each branch and leaves the sum
    as it is."""

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        x = block.norm1(x + self._attention(block.attn, x))
        return block.norm2(x + self._mlp(block.mlp, x))


@replaces("ViT")
class NormalisedStream(Parts):
    """You overwrote x by its normalised self and added the branch to that. The sum begins at x as it came in:
    only the branch sees the norm."""

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        x = block.norm1(x)
        x = block.norm2(x + self._attention(block.attn, x))
        return x + self._mlp(block.mlp, x)


@replaces("ViT")
class NormalisedOnce(Parts):
    """You overwrote x by norm1(x) and added the attention to that; the second branch is right. The sum begins at
    x as it came in."""

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        x = block.norm1(x)
        x = x + self._attention(block.attn, x)
        return x + self._mlp(block.mlp, block.norm2(x))


@replaces("ViT")
class NoResidual(Parts):
    """The branches replace their input. Each is added to what went around it."""

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        x = self._attention(block.attn, block.norm1(x))
        return self._mlp(block.mlp, block.norm2(x))


@replaces("ViT")
class Parallel(Parts):
    """Attention and MLP both read the input of the block, side by side. Here the MLP reads what attention has
    added."""

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        return x + self._attention(block.attn, block.norm1(x)) + self._mlp(block.mlp, block.norm2(x))


@replaces("ViT")
class NormsSwapped(Parts):
    """norm1 and norm2 have changed places. Fresh ones are alike, so this shows only with trained weights."""

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
    """Your list holds one block several times: [block] * depth copies a reference, and all depths share their
    weights. How many times does a constructor have to be called?"""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        self.blocks = nn.ModuleList([self.blocks[0]] * depth)


@replaces("ViT")
class NoFinalNorm(Parts):
    """The features come straight from the last block. In pre-norm nobody has normalised that sum: one more norm
    follows."""

    def _last(self, x: Tensor) -> Tensor:
        return x


@replaces("ViT")
class NormOnlyInForward(Parts):
    """The last norm is in forward, and features returns what came before it. Whoever asks for features wants them
    normalised."""

    def _last(self, x: Tensor) -> Tensor:
        return x

    def _read(self, x: Tensor) -> Tensor:
        return self.norm(x[:, 0])


@replaces("ViT")
class MeanOfAll(Parts):
    """The head reads the mean of all tokens. Some ViTs are trained so; in this one it is the class token's work
    to collect."""

    def _read(self, x: Tensor) -> Tensor:
        return x.mean(1)


@replaces("ViT")
class MeanOfPatches(Parts):
    """The head reads the mean of the patches. What is the class token for?"""

    def _read(self, x: Tensor) -> Tensor:
        return x[:, 1:].mean(1)


@replaces("ViT")
class LastToken(Parts):
    """The head reads the last token, as in a language model. There it is the one that has seen everything; here
    all have, and token 0 is trained for it."""

    def _read(self, x: Tensor) -> Tensor:
        return x[:, -1]


@replaces("ViT")
class EveryToken(Parts):
    """You return logits for every token. An image has one class: whose token stands for it?"""

    def _read(self, x: Tensor) -> Tensor:
        return x


@replaces("ViT")
class ClassTokenOnly(Parts):
    """features returns the class token alone. It should give all N + 1 tokens: others read the patches."""

    def features(self, images: Tensor) -> Tensor:
        return super().features(images)[:, 0]

    def _read(self, x: Tensor) -> Tensor:
        return x


class OtherEps(Parts):
    eps = 1e-6

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = self.eps


@replaces("ViT")
class EpsOfTorch(OtherEps):
    """Your norms have the eps of nn.LayerNorm, 1e-5. ViT's is 1e-6."""

    eps = 1e-5


@replaces("ViT")
class EpsOfBert(OtherEps):
    """Your norms have the eps of BERT, 1e-12. ViT's is 1e-6."""

    eps = 1e-12


@replaces("ViT")
class EpsOfTheLastNorm(ViT):
    """The norm after the blocks has the eps of nn.LayerNorm, 1e-5. Those in the blocks are right: all of them
    have 1e-6."""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        self.norm.eps = 1e-5


@replaces("ViT")
class EpsOfTheBlocks(OtherEps):
    """The norms in your blocks have the eps of nn.LayerNorm, 1e-5. The one after the blocks is right: which eps does
    the statement give to all of them?"""

    eps = 1e-5

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        self.norm.eps = 1e-6


@replaces("ViT")
class Detached(Parts):
    """The scores of attention were computed without gradients, so the rows of q and k in qkv never learn."""

    def _softmax(self, scores: Tensor) -> Tensor:
        return scores.detach().softmax(-1)


@replaces("ViT")
class FixedPositions(ViT):
    """pos_embed gets no gradient. In this model positions are learned."""

    def features(self, images: Tensor) -> Tensor:
        self.pos_embed.requires_grad_(False)
        return super().features(images)


@replaces("ViT")
class SizeUnchecked(Parts):
    """An image of another size is not refused: with as many patches in another shape it gets positions of another
    place, and nobody notices. Compare both sides with image_size."""

    def _check(self, images: Tensor) -> None:
        pass


@replaces("ViT")
class PatchesCounted(Parts):
    """You compare the number of pixels or of patches. An image of 2I × I/2 has as many, and its patches stand
    elsewhere."""

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
    """You compare how many whole patches fit into an image, so one that is a few pixels too large passes, and the
    convolution drops what is left over. Which two numbers of an image have to be I?"""

    def _check(self, images: Tensor) -> None:
        P = self.patch_embed["proj"].patch
        if any(size // P != self.image_size // P for size in images.shape[2:]):
            raise ValueError("image size")


@replaces("ViT")
class HeightAlone(Cropping):
    """You compare the height alone. An image that is a few pixels too wide passes, and the convolution drops its last
    columns. Which two numbers of an image have to be I?"""

    def _check(self, images: Tensor) -> None:
        if images.shape[2] != self.image_size:
            raise ValueError("image size")


@replaces("ViT")
class WidthAlone(Cropping):
    """You compare the width alone. An image that is a few pixels too high passes, and the convolution drops its last
    rows. Which two numbers of an image have to be I?"""

    def _check(self, images: Tensor) -> None:
        if images.shape[3] != self.image_size:
            raise ValueError("image size")


@replaces("ViT")
class NoQkvBias(ViT):
    """Your qkv has no bias, and the names of a checkpoint that has one fit nowhere. ViT's layers all have
    theirs."""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        for block in self.blocks:
            block.attn.qkv.bias = None


@replaces("ViT")
class PatchPositionsOnly(ViT):
    """Your pos_embed has N rows. The class token has a position as well."""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        self.pos_embed = nn.Parameter(self.pos_embed.detach()[:, 1:])


@replaces("ViT")
class BlocksInAList(ViT):
    """Your blocks are in a Python list, and the module does not know of them: no parameters, no gradients,
    nothing in a checkpoint. nn.ModuleList registers them."""

    def __init__(self, image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes) -> None:
        super().__init__(image_size, patch, channels, dim, depth, heads, mlp_dim, num_classes)
        blocks = list(self.blocks)
        del self.blocks
        object.__setattr__(self, "blocks", blocks)


@replaces("ViT")
class AllZero(ViT):
    """A new model starts with nothing but zeros: it does not see its image, and nothing in it can begin to learn.
    Linear maps start random."""

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
    """You stretched all rows along one line, the class position among them: row 0 mixes with a patch, and
    neighbours above each other stay strangers. What in this table is a picture, and what is not?"""
    grid_of(pos_embed)
    return F.interpolate(pos_embed.mT, size=new_grid**2 + 1, mode="linear", align_corners=False).mT


@replaces("resize_positions")
def corners_aligned(pos_embed: Tensor, new_grid: int) -> Tensor:
    """With align_corners=True the outermost pixels keep their places, and the grid is stretched between their
    centres. The statement asks for False, which aligns the edges of the picture."""
    picture = F.interpolate(grid_of(pos_embed), (new_grid, new_grid), mode="bicubic", align_corners=True)
    return with_class(pos_embed, picture)


@replaces("resize_positions")
def bilinear(pos_embed: Tensor, new_grid: int) -> Tensor:
    """This is bilinear interpolation. The statement asks for bicubic."""
    picture = F.interpolate(grid_of(pos_embed), (new_grid, new_grid), mode="bilinear", align_corners=False)
    return with_class(pos_embed, picture)


@replaces("resize_positions")
def nearest(pos_embed: Tensor, new_grid: int) -> Tensor:
    """Your new positions are copies of the nearest old ones: F.interpolate does that unless it is given a
    mode."""
    return with_class(pos_embed, F.interpolate(grid_of(pos_embed), (new_grid, new_grid)))


@replaces("resize_positions")
def antialiased(pos_embed: Tensor, new_grid: int) -> Tensor:
    """Going to a smaller grid, yours is smoothed first: antialias is on. The statement asks for none."""
    picture = F.interpolate(grid_of(pos_embed), (new_grid, new_grid), mode="bicubic", antialias=True)
    return with_class(pos_embed, picture)


@replaces("resize_positions")
def grid_by_reshape(pos_embed: Tensor, new_grid: int) -> Tensor:
    """You reshaped (1, g², D) to (1, D, g, g), and nothing moved: a channel holds numbers of many channels. Give
    the rows two axes, then bring D to the front."""
    picture = grid_of(pos_embed)
    picture = F.interpolate(pos_embed[:, 1:].reshape(picture.shape), (new_grid, new_grid), mode="bicubic")
    return with_class(pos_embed, picture)


@replaces("resize_positions")
def back_by_reshape(pos_embed: Tensor, new_grid: int) -> Tensor:
    """After the interpolation you reshaped (1, D, n, n) to (1, n², D), and nothing moved. D has to go to the end
    first."""
    picture = F.interpolate(grid_of(pos_embed), (new_grid, new_grid), mode="bicubic")
    return torch.cat([pos_embed[:, :1], picture.reshape(1, new_grid**2, -1)], dim=1)


@replaces("resize_positions")
def grid_transposed(pos_embed: Tensor, new_grid: int) -> Tensor:
    """Your new grid is transposed: rows became columns on the way back."""
    picture = F.interpolate(grid_of(pos_embed), (new_grid, new_grid), mode="bicubic")
    return with_class(pos_embed, picture.mT)


@replaces("resize_positions")
def class_dropped(pos_embed: Tensor, new_grid: int) -> Tensor:
    """The class position did not come back: the new table has n² rows."""
    return resize_positions(pos_embed, new_grid)[:, 1:]


@replaces("resize_positions")
def class_at_the_end(pos_embed: Tensor, new_grid: int) -> Tensor:
    """You took the last row for that of the class token. It is row 0, before and after."""
    return resize_positions(pos_embed.roll(1, dims=1), new_grid).roll(-1, dims=1)


@replaces("resize_positions")
def grid_detached(pos_embed: Tensor, new_grid: int) -> Tensor:
    """Only the class position has a gradient: the grid was resized without one, and its positions no longer
    learn."""
    return resize_positions(torch.cat([pos_embed[:, :1], pos_embed.detach()[:, 1:]], dim=1), new_grid)


@replaces("vit_param_count")
def short_by_d(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """You are short by D. Does the class token have a position, and the patch map a bias?"""
    return vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes) - dim


@replaces("vit_param_count")
def short_by_2d(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """You are short by 2D. Is the class token there, with its position, and what stands between the last block
    and the head?"""
    return vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes) - 2 * dim


@replaces("vit_param_count")
def no_biases(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """You counted the matrices of the blocks and not their biases: qkv, proj, fc1 and fc2 have one each, as long
    as its output."""
    count = vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes)
    return count - depth * (5 * dim + mlp_dim)


@replaces("vit_param_count")
def no_block_norms(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """You are short by 4D a block: it has two norms, each with a weight and a bias."""
    return vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes) - depth * 4 * dim


@replaces("vit_param_count")
def norms_without_bias(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """You counted D for each norm. A LayerNorm has a weight and a bias; RMSNorm is the one that has D."""
    return vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes) - (2 * depth + 1) * dim


@replaces("vit_param_count")
def mlp_four_times_as_wide(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """You took 4D for the width of the MLP. The published models have that; which argument says how wide it is?"""
    return vit_param_count(image_size, patch, channels, dim, depth, 4 * dim, num_classes)


@replaces("vit_param_count")
def no_head(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """The head is missing: it has a matrix and a bias for the classes."""
    return vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes) - (dim + 1) * num_classes


@replaces("vit_param_count")
def no_patch_map(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """The map from pixels to tokens is missing. A weight of it sees every channel of a patch."""
    rest = vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes)
    return rest - channels * patch**2 * dim - dim


@replaces("vit_param_count")
def no_output_matrix(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """You counted q, k and v. Attention has a fourth matrix, which mixes the heads."""
    return vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes) - depth * (dim**2 + dim)


@replaces("vit_param_count")
def side_not_squared(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """You took I/P for the number of patches. That is one row of them."""
    g = image_size // patch
    return vit_param_count(image_size, patch, channels, dim, depth, mlp_dim, num_classes) - (g * g - g) * dim


@replaces("ViT")
class ClassTokenNotExpanded(Parts):
    """You put one class token before the patches of a whole batch, which works for a batch of one image only. How many
    class tokens does a batch of B images need?"""

    def _tokens(self, images: Tensor) -> Tensor:
        x = self.patch_embed["proj"](images)
        return torch.cat([self.cls_token, x], dim=1) + self.pos_embed


@replaces("ViT")
class ClassTokenZero(Parts):
    """cls_token has no effect: zeros stand in its place. Which vector stands before the patches?"""

    def _tokens(self, images: Tensor) -> Tensor:
        return super()._tokens(images) - F.pad(self.cls_token, (0, 0, 0, self.pos_embed.shape[1] - 1))


@replaces("ViT")
class ValuesFirst(Parts):
    """Keys and values have changed places. The rows of qkv are queries, keys and values. In which order do you cut
    them?"""

    def _split(self, attn: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = super()._split(attn, x)
        return q, v, k


@replaces("ViT")
class MlpReplaces(Parts):
    """Your MLP replaces x. Its result should be added. What stands on the left of the second sum?"""

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        x = x + self._attention(block.attn, block.norm1(x))
        return self._mlp(block.mlp, block.norm2(x))


@replaces("ViT")
class AttentionReplaces(Parts):
    """Your attention replaces x. Its result should be added. What stands on the left of the first sum?"""

    def _block(self, block: nn.Module, x: Tensor) -> Tensor:
        x = self._attention(block.attn, block.norm1(x))
        return x + self._mlp(block.mlp, block.norm2(x))


@replaces("resize_positions")
def grid_in_one_line(pos_embed: Tensor, new_grid: int) -> Tensor:
    """You resized the patches as one long row, so the end of one line of the grid mixes with the start of the next
    line. How many axes has the grid?"""
    column = pos_embed[:, 1:].mT[..., None]  # (1, D, g², 1)
    column = F.interpolate(column, (new_grid**2, 1), mode="bicubic", align_corners=False)
    return torch.cat([pos_embed[:, :1], column[..., 0].mT], dim=1)


@replaces("vit_param_count")
def one_block_counted(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """You counted one block, whatever the depth. How many blocks with weights of their own has the model?"""
    return vit_param_count(image_size, patch, channels, dim, 1, mlp_dim, num_classes)


@replaces("vit_param_count")
def one_channel(image_size, patch, channels, dim, depth, mlp_dim, num_classes) -> int:
    """Your patch map reads one channel. How many numbers has a patch of an image with C channels?"""
    return vit_param_count(image_size, patch, 1, dim, depth, mlp_dim, num_classes)
