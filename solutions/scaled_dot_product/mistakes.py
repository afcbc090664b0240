"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from scaled_dot_product import attention, masked_softmax
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


@replaces("split_heads")
def split_view(x: Tensor, num_heads: int) -> Tensor:
    """Each of your heads holds T · K numbers that follow each other in x, and not K columns of every token. view and
    reshape keep the numbers in their order: into which axes does D split, and where do these belong?"""
    B, T, D = x.shape
    return x.reshape(B, num_heads, T, D // num_heads)


@replaces("split_heads", axes=["B, T, H, K", "H, B, T, K", "B, H, K, T", "T, B, H, K", "H, T, B, K", "B, K, T, H"])
def split_axes_in_another_order(x: Tensor, num_heads: int, *, axes: str) -> Tensor:
    """The axes of your result are ({axes}). Attention multiplies the last two axes of its arguments: which two are
    these, and which order does the docstring give?"""
    heads = x.unflatten(-1, (num_heads, -1))
    return heads.permute(*("BTHK".index(axis) for axis in axes.split(", ")))


@replaces("split_heads", batch=["B * H", "H * B"])
def split_heads_in_the_batch(x: Tensor, num_heads: int, *, batch: str) -> Tensor:
    """Your result has three axes, with texts and heads in one of them. How many axes does the docstring give?"""
    B, T, D = x.shape
    order = (0, 2, 1, 3) if batch == "B * H" else (2, 0, 1, 3)
    return x.reshape(B, T, num_heads, D // num_heads).permute(order).reshape(-1, T, D // num_heads)


@replaces("split_heads")
def split_interleaved(x: Tensor, num_heads: int) -> Tensor:
    """Your head h gets every H-th column, beginning with column h. Which columns should it get, and which of the two
    axes that D splits into counts the heads?"""
    B, T, D = x.shape
    return x.reshape(B, T, D // num_heads, num_heads).permute(0, 3, 1, 2)


@replaces("split_heads")
def split_width_for_number(x: Tensor, num_heads: int) -> Tensor:
    """You made K heads of width H. Which of the two numbers is `num_heads`?"""
    B, T, D = x.shape
    return x.reshape(B, T, D // num_heads, num_heads).transpose(1, 2)


@replaces("merge_heads")
def merge_no_transpose(x: Tensor) -> Tensor:
    """Each row of your result holds H · K numbers that follow each other in x. Which two axes become one row, and are
    they neighbours in x?"""
    B, H, T, K = x.shape
    return x.reshape(B, T, H * K)


@replaces("merge_heads")
def merge_view(x: Tensor) -> Tensor:
    """Your view works only for some layouts in memory, and it fails for a contiguous x once axes have changed places.
    Which operation copies the numbers if it needs to?"""
    B, H, T, K = x.shape
    return x.transpose(1, 2).view(B, T, H * K)


@replaces("merge_heads")
def merge_interleaved(x: Tensor) -> Tensor:
    """Your rows hold the first column of every head, then the second of every head, and so on. Which columns of a token
    belonged to head 0 before the split?"""
    B, H, T, K = x.shape
    return x.permute(0, 2, 3, 1).reshape(B, T, H * K)


@replaces("merge_heads", axes=["B, T, H, K", "B, T, K, H"])
def merge_not_flattened(x: Tensor, *, axes: str) -> Tensor:
    """Your result still has an axis for the heads. How many axes does the docstring give, and how long is the last
    one?"""
    return x.permute(*("BHTK".index(axis) for axis in axes.split(", ")))


@replaces("merge_heads", axes=["B, H * K, T", "T, B, H * K", "B, H * T, K"])
def merge_axes_in_another_order(x: Tensor, *, axes: str) -> Tensor:
    """The axes of your result are ({axes}). Which order does the docstring give, and which two axes should have become
    one?"""
    if axes == "B, H * T, K":
        return x.flatten(1, 2)
    return x.transpose(2, 3).flatten(1, 2) if axes == "B, H * K, T" else x.permute(2, 0, 1, 3).flatten(2)


def allowed(mask: Tensor | None) -> Tensor:
    """A mask of either form as bool."""
    if mask is None:
        return torch.tensor(True)
    return mask if mask.dtype == torch.bool else mask > -INF


def masked(scores: Tensor, mask: Tensor | None, number: float = -INF) -> Tensor:
    """The part that most get right: -inf, or another number, where the mask forbids."""
    if mask is None:
        return scores
    added = scores if mask.dtype == torch.bool else scores + mask
    return added.masked_fill(~allowed(mask), number)


def divided(e: Tensor, z: Tensor, guard: str) -> Tensor:
    """e / z, with one of the guards against z = 0 that students choose."""
    if guard == "the sum 0 becomes 1":
        return e / z.masked_fill(z == 0, 1.0)
    return (e / z).nan_to_num(0.0) if guard == "NaN becomes 0" else e / z


def safe(scores: Tensor, m: Tensor | None = None, guard: str = "the sum 0 becomes 1") -> Tensor:
    """The softmax of scores that are masked already, right for empty rows unless m or guard say otherwise."""
    m = scores.detach().amax(-1, keepdim=True) if m is None else m
    e = torch.exp(scores - m.masked_fill(m == -INF, 0.0))
    return divided(e, e.sum(-1, keepdim=True), guard)


@replaces("masked_softmax", guard=["none", "the sum 0 becomes 1", "NaN becomes 0"])
def naive_exp(scores: Tensor, mask: Tensor | None = None, *, guard: str) -> Tensor:
    """Rows of very large or very low scores come out wrong. What are e^1000 and e^−1000 in floating point, and what can
    you subtract from every score of a row without changing its softmax?"""
    e = torch.exp(masked(scores, mask))
    return divided(e, e.sum(-1, keepdim=True), guard)


@replaces("masked_softmax", at=[20, 50, 80, 88, 100, 500, 700], both=[False, True])
def clamped(scores: Tensor, mask: Tensor | None = None, *, at: int, both: bool) -> Tensor:
    """Very large scores of one row get the same weight, although they differ. Softmax depends on differences of scores:
    how can you keep exponentials finite without changing a difference?"""
    e = torch.exp(masked(scores.clamp(-at if both else None, at), mask))
    return divided(e, e.sum(-1, keepdim=True), "the sum 0 becomes 1")


@replaces("masked_softmax", of=["the whole tensor", "a column", "a matrix"], guard=["none", "the sum 0 becomes 1"])
def maximum_of_more(scores: Tensor, mask: Tensor | None = None, *, of: str, guard: str) -> Tensor:
    """What you subtract from a row is the largest score of {of}. How far below it can all scores of a row be, and what
    are their exponentials then?"""
    scores = masked(scores, mask)
    if scores.dim() == 1:
        return safe(scores, guard=guard)
    axes = {"the whole tensor": tuple(range(scores.dim())), "a column": (-2,), "a matrix": (-2, -1)}[of]
    return safe(scores, scores.detach().amax(axes, keepdim=True), guard)


@replaces("masked_softmax", guard=["none", "empty rows only", "the sum 0 becomes 1", "NaN becomes 0"])
def maximum_of_forbidden(scores: Tensor, mask: Tensor | None = None, *, guard: str) -> Tensor:
    """A very large score on a forbidden key takes the weight of all allowed keys in its row. You, or a softmax for you,
    subtract a maximum before e^x: which entries may decide it?"""
    keep = allowed(mask).expand(scores.shape)
    e = torch.exp(masked(scores, mask) - scores.detach().amax(-1, keepdim=True))
    z = e.sum(-1, keepdim=True)
    return divided(e, z.masked_fill(~keep.any(-1, keepdim=True), 1.0) if guard == "empty rows only" else z, guard)


@replaces("masked_softmax", small=[1e-3, 1e-5, 1e-6, 1e-8, 1e-9, 1e-10, 1e-12])
def renormalised(scores: Tensor, mask: Tensor | None = None, *, small: float) -> Tensor:
    """A very large score on a forbidden key leaves nothing for the allowed keys of its row. You divide their weights by
    their sum: how large is that, beside a score 300000 higher?"""
    added = scores if mask is None or mask.dtype == torch.bool else scores + mask.masked_fill(~allowed(mask), 0.0)
    weights = torch.softmax(added, dim=-1) * allowed(mask)
    return weights / (weights.sum(-1, keepdim=True) + small)


@replaces("masked_softmax")
def empty_is_nan(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """A row in which nothing is allowed became NaN. What is its largest score in your code, what is left after you, or
    torch.softmax, subtract that, and which sum do you divide by?"""
    return torch.softmax(masked(scores, mask), dim=-1)


@replaces("masked_softmax", became=["NaN", "a softmax of what is left", "equal weights"])
def empty_float_row_missed(scores: Tensor, mask: Tensor | None = None, *, became: str) -> Tensor:
    """A row in which nothing is allowed is 0 with a bool mask, but became {became} with a float mask. How does a float
    mask say that a key is forbidden?"""
    if mask is None or mask.dtype == torch.bool:
        return masked_softmax(scores, mask)
    if became == "NaN":
        return torch.softmax(scores + mask, dim=-1)
    added = scores + mask.clamp(min=-1e9)
    return torch.softmax(added if "softmax" in became else added.masked_fill(~allowed(mask), -1e9), dim=-1)


@replaces(
    "masked_softmax",
    number=[-100.0, -1e3, -1e4, -1e5, -1e8, -1e9, -1e10, -1e12, -1e20, -1e30, None],
    put=["filled in", "added"],
)
def empty_row_sums_to_one(scores: Tensor, mask: Tensor | None = None, *, number: float | None, put: str) -> Tensor:
    """In a row where nothing is allowed your weights still sum to 1. Which score do the keys of such a row have before
    the exponential, and what does softmax make of equal scores?"""
    if mask is None:
        return torch.softmax(scores, dim=-1)
    number = torch.finfo(scores.dtype).min if number is None else number
    if put == "filled in":
        return torch.softmax(masked(scores, mask, number), dim=-1)
    zeros = torch.zeros(mask.shape, dtype=scores.dtype)
    mask = zeros.masked_fill(~mask, number) if mask.dtype == torch.bool else mask.clamp(min=number)
    return torch.softmax(scores + mask, dim=-1)


@replaces("masked_softmax")
def empty_row_unmasked(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """A row in which nothing is allowed gets the weights that it would have without a mask. What are its weights to be,
    and where do you see to that?"""
    keep = allowed(mask).expand(scores.shape)
    hidden = ~keep & keep.any(-1, keepdim=True)
    added = scores if mask is None or mask.dtype == torch.bool else scores + mask.masked_fill(~allowed(mask), 0.0)
    return torch.softmax(added.masked_fill(hidden, -INF), dim=-1)


@replaces(
    "masked_softmax",
    number=[-20.0, -100.0, -1e3, -1e4, -32768.0, -65504.0],
    zeroed=["empty rows", "forbidden weights"],
    masks=["bool", "either"],
)
def number_too_high(scores: Tensor, mask: Tensor | None = None, *, number: float, zeroed: str, masks: str) -> Tensor:
    """Your forbidden keys have a finite score, and where the allowed ones are near −100000 it is the highest of all.
    Which score is below all others, whatever these are?"""
    if mask is None or (masks == "bool" and mask.dtype != torch.bool):
        return masked_softmax(scores, mask)
    keep = allowed(mask).expand(scores.shape)
    weights = torch.softmax(masked(scores, mask, number), dim=-1)
    return weights.masked_fill(~keep.any(-1, keepdim=True) if zeroed == "empty rows" else ~keep, 0.0)


@replaces("masked_softmax", masks=["bool masks", "float masks", "masks"])
def scores_changed(scores: Tensor, mask: Tensor | None = None, *, masks: str) -> Tensor:
    """The scores that you were given are not the same after your code has used {masks}. Which operations make a new
    tensor, and which write into the old one?"""
    if mask is None or masks == ("float masks" if mask.dtype == torch.bool else "bool masks"):
        return masked_softmax(scores, mask)
    return safe(scores.masked_fill_(~mask, -INF) if mask.dtype == torch.bool else scores.add_(mask))


@replaces("masked_softmax", put=["filled in", "added"])
def nan_replaced(scores: Tensor, mask: Tensor | None = None, *, put: str) -> Tensor:
    """The values of an empty row are right, but its gradient is NaN: 0 times NaN is NaN in the backward pass, even if
    you replaced it. In which step does that row become NaN?"""
    if mask is not None:
        if mask.dtype == torch.bool and put == "added":
            scores = scores + torch.zeros(mask.shape, dtype=scores.dtype).masked_fill(~mask, -INF)
        else:
            scores = scores.masked_fill(~mask, -INF) if mask.dtype == torch.bool else scores + mask
    return torch.softmax(scores, dim=-1).nan_to_num(0.0)


@replaces("masked_softmax", empty=["zeros", "as with the mask inverted"])
def mask_inverted(scores: Tensor, mask: Tensor | None = None, *, empty: str) -> Tensor:
    """With a bool mask your queries attend to the forbidden keys and to no others. What does True mean here, and which
    keys get −∞?"""
    if mask is None or mask.dtype != torch.bool:
        return masked_softmax(scores, mask)
    weights = safe(masked(scores, ~mask))
    return weights.masked_fill(~mask.any(-1, keepdim=True), 0.0) if empty == "zeros" else weights


@replaces("masked_softmax", masks=["bool", "either"])
def mask_after_softmax(scores: Tensor, mask: Tensor | None = None, *, masks: str) -> Tensor:
    """Your rows sum to less than 1. The forbidden keys had their share of the probability before their weights became
    0: at which point should the mask come in?"""
    if mask is None or (masks == "bool" and mask.dtype != torch.bool):
        return masked_softmax(scores, mask)
    added = scores if mask.dtype == torch.bool else scores + mask.masked_fill(~allowed(mask), 0.0)
    return torch.softmax(added, dim=-1) * allowed(mask)


@replaces("masked_softmax", axis=[-2, 0, 1], calls=["all", "without a mask"], guard=["none", "the sum 0 becomes 1"])
def softmax_over(scores: Tensor, mask: Tensor | None = None, *, axis: int, calls: str, guard: str) -> Tensor:
    """Your weights sum to 1 along axis {axis}. Each query shares out its attention over the keys: along which axis are
    the keys, whatever the number of axes is?"""
    if scores.dim() == 1 or (mask is not None and calls == "without a mask"):
        return masked_softmax(scores, mask)
    return safe(masked(scores, mask).movedim(axis, -1), guard=guard).movedim(-1, axis)


@replaces("masked_softmax", guard=["none", "the sum 0 becomes 1"])
def sum_of_everything(scores: Tensor, mask: Tensor | None = None, *, guard: str) -> Tensor:
    """Your weights sum to 1 over the whole tensor. Over which of them should they sum to 1, and what does sum() add up
    when it is given no axis?"""
    scores = masked(scores, mask)
    m = scores.detach().amax(-1, keepdim=True)
    e = torch.exp(scores - (m.masked_fill(m == -INF, 0.0) if guard != "none" else m))
    return divided(e, e.sum(), guard)


@replaces(
    "masked_softmax",
    where=["it is 0", "it is not 0", "it is above 0", "it is not below 0"],
    added=[False, True],
)
def float_mask_read_as_bool(scores: Tensor, mask: Tensor | None = None, *, where: str, added: bool) -> Tensor:
    """In your version a float mask allows a key only where {where}. Such a mask is added to the scores: after which sum
    does a key have weight 0, whatever its score is?"""
    if mask is None or mask.dtype == torch.bool:
        return masked_softmax(scores, mask)
    keep = {
        "it is 0": mask == 0,
        "it is not 0": mask != 0,
        "it is above 0": mask > 0,
        "it is not below 0": mask >= 0,
    }[where]
    return safe(masked(scores + mask if added else scores, keep))


@replaces("masked_softmax")
def low_is_forbidden(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """A float mask of about −100000 in a whole row forbids that row in your version. What does a softmax do with a
    number that is added to every score, and which number alone forbids?"""
    return masked_softmax(
        scores, mask if mask is None or mask.dtype == torch.bool else mask.masked_fill(mask < -1e4, -INF)
    )


@replaces("masked_softmax")
def bias_dropped(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """A float mask counts in your version only where it is −∞. Its finite numbers are biases, such as one for the
    distance of two tokens: what becomes of them?"""
    return safe(scores.masked_fill(~allowed(mask), -INF))


@replaces("masked_softmax", masks=["bool masks", "float masks", "masks"])
def mask_ignored(scores: Tensor, mask: Tensor | None = None, *, masks: str) -> Tensor:
    """In your softmax {masks} have no effect. Which forms of a mask does the statement name, and what does each do to a
    score?"""
    if mask is None or masks == ("float masks" if mask.dtype == torch.bool else "bool masks"):
        return masked_softmax(scores, mask)
    return torch.softmax(scores, dim=-1)


@replaces("masked_softmax", row=["has no 0 in it", "sums to 0", "is 0 throughout"])
def other_rows_are_empty(scores: Tensor, mask: Tensor | None = None, *, row: str) -> Tensor:
    """A row of a float mask that {row} counts as empty in your version. Which number forbids a key, and when is a row
    empty?"""
    if mask is None or mask.dtype == torch.bool:
        return masked_softmax(scores, mask)
    none = {"has no 0 in it": (mask != 0).all(-1), "sums to 0": mask.sum(-1) == 0, "is 0 throughout": ~mask.any(-1)}
    return masked_softmax(scores, mask).masked_fill(none[row].unsqueeze(-1), 0.0)


@replaces("masked_softmax", small=[1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1.1920928955078125e-07, 1e-8])
def epsilon(scores: Tensor, mask: Tensor | None = None, *, small: float) -> Tensor:
    """No row of yours sums to exactly 1: the sum you divide by is a little too large. After the maximum is subtracted,
    how small can the sum of a row be that is not empty?"""
    scores = masked(scores, mask)
    m = scores.detach().amax(-1, keepdim=True)
    e = torch.exp(scores - m.masked_fill(m == -INF, 0.0))
    return e / (e.sum(-1, keepdim=True) + small)


@replaces("masked_softmax", sign=["+", "−"])
def bool_added(scores: Tensor, mask: Tensor | None = None, *, sign: str) -> Tensor:
    """A bool mask changes your scores by 1 only, since True counts as 1 and False as 0. How far must the score of a
    forbidden key fall?"""
    if mask is None or mask.dtype != torch.bool:
        return masked_softmax(scores, mask)
    return safe(scores + mask.to(scores.dtype) * (1 if sign == "+" else -1))


@replaces("masked_softmax", masks=["bool", "either"])
def mask_multiplied(scores: Tensor, mask: Tensor | None = None, *, masks: str) -> Tensor:
    """Your forbidden keys have the score 0, which is a score like any other: e⁰ = 1 counts in the sum. Which score has
    an exponential of 0?"""
    if mask is None or (masks == "bool" and mask.dtype != torch.bool):
        return masked_softmax(scores, mask)
    return torch.softmax(scores * mask, dim=-1)


@replaces("masked_softmax", what=["the mean", "the lowest score", "the first score"])
def not_the_maximum(scores: Tensor, mask: Tensor | None = None, *, what: str) -> Tensor:
    """A score far above the others of its row becomes NaN. How large can a score still be after your subtraction, and
    after which one is none above 0?"""
    kept = masked(scores, mask)
    inside = kept > -INF
    if what == "the mean":
        m = torch.where(inside, kept, 0).sum(-1, keepdim=True) / inside.sum(-1, keepdim=True).clamp(min=1)
    elif what == "the lowest score":
        m = torch.where(inside, kept, INF).amin(-1, keepdim=True)
        m = m.masked_fill(m == INF, 0.0)
    else:
        m = kept[..., -1:].masked_fill(~inside[..., -1:], 0.0)
    return safe(kept, m.detach())


@replaces("masked_softmax", guard=["none", "the sum 0 becomes 1"])
def maximum_without_sign(scores: Tensor, mask: Tensor | None = None, *, guard: str) -> Tensor:
    """Rows in which every score is very low lose all their weights, other rows are right. Which number do you subtract
    from the scores −5000 and −5001, and what are they then?"""
    kept = masked(scores, mask)
    m = torch.where(kept > -INF, kept, 0).detach().abs().amax(-1, keepdim=True)
    return safe(kept, m, guard)


@replaces("masked_softmax", back=[True, False])
def in_float32(scores: Tensor, mask: Tensor | None = None, *, back: bool) -> Tensor:
    """float64 came into your softmax, and only the digits of float32 are right. Which of your lines names a dtype, or
    makes a tensor without one?"""
    weights = masked_softmax(scores.float(), mask if mask is None or mask.dtype == torch.bool else mask.float())
    return weights.to(scores.dtype) if back else weights


@replaces("masked_softmax")
def mask_detached(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """No gradient reaches a float mask, which may be a learned bias. Where does the mask leave the graph in your
    code?"""
    return masked_softmax(scores, None if mask is None else mask.detach())


def default(q: Tensor, scale: float | None) -> float:
    """The factor that most get right."""
    return q.shape[-1] ** -0.5 if scale is None else scale


@replaces("attention", by=["1", "1/K", "1/√V", "1/V", "1/√S", "1/S", "1/√T", "√K", "K", "1/√√K", "1/√(2K)", "1/K²"])
def another_scale(q, k, v, mask=None, scale=None, *, by: str):
    """When scale is None, your dot products are multiplied by {by}. Their variance is K if their K terms have variance
    1: by what do you have to divide to make it 1?"""
    (T, K), (S, V) = q.shape[-2:], v.shape[-2:]
    factors = {
        "1": 1.0,
        "1/K": 1 / K,
        "1/√V": V**-0.5,
        "1/V": 1 / V,
        "1/√S": S**-0.5,
        "1/S": 1 / S,
        "1/√T": T**-0.5,
        "√K": K**0.5,
        "K": K,
        "1/√√K": K**-0.25,
        "1/√(2K)": (2 * K) ** -0.5,
        "1/K²": K**-2,
    }
    return attention(q, k, v, mask, factors[by] if scale is None else scale)


@replaces("attention")
def scale_ignored(q, k, v, mask=None, scale=None):
    """You always scale by 1/√K, whatever `scale` says. What should happen when it is given, such as the 1 of T5?"""
    return attention(q, k, v, mask)


@replaces("attention", taken=["0 is", "0 or below is"])
def scale_zero_is_none(q, k, v, mask=None, scale=None, *, taken: str):
    """A scale of {taken} treated as no scale at all. Which values count as false in Python, and how do you ask whether
    an argument is None?"""
    given = scale is not None and (scale > 0 or (scale < 0 and taken == "0 is"))
    return attention(q, k, v, mask, scale if given else None)


@replaces("attention", zero=["divided by", "left out"])
def scale_divides(q, k, v, mask=None, scale=None, *, zero: str):
    """You divide by `scale`. If it is None it is 1/√K: is that a divisor or a factor?"""
    if scale is None or (scale == 0 and zero == "left out"):
        return attention(q, k, v, mask, scale)
    weights = masked_softmax(q @ k.mT / scale, mask)
    return weights @ v, weights


@replaces("attention", used=["beside 1/√K", "for q and for k"])
def scale_twice(q, k, v, mask=None, scale=None, *, used: str):
    """Your dot products are scaled twice: the factor is used {used}. By which number, in all, are they multiplied when
    `scale` is given?"""
    if used == "beside 1/√K":
        return attention(q, k, v, mask, q.shape[-1] ** -0.5 * (1 if scale is None else scale))
    return attention(q, k, v, mask, default(q, scale) ** 2)


@replaces("attention", which=["q", "k"])
def argument_scaled(q, k, v, mask=None, scale=None, *, which: str):
    """You scale {which} in place: the caller's tensor changes, and torch refuses it for a leaf that needs a gradient.
    Which operation makes a new tensor?"""
    if which == "q":
        q *= default(q, scale)
    else:
        k *= default(q, scale)
    weights = masked_softmax(q @ k.mT, mask)
    return weights @ v, weights


@replaces("attention")
def mask_scaled_too(q, k, v, mask=None, scale=None):
    """A float mask is scaled as well in your version, so its biases come out smaller or larger. What does `scale`
    multiply in the formula, and when does M come in?"""
    if mask is not None and mask.dtype != torch.bool:
        mask = mask * default(q, scale)
    return attention(q, k, v, mask, scale)


@replaces("attention", masks=["bool", "float", "any"])
def mask_not_passed(q, k, v, mask=None, scale=None, *, masks: str):
    """masked_softmax heeds its mask, but in attention a mask of {masks} kind has no effect. Where does it get lost on
    the way to the softmax?"""
    if mask is not None and masks in ("any", "bool" if mask.dtype == torch.bool else "float"):
        mask = None
    return attention(q, k, v, mask, scale)


@replaces("attention")
def weights_without_mask(q, k, v, mask=None, scale=None):
    """Your output is right, but the weights that you return are those without the mask. Which weights averaged the
    values?"""
    return attention(q, k, v, mask, scale)[0], attention(q, k, v, None, scale)[1]


@replaces("attention", which=["scaled", "unscaled", "masked"])
def scores_returned(q, k, v, mask=None, scale=None, *, which: str):
    """The second thing that you return is the {which} scores. Which numbers averaged the values?"""
    scores = q @ k.mT * (1 if which == "unscaled" else default(q, scale))
    return attention(q, k, v, mask, scale)[0], masked(scores, mask) if which == "masked" else scores


@replaces("attention")
def pair_reversed(q, k, v, mask=None, scale=None):
    """You return the weights first and the output second. In which order does the docstring name them?"""
    return attention(q, k, v, mask, scale)[::-1]


@replaces("attention", by=["transpose(1, 2)", "transpose(2, 3)", "T", "einsum of 3", "einsum of 4", "shape of 4"])
def one_number_of_axes(q, k, v, mask=None, scale=None, *, by: str):
    """Your product of queries and keys fits one number of axes only. Tokens and columns are always the last two: how
    can you count axes so that any number of them may come before?"""
    if by == "shape of 4":
        _B, _H, _T, _K = q.shape
    elif by.startswith("einsum"):
        lead = "b" if by == "einsum of 3" else "bh"
        torch.einsum(f"{lead}tk,{lead}sk->{lead}ts", q, k)
    keys = {
        "transpose(1, 2)": lambda: k.transpose(1, 2),
        "transpose(2, 3)": lambda: k.transpose(2, 3),
        "T": lambda: k.T,
    }
    weights = masked_softmax(default(q, scale) * q @ keys.get(by, lambda: k.mT)(), mask)
    return weights @ v, weights


@replaces("attention", form=["q k", "qᵀ k", "k qᵀ"])
def product_of_other_axes(q, k, v, mask=None, scale=None, *, form: str):
    """Your matrix product does not give one score for each query and key. Write the shapes (T, K) and (S, K) side by
    side: which axis is summed over, and what has to be (T, S)?"""
    scores = {"q k": lambda: q @ k, "qᵀ k": lambda: q.mT @ k, "k qᵀ": lambda: k @ q.mT}[form]()
    weights = masked_softmax(default(q, scale) * scores, mask)
    return weights @ v, weights


@replaces("attention", what=["weights", "output"])
def scale_after_softmax(q, k, v, mask=None, scale=None, *, what: str):
    """Your {what} was multiplied by the scale after a softmax of the plain dot products. Which numbers does the formula
    multiply by it, and what should the weights of a query sum to?"""
    out, weights = attention(q, k, v, mask, 1.0)
    by = default(q, scale)
    return out * by, weights * by if what == "weights" else weights


@replaces("attention", to=["q and k", "q", "k", "v", "q, k and v"])
def detached(q, k, v, mask=None, scale=None, *, to: str):
    """No gradient reaches {to} in your version. Which step of your code leaves the graph?"""
    q, k, v = (
        x.detach() if name in to.split() or f"{name}," in to else x for name, x in zip("qkv", (q, k, v), strict=True)
    )
    return attention(q, k, v, mask if len(to) == 1 or mask is None else mask.detach(), scale)


@replaces("attention")
def keys_averaged(q, k, v, mask=None, scale=None):
    """Your output is K numbers wide: it averages the keys. What does a token hand over once its key has fitted a
    query?"""
    return attention(q, k, k, mask, scale)
