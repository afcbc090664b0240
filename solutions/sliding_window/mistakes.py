"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
from sliding_window import layout_cost, ring_append, window_attention
from torch import Tensor

from grader.testing import replaces

INF = float("inf")
LOCAL, FULL = "sliding_attention", "full_attention"
Cache = dict[str, Tensor]


@replaces("layer_types")
def full_first(num_layers: int, period: int) -> list[str]:
    """Your first layer is full. The first full layer is the period-th: from which number do you count?"""
    return [FULL if i % period == 0 else LOCAL for i in range(num_layers)]


@replaces("layer_types")
def kinds_swapped(num_layers: int, period: int) -> list[str]:
    """Every period-th of your layers is sliding, and the others are full. Which kind is the rare one?"""
    return [LOCAL if (i + 1) % period == 0 else FULL for i in range(num_layers)]


@replaces("layer_types")
def period_of_the_local(num_layers: int, period: int) -> list[str]:
    """Between two of your full layers lie period sliding ones. Count the layers from one full layer to the next, this
    next one included: how many are there to be?"""
    return [FULL if (i + 1) % (period + 1) == 0 else LOCAL for i in range(num_layers)]


@replaces("layer_types")
def last_is_full(num_layers: int, period: int) -> list[str]:
    """Your last layer is full, whatever its number. Which layers does the docstring call full where period does not
    divide their number?"""
    return [FULL if (i + 1) % period == 0 or i == num_layers - 1 else LOCAL for i in range(num_layers)]


@replaces("layer_types")
def full_at_the_end(num_layers: int, period: int) -> list[str]:
    """You have the right number of full layers, and all of them stand at the end. Where does the first one belong?"""
    full = num_layers // period
    return [LOCAL] * (num_layers - full) + [FULL] * full


