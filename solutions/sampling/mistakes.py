"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from sampling import apply_temperature, next_token_distribution, sample, top_k_filter, top_p_filter
from torch import Tensor

from grader.testing import replaces

INF = float("inf")
Maybe = float | None


@replaces("apply_temperature")
def multiply(logits: Tensor, temperature: float) -> Tensor:
    """You multiplied by the temperature, so a high one makes the model more certain. It should do the
    opposite: which operation flattens the logits when the temperature grows?"""
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    return logits * temperature


@replaces("apply_temperature")
def returns_probabilities(logits: Tensor, temperature: float) -> Tensor:
    """You returned probabilities. The filters that follow take logits, and so does the last softmax: here
    the logits are only rescaled."""
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    return torch.softmax(logits / temperature, dim=-1)


@replaces("apply_temperature")
def unchecked_temperature(logits: Tensor, temperature: float) -> Tensor:
    """A temperature of 0 divides by zero, and a negative one makes the worst token the best. Neither is a
    setting that should run: raise ValueError."""
    return logits / torch.tensor(temperature, dtype=logits.dtype)


@replaces("apply_temperature")
def zero_is_greedy(logits: Tensor, temperature: float) -> Tensor:
    """Temperature 0 is read as «take the best» by some servers. This function promises ValueError for it: a
    greedy choice needs no draw, and its caller should say so."""
    if temperature < 0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    if temperature == 0:
        return logits.masked_fill(logits < logits.amax(-1, keepdim=True), -INF)
    return logits / temperature


@replaces("apply_temperature")
def exponent_one_over(logits: Tensor, temperature: float) -> Tensor:
    """You raised the logits to the power 1/T. The power belongs to the probabilities: what happens to a power when one
    takes the logarithm?"""
    if temperature <= 0:
        raise ValueError("temperature")
    return logits.sign() * logits.abs() ** (1 / temperature)


def checked(k: int) -> int:
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    return k


@replaces("top_k_filter")
def zero_for_removed(logits: Tensor, k: int) -> Tensor:
    """You gave removed tokens the logit 0, and exp(0) = 1: they can still be drawn, and may even win. Which
    logit has an exponential of 0?"""
    kth = logits.topk(min(checked(k), logits.shape[-1]), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < kth, 0.0)


@replaces("top_k_filter")
def k_too_large(logits: Tensor, k: int) -> Tensor:
    """torch.topk raises an error when k is larger than the vocabulary. Such a k keeps everything: how many
    tokens can be asked for at most?"""
    kth = logits.topk(checked(k), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < kth, -INF)


@replaces("top_k_filter")
def exactly_k(logits: Tensor, k: int) -> Tensor:
    """You kept k tokens and removed others that have the same logit as the k-th: which of them stays is
    then chance. A token that ties with the k-th stays. Compare values, not places."""
    values, indices = logits.topk(min(checked(k), logits.shape[-1]), dim=-1)
    return torch.full_like(logits, -INF).scatter(-1, indices, values)


@replaces("top_k_filter")
def kth_of_the_distinct(logits: Tensor, k: int) -> Tensor:
    """You took the k-th largest of the different values of a row, so logits that are equal count once, and too many
    tokens stay. If the two largest of a row are equal, which one is the second largest?"""
    bars = [row.unique()[-checked(k) :][0] for row in logits.reshape(-1, logits.shape[-1])]
    return logits.masked_fill(logits < torch.stack(bars).view(*logits.shape[:-1], 1), -INF)


@replaces("top_k_filter")
def kth_removed(logits: Tensor, k: int) -> Tensor:
    """You removed the k-th token itself: k - 1 are left, and none at all for k = 1. Look at the comparison
    with the k-th logit."""
    kth = logits.topk(min(checked(k), logits.shape[-1]), dim=-1).values[..., -1:]
    return logits.masked_fill(logits <= kth, -INF)


@replaces("top_k_filter")
def smallest_kth_of_all(logits: Tensor, k: int) -> Tensor:
    """You compare all rows with one number, the smallest of their k-th logits, and most rows keep more than k tokens.
    Each row has a k-th logit of its own: which shape must these have to meet the logits row by row?"""
    kth = logits.topk(min(checked(k), logits.shape[-1]), dim=-1).values.min()
    return logits.masked_fill(logits < kth, -INF)


