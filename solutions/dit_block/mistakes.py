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
    """You put the sines first, as the first transformer did. A DiT was trained with the cosines in front."""
    a = angles(t, dim, max_period)
    return padded([a.sin(), a.cos()], dim)


@replaces("timestep_embedding")
def interleaved(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your cosines and sines take turns. Here they are two blocks: what stands at j = 0 and what at j =
    half?"""
    a = angles(t, dim, max_period)
    return F.pad(torch.stack([a.cos(), a.sin()], dim=-1).flatten(1), (0, dim % 2))


@replaces("timestep_embedding")
def last_is_period(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your slowest frequency is 1/max_period: you divided j by half - 1, as DDPM's code does. Here max_period
    is not quite reached."""
    a = angles(t, dim, max_period, max(dim // 2 - 1, 1))
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def divided_by_dim(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your exponents run over half of their range only: j was divided by dim. There are half frequencies, so
    what does j / half run to?"""
    a = angles(t, dim, max_period, dim)
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def half_of_odd(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """For even widths all is right. For odd ones your exponent is 2j / dim, and half is rounded down before it
    divides."""
    a = angles(t, dim, max_period, dim / 2)
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def odd_too_short(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """For an odd dim your result is one column short. What belongs there?"""
    a = angles(t, dim, max_period)
    return torch.cat([a.cos(), a.sin()], dim=-1)


@replaces("timestep_embedding")
def odd_in_front(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """For an odd dim your 0 stands in front and moves all other columns by one. It belongs to the end."""
    a = angles(t, dim, max_period)
    return F.pad(torch.cat([a.cos(), a.sin()], dim=-1), (dim % 2, 0))


@replaces("timestep_embedding")
def one_more_sine(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """For an odd dim you filled the last column with a further cosine. There is a 0, and half counts whole
    pairs."""
    half = (dim + 1) // 2
    a = angles(t, 2 * half, max_period)
    return torch.cat([a.cos(), a.sin()], dim=-1)[:, :dim]


@replaces("timestep_embedding")
def period_fixed(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """max_period has no effect: your frequencies always end near 1/10000. Which number is the base of the
    powers?"""
    return timestep_embedding(t, dim)


@replaces("timestep_embedding")
def rising(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your frequencies grow with j, up to nearly max_period, where neighbouring time steps have nothing in
    common. Check the sign of the exponent."""
    a = angles(t, dim, 1 / max_period)
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def turns(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """You multiplied the angles by 2π. The frequencies here are per radian: the formula has cos(t ω)."""
    a = 2 * math.pi * angles(t, dim, max_period)
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def whole_steps(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """You cut the fraction off t. Samplers that take fewer steps than the training stand between its steps."""
    return timestep_embedding(t.trunc(), dim, max_period)


@replaces("timestep_embedding")
def always_float32(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """You cast t to float32 in any case. Which dtype does the docstring promise for a t in float64?"""
    return timestep_embedding(t.float(), dim, max_period)


@replaces("timestep_embedding")
def dtype_of_t(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """A t in half precision is computed in half precision, where angles have three digits. Which two dtypes can the
    result have, by the docstring?"""
    half = dim // 2
    t = t if t.is_floating_point() else t.float()
    a = t[:, None] * torch.exp(-math.log(max_period) * torch.arange(half, dtype=t.dtype) / half)
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def float32_in_the_end(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your result is float32 for every t, and half of its digits are cut off at the end. Which dtype does the docstring
    promise for a t in float64?"""
    return timestep_embedding(t, dim, max_period).float()


@replaces("timestep_embedding")
def float32_frequencies(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your frequencies are float32: torch divides whole numbers in float32. A t in float64 does not bring back the
    digits that they lost."""
    half = dim // 2
    a = t[:, None] * max_period ** (-torch.arange(half) / half)
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def float32_frequencies_by_exp(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Your frequencies are float32: torch.arange counts in whole numbers, and a Python number times these is float32. A
    t in float64 does not bring back the digits that they lost."""
    half = dim // 2
    a = t[:, None] * torch.exp(-math.log(max_period) * torch.arange(half) / half)
    return padded([a.cos(), a.sin()], dim)


@replaces("timestep_embedding")
def float32_on_the_way(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """You computed in float32, and gave a t in float64 its dtype back at the end. The digits were lost before. In which
    dtype should the angles be computed?"""
    return timestep_embedding(t.float(), dim, max_period).to(torch.promote_types(t.dtype, torch.float32))


@replaces("timestep_embedding")
def powers_in_float32_on_the_way(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """You took the powers and the angles in float32, and gave a t in float64 its dtype back at the end. The digits were
    lost before. In which dtype should the angles be computed?"""
    half = dim // 2
    a = t.float()[:, None] * max_period ** (-torch.arange(half) / half)
    return padded([a.cos(), a.sin()], dim).to(torch.promote_types(t.dtype, torch.float32))


@replaces("modulate")
def without_one(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """You multiply by scale. With scale and shift at zero, as in a new block, nothing of x is left: which
    factor would leave x as it is?"""
    return x * scale[:, None] + shift[:, None]


@replaces("modulate")
def shift_then_scale(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """You add shift before you multiply, so that shift is scaled too. What is scaled in the formula?"""
    return (x + shift[:, None]) * (1 + scale[:, None])


@replaces("modulate")
def roles_swapped(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """You exchanged shift and scale. Which of the two is added?"""
    return modulate(x, scale, shift)


@replaces("modulate")
def row_by_token(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """A (B, D) that meets a (B, T, D) is lined up from the right: its rows meet the tokens and not the images.
    Where is the axis of length 1 missing?"""
    return x * (1 + scale) + shift


@replaces("modulate")
def first_image(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """All images got the condition of the first one."""
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


@replaces("DiTBlock")
class GateFirst(Parts):
    """Your six vectors come in the order gate, shift, scale. A checkpoint loads into that without complaint.
    The order is shift, scale, gate, for attention and then for the MLP."""

    def knobs(self, c):
        gate1, shift1, scale1, gate2, shift2, scale2 = super().knobs(c)
        return shift1, scale1, gate1, shift2, scale2, gate2


@replaces("DiTBlock")
class ScaleFirst(Parts):
    """You take scale before shift from ada. The order is shift, scale, gate."""

    def knobs(self, c):
        scale1, shift1, gate1, scale2, shift2, gate2 = super().knobs(c)
        return shift1, scale1, gate1, shift2, scale2, gate2


@replaces("DiTBlock")
class KindByKind(Parts):
    """You read ada as two shifts, two scales, two gates. The three vectors of attention come first, then the
    three of the MLP."""

    def knobs(self, c):
        shift1, shift2, scale1, scale2, gate1, gate2 = super().knobs(c)
        return shift1, scale1, gate1, shift2, scale2, gate2


@replaces("DiTBlock")
class MlpFirst(Parts):
    """The MLP got the first three vectors and attention the last three. It is the other way round."""

    def knobs(self, c):
        knobs = super().knobs(c)
        return *knobs[3:], *knobs[:3]


@replaces("DiTBlock")
class OneSet(Parts):
    """The MLP branch is modulated by the vectors of attention, and half of ada has no effect."""

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
    """You applied silu to what ada gives. It belongs to what goes in; the six vectors may be of any sign."""

    def knobs(self, c):
        return F.silu(self.ada(c)).chunk(6, dim=-1)


@replaces("DiTBlock")
class SixByView(Parts):
    """You viewed the 6D numbers as (D, 6) and so took every sixth. The rows of ada are six blocks of D."""

    def knobs(self, c):
        return self.ada(F.silu(c)).view(len(c), -1, 6).unbind(-1)


@replaces("DiTBlock")
class NoGate(Parts):
    """Your gates have no effect: the branches are added as they are, and a new block is not the identity. What
    multiplies the result of a branch?"""

    def leave(self, x, gate, branch):
        return x + branch


@replaces("DiTBlock")
class GateFromOne(Parts):
    """Your gate is 1 + gate, so that a new block adds its branches in full. The 1 belongs to the scale; a gate
    starts at 0."""

    def leave(self, x, gate, branch):
        return x + (1 + gate[:, None]) * branch


@replaces("DiTBlock")
class SumGated(Parts):
    """You multiplied the whole sum by the gate. What is left of x in a new block, where the gate is 0?"""

    def leave(self, x, gate, branch):
        return gate[:, None] * (x + branch)


@replaces("DiTBlock")
class SquashedGate(Parts):
    """Your gate passes through a tanh, as Flamingo's does. Here it is the number that ada gives."""

    def leave(self, x, gate, branch):
        return x + gate.tanh()[:, None] * branch


@replaces("DiTBlock")
class GateInFront(Parts):
    """Your MLP gate is applied to what goes into the branch. Then the biases of fc1 and fc2 get through a gate
    of 0. It closes what comes out."""

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        h = x + gate1[:, None] * self.attention(self.enter(x, shift1, scale1))
        return h + self.mlp(gate2[:, None] * self.enter(h, shift2, scale2))


@replaces("DiTBlock")
class OnlyAttentionGated(Parts):
    """Your first branch has its gate, the second one is added in full."""

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, _ = self.knobs(c)
        h = self.leave(x, gate1, self.attention(self.enter(x, shift1, scale1)))
        return h + self.mlp(self.enter(h, shift2, scale2))


@replaces("DiTBlock")
class NoNorm(Parts):
    """The tokens are modulated without LN. shift and scale stand in the place of its weight and bias, not of LN
    itself."""

    def enter(self, x, shift, scale):
        return modulate(x, shift, scale)


@replaces("DiTBlock")
class NormAfterModulation(Parts):
    """You normalise what was modulated, which takes most of the shift and scale out again. First LN, then
    modulate."""

    def enter(self, x, shift, scale):
        return self.norm(modulate(x, shift, scale))


@replaces("DiTBlock")
class NoShift(Parts):
    """What goes into your branches is scaled and not shifted: two of the six vectors have no effect."""

    def enter(self, x, shift, scale):
        return modulate(self.norm(x), torch.zeros_like(shift), scale)


@replaces("DiTBlock")
class ScaleWithoutOne(Parts):
    """Your block multiplies LN(x) by scale, and not by 1 + scale: in a new block the branches see nothing of
    x."""

    def enter(self, x, shift, scale):
        return self.norm(x) * scale[:, None] + shift[:, None]


@replaces("DiTBlock")
class AffineNorms(DiTBlock):
    """Your LayerNorm has a weight and a bias of its own. Shift and scale do their work here: there is an option
    to switch them off."""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__(dim, heads, mlp_dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)


@replaces("DiTBlock")
class EpsOfTorch(DiTBlock):
    """Your LN has the eps of nn.LayerNorm, 1e-5. A DiT's is 1e-6."""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__(dim, heads, mlp_dim)
        self.norm = nn.LayerNorm(dim, elementwise_affine=False)


@replaces("DiTBlock")
class AdaNotZero(DiTBlock):
    """Your ada starts like any other linear map, with small random numbers, so a new block already changes x.
    Zero belongs to adaLN-Zero by name."""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__(dim, heads, mlp_dim)
        self.ada.reset_parameters()


@replaces("DiTBlock")
class AdaBiasNotZero(DiTBlock):
    """The weight of ada starts at zero, its bias does not, and a new block changes x by it."""

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
    """You set the weights of proj and fc2 to zero beside ada, and left their biases. At first a branch then gives the
    same to every token, whatever it reads. Which map starts at zero in adaLN-Zero?"""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__(dim, heads, mlp_dim)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.fc2.weight)


@replaces("DiTBlock")
class FirstWeightsZeroToo(DiTBlock):
    """You set the weights of qkv and fc1 to zero beside ada, so no branch of a new block reads its tokens. Which map
    starts at zero in adaLN-Zero?"""

    def __init__(self, dim: int, heads: int, mlp_dim: int) -> None:
        super().__init__(dim, heads, mlp_dim)
        nn.init.zeros_(self.qkv.weight)
        nn.init.zeros_(self.fc1.weight)


@replaces("DiTBlock")
class ExactGelu(Parts):
    """This is the exact GELU, by erf. A DiT was trained with the tanh form."""

    def act(self, hidden):
        return F.gelu(hidden)


@replaces("DiTBlock")
class SiluInMlp(Parts):
    """The MLP has silu between fc1 and fc2. silu is for the condition; the MLP has GELU, in its tanh form."""

    def act(self, hidden):
        return F.silu(hidden)


@replaces("DiTBlock")
class SecondFromX(Parts):
    """Your MLP reads x and not h: the two branches stand side by side. It reads what attention has left
    behind."""

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        h = self.leave(x, gate1, self.attention(self.enter(x, shift1, scale1)))
        return self.leave(h, gate2, self.mlp(self.enter(x, shift2, scale2)))


@replaces("DiTBlock")
class PostNorm(Parts):
    """You normalise the sums, as BERT does. Here LN stands in front of each branch, and the sums stay as they
    are: how else could a new block return x?"""

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
    """You attend with one head of width D, whatever heads says."""

    def split(self, a):
        return self.qkv(a)[:, None].chunk(3, dim=-1)


@replaces("DiTBlock")
class ScaleByD(Parts):
    """You divided the scores by √D. Each head has its own dot products, of K terms."""

    def attend(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v, scale=(self.heads * q.shape[-1]) ** -0.5)


@replaces("DiTBlock")
class Unscaled(Parts):
    """Your scores go into the softmax as they are, and it picks one token where it should mix several. By what are the
    dot products of K terms divided?"""

    def attend(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v, scale=1.0)


@replaces("DiTBlock")
class SoftmaxOverQueries(Parts):
    """The softmax of your attention runs over the tokens that ask, so the weights with which one token reads do not add
    up to 1. Over which axis of the scores does it run?"""

    def attend(self, q, k, v):
        return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-2) @ v


@replaces("DiTBlock")
class PerHead(Parts):
    """You read the rows of qkv head by head, each with its q, k and v. All of q comes first, then all of k,
    then v; a checkpoint fits both and works with one."""

    def split(self, a):
        B, T, _ = a.shape
        return self.qkv(a).view(B, T, self.heads, 3, -1).permute(3, 0, 2, 1, 4)


@replaces("DiTBlock")
class HeadsByView(Parts):
    """Your heads hold pieces of several tokens: viewing (B, T, D) as (B, H, T, K) does not move anything. Give
    D two axes first, then let axes change places."""

    def split(self, a):
        B, T, D = a.shape
        return [p.reshape(B, self.heads, T, D // self.heads) for p in self.qkv(a).chunk(3, dim=-1)]

    def join(self, attended):
        return attended.reshape(attended.shape[0], attended.shape[2], -1)


@replaces("DiTBlock")
class HeadsInterleaved(Parts):
    """Your heads take every H-th number. Head h owns K neighbouring ones."""

    def split(self, a):
        return self.qkv(a).unflatten(-1, (3, -1, self.heads)).permute(2, 0, 4, 1, 3)

    def join(self, attended):
        return attended.permute(0, 2, 3, 1).flatten(2)


@replaces("DiTBlock")
class HeadsInterleavedOnTheWayIn(Parts):
    """Your heads take every H-th of their D numbers, and are put side by side again at the end. Which rows of q does
    head 0 have?"""

    def split(self, a):
        return self.qkv(a).unflatten(-1, (3, -1, self.heads)).permute(2, 0, 4, 1, 3)


@replaces("DiTBlock")
class MergeByView(Parts):
    """The heads were split rightly and merged wrongly: reshape alone puts several tokens into one row. Swap the
    head and the time axis back first."""

    def join(self, attended):
        return attended.reshape(attended.shape[0], attended.shape[2], -1)


@replaces("DiTBlock")
class NoProj(Parts):
    """You added the heads side by side as they are. Which matrix do they pass through first?"""

    def attention(self, a):
        return self.join(self.attend(*self.split(a)))


@replaces("DiTBlock")
class DetachedCondition(Parts):
    """No gradient reaches c: it was cut off. The embeddings of time and class learn through it."""

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


@replaces("DiTBlock")
class OneGate(Parts):
    """Both of your branches have the gate of attention. How many gates are there among the six vectors?"""

    def knobs(self, c):
        shift1, scale1, gate1, shift2, scale2, _ = super().knobs(c)
        return shift1, scale1, gate1, shift2, scale2, gate1


@replaces("DiTBlock")
class SecondWithoutNorm(Parts):
    """Your MLP reads tokens that are modulated without LN. What does the formula do with h before it is modulated?"""

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        h = self.leave(x, gate1, self.attention(self.enter(x, shift1, scale1)))
        return self.leave(h, gate2, self.mlp(modulate(h, shift2, scale2)))


@replaces("DiTBlock")
class SkipFromNorm(Parts):
    """You add the branch to the normalised tokens. What passes beside a branch: x itself or LN(x)?"""

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        h = self.leave(self.norm(x), gate1, self.attention(self.enter(x, shift1, scale1)))
        return self.leave(self.norm(h), gate2, self.mlp(self.enter(h, shift2, scale2)))


@replaces("DiTBlock")
class ConditionAsToken(Parts):
    """Your attention has one token more than the image: c stands among the tokens, and all others look at it. By which
    way alone does the condition come into a block of a DiT?"""

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.knobs(c)
        tokens = torch.cat([c[:, None], self.enter(x, shift1, scale1)], dim=1)
        h = self.leave(x, gate1, self.attention(tokens)[:, 1:])
        return self.leave(h, gate2, self.mlp(self.enter(h, shift2, scale2)))


@replaces("dit_param_count")
def no_null_class(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """Your table has a row for each class. A sampler also asks what the image would be without any: that takes
    a row, too."""
    return dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes - 1, learn_sigma)


@replaces("dit_param_count")
def positions_counted(
    dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True
):
    """You counted a position for each patch. DiT's are a fixed table of sines: what does training change in
    them?"""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    return count + (input_size // patch) ** 2 * dim


@replaces("dit_param_count")
def no_variances(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """Your output has C channels. With learn_sigma it gives two numbers for each that goes in: the noise and
    its variance."""
    return dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, False)


@replaces("dit_param_count")
def always_variances(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """learn_sigma has no effect in your count: without it the output has C channels."""
    return dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes)


@replaces("dit_param_count")
def no_final_ada(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """Your output layer has no condition. The last norm has a shift and a scale as well, from a linear map of
    their own."""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    return count - (dim + 1) * 2 * dim


@replaces("dit_param_count")
def final_ada_of_six(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """Your final adaLN has six vectors, as a block's. It has no gate and one place to work: how many are
    left?"""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    return count + (dim + 1) * 4 * dim


@replaces("dit_param_count")
def one_ada_for_all(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """You counted ada once for the whole model. Every block has its own (PixArt shares one, and saves a quarter
    of the model by that)."""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    return count - (depth - 1) * (dim + 1) * 6 * dim


@replaces("dit_param_count")
def no_ada(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """Your blocks are those of a ViT: ada is missing, a third of the weights."""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    return count - depth * (dim + 1) * 6 * dim


@replaces("dit_param_count")
def weights_only(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """You counted the matrices. What else does each linear map have?"""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    biases = depth * ((10 + int(mlp_ratio)) * dim + dim) + 5 * dim
    return count - biases - patch**2 * channels * (2 if learn_sigma else 1)


@replaces("dit_param_count")
def affine_norms_counted(
    dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True
):
    """You counted a weight and a bias for each LN. They have none here: shift and scale come from ada."""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    return count + (2 * depth + 1) * 2 * dim


@replaces("dit_param_count")
def ratio_of_four(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """mlp_ratio has no effect: your MLP is always 4D wide. Which argument gives its width?"""
    return dit_param_count(dim, depth, patch, channels, input_size, 4.0, num_classes, learn_sigma)


@replaces("dit_param_count")
def whole_ratio(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """You rounded mlp_ratio before you multiplied by it. An MLP may be 2.5 D wide: which number is whole by the
    docstring?"""
    return dit_param_count(dim, depth, patch, channels, input_size, int(mlp_ratio), num_classes, learn_sigma)


@replaces("dit_param_count")
def no_time_mlp(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """The 256 frequencies of the time step cannot be added to a class vector of width D. You left out the two
    maps that make them fit."""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    return count - (256 + 1) * dim - (dim + 1) * dim


@replaces("dit_param_count")
def time_from_d(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """Your first map of the time step is square. It starts from the 256 frequencies, whatever D is."""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    return count + (dim - 256) * dim


@replaces("dit_param_count")
def one_time_map(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """You counted one linear map for the time step. It goes from 256 frequencies to D, and what happens to it there?"""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    return count - (dim + 1) * dim


@replaces("dit_param_count")
def table_with_bias(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """You have one row too many for the classes, or a bias of the table. A class looks up its row and nothing is added:
    how many rows are there, with the one for "no class"?"""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    return count + dim


@replaces("dit_param_count")
def patch_not_squared(
    dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True
):
    """Your patch has P numbers of each channel. How many pixels has a patch of side P?"""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    out = channels * (2 if learn_sigma else 1)
    return count - (patch**2 - patch) * (channels * dim + (dim + 1) * out)


@replaces("dit_param_count")
def output_of_one_pixel(
    dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True
):
    """Your output layer makes the channels of one pixel from each token. A token stands for a patch: how many pixels
    has a patch?"""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    return count - (dim + 1) * (patch**2 - 1) * (2 * channels if learn_sigma else channels)


@replaces("dit_param_count")
def final_norm_alone(dim, depth, patch=2, channels=4, input_size=32, mlp_ratio=4.0, num_classes=1000, learn_sigma=True):
    """You gave the final layer a norm with a weight and a bias of its own. Where do its scale and its shift come from
    in a DiT?"""
    count = dit_param_count(dim, depth, patch, channels, input_size, mlp_ratio, num_classes, learn_sigma)
    return count - (dim + 1) * 2 * dim + 2 * dim
