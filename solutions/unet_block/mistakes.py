"""Wrong versions that students write. Each docstring is the advice that such a student reads.

Block and network are cut into parts: a mistake gets one of them wrong and takes the others from here.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from unet_block import ResBlock, UNet, timestep_embedding

from grader.testing import replaces


def wide(t: Tensor) -> Tensor:
    """t in the dtype in which waves are computed."""
    return t if t.dtype == torch.float64 else t.float()


def angles(t: Tensor, dim: int, divisor: float, period: float = 10000.0, first: int = 0) -> Tensor:
    """(B, half), with other numbers in the exponent."""
    t = wide(t)
    j = torch.arange(first, dim // 2 + first, dtype=t.dtype)
    return t[:, None] * torch.exp(-math.log(period) * j / divisor)


# timestep_embedding


@replaces("timestep_embedding")
def cos_first(t, dim):
    """Your cosines stand before the sines, as in DiT. At t = 0 the first half of the embedding is all zeros here: of
    which of the two?"""
    sines, cosines = timestep_embedding(t, dim).chunk(2, dim=-1)
    return torch.cat([cosines, sines], dim=-1)


@replaces("timestep_embedding")
def interleaved(t, dim):
    """Your sines and cosines take turns. At t = 0 the first half of the embedding is all zeros: what stands at places
    0 and 1 then?"""
    return torch.stack(timestep_embedding(t, dim).chunk(2, dim=-1), dim=-1).flatten(1)


@replaces("timestep_embedding")
def half_in_the_exponent(t, dim):
    """You divide j by half, as DiT does. The slowest wave has the frequency 1/10000 exactly: what does j run up
    to?"""
    a = angles(t, dim, dim // 2)
    return torch.cat([a.sin(), a.cos()], dim=-1)


@replaces("timestep_embedding")
def dim_in_the_exponent(t, dim):
    """You divide j by dim, so the slowest wave is near 1/100. Over how many frequencies does j run?"""
    a = angles(t, dim, dim)
    return torch.cat([a.sin(), a.cos()], dim=-1)


@replaces("timestep_embedding")
def from_one(t, dim):
    """Your j begins at 1, and the wave with the frequency 1 is missing. Which is the first j?"""
    a = angles(t, dim, dim // 2, first=1)
    return torch.cat([a.sin(), a.cos()], dim=-1)


@replaces("timestep_embedding")
def period_of_1000(t, dim):
    """Your slowest frequency is 1/1000, perhaps for the 1000 steps of DDPM. Which number is the base in the
    formula?"""
    a = angles(t, dim, dim // 2 - 1, period=1000.0)
    return torch.cat([a.sin(), a.cos()], dim=-1)


@replaces("timestep_embedding")
def rising(t, dim):
    """Your frequencies rise from 1 to 10000, and neighbouring times have nothing in common. Which sign has the
    exponent?"""
    a = angles(t, dim, dim // 2 - 1, period=1e-4)
    return torch.cat([a.sin(), a.cos()], dim=-1)


@replaces("timestep_embedding")
def evenly_spaced(t, dim):
    """Your frequencies fall by equal differences. In the formula j stands in an exponent: what do neighbours have in
    common, a difference or a quotient?"""
    t = wide(t)
    a = t[:, None] * torch.linspace(1, 1e-4, dim // 2, dtype=t.dtype)
    return torch.cat([a.sin(), a.cos()], dim=-1)


@replaces("timestep_embedding")
def turns(t, dim):
    """You multiply the angles by 2π. Where does the formula have π?"""
    a = 2 * math.pi * angles(t, dim, dim // 2 - 1)
    return torch.cat([a.sin(), a.cos()], dim=-1)


@replaces("timestep_embedding")
def share_of_1000(t, dim):
    """You divide t by 1000 first, so that the fastest wave turns once in six thousand steps. Is t scaled in the
    formula?"""
    return timestep_embedding(wide(t) / 1000, dim)


@replaces("timestep_embedding")
def whole_steps(t, dim):
    """You cut the fraction off t. Which values may t have?"""
    return timestep_embedding(wide(t).trunc(), dim)


@replaces("timestep_embedding")
def always_float32(t, dim):
    """You cast t to float32 in any case. Which dtype does the docstring promise for a t in float64?"""
    return timestep_embedding(t.float(), dim)


@replaces("timestep_embedding")
def always_float64(t, dim):
    """Your embedding is float64 in any case. Which dtype does the docstring promise for whole numbers?"""
    return timestep_embedding(t.double(), dim)


@replaces("timestep_embedding")
def in_the_dtype_of_t(t, dim):
    """You compute in the dtype of a floating-point t. Half precision keeps three digits of an angle, and an angle of 20
    needs more: which dtype does the docstring promise for all t but those in float64?"""
    if not t.is_floating_point() or t.dtype == torch.float64:
        return timestep_embedding(t, dim)
    j = torch.arange(dim // 2, dtype=t.dtype)
    a = t[:, None] * torch.exp(-math.log(10000) * j / (dim // 2 - 1))
    return torch.cat([a.sin(), a.cos()], dim=-1)


# ResBlock


class Block(ResBlock):
    """The right block, with more places in which to go wrong."""

    def first(self, x):
        return self.conv1(F.silu(self.norm1(x)))

    def time(self, temb):
        return self.time_emb_proj(F.silu(temb))[:, :, None, None]

    def timed(self, h, temb):
        return h + self.time(temb)

    def second(self, h):
        return self.conv2(F.silu(self.norm2(h)))

    def past(self, x):
        return x if self.conv_shortcut is None else self.conv_shortcut(x)

    def join(self, x, h):
        return self.past(x) + h

    def forward(self, x, temb):
        return self.join(x, self.second(self.timed(self.first(x), temb)))


@replaces("ResBlock")
class NoSiluOnTime(Block):
    """temb goes into time_emb_proj as it is. Before it stands time2, a linear map too: what are two linear maps in a
    row?"""

    def time(self, temb):
        return self.time_emb_proj(temb)[:, :, None, None]


@replaces("ResBlock")
class NoTime(Block):
    """temb has no effect: your block does not know how much noise there is. Between which two lines does the time
    come in?"""

    def timed(self, h, temb):
        return h


@replaces("ResBlock")
class TimeAfterNorm(Block):
    """You add the time after norm2. Between which two steps does the formula add it?"""

    def forward(self, x, temb):
        h = self.norm2(self.first(x)) + self.time(temb)
        return self.join(x, self.conv2(F.silu(h)))


@replaces("ResBlock")
class TimeAtTheEnd(Block):
    """You add the time to the result, where it only moves the channels. What can conv2 do with a time that comes
    after it?"""

    def forward(self, x, temb):
        return self.join(x, self.second(self.first(x))) + self.time(temb)


@replaces("ResBlock")
class TimeAsScale(Block):
    """You multiply h by 1 + the time, as adaptive norms do with a scale. What does the formula do with it?"""

    def timed(self, h, temb):
        return h * (1 + self.time(temb))


@replaces("ResBlock")
class TimeOfFirstImage(Block):
    """All your images get the time of the first one. temb is (B, E): which axis holds the images?"""

    def time(self, temb):
        return super().time(temb[:1])


@replaces("ResBlock")
class TimeDetached(Block):
    """Your values are right, and no gradient reaches temb. Which maps of the network are learned by way of temb?"""

    def time(self, temb):
        return super().time(temb.detach())


@replaces("ResBlock")
class SiluInPlace(Block):
    """Your silu is written into temb, which is the caller's: the next block of the network gets a time that has gone
    through silu twice. What does `inplace` save, and what does it cost here?"""

    def time(self, temb):
        return self.time_emb_proj(F.silu(temb, inplace=True))[:, :, None, None]


@replaces("ResBlock")
class PostNorm(Block):
    """Your lines end with a norm and silu: the norm comes after the convolution. What is the last thing in each line
    of the formula? A branch that ends with silu could hardly subtract."""

    def forward(self, x, temb):
        h = self.timed(self.conv1(x), temb)
        if self.conv_shortcut is None:
            h = F.silu(self.norm1(h))
        return self.join(x, F.silu(self.norm2(self.conv2(h))))


@replaces("ResBlock")
class SiluBeforeNorm(Block):
    """You apply silu before the norms. Which comes first in the formula?"""

    def first(self, x):
        return self.conv1(self.norm1(F.silu(x)))

    def second(self, h):
        return self.conv2(self.norm2(F.silu(h)))


@replaces("ResBlock")
class SiluAtTheEnd(Block):
    """You apply silu to the result, as ResNets do with ReLU. What comes after x + h in the formula?"""

    def join(self, x, h):
        return F.silu(super().join(x, h))


@replaces("ResBlock")
class NoFirstSilu(Block):
    """norm1 leads into conv1 without silu. What stands between them?"""

    def first(self, x):
        return self.conv1(self.norm1(x))


@replaces("ResBlock")
class NoSecondSilu(Block):
    """norm2 leads into conv2 without silu. What stands between them?"""

    def second(self, h):
        return self.conv2(self.norm2(h))


@replaces("ResBlock")
class Relu(Block):
    """You use ReLU in the place of silu. What is silu(−1)?"""

    def first(self, x):
        return self.conv1(F.relu(self.norm1(x)))

    def time(self, temb):
        return self.time_emb_proj(F.relu(temb))[:, :, None, None]

    def second(self, h):
        return self.conv2(F.relu(self.norm2(h)))


@replaces("ResBlock")
class Gelu(Block):
    """You use GELU in the place of silu. The two look alike: which of them is z / (1 + e^−z)?"""

    def first(self, x):
        return self.conv1(F.gelu(self.norm1(x)))

    def time(self, temb):
        return self.time_emb_proj(F.gelu(temb))[:, :, None, None]

    def second(self, h):
        return self.conv2(F.gelu(self.norm2(h)))


@replaces("ResBlock")
class NoFirstNorm(Block):
    """norm1 is not applied. What does the first line do with x before silu?"""

    def first(self, x):
        return self.conv1(F.silu(x))


@replaces("ResBlock")
class NoSecondNorm(Block):
    """norm2 is not applied. What does the second convolution read?"""

    def second(self, h):
        return self.conv2(F.silu(h))


@replaces("ResBlock")
class NoResidual(Block):
    """You return h alone. With conv2 at zero the block should pass its input on: what is missing?"""

    def join(self, x, h):
        return h


@replaces("ResBlock")
class SumInPlace(Block):
    """You add h into x itself, which is the caller's: the network has kept it as a skip. Which line of yours writes
    into a tensor, and which would make a new one?"""

    def join(self, x, h):
        past = self.past(x)
        past += h
        return past


@replaces("ResBlock")
class ActivatedPast(Block):
    """What goes past your convolutions is silu(norm1(x)), as in a ResNet of another kind. What is added to h in the
    formula?"""

    def past(self, x):
        return super().past(F.silu(self.norm1(x)))


@replaces("ResBlock")
class ScaledSum(Block):
    """You divide the sum by √2, as some diffusion models do to keep the variance. Is it scaled in the formula?"""

    def join(self, x, h):
        return super().join(x, h) / math.sqrt(2)


@replaces("ResBlock")
class ShortcutAlways(Block):
    """Your block has a conv_shortcut where the channels stay as they are. There the input goes past as it is, and a
    checkpoint has no weights for it: when is one made?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        self.conv_shortcut = nn.Conv2d(in_channels, out_channels, 1)


