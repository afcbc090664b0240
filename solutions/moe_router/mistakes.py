"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


def choose(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The part that most get right: check k, keep the k best logits, leave half precision."""
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("1 <= k <= E")
    chosen, indices = torch.topk(logits, k, dim=-1)
    return chosen if chosen.dtype == torch.float64 else chosen.float(), indices


@replaces("route")
def softmax_all(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The softmax ran over all E experts, and those you drop keep their share of the probability: the k
    weights of a token no longer sum to 1. Which logits should the softmax see?"""
    _, indices = choose(logits, k)
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return torch.softmax(wide, dim=-1).gather(-1, indices).to(logits.dtype), indices


@replaces("route")
def softmax_over_tokens(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Your weights sum to 1 over the tokens, so one token's weights depend on the others in the batch. The
    softmax belongs on the axis along which the k experts of one token lie."""
    chosen, indices = choose(logits, k)
    return torch.softmax(chosen, dim=0).to(logits.dtype), indices


@replaces("route")
def topk_over_tokens(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Your topk runs over the tokens: every expert picks its k best tokens. Here every token picks its k
    best experts. On which axis of the logits do the experts lie?"""
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError("1 <= k <= E")
    chosen, indices = torch.topk(logits, k, dim=0)
    return torch.softmax(chosen, dim=0), indices


@replaces("route")
def softmax_dim1(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Right for (T, E), wrong for (B, T, E): axis 1 holds the tokens there. Count the softmax axis from the
    end."""
    chosen, indices = choose(logits, k)
    return torch.softmax(chosen, dim=1).to(logits.dtype), indices


@replaces("route")
def masked_with_zero(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You set the logits of unchosen experts to 0, and e^0 = 1 still counts in the denominator. What value
    has an exponential of 0? Or leave these experts out of the softmax altogether."""
    chosen, indices = choose(logits, k)
    masked = torch.zeros(logits.shape, dtype=chosen.dtype).scatter(-1, indices, chosen)
    return torch.softmax(masked, dim=-1).gather(-1, indices).to(logits.dtype), indices


@replaces("route")
def divide_by_sum(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You divided the chosen logits by their sum. Logits are not probabilities: they may be negative, and
    their sum may be 0. They become weights through the exponential."""
    chosen, indices = choose(logits, k)
    return (chosen / chosen.sum(-1, keepdim=True)).to(logits.dtype), indices


@replaces("route")
def sorted_indices(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You sorted the indices by number and left the weights where they were, so weights go to the wrong
    experts. Both stand in the order of falling logit."""
    chosen, indices = choose(logits, k)
    return torch.softmax(chosen, dim=-1).to(logits.dtype), indices.sort(-1).values


@replaces("route")
def worst_first(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You have the right k experts in rising order: argsort and sort go from the smallest to the largest. The
    best expert comes first."""
    chosen, indices = choose(logits, k)
    return torch.softmax(chosen, dim=-1).to(logits.dtype).flip(-1), indices.flip(-1)


@replaces("route")
def overflow(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """exp of a large logit is infinite, and infinity divided by infinity is NaN. What can be subtracted from
    all logits of a token without changing its softmax?"""
    chosen, indices = choose(logits, k)
    e = chosen.exp()
    return (e / e.sum(-1, keepdim=True)).to(logits.dtype), indices


@replaces("route")
def one_maximum(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You subtracted the largest logit of the whole tensor. For a token far below it every exponential
    becomes 0, and 0 / 0 is NaN. Each token needs its own maximum."""
    chosen, indices = choose(logits, k)
    e = (chosen - chosen.max()).exp() if chosen.numel() else chosen
    return (e / e.sum(-1, keepdim=True)).to(logits.dtype), indices


@replaces("route")
def low_precision(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The softmax was computed in half precision, where each step rounds. Compute it in float32 and round
    once, at the end."""
    choose(logits, k)
    chosen, indices = torch.topk(logits, k, dim=-1)
    e = (chosen - chosen.amax(-1, keepdim=True)).exp()
    return e / e.sum(-1, keepdim=True), indices


@replaces("route")
def normalised_in_half(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The softmax over all experts was rounded to half precision before you divided by the sum: that is two
    roundings, and two experts may even become equal. Stay in float32 until the weights are done."""
    choose(logits, k)
    weights, indices = torch.topk(torch.softmax(logits, dim=-1), k, dim=-1)
    return weights / weights.sum(-1, keepdim=True), indices


@replaces("route")
def always_float32(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """float64 logits went through float32 on their way and lost half of their digits. Only half precision
    needs the detour."""
    chosen, indices = choose(logits, k)
    return torch.softmax(chosen.float(), dim=-1).to(logits.dtype), indices


@replaces("route")
def no_check(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """topk has its own idea of a bad k: for k = 0 it returns nothing without a word, for k > E it raises
    RuntimeError. Check k first and raise ValueError."""
    chosen, indices = torch.topk(logits, k, dim=-1)
    wide = chosen if chosen.dtype == torch.float64 else chosen.float()
    return torch.softmax(wide, dim=-1).to(logits.dtype), indices


@replaces("route")
def clamped_k(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """A k below 1 or above the number of experts was corrected silently. A wrong config should not train:
    raise ValueError."""
    chosen, indices = choose(logits, max(1, min(k, logits.shape[-1])))
    return torch.softmax(chosen, dim=-1).to(logits.dtype), indices


@replaces("combine_matrix")
def by_slot(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your weights stand in the first k columns. Column e belongs to expert e, and indices says which expert
    each weight is for."""
    rows = weights.new_zeros(*weights.shape[:-1], num_experts)
    rows[..., : weights.shape[-1]] = weights
    return rows


@replaces("combine_matrix")
def ones(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your matrix says which experts were chosen, not how much they count. The chosen columns hold the
    weights."""
    return weights.new_zeros(*weights.shape[:-1], num_experts).scatter(-1, indices, 1.0)
