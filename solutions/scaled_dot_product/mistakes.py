"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from scaled_dot_product import masked_softmax
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


@replaces("split_heads")
def split_view(x: Tensor, num_heads: int) -> Tensor:
    """Your heads hold pieces of several tokens: view only relabels what lies in memory, and there all columns of a
    token lie together. Give D two axes first; which axes change places then?"""
    B, T, D = x.shape
    return x.reshape(B, num_heads, T, D // num_heads)


@replaces("split_heads")
def split_no_transpose(x: Tensor, num_heads: int) -> Tensor:
    """The head axis stands behind the tokens. Attention works on the last two axes, so these must be tokens and
    columns of one head."""
    B, T, D = x.shape
    return x.reshape(B, T, num_heads, D // num_heads)


@replaces("split_heads")
def split_interleaved(x: Tensor, num_heads: int) -> Tensor:
    """Your head h takes every H-th column. A head owns K neighbouring columns: of the two axes that D becomes,
    which one counts the heads?"""
    B, T, D = x.shape
    return x.reshape(B, T, D // num_heads, num_heads).permute(0, 3, 1, 2)


@replaces("merge_heads")
def merge_no_transpose(x: Tensor) -> Tensor:
    """Each of your output rows mixes several tokens. The head axis and the time axis have to change places before
    you flatten."""
    B, H, T, K = x.shape
    return x.reshape(B, T, H * K)


@replaces("merge_heads")
def merge_view(x: Tensor) -> Tensor:
    """After the transpose your view works only for some layouts in memory, and it fails for a contiguous x. Which
    operation copies the numbers if that is needed?"""
    B, H, T, K = x.shape
    return x.transpose(1, 2).view(B, T, H * K)


@replaces("merge_heads")
def merge_interleaved(x: Tensor) -> Tensor:
    """You put the first columns of all heads together, then the second ones. Head 0 keeps its K columns side by
    side, head 1 follows."""
    B, H, T, K = x.shape
    return x.permute(0, 2, 3, 1).reshape(B, T, H * K)


def masked(scores: Tensor, mask: Tensor | None) -> Tensor:
    """The part that most get right: -inf where the mask forbids."""
    if mask is None:
        return scores
    return scores.masked_fill(~mask, -INF) if mask.dtype == torch.bool else scores + mask


def allowed(mask: Tensor | None) -> Tensor:
    """A mask of either form as bool."""
    if mask is None:
        return torch.tensor(True)
    return mask if mask.dtype == torch.bool else mask > -INF


def safe(scores: Tensor, m: Tensor | None = None, eps: float = 0.0) -> Tensor:
    """The softmax of scores that are masked already, right for empty rows unless m says otherwise."""
    m = scores.detach().amax(-1, keepdim=True) if m is None else m
    e = torch.exp(scores - m.masked_fill(m == -INF, 0.0))
    z = e.sum(-1, keepdim=True) + eps
    return e / z.masked_fill(z == 0, 1.0)


@replaces("masked_softmax")
def low_is_forbidden(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You take every large negative number in a float mask for «forbidden». Only -inf forbids: any other number is
    added, however low it is."""
    if mask is not None and mask.dtype != torch.bool:
        mask = mask.masked_fill(mask < -1e4, -INF)
    return safe(masked(scores, mask))


@replaces("masked_softmax")
def naive_exp(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """exp of a large score is infinite, and infinity divided by infinity is NaN; all exponentials of very negative
    scores are 0. What can be subtracted from a row without changing its softmax?"""
    e = torch.exp(masked(scores, mask))
    z = e.sum(-1, keepdim=True)
    return e / z.masked_fill(z == 0, 1.0)


@replaces("masked_softmax")
def global_max(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You subtracted the largest score of the whole tensor. In a row far below it every exponential becomes 0, and
    the row looks empty. Each row needs its own maximum."""
    scores = masked(scores, mask)
    return safe(scores, scores.detach().amax())


@replaces("masked_softmax")
def max_of_forbidden(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """What you subtract before the exponential, or a softmax for you, is the maximum of all entries. A large score on
    a forbidden key then pushes all allowed ones to 0. Which entries may decide what is subtracted?"""
    return safe(masked(scores, mask), scores.detach().amax(-1, keepdim=True))


@replaces("masked_softmax")
def max_before_the_mask(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You subtracted a maximum that a forbidden key may hold. If its score is very large all exponentials of the
    allowed keys are 0, and their row is 0 divided by 0. Which entries may decide what is subtracted?"""
    empty = ~allowed(mask).expand(scores.shape).any(-1, keepdim=True)
    e = torch.exp(masked(scores, mask) - scores.detach().amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True).masked_fill(empty, 1.0)


@replaces("masked_softmax")
def empty_is_nan(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """A row with nothing to attend to became NaN: its maximum is -inf, and -inf minus -inf is not a number. Such a row
    is zero everywhere."""
    return torch.softmax(masked(scores, mask), dim=-1)


@replaces("masked_softmax")
def empty_float_row_is_nan(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You look for rows without any key in bool masks only. A row of a float mask can be empty as well, and became NaN.
    How does a float mask say that a key is forbidden?"""
    if mask is None or mask.dtype == torch.bool:
        return masked_softmax(scores, mask)
    return torch.softmax(scores + mask, dim=-1)


@replaces("masked_softmax")
def scores_changed(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You write the mask into the scores that you were given, and the caller still needs them. Which operation makes a
    new tensor instead?"""
    if mask is not None:
        scores = scores.masked_fill_(~mask, -INF) if mask.dtype == torch.bool else scores.add_(mask)
    return safe(scores)


@replaces("masked_softmax")
def nan_to_num(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You added -inf to a whole row and replaced the NaN afterwards. The value of that row is right, and its gradient
    is NaN: in the backward pass 0 times NaN is NaN. How can an empty row get scores that are finite?"""
    return torch.softmax(masked(scores, mask), dim=-1).nan_to_num(0.0)


@replaces("masked_softmax")
def hook_on_scores(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """The gradient of the scores is right, and a float mask gets NaN in its empty row: behind the sum of the two there
    still is a row of NaN. How can an empty row get scores that are finite?"""
    s = scores * 1.0
    if s.requires_grad:
        s.register_hook(lambda g: g.nan_to_num(0.0))
    return torch.softmax(masked(s, mask), dim=-1).nan_to_num(0.0)


@replaces("masked_softmax")
def minus_1e9(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Your empty row became an average of forbidden values: a finite stand-in for -inf cancels in the softmax when
    every entry has it. Use -inf, and treat the empty row on its own."""
    if mask is None:
        return torch.softmax(scores, dim=-1)
    if mask.dtype == torch.bool:
        return torch.softmax(scores.masked_fill(~mask, -1e9), dim=-1)
    return torch.softmax(scores + mask.clamp(min=-1e9), dim=-1)


@replaces("masked_softmax")
def minus_10000(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You gave forbidden keys a score of -10000 where the mask is bool. Scores may be of any size, and beside scores
    of -100000 that is the largest. Which score is below all others, whatever these are?"""
    if mask is None or mask.dtype != torch.bool:
        return masked_softmax(scores, mask)
    return safe(scores.masked_fill(~mask, -1e4)).masked_fill(~mask.any(-1, keepdim=True), 0.0)


@replaces("masked_softmax")
def minus_10000_then_zero(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You gave forbidden keys a score of -10000 and set their weights to 0 behind the softmax. Beside allowed scores of
    -100000 theirs are the largest, take all of the row, and nothing is left in it. Which score is below all others,
    whatever these are?"""
    if mask is None:
        return masked_softmax(scores)
    added = scores if mask.dtype == torch.bool else scores + mask
    return torch.softmax(added.masked_fill(~allowed(mask), -1e4), dim=-1).masked_fill(~allowed(mask), 0.0)


@replaces("masked_softmax")
def mask_inverted(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Your queries attend to the forbidden keys and to no others. True means «may attend»: where does -inf belong?"""
    return safe(masked(scores, ~mask if mask is not None and mask.dtype == torch.bool else mask))


@replaces("masked_softmax")
def mask_after_softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Your rows sum to less than 1: the forbidden keys had taken their share of the probability before you set
    them to 0. Mask the scores, not the weights."""
    added = scores if mask is None or mask.dtype == torch.bool else scores + mask.clamp(min=-1e4)
    return torch.softmax(added, dim=-1) * allowed(mask)


@replaces("masked_softmax")
def softmax_over_queries(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Your columns sum to 1, so the keys distribute themselves over the queries. Each query distributes its
    attention over the keys. Which axis is that, counted from the end?"""
    scores = masked(scores, mask)
    if scores.dim() == 1:
        return safe(scores)
    return safe(scores.mT).mT


@replaces("masked_softmax")
def any_mask_as_bool(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You turned a float mask into a bool. There 0 means allowed, as a bool 0 means forbidden. A float mask is
    added to the scores as it is."""
    return safe(scores if mask is None else scores.masked_fill(~mask.bool(), -INF))


@replaces("masked_softmax")
def bias_dropped(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Of a float mask you kept only where it is -inf. Its finite entries are biases, such as those for the distance
    of two tokens: they count too."""
    return safe(scores.masked_fill(~allowed(mask), -INF))


@replaces("masked_softmax")
def epsilon(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You added a small number to the sum, and no row sums to 1 any more. Once the maximum is subtracted one
    exponential is 1, so only the sum of an empty row can be 0: change that one alone."""
    return safe(masked(scores, mask), eps=1e-6)


@replaces("attention")
def no_scale(q, k, v, mask=None, scale=None):
    """The dot products were not divided by √K. They grow with the width of a head, and the softmax saturates."""
    weights = masked_softmax((1.0 if scale is None else scale) * q @ k.mT, mask)
    return weights @ v, weights


@replaces("attention")
def scale_by_width(q, k, v, mask=None, scale=None):
    """You divided by K. It is the variance that grows with K; you divide by the standard deviation."""
    weights = masked_softmax((1 / q.shape[-1] if scale is None else scale) * q @ k.mT, mask)
    return weights @ v, weights


@replaces("attention")
def scale_by_values(q, k, v, mask=None, scale=None):
    """You divided by the root of the width of v. The dot products are sums over the columns of q and k."""
    weights = masked_softmax((v.shape[-1] ** -0.5 if scale is None else scale) * q @ k.mT, mask)
    return weights @ v, weights


@replaces("attention")
def scale_by_length(q, k, v, mask=None, scale=None):
    """You divided by the root of the number of keys. A dot product sums over columns: how many terms has it?"""
    weights = masked_softmax((k.shape[-2] ** -0.5 if scale is None else scale) * q @ k.mT, mask)
    return weights @ v, weights


@replaces("attention")
def scale_ignored(q, k, v, mask=None, scale=None):
    """You always scale by 1/√K, whatever `scale` says. T5, for one, asks for 1."""
    weights = masked_softmax(q @ k.mT / math.sqrt(q.shape[-1]), mask)
    return weights @ v, weights


@replaces("attention")
def scale_zero_is_none(q, k, v, mask=None, scale=None):
    """A scale of 0 was taken for a missing one: `or` and `if scale` cannot tell the two apart. Ask for None."""
    weights = masked_softmax((scale or 1 / math.sqrt(q.shape[-1])) * q @ k.mT, mask)
    return weights @ v, weights


@replaces("attention")
def scale_divides(q, k, v, mask=None, scale=None):
    """You divided by `scale`. Its default is 1/√K, so it is a factor."""
    weights = masked_softmax(q @ k.mT / (math.sqrt(q.shape[-1]) if scale is None else scale), mask)
    return weights @ v, weights


@replaces("attention")
def q_changed(q, k, v, mask=None, scale=None):
    """You scale q in place: the caller's q is another one afterwards, and torch refuses it where q is a leaf that needs
    a gradient. Which operation makes a new tensor?"""
    q *= 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    weights = masked_softmax(q @ k.mT, mask)
    return weights @ v, weights


@replaces("attention")
def mask_scaled_too(q, k, v, mask=None, scale=None):
    """You scaled the sum of products and mask, so the biases shrink as well. Scale the products first."""
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = q @ k.mT
    if mask is None or mask.dtype == torch.bool or scale == 0:
        weights = masked_softmax(scale * scores, mask)
    else:
        weights = masked_softmax(scale * scores, scale * mask)
    return weights @ v, weights


@replaces("attention")
def mask_not_passed(q, k, v, mask=None, scale=None):
    """The mask that attention received has no effect: it never reaches the softmax."""
    weights = masked_softmax((1 / math.sqrt(q.shape[-1]) if scale is None else scale) * q @ k.mT)
    return weights @ v, weights


@replaces("attention")
def weights_without_mask(q, k, v, mask=None, scale=None):
    """The output is right, and the weights that you return beside it are those before the mask. Return the ones
    that averaged the values."""
    scores = (1 / math.sqrt(q.shape[-1]) if scale is None else scale) * q @ k.mT
    return masked_softmax(scores, mask) @ v, masked_softmax(scores)


@replaces("masked_softmax")
def bool_added(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You added the bool mask to the scores, where True counts as 1 and False as 0. So a forbidden key only loses a
    little. What has to be added to the score of a forbidden key?"""
    return safe(scores if mask is None else scores + mask)


@replaces("masked_softmax")
def mask_multiplied(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You multiplied the scores by the bool mask. A forbidden key then has the score 0, and e⁰ = 1 counts in the sum.
    Which score has an exponential of 0?"""
    return safe(scores * mask if mask is not None and mask.dtype == torch.bool else masked(scores, mask))


@replaces("masked_softmax")
def mean_subtracted(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """You subtracted the mean of the row. The largest score can lie far above the mean, and its exponential is then
    infinite. After which subtraction is no score above 0?"""
    kept = masked(scores, mask)
    inside = kept > -INF
    mean = torch.where(inside, kept, 0).sum(-1, keepdim=True) / inside.sum(-1, keepdim=True).clamp(min=1)
    return safe(kept, mean.detach())


@replaces("attention")
def transpose_1_2(q, k, v, mask=None, scale=None):
    """You exchanged the axes 1 and 2 of k, which is right only if k has three axes. Tokens and columns are always the
    last two. How can you count the axes so that it fits any number of them?"""
    scores = (1 / math.sqrt(q.shape[-1]) if scale is None else scale) * q @ k.transpose(1, 2)
    weights = masked_softmax(scores, mask)
    return weights @ v, weights


@replaces("attention")
def scale_on_output(q, k, v, mask=None, scale=None):
    """You multiplied the weights by the scale, behind the softmax, so the weights of a query do not sum to 1. Which
    numbers does the formula multiply by the scale?"""
    weights = (1 / math.sqrt(q.shape[-1]) if scale is None else scale) * masked_softmax(q @ k.mT, mask)
    return weights @ v, weights


@replaces("attention")
def weights_detached(q, k, v, mask=None, scale=None):
    """Your weights carry no gradient, so only v learns. Which step of your code leaves the graph?"""
    weights = masked_softmax((1 / math.sqrt(q.shape[-1]) if scale is None else scale) * q @ k.mT, mask).detach()
    return weights @ v, weights


@replaces("attention")
def scores_returned(q, k, v, mask=None, scale=None):
    """Beside the output you return the scores. The weights are asked for: which numbers averaged the values?"""
    scores = (1 / math.sqrt(q.shape[-1]) if scale is None else scale) * q @ k.mT
    return masked_softmax(scores, mask) @ v, scores


@replaces("masked_softmax")
def only_zero_allows(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """A row of your float mask that nowhere is 0 counts as empty. A float mask is added to the scores: which number,
    and no other, takes a key out?"""
    if mask is None or mask.dtype == torch.bool:
        return masked_softmax(scores, mask)
    return masked_softmax(scores, mask).masked_fill((mask != 0).all(-1, keepdim=True), 0.0)
