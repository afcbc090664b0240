"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from moe_router import combine_matrix, route
from torch import Tensor

from grader.testing import replaces


def wide(x: Tensor) -> Tensor:
    """In float32 at least."""
    return x if x.dtype == torch.float64 else x.float()


def choose(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The part that most get right: check k, keep the k best logits, leave half precision."""
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("1 <= k <= E")
    chosen, indices = torch.topk(logits, k, dim=-1)
    return wide(chosen), indices


def unchecked(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The rest."""
    chosen, indices = torch.topk(logits, k, dim=-1)
    return torch.softmax(wide(chosen), dim=-1).to(logits.dtype), indices


@replaces("route")
def softmax_all(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k weights of a token do not sum to 1: each of them is a share among all E experts. Which logits should the
    softmax see?"""
    _, indices = choose(logits, k)
    return torch.softmax(wide(logits), dim=-1).gather(-1, indices).to(logits.dtype), indices


@replaces("route")
def softmax_twice(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Your weights are nearly equal, as if you had taken the softmax of probabilities. What are the numbers that go
    into your last softmax?"""
    choose(logits, k)
    chosen, indices = torch.topk(torch.softmax(wide(logits), dim=-1), k, dim=-1)
    return torch.softmax(chosen, dim=-1).to(logits.dtype), indices


@replaces("route")
def chosen_logits(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Your weights are the chosen logits as they are. What turns k logits into weights that are positive and sum to
    1?"""
    chosen, indices = choose(logits, k)
    return chosen.to(logits.dtype), indices


@replaces("route")
def logarithms(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Your weights are negative: they are the logarithms of the right ones. Which of torch's softmax functions did you
    need?"""
    chosen, indices = choose(logits, k)
    return torch.log_softmax(chosen, dim=-1).to(logits.dtype), indices


@replaces("route", axis=[0, 1, -2])
def softmax_axis(logits: Tensor, k: int, *, axis: int) -> tuple[Tensor, Tensor]:
    """Your softmax runs along axis {axis}. Along which axis are the k choices of one token, however many axes come
    before it?"""
    chosen, indices = choose(logits, k)
    return torch.softmax(chosen, dim=axis).to(logits.dtype), indices


@replaces("route", axis=[0, 1, -2])
def topk_axis(logits: Tensor, k: int, *, axis: int) -> tuple[Tensor, Tensor]:
    """You look for the k largest logits along axis {axis}. Here each token chooses its experts: along which axis are
    the experts, however many axes come before it?"""
    choose(logits, k)
    chosen, indices = torch.topk(logits, k, dim=axis)
    return torch.softmax(wide(chosen), dim=axis).to(logits.dtype), indices


@replaces("route", value=[0, -1, -10, -10000])
def masked_with(logits: Tensor, k: int, *, value: float) -> tuple[Tensor, Tensor]:
    """The experts that were not chosen still count in your denominator, as if their logits were {value}. Is there a
    logit whose exponential is exactly 0?"""
    chosen, indices = choose(logits, k)
    masked = torch.full(logits.shape, float(value), dtype=chosen.dtype).scatter(-1, indices, chosen)
    return torch.softmax(masked, dim=-1).gather(-1, indices).to(logits.dtype), indices


@replaces("route", by=["their sum", "the sum of their absolute values", "their Euclidean norm"])
def divided(logits: Tensor, k: int, *, by: str) -> tuple[Tensor, Tensor]:
    """Your weights are the chosen logits divided by {by}. Logits may be negative: which function makes positive
    numbers of all of them first?"""
    chosen, indices = choose(logits, k)
    norm = chosen if by == "their sum" else chosen.abs() if "absolute" in by else chosen.square()
    total = norm.sum(-1, keepdim=True)
    return (chosen / (total.sqrt() if "norm" in by else total)).to(logits.dtype), indices


@replaces("route", of=["2ˡ", "softplus(l)", "l²"])
def other_function(logits: Tensor, k: int, *, of: str) -> tuple[Tensor, Tensor]:
    """The weight of an expert with logit l is proportional to {of} in your code. Which function of l does the formula
    have?"""
    chosen, indices = choose(logits, k)
    if of == "2ˡ":
        values = 2 ** (chosen - chosen.amax(-1, keepdim=True))
    else:
        values = F.softplus(chosen) if of == "softplus(l)" else chosen.square()
    return (values / values.sum(-1, keepdim=True)).to(logits.dtype), indices


@replaces("route", by=["√E", "√k", "E", "k"])
def temperature(logits: Tensor, k: int, *, by: str) -> tuple[Tensor, Tensor]:
    """Your weights are too equal: the logits were divided by {by} before the softmax. What does the formula do to
    them?"""
    chosen, indices = choose(logits, k)
    number = k if "k" in by else logits.shape[-1]
    return torch.softmax(chosen / (number**0.5 if "√" in by else number), dim=-1).to(logits.dtype), indices


@replaces("route", normalised=[False, True])
def sigmoids(logits: Tensor, k: int, *, normalised: bool) -> tuple[Tensor, Tensor]:
    """Your weights are made of sigmoids, each of one logit alone. Which function do the k chosen logits go through
    together in the formula?"""
    chosen, indices = choose(logits, k)
    weights = torch.sigmoid(chosen)
    return (weights / weights.sum(-1, keepdim=True) if normalised else weights).to(logits.dtype), indices


@replaces("route", weights_too=[False, True])
def sorted_by_number(logits: Tensor, k: int, *, weights_too: bool) -> tuple[Tensor, Tensor]:
    """Your indices are sorted by the number of the expert. Which expert comes first according to the statement, and
    does each weight still belong to its index?"""
    chosen, indices = choose(logits, k)
    weights = torch.softmax(chosen, dim=-1).to(logits.dtype)
    rising, order = indices.sort(-1)
    return weights.gather(-1, order) if weights_too else weights, rising


@replaces("route", which=["weights", "indices", "weights and indices"])
def worst_first(logits: Tensor, k: int, *, which: str) -> tuple[Tensor, Tensor]:
    """Your {which} begin with the worst of the chosen experts. In which order do sort and argsort put things, and
    which order does the statement ask for?"""
    weights, indices = route(logits, k)
    return weights.flip(-1) if "weights" in which else weights, indices.flip(-1) if "indices" in which else indices


@replaces("route")
def results_swapped(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You return the indices first. What is the first of the two results?"""
    weights, indices = route(logits, k)
    return indices, weights


@replaces("route", dtype=["int32", "float32"])
def indices_of_dtype(logits: Tensor, k: int, *, dtype: str) -> tuple[Tensor, Tensor]:
    """Your indices are {dtype}. Which dtype does the statement ask for?"""
    weights, indices = route(logits, k)
    return weights, indices.to(getattr(torch, dtype))


@replaces("route", guarded=[False, True])
def overflow(logits: Tensor, k: int, *, guarded: bool) -> tuple[Tensor, Tensor]:
    """Tokens with large logits do not get the right weights. What is e¹⁰⁰⁰⁰ as a float, and what can you subtract from
    all logits of a token without changing its softmax?"""
    chosen, indices = choose(logits, k)
    e = chosen.exp()
    weights = e / e.sum(-1, keepdim=True)
    return (weights.nan_to_num() if guarded else weights).to(logits.dtype), indices


@replaces("route", limit=[10, 20, 50, 80, 100])
def logits_clamped(logits: Tensor, k: int, *, limit: int) -> tuple[Tensor, Tensor]:
    """Logits beyond ±{limit} are all alike in your softmax. What can you subtract from all logits of a token without
    changing its softmax, so that no exponential overflows?"""
    chosen, indices = choose(logits, k)
    return torch.softmax(chosen.clamp(-limit, limit), dim=-1).to(logits.dtype), indices


@replaces("route", guarded=[False, True])
def one_maximum(logits: Tensor, k: int, *, guarded: bool) -> tuple[Tensor, Tensor]:
    """A token whose logits are far below those of another token gets wrong weights. Does each token have its own
    maximum in your code, or do all of them share one?"""
    chosen, indices = choose(logits, k)
    e = (chosen - chosen.max()).exp() if chosen.numel() else chosen
    weights = e / e.sum(-1, keepdim=True)
    return (weights.nan_to_num() if guarded else weights).to(logits.dtype), indices


@replaces("route", what=["mean", "min"])
def infinity_subtracted(logits: Tensor, k: int, *, what: str) -> tuple[Tensor, Tensor]:
    """A token for which an expert is switched off gets NaN. What do you subtract from its logits before the
    exponential, and what is that number if one of them is −∞?"""
    chosen, indices = choose(logits, k)
    less = wide(logits).mean(-1, keepdim=True) if what == "mean" else wide(logits).amin(-1, keepdim=True)
    e = (chosen - less).exp()
    return (e / e.sum(-1, keepdim=True)).to(logits.dtype), indices


@replaces("route", eps=[1e-5, 1e-6, 1e-7, 1e-8])
def epsilon_in_sum(logits: Tensor, k: int, *, eps: float) -> tuple[Tensor, Tensor]:
    """The weights of a token sum to a little less than 1, as if {eps} were added to their sum before the division. Can
    that sum be 0 once the token's maximum has been subtracted?"""
    chosen, indices = choose(logits, k)
    e = (chosen - chosen.amax(-1, keepdim=True)).exp()
    return (e / (e.sum(-1, keepdim=True) + eps)).to(logits.dtype), indices


@replaces("route", dtypes=["float16", "bfloat16", "float16 and bfloat16"])
def low_precision(logits: Tensor, k: int, *, dtypes: str) -> tuple[Tensor, Tensor]:
    """For {dtypes} the weights are less exact than one rounding explains. In which dtype do you compute exponentials
    and their sum?"""
    if str(logits.dtype).removeprefix("torch.") not in dtypes.split(" and "):
        return route(logits, k)
    choose(logits, k)
    chosen, indices = torch.topk(logits, k, dim=-1)
    e = (chosen - chosen.amax(-1, keepdim=True)).exp()
    return e / e.sum(-1, keepdim=True), indices


@replaces("route")
def normalised_in_half(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """In half precision your probabilities over all experts are rounded before they are divided by their sum. How
    often may a weight be rounded, and when?"""
    choose(logits, k)
    weights, indices = torch.topk(torch.softmax(logits, dim=-1), k, dim=-1)
    return weights / weights.sum(-1, keepdim=True), indices


@replaces("route")
def always_float32(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The weights of float64 logits are only as exact as float32. Which dtypes need the conversion to float32?"""
    chosen, indices = choose(logits, k)
    return torch.softmax(chosen.float(), dim=-1).to(logits.dtype), indices


@replaces("route", float64_too=[False, True])
def stays_float32(logits: Tensor, k: int, *, float64_too: bool) -> tuple[Tensor, Tensor]:
    """Your weights are float32, and the logits were not. Which dtype does the statement give to the weights?"""
    chosen, indices = choose(logits, k)
    return torch.softmax(chosen.float() if float64_too else chosen, dim=-1), indices


@replaces("route", passes=["smaller than 1", "larger than E", "out of range"])
def unchecked_k(logits: Tensor, k: int, *, passes: str) -> Tensor:
    """A k that is {passes} does not end in a ValueError of yours. Which k make sense, and where can you find out
    before you choose?"""
    if (k < 1 and passes == "larger than E") or (k > logits.shape[-1] and passes == "smaller than 1"):
        raise ValueError("1 <= k <= E")
    return unchecked(logits, k)


@replaces("route", least=[0, 1])
def clamped_k(logits: Tensor, k: int, *, least: int) -> tuple[Tensor, Tensor]:
    """A k larger than E becomes E in your code, so a wrong configuration trains and nobody notices. What should happen
    to such a k?"""
    return unchecked(logits, max(least, min(k, logits.shape[-1])))


@replaces("route")
def asserted(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """A wrong k ends in an AssertionError. Which exception does the statement ask for?"""
    assert 1 <= k <= logits.shape[-1]
    return unchecked(logits, k)


@replaces("route", k_refused=["1", "E"])
def too_strict(logits: Tensor, k: int, *, k_refused: str) -> tuple[Tensor, Tensor]:
    """You refuse k = {k_refused}, which is allowed. Is your comparison one with < or with ≤?"""
    choose(logits, k - 1 if k_refused == "1" else k + 1)
    return unchecked(logits, k)


@replaces("route")
def k_against_tokens(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You compare k with the first axis of the logits, which is the number of tokens. Which axis holds the experts?"""
    if not 1 <= k <= logits.shape[0]:
        raise ValueError("1 <= k <= E")
    return unchecked(logits, k)


@replaces("route")
def switch_at_k1(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """With k = 1 your weight is the probability among all E experts, as in the Switch Transformer. What is the softmax
    over a single logit in the formula of this statement?"""
    if k != 1:
        return route(logits, k)
    weights, indices = torch.softmax(wide(logits), dim=-1).max(-1, keepdim=True)
    return weights.to(logits.dtype), indices


@replaces("route")
def flattened(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You merged the leading axes into one list of tokens and returned that. What leading shape should the results
    have for logits (B, T, E), and for (E,)?"""
    return route(logits.reshape(-1, logits.shape[-1]), k)


@replaces("route", n=[2, 3])
def unpacked(logits: Tensor, k: int, *, n: int) -> tuple[Tensor, Tensor]:
    """You unpack the shape of the logits into {n} sizes, but logits may have any number of leading axes. Which one of
    the sizes do you need, and where is it in the shape?"""
    if n == 2:
        _, _ = logits.shape
    else:
        _, _, _ = logits.shape
    return route(logits, k)


@replaces("route")
def squeezed(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """With k = 1 the last axis is missing from your results. What is (..., k) for k = 1?"""
    weights, indices = route(logits, k)
    return (weights[..., 0], indices[..., 0]) if k == 1 else (weights, indices)


@replaces("route", sign=[1, -1])
def smallest(logits: Tensor, k: int, *, sign: int) -> tuple[Tensor, Tensor]:
    """You chose the k smallest logits. Does a large logit mean that an expert suits a token well, or badly?"""
    _, indices = choose(-logits, k)
    return torch.softmax(sign * wide(logits.gather(-1, indices)), dim=-1).to(logits.dtype), indices


@replaces("route")
def detached(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """No gradient leads from your weights to the logits, so the router cannot learn. Which step of your code leaves
    the graph?"""
    with torch.no_grad():
        return route(logits, k)


def empty(weights: Tensor, num_experts: int) -> Tensor:
    return weights.new_zeros(*weights.shape[:-1], num_experts)


@replaces("combine_matrix")
def by_slot(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your weights are in the first k columns. Which expert does column e belong to, and which expert is a weight
    for?"""
    rows = empty(weights, num_experts)
    rows[..., : weights.shape[-1]] = weights
    return rows


@replaces("combine_matrix")
def left_to_right(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your columns are the right ones, but they are filled from left to right in the order of the weights. Which
    column does the first weight belong to?"""
    return empty(weights, num_experts).scatter(-1, indices.sort(-1).values, weights)


@replaces("combine_matrix", whole=[False, True])
def ones(weights: Tensor, indices: Tensor, num_experts: int, *, whole: bool) -> Tensor:
    """Your matrix says which experts were chosen, and not how much each of them counts. What belongs in the column of
    a chosen expert?"""
    rows = empty(weights, num_experts).scatter(-1, indices, 1.0)
    return rows.long() if whole else rows


@replaces("combine_matrix")
def one_row_per_slot(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your result has one row for each choice, (..., k, num_experts). How do the k rows of a token become one?"""
    return F.one_hot(indices, num_experts) * weights[..., None]


@replaces("combine_matrix", taken=["mean", "maximum"])
def slots_reduced(weights: Tensor, indices: Tensor, num_experts: int, *, taken: str) -> Tensor:
    """Your row of a token is the {taken} of k rows, one for each choice. Which operation leaves each weight as it
    is?"""
    rows = F.one_hot(indices, num_experts) * weights[..., None]
    return rows.mean(-2) if taken == "mean" else rows.amax(-2)


@replaces("combine_matrix")
def renormalised(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your rows are divided by their sums. May combine_matrix change the weights that it is given?"""
    return combine_matrix(weights / weights.sum(-1, keepdim=True), indices, num_experts)


@replaces("combine_matrix")
def rows_in_float32(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your matrix is float32 for weights in half precision. Which dtype does the stub give it, and where does another
    dtype enter your code?"""
    return wide(combine_matrix(weights, indices, num_experts))


@replaces("combine_matrix")
def zeros_in_float32(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your zeros are float32, torch's default, and weights of another dtype do not fit in. Where can the zeros get
    their dtype from?"""
    return torch.zeros(*weights.shape[:-1], num_experts).scatter(-1, indices, weights)


@replaces("combine_matrix")
def columns_of_largest(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your matrix ends at the largest index that occurs. Does an expert that nobody chose have a column, too?"""
    return empty(weights, int(indices.max()) + 1).scatter(-1, indices, weights)


@replaces("combine_matrix")
def combine_detached(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """No gradient flows from your matrix to the weights. Which step of your code leaves the graph?"""
    return empty(weights, num_experts).scatter(-1, indices, weights.detach())


@replaces("combine_matrix")
def one_leading_axis(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your row numbers fit weights (T, k) only. Weights may also be (k,) or (B, T, k): which operation puts values in
    place along the last axis, whatever comes before it?"""
    rows = empty(weights, num_experts)
    rows[torch.arange(len(weights))[:, None], indices] = weights
    return rows


@replaces("combine_matrix")
def unpacks_two_axes(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """You unpack the shape of weights into two sizes, but weights may also be (k,) or (B, T, k). Which axes do weights
    and the matrix have in common?"""
    T, _ = weights.shape
    return weights.new_zeros(T, num_experts).scatter(-1, indices, weights)


@replaces("combine_matrix")
def rows_of_first_axis(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your matrix has one row for each entry of the first axis, but weights may also be (k,) or (B, T, k). Which axes
    do weights and the matrix have in common?"""
    rows = weights.new_zeros(len(weights), num_experts)
    for t in range(len(weights)):
        rows[t, indices[t]] = weights[t]
    return rows