@replaces("ResBlock")
class WideShortcut(Block):
    """Your conv_shortcut is 3 × 3. It only has to change the number of channels: of which size is it in the
    docstring?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        if in_channels != out_channels:
            self.conv_shortcut = nn.Conv2d(in_channels, out_channels, 3, padding=1)


@replaces("ResBlock")
class BatchNorm(Block):
    """Your norms take mean and variance over the batch, and so the result of an image depends on the others. Over
    what does GroupNorm take them?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        self.norm1, self.norm2 = nn.BatchNorm2d(in_channels), nn.BatchNorm2d(out_channels)


@replaces("ResBlock")
class OneGroup(Block):
    """groups has no effect: all channels make one group. Which argument of GroupNorm is the number of groups?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        self.norm1, self.norm2 = nn.GroupNorm(1, in_channels), nn.GroupNorm(1, out_channels)


@replaces("ResBlock")
class GroupOfEachChannel(Block):
    """groups has no effect: each channel makes a group of its own. Which argument of GroupNorm is the number of
    groups?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        self.norm1, self.norm2 = nn.GroupNorm(in_channels, in_channels), nn.GroupNorm(out_channels, out_channels)


@replaces("ResBlock")
class GroupsOfThatSize(Block):
    """You take groups for the number of channels in a group. What does the docstring say it is?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        self.norm1 = nn.GroupNorm(in_channels // groups, in_channels)
        self.norm2 = nn.GroupNorm(out_channels // groups, out_channels)


@replaces("ResBlock")
class ChannelNorm(Block):
    """Your norms take mean and variance at each pixel alone, over the channels of a group. Over what else do they go
    in GroupNorm?"""

    def by_pixel(self, norm, x):
        parts = x.unflatten(1, (norm.num_groups, -1))
        variance, mean = torch.var_mean(parts, dim=2, correction=0, keepdim=True)
        parts = (parts - mean) * torch.rsqrt(variance + norm.eps)
        return parts.flatten(1, 2) * norm.weight[:, None, None] + norm.bias[:, None, None]

    def first(self, x):
        return self.conv1(F.silu(self.by_pixel(self.norm1, x)))

    def second(self, h):
        return self.conv2(F.silu(self.by_pixel(self.norm2, h)))


@replaces("ResBlock")
class SmallEps(Block):
    """Your norms have the eps 1e-6, the default of diffusers' block. Which one does the docstring give?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        self.norm1.eps = self.norm2.eps = 1e-6