@replaces("top_k_filter")
def kth_of_the_first_row(logits: Tensor, k: int) -> Tensor:
    """You compare all rows with the k-th logit of the first one. Each row has its own: which shape must these have to
    meet the logits row by row?"""
    kth = logits.topk(min(checked(k), logits.shape[-1]), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < kth.flatten()[0], -INF)


@replaces("top_k_filter")
def whole_batch(logits: Tensor, k: int) -> Tensor:
    """You kept the k largest logits of the whole tensor. Each row is a text of its own and keeps its own
    k: on which axis do the tokens lie?"""
    kth = logits.flatten().topk(min(checked(k), logits.shape[-1])).values[-1]
    return logits.masked_fill(logits < kth, -INF)


@replaces("top_k_filter")
def unchecked_k(logits: Tensor, k: int) -> Tensor:
    """A k below 1 leaves no token to draw. You corrected it silently: raise ValueError."""
    return top_k_filter(logits, max(k, 1))


@replaces("top_k_filter")
def keeps_the_smallest(logits: Tensor, k: int) -> Tensor:
    """You kept the k least probable tokens. At which end of a sorted row do the most probable ones stand?"""
    k = min(checked(k), int(logits.shape[-1]))
    return logits.masked_fill(logits > logits.topk(k, largest=False).values[..., -1:], -INF)


def valid(p: float) -> float:
    if not 0 < p <= 1:
        raise ValueError(f"p must lie above 0 and be at most 1, not {p}")
    return p


def in_token_order(logits: Tensor, drop: Tensor, order: Tensor) -> Tensor:
    scattered = torch.zeros_like(drop).scatter(-1, order, drop)
    return logits.masked_fill(scattered, -INF)


@replaces("top_p_filter")
def drops_crossing(logits: Tensor, p: float) -> Tensor:
    """You dropped the token that crosses p, so the nucleus has less mass than p, and where the first token
    has more than p alone, nothing is left. Ask for the mass before a token, without its own."""
    if valid(p) == 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    return in_token_order(logits, torch.softmax(ordered, -1).cumsum(-1) > p, order)


@replaces("top_p_filter")
def unsorted(logits: Tensor, p: float) -> Tensor:
    """You added up the probabilities in the order of the vocabulary, so the first tokens of the list win.
    Before the sum the tokens have to stand in order of their probability."""
    if valid(p) == 1:
        return logits
    probs = torch.softmax(logits, -1)
    return logits.masked_fill(probs.cumsum(-1) - probs >= p, -INF)


@replaces("top_p_filter")
def ascending(logits: Tensor, p: float) -> Tensor:
    """Your sort goes from the least probable token upward, and so you kept the tail and cut the best.
    Which end do you want to collect first?"""
    if valid(p) == 1:
        return logits
    ordered, order = logits.sort(dim=-1, stable=True)
    probs = torch.softmax(ordered, -1)
    return in_token_order(logits, probs.cumsum(-1) - probs >= p, order)


@replaces("top_p_filter")
def not_put_back(logits: Tensor, p: float) -> Tensor:
    """The cut was decided in sorted order and then applied to the tokens in their own order, so it hits the
    wrong ones. What did the sort return beside the values?"""
    if valid(p) == 1:
        return logits
    probs = torch.softmax(logits.sort(dim=-1, descending=True).values, -1)
    return logits.masked_fill(probs.cumsum(-1) - probs >= p, -INF)


@replaces("top_p_filter")
def stays_sorted(logits: Tensor, p: float) -> Tensor:
    """You returned the logits in sorted order. The caller needs them in the order of the vocabulary: place 0
    belongs to token 0."""
    if valid(p) == 1:
        return logits
    ordered = logits.sort(dim=-1, descending=True).values
    probs = torch.softmax(ordered, -1)
    return ordered.masked_fill(probs.cumsum(-1) - probs >= p, -INF)


@replaces("top_p_filter")
def threshold(logits: Tensor, p: float) -> Tensor:
    """You kept the tokens whose own probability is at least 1 - p. Top-p is a bound on the sum of those that
    are kept, not on each of them."""
    if valid(p) == 1:
        return logits
    probs = torch.softmax(logits, -1)
    return logits.masked_fill((probs < 1 - p) & (probs < probs.amax(-1, keepdim=True)), -INF)


