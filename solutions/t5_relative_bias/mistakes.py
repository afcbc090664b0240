"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from t5_relative_bias import T5RelativeBias, relative_position_bucket, relative_positions
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


@replaces("relative_positions")
def query_minus_key(T: int, S: int) -> Tensor:
    """Past and future have changed places. T5 counts key minus query: the past is negative."""
    return -relative_positions(T, S)


@replaces("relative_positions")
def no_offset(T: int, S: int) -> Tensor:
    """Right for T = S only. With cached keys the queries are the last T of the S positions: at which position
    does query i stand?"""
    return torch.arange(S)[None, :] - torch.arange(T)[:, None]


@replaces("relative_positions")
def absolute(T: int, S: int) -> Tensor:
    """The sign is lost, and with it the direction."""
    return relative_positions(T, S).abs()


@replaces("relative_positions")
def transposed(T: int, S: int) -> Tensor:
    """Rows are queries and columns are keys; yours are the other way round."""
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
    """Each of your directions has all the buckets, and together they run past the last one. Bidirectional, each
    has half of them."""
    offset, d, _ = split(relative_position, bidirectional, num_buckets)
    return offset + in_direction(d, num_buckets, num_buckets // 2, max_distance)


@replaces("relative_position_bucket")
def decoder_halved(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Your decoder uses half of its buckets. With one direction alone that direction has them all."""
    offset, d, _ = split(relative_position, bidirectional, num_buckets)
    return offset + in_direction(d, num_buckets // 2, num_buckets // 4, max_distance)


@replaces("relative_position_bucket")
def no_clamp(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """From max_distance on your buckets run past the last one of their direction. All that is farther away
    shares that last one."""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    log = torch.log(d.clamp(min=1).double() / exact) / math.log(max_distance / exact)
    return offset + torch.where(d < exact, d, exact + (log * (n - exact)).long())


@replaces("relative_position_bucket")
def linear_clip(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """All your buckets are one distance wide. Only the first half is; the rest grows with the logarithm, up to
    max_distance."""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    return offset + d.clamp(max=n - 1)


@replaces("relative_position_bucket")
def all_logarithmic(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """All your buckets are logarithmic. The first half of them holds one distance each."""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    log = torch.log(d.clamp(min=1).double()) / math.log(max_distance)
    return offset + (log * n).long().clamp(max=n - 1)


@replaces("relative_position_bucket")
def decoder_uses_abs(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """In your decoder keys of the future get the buckets of the past. With one direction, all that lies ahead
    counts as distance 0."""
    offset, _, n = split(relative_position, bidirectional, num_buckets)
    return offset + in_direction(relative_position.abs(), n, n // 2, max_distance)


@replaces("relative_position_bucket")
def decoder_looks_ahead(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Your decoder measures the future and takes the past for distance 0. Which sign has the past, in key minus
    query?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    d = d if bidirectional else relative_position.clamp(min=0)
    return offset + in_direction(d, n, n // 2, max_distance)


@replaces("relative_position_bucket")
def past_on_top(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """You gave the upper half of the buckets to the past. It belongs to the future, r > 0."""
    _, d, n = split(relative_position, bidirectional, num_buckets)
    offset = n * (relative_position < 0).long() if bidirectional else 0
    return offset + in_direction(d, n, n // 2, max_distance)


@replaces("relative_position_bucket")
def zero_on_top(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """A token's distance to itself went into the upper half. Only what is truly ahead, r > 0, belongs there; 0
    is bucket 0."""
    _, d, n = split(relative_position, bidirectional, num_buckets)
    offset = n * (relative_position >= 0).long() if bidirectional else 0
    return offset + in_direction(d, n, n // 2, max_distance)


@replaces("relative_position_bucket")
def no_direction(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Past and future share your buckets, and the upper half stays unused. Bidirectional, the future has an
    offset."""
    _, d, n = split(relative_position, bidirectional, num_buckets)
    return in_direction(d, n, n // 2, max_distance)


@replaces("relative_position_bucket")
def rounded(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """You rounded the logarithmic part to the nearest number. The formula rounds down."""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    log = torch.log(d.clamp(min=1).double() / exact) / math.log(max_distance / exact)
    far = (exact + (log * (n - exact)).round().long()).clamp(max=n - 1)
    return offset + torch.where(d < exact, d, far)


@replaces("relative_position_bucket")
def last_bucket_at_max_distance(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """You spread the logarithm over n - 1 - exact buckets, so that the last one begins at max_distance. How many does
    the formula multiply by, and which bucket would the logarithm alone give at max_distance?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    log = torch.log(d.clamp(min=1).double() / exact) / math.log(max_distance / exact)
    far = (exact + (log * (n - 1 - exact)).long()).clamp(max=n - 1)
    return offset + torch.where(d < exact, d, far)


@replaces("relative_position_bucket")
def log_of_max(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """You divided by ln(max_distance). The logarithmic buckets begin at exact, not at 1: of what is the
    logarithm in the denominator?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    log = torch.log(d.clamp(min=1).double() / exact) / math.log(max_distance)
    far = (exact + (log * (n - exact)).long()).clamp(max=n - 1)
    return offset + torch.where(d < exact, d, far)


@replaces("relative_position_bucket")
def max_distance_fixed(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Your max_distance is always 128, whatever the argument says."""
    return relative_position_bucket(relative_position, bidirectional, num_buckets)


@replaces("relative_position_bucket")
def float_buckets(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Your buckets are floating-point numbers. They are indices into a table: int64."""
    return relative_position_bucket(relative_position, bidirectional, num_buckets, max_distance).float()


@replaces("relative_position_bucket")
def far_ones_linear(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Your far buckets are equally wide, up to max_distance. The formula makes each one wider than the one before:
    which function of the distance does it divide evenly?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    far = exact + (d - exact) * (n - exact) // (max_distance - exact)
    return offset + torch.where(d < exact, d, far.clamp(max=n - 1))


@replaces("relative_position_bucket")
def far_ones_from_zero(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Your far buckets begin again at 0: the number of the exact buckets is not added. Which bucket has the smallest
    far distance?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    return offset + torch.where(d < exact, d, in_direction(d, n, exact, max_distance) - exact)


@replaces("relative_position_bucket")
def rounded_up(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """You rounded the logarithmic part up to the next number. The formula rounds down: which bucket has the first
    distance that has none of its own?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    log = torch.log(d.clamp(min=1).double() / exact) / math.log(max_distance / exact)
    far = (exact + (log * (n - exact)).ceil().long()).clamp(max=n - 1)
    return offset + torch.where(d < exact, d, far)


class Bias(T5RelativeBias):
    """Not an entry: the lookup, with room for mistakes."""

    def bucket(self, T: int, S: int) -> Tensor:
        r = relative_positions(T, S)
        return relative_position_bucket(r, self.bidirectional, self.num_buckets, self.max_distance)

    def forward(self, T: int, S: int | None = None) -> Tensor:
        return self.relative_attention_bias(self.bucket(T, T if S is None else S)).permute(2, 0, 1)[None]


@replaces("T5RelativeBias")
class CacheForgotten(Bias):
    """With S > T your bias is that of the first T queries. In a cached step the queries are the last of S
    positions."""

    def forward(self, T: int, S: int | None = None) -> Tensor:
        return super().forward(T if S is None else S)[:, :, :T]


@replaces("T5RelativeBias")
class SquareOnly(Bias):
    """Your bias is always T by T: S has no effect."""

    def forward(self, T: int, S: int | None = None) -> Tensor:
        return super().forward(T)


@replaces("T5RelativeBias")
class HeadsLast(Bias):
    """The heads are your last axis. Scores are (B, H, T, S), so the bias is (1, H, T, S)."""

    def forward(self, T: int, S: int | None = None) -> Tensor:
        return super().forward(T, S).permute(0, 2, 3, 1)


@replaces("T5RelativeBias")
class HeadsByView(Bias):
    """You viewed (T, S, H) as (H, T, S), which moves no number: the heads are mixed with the positions. Let the
    axes change places."""

    def forward(self, T: int, S: int | None = None) -> Tensor:
        bias = super().forward(T, S)
        return bias.permute(0, 2, 3, 1).reshape(bias.shape)


@replaces("T5RelativeBias")
class NoBatchAxis(Bias):
    """The axis of size 1 for the batch is missing: (1, H, T, S)."""

    def forward(self, T: int, S: int | None = None) -> Tensor:
        return super().forward(T, S)[0]


@replaces("T5RelativeBias")
class AlwaysBidirectional(Bias):
    """bidirectional=False has no effect on your bias."""

    def bucket(self, T: int, S: int) -> Tensor:
        return relative_position_bucket(relative_positions(T, S), True, self.num_buckets, self.max_distance)


@replaces("T5RelativeBias")
class DistanceForgotten(Bias):
    """max_distance has no effect on your bias: hand it on to the buckets."""

    def bucket(self, T: int, S: int) -> Tensor:
        return relative_position_bucket(relative_positions(T, S), self.bidirectional, self.num_buckets)


@replaces("T5RelativeBias")
class BucketsForgotten(T5RelativeBias):
    """num_buckets reaches your table and not the function of the buckets, which counts on to 32: a smaller table has no
    row for such a bucket. Which of the arguments that your constructor gets does that function need?"""

    def forward(self, T: int, S: int | None = None) -> Tensor:
        bucket = relative_position_bucket(relative_positions(T, T if S is None else S), self.bidirectional)
        return self.relative_attention_bias(bucket).permute(2, 0, 1)[None]


@replaces("T5RelativeBias")
class RowsForgotten(T5RelativeBias):
    """num_buckets makes your table, and the buckets that you look up in it are those of 32: a smaller table has no row
    for some of them. Which of the arguments that your constructor gets does the function of the buckets need?"""

    def forward(self, T: int, S: int | None = None) -> Tensor:
        bucket = relative_position_bucket(relative_positions(T, T if S is None else S), self.bidirectional)
        return self.relative_attention_bias.weight[bucket].permute(2, 0, 1)[None]


@replaces("T5RelativeBias")
class BiasKept(Bias):
    """You keep a bias once it is made and return it again later. In between the table may have learned or been loaded,
    and a second backward finds no graph. Which part of your work does not depend on the table?"""

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


@replaces("t5_attention")
def scaled(q, k, v, bias, mask=None):
    """You divided the scores by √K. T5 does not: its initialisation takes care of that, and so its weights
    expect scores as they are."""
    return allow(q @ k.mT / math.sqrt(q.shape[-1]) + bias, mask).softmax(-1) @ v


@replaces("t5_attention")
def scaled_with_bias(q, k, v, bias, mask=None):
    """You divided scores and bias by √K. T5 divides neither."""
    return allow((q @ k.mT + bias) / math.sqrt(q.shape[-1]), mask).softmax(-1) @ v


@replaces("t5_attention")
def scaling_of_values_undone(q, k, v, bias, mask=None):
    """You undo the scaling of scaled_dot_product_attention with the root of the width of v. Over how many numbers does
    the dot product of a query and a key run?"""
    return allow(q @ k.mT * math.sqrt(v.shape[-1] / q.shape[-1]) + bias, mask).softmax(-1) @ v


@replaces("t5_attention")
def bias_ignored(q, k, v, bias, mask=None):
    """The bias has no effect: it is added to the scores."""
    return allow(q @ k.mT, mask).softmax(-1) @ v


@replaces("t5_attention")
def bias_lost_with_mask(q, k, v, bias, mask=None):
    """With a mask your bias is gone. Both act on the same scores, one after the other."""
    return (q @ k.mT + bias if mask is None else allow(q @ k.mT, mask)).softmax(-1) @ v


@replaces("t5_attention")
def bias_after_softmax(q, k, v, bias, mask=None):
    """You added the bias to the weights, which then no longer sum to 1. It belongs to the scores, before the
    softmax."""
    return (allow(q @ k.mT, mask).softmax(-1) + bias) @ v


@replaces("t5_attention")
def bias_multiplied(q, k, v, bias, mask=None):
    """You multiplied the scores by the bias. It is added."""
    return allow(q @ k.mT * bias, mask).softmax(-1) @ v


@replaces("t5_attention")
def mask_ignored(q, k, v, bias, mask=None):
    """The mask has no effect."""
    return (q @ k.mT + bias).softmax(-1) @ v


@replaces("t5_attention")
def mask_inverted(q, k, v, bias, mask=None):
    """You read the forbidden keys and no others. True means «may attend»."""
    return allow(q @ k.mT + bias, None if mask is None else ~mask).softmax(-1) @ v


@replaces("t5_attention")
def mask_added(q, k, v, bias, mask=None):
    """You added the bool mask to the scores, which gives allowed keys 1 more and forbidden ones nothing
    less."""
    return (q @ k.mT + bias + (0 if mask is None else mask.to(q.dtype))).softmax(-1) @ v


@replaces("t5_attention")
def over_queries(q, k, v, bias, mask=None):
    """Your softmax runs over the queries. Each query distributes its attention over the keys, the last axis."""
    scores = q @ k.mT + bias
    return (scores if mask is None else scores.masked_fill(~mask, -1e9)).softmax(-2) @ v


@replaces("t5_attention")
def weights_multiplied(q, k, v, bias, mask=None):
    """You multiplied the weights by the bias after the softmax, and a row no longer sums to 1. The bias is a part of a
    score: which operation joins it, and before which step?"""
    return (allow(q @ k.mT, mask).softmax(-1) * bias) @ v


@replaces("t5_attention")
def bias_over_mask(q, k, v, bias, mask=None):
    """You gave the forbidden keys a score of 0, which is a score like any other: exp(0) = 1. Which score has an
    exponential of 0?"""
    scores = q @ k.mT + bias
    return (scores if mask is None else scores.masked_fill(~mask, 0.0)).softmax(-1) @ v


@replaces("t5_attention")
def mask_after_softmax(q, k, v, bias, mask=None):
    """You set the weights of forbidden keys to 0 behind the softmax, where they had taken their share already: the
    others no longer sum to 1. Where can the mask act before that?"""
    weights = (q @ k.mT + bias).softmax(-1)
    return (weights if mask is None else weights * mask) @ v


@replaces("t5_attention")
def bias_subtracted(q, k, v, bias, mask=None):
    """You subtracted the bias. A large number in the table means that a distance is welcome: does it make the score of
    the key larger in your code?"""
    return allow(q @ k.mT - bias, mask).softmax(-1) @ v


@replaces("relative_position_bucket")
def last_bucket_of_all(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    """Far distances go up to the last bucket of all in yours. With two directions each has half of the buckets: which
    is the last one of a direction?"""
    offset, d, n = split(relative_position, bidirectional, num_buckets)
    exact = n // 2
    log = torch.log(d.clamp(min=1).double() / exact) / math.log(max_distance / exact)
    far = (exact + (log * (n - exact)).long()).clamp(max=num_buckets - 1)
    return offset + torch.where(d < exact, d, far)


@replaces("t5_attention")
def mask_in_float32(q, k, v, bias, mask=None):
    """The zeros and -inf that you make of the mask are float32, whatever q is. The sum of bfloat16 and float32 is
    float32, and does not fit the values any more: which dtype do the scores have?"""
    scores = q @ k.mT + bias
    if mask is not None:
        scores = scores + torch.zeros(mask.shape).masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v


@replaces("t5_attention")
def mask_in_float64(q, k, v, bias, mask=None):
    """The zeros and -inf that you make of the mask are float64, whatever q is. The sum of float32 and float64 is
    float64, and does not fit the values any more: which dtype do the scores have?"""
    scores = q @ k.mT + bias
    if mask is not None:
        scores = scores + torch.zeros(mask.shape, dtype=torch.float64).masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v