@replaces("ResBlock")
class GroupsOfThePaper(Block):
    """Your block has 32 groups unless it is told otherwise. What does the signature say?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=32):
        super().__init__(in_channels, out_channels, time_dim, groups)


@replaces("ResBlock")
class GroupsAdapted(Block):
    """Where groups does not divide the channels you take fewer groups, and a slip in a config goes unnoticed. What
    should happen?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, math.gcd(groups, in_channels, out_channels))


# UNet


class Net(UNet):
    """The right network, with more places in which to go wrong."""

    def check(self, x):
        if any(side % 2 ** (len(self.down) - 1) for side in x.shape[2:]):
            raise ValueError("sides")

    def time(self, t, like):
        temb = timestep_embedding(t, self.base).to(like.dtype)
        return self.time2(F.silu(self.time1(temb)))

    def kept(self, i, before, after):
        """Skip i, of what came into the block and what came out."""
        return after

    def halved(self, i, h):
        return self.shrink[i](h)

    def doubled(self, i, h):
        return self.grow[i](F.interpolate(h, scale_factor=2, mode="nearest"))

    def middle(self, h, temb):
        return self.mid(h, temb)

    def joined(self, h, skip):
        return torch.cat([h, skip], dim=1)

    def last(self, h):
        return self.conv_out(F.silu(self.norm_out(h)))

    def forward(self, x, t):
        self.check(x)
        temb = self.time(t, x)
        h, skips, L = self.conv_in(x), [], len(self.down)
        for i in range(L):
            before = h
            h = self.down[i](h, temb)
            skips.append(self.kept(i, before, h))
            if i < L - 1:
                h = self.halved(i, h)
        h = self.middle(h, temb)
        for i in reversed(range(L)):
            h = self.up[i](self.joined(h, skips[i]), temb)
            if i > 0:
                h = self.doubled(i - 1, h)
        return self.last(h)


