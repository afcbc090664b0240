"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from sliding_window import layout_cost, ring_append, window_attention
from torch import Tensor

from grader.testing import replaces

INF = float("inf")
LOCAL, FULL = "sliding_attention", "full_attention"
Cache = dict[str, Tensor]


@replaces("layer_types", first=["1", "period + 1", "period − 1"])
def other_full_layers(num_layers: int, period: int, *, first: str) -> list[str]:
    """Counted from 1, your first full layer is number {first}, or would be in a longer stack. Which one does the
    docstring ask for?"""
    start = {"1": 0, "period + 1": period, "period − 1": period - 2}[first]
    return [FULL if i >= start and (i - start) % period == 0 else LOCAL for i in range(num_layers)]


@replaces("layer_types")
def kinds_swapped(num_layers: int, period: int) -> list[str]:
    """Every period-th of your layers is sliding, and all others are full. Which kind should be the rare one?"""
    return [LOCAL if (i + 1) % period == 0 else FULL for i in range(num_layers)]


@replaces("layer_types")
def period_of_the_local(num_layers: int, period: int) -> list[str]:
    """Between two of your full layers there are period sliding ones. Count from one full layer to the next: which
    number should it have?"""
    return [FULL if (i + 1) % (period + 1) == 0 else LOCAL for i in range(num_layers)]


@replaces("layer_types")
def last_is_full(num_layers: int, period: int) -> list[str]:
    """Your last layer is full, whatever its number is. Which layers does the docstring call full where period does not
    divide their number?"""
    return [FULL if (i + 1) % period == 0 or i == num_layers - 1 else LOCAL for i in range(num_layers)]


@replaces("layer_types")
def full_at_the_end(num_layers: int, period: int) -> list[str]:
    """You have the right number of full layers, but all of them are at the end. Where does the first one belong?"""
    full = num_layers // period
    return [LOCAL] * (num_layers - full) + [FULL] * full