@replaces("layer_types")
def whole_patterns_only(num_layers: int, period: int) -> list[str]:
    """Your list stops after the last full layer. How many texts does it have where period does not divide the number of
    layers?"""
    return ([LOCAL] * (period - 1) + [FULL]) * (num_layers // period)


@replaces("layer_types")
def short_names(num_layers: int, period: int) -> list[str]:
    """Your kinds have other names. Which two texts does the docstring give?"""
    return ["full" if (i + 1) % period == 0 else "sliding" for i in range(num_layers)]


def counted(types: list[str]) -> tuple[int, int]:
    full = types.count(FULL)
    return len(types) - full, full


@replaces("layout_cost")
def field_one_too_far(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """Each of your layers reaches W tokens back. The W keys contain the token itself: how many lie before it?"""
    sliding, full = counted(types)
    field = seq_len if full else min(seq_len, 1 + sliding * window)
    return layout_cost(types, window, seq_len) | {"receptive_field": field}


@replaces("layout_cost")
def field_of_windows(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """Your receptive field is L · W, as if windows were laid end to end. By how many tokens does a layer move
    something, if the W keys contain the token itself?"""
    sliding, full = counted(types)
    field = seq_len if full else min(seq_len, sliding * window)
    return layout_cost(types, window, seq_len) | {"receptive_field": field}


@replaces("layout_cost")
def field_without_itself(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """You counted the tokens before the last one. It depends on itself too: does the docstring count it?"""
    sliding, full = counted(types)
    field = seq_len if full else min(seq_len, sliding * (window - 1))
    return layout_cost(types, window, seq_len) | {"receptive_field": field}


@replaces("layout_cost")
def field_of_one_layer(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """Your receptive field is one window, however many layers there are. What does a token of the second layer read,
    and what had that read?"""
    full = FULL in types
    return layout_cost(types, window, seq_len) | {"receptive_field": seq_len if full else min(seq_len, window)}


@replaces("layout_cost")
def field_not_cut(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """Your receptive field is larger than the text. How many tokens are there?"""
    sliding, full = counted(types)
    return layout_cost(types, window, seq_len) | {"receptive_field": seq_len if full else 1 + sliding * (window - 1)}


@replaces("layout_cost")
def full_counts_on_top(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """A full layer sees the whole text only if it is your last one. The layers after it pass on what it saw: of how
    many tokens does that come?"""
    right = layout_cost(types, window, seq_len)
    if types[-1] == FULL:
        return right
    return right | {"receptive_field": min(seq_len, 1 + len(types) * (window - 1))}


@replaces("layout_cost")
def full_is_a_window(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """Your receptive field takes full layers for sliding ones. How far back does one of them see?"""
    reach = min(seq_len, 1 + len(types) * (window - 1))
    return layout_cost(types, window, seq_len) | {"receptive_field": reach}


@replaces("layout_cost")
def cache_not_cut(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """A sliding layer keeps W tokens in your sum even if the text has fewer. Which of the two numbers counts?"""
    sliding, full = counted(types)
    return layout_cost(types, window, seq_len) | {"cached_tokens": sliding * window + full * seq_len}


@replaces("layout_cost")
def cache_all_full(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """All of your layers keep the whole text. What may a sliding layer forget?"""
    return layout_cost(types, window, seq_len) | {"cached_tokens": len(types) * seq_len}


@replaces("layout_cost")
def cache_one_less(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """A sliding layer keeps W - 1 tokens in your sum. The docstring counts as many as a ring has slots: how many is
    that?"""
    sliding, full = counted(types)
    return layout_cost(types, window, seq_len) | {"cached_tokens": sliding * min(window - 1, seq_len) + full * seq_len}


@replaces("layout_cost")
def cache_of_one_layer(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """You counted each kind of layer once. Every layer has its own keys and values: over what does the sum go?"""
    kinds = {kind: seq_len if kind == FULL else min(window, seq_len) for kind in types}
    return layout_cost(types, window, seq_len) | {"cached_tokens": sum(kinds.values())}


@replaces("layout_cost")
def cache_keys_and_values(types: list[str], window: int, seq_len: int) -> dict[str, int]:
    """You counted a token twice, for its key and for its value. What is the unit of this sum: tokens, or vectors?"""
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


@replaces("window_attention")
def window_plus_one(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your window shows W + 1 keys. The token itself is one of the W: which is the oldest that is left?"""
    window = None if window is None else window + 1
    return attend(q, k, v, visible(query_positions, key_positions, window), sinks)


@replaces("window_attention")
def window_less_one(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your window shows one key too few; with W = 1 not even the token itself. Is m - n = W - 1 inside or outside?"""
    window = None if window is None else window - 1
    return attend(q, k, v, visible(query_positions, key_positions, window), sinks)


@replaces("window_attention")
def window_ignored(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """window has no effect: your queries see all keys that are not later. What is the second rule?"""
    return attend(q, k, v, visible(query_positions, key_positions, None), sinks)


@replaces("window_attention")
def window_to_both_sides(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """With a window your queries see keys of their future, as far as they see back. Which of the two rules has to hold
    besides the window?"""
    m, n = query_positions[:, None], key_positions
    seen = visible(query_positions, key_positions, None) if window is None else (n >= 0) & ((m - n).abs() < window)
    return attend(q, k, v, seen, sinks)


@replaces("window_attention")
def not_causal(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your queries see keys of their future. What has to be true of n and m?"""
    m, n = query_positions[:, None], key_positions
    seen = ((n >= 0) & (m >= 0)) if window is None else (n >= 0) & (m - n < window)
    return attend(q, k, v, seen, sinks)


@replaces("window_attention")
def empty_slots_seen(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """-1 is smaller than any position, so a test for «not later» lets empty slots in. What marks a key that is
    there?"""
    m, n = query_positions[:, None], key_positions
    seen = n <= m if window is None else (n <= m) & (m - n < window)
    return attend(q, k, v, seen, sinks)


@replaces("window_attention")
def position_zero_is_empty(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """You take the position 0 for an empty slot, and the first token of the text is never seen. Which number marks one
    that is empty?"""
    own = key_positions == query_positions[:, None]
    return attend(q, k, v, visible(query_positions, key_positions, window) & ((key_positions > 0) | own), sinks)


@replaces("window_attention")
def key_order_for_position(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """You read the position of a key from its place: they follow one another up to the largest. In a ring the newest
    may stand first: which argument says where a key belongs?"""
    last, S = int(key_positions.max()), len(key_positions)
    ordered = torch.arange(last - S + 1, last + 1)
    return attend(q, k, v, visible(query_positions, ordered, window), sinks)


@replaces("window_attention")
def query_order_for_position(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """You read the positions of the queries from their places, as the last ones of the text. Which argument says where
    each of them stands?"""
    last, T = int(key_positions.max()), len(query_positions)
    return attend(q, k, v, visible(torch.arange(last - T + 1, last + 1), key_positions, window), sinks)


@replaces("window_attention")
def positions_from_zero(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your keys have the positions 0 to S - 1 whatever key_positions says. Where does the first key stand in a later
    piece of a text?"""
    return attend(q, k, v, visible(query_positions, torch.arange(len(key_positions)), window), sinks)


@replaces("window_attention")
def masked_with_zero(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Keys that are out of sight have the score 0 in your softmax, and e^0 is 1. Which score has the weight 0?"""
    seen = visible(query_positions, key_positions, window)
    (B, H, T, K), G, S = q.shape, k.shape[1], k.shape[2]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    scores = (q @ k.mT / K**0.5).masked_fill(~seen, 0.0)
    if sinks is not None:
        scores = torch.cat([scores, sinks.view(1, H, 1, 1).expand(B, H, T, 1)], dim=-1)
    return scores.softmax(-1)[..., :S] @ v


@replaces("window_attention")
def masked_after_softmax(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """You took the softmax over all keys and then dropped what is out of sight, so the weights that are left are too
    small. Which scores may the softmax see?"""
    seen = visible(query_positions, key_positions, window)
    (B, H, T, K), G, S = q.shape, k.shape[1], k.shape[2]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    scores = q @ k.mT / K**0.5
    if sinks is not None:
        scores = torch.cat([scores, sinks.view(1, H, 1, 1).expand(B, H, T, 1)], dim=-1)
    return (scores.softmax(-1)[..., :S] * seen) @ v


@replaces("window_attention")
def heads_tiled(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your query head h reads head h mod G of the keys. Neighbours share: what does the formula do with h G / H?"""
    return attend(q, k, v, visible(query_positions, key_positions, window), sinks, tiled=True)


@replaces("window_attention")
def first_head_for_all(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """All of your query heads read the first head of keys and values. Which one belongs to query head h?"""
    return attend(q, k[:, :1], v[:, :1], visible(query_positions, key_positions, window), sinks)


@replaces("window_attention")
def scale_missing(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your scores are plain dot products. What does the formula divide them by?"""
    return attend(q, k, v, visible(query_positions, key_positions, window), sinks, scale=1.0)


@replaces("window_attention")
def scale_without_root(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """You divided the scores by K. Where is the root?"""
    return attend(q, k, v, visible(query_positions, key_positions, window), sinks, scale=1 / q.shape[-1])


@replaces("window_attention")
def sink_scaled(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """You divided the sink by √K, together with the scores. It is a logit as it stands: what is it that √K is there
    for?"""
    seen = visible(query_positions, key_positions, window)
    return attend(q, k, v, seen, sinks, sink_scale=q.shape[-1] ** -0.5)


@replaces("window_attention")
def sink_without_effect(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your sinks change nothing: weights sum to 1 with them as without. A number that is added to all scores of a row
    cancels in the softmax, and a share that is dropped and then divided out is handed back to the keys. Which sum has
    to contain the sink, and which must not?"""
    return attend(q, k, v, visible(query_positions, key_positions, window))


@replaces("window_attention")
def sink_is_first_token(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """With sinks your queries see the first key as well, outside their window. That is the sink of StreamingLLM, a real
    token. What has the sink here neither of?"""
    seen = visible(query_positions, key_positions, window)
    if sinks is not None:
        first = torch.where(key_positions < 0, INF, key_positions.double()).argmin()
        seen = seen | (torch.arange(len(key_positions)) == first)
    return attend(q, k, v, seen)


@replaces("window_attention")
def sink_added_to_first_token(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """You took the first key of the text for the sink: it stays in sight outside the window, and z is added to its
    score. That is the sink of StreamingLLM, a real token. Which key and which value has the sink here?"""
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
    """You added the sink itself to the denominator. It is a logit, like the scores: what becomes of those before they
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
    """Your denominator has 1 more in it, whatever the sinks are: that is a sink of 0 for every head. What does the
    model learn here?"""
    seen = visible(query_positions, key_positions, window)
    return attend(q, k, v, seen, None if sinks is None else torch.zeros_like(sinks))


@replaces("window_attention")
def sink_even_if_none(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Without sinks your weights sum to less than 1: a logit of 0 is always there. Is a sink of 0 the same as none?"""
    seen = visible(query_positions, key_positions, window)
    return attend(q, k, v, seen, q.new_zeros(q.shape[1]) if sinks is None else sinks)


@replaces("window_attention")
def sink_of_the_first_head(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """All of your heads have the sink of the first one. How many numbers are in sinks, and along which axis of the
    scores do they belong?"""
    seen = visible(query_positions, key_positions, window)
    return attend(q, k, v, seen, None if sinks is None else sinks[:1].expand_as(sinks))


@replaces("window_attention")
def sink_has_a_mean_value(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """What your sinks take is given back as the mean of the values. A sink has no value: what does its share of the
    weights add to the output?"""
    seen = visible(query_positions, key_positions, window)
    out = attend(q, k, v, seen, sinks)
    if sinks is None:
        return out
    share = attend(q, k, torch.ones_like(v), seen, sinks)
    return out + (1 - share) * attend(q * 0, k, v, seen)


@replaces("window_attention")
def sink_turned_round(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """The sign of your sinks is turned round: a large one leaves the keys everything. Which way does e^z in the
    denominator act?"""
    return attend(q, k, v, visible(query_positions, key_positions, window), sinks, sink_scale=-1.0)


def exp_of_all(q: Tensor, k: Tensor, v: Tensor, seen: Tensor, sinks: Tensor | None) -> Tensor:
    (_, H, _, K), G = q.shape, k.shape[1]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    e = torch.exp(q @ k.mT / K**0.5) * seen
    sink = 0.0 if sinks is None else torch.exp(sinks).view(H, 1, 1)
    return e / (e.sum(-1, keepdim=True) + sink) @ v


@replaces("window_attention")
def exp_without_max(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your results are right for small scores, and exp(1000) is infinite. Which number can be taken out of scores and
    sink alike before the exponential, and what is it the maximum of?"""
    return exp_of_all(q, k, v, visible(query_positions, key_positions, window), sinks)


@replaces("window_attention")
def only_sinks_without_max(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """With sinks your results are right for small scores only: there you take the exponential of a score as it is.
    Which number can be taken out of scores and sink alike, and what is it the maximum of?"""
    if sinks is None:
        return attend(q, k, v, visible(query_positions, key_positions, window))
    return exp_of_all(q, k, v, visible(query_positions, key_positions, window), sinks)


@replaces("window_attention")
def maximum_of_the_scores_alone(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your maximum is that of the scores, and the exponential of a sink far above it is infinite. Divided by, it gives
    weights of 0, which is right, and gradients that are NaN. Over what does the maximum go?"""
    (_, H, _, K), G = q.shape, k.shape[1]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    scores = (q @ k.mT / K**0.5).masked_fill(~visible(query_positions, key_positions, window), -INF)
    top = scores.amax(-1, keepdim=True)
    e = (scores - top).exp()
    sink = 0.0 if sinks is None else (sinks.view(H, 1, 1) - top).exp()
    return e / (e.sum(-1, keepdim=True) + sink) @ v


@replaces("window_attention")
def constant_maximum_of_the_scores_alone(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your maximum is that of the scores, and the exponential of a sink far above it is infinite. Divided by, it gives
    weights of 0, which is right, and a gradient of the sink that is NaN. Over what does the maximum go?"""
    (_, H, _, K), G = q.shape, k.shape[1]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    scores = (q @ k.mT / K**0.5).masked_fill(~visible(query_positions, key_positions, window), -INF)
    top = scores.amax(-1, keepdim=True).detach()
    e = (scores - top).exp()
    sink = 0.0 if sinks is None else (sinks.view(H, 1, 1) - top).exp()
    return e / (e.sum(-1, keepdim=True) + sink) @ v


@replaces("window_attention")
def softmax_over_queries(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your softmax runs over the queries. The weights of one query are shared out among keys: which axis of (B, H, T,
    S) is that?"""
    seen = visible(query_positions, key_positions, window)
    (_, H, _, K), G = q.shape, k.shape[1]
    k, v = (x.repeat_interleave(H // G, dim=1) for x in (k, v))
    scores = (q @ k.mT / K**0.5).masked_fill(~seen, -INF)
    return scores.softmax(-2).nan_to_num(0.0) @ v


@replaces("window_attention")
def always_float32(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Somewhere your numbers are float32 although float64 came in, and half of their digits are gone. Which of your
    lines names a dtype?"""
    seen = visible(query_positions, key_positions, window)
    return attend(q.float(), k.float(), v.float(), seen, None if sinks is None else sinks.float()).to(q.dtype)


@replaces("window_attention")
def always_float64(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your result is float64 whatever comes in. Which dtype does the docstring promise?"""
    seen = visible(query_positions, key_positions, window)
    return attend(q.double(), k.double(), v.double(), seen, None if sinks is None else sinks.double())


@replaces("window_attention")
def sinks_detached(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your values are right, and the sinks get no gradient. They are learned: which line takes them out of the
    graph?"""
    seen = visible(query_positions, key_positions, window)
    return attend(q, k, v, seen, None if sinks is None else sinks.detach())


@replaces("window_attention")
def without_gradient(q, k, v, query_positions, key_positions, window=None, sinks=None):
    """Your values are right, and no gradient leads back from them. Which line leaves the graph?"""
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
    """Your slots depend on the place in the piece: from the second piece on they begin at 0 again. Which number of a
    token says where it lies?"""
    start, T = first_new(cache), k_new.shape[2]
    here = torch.arange(T)[-window:]
    return written(cache, k_new, v_new, window, here % window, start + here)


@replaces("ring_append")
def positions_of_the_piece(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your second piece begins at position 0 again. How many tokens came before it?"""
    here = torch.arange(k_new.shape[2])[-window:]
    return written(cache, k_new, v_new, window, here % window, here)


@replaces("ring_append")
def starts_at_the_last(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """The first token of your later pieces has the position of the last one before it, and takes its place. What is the
    position after it?"""
    start = 0 if cache is None else first_new(cache) - 1
    new = torch.arange(start, start + k_new.shape[2])[-window:]
    return written(cache, k_new, v_new, window, new % window, new)


@replaces("ring_append")
def starts_at_filled_slots(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """You took the number of filled slots for the next position. Once the ring is full that number stands still: which
    entry of the cache knows how far the text has come?"""
    start = 0 if cache is None else int((cache["positions"] >= 0).sum())
    new = torch.arange(start, start + k_new.shape[2])[-window:]
    return written(cache, k_new, v_new, window, new % window, new)


@replaces("ring_append")
def starts_after_the_last_slot(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """You took the token in the last slot for the newest. In a ring the newest may lie in any slot: how do you find
    it?"""
    start = 0 if cache is None else int(cache["positions"][-1]) + 1
    new = torch.arange(start, start + k_new.shape[2])[-window:]
    return written(cache, k_new, v_new, window, new % window, new)


@replaces("ring_append")
def keeps_oldest(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Of a long piece you kept the first W tokens. Which ones does the next query need?"""
    return ring_append(cache, k_new[:, :, :window], v_new[:, :, :window], window)


@replaces("ring_append")
def cut_before_numbered(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Of a long piece you kept the right tokens, and numbered them as if the piece began with them. How many tokens
    that are not kept stand before them?"""
    start = first_new(cache)
    new = torch.arange(start, start + min(k_new.shape[2], window))
    return written(cache, k_new, v_new, window, new % window, new)


@replaces("ring_append")
def ring_of_float32(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """The ring that you begin with is float32, as torch makes it unless it is told otherwise, and float64 keys lose
    half of their digits in it. From where can an empty ring take its dtype?"""
    dtype = torch.float32 if cache is None else cache["k"].dtype
    return ring_append(cache, k_new.to(dtype), v_new.to(dtype), window)


@replaces("ring_append")
def ring_of_float32_refuses(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """The ring that you begin with is float32, as torch makes it unless it is told otherwise, and torch refuses to
    write float64 keys into it. From where can an empty ring take its dtype?"""
    B, G, T, K = k_new.shape
    start = first_new(cache)
    new = torch.arange(start, start + T)[-window:]
    ring = torch.zeros(B, G, window, K) if cache is None else cache["k"].clone()
    ring[:, :, new % window] = k_new[:, :, -window:]
    return ring_append(cache, k_new, v_new, window)


@replaces("ring_append")
def long_piece_from_slot_zero(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """A piece of W tokens or more lies in your ring in the order of time, from slot 0 on. Where does the token at
    position m lie, whatever the piece?"""
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
    """Your cache holds the last W tokens in the order of time, and everything moves with each new one. In a ring
    nothing moves: in which slot does position m stay until it is overwritten?"""
    kept = chronological(cache, k_new, v_new, window)
    return written(None, kept["k"], kept["v"], window, torch.arange(len(kept["positions"])), kept["positions"])


@replaces("ring_append")
def newest_at_the_end(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your newest token always lies in the last slot, and the others move up. In a ring nothing moves: in which slot
    does position m stay until it is overwritten?"""
    kept = chronological(cache, k_new, v_new, window)
    slots = torch.arange(window)[-len(kept["positions"]) :]
    return written(None, kept["k"], kept["v"], window, slots, kept["positions"])


@replaces("ring_append")
def grows_at_first(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your cache has as many slots as there are tokens until it is full. How many slots has a ring from its first token
    on, and what stands in those that are empty?"""
    ring = ring_append(cache if cache is None or len(cache["positions"]) == window else None, k_new, v_new, window)
    if cache is not None and len(cache["positions"]) < window:
        kept = chronological(cache, k_new, v_new, window)
        new = kept["positions"]
        ring = written(None, kept["k"], kept["v"], window, new % window, new)
    filled = int((ring["positions"] >= 0).sum())
    return {"k": ring["k"][:, :, :filled], "v": ring["v"][:, :, :filled], "positions": ring["positions"][:filled]}


@replaces("ring_append")
def forgets_the_old(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your new ring holds the new tokens and no others. Which slots of the old one are not overwritten?"""
    start = first_new(cache)
    new = torch.arange(start, start + k_new.shape[2])[-window:]
    return written(None, k_new, v_new, window, new % window, new)


@replaces("ring_append")
def empty_is_zero(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """An empty slot has the position 0 in your ring, and that is the position of a token. Which number marks it?"""
    ring = ring_append(cache, k_new, v_new, window)
    slots = torch.arange(window)
    ring["positions"] = torch.where((ring["positions"] < 0) & (slots > 0), 0, ring["positions"])
    return ring


@replaces("ring_append")
def positions_as_floats(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your positions are floating point. They are compared and counted: which dtype does the docstring give?"""
    ring = ring_append(cache, k_new, v_new, window)
    return ring | {"positions": ring["positions"].to(k_new.dtype)}


@replaces("ring_append")
def values_for_keys(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your entries "v" hold the keys. Which of the two new tensors goes where?"""
    return ring_append(cache, k_new, k_new, window)


@replaces("ring_append")
def one_slot_more(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """Your ring has W + 1 slots. A token sees W keys, its own among them: how many have to be kept?"""
    return ring_append(cache, k_new, v_new, window + 1)


@replaces("ring_append")
def writes_into_the_old(cache: Cache | None, k_new: Tensor, v_new: Tensor, window: int) -> Cache:
    """You wrote into the ring that you were given, and whoever kept it has lost the oldest tokens. What has to happen
    to its tensors first?"""
    new = ring_append(cache, k_new, v_new, window)
    if cache is None:
        return new
    for name in new:
        cache[name].copy_(new[name])
    return cache