@replaces("UNet")
class NoTimeMlpSilu(Net):
    """time1 leads into time2 without silu. Two linear maps in a row are one: what stands between them?"""

    def time(self, t, like):
        return self.time2(self.time1(timestep_embedding(t, self.base).to(like.dtype)))


@replaces("UNet")
class SiluAfterTimeMlp(Net):
    """You apply silu to what time2 gives, and the blocks do it once more. Which maps of temb are the block's own?"""

    def time(self, t, like):
        return F.silu(super().time(t, like))


@replaces("UNet")
class TimeWithoutCast(Net):
    """The embedding of a whole t is float32, and your time1 has another dtype, so the two do not meet. To which dtype
    is the embedding to be brought?"""

    def time(self, t, like):
        return self.time2(F.silu(self.time1(timestep_embedding(t, self.base))))


@replaces("UNet")
class WholeTimes(Net):
    """You make whole numbers of t. Which values may t have?"""

    def time(self, t, like):
        return super().time(t.long(), like)


@replaces("UNet")
class TimeOfFirstRow(Net):
    """All rows of your batch get the t of the first. What does each row of a batch have for itself?"""

    def time(self, t, like):
        return super().time(t[:1].expand(len(t)), like)


@replaces("UNet")
class TimeGoesNowhere(Net):
    """Your blocks get zeros in the place of temb, so t has no effect. Which blocks need the time?"""

    def time(self, t, like):
        return torch.zeros_like(super().time(t, like))