@replaces("top_p_filter")
def share_p_of_the_best(logits: Tensor, p: float) -> Tensor:
    """You keep each token whose probability is at least p times that of the best one. That is another filter (min-p).
    Here p is a mass: the probabilities of how many tokens, added up, reach it?"""
    if valid(p) == 1:
        return logits
    probs = torch.softmax(logits, -1)
    return logits.masked_fill(probs < p * probs.amax(-1, keepdim=True), -INF)


@replaces("top_p_filter")
def ties_from_below(logits: Tensor, p: float) -> Tensor:
    """You sorted upwards and removed from the small end, and of equal logits the one with the lower index goes first.
    It counts as more probable and has to stay. In which order do equal ones stand after a stable sort?"""
    if valid(p) == 1:
        return logits
    ordered, order = logits.sort(dim=-1, stable=True)
    drop = torch.softmax(ordered, -1).cumsum(-1) <= 1 - p
    drop[..., -1] = False
    return in_token_order(logits, drop, order)


@replaces("top_p_filter")
def one_rounds(logits: Tensor, p: float) -> Tensor:
    """At p = 1 you lost tokens: the sum of the others had already rounded to 1. p = 1 keeps every token, so
    it needs no sum."""
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    probs = torch.softmax(ordered, -1)
    return in_token_order(logits, probs.cumsum(-1) - probs >= valid(p), order)


@replaces("top_p_filter")
def unchecked_p(logits: Tensor, p: float) -> Tensor:
    """A p outside (0, 1] was taken as it came. At 0 no set is meant at all, and above 1 none is enough:
    raise ValueError."""
    return top_p_filter(logits, min(max(p, 1e-12), 1.0))


@replaces("top_p_filter")
def at_most_p(logits: Tensor, p: float) -> Tensor:
    """You kept tokens as long as their sum is at most p, and the first token always: the nucleus has less mass than p.
    The docstring asks for mass at least p: which token is missing?"""
    if valid(p) == 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    drop = torch.softmax(ordered, -1).cumsum(-1) > p
    drop[..., 0] = False
    return in_token_order(logits, drop, order)


@replaces("top_p_filter")
def one_token_more(logits: Tensor, p: float) -> Tensor:
    """Your nucleus has one token more than it needs: you looked at the mass before the token before. Is the set without
    its last token smaller, and does it still reach p?"""
    if valid(p) == 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    probs = torch.softmax(ordered, -1)
    before = torch.nn.functional.pad((probs.cumsum(-1) - probs)[..., :-1], (1, 0))
    return in_token_order(logits, before >= p, order)


def filtered(logits: Tensor, top_k: Maybe, top_p: Maybe) -> Tensor:
    if top_k is not None:
        logits = top_k_filter(logits, top_k)
    return logits if top_p is None else top_p_filter(logits, top_p)


@replaces("next_token_distribution")
def temperature_last(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None):
    """You filtered first and applied the temperature afterwards. The temperature changes how much mass the
    best tokens have, and so which of them reach p: it comes first."""
    return torch.softmax(apply_temperature(filtered(logits, top_k, top_p), temperature), dim=-1)


@replaces("next_token_distribution")
def p_before_k(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None):
    """You filtered by top-p before top-k. After top-k the remaining tokens share all the mass, and fewer of
    them reach p: top-p looks at what top-k has left."""
    logits = filtered(apply_temperature(logits, temperature), None, top_p)
    return torch.softmax(filtered(logits, top_k, None), dim=-1)


@replaces("next_token_distribution")
def zero_is_none(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None):
    """`if top_k:` is False for None and for 0 alike, and a bad value went through as «no filter». Ask whether
    it is None."""
    return torch.softmax(filtered(apply_temperature(logits, temperature), top_k or None, top_p or None), dim=-1)


@replaces("next_token_distribution")
def p_above_1_unseen(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None):
    """You call the top-p filter only for a top_p below 1, so a value of 2 goes through without a word. The filter
    is where a wrong p is told: for which single value may it be left out?"""
    return next_token_distribution(logits, temperature, top_k, None if top_p is not None and top_p >= 1 else top_p)


@replaces("next_token_distribution")
def always_float32(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None):
    """Your probabilities are float32 where the logits are float64. Which dtype does the docstring promise?"""
    return next_token_distribution(logits, temperature, top_k, top_p).float()


