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


@replaces("timestep_embedding", also=["", ", and j is divided by half"])
def cos_first(t, dim, *, also):
    """Your cosines come before the sines{also}. What does the formula begin with, and how slow is its slowest wave?"""
    a = angles(t, dim, dim // 2 if also else dim // 2 - 1)
    return torch.cat([a.cos(), a.sin()], dim=-1)


@replaces("timestep_embedding", also=["", ", and j is divided by half"])
def interleaved(t, dim, *, also):
    """Your sines and cosines take turns{also}. At t = 0 the first half of the embedding is all zeros, by the formula:
    what does yours begin with?"""
    a = angles(t, dim, dim // 2 if also else dim // 2 - 1)
    return torch.stack([a.sin(), a.cos()], dim=-1).flatten(1)


@replaces("timestep_embedding", divisor=["half", "dim", "dim - 1", "half + 1"])
def other_divisor(t, dim, *, divisor):
    """You divide j by {divisor}. The slowest wave has the frequency 1/10000 exactly: how large does j become?"""
    half = dim // 2
    a = angles(t, dim, {"half": half, "dim": dim, "dim - 1": dim - 1, "half + 1": half + 1}[divisor])
    return torch.cat([a.sin(), a.cos()], dim=-1)


@replaces("timestep_embedding", divisor=["half", "half - 1"])
def from_one(t, dim, *, divisor):
    """Your j begins at 1 and is divided by {divisor}, so the wave with the frequency 1 is missing. Which is the first
    j?"""
    a = angles(t, dim, dim // 2 if divisor == "half" else dim // 2 - 1, first=1)
    return torch.cat([a.sin(), a.cos()], dim=-1)


@replaces("timestep_embedding", period=[100, 1000, 100000])
def other_period(t, dim, *, period):
    """Your slowest frequency is 1/{period}. Which number is the base in the formula?"""
    a = angles(t, dim, dim // 2 - 1, period=float(period))
    return torch.cat([a.sin(), a.cos()], dim=-1)


@replaces("timestep_embedding")
def rising(t, dim):
    """Your frequencies rise from 1 to 10000, so neighboring times have nothing in common. What is the sign of the
    exponent?"""
    a = angles(t, dim, dim // 2 - 1, period=1e-4)
    return torch.cat([a.sin(), a.cos()], dim=-1)


@replaces("timestep_embedding")
def evenly_spaced(t, dim):
    """Your frequencies fall in equal steps. In the formula j is in an exponent: which is the same for all neighbors,
    their difference or their quotient?"""
    t = wide(t)
    a = t[:, None] * torch.linspace(1, 1e-4, dim // 2, dtype=t.dtype)
    return torch.cat([a.sin(), a.cos()], dim=-1)


@replaces("timestep_embedding", wave=["sines", "cosines"])
def one_kind_of_wave(t, dim, *, wave):
    """Both halves of your embedding are {wave}. Two times can have the same sine: what tells them apart?"""
    sines, cosines = timestep_embedding(t, dim).chunk(2, dim=-1)
    half = sines if wave == "sines" else cosines
    return torch.cat([half, half], dim=-1)


@replaces("timestep_embedding", factor=["2π", "π", "1000", "1/1000"])
def scaled_time(t, dim, *, factor):
    """Your angles are {factor} times those of the formula. By what does the formula multiply t?"""
    number = {"2π": 2 * math.pi, "π": math.pi, "1000": 1000}.get(factor, 1 / 1000)
    return timestep_embedding(wide(t) * number, dim)


@replaces("timestep_embedding", result=["the whole number below", "the nearest whole number"])
def whole_steps(t, dim, *, result):
    """Your embedding is that of {result}. Which values may t have?"""
    t = wide(t)
    return timestep_embedding(t.trunc() if "below" in result else t.round(), dim)


@replaces("timestep_embedding")
def always_float32(t, dim):
    """Your embedding is float32 even where t is float64. Which dtype does the docstring promise then?"""
    return timestep_embedding(t.float(), dim)


@replaces("timestep_embedding")
def float32_angles(t, dim):
    """For a t in float64 your embedding is float64, but only as exact as float32. Which of your tensors has another
    dtype than t?"""
    return timestep_embedding(t.float(), dim).to(wide(t).dtype)


@replaces("timestep_embedding")
def always_float64(t, dim):
    """Your embedding is float64 even where t is not. Which dtype does the docstring promise for whole numbers?"""
    return timestep_embedding(t.double(), dim)


@replaces("timestep_embedding")
def in_the_dtype_of_t(t, dim):
    """With a t in half precision your embedding has half precision, too. Three digits are too few for an angle of 20:
    which dtype does the docstring promise?"""
    if not t.is_floating_point() or t.dtype == torch.float64:
        return timestep_embedding(t, dim)
    j = torch.arange(dim // 2, dtype=t.dtype)
    a = t[:, None] * torch.exp(-math.log(10000) * j / (dim // 2 - 1))
    return torch.cat([a.sin(), a.cos()], dim=-1)


# ResBlock


class Block(ResBlock):
    """The right block, with more places in which to go wrong."""

    def normed(self, norm, x):
        return norm(x)

    def active(self, z, where):
        """silu, "first", "second" or "time"."""
        return F.silu(z)

    def first(self, x):
        return self.conv1(self.active(self.normed(self.norm1, x), "first"))

    def time(self, temb):
        return self.time_emb_proj(self.active(temb, "time"))[:, :, None, None]

    def timed(self, h, temb):
        return h + self.time(temb)

    def second(self, h):
        return self.conv2(self.active(self.normed(self.norm2, h), "second"))

    def past(self, x):
        return x if self.conv_shortcut is None else self.conv_shortcut(x)

    def join(self, x, h):
        return self.past(x) + h

    def forward(self, x, temb):
        return self.join(x, self.second(self.timed(self.first(x), temb)))


@replaces("ResBlock")
class NoSiluOnTime(Block):
    """There is no silu between temb and time_emb_proj. temb comes from time2, a linear map, too: what are two linear
    maps in a row?"""

    def time(self, temb):
        return self.time_emb_proj(temb)[:, :, None, None]


@replaces("ResBlock", where=["after", "before and after"])
class SiluAfterProjection(Block):
    """You apply silu {where} time_emb_proj. Where does the formula apply it to the time?"""

    where: str

    def time(self, temb):
        return F.silu(self.time_emb_proj(temb if self.where == "after" else F.silu(temb)))[:, :, None, None]


@replaces("ResBlock")
class NoTime(Block):
    """temb has no effect, so your block does not know how much noise there is. Between which two lines of the formula
    does the time come in?"""

    def timed(self, h, temb):
        return h


@replaces("ResBlock", place=["after norm2", "after the second silu", "after conv2"])
class TimeElsewhere(Block):
    """You add the time {place}. Between which two steps does the formula add it?"""

    place: str

    def forward(self, x, temb):
        h = self.norm2(self.first(x))
        if self.place == "after norm2":
            h = self.conv2(F.silu(h + self.time(temb)))
        elif self.place == "after conv2":
            h = self.conv2(F.silu(h)) + self.time(temb)
        else:
            h = self.conv2(F.silu(h) + self.time(temb))
        return self.join(x, h)


@replaces("ResBlock", factor=["the time", "1 + the time"])
class TimeAsScale(Block):
    """You multiply h by {factor}. What does the formula do with the two?"""

    factor: str

    def timed(self, h, temb):
        return h * ((1 if "1" in self.factor else 0) + self.time(temb))


@replaces("ResBlock", what=["the time of the first one", "the mean of all times"])
class TimeForAll(Block):
    """All images of your batch get {what}. temb is (B, E): which axis is the one of the images?"""

    what: str

    def time(self, temb):
        return super().time(temb[:1] if "first" in self.what else temb.mean(0, keepdim=True))


@replaces("ResBlock")
class TimeDetached(Block):
    """Your result is right, but no gradient reaches temb. Which parts of the network learn only through temb?"""

    def time(self, temb):
        return super().time(temb.detach())


@replaces("ResBlock")
class SiluInPlace(Block):
    """Your block leaves silu(temb) in temb, which the next block of the network gets, too. Which operation of yours
    writes into its argument?"""

    def time(self, temb):
        return self.time_emb_proj(F.silu(temb, inplace=True))[:, :, None, None]


@replaces("ResBlock")
class PostNorm(Block):
    """Your lines end with a norm and silu, after the convolution. What is the last step of each line in the
    formula?"""

    def forward(self, x, temb):
        h = self.timed(self.conv1(x), temb)
        if self.conv_shortcut is None:
            h = F.silu(self.norm1(h))
        return self.join(x, F.silu(self.norm2(self.conv2(h))))


@replaces("ResBlock", norm=["norm1", "norm2", "both norms"])
class SiluBeforeNorm(Block):
    """You apply silu before {norm}. Which comes first in the formula?"""

    norm: str

    def first(self, x):
        return super().first(x) if self.norm == "norm2" else self.conv1(self.norm1(F.silu(x)))

    def second(self, h):
        return super().second(h) if self.norm == "norm1" else self.conv2(self.norm2(F.silu(h)))


@replaces("ResBlock")
class SiluAtTheEnd(Block):
    """You apply silu to the result, as ResNets do with ReLU. What comes after x + h in the formula?"""

    def join(self, x, h):
        return F.silu(super().join(x, h))


@replaces("ResBlock", where=["norm1 and conv1", "norm2 and conv2", "both norms and their convolutions"])
class NoSilu(Block):
    """There is no silu between {where}. What are the steps of a line in the formula?"""

    where: str

    def active(self, z, where):
        left_out = {"first": "conv2" not in self.where, "second": "conv1" not in self.where, "time": False}
        return z if left_out[where] else F.silu(z)


@replaces("ResBlock", function=["ReLU", "GELU", "sigmoid"], where=["everywhere", "on the time"])
class OtherActivation(Block):
    """You use {function} instead of silu {where}. What is silu(−1), by the formula, and what is yours?"""

    function: str
    where: str

    def active(self, z, where):
        if self.where != "everywhere" and where != "time":
            return F.silu(z)
        return {"ReLU": F.relu, "GELU": F.gelu, "sigmoid": torch.sigmoid}[self.function](z)


@replaces("ResBlock", norm=["norm1", "norm2", "norm1 and norm2"])
class NoNorm(Block):
    """You make {norm} but do not apply it. What happens in each line before silu?"""

    norm: str

    def normed(self, norm, x):
        name = "norm1" if norm is self.norm1 else "norm2"
        return x if name in self.norm else norm(x)


@replaces(
    "ResBlock", where=["in any block", "where the number of channels changes", "where it has the same shape as x"]
)
class NoResidual(Block):
    """You return h alone {where}. With conv2 at zero, what should be left of the result?"""

    where: str

    def join(self, x, h):
        alone = {"in any block": True, "where the number of channels changes": self.conv_shortcut is not None}
        return h if alone.get(self.where, self.conv_shortcut is None) else super().join(x, h)


@replaces("ResBlock")
class SumInPlace(Block):
    """Your block writes its result into x, which the network may have kept as a skip. Which of your operations writes
    into a tensor that it was given?"""

    def join(self, x, h):
        past = self.past(x)
        past += h
        return past


@replaces("ResBlock")
class ActivatedPast(Block):
    """You add silu(norm1(x)) to h, not x, and it is what your conv_shortcut gets. What goes past the convolutions in
    the formula?"""

    def past(self, x):
        return super().past(F.silu(self.norm1(x)))


@replaces("ResBlock")
class ScaledSum(Block):
    """Your result is the sum over √2, as in some diffusion models. What does the formula do with x + h?"""

    def join(self, x, h):
        return super().join(x, h) / math.sqrt(2)


@replaces("ResBlock")
class ShortcutAlways(Block):
    """Your block has a conv_shortcut even where the number of channels stays the same. What goes past the
    convolutions there, by the docstring?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        self.conv_shortcut = nn.Conv2d(in_channels, out_channels, 1)


@replaces("ResBlock")
class WideShortcut(Block):
    """Your conv_shortcut is 3 × 3. It only has to change the number of channels: how large is it in the docstring?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        if in_channels != out_channels:
            self.conv_shortcut = nn.Conv2d(in_channels, out_channels, 3, padding=1)


@replaces("ResBlock", module=["conv_shortcut", "time_emb_proj", "conv1", "conv2", "conv1 and conv2"])
class NoBias(Block):
    """There is no bias in your {module}. Which modules of the block have one, by the docstring?"""

    module: str

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        for name, part in self.named_children():
            if name in self.module:
                part.bias = None


@replaces("ResBlock", lost=[2, 4])
class NoPadding(Block):
    """Your h has {lost} rows and columns less than x, and the two no longer fit. How large is the result of a 3 × 3
    convolution without padding?"""

    lost: int

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        self.conv1.padding = (0, 0)
        if self.lost == 4:
            self.conv2.padding = (0, 0)


@replaces("ResBlock")
class BatchNorm(Block):
    """Your norms take mean and variance over the batch, so the result of an image depends on the others. Over what does
    GroupNorm take them?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        self.norm1, self.norm2 = nn.BatchNorm2d(in_channels), nn.BatchNorm2d(out_channels)


@replaces("ResBlock", made=["all channels are one group", "each channel is a group", "a group has `groups` channels"])
class OtherGroups(Block):
    """In your norms {made}. What does the docstring say of `groups`?"""

    made: str

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        for norm in (self.norm1, self.norm2):
            C = norm.num_channels
            number = {"all channels are one group": 1, "each channel is a group": C}
            norm.num_groups = number.get(self.made, C // groups)


@replaces("ResBlock")
class ChannelNorm(Block):
    """Your norms take mean and variance at each pixel alone, over the channels of a group. Over what else does
    GroupNorm take them?"""

    def normed(self, norm, x):
        parts = x.unflatten(1, (norm.num_groups, -1))
        variance, mean = torch.var_mean(parts, dim=2, correction=0, keepdim=True)
        parts = (parts - mean) * torch.rsqrt(variance + norm.eps)
        return parts.flatten(1, 2) * norm.weight[:, None, None] + norm.bias[:, None, None]


@replaces("ResBlock", wrong=["divide by the number of values less one", "add eps to the root of the variance"])
class OtherVariance(Block):
    """Your norms {wrong}. How does GroupNorm make numbers of variance 1?"""

    wrong: str

    def normed(self, norm, x):
        parts = x.flatten(2).unflatten(1, (norm.num_groups, -1)).flatten(2)
        less_one = "less one" in self.wrong
        variance, mean = torch.var_mean(parts, dim=-1, correction=1 if less_one else 0, keepdim=True)
        root = (variance + norm.eps).sqrt() if less_one else variance.sqrt() + norm.eps
        parts = ((parts - mean) / root).view(x.shape)
        return parts * norm.weight[:, None, None] + norm.bias[:, None, None]


@replaces("ResBlock", eps=[1e-3, 1e-6, 1e-8], norms=["norms", "norm1", "norm2"])
class OtherEps(Block):
    """The eps of your {norms} is {eps}. Which one does the docstring give?"""

    eps: float
    norms: str

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, groups)
        if self.norms != "norm2":
            self.norm1.eps = self.eps
        if self.norms != "norm1":
            self.norm2.eps = self.eps


@replaces("ResBlock", default=[1, 4, 32])
class OtherDefault(Block):
    """Your block has {default} groups if it is not told how many. What does the signature say?"""

    default: int

    def __init__(self, in_channels, out_channels, time_dim, groups=None):
        super().__init__(in_channels, out_channels, time_dim, self.default if groups is None else groups)


@replaces("ResBlock")
class GroupsAdapted(Block):
    """Where groups does not divide the channels, you take fewer groups, so a slip in a config goes unnoticed. What does
    the docstring raise?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        super().__init__(in_channels, out_channels, time_dim, math.gcd(groups, in_channels, out_channels))


@replaces("ResBlock")
class GroupsAsserted(Block):
    """You assert that groups divides the channels. Which exception does assert raise, and which one does the docstring
    name?"""

    def __init__(self, in_channels, out_channels, time_dim, groups=8):
        assert in_channels % groups == 0
        assert out_channels % groups == 0
        super().__init__(in_channels, out_channels, time_dim, groups)


# UNet


class Net(UNet):
    """The right network, with more places in which to go wrong."""

    def check(self, x):
        if any(side % 2 ** (len(self.down) - 1) for side in x.shape[2:]):
            raise ValueError("sides")

    def time(self, t, like):
        temb = timestep_embedding(t, self.base).to(like.dtype)
        return self.time2(F.silu(self.time1(temb)))

    def time_of(self, part, temb):
        """What the blocks of "down", "mid" or "up" get."""
        return temb

    def kept(self, i, before, after):
        """Skip i, of what came into the block and what came out."""
        return after

    def halved(self, i, h):
        return self.shrink[i](h)

    def doubled(self, i, h):
        return self.grow[i](F.interpolate(h, scale_factor=2, mode="nearest"))

    def middle(self, h, temb):
        return self.mid(h, temb)

    def joined(self, h, skips, i):
        return torch.cat([h, skips[i]], dim=1)

    def last(self, h):
        return self.conv_out(F.silu(self.norm_out(h)))

    def forward(self, x, t):
        self.check(x)
        temb = self.time(t, x)
        h, skips, L = self.conv_in(x), [], len(self.down)
        for i in range(L):
            before = h
            h = self.down[i](h, self.time_of("down", temb))
            skips.append(self.kept(i, before, h))
            if i < L - 1:
                h = self.halved(i, h)
        h = self.middle(h, self.time_of("mid", temb))
        for i in reversed(range(L)):
            h = self.up[i](self.joined(h, skips, i), self.time_of("up", temb))
            if i > 0:
                h = self.doubled(i - 1, h)
        return self.last(h)


@replaces("UNet")
class NoTimeMlpSilu(Net):
    """There is no silu between time1 and time2. Two linear maps in a row are one: what keeps them apart?"""

    def time(self, t, like):
        return self.time2(self.time1(timestep_embedding(t, self.base).to(like.dtype)))


@replaces("UNet", where=["after time2", "before time1"])
class OneSiluMore(Net):
    """You apply silu once more, {where}. How often does the docstring apply it to the time before the blocks?"""

    where: str

    def time(self, t, like):
        if self.where == "after time2":
            return F.silu(super().time(t, like))
        waves = F.silu(timestep_embedding(t, self.base).to(like.dtype))
        return self.time2(F.silu(self.time1(waves)))


@replaces("UNet")
class TimeWithoutCast(Net):
    """The embedding of a whole t is float32, and your time1 may have another dtype, so the two do not meet. Which dtype
    does time1 need?"""

    def time(self, t, like):
        return self.time2(F.silu(self.time1(timestep_embedding(t, self.base))))


@replaces("UNet", t=["made a whole number", "made float32"])
class TimesCast(Net):
    """Your t is {t} before the embedding. Which values may it have, and which dtypes?"""

    t: str

    def time(self, t, like):
        return super().time(t.long() if "whole" in self.t else t.float(), like)


@replaces("UNet", what=["the t of the first", "the mean of all t"])
class TimeOfOneRow(Net):
    """All rows of your batch get {what}. What does each row have for itself?"""

    what: str

    def time(self, t, like):
        one = t[:1] if "first" in self.what else t.double().mean(0, keepdim=True)
        return super().time(one.expand(len(t)), like)


@replaces(
    "UNet", blocks=["all your blocks", "your middle block", "your blocks on the way down", "your blocks on the way up"]
)
class TimeGoesNowhere(Net):
    """t has no effect in {blocks}. Which blocks need to know how much noise there is?"""

    blocks: str

    def time_of(self, part, temb):
        hit = "all" in self.blocks or {"mid": "middle"}.get(part, part) in self.blocks
        return torch.zeros_like(temb) if hit else temb


@replaces("UNet")
class NoMiddle(Net):
    """You make your middle block but do not use it. What comes between the way down and the way up?"""

    def middle(self, h, temb):
        return h


@replaces("UNet")
class SkipFirst(Net):
    """You join [skip, h]. The number of channels is right, but conv1 meets them in another order: which come first in
    the docstring?"""

    def joined(self, h, skips, i):
        return torch.cat([skips[i], h], dim=1)


@replaces("UNet")
class SkipsOfZeros(Net):
    """Your result does not depend on the skips, as if they were zeros. What is handed across on each level?"""

    def joined(self, h, skips, i):
        return torch.cat([h, torch.zeros_like(skips[i])], dim=1)


@replaces("UNet")
class SkipsDetached(Net):
    """Your result is right, but no gradient goes through the skips. Which step of your code leaves the graph?"""

    def joined(self, h, skips, i):
        return torch.cat([h, skips[i].detach()], dim=1)


@replaces("UNet")
class SkipBeforeBlock(Net):
    """Where the widths allow it, your skip is what goes into a block on the way down. What does the docstring keep, the
    input of down.i or its result?"""

    def kept(self, i, before, after):
        return before if before.shape == after.shape else after


@replaces("UNet")
class SkipsInOrder(Net):
    """You take the first skip first. The deepest level comes first on the way up: which skip has its size?"""

    def joined(self, h, skips, i):
        return torch.cat([h, skips[len(skips) - 1 - i]], dim=1)


@replaces("UNet")
class SkipAfterShrinking(Net):
    """Your skips are taken after the image was made smaller, and enlarged again. Where is the fine detail that a skip
    is for?"""

    def kept(self, i, before, after):
        if i == len(self.down) - 1:
            return after
        return F.interpolate(self.shrink[i](after), scale_factor=2, mode="nearest")


@replaces("UNet")
class AddsSkips(Net):
    """Each block of your way up reads as many channels as it gives out, as where skips are added. What does [h, skip]
    mean, and how many channels is that?"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__(channels, base, multipliers, groups)
        c = [base * m for m in multipliers]
        self.up = nn.ModuleList(ResBlock(w, w, 4 * base, groups) for w in c)
        self.grow = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(c[1:], c[:-1], strict=True))

    def joined(self, h, skips, i):
        return h + skips[i]


@replaces("UNet", by=["bilinear interpolation", "bicubic interpolation", "zeros between the pixels"])
class OtherDoubling(Net):
    """You enlarge by {by}. What does the docstring put in the three new places beside a pixel?"""

    by: str

    def doubled(self, i, h):
        if "zeros" in self.by:
            large = F.pad(h[:, :, :, None, :, None], (0, 1, 0, 0, 0, 1)).flatten(4, 5).flatten(2, 3)
        else:
            large = F.interpolate(h, scale_factor=2, mode=self.by.split()[0])
        return self.grow[i](large)


@replaces("UNet")
class GrowBeforeDoubling(Net):
    """Your grow comes before the pixels are repeated, so what it gives out consists of squares of 2 × 2. Which of the
    two comes first?"""

    def doubled(self, i, h):
        return F.interpolate(self.grow[i](h), scale_factor=2, mode="nearest")


@replaces("UNet")
class Tiled(Net):
    """Your larger image is four copies of the smaller one, side by side. The docstring repeats each pixel: where does
    its copy belong?"""

    def doubled(self, i, h):
        return self.grow[i](h.repeat(1, 1, 2, 2))


@replaces("UNet")
class NoGrow(Net):
    """You repeat the pixels but leave grow out. What comes after doubling?"""

    def doubled(self, i, h):
        return F.interpolate(h, scale_factor=2, mode="nearest")


@replaces("UNet", what=["the mean", "the largest"], when=["before", "after"])
class Pooled(Net):
    """You take {what} of 2 × 2 pixels {when} a convolution with stride 1. What makes the image smaller in the
    docstring?"""

    what: str
    when: str

    def halved(self, i, h):
        pool = F.avg_pool2d if "mean" in self.what else F.max_pool2d
        h = pool(h, 2) if self.when == "before" else h
        h = F.conv2d(h, self.shrink[i].weight, self.shrink[i].bias, padding=1)
        return pool(h, 2) if self.when == "after" else h


@replaces("UNet")
class PaddedOnOneSide(Net):
    """Before the convolution with stride 2 you pad only below and on the right. Which sides does padding 1 mean?"""

    def halved(self, i, h):
        return F.conv2d(F.pad(h, (0, 1, 0, 1)), self.shrink[i].weight, self.shrink[i].bias, stride=2)


@replaces("UNet")
class NoLastSilu(Net):
    """There is no silu between norm_out and conv_out. What are the steps of the docstring's last line?"""

    def last(self, h):
        return self.conv_out(self.norm_out(h))


@replaces("UNet")
class NoLastNorm(Net):
    """You make norm_out but do not use it. What happens to h before the last silu?"""

    def last(self, h):
        return self.conv_out(F.silu(h))


@replaces("UNet")
class AddsImage(Net):
    """You add the input image to the result. What does the docstring return?"""

    def forward(self, x, t):
        return x + super().forward(x, t)


@replaces("UNet", number=[1, 2, 8])
class GroupsNotPassed(UNet):
    """Your blocks have {number} groups, whatever `groups` is. How does each of them get to know it?"""

    number: int

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__(channels, base, multipliers, self.number)
        self.norm_out = nn.GroupNorm(groups, base * multipliers[0])


@replaces("UNet", number=[1, 8, 32])
class LastNormOfOtherGroups(UNet):
    """Your norm_out has {number} groups, whatever `groups` is. Which modules have a GroupNorm, and where does each get
    its number from?"""

    number: int

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__(channels, base, multipliers, groups)
        self.norm_out = nn.GroupNorm(self.number, base * multipliers[0])


@replaces("UNet", eps=[1e-3, 1e-6, 1e-8])
class OtherLastEps(UNet):
    """The eps of your norm_out is {eps}. Which one does the docstring give?"""

    eps: float

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__(channels, base, multipliers, groups)
        self.norm_out.eps = self.eps


@replaces("UNet")
class FromTheDeepest(Net):
    """Your lists up and grow begin with the deepest level, so up.0 has the shapes of another one. Which level is number
    0 on the way down, and which on the way up?"""

    def __init__(self, channels, base, multipliers=(1, 2, 4), groups=8):
        super().__init__(channels, base, multipliers, groups)
        self.up, self.grow = nn.ModuleList(reversed(self.up)), nn.ModuleList(reversed(self.grow))

    def forward(self, x, t):
        self.check(x)
        temb = self.time(t, x)
        h, skips, L = self.conv_in(x), [], len(self.down)
        for i in range(L):
            h = self.down[i](h, temb)
            skips.append(h)
            if i < L - 1:
                h = self.shrink[i](h)
        h = self.mid(h, temb)
        for i in range(L):
            h = self.up[i](torch.cat([h, skips.pop()], dim=1), temb)
            if i < L - 1:
                h = self.doubled(i, h)
        return self.last(h)


@replaces("UNet")
class Crops(Net):
    """Where the sides cannot be halved, what comes up gets the size of the skip. 7 halves to 4 and doubles to 8: what
    should happen to an image like that?"""

    def check(self, x):
        pass

    def joined(self, h, skips, i):
        return super().joined(F.interpolate(h, size=skips[i].shape[2:], mode="nearest"), skips, i)


@replaces("UNet")
class NoCheck(Net):
    """An image that cannot be halved so often ends in an error of torch.cat. Where can you tell before that, and which
    exception does the docstring name?"""

    def check(self, x):
        pass


@replaces("UNet", side=["height", "width"])
class ChecksOneSide(Net):
    """You check the {side} alone. Which sides does shrink halve?"""

    side: str

    def check(self, x):
        if x.shape[2 if self.side == "height" else 3] % 2 ** (len(self.down) - 1):
            raise ValueError(self.side)


@replaces("UNet")
class ChecksArea(Net):
    """You check the number of pixels. Of 3 × 8 pixels, can both sides be halved?"""

    def check(self, x):
        if x.shape[2] * x.shape[3] % 4 ** (len(self.down) - 1):
            raise ValueError("area")


@replaces("UNet")
class ChecksEven(Net):
    """You only refuse sides that are odd. How often is an image of three levels halved?"""

    def check(self, x):
        if len(self.down) > 1 and any(side % 2 for side in x.shape[2:]):
            raise ValueError("odd")


@replaces("UNet", halvings=["L", "L - 2"])
class ChecksOtherHalvings(Net):
    """You check whether the sides can be halved {halvings} times. How many shrink does a network of L levels have?"""

    halvings: str

    def check(self, x):
        L = len(self.down)
        if any(side % 2 ** (L if self.halvings == "L" else max(L - 2, 0)) for side in x.shape[2:]):
            raise ValueError("sides")


@replaces("UNet")
class ChecksByAssert(Net):
    """You assert that the sides can be halved. Which exception does assert raise, and which one does the docstring
    name?"""

    def check(self, x):
        assert all(side % 2 ** (len(self.down) - 1) == 0 for side in x.shape[2:])