@replaces("UNet")
class MiddleWithoutTime(Net):
    """Your middle block gets zeros in the place of temb. Which blocks need the time?"""

    def middle(self, h, temb):
        return self.mid(h, torch.zeros_like(temb))


@replaces("UNet")
class NoMiddle(Net):
    """Your middle block is made and not used. What stands between the way down and the way up?"""

    def middle(self, h, temb):
        return h


@replaces("UNet")
class SkipFirst(Net):
    """You join [skip, h]. The channels have the right number, and conv1 meets them in another order: which comes
    first?"""

    def joined(self, h, skip):
        return torch.cat([skip, h], dim=1)


@replaces("UNet")
class SkipsOfZeros(Net):
    """Zeros stand where your skips belong. What is handed across on each level?"""

    def joined(self, h, skip):
        return torch.cat([h, torch.zeros_like(skip)], dim=1)


@replaces("UNet")
class SkipsDetached(Net):
    """Your values are right, and no gradient goes through the skips. Which step of your code leaves the graph?"""

    def joined(self, h, skip):
        return torch.cat([h, skip.detach()], dim=1)


@replaces("UNet")
class SkipBeforeBlock(Net):
    """You keep what goes into a block of the way down where the widths allow it. What is kept, the input of down.i or
    its result?"""

    def kept(self, i, before, after):
        return before if before.shape == after.shape else after


@replaces("UNet")
class SkipsInOrder(Net):
    """You take the first skip first. The last skip to be kept is the first one to be used: which of them has the size
    of the deepest level?"""

    def forward(self, x, t):
        self.check(x)
        temb = self.time(t, x)
        h, skips, L = self.conv_in(x), [], len(self.down)
        for i in range(L):
            h = self.down[i](h, temb)
            skips.append(h)
            if i < L - 1:
                h = self.halved(i, h)
        h = self.middle(h, temb)
        for i in reversed(range(L)):
            h = self.up[i](self.joined(h, skips.pop(0)), temb)
            if i > 0:
                h = self.doubled(i - 1, h)
        return self.last(h)


@replaces("UNet")
class SkipAfterShrinking(Net):
    """You keep a skip after the image was made smaller, and enlarge it again where it is joined. Fine detail is what
    the skip is for: when is it still there?"""

    def kept(self, i, before, after):
        if i == len(self.down) - 1:
            return after
        return F.interpolate(self.shrink[i](after), scale_factor=2, mode="nearest")


