"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from moe_router import combine_matrix, route
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
    """You sorted the indices by number. Indices and weights both stand in the order of falling logit; where only the
    indices are sorted, weights go to the wrong experts."""
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
def mean_subtracted(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You subtracted the mean of a token's logits before exp. An expert that is switched off has -inf, and so has the
    mean: every difference is infinite, and infinity divided by infinity is NaN. Which number of a token is always
    finite, and large enough?"""
    chosen, indices = choose(logits, k)
    e = (chosen - logits.to(chosen.dtype).mean(-1, keepdim=True)).exp()
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
def float16_stays(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """bfloat16 goes to float32 in your code, and float16 stays as it is. How many dtypes are half precision?"""
    if logits.dtype != torch.float16:
        return route(logits, k)
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
    """You converted float64 logits to float32, and half of their digits are lost. Which dtypes need the conversion to
    float32?"""
    chosen, indices = choose(logits, k)
    return torch.softmax(chosen.float(), dim=-1).to(logits.dtype), indices


@replaces("route")
def no_check(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Your code does not check k: for k = 0 topk returns nothing and no error, and for k > E it raises RuntimeError.
    Where can you raise ValueError before that?"""
    chosen, indices = torch.topk(logits, k, dim=-1)
    wide = chosen if chosen.dtype == torch.float64 else chosen.float()
    return torch.softmax(wide, dim=-1).to(logits.dtype), indices


@replaces("route")
def clamped_k(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You replaced a k outside of 1 to E by the nearest one that fits. Then a wrong config trains, and nobody notices
    it. What should happen to such a k?"""
    chosen, indices = choose(logits, max(1, min(k, logits.shape[-1])))
    return torch.softmax(chosen, dim=-1).to(logits.dtype), indices


@replaces("route")
def switch_at_k1(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """With k = 1 your weight is the probability among all E experts, as in the Switch Transformer, and with more than
    one choice the weights sum to 1. What is the softmax over a single logit, by the formula of the statement?"""
    if k != 1:
        return route(logits, k)
    wide = logits if logits.dtype == torch.float64 else logits.float()
    weights, indices = torch.softmax(wide, dim=-1).max(-1, keepdim=True)
    return weights.to(logits.dtype), indices


@replaces("route")
def flattened(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You made one list of tokens of all leading dimensions and returned it like that: (B, T, E) comes back with the
    axes B and T in one, and (E,) with an axis too many. Which leading dimensions have logits, and which have your
    results?"""
    return route(logits.reshape(-1, logits.shape[-1]), k)


@replaces("route")
def two_axes_only(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You unpack the shape of the logits into two sizes, which fits (T, E) only. Logits may be (E,) and (B, T, E) too:
    which of the sizes do you need, and where in the shape does it stand?"""
    _, _ = logits.shape
    return route(logits, k)


@replaces("route")
def squeezed(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """With k = 1 you drop the last axis. One choice is an axis of length 1 too: the results are (..., k) for every
    k."""
    weights, indices = route(logits, k)
    return (weights[..., 0], indices[..., 0]) if k == 1 else (weights, indices)


@replaces("combine_matrix")
def by_slot(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your weights stand in the first k columns. Column e belongs to expert e, and indices says which expert
    each weight is for."""
    rows = weights.new_zeros(*weights.shape[:-1], num_experts)
    rows[..., : weights.shape[-1]] = weights
    return rows


@replaces("combine_matrix")
def rows_in_float32(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your matrix is float32 for weights in half precision. Which dtype does the docstring give it, and where do 0
    and 1 of a dtype of their own come in?"""
    rows = combine_matrix(weights, indices, num_experts)
    return rows if rows.dtype == torch.float64 else rows.float()


@replaces("combine_matrix")
def ones(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your matrix says which experts were chosen, not how much they count. The chosen columns hold the
    weights."""
    return weights.new_zeros(*weights.shape[:-1], num_experts).scatter(-1, indices, 1.0)


@replaces("route")
def sigmoid_each(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Your weights are sigmoids, each of one logit alone, so the k weights of a token do not sum to 1. Which function
    makes k logits compete with each other?"""
    chosen, indices = choose(logits, k)
    return torch.sigmoid(chosen).to(logits.dtype), indices


@replaces("route")
def smallest(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You chose the k smallest logits. A large logit means that an expert fits the token well. In which direction does
    your sort go?"""
    _, indices = choose(-logits, k)
    chosen = logits.gather(-1, indices)
    return torch.softmax(chosen if chosen.dtype == torch.float64 else chosen.float(), dim=-1).to(logits.dtype), indices


@replaces("route")
def detached(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """No gradient leads from your weights to the logits, so the router cannot learn. Which step of your code leaves the
    graph?"""
    with torch.no_grad():
        return route(logits, k)


@replaces("route")
def stays_float32(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You computed in float32 and returned float32, though the logits were in half precision. Which dtype have the
    weights to have?"""
    chosen, indices = choose(logits, k)
    return torch.softmax(chosen, dim=-1), indices


@replaces("route")
def zero_goes_through(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You refuse only a k that is too large. With k = 0 a token has no expert at all. Which is the smallest k that
    makes sense?"""
    if k > logits.shape[-1]:
        raise ValueError("k <= E")
    chosen, indices = torch.topk(logits, k, dim=-1)
    wide = chosen if chosen.dtype == torch.float64 else chosen.float()
    return torch.softmax(wide, dim=-1).to(logits.dtype), indices


@replaces("route")
def k_against_tokens(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """You compared k with the first axis of the logits, which is the number of tokens. k experts are chosen among all
    experts: which axis holds the experts?"""
    if not 1 <= k <= logits.shape[0]:
        raise ValueError("1 <= k <= E")
    chosen, indices = torch.topk(logits, k, dim=-1)
    wide = chosen if chosen.dtype == torch.float64 else chosen.float()
    return torch.softmax(wide, dim=-1).to(logits.dtype), indices


@replaces("combine_matrix")
def columns_of_largest(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your matrix ends at the largest index that occurs. An expert that nobody chose has a column too. How many columns
    are asked for?"""
    wide = int(indices.max()) + 1
    return weights.new_zeros(*weights.shape[:-1], wide).scatter(-1, indices, weights)


@replaces("combine_matrix")
def combine_detached(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """You copied numbers, and no gradient flows from the matrix to the weights. Which step of your code leaves the
    graph?"""
    return weights.new_zeros(*weights.shape[:-1], num_experts).scatter(-1, indices, weights.detach())


@replaces("combine_matrix")
def zeros_in_float32(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your zeros are float32, as torch makes them unless it is told otherwise, and weights of another dtype do not fit
    in. From where can the zeros take their dtype?"""
    return torch.zeros(*weights.shape[:-1], num_experts).scatter(-1, indices, weights)


@replaces("combine_matrix")
def one_leading_axis(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """You number the rows with an arange over the first axis, which fits weights (T, k) only. Weights may be (k,) and
    (B, T, k) too. Which operation places values along the last axis, whatever stands in front?"""
    rows = weights.new_zeros(*weights.shape[:-1], num_experts)
    rows[torch.arange(len(weights))[:, None], indices] = weights
    return rows


@replaces("combine_matrix")
def unpacks_two_axes(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """You unpack the shape of weights into two sizes, which fits (T, k) only. Weights may be (k,) and (B, T, k) too:
    how many axes stand in front of the k weights, and which of them does your matrix keep?"""
    T, _ = weights.shape
    return weights.new_zeros(T, num_experts).scatter(-1, indices, weights)


@replaces("combine_matrix")
def rows_of_first_axis(weights: Tensor, indices: Tensor, num_experts: int) -> Tensor:
    """Your matrix has one row for each entry of the first axis, which fits weights (T, k) only. Weights may be (k,)
    and (B, T, k) too: which axes do weights and the matrix have in common?"""
    return weights.new_zeros(len(weights), num_experts).scatter(-1, indices, weights)
