"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from sampling import apply_temperature, next_token_distribution, sample, top_k_filter, top_p_filter
from torch import Tensor

from grader.testing import replaces

INF = float("inf")
Maybe = float | None


def positive(temperature: float) -> float:
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    return temperature


@replaces("apply_temperature")
def multiply(logits: Tensor, temperature: float) -> Tensor:
    """Your logits grow with the temperature, so a high one makes the model more certain. Should the differences
    between logits become larger or smaller when the temperature rises?"""
    return logits * positive(temperature)


@replaces("apply_temperature")
def returns_probabilities(logits: Tensor, temperature: float) -> Tensor:
    """You returned probabilities. What do the filters that follow take, and which function turns logits into
    probabilities in the end?"""
    return torch.softmax(logits / positive(temperature), dim=-1)


@replaces("apply_temperature", passes=["0", "below 0", "0 or below"])
def unchecked_temperature(logits: Tensor, temperature: float, *, passes: str) -> Tensor:
    """A temperature of {passes} goes through in your code. What would it do to the logits, and what does the statement
    ask for?"""
    if (temperature < 0 and "below" not in passes) or (temperature == 0 and passes[0] != "0"):
        raise ValueError("temperature")
    return logits / torch.tensor(temperature, dtype=logits.dtype)


@replaces("apply_temperature", kept=["the best token", "the logits as they are"])
def zero_is_greedy(logits: Tensor, temperature: float, *, kept: str) -> Tensor:
    """At temperature 0 you return {kept}, as some servers do. What does this function promise for a temperature of
    0?"""
    if temperature == 0:
        return logits.masked_fill(logits < logits.amax(-1, keepdim=True), -INF) if "best" in kept else logits
    return logits / positive(temperature)


@replaces("apply_temperature", least=[1e-8, 1e-6, 1e-5, 1e-3])
def corrected_temperature(logits: Tensor, temperature: float, *, least: float) -> Tensor:
    """A temperature of 0 or below becomes {least} in your code, and nobody notices the mistake. What does the
    statement ask for?"""
    return logits / max(temperature, least)


@replaces("apply_temperature")
def exponent_one_over(logits: Tensor, temperature: float) -> Tensor:
    """You raised the logits to the power 1/τ. It is the probabilities that get this power: what does a power become
    when you take the logarithm?"""
    positive(temperature)
    return logits.sign() * logits.abs() ** (1 / temperature)


def checked(k: int) -> int:
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    return k


def kth_largest(logits: Tensor, k: int) -> Tensor:
    """(..., 1)"""
    return logits.topk(min(checked(k), logits.shape[-1]), dim=-1).values[..., -1:]


@replaces("top_k_filter", value=[0, -100, -10000, -1e9, "the smallest finite number"])
def removed_with(logits: Tensor, k: int, *, value) -> Tensor:
    """A removed token gets {value} as its logit in your code. Is there a logit whose exponential is exactly 0,
    whatever the other logits are?"""
    number = torch.finfo(logits.dtype).min if isinstance(value, str) else value
    return logits.masked_fill(logits < kth_largest(logits, k), number)


@replaces("top_k_filter")
def k_too_large(logits: Tensor, k: int) -> Tensor:
    """torch refuses a k that is larger than the vocabulary. What should such a k keep, and how many tokens can you ask
    for at most?"""
    kth = logits.topk(checked(k), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < kth, -INF)


@replaces("top_k_filter", by=["topk", "sort"])
def exactly_k(logits: Tensor, k: int, *, by: str) -> Tensor:
    """You keep exactly k tokens, and drop others with the same logit as the k-th. Should the choice depend on places
    or on values?"""
    n = min(checked(k), logits.shape[-1])
    indices = logits.topk(n, dim=-1).indices if by == "topk" else logits.sort(-1, descending=True, stable=True)[1]
    indices = indices[..., :n]
    return torch.full_like(logits, -INF).scatter(-1, indices, logits.gather(-1, indices))


@replaces("top_k_filter")
def kth_of_the_distinct(logits: Tensor, k: int) -> Tensor:
    """Equal logits count only once in your code, so too many tokens stay. If the two largest of a row are equal, which
    is the second largest?"""
    bars = [row.unique()[-checked(k) :][0] for row in logits.reshape(-1, logits.shape[-1])]
    return logits.masked_fill(logits < torch.stack(bars).view(*logits.shape[:-1], 1), -INF)