@replaces("UNet")
class AddsSkips(UNet):
    """You add the skips, so up.0 has as many input channels as the level is wide. Joined, not added: how many
    channels does up.i read?"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__(channels, base, multipliers, groups)
        c = [base * m for m in multipliers]
        self.up = nn.ModuleList(ResBlock(w, w, 4 * base, groups) for w in c)
        self.grow = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(c[1:], c[:-1], strict=True))

    def forward(self, x, t):
        temb = self.time2(F.silu(self.time1(timestep_embedding(t, self.base).to(x.dtype))))
        h, skips, L = self.conv_in(x), [], len(self.down)
        for i in range(L):
            h = self.down[i](h, temb)
            skips.append(h)
            if i < L - 1:
                h = self.shrink[i](h)
        h = self.mid(h, temb)
        for i in reversed(range(L)):
            h = self.up[i](h + skips[i], temb)
            if i > 0:
                h = self.grow[i - 1](F.interpolate(h, scale_factor=2, mode="nearest"))
        return self.conv_out(F.silu(self.norm_out(h)))


@replaces("UNet")
class Bilinear(Net):
    """You enlarge by interpolation between pixels. Repeat the pixels, and let the convolution smooth them: which mode
    repeats?"""

    def doubled(self, i, h):
        return self.grow[i](F.interpolate(h, scale_factor=2, mode="bilinear"))


@replaces("UNet")
class GrowBeforeDoubling(Net):
    """Your convolution comes before the pixels are repeated, so the result consists of squares of 2 × 2. Which of the
    two comes first?"""

    def doubled(self, i, h):
        return F.interpolate(self.grow[i](h), scale_factor=2, mode="nearest")


@replaces("UNet")
class Tiled(Net):
    """You put four copies of the image side by side. Each pixel is to be repeated, not the whole: what is the
    difference between repeat and repeat_interleave?"""

    def doubled(self, i, h):
        return self.grow[i](h.repeat(1, 1, 2, 2))


@replaces("UNet")
class GrownPixelsOnly(Net):
    """You repeat the pixels and leave grow out. What comes after doubling?"""

    def doubled(self, i, h):
        return F.interpolate(h, scale_factor=2, mode="nearest")


@replaces("UNet")
class PoolsAfterConvolution(Net):
    """You convolve with stride 1 and take the mean of 2 × 2 pixels afterwards. What makes the image smaller in the
    docstring?"""

    def halved(self, i, h):
        return F.avg_pool2d(F.conv2d(h, self.shrink[i].weight, self.shrink[i].bias, padding=1), 2)


@replaces("UNet")
class MaxPools(Net):
    """You take the largest of 2 × 2 pixels, as the first U-Net did, after a convolution with stride 1. What makes the
    image smaller in the docstring?"""

    def halved(self, i, h):
        return F.max_pool2d(F.conv2d(h, self.shrink[i].weight, self.shrink[i].bias, padding=1), 2)


@replaces("UNet")
class PaddedOnOneSide(Net):
    """You pad below and on the right only before the convolution with stride 2, as TensorFlow does. What does padding
    1 do in PyTorch?"""

    def halved(self, i, h):
        return F.conv2d(F.pad(h, (0, 1, 0, 1)), self.shrink[i].weight, self.shrink[i].bias, stride=2)


@replaces("UNet")
class NoLastSilu(Net):
    """norm_out leads into conv_out without silu. What stands between them?"""

    def last(self, h):
        return self.conv_out(self.norm_out(h))


@replaces("UNet")
class NoLastNorm(Net):
    """norm_out is made and not used. What happens to h before the last silu?"""

    def last(self, h):
        return self.conv_out(F.silu(h))


@replaces("UNet")
class AddsImage(Net):
    """You add the input image to the result. What does the docstring return?"""

    def forward(self, x, t):
        return x + super().forward(x, t)


@replaces("UNet")
class GroupsNotPassed(UNet):
    """Your blocks always have 2 groups: what `groups` says does not reach them. Through which calls does it have to
    go?"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__(channels, base, multipliers, 2)
        self.norm_out = nn.GroupNorm(groups, base * multipliers[0])


