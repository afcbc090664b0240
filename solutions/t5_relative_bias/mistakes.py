"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from t5_relative_bias import T5RelativeBias, relative_position_bucket, relative_positions
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


@replaces("relative_positions")
def query_minus_key(T: int, S: int) -> Tensor:
    """Past and future have changed places in your positions. Which is subtracted from which, and which sign does the
    past then have?"""
    return -relative_positions(T, S)


@replaces("relative_positions", offset=["0", "S", "T", "S − T − 1"])
def other_offset(T: int, S: int, *, offset: str) -> Tensor:
    """Your query i is at position i + ({offset}). The queries are the last T of the S positions: where is the last of
    them?"""
    first = {"0": 0, "S": S, "T": T, "S − T − 1": S - T - 1}[offset]
    return torch.arange(S)[None, :] - (torch.arange(T)[:, None] + first)


@replaces("relative_positions", lost=["the sign", "the future", "the past"])
def direction_lost(T: int, S: int, *, lost: str) -> Tensor:
    """Your positions have lost {lost}. For a decoder and for an encoder alike, what should they say of a key before the
    query, and of one after it?"""
    r = relative_positions(T, S)
    return {"the sign": r.abs(), "the future": r.clamp(max=0), "the past": r.clamp(min=0)}[lost]


@replaces("relative_positions")
def transposed(T: int, S: int) -> Tensor:
    """Your positions are [S, T]. Which of the two, queries or keys, are the rows?"""
    return relative_positions(T, S).T


def in_direction(d: Tensor, n: int, exact: int, max_distance: int) -> Tensor:
    """Bucket of a distance d >= 0 among the n of one direction."""
    log = torch.log(d.clamp(min=1).double() / exact) / math.log(max_distance / exact)
    far = (exact + (log * (n - exact)).long()).clamp(max=n - 1)
    return torch.where(d < exact, d, far)


def split(r: Tensor, bidirectional: bool, num_buckets: int) -> tuple[Tensor, Tensor, int]:
    """Offset, distance and number of buckets of one direction."""
    if bidirectional:
        return num_buckets // 2 * (r > 0).long(), r.abs(), num_buckets // 2
    return torch.zeros_like(r), (-r).clamp(min=0), num_buckets


