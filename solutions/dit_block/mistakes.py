"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from dit_block import DiTBlock, dit_param_count, modulate, timestep_embedding
from torch import Tensor, nn

from grader.testing import replaces


def angles(t: Tensor, dim: int, max_period: float, divisor: float | None = None) -> Tensor:
    """(B, half), with another number below j than half."""
    t = t if t.dtype == torch.float64 else t.float()
    half = dim // 2
    j = torch.arange(half, dtype=t.dtype)
    return t[:, None] * torch.exp(-math.log(max_period) * j / (half if divisor is None else divisor))


def padded(halves: list[Tensor], dim: int) -> Tensor:
    return F.pad(torch.cat(halves, dim=-1), (0, dim % 2))


@replaces("timestep_embedding")
def sine_first(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your sines come before the cosines, as in the first transformer. Which come first in the statement?"""
    a = angles(t, dim, max_period)
    return padded([a.sin(), a.cos()], dim)


@replaces("timestep_embedding")
def interleaved(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your cosines and sines alternate. Which numbers are at positions 0 to half − 1 in the statement, and which
    after them?"""
    a = angles(t, dim, max_period)
    return F.pad(torch.stack([a.cos(), a.sin()], dim=-1).flatten(1), (0, dim % 2))


@replaces("timestep_embedding", less=[1, -1])
def last_is_period(t: Tensor, dim: int, max_period: float = 10000.0, *, less: int) -> Tensor:
    """Your j is divided by a number that is off by one. Some codes end at exactly 1/max_period: what does the
    statement divide j by?"""
    a = angles(t, dim, max_period, max(dim // 2 - less, 1))
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def divided_by_dim(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your exponents run over half of their range only: j is divided by dim. There are half frequencies, so what does
    j / half run to?"""
    a = angles(t, dim, max_period, dim)
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def counted_from_one(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your first frequency is not 1. From which number does j count?"""
    a = angles(t, dim, max_period) * max_period ** (-1 / (dim // 2))
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def half_of_odd(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """For odd widths your frequencies are those of j / (dim/2). What is half in the statement, if dim is 7?"""
    a = angles(t, dim, max_period, dim / 2)
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def odd_too_short(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """For an odd dim your result is one column short. What belongs there?"""
    a = angles(t, dim, max_period)
    return torch.cat([a.cos(), a.sin()], dim=-1)


@replaces("timestep_embedding")
def odd_in_front(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """For an odd dim your 0 comes first and moves all other columns by one. Where does the statement put it?"""
    a = angles(t, dim, max_period)
    return F.pad(torch.cat([a.cos(), a.sin()], dim=-1), (dim % 2, 0))


@replaces("timestep_embedding")
def one_more_sine(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """For an odd dim your last column is not 0. How many pairs of a cosine and a sine does half count?"""
    half = (dim + 1) // 2
    a = angles(t, 2 * half, max_period)
    return torch.cat([a.cos(), a.sin()], dim=-1)[:, :dim]


@replaces("timestep_embedding")
def period_fixed(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """max_period has no effect: your frequencies always fall to near 1/10000. Which number is the base of the
    powers?"""
    return timestep_embedding(t, dim)


@replaces("timestep_embedding")
def rising(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your frequencies grow with j, up to nearly max_period, where neighboring time steps have nothing in common.
    What is the sign of the exponent?"""
    a = angles(t, dim, 1 / max_period)
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def turns(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your angles are 2π times as large as the formula's. In which unit does cos take its angle?"""
    a = 2 * math.pi * angles(t, dim, max_period)
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def whole_steps(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your embedding drops the fraction of t. What do samplers give that take fewer steps than the training?"""
    return timestep_embedding(t.trunc(), dim, max_period)


@replaces("timestep_embedding", cast=["first", "last", "to float32 and back"])
def digits_lost(t: Tensor, dim: int, max_period: float = 10000.0, *, cast: str) -> Tensor:
    """A t in float64 does not keep its digits or its dtype in your code. In which dtype should the angles be computed,
    and which dtype does the docstring promise?"""
    found = timestep_embedding(t if cast == "last" else t.float(), dim, max_period)
    return found.to(torch.promote_types(t.dtype, torch.float32)) if cast == "to float32 and back" else found.float()


@replaces("timestep_embedding")
def dtype_of_t(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """A t in half precision is computed in half precision, where angles have three digits. Which two dtypes can the
    result have, by the docstring?"""
    half = dim // 2
    t = t if t.is_floating_point() else t.float()
    a = t[:, None] * torch.exp(-math.log(max_period) * torch.arange(half, dtype=t.dtype) / half)
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding", how=["powers", "exp", "powers of a float32 t"])
def float32_frequencies(t: Tensor, dim: int, max_period: float = 10000.0, *, how: str) -> Tensor:
    """Your frequencies have the digits of float32, which a t in float64 does not bring back. Follow them from the
    first whole numbers to the angles: where do they become float32?"""
    j, half = torch.arange(dim // 2), dim // 2
    omega = torch.exp(-math.log(max_period) * j / half) if how == "exp" else max_period ** (-j / half)
    a = (t.float() if "float32" in how else t)[:, None] * omega
    return padded([a.cos(), a.sin()], dim).to(torch.promote_types(t.dtype, torch.float32))


@replaces("modulate")
def without_one(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Your x is multiplied by scale. With scale and shift at zero, as in a new block, nothing of x is left: which
    factor would leave x as it is?"""
    return x * scale[:, None] + shift[:, None]


@replaces("modulate")
def shift_then_scale(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Your shift is scaled as well. What does (1 + scale) multiply in the formula?"""
    return (x + shift[:, None]) * (1 + scale[:, None])


@replaces("modulate")
def roles_swapped(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Shift and scale are exchanged in your result. Which of the two is added?"""
    return modulate(x, scale, shift)


@replaces("modulate")
def row_by_token(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Your rows of shift and scale meet the tokens and not the images: (B, D) is lined up with (B, T, D) from the
    right. Where is an axis of length 1 missing?"""
    return x * (1 + scale) + shift


@replaces("modulate")
def first_image(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """All images get the condition of the first one. Which axis of shift and scale has the images?"""
    return modulate(x, shift[:1], scale[:1])


class Parts(DiTBlock):
    """The right block, with more places in which to go wrong."""

    def knobs(self, c):
        return self.ada(F.silu(c)).chunk(6, dim=-1)

    def split(self, a):
        B, T, _ = a.shape
        return self.qkv(a).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)

    def attend(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v)

    def join(self, attended):
        return attended.transpose(1, 2).flatten(2)

    def act(self, hidden):
        return F.gelu(hidden, approximate="tanh")

    def attention(self, a):
        return self.proj(self.join(self.attend(*self.split(a))))

    def mlp(self, a):
        return self.fc2(self.act(self.fc1(a)))

    def enter(self, x, shift, scale):
        return modulate(self.norm(x), shift, scale)

    def leave(self, x, gate, branch):
        return x + gate[:, None] * branch

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        h = self.leave(x, gate1, self.attention(self.enter(x, shift1, scale1)))
        return self.leave(h, gate2, self.mlp(self.enter(h, shift2, scale2)))


@replaces(
    "DiTBlock",
    order=["gate, shift, scale", "gate, scale, shift", "scale, shift, gate", "shift, gate, scale"],
)
class OtherOrder(Parts):
    """Your vectors come from ada in another order than the formula's, as if each three were {order}. A checkpoint would
    load into that without complaint. What are the first D rows of ada?"""

    order: str

    def knobs(self, c):
        knobs = super().knobs(c)
        names = self.order.split(", ")
        return tuple(knobs[three + names.index(name)] for three in (0, 3) for name in ("shift", "scale", "gate"))


@replaces("DiTBlock", mlp_first=[False, True])
class KindByKind(Parts):
    """Your vectors come from ada as two shifts, two scales and two gates. Which three vectors come first in the
    formula?"""

    mlp_first: bool

    def knobs(self, c):
        knobs = super().knobs(c)
        attention, mlp = knobs[::2], knobs[1::2]
        return (*mlp, *attention) if self.mlp_first else (*attention, *mlp)


@replaces("DiTBlock")
class MlpFirst(Parts):
    """Your MLP has the first three vectors and attention the last three. Which come first in the formula?"""

    def knobs(self, c):
        knobs = super().knobs(c)
        return *knobs[3:], *knobs[:3]


@replaces("DiTBlock")
class OneSet(Parts):
    """Your MLP branch is modulated and gated by the vectors of attention, and half of ada has no effect. Which
    vectors does the second formula use?"""

    def knobs(self, c):
        knobs = super().knobs(c)
        return *knobs[:3], *knobs[:3]


@replaces("DiTBlock")
class NoSilu(Parts):
    """The condition goes into ada as it is. What does the formula apply to c first?"""

    def knobs(self, c):
        return self.ada(c).chunk(6, dim=-1)


@replaces("DiTBlock")
class SiluAfter(Parts):
    """Your six vectors have been through silu, so they are hardly ever negative. What does the formula apply silu
    to?"""

    def knobs(self, c):
        return F.silu(self.ada(c)).chunk(6, dim=-1)


@replaces("DiTBlock")
class SixByView(Parts):
    """Each of your vectors takes every sixth number of ada. In which order are the rows of ada in the table: six
    numbers for each channel, or six blocks of D?"""

    def knobs(self, c):
        return self.ada(F.silu(c)).view(len(c), -1, 6).unbind(-1)


@replaces("DiTBlock", of=["both branches", "the attention branch", "the MLP branch"])
class NoGate(Parts):
    """Your gate has no effect on {of}. What multiplies the result of a branch in the formula?"""

    of: str

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        one = torch.ones_like(gate1)
        gate1, gate2 = one if "MLP" not in self.of else gate1, one if "attention" not in self.of else gate2
        h = self.leave(x, gate1, self.attention(self.enter(x, shift1, scale1)))
        return self.leave(h, gate2, self.mlp(self.enter(h, shift2, scale2)))


@replaces("DiTBlock")
class GateFromOne(Parts):
    """A new block of yours adds its branches in full, as if the gate were 1 + gate. Which knob of the formula has a
    1?"""

    def leave(self, x, gate, branch):
        return x + (1 + gate[:, None]) * branch


@replaces("DiTBlock")
class SumGated(Parts):
    """Your gate multiplies the whole sum. What is left of x in a new block, where the gate is 0?"""

    def leave(self, x, gate, branch):
        return gate[:, None] * (x + branch)


@replaces("DiTBlock")
class SquashedGate(Parts):
    """Your gate passes through a tanh. What does the formula multiply a branch by?"""

    def leave(self, x, gate, branch):
        return x + gate.tanh()[:, None] * branch


@replaces("DiTBlock", of=["both branches", "the attention branch", "the MLP branch"])
class GateInFront(Parts):
    """The gate of {of} multiplies what goes in. Biases of a branch get past a gate of 0 there: where is the gate in
    the formula?"""

    of: str

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        a, one = self.enter(x, shift1, scale1), torch.ones_like(gate1)
        if self.of == "the MLP branch":
            h = self.leave(x, gate1, self.attention(a))
        else:
            h = self.leave(x, one, self.attention(gate1[:, None] * a))
        a = self.enter(h, shift2, scale2)
        if self.of == "the attention branch":
            return self.leave(h, gate2, self.mlp(a))
        return self.leave(h, one, self.mlp(gate2[:, None] * a))


@replaces("DiTBlock")
class NoNorm(Parts):
    """Your tokens are modulated without LN. shift and scale replace the weight and bias of LN: do they replace LN
    itself?"""

    def enter(self, x, shift, scale):
        return modulate(x, shift, scale)


@replaces("DiTBlock")
class NormAfterModulation(Parts):
    """Your tokens are normalized after they are modulated, which undoes most of the shift and scale. Which of the
    two comes first in the formula?"""

    def enter(self, x, shift, scale):
        return self.norm(modulate(x, shift, scale))


@replaces("DiTBlock", kept=["scale", "shift", "neither"])
class HalfModulated(Parts):
    """Vectors of your ada have no effect on what goes into the branches. Which two work there, by the formula?"""

    kept: str

    def enter(self, x, shift, scale):
        none = torch.zeros_like(shift)
        return modulate(self.norm(x), shift if self.kept == "shift" else none, scale if self.kept == "scale" else none)


@replaces("DiTBlock")
class ScaleWithoutOne(Parts):
    """Your block multiplies LN(x) by scale, and not by 1 + scale: in a new block the branches see nothing of
    x."""

    def enter(self, x, shift, scale):
        return self.norm(x) * scale[:, None] + shift[:, None]


@replaces("DiTBlock")
class AffineNorms(DiTBlock):
    """Your LayerNorm has a weight and a bias of its own. What does their work here, and which option of
    nn.LayerNorm leaves them out?"""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__(dim, heads, mlp_dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)


@replaces("DiTBlock", eps=[1e-5, 1e-3, 1e-7, 1e-8, 1e-12, 0.0])
class OtherEps(DiTBlock):
    """Your LN has another eps than the statement's: {eps}. Which number does the statement add to σ²?"""

    eps: float

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__(dim, heads, mlp_dim)
        self.norm = nn.LayerNorm(dim, eps=self.eps, elementwise_affine=False)


@replaces("DiTBlock", unbiased=[True, False])
class EpsElsewhere(Parts):
    """Your LN is close to the right one, but its spread is not √(σ² + 10⁻⁶). By which number of values is σ² divided,
    and where is the 10⁻⁶?"""

    unbiased: bool

    def enter(self, x, shift, scale):
        middle, spread = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=self.unbiased)
        spread = (spread + 1e-6).sqrt() if self.unbiased else spread.sqrt() + 1e-6
        return modulate((x - middle) / spread, shift, scale)


@replaces("DiTBlock")
class RootMeanSquare(Parts):
    """Your tokens keep their mean: you divide by a root of squares. What does LN subtract first?"""

    def enter(self, x, shift, scale):
        return modulate(x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt(), shift, scale)


@replaces("DiTBlock")
class AdaNotZero(DiTBlock):
    """Your ada starts with random numbers, so a new block already changes x. Which map should be zero in a new
    block?"""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__(dim, heads, mlp_dim)
        self.ada.reset_parameters()


@replaces("DiTBlock")
class AdaBiasNotZero(DiTBlock):
    """The weight of your ada starts at zero and its bias does not, so a new block changes x. What is ada(silu(c))
    if only the weight is zero?"""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__(dim, heads, mlp_dim)
        bias = nn.Linear(dim, 6 * dim).bias
        self.ada.bias = nn.Parameter(bias.detach())


@replaces("DiTBlock")
class BranchesZeroToo(DiTBlock):
    """You set proj and fc2 to zero beside ada. The gradient of a gate is the branch, and that of the branch is
    the gate: if both are zero, what will ever move?"""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__(dim, heads, mlp_dim)
        for linear in (self.proj, self.fc2):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)


@replaces("DiTBlock")
class LastWeightsZeroToo(DiTBlock):
    """The weights of proj and fc2 are zero in your new block, so a branch gives the same to every token. Which map
    alone starts at zero in adaLN-Zero?"""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__(dim, heads, mlp_dim)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.fc2.weight)


@replaces("DiTBlock")
class FirstWeightsZeroToo(DiTBlock):
    """The weights of qkv and fc1 are zero in your new block, so no branch reads its tokens. Which map alone starts
    at zero in adaLN-Zero?"""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__(dim, heads, mlp_dim)
        nn.init.zeros_(self.qkv.weight)
        nn.init.zeros_(self.fc1.weight)


@replaces("DiTBlock", name=["the exact gelu", "silu", "relu", "the gelu of a sigmoid"])
class OtherActivation(Parts):
    """Your MLP has {name} between fc1 and fc2. Which function of x does the statement write out?"""

    name: str

    def act(self, hidden):
        if self.name == "the gelu of a sigmoid":
            return hidden * torch.sigmoid(1.702 * hidden)
        return {"the exact gelu": F.gelu, "silu": F.silu, "relu": F.relu}[self.name](hidden)


@replaces("DiTBlock")
class SecondFromX(Parts):
    """Your MLP branch reads x. What does the second formula take LN of?"""

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        h = self.leave(x, gate1, self.attention(self.enter(x, shift1, scale1)))
        return self.leave(h, gate2, self.mlp(self.enter(x, shift2, scale2)))


@replaces("DiTBlock")
class PostNorm(Parts):
    """Your sums are normalized, as in BERT. Where is LN in the formulas, and how else could a new block return
    x?"""

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        h = modulate(self.norm(self.leave(x, gate1, self.attention(x))), shift1, scale1)
        return modulate(self.norm(self.leave(h, gate2, self.mlp(h))), shift2, scale2)


@replaces("DiTBlock")
class Causal(Parts):
    """Your patches see only the patches before them. Which patches of an image may a patch look at?"""

    def attend(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


@replaces("DiTBlock")
class OneHead(Parts):
    """Your attention has one head of width D, whatever heads is. Into how many parts are q, k and v split?"""

    def split(self, a):
        return self.qkv(a)[:, None].chunk(3, dim=-1)


@replaces("DiTBlock", factor=["1/√D", "1", "1/K", "1/H", "√K", "1/√H"])
class OtherScale(Parts):
    """Your scores are multiplied by {factor}. How many terms does the dot product of two heads have, and which factor
    does the statement give?"""

    factor: str

    def attend(self, q, k, v):
        H, K = self.heads, q.shape[-1]
        scale = {"1/√D": (H * K) ** -0.5, "1": 1.0, "1/K": 1 / K, "1/H": 1 / H, "√K": K**0.5, "1/√H": H**-0.5}
        return F.scaled_dot_product_attention(q, k, v, scale=scale[self.factor])


@replaces("DiTBlock")
class SoftmaxOverQueries(Parts):
    """The softmax of your attention runs over the tokens that ask, so the weights with which one token reads do not add
    up to 1. Over which axis of the scores does it run?"""

    def attend(self, q, k, v):
        return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-2) @ v


@replaces("DiTBlock")
class PerHead(Parts):
    """Your rows of qkv come head by head, each with its q, k and v. Which rows belong to q in the table?"""

    def split(self, a):
        B, T, _ = a.shape
        return self.qkv(a).view(B, T, self.heads, 3, -1).permute(3, 0, 2, 1, 4)


@replaces("DiTBlock")
class HeadsByView(Parts):
    """Your heads hold pieces of several tokens: a view of (B, T, D) as (B, H, T, K) moves nothing. Which axis
    should be split, and which axes exchanged?"""

    def split(self, a):
        B, T, D = a.shape
        return [p.reshape(B, self.heads, T, D // self.heads) for p in self.qkv(a).chunk(3, dim=-1)]

    def join(self, attended):
        return attended.reshape(attended.shape[0], attended.shape[2], -1)


@replaces("DiTBlock", on_the_way_out=[True, False])
class HeadsInterleaved(Parts):
    """Your heads take every H-th number. Which K rows of q does head h have in the table?"""

    on_the_way_out: bool

    def split(self, a):
        return self.qkv(a).unflatten(-1, (3, -1, self.heads)).permute(2, 0, 4, 1, 3)

    def join(self, attended):
        return attended.permute(0, 2, 3, 1).flatten(2) if self.on_the_way_out else super().join(attended)


@replaces("DiTBlock")
class MergeByView(Parts):
    """Your heads are merged so that several tokens end up in one row. Which axis should be right before K when (B,
    H, T, K) becomes (B, T, D)?"""

    def join(self, attended):
        return attended.reshape(attended.shape[0], attended.shape[2], -1)


@replaces("DiTBlock")
class NoProj(Parts):
    """Your attention branch ends with the heads side by side. Which matrix do they pass through next?"""

    def attention(self, a):
        return self.join(self.attend(*self.split(a)))


@replaces("DiTBlock")
class DetachedCondition(Parts):
    """No gradient reaches c, through which the embeddings of time and class learn. What in your code cuts it
    off?"""

    def knobs(self, c):
        return super().knobs(c.detach())


@replaces("DiTBlock")
class DetachedGate(Parts):
    """No gradient reaches the gates. They start at 0: how can a gate change without a gradient?"""

    def leave(self, x, gate, branch):
        return x + gate.detach()[:, None] * branch


@replaces("DiTBlock")
class ModulatedBehind(Parts):
    """Your branches read LN(x), and shift and scale change what comes out of them. In the formula a branch reads tokens
    that are modulated already: which comes first, the branch or the modulation?"""

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        h = self.leave(x, gate1, modulate(self.attention(self.norm(x)), shift1, scale1))
        return self.leave(h, gate2, modulate(self.mlp(self.norm(h)), shift2, scale2))


@replaces("DiTBlock")
class NormOverTokens(Parts):
    """Your LN takes mean and variance of one channel over all tokens. LN looks at one token at a time: over which axis
    of (B, T, D) does it run?"""

    def enter(self, x, shift, scale):
        middle, spread = x.mean(1, keepdim=True), x.var(1, keepdim=True, unbiased=False)
        return modulate((x - middle) / torch.sqrt(spread + 1e-6), shift, scale)


@replaces("DiTBlock", of=[2, 5])
class OneGate(Parts):
    """Both of your branches have the same gate. How many gates are there among the six vectors?"""

    of: int

    def knobs(self, c):
        knobs = super().knobs(c)
        return *knobs[:2], knobs[self.of], *knobs[3:5], knobs[self.of]


@replaces("DiTBlock", branch=["attention", "MLP"])
class OneWithoutNorm(Parts):
    """Your {branch} branch reads tokens that are modulated without LN. What does the formula do with the tokens before
    they are modulated?"""

    branch: str

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        first, second = (modulate, self.enter) if self.branch == "attention" else (self.enter, modulate)
        h = self.leave(x, gate1, self.attention(first(x, shift1, scale1)))
        return self.leave(h, gate2, self.mlp(second(h, shift2, scale2)))


@replaces("DiTBlock", of=["LN(x)", "what is modulated"])
class SkipFromNorm(Parts):
    """Your branch is added to {of}. What passes beside a branch in the formula?"""

    of: str

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        a = self.enter(x, shift1, scale1)
        h = self.leave(self.norm(x) if self.of == "LN(x)" else a, gate1, self.attention(a))
        a = self.enter(h, shift2, scale2)
        return self.leave(self.norm(h) if self.of == "LN(x)" else a, gate2, self.mlp(a))


@replaces("DiTBlock")
class WithoutSkip(Parts):
    """Your block returns the gated branches alone. What is added to a branch in the formula, so that a new block
    returns x?"""

    def leave(self, x, gate, branch):
        return gate[:, None] * branch


@replaces("DiTBlock")
class ConditionAsToken(Parts):
    """In your attention the tokens also look at c. How does the condition enter a block, by the formulas?"""

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        tokens = torch.cat([c[:, None], self.enter(x, shift1, scale1)], dim=1)
        h = self.leave(x, gate1, self.attention(tokens)[:, 1:])
        return self.leave(h, gate2, self.mlp(self.enter(h, shift2, scale2)))


def given(sizes):
    """All sizes of a model, those of DiT where none is given."""
    dit = {"patch": 2, "channels": 4, "input_size": 32, "mlp_ratio": 4.0, "num_classes": 1000, "learn_sigma": True}
    return {**dit, **sizes}


def out_channels(sizes):
    return given(sizes)["channels"] * (2 if given(sizes)["learn_sigma"] else 1)


@replaces("dit_param_count", rows=[-1, 1])
def other_table(dim, depth, *, rows, **sizes):
    """Your count has one row of D too many or too few. How many rows does the table of classes have, and does a table
    have a bias?"""
    return dit_param_count(dim, depth, **sizes) + rows * dim


@replaces("dit_param_count", more=[0, 1])
def positions_counted(dim, depth, *, more, **sizes):
    """Your count depends on input_size: a position for each patch is trained. What does training change in a fixed
    table of sines?"""
    side = given(sizes)["input_size"] // given(sizes)["patch"]
    return dit_param_count(dim, depth, **sizes) + (side**2 + more) * dim


@replaces("dit_param_count", always=[False, True])
def sigma_ignored(dim, depth, *, always, **sizes):
    """learn_sigma has no effect in your count. How many channels does the output have with it, and how many without?"""
    return dit_param_count(dim, depth, **{**sizes, "learn_sigma": always})


@replaces("dit_param_count", vectors=[0, 3, 4, 6])
def final_ada_of_another_size(dim, depth, *, vectors, **sizes):
    """Your final adaLN has {vectors} vectors. It has no gate and one place to work: which vectors are left?"""
    return dit_param_count(dim, depth, **sizes) + (dim + 1) * (vectors - 2) * dim


@replaces("dit_param_count", blocks=["no block", "one block only", "one block too many"])
def ada_of_other_blocks(dim, depth, *, blocks, **sizes):
    """ada counts for {blocks} in your model. How many maps from c does each block of a DiT have of its own?"""
    counted = {"no block": 0, "one block only": 1, "one block too many": depth + 1}[blocks]
    return dit_param_count(dim, depth, **sizes) + (counted - depth) * (dim + 1) * 6 * dim


@replaces("dit_param_count", vectors=[2, 3, 4])
def ada_of_another_size(dim, depth, *, vectors, **sizes):
    """The ada of your blocks has {vectors} vectors. Which knobs does a block have for its two branches?"""
    return dit_param_count(dim, depth, **sizes) + depth * (dim + 1) * (vectors - 6) * dim


@replaces("dit_param_count", of=["all maps", "ada", "the blocks"])
def without_biases(dim, depth, *, of, **sizes):
    """Biases of {of} are missing in your count. Which linear maps of the tables have one?"""
    of_blocks = depth * (5 * dim + int(given(sizes)["mlp_ratio"] * dim))
    of_ada = depth * 6 * dim
    others = 5 * dim + given(sizes)["patch"] ** 2 * out_channels(sizes)
    biases = {"all maps": of_blocks + of_ada + others, "ada": of_ada, "the blocks": of_blocks + of_ada}
    return dit_param_count(dim, depth, **sizes) - biases[of]


@replaces("dit_param_count", final=[0, 1])
def affine_norms_counted(dim, depth, *, final, **sizes):
    """Norms have a weight and a bias in your count. Where do shift and scale come from in a DiT?"""
    return dit_param_count(dim, depth, **sizes) + (2 * depth + final) * 2 * dim


@replaces("dit_param_count")
def ratio_of_four(dim, depth, **sizes):
    """mlp_ratio has no effect: your MLP is always 4D wide. Which argument gives its width?"""
    return dit_param_count(dim, depth, **{**sizes, "mlp_ratio": 4.0})


@replaces("dit_param_count", up=[False, True])
def whole_ratio(dim, depth, *, up, **sizes):
    """Your mlp_ratio is a whole number before it is multiplied by dim. An MLP may be 2.5 D wide: which number is whole,
    by the docstring?"""
    ratio = given(sizes)["mlp_ratio"]
    return dit_param_count(dim, depth, **{**sizes, "mlp_ratio": math.ceil(ratio) if up else int(ratio)})


@replaces("dit_param_count", maps=["both", "the first", "the second"])
def time_maps_missing(dim, depth, *, maps, **sizes):
    """Your count lacks {maps} of the maps of the time step. How do 256 frequencies become a vector of D, and what
    happens to it then?"""
    first, second = (256 + 1) * dim, (dim + 1) * dim
    missing = {"both": first + second, "the first": first, "the second": second}[maps]
    return dit_param_count(dim, depth, **sizes) - missing


@replaces("dit_param_count", width=["dim", 128])
def time_from_another_width(dim, depth, *, width, **sizes):
    """Your first map of the time step starts from {width} numbers. How many frequencies does the table give it?"""
    return dit_param_count(dim, depth, **sizes) + ((dim if width == "dim" else width) - 256) * dim


@replaces("dit_param_count")
def patch_not_squared(dim, depth, **sizes):
    """Your patch has P numbers of each channel. How many pixels does a patch of side P have?"""
    patch, channels = given(sizes)["patch"], given(sizes)["channels"]
    return dit_param_count(dim, depth, **sizes) - (patch**2 - patch) * (
        channels * dim + (dim + 1) * out_channels(sizes)
    )


@replaces("dit_param_count")
def output_of_one_pixel(dim, depth, **sizes):
    """Your output layer makes the channels of one pixel from each token. A token stands for a patch: how many pixels
    does a patch have?"""
    return dit_param_count(dim, depth, **sizes) - (dim + 1) * (given(sizes)["patch"] ** 2 - 1) * out_channels(sizes)


@replaces("dit_param_count")
def final_norm_alone(dim, depth, **sizes):
    """Your final layer has a norm with a weight and a bias of its own. Where do its scale and shift come from in a
    DiT?"""
    return dit_param_count(dim, depth, **sizes) - (dim + 1) * 2 * dim + 2 * dim


@replaces("dit_param_count")
def depth_ignored(dim, depth, **sizes):
    """Your count has one block, whatever depth is. How many blocks does the model have?"""
    return dit_param_count(dim, 1, **sizes)