@replaces("UNet")
class LastNormOf8(UNet):
    """Your norm_out has 8 groups, whatever `groups` says, and 8 do not divide every number of channels. Which modules
    have a GroupNorm, and where does each get its number from?"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__(channels, base, multipliers, groups)
        self.norm_out = nn.GroupNorm(8, base * multipliers[0])


@replaces("UNet")
class LastNormOfOneGroup(UNet):
    """Your norm_out has one group. "Groups: of every GroupNorm", says the docstring: how many are there?"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__(channels, base, multipliers, groups)
        self.norm_out = nn.GroupNorm(1, base * multipliers[0])


@replaces("UNet")
class FromTheDeepest(UNet):
    """Your up and grow stand in the order of their use, the deepest first: up.0 has the shapes of another level, and no
    checkpoint fits. Which level has the number 0 on the way down, and which on the way up?"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        nn.Module.__init__(self)
        c, E, L = [base * m for m in multipliers], 4 * base, len(multipliers)
        self.base = base
        self.time1, self.time2 = nn.Linear(base, E), nn.Linear(E, E)
        self.conv_in = nn.Conv2d(channels, c[0], 3, padding=1)
        before, below = [c[0], *c[:-1]], [*c[1:], c[-1]]
        self.down = nn.ModuleList(ResBlock(a, b, E, groups) for a, b in zip(before, c, strict=True))
        self.shrink = nn.ModuleList(nn.Conv2d(a, a, 3, stride=2, padding=1) for a in c[:-1])
        self.mid = ResBlock(c[-1], c[-1], E, groups)
        self.up = nn.ModuleList(ResBlock(below[i] + c[i], c[i], E, groups) for i in reversed(range(L)))
        self.grow = nn.ModuleList(nn.Conv2d(a, a, 3, padding=1) for a in reversed(c[1:]))
        self.norm_out = nn.GroupNorm(groups, c[0])
        self.conv_out = nn.Conv2d(c[0], channels, 3, padding=1)

    def forward(self, x, t):
        L = len(self.down)
        if any(side % 2 ** (L - 1) for side in x.shape[2:]):
            raise ValueError("sides")
        temb = self.time2(F.silu(self.time1(timestep_embedding(t, self.base).to(x.dtype))))
        h, skips = self.conv_in(x), []
        for i in range(L):
            h = self.down[i](h, temb)
            skips.append(h)
            if i < L - 1:
                h = self.shrink[i](h)
        h = self.mid(h, temb)
        for i in range(L):
            h = self.up[i](torch.cat([h, skips.pop()], dim=1), temb)
            if i < L - 1:
                h = self.grow[i](F.interpolate(h, scale_factor=2, mode="nearest"))
        return self.conv_out(F.silu(self.norm_out(h)))


@replaces("UNet")
class Crops(Net):
    """You cut or pad what comes up until it fits the skip. 7 halves to 4 and doubles to 8: what should happen to an
    image like that?"""

    def check(self, x):
        pass

    def joined(self, h, skip):
        return super().joined(F.interpolate(h, size=skip.shape[2:], mode="nearest"), skip)


@replaces("UNet")
class NoCheck(Net):
    """Your network does not look at the sides, and an image that does not fit ends in an error of torch.cat. Where
    can you raise ValueError before that?"""

    def check(self, x):
        pass


@replaces("UNet")
class ChecksHeight(Net):
    """You look at the height alone. Which sides does shrink halve?"""

    def check(self, x):
        if x.shape[2] % 2 ** (len(self.down) - 1):
            raise ValueError("height")


@replaces("UNet")
class ChecksEven(Net):
    """You only ask whether the sides are even. How often is an image of three levels halved?"""

    def check(self, x):
        if len(self.down) > 1 and any(side % 2 for side in x.shape[2:]):
            raise ValueError("odd")


@replaces("UNet")
class ChecksOnceMore(Net):
    """You ask that the sides can be halved L times, and refuse images that fit. How many shrink are there?"""

    def check(self, x):
        if any(side % 2 ** len(self.down) for side in x.shape[2:]):
            raise ValueError("sides")