@replaces("layer_types")
def whole_patterns_only(num_layers: int, period: int) -> list[str]:
    """Your list has fewer entries than there are layers where period does not divide their number. What comes after the
    last full layer?"""
    return ([LOCAL] * (period - 1) + [FULL]) * (num_layers // period)


@replaces(
    "layer_types",
    names=[("full", "sliding"), ("full_attention", "local_attention"), ("global", "local"), (True, False)],
)
def other_names(num_layers: int, period: int, *, names) -> list:
    """Your layers have other names. Which two texts does the docstring give?"""
    return [names[0] if (i + 1) % period == 0 else names[1] for i in range(num_layers)]


def counted(types: list[str]) -> tuple[int, int]:
    full = types.count(FULL)
    return len(types) - full, full


@replaces("layout_cost", field=["1 + L W", "L W", "L (W − 1)", "W + L (W − 1)"])
def other_field(types: list[str], window: int, seq_len: int, *, field: str) -> dict[str, int]:
    """For L sliding layers, your receptive field is {field} in a long text. One layer reaches W tokens, the token
    itself among them: how many more does each further layer add?"""
    L, full = counted(types)
    fields = {
        "1 + L W": 1 + L * window,
        "L W": L * window,
        "L (W − 1)": L * (window - 1),
        "W + L (W − 1)": window + L * (window - 1),
    }
    return layout_cost(types, window, seq_len) | {"receptive_field": seq_len if full else min(seq_len, fields[field])}


@replaces("layout_cost")
def field_of_one_layer(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """Your receptive field is one window, however many layers there are. What does a token of the second layer read,
    and what did that read before?"""
    full = FULL in types
    return layout_cost(types, window, seq_len) | {"receptive_field": seq_len if full else min(seq_len, window)}


@replaces("layout_cost")
def field_not_cut(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """Your receptive field can be larger than the text. How many tokens are there?"""
    sliding, full = counted(types)
    return layout_cost(types, window, seq_len) | {"receptive_field": seq_len if full else 1 + sliding * (window - 1)}


@replaces("layout_cost")
def full_counts_on_top(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """You let a full layer count only if it is the last one. The layers after it pass on what it saw: how many tokens
    is that?"""
    right = layout_cost(types, window, seq_len)
    if types[-1] == FULL:
        return right
    return right | {"receptive_field": min(seq_len, 1 + len(types) * (window - 1))}


@replaces("layout_cost", counted_as=["a window", "nothing"])
def full_is_a_window(types: list[str], window: int, seq_len: int, *, counted_as: str) -> dict[str, int]:
    """In your receptive field a full layer counts as {counted_as}. How far back does it see?"""
    layers = len(types) if counted_as == "a window" else counted(types)[0]
    return layout_cost(types, window, seq_len) | {"receptive_field": min(seq_len, 1 + layers * (window - 1))}


@replaces("layout_cost")
def cache_not_cut(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """A sliding layer keeps W tokens in your sum even if the text has fewer. How many can it keep then?"""
    sliding, full = counted(types)
    return layout_cost(types, window, seq_len) | {"cached_tokens": sliding * window + full * seq_len}


@replaces("layout_cost")
def cache_all_full(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """In your sum every layer keeps the whole text. What may a sliding layer forget?"""
    return layout_cost(types, window, seq_len) | {"cached_tokens": len(types) * seq_len}


@replaces("layout_cost", kept=["W − 1", "W + 1"])
def cache_one_off(types: list[str], window: int, seq_len: int, *, kept: str) -> dict[str, int]:
    """A sliding layer keeps {kept} tokens in your sum. The docstring counts as many as a ring has slots: how many is
    that?"""
    sliding, full = counted(types)
    slots = min(window + (1 if kept == "W + 1" else -1), seq_len)
    return layout_cost(types, window, seq_len) | {"cached_tokens": sliding * slots + full * seq_len}


@replaces("layout_cost")
def cache_of_one_layer(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """You counted each kind of layer once. Every layer has its own keys and values: what does the sum run over?"""
    kinds = {kind: seq_len if kind == FULL else min(window, seq_len) for kind in types}
    return layout_cost(types, window, seq_len) | {"cached_tokens": sum(kinds.values())}


@replaces("layout_cost")
def cache_keys_and_values(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """Your sum is twice as large as it should be. Is its unit a token, or a vector, of which each token has two?"""
    right = layout_cost(types, window, seq_len)
    return right | {"cached_tokens": 2 * right["cached_tokens"]}


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    seen: Tensor,
    sinks: Tensor | None = None,
    scale: float | None = None,
    sink_scale: float = 1.0,
    tiled: bool = False,
) -> Tensor:
    """The right one, with places in which to go wrong."""
    (B, H, T, K), G, S = q.shape, k.shape[1], k.shape[2]
    if tiled:
        k, v = k.repeat(1, H // G, 1, 1), v.repeat(1, H // G, 1, 1)
    else:
        k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    scores = (q @ k.mT * (K**-0.5 if scale is None else scale)).masked_fill(~seen, -INF)
    if sinks is not None:
        scores = torch.cat([scores, (sinks * sink_scale).view(1, H, 1, 1).expand(B, H, T, 1)], dim=-1)
    return scores.softmax(-1)[..., :S] @ v


def visible(query_positions: Tensor, key_positions: Tensor, window: int | None) -> Tensor:
    m, n = query_positions[:, None], key_positions
    seen = (n >= 0) & (n <= m)
    return seen if window is None else seen & (m - n < window)


@replaces("window_attention", shift=[1, -1])
def window_off_by_one(q, k, v, query_positions, key_positions, window=None, sinks=None, *, shift):
    """Your window does not show W keys. The token itself is one of them: which is the oldest that is still seen, and is
    m − n = W − 1 inside or outside?"""
    window = None if window is None else window + shift
    return attend(q, k, v, visible(query_positions, key_positions, window), sinks)


@replaces("window_attention")
def window_ignored(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """window has no effect: your queries see all keys that are not later. Which of the two rules is missing?"""
    return attend(q, k, v, visible(query_positions, key_positions, None), sinks)


@replaces("window_attention")
def window_to_both_sides(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """With a window your queries see keys of their future, as far ahead as they see back. Which rule holds besides the
    window?"""
    m, n = query_positions[:, None], key_positions
    seen = visible(query_positions, key_positions, None) if window is None else (n >= 0) & ((m - n).abs() < window)
    return attend(q, k, v, seen, sinks)


@replaces("window_attention", when=["always", "with a window"])
def not_causal(q, k, v, query_positions, key_positions, window=None, sinks=None, *, when):
    """Your queries see keys of their future ({when}). What has to be true of n and m?"""
    m, n = query_positions[:, None], key_positions
    if window is None and when == "always":
        seen = (n >= 0) & (m >= 0)
    else:
        seen = visible(query_positions, key_positions, None) if window is None else (n >= 0) & (m - n < window)
    return attend(q, k, v, seen, sinks)


@replaces("window_attention")
def empty_slots_seen(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your queries see empty slots. Their position −1 is smaller than any other, so which rule lets them in, and which
    keeps them out?"""
    m, n = query_positions[:, None], key_positions
    seen = n <= m if window is None else (n <= m) & (m - n < window)
    return attend(q, k, v, seen, sinks)


@replaces("window_attention", seen_by=["its own query", "nobody"])
def position_zero_is_empty(q, k, v, query_positions, key_positions, window=None, sinks=None, *, seen_by):
    """Later queries do not see position 0, as if its slot were empty. Which number marks an empty slot, and which token
    is at position 0?"""
    seen = visible(query_positions, key_positions, window)
    own = (key_positions == query_positions[:, None]) & (seen_by == "its own query")
    return attend(q, k, v, seen & ((key_positions > 0) | own), sinks)


@replaces("window_attention")
def key_order_for_position(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """You take the place of a key for its position. In a ring the newest key may come first: which argument says where
    a key belongs?"""
    last, S = int(key_positions.max()), len(key_positions)
    ordered = torch.arange(last - S + 1, last + 1)
    return attend(q, k, v, visible(query_positions, ordered, window), sinks)


@replaces("window_attention")
def query_order_for_position(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """You take the queries for the last tokens, in the order of time. Which argument says where each of them is?"""
    last, T = int(key_positions.max()), len(query_positions)
    return attend(q, k, v, visible(torch.arange(last - T + 1, last + 1), key_positions, window), sinks)


@replaces("window_attention")
def positions_from_zero(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your keys have the positions 0 to S − 1 whatever key_positions says. Where is the first key in a later piece of a
    text?"""
    return attend(q, k, v, visible(query_positions, torch.arange(len(key_positions)), window), sinks)


@replaces("window_attention")
def masked_with_zero(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Keys that are out of sight have the score 0 in your softmax, and e⁰ is 1. For which score is the weight 0?"""
    seen = visible(query_positions, key_positions, window)
    (B, H, T, K), G, S = q.shape, k.shape[1], k.shape[2]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    scores = (q @ k.mT / K**0.5).masked_fill(~seen, 0.0)
    if sinks is not None:
        scores = torch.cat([scores, sinks.view(1, H, 1, 1).expand(B, H, T, 1)], dim=-1)
    return scores.softmax(-1)[..., :S] @ v


@replaces("window_attention")
def masked_after_softmax(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """The weights of the keys that are seen sum to too little, as if the softmax ran over the others as well. Which
    scores may it see?"""
    seen = visible(query_positions, key_positions, window)
    (B, H, T, K), G, S = q.shape, k.shape[1], k.shape[2]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    scores = q @ k.mT / K**0.5
    if sinks is not None:
        scores = torch.cat([scores, sinks.view(1, H, 1, 1).expand(B, H, T, 1)], dim=-1)
    return (scores.softmax(-1)[..., :S] * seen) @ v


@replaces("window_attention")
def heads_tiled(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your query head h reads head h mod G of the keys. What is ⌊h G / H⌋ for two neighbouring query heads?"""
    return attend(q, k, v, visible(query_positions, key_positions, window), sinks, tiled=True)


@replaces("window_attention")
def first_head_for_all(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """All of your query heads read the first head of keys and values. Which one belongs to query head h?"""
    return attend(q, k[:, :1], v[:, :1], visible(query_positions, key_positions, window), sinks)


@replaces("window_attention", divisor=["1", "K", "√S", "√(H K)", "√T"])
def other_scale(q, k, v, query_positions, key_positions, window=None, sinks=None, *, divisor):
    """You divided the scores by {divisor}. Which number does the formula have there?"""
    (_, H, T, K), S = q.shape, k.shape[2]
    scale = {"1": 1.0, "K": 1 / K, "√S": S**-0.5, "√(H K)": (H * K) ** -0.5, "√T": T**-0.5}[divisor]
    return attend(q, k, v, visible(query_positions, key_positions, window), sinks, scale=scale)


@replaces("window_attention", logit=["z / √K", "z √K", "−z", "e^z", "z / K"])
def other_logit(q, k, v, query_positions, key_positions, window=None, sinks=None, *, logit):
    """The logit of your sinks is {logit}. What does the docstring say of their numbers: are they scores that were
    computed from q and k, or used as they are?"""
    K = q.shape[-1]
    if sinks is not None:
        logits = {
            "z / √K": sinks / K**0.5,
            "z √K": sinks * K**0.5,
            "−z": -sinks,
            "e^z": sinks.exp(),
            "z / K": sinks / K,
        }
        sinks = logits[logit]
    return attend(q, k, v, visible(query_positions, key_positions, window), sinks)


@replaces("window_attention")
def sink_without_effect(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your sinks change nothing: the weights sum to 1 with them as without. Which sum should contain the sink, and what
    happens if a number is added to all scores of a row?"""
    return attend(q, k, v, visible(query_positions, key_positions, window))


@replaces("window_attention")
def sink_is_first_token(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """With sinks your queries see the first key as well, outside their window. StreamingLLM does that with a real
    token: does the sink here have a key and a value?"""
    seen = visible(query_positions, key_positions, window)
    if sinks is not None:
        first = torch.where(key_positions < 0, INF, key_positions.double()).argmin()
        seen = seen | (torch.arange(len(key_positions)) == first)
    return attend(q, k, v, seen)


@replaces("window_attention")
def sink_added_to_first_token(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """The first key stays in sight outside the window, and z is added to its score. StreamingLLM's sink is a real
    token: does the sink here have a key and a value?"""
    seen = visible(query_positions, key_positions, window)
    if sinks is None:
        return attend(q, k, v, seen)
    first = torch.arange(len(key_positions)) == torch.where(key_positions < 0, INF, key_positions.double()).argmin()
    seen = seen | (first & visible(query_positions, key_positions, None))
    (_, H, _, K), G = q.shape, k.shape[1]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    scores = q @ k.mT / K**0.5 + sinks.view(H, 1, 1) * first
    return scores.masked_fill(~seen, -INF).softmax(-1) @ v


@replaces("window_attention")
def sink_not_exponential(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """You added the sink itself to the denominator. It is a logit, like the scores: what is done to those before they
    are added up?"""
    seen = visible(query_positions, key_positions, window)
    if sinks is None:
        return attend(q, k, v, seen)
    (_, H, _, K), G = q.shape, k.shape[1]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    scores = (q @ k.mT / K**0.5).masked_fill(~seen, -INF)
    mass = scores.logsumexp(-1, keepdim=True).exp()
    return scores.softmax(-1) * (mass / (mass + sinks.view(H, 1, 1))) @ v


@replaces("window_attention")
def sink_is_one(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your sinks act like 0 in every head, whatever their numbers are. What should the model be able to learn here?"""
    seen = visible(query_positions, key_positions, window)
    return attend(q, k, v, seen, None if sinks is None else torch.zeros_like(sinks))


@replaces("window_attention")
def sink_even_if_none(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Without sinks your weights sum to less than 1, as if there were a logit of 0. What is e⁰, and is a sink of 0 the
    same as none?"""
    seen = visible(query_positions, key_positions, window)
    return attend(q, k, v, seen, q.new_zeros(q.shape[1]) if sinks is None else sinks)


@replaces("window_attention")
def sink_of_the_first_head(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """All of your heads have the sink of the first one. How many numbers are there in sinks, and to which axis of the
    scores do they belong?"""
    seen = visible(query_positions, key_positions, window)
    return attend(q, k, v, seen, None if sinks is None else sinks[:1].expand_as(sinks))


@replaces("window_attention")
def sink_has_a_mean_value(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """The share of your sinks comes back as the mean of the values. Which value belongs to a sink?"""
    seen = visible(query_positions, key_positions, window)
    out = attend(q, k, v, seen, sinks)
    if sinks is None:
        return out
    share = attend(q, k, torch.ones_like(v), seen, sinks)
    return out + (1 - share) * attend(q * 0, k, v, seen)


def exp_of_all(q: Tensor, k: Tensor, v: Tensor, seen: Tensor, sinks: Tensor | None) -> Tensor:
    (_, H, _, K), G = q.shape, k.shape[1]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    e = torch.exp(q @ k.mT / K**0.5) * seen
    sink = 0.0 if sinks is None else torch.exp(sinks).view(H, 1, 1)
    return e / (e.sum(-1, keepdim=True) + sink) @ v


@replaces("window_attention", when=["always", "with sinks"])
def exp_without_max(q, k, v, query_positions, key_positions, window=None, sinks=None, *, when):
    """For small scores you are right, and for large ones you are not ({when}). What is exp(1000), and which number can
    be taken out of all scores and the sink alike?"""
    seen = visible(query_positions, key_positions, window)
    if sinks is None and when == "with sinks":
        return attend(q, k, v, seen)
    return exp_of_all(q, k, v, seen, sinks)


@replaces("window_attention", constant=[True, False])
def maximum_of_the_scores_alone(q, k, v, query_positions, key_positions, window=None, sinks=None, *, constant):
    """Your values are right, but some gradients are NaN where a sink is far above all scores. What is the exponential
    of their difference then? Over which numbers should the maximum be taken?"""
    (_, H, _, K), G = q.shape, k.shape[1]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    scores = (q @ k.mT / K**0.5).masked_fill(~visible(query_positions, key_positions, window), -INF)
    top = scores.amax(-1, keepdim=True)
    top = top.detach() if constant else top
    e = (scores - top).exp()
    sink = 0.0 if sinks is None else (sinks.view(H, 1, 1) - top).exp()
    return e / (e.sum(-1, keepdim=True) + sink) @ v


@replaces("window_attention")
def softmax_over_queries(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your softmax runs over the queries. The weights of one query are divided among the keys: which axis of (B, H, T,
    S) is that?"""
    seen = visible(query_positions, key_positions, window)
    (_, H, _, K), G = q.shape, k.shape[1]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    scores = (q @ k.mT / K**0.5).masked_fill(~seen, -INF)
    return scores.softmax(-2).nan_to_num(0.0) @ v


@replaces("window_attention")
def always_float32(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your result has only the digits of float32 although float64 came in. Where does the dtype change on the way?"""
    seen = visible(query_positions, key_positions, window)
    return attend(q.float(), k.float(), v.float(), seen, None if sinks is None else sinks.float()).to(q.dtype)


@replaces("window_attention")
def always_float64(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your result is float64 whatever comes in. Which dtype does the docstring promise?"""
    seen = visible(query_positions, key_positions, window)
    return attend(q.double(), k.double(), v.double(), seen, None if sinks is None else sinks.double())


@replaces("window_attention", what=["the sinks", "q, k and v"])
def detached(q, k, v, query_positions, key_positions, window=None, sinks=None, *, what):
    """Your values are right, but no gradient reaches {what}. At which step does a tensor leave the graph?"""
    if what == "the sinks":
        sinks = None if sinks is None else sinks.detach()
    else:
        q, k, v = q.detach(), k.detach(), v.detach()
    return window_attention(q, k, v, query_positions, key_positions, window, sinks)


@replaces("window_attention")
def without_gradient(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your values are right, but no gradient leads back from them. At which step do they leave the graph?"""
    with torch.no_grad():
        return window_attention(q, k, v, query_positions, key_positions, window, sinks)


def empty_ring(k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    B, G, _, K = k_new.shape
    zeros = k_new.new_zeros(B, G, window, K)
    return {"k": zeros, "v": zeros.clone(), "positions": torch.full((window,), -1)}


def first_new(cache: Cache | None) -> int:
    return 0 if cache is None else int(cache["positions"].max()) + 1


def written(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int, slots: Tensor, new: Tensor) -> Cache:
    """The last new tokens in these slots, with these positions."""
    ring = {name: x.clone() for name, x in (cache or empty_ring(k_new, v_new, window)).items()}
    ring["k"][:, :, slots], ring["v"][:, :, slots] = k_new[:, :, -len(slots) :], v_new[:, :, -len(slots) :]
    ring["positions"][slots] = new
    return ring


@replaces("ring_append")
def slots_of_the_piece(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your slots depend on the place within a piece: from the second piece on they begin at 0 again. Which number of a
    token decides its slot?"""
    start, T = first_new(cache), k_new.shape[2]
    here = torch.arange(T)[-window:]
    return written(cache, k_new, v_new, window, here % window, start + here)


@replaces("ring_append")
def positions_of_the_piece(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your second piece begins at position 0 again. How many tokens came before it?"""
    here = torch.arange(k_new.shape[2])[-window:]
    return written(cache, k_new, v_new, window, here % window, here)


@replaces("ring_append", off=[-1, 1])
def start_off_by_one(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int, *, off: int) -> Cache:
    """The positions of your later pieces are off by one. The last token in the cache is at some position: what is the
    next one?"""
    start = 0 if cache is None else first_new(cache) + off
    new = torch.arange(start, start + k_new.shape[2])[-window:]
    return written(cache, k_new, v_new, window, new % window, new)


@replaces("ring_append", counted=["filled slots", "all slots"])
def starts_at_filled_slots(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int, *, counted: str) -> Cache:
    """Your later pieces begin at a position that counts {counted} of the ring. How many is that after a thousand
    tokens, and which entry of the cache knows how far the text has come?"""
    start = 0
    if cache is not None:
        start = int((cache["positions"] >= 0).sum()) if counted == "filled slots" else window
    new = torch.arange(start, start + k_new.shape[2])[-window:]
    return written(cache, k_new, v_new, window, new % window, new)


@replaces("ring_append")
def starts_after_the_last_slot(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """You took the token in the last slot for the newest. In a ring the newest may be in any slot: how do you find
    it?"""
    start = 0 if cache is None else int(cache["positions"][-1]) + 1
    new = torch.arange(start, start + k_new.shape[2])[-window:]
    return written(cache, k_new, v_new, window, new % window, new)


@replaces("ring_append")
def keeps_oldest(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """You kept the first W tokens of a long piece. Which ones does the next query need?"""
    return ring_append(cache, k_new[:, :, :window], v_new[:, :, :window], window)


@replaces("ring_append")
def cut_before_numbered(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """You kept the right tokens of a long piece, but numbered them as if the piece began with them. How many tokens
    came before?"""
    start = first_new(cache)
    new = torch.arange(start, start + min(k_new.shape[2], window))
    return written(cache, k_new, v_new, window, new % window, new)


@replaces("ring_append")
def ring_of_float32(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """float64 keys come out of your ring with the digits of float32. Which dtype does torch.zeros have if nobody says,
    and where can an empty ring get its dtype?"""
    dtype = torch.float32 if cache is None else cache["k"].dtype
    return ring_append(cache, k_new.to(dtype), v_new.to(dtype), window)


@replaces("ring_append")
def ring_of_float32_refuses(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """torch refuses to write float64 keys into your new ring. Which dtype does torch.zeros have if nobody says, and
    where can an empty ring get its dtype?"""
    B, G, T, K = k_new.shape
    start = first_new(cache)
    new = torch.arange(start, start + T)[-window:]
    ring = torch.zeros(B, G, window, K) if cache is None else cache["k"].clone()
    ring[:, :, new % window] = k_new[:, :, -window:]
    return ring_append(cache, k_new, v_new, window)


@replaces("ring_append")
def long_piece_from_slot_zero(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """A piece of W tokens or more is in your ring in the order of time, from slot 0 on. In which slot is the token at
    position m, whatever the piece?"""
    if k_new.shape[2] < window:
        return ring_append(cache, k_new, v_new, window)
    start = first_new(cache)
    new = torch.arange(start, start + k_new.shape[2])[-window:]
    return written(cache, k_new, v_new, window, torch.arange(window), new)


def chronological(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """All tokens that are kept, oldest first, without empty slots."""
    start = first_new(cache)
    new = torch.arange(start, start + k_new.shape[2])
    if cache is not None:
        order = cache["positions"].argsort()[-int((cache["positions"] >= 0).sum()) :]
        k_new = torch.cat([cache["k"][:, :, order], k_new], dim=2)
        v_new = torch.cat([cache["v"][:, :, order], v_new], dim=2)
        new = torch.cat([cache["positions"][order], new])
    return {"k": k_new[:, :, -window:], "v": v_new[:, :, -window:], "positions": new[-window:]}


@replaces("ring_append")
def ring_by_cutting(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your cache holds the last W tokens in the order of time, so that everything moves with each new one. In which
    slot of a ring does position m stay?"""
    kept = chronological(cache, k_new, v_new, window)
    return written(None, kept["k"], kept["v"], window, torch.arange(len(kept["positions"])), kept["positions"])


@replaces("ring_append")
def newest_at_the_end(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your newest token is always in the last slot, and the others move up. In which slot of a ring does position m
    stay until it is overwritten?"""
    kept = chronological(cache, k_new, v_new, window)
    slots = torch.arange(window)[-len(kept["positions"]) :]
    return written(None, kept["k"], kept["v"], window, slots, kept["positions"])


@replaces("ring_append")
def grows_at_first(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your cache has only as many slots as there are tokens, until it is full. How many slots does the docstring give
    it, and what is in an empty one?"""
    ring = ring_append(cache if cache is None or len(cache["positions"]) == window else None, k_new, v_new, window)
    if cache is not None and len(cache["positions"]) < window:
        kept = chronological(cache, k_new, v_new, window)
        new = kept["positions"]
        ring = written(None, kept["k"], kept["v"], window, new % window, new)
    filled = int((ring["positions"] >= 0).sum())
    return {"k": ring["k"][:, :, :filled], "v": ring["v"][:, :, :filled], "positions": ring["positions"][:filled]}


@replaces("ring_append")
def forgets_the_old(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your new ring holds the new tokens and no others. Which slots of the old one should keep what they had?"""
    start = first_new(cache)
    new = torch.arange(start, start + k_new.shape[2])[-window:]
    return written(None, k_new, v_new, window, new % window, new)


@replaces("ring_append")
def empty_is_zero(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """An empty slot has the position 0 in your ring, which is also the position of a token. Which number marks an empty
    one?"""
    ring = ring_append(cache, k_new, v_new, window)
    slots = torch.arange(window)
    ring["positions"] = torch.where((ring["positions"] < 0) & (slots > 0), 0, ring["positions"])
    return ring


@replaces("ring_append", dtype=["int32", "float32", "float64"])
def other_dtype_of_positions(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int, *, dtype: str) -> Cache:
    """Your positions are {dtype}. Which dtype does the docstring give them?"""
    ring = ring_append(cache, k_new, v_new, window)
    return ring | {"positions": ring["positions"].to(getattr(torch, dtype))}


@replaces("ring_append", stored=["the keys in both", "the values in both", "each in the other"])
def values_for_keys(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int, *, stored: str) -> Cache:
    """Of "k" and "v", your ring has {stored}. Which of the new tensors goes where?"""
    k = k_new if stored == "the keys in both" else v_new
    return ring_append(cache, k, v_new if stored == "the values in both" else k_new, window)


@replaces("ring_append")
def one_slot_more(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your ring has W + 1 slots. A token sees W keys, its own among them: how many have to be kept?"""
    return ring_append(cache, k_new, v_new, window + 1)


@replaces("ring_append")
def writes_into_the_old(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """You wrote into the ring that you were given, so whoever kept it has lost the oldest tokens. What does the
    docstring say of the argument?"""
    new = ring_append(cache, k_new, v_new, window)
    if cache is None:
        return new
    for name in new:
        cache[name].copy_(new[name])
    return cache