@replaces("relative_position_bucket")
def no_halving(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Your buckets run past the last one, as if each direction had all of them. How many does each of two directions
    have?"""
    offset, d, _ = split(relative_position, bidirectional, num_buckets)
    return offset + in_direction(d, num_buckets, num_buckets // 2, max_distance)


@replaces("relative_position_bucket")
def decoder_halved(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Your decoder uses only half of its buckets. How many directions are there in a decoder?"""
    offset, d, _ = split(relative_position, bidirectional, num_buckets)
    return offset + in_direction(d, num_buckets // 2, num_buckets // 4, max_distance)


@replaces("relative_position_bucket")
def no_clamp(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """From max_distance on, your buckets run past the last one of their direction. Which bucket holds all that is
    farther away?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    log = torch.log(d.clamp(min=1).double() / exact) / math.log(max_distance / exact)
    return offset + torch.where(d < exact, d, exact + (log * (n - exact)).long())


@replaces("relative_position_bucket", cut=["n − 1", "max_distance", "exact"])
def linear_clip(relative_position, bidirectional=True, num_buckets=32, max_distance=128, *, cut):
    """All your buckets are one distance wide, up to a last one. Up to which distance does each have a bucket of its
    own, and how wide are the others?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    return offset + d.clamp(max={"n − 1": n - 1, "max_distance": max_distance, "exact": n // 2}[cut])


@replaces("relative_position_bucket")
def all_logarithmic(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """All your buckets are logarithmic. Which distances does the formula treat in another way, and how many buckets do
    they have?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    log = torch.log(d.clamp(min=1).double()) / math.log(max_distance)
    return offset + (log * n).long().clamp(max=n - 1)


@replaces("relative_position_bucket")
def decoder_uses_abs(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """In your decoder, keys of the future get the buckets of the past. As which distance does the future count
    there?"""
    offset, _, n = split(relative_position, bidirectional, num_buckets)
    return offset + in_direction(relative_position.abs(), n, n // 2, max_distance)


@replaces("relative_position_bucket")
def decoder_looks_ahead(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Your decoder measures the future and takes the past for distance 0. Which sign does the past have in key minus
    query?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    d = d if bidirectional else relative_position.clamp(min=0)
    return offset + in_direction(d, n, n // 2, max_distance)


@replaces("relative_position_bucket")
def past_on_top(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Your upper half of the buckets belongs to the past. To which sign of r does the formula give the offset?"""
    _, d, n = split(relative_position, bidirectional, num_buckets)
    offset = n * (relative_position < 0).long() if bidirectional else 0
    return offset + in_direction(d, n, n // 2, max_distance)


@replaces("relative_position_bucket")
def zero_on_top(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """A token's own position is in your upper half of the buckets. Is r = 0 ahead of the query?"""
    _, d, n = split(relative_position, bidirectional, num_buckets)
    offset = n * (relative_position >= 0).long() if bidirectional else 0
    return offset + in_direction(d, n, n // 2, max_distance)


@replaces("relative_position_bucket", buckets=["half", "all"])
def no_direction(relative_position, bidirectional=True, num_buckets=32, max_distance=128, *, buckets):
    """Past and future share your buckets. In a bidirectional bias, which of them has an offset, and how many buckets
    does each have?"""
    _, d, n = split(relative_position, bidirectional, num_buckets)
    n = num_buckets if buckets == "all" else n
    return in_direction(d, n, n // 2, max_distance)


@replaces("relative_position_bucket", rounded=["to the nearest", "up"])
def rounded(relative_position, bidirectional=True, num_buckets=32, max_distance=128, *, rounded):
    """You rounded the logarithmic part {rounded}. Which way do the brackets ⌊ ⌋ of the formula round?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    log = torch.log(d.clamp(min=1).double() / exact) / math.log(max_distance / exact) * (n - exact)
    far = (exact + (log.ceil() if rounded == "up" else log.round()).long()).clamp(max=n - 1)
    return offset + torch.where(d < exact, d, far)


@replaces(
    "relative_position_bucket",
    far=[
        "n − 1 − exact buckets",
        "n buckets",
        "ln max_distance",
        "ln (max_distance/n)",
        "log₂ above",
        "log₁₀ above",
        "log of d",
    ],
)
def other_spread(relative_position, bidirectional=True, num_buckets=32, max_distance=128, *, far):
    """Your exact buckets are right, but far distances are spread too widely or too narrowly. Which bucket does your
    formula give before it is cut off, for d = exact and for d = max_distance?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    above, below = torch.log(d.clamp(min=1).double() / exact), math.log(max_distance / exact)
    count = n - exact
    match far:
        case "n − 1 − exact buckets":
            count = n - 1 - exact
        case "n buckets":
            count = n
        case "ln max_distance":
            below = math.log(max_distance)
        case "ln (max_distance/n)":
            below = math.log(max_distance / n)
        case "log₂ above":
            above = above / math.log(2)
        case "log₁₀ above":
            above = above / math.log(10)
        case "log of d":
            above = torch.log(d.clamp(min=1).double())
    return offset + torch.where(d < exact, d, (exact + (above / below * count).long()).clamp(max=n - 1))


@replaces("relative_position_bucket", fixed=["num_buckets", "max_distance", "bidirectional"])
def argument_fixed(relative_position, bidirectional=True, num_buckets=32, max_distance=128, *, fixed):
    """Your buckets are those of the default {fixed}, whatever the argument says. Where does your formula use it?"""
    given = {"bidirectional": bidirectional, "num_buckets": num_buckets, "max_distance": max_distance}
    del given[fixed]
    return relative_position_bucket(relative_position, **given)


@replaces("relative_position_bucket", dtype=["float32", "float64", "int32"])
def other_dtype(relative_position, bidirectional=True, num_buckets=32, max_distance=128, *, dtype):
    """Your buckets are {dtype}. They are indices into a table: which dtype does the docstring give them?"""
    return relative_position_bucket(relative_position, bidirectional, num_buckets, max_distance).to(
        getattr(torch, dtype)
    )


@replaces("relative_position_bucket")
def far_ones_linear(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Your far buckets are all equally wide. In the formula each is wider than the one before: of which function of the
    distance do they take equal steps?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    far = exact + (d - exact) * (n - exact) // (max_distance - exact)
    return offset + torch.where(d < exact, d, far.clamp(max=n - 1))


@replaces("relative_position_bucket")
def far_ones_from_zero(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Your far buckets begin at 0 again. Which buckets are taken by the near distances already?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    return offset + torch.where(d < exact, d, in_direction(d, n, exact, max_distance) - exact)


class Bias(T5RelativeBias):
    """Not an entry: the lookup, with room for mistakes."""

    def bucket(self, T: int, S: int) -> Tensor:
        r = relative_positions(T, S)
        return relative_position_bucket(r, self.bidirectional, self.num_buckets, self.max_distance)

    def forward(self, T: int, S: int | None = None) -> Tensor:
        return self.relative_attention_bias(self.bucket(T, T if S is None else S)).permute(2, 0, 1)[None]


@replaces("T5RelativeBias")
class CacheForgotten(Bias):
    """With S > T your bias is that of the first T queries. In a step with a cache, which of the S positions are the
    queries?"""

    def forward(self, T: int, S: int | None = None) -> Tensor:
        return super().forward(T if S is None else S)[:, :, :T]


@replaces("T5RelativeBias")
class SquareOnly(Bias):
    """Your bias is always T by T. How many keys are there in a step with a cache?"""

    def forward(self, T: int, S: int | None = None) -> Tensor:
        return super().forward(T)


@replaces("T5RelativeBias")
class HeadsLast(Bias):
    """The heads are your last axis. The bias is added to scores of shape (B, H, T, S): where do the heads belong?"""

    def forward(self, T: int, S: int | None = None) -> Tensor:
        return super().forward(T, S).permute(0, 2, 3, 1)


@replaces("T5RelativeBias")
class HeadsByView(Bias):
    """Your bias has the right shape and its numbers are mixed up: a view moves no number. Which axis do the heads have
    after the lookup, and how do axes change places?"""

    def forward(self, T: int, S: int | None = None) -> Tensor:
        bias = super().forward(T, S)
        return bias.permute(0, 2, 3, 1).reshape(bias.shape)


@replaces("T5RelativeBias")
class NoBatchAxis(Bias):
    """Your bias has three axes. Which shape does the docstring promise, and what is the first axis for?"""

    def forward(self, T: int, S: int | None = None) -> Tensor:
        return super().forward(T, S)[0]


@replaces("T5RelativeBias", lost=["bidirectional", "max_distance", "options"])
class OptionLost(Bias):
    """Your bias is that of the default {lost}, whatever the constructor was given. Which of its arguments does the
    function of the buckets need?"""

    lost: str

    def bucket(self, T: int, S: int) -> Tensor:
        names = ("bidirectional", "num_buckets", "max_distance")
        options = {name: getattr(self, name) for name in names if self.lost not in (name, "options")}
        return relative_position_bucket(relative_positions(T, S), **options)


@replaces("T5RelativeBias", by=["embedding", "index"])
class BucketsForgotten(T5RelativeBias):
    """With a smaller num_buckets, your lookup asks for a row that the table does not have. Which arguments of the
    constructor does the function of the buckets need?"""

    by: str

    def forward(self, T: int, S: int | None = None) -> Tensor:
        r = relative_positions(T, T if S is None else S)
        bucket = relative_position_bucket(r, self.bidirectional, max_distance=self.max_distance)
        table = self.relative_attention_bias
        return (table(bucket) if self.by == "embedding" else table.weight[bucket]).permute(2, 0, 1)[None]


@replaces("T5RelativeBias")
class BiasKept(Bias):
    """Your module returns a bias that it made earlier, although its table has changed since. What of your work depends
    on the table, and what does not?"""

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.kept = {}

    def forward(self, T: int, S: int | None = None) -> Tensor:
        key = T, T if S is None else S
        if key not in self.kept:
            self.kept[key] = super().forward(T, S)
        return self.kept[key]


def allow(scores: Tensor, mask: Tensor | None) -> Tensor:
    return scores if mask is None else scores.masked_fill(~mask, -INF)


@replaces(
    "t5_attention", divided=["scores by √K", "scores and bias by √K", "scores by K", "scores by √V", "scores by √S"]
)
def scaled(q, k, v, bias, mask=None, *, divided):
    """You divided {divided}. Does the formula of T5 divide anything, and what does its initialisation have to do with
    it?"""
    K, V, S = q.shape[-1], v.shape[-1], k.shape[-2]
    divisor = {"√V": math.sqrt(V), "√S": math.sqrt(S), " K": K}.get(divided[-2:], math.sqrt(K))
    bias = bias / divisor if "bias" in divided else bias
    return allow(q @ k.mT / divisor + bias, mask).softmax(-1) @ v


@replaces("t5_attention")
def scaling_of_values_undone(q, k, v, bias, mask=None):
    """Your scores are right only if v is as wide as q and k. Over how many numbers does the dot product of a query and
    a key run?"""
    return allow(q @ k.mT * math.sqrt(v.shape[-1] / q.shape[-1]) + bias, mask).softmax(-1) @ v


@replaces("t5_attention")
def bias_ignored(q, k, v, bias, mask=None):
    """The bias has no effect on your result. To which numbers does the formula add it?"""
    return allow(q @ k.mT, mask).softmax(-1) @ v


@replaces("t5_attention")
def bias_lost_with_mask(q, k, v, bias, mask=None):
    """With a mask your bias is gone. Both act on the same scores: does your code with a mask still have the bias?"""
    return (q @ k.mT + bias if mask is None else allow(q @ k.mT, mask)).softmax(-1) @ v


@replaces("t5_attention", how=["added", "multiplied"])
def bias_after_softmax(q, k, v, bias, mask=None, *, how):
    """The weights in your result do not sum to 1: the bias acts on them after the softmax. Of what does the formula
    take the softmax?"""
    weights = allow(q @ k.mT, mask).softmax(-1)
    return (weights + bias if how == "added" else weights * bias) @ v


@replaces("t5_attention", how=["times", "minus", "times exp"])
def other_operation(q, k, v, bias, mask=None, *, how):
    """Your scores are q kᵀ {how} bias. What does the formula do with the bias, and does a large one make a key's score
    larger in your code?"""
    scores = q @ k.mT
    joined = {"times": scores * bias, "minus": scores - bias, "times exp": scores * bias.exp()}[how]
    return allow(joined, mask).softmax(-1) @ v


@replaces("t5_attention")
def mask_ignored(q, k, v, bias, mask=None):
    """The mask has no effect on your result. Which score gives a forbidden key the weight 0?"""
    return (q @ k.mT + bias).softmax(-1) @ v


@replaces("t5_attention")
def mask_inverted(q, k, v, bias, mask=None):
    """Your queries read the forbidden keys and no others. Which value of the mask means that a key may be read?"""
    return allow(q @ k.mT + bias, None if mask is None else ~mask).softmax(-1) @ v


@replaces("t5_attention", forbidden=[0, -1, -10])
def soft_mask(q, k, v, bias, mask=None, *, forbidden):
    """Your forbidden keys still get some weight. What is added to their scores, or put in their place, and for which
    score is the weight exactly 0?"""
    scores = q @ k.mT + bias
    return (scores if mask is None else scores.masked_fill(~mask, forbidden)).softmax(-1) @ v


@replaces("t5_attention", forbidden=[0, -1, -10])
def mask_added(q, k, v, bias, mask=None, *, forbidden):
    """Your forbidden keys still get some weight, as if the mask were added as numbers. For which score is the weight
    exactly 0?"""
    scores = q @ k.mT + bias
    if mask is not None:
        scores = scores + (mask.to(q.dtype) if forbidden == 0 else (~mask).to(q.dtype) * forbidden)
    return scores.softmax(-1) @ v


@replaces("t5_attention")
def over_queries(q, k, v, bias, mask=None):
    """Your softmax runs over the queries. Among what does each query divide its attention, and which axis is that?"""
    scores = q @ k.mT + bias
    return (scores if mask is None else scores.masked_fill(~mask, -1e9)).softmax(-2) @ v


@replaces("t5_attention")
def mask_after_softmax(q, k, v, bias, mask=None):
    """The weights of your allowed keys sum to less than 1: the forbidden ones take their share of the softmax first.
    Where can the mask act before that?"""
    weights = (q @ k.mT + bias).softmax(-1)
    return (weights if mask is None else weights * mask) @ v


@replaces("relative_position_bucket")
def last_bucket_of_all(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """With two directions, your far distances run on to the last bucket of all. Which is the last bucket of one
    direction?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    log = torch.log(d.clamp(min=1).double() / exact) / math.log(max_distance / exact)
    far = (exact + (log * (n - exact)).long()).clamp(max=num_buckets - 1)
    return offset + torch.where(d < exact, d, far)


@replaces("t5_attention", dtype=["float32", "float64"])
def mask_in_other_dtype(q, k, v, bias, mask=None, *, dtype):
    """With a mask your weights are {dtype}, whatever q is, and do not fit the values. Which dtype do the numbers have
    that you make of the mask?"""
    scores = q @ k.mT + bias
    if mask is not None:
        scores = scores + torch.zeros(mask.shape, dtype=getattr(torch, dtype)).masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v


@replaces("t5_attention", what=["the bias", "q and k"])
def detached(q, k, v, bias, mask=None, *, what):
    """Your values are right, but no gradient reaches {what}. At which step does it leave the graph?"""
    if what == "the bias":
        bias = bias.detach()
    else:
        q, k = q.detach(), k.detach()
    return allow(q @ k.mT + bias, mask).softmax(-1) @ v