@replaces("next_token_distribution")
def not_renormalised(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None):
    """The probabilities of the kept tokens are those from before the filters: a row no longer sums to 1, and
    the draw would run past its end. The softmax comes last."""
    logits = apply_temperature(logits, temperature)
    return torch.softmax(logits, dim=-1).masked_fill(filtered(logits, top_k, top_p) == -INF, 0.0)


@replaces("next_token_distribution")
def over_rows(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None):
    """Your softmax runs over the first axis: the probabilities of one token over all rows sum to 1. A
    distribution over tokens runs along the last axis."""
    return torch.softmax(filtered(apply_temperature(logits, temperature), top_k, top_p), dim=0)


@replaces("next_token_distribution")
def logits_returned(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None):
    """You returned the filtered logits. The docstring asks for probabilities: which step is left?"""
    return filtered(apply_temperature(logits, temperature), top_k, top_p)


def last_possible(probs: Tensor) -> Tensor:
    return (probs > 0).long().mul(torch.arange(probs.shape[-1])).amax(-1)


@replaces("sample")
def cdf_not_exceeded(probs: Tensor, u: Tensor) -> Tensor:
    """You took the first token whose cumulative probability is at least u. For u = 0 that is token 0 even if
    its probability is 0: the sum has to exceed u."""
    return torch.minimum((probs.cumsum(-1) < u[..., None]).sum(-1), last_possible(probs))


@replaces("sample")
def last_of_vocabulary(probs: Tensor, u: Tensor) -> Tensor:
    """Where rounding leaves the sum below u, you fell back on the last token of the vocabulary, which a filter
    may have removed. Fall back on the last one that is possible."""
    return (probs.cumsum(-1) <= u[..., None]).sum(-1).clamp(max=probs.shape[-1] - 1)


@replaces("sample")
def past_the_end(probs: Tensor, u: Tensor) -> Tensor:
    """Where rounding leaves the sum of a row below u, you returned V, which is no token. What should be drawn
    there instead?"""
    return (probs.cumsum(-1) <= u[..., None]).sum(-1)


@replaces("sample")
def none_is_first(probs: Tensor, u: Tensor) -> Tensor:
    """Where no cumulative probability exceeds u, argmax over nothing but False says 0. Rounding left the sum a
    little short there: the draw belongs to the other end."""
    return (probs.cumsum(-1) > u[..., None]).long().argmax(-1)


@replaces("sample")
def most_probable(probs: Tensor, u: Tensor) -> Tensor:
    """You always return the most probable token, whatever u is. That is greedy decoding: use the draw."""
    return probs.argmax(-1)


@replaces("sample")
def own_draw(probs: Tensor, u: Tensor) -> Tensor:
    """You ran through the tokens in falling order of probability. That draws from the same distribution, and
    gives another token for the same u: the statement sums in the order of the vocabulary."""
    ordered, order = probs.sort(dim=-1, descending=True, stable=True)
    return order.gather(-1, sample(ordered, u)[..., None])[..., 0]


@replaces("sample")
def own_probability(probs: Tensor, u: Tensor) -> Tensor:
    """You took the first token whose own probability exceeds u. Which sum does the docstring compare with u?"""
    exceeds = probs > u[..., None]
    first = exceeds.long().argmax(-1)
    return torch.where(exceeds.any(-1), first, last_possible(probs))


@replaces("top_p_filter")
def put_back_by_gather(logits: Tensor, p: float) -> Tensor:
    """You bring the decision back to the order of the vocabulary with a gather by the order of the sort. That sorts it
    once more: order says for each place of the sorted row which token stands there. What puts it back?"""
    if valid(p) == 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    probs = torch.softmax(ordered, -1)
    drop = probs.cumsum(-1) - probs >= p
    return logits.masked_fill(drop.gather(-1, order), -INF)


@replaces("top_p_filter")
def share_of_the_best(logits: Tensor, p: float) -> Tensor:
    """You keep each token whose probability is at least 1 - p of the best one's. That is another filter (min-p). Here p
    is a mass: the probabilities of how many tokens, added up, reach it?"""
    if valid(p) == 1:
        return logits
    probs = torch.softmax(logits, -1)
    return logits.masked_fill(probs < (1 - p) * probs.amax(-1, keepdim=True), -INF)