@replaces("top_k_filter")
def kth_removed(logits: Tensor, k: int) -> Tensor:
    """The k-th token is removed, too: fewer than k are left, and none for k = 1. How do you compare a logit with the
    k-th one?"""
    return logits.masked_fill(logits <= kth_largest(logits, k), -INF)


@replaces("top_k_filter")
def one_more(logits: Tensor, k: int) -> Tensor:
    """You keep one token more than k. Which index does the k-th largest have in a sorted row?"""
    return logits.masked_fill(logits < kth_largest(logits, checked(k) + 1), -INF)


@replaces("top_k_filter", bar=["the smallest", "the largest", "the first"])
def one_bar_for_all(logits: Tensor, k: int, *, bar: str) -> Tensor:
    """All rows are compared with one number, {bar} of their k-th logits. Each row has its own: which shape must they
    have to meet the logits row by row?"""
    kth = kth_largest(logits, k).flatten()
    return logits.masked_fill(logits < {"the smallest": kth.min(), "the largest": kth.max()}.get(bar, kth[0]), -INF)


@replaces("top_k_filter")
def whole_batch(logits: Tensor, k: int) -> Tensor:
    """You keep the k largest logits of the whole tensor. Each row is a text of its own: along which axis are its
    tokens?"""
    kth = logits.flatten().topk(min(checked(k), logits.shape[-1])).values[-1]
    return logits.masked_fill(logits < kth, -INF)


@replaces("top_k_filter")
def over_first_axis(logits: Tensor, k: int) -> Tensor:
    """You look for the k largest logits along the first axis. Along which axis are the tokens, whatever comes before
    it?"""
    kth = logits.topk(min(checked(k), logits.shape[0]), dim=0).values[-1:]
    return logits.masked_fill(logits < kth, -INF)


@replaces("top_k_filter")
def values_returned(logits: Tensor, k: int) -> Tensor:
    """You return only the k largest logits, and nobody can tell which tokens they belong to. Which shape does the
    result have?"""
    return logits.topk(min(checked(k), logits.shape[-1]), dim=-1).values


@replaces("top_k_filter", kept=["the best token", "all tokens", "no token"])
def unchecked_k(logits: Tensor, k: int, *, kept: str) -> Tensor:
    """With k = 0 your filter keeps {kept}, and says nothing. What does the statement ask for if k is less than 1?"""
    if k < 1 and kept != "the best token":
        return logits if kept == "all tokens" else torch.full_like(logits, -INF)
    return top_k_filter(logits, max(k, 1))


@replaces("top_k_filter")
def keeps_the_smallest(logits: Tensor, k: int) -> Tensor:
    """You keep the k least probable tokens. At which end of a sorted row are the most probable ones?"""
    k = min(checked(k), int(logits.shape[-1]))
    return logits.masked_fill(logits > logits.topk(k, largest=False).values[..., -1:], -INF)


def valid(p: float) -> float:
    if not 0 < p <= 1:
        raise ValueError(f"p must lie above 0 and be at most 1, not {p}")
    return p


def in_token_order(logits: Tensor, drop: Tensor, order: Tensor, value: float = -INF) -> Tensor:
    scattered = torch.zeros_like(drop).scatter(-1, order, drop)
    return logits.masked_fill(scattered, value)


def falling(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Order of the tokens, their probabilities in it, and the mass before each of them."""
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    probs = torch.softmax(ordered, -1)
    return order, probs, probs.cumsum(-1) - probs


@replaces("top_p_filter", first_stays=[False, True])
def drops_crossing(logits: Tensor, p: float, *, first_stays: bool) -> Tensor:
    """Your nucleus has less mass than p: the token that crosses p is missing. Does the mass that you compare with p
    include the token itself?"""
    if valid(p) == 1:
        return logits
    order, probs, before = falling(logits)
    drop = before + probs > p
    if first_stays:
        drop[..., 0] = False
    return in_token_order(logits, drop, order)


@replaces("top_p_filter", value=[0, -100, -10000, -1e9, "the smallest finite number"])
def outside_with(logits: Tensor, p: float, *, value) -> Tensor:
    """A token outside the nucleus gets {value} as its logit in your code. Is there a logit whose exponential is
    exactly 0, whatever the other logits are?"""
    if valid(p) == 1:
        return logits
    number = torch.finfo(logits.dtype).min if isinstance(value, str) else value
    order, _, before = falling(logits)
    return in_token_order(logits, before >= p, order, number)


@replaces("top_p_filter")
def unsorted(logits: Tensor, p: float) -> Tensor:
    """You add up the probabilities in the order of the vocabulary, so the tokens with low numbers win. Which token
    should be counted first?"""
    if valid(p) == 1:
        return logits
    probs = torch.softmax(logits, -1)
    return logits.masked_fill(probs.cumsum(-1) - probs >= p, -INF)


@replaces("top_p_filter")
def ascending(logits: Tensor, p: float) -> Tensor:
    """You start with the least probable token, so you keep the tail and cut the best. In which direction does your
    sort go?"""
    if valid(p) == 1:
        return logits
    ordered, order = logits.sort(dim=-1, stable=True)
    probs = torch.softmax(ordered, -1)
    return in_token_order(logits, probs.cumsum(-1) - probs >= p, order)


@replaces("top_p_filter")
def not_put_back(logits: Tensor, p: float) -> Tensor:
    """Your decision is made in sorted order and then applied to the tokens in their own order, so it hits the wrong
    ones. What does a sort return besides the values?"""
    if valid(p) == 1:
        return logits
    return logits.masked_fill(falling(logits)[2] >= p, -INF)


@replaces("top_p_filter")
def stays_sorted(logits: Tensor, p: float) -> Tensor:
    """Your logits come back in sorted order. Which token does the caller expect at place 0?"""
    if valid(p) == 1:
        return logits
    order, _, before = falling(logits)
    return logits.gather(-1, order).masked_fill(before >= p, -INF)


@replaces("top_p_filter")
def put_back_by_gather(logits: Tensor, p: float) -> Tensor:
    """A gather by the order of the sort sorts your decision a second time. For each place of the sorted row, order
    says which token is there: what puts things back?"""
    if valid(p) == 1:
        return logits
    order, _, before = falling(logits)
    return logits.masked_fill((before >= p).gather(-1, order), -INF)


@replaces("top_p_filter", least=["p", "1 − p"], best_stays=[True, False])
def threshold(logits: Tensor, p: float, *, least: str, best_stays: bool) -> Tensor:
    """You keep the tokens whose own probability is at least {least}. Does p limit each token, or the sum of those that
    are kept?"""
    if valid(p) == 1:
        return logits
    probs = torch.softmax(logits, -1)
    drop = probs < (p if least == "p" else 1 - p)
    return logits.masked_fill(drop & (probs < probs.amax(-1, keepdim=True)) if best_stays else drop, -INF)


@replaces("top_p_filter", share=["p", "1 − p"])
def share_of_the_best(logits: Tensor, p: float, *, share: str) -> Tensor:
    """You keep each token whose probability is at least {share} times that of the best. That is another filter
    (min-p). How many tokens does it take until their probabilities add up to p?"""
    if valid(p) == 1:
        return logits
    probs = torch.softmax(logits, -1)
    return logits.masked_fill(probs < (p if share == "p" else 1 - p) * probs.amax(-1, keepdim=True), -INF)


@replaces("top_p_filter", what=["logits", "exponentials of the logits"])
def not_probabilities(logits: Tensor, p: float, *, what: str) -> Tensor:
    """You compare p with a sum of {what}. What do the numbers have to sum to over a whole row, so that p is a share of
    them?"""
    if valid(p) == 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    values = ordered if what == "logits" else ordered.exp()
    return in_token_order(logits, values.cumsum(-1) - values >= p, order)


@replaces("top_p_filter", what=["softmax", "sum"])
def along_first_axis(logits: Tensor, p: float, *, what: str) -> Tensor:
    """Your {what} runs along the first axis. Along which axis are the tokens of a row, whatever comes before it?"""
    if valid(p) == 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    probs = torch.softmax(ordered, 0 if what == "softmax" else -1)
    before = probs.cumsum(0 if what == "sum" else -1) - probs
    return in_token_order(logits, before >= p, order)


@replaces("top_p_filter")
def ties_from_below(logits: Tensor, p: float) -> Tensor:
    """Of equal logits, the one with the lower index is removed first in your code. Which of them counts as more
    probable, and in what order does your sort leave equal ones?"""
    if valid(p) == 1:
        return logits
    ordered, order = logits.sort(dim=-1, stable=True)
    drop = torch.softmax(ordered, -1).cumsum(-1) <= 1 - p
    drop[..., -1] = False
    return in_token_order(logits, drop, order)


@replaces("top_p_filter")
def one_rounds(logits: Tensor, p: float) -> Tensor:
    """At p = 1 you lose tokens. What does the sum of the probabilities before a very improbable token round to, and
    how many tokens should p = 1 keep?"""
    order, _, before = falling(logits)
    return in_token_order(logits, before >= valid(p), order)


@replaces("top_p_filter", passes=["0 or below", "above 1", "0 or below, or above 1"])
def unchecked_p(logits: Tensor, p: float, *, passes: str) -> Tensor:
    """A p of {passes} goes through in your code. Can any set of tokens have such a mass, and what does the statement
    ask for?"""
    if (p <= 0 and "0 or" not in passes) or (p > 1 and "above" not in passes):
        raise ValueError("p")
    return top_p_filter(logits, min(max(p, 1e-12), 1.0))


@replaces("top_p_filter")
def one_token_more(logits: Tensor, p: float) -> Tensor:
    """Your nucleus has one token more than it needs. Does the set without its last token reach p already?"""
    if valid(p) == 1:
        return logits
    order, _, before = falling(logits)
    return in_token_order(logits, torch.nn.functional.pad(before[..., :-1], (1, 0)) >= p, order)


def filtered(logits: Tensor, top_k: Maybe, top_p: Maybe) -> Tensor:
    if top_k is not None:
        logits = top_k_filter(logits, top_k)
    return logits if top_p is None else top_p_filter(logits, top_p)


@replaces(
    "next_token_distribution",
    order=["top-k, top-p, temperature", "top-p, top-k, temperature", "temperature, top-p, top-k"],
)
def another_order(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None, *, order: str):
    """Your result is that of the order {order}. Which of these steps change the probabilities that top-p adds up?"""
    for step in order.split(", "):
        if step == "temperature":
            logits = apply_temperature(logits, temperature)
        else:
            logits = filtered(logits, top_k, None) if step == "top-k" else filtered(logits, None, top_p)
    return torch.softmax(logits, dim=-1)


@replaces("next_token_distribution", what=["temperature", "top_k", "top_p"])
def ignored(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None, *, what: str):
    """Your probabilities do not depend on {what}. Where does your code use it, and does it keep the result?"""
    logits = apply_temperature(logits, 1.0 if what == "temperature" else temperature)
    return torch.softmax(filtered(logits, None if what == "top_k" else top_k, None if what == "top_p" else top_p), -1)


@replaces("next_token_distribution", which=["top_k", "top_p", "top_k or top_p"])
def zero_is_none(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None, *, which: str):
    """A {which} of 0 goes through as «no filter». Which value means that there is none, and is it the only one that an
    `if` takes for false?"""
    top_k, top_p = top_k or (None if "k" in which else top_k), top_p or (None if "top_p" in which else top_p)
    return torch.softmax(filtered(apply_temperature(logits, temperature), top_k, top_p), dim=-1)


@replaces("next_token_distribution")
def p_above_1_unseen(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None):
    """A top_p of 2 goes through without an error. For which single number may you leave out the filter that checks
    it?"""
    return next_token_distribution(logits, temperature, top_k, None if top_p is not None and top_p >= 1 else top_p)


@replaces("next_token_distribution")
def always_float32(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None):
    """Your probabilities are float32 where the logits are float64. Which dtype does the stub promise?"""
    return next_token_distribution(logits, temperature, top_k, top_p).float()


@replaces("next_token_distribution")
def not_renormalised(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None):
    """Your rows do not sum to 1: the kept tokens have the probabilities from before the filters. When does the softmax
    have its turn?"""
    logits = apply_temperature(logits, temperature)
    return torch.softmax(logits, dim=-1).masked_fill(filtered(logits, top_k, top_p) == -INF, 0.0)


@replaces("next_token_distribution")
def over_rows(logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None):
    """Your probabilities sum to 1 along the first axis. Along which axis are the tokens that you choose from?"""
    return torch.softmax(filtered(apply_temperature(logits, temperature), top_k, top_p), dim=0)


@replaces("next_token_distribution", what=["logits", "logarithms of the probabilities"])
def not_yet_probabilities(
    logits: Tensor, temperature: float = 1.0, top_k: Maybe = None, top_p: Maybe = None, *, what: str
):
    """You return {what}. What does the stub ask for, and what should each row sum to?"""
    logits = filtered(apply_temperature(logits, temperature), top_k, top_p)
    return logits if what == "logits" else logits.log_softmax(-1)


def last_possible(probs: Tensor) -> Tensor:
    return (probs > 0).long().mul(torch.arange(probs.shape[-1])).amax(-1)


@replaces("sample", guarded=[True, False])
def cdf_not_exceeded(probs: Tensor, u: Tensor, *, guarded: bool) -> Tensor:
    """You return the first token whose cumulative probability is at least u. With u = 0 and probability 0 for token 0,
    which token is that?"""
    token = (probs.cumsum(-1) < u[..., None]).sum(-1)
    return torch.minimum(token, last_possible(probs) if guarded else torch.tensor(probs.shape[-1] - 1))


@replaces("sample")
def last_of_vocabulary(probs: Tensor, u: Tensor) -> Tensor:
    """Where rounding leaves the sum below u, you return the last token of the vocabulary. May it have been filtered
    away?"""
    return (probs.cumsum(-1) <= u[..., None]).sum(-1).clamp(max=probs.shape[-1] - 1)


@replaces("sample")
def past_the_end(probs: Tensor, u: Tensor) -> Tensor:
    """Where rounding leaves the sum of a row below u, you return V, which is no token. What should be drawn there
    instead?"""
    return (probs.cumsum(-1) <= u[..., None]).sum(-1)


@replaces("sample")
def none_is_first(probs: Tensor, u: Tensor) -> Tensor:
    """Where no cumulative probability exceeds u, you return token 0. What does argmax say of a row in which nothing is
    True, and at which end is u there?"""
    return (probs.cumsum(-1) > u[..., None]).long().argmax(-1)


@replaces("sample")
def most_probable(probs: Tensor, u: Tensor) -> Tensor:
    """You always return the most probable token, whatever u is. What is u for?"""
    return probs.argmax(-1)


@replaces("sample")
def own_draw(probs: Tensor, u: Tensor) -> Tensor:
    """You go through the tokens in falling order of probability, so the same u gives another token. In which order
    does the statement add up the probabilities?"""
    ordered, order = probs.sort(dim=-1, descending=True, stable=True)
    return order.gather(-1, sample(ordered, u)[..., None])[..., 0]


@replaces("sample")
def from_the_end(probs: Tensor, u: Tensor) -> Tensor:
    """Your pieces of [0, 1) are laid from the last token to the first. At which end does the statement begin to add
    up?"""
    return probs.shape[-1] - 1 - sample(probs.flip(-1), u)


@replaces("sample")
def own_probability(probs: Tensor, u: Tensor) -> Tensor:
    """You return the first token whose own probability exceeds u. Which sum does the stub compare with u?"""
    exceeds = probs > u[..., None]
    return torch.where(exceeds.any(-1), exceeds.long().argmax(-1), last_possible(probs))


@replaces("sample", by=[1, -1])
def next_to_it(probs: Tensor, u: Tensor, *, by: int) -> Tensor:
    """Your tokens are off by one. How many cumulative probabilities are at or below u, and which number does the token
    have whose piece contains u?"""
    return (sample(probs, u) + by).clamp(0, probs.shape[-1] - 1)


@replaces("sample")
def axis_kept(probs: Tensor, u: Tensor) -> Tensor:
    """Your result has an axis of length 1 at its end. How many tokens does each row give, and which shape does u
    have?"""
    return sample(probs, u)[..., None]


@replaces("sample", dtype=["int32", "float32"])
def tokens_of_dtype(probs: Tensor, u: Tensor, *, dtype: str) -> Tensor:
    """Your tokens are {dtype}. Which dtype does the stub ask for?"""
    return sample(probs, u).to(getattr(torch, dtype))
