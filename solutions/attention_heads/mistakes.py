"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from attention_heads import ablate_heads, attention_entropy, induction_score, previous_token_score
from torch import Tensor

from grader.testing import replaces


def back(weights: Tensor, steps: int) -> Tensor:
    """w[i, i - steps] for the queries i >= steps, (L, B, H, T - steps)."""
    return weights.diagonal(-steps, -2, -1)


def reduced(scores: Tensor, over: str) -> Tensor:
    """(L, B, H, queries) reduced in a wrong way."""
    if over == "layers":
        return scores.mean((0, 3))
    if over == "heads":
        return scores.mean((2, 3))
    return scores.mean(-1)  # the texts stay


# the token before


@replaces("previous_token_score")
def own_token(weights: Tensor) -> Tensor:
    """Your score is what each token gives to itself, the main diagonal. Which key is just before query i?"""
    return back(weights, 0).mean((1, 3))


@replaces("previous_token_score")
def token_after(weights: Tensor) -> Tensor:
    """Your scores are what a causal map has above the main diagonal, only zeros. On which side of it are the keys that
    come before a query?"""
    return weights.diagonal(1, -2, -1).mean((1, 3))


@replaces("previous_token_score", padded=[False, True])
def two_before(weights: Tensor, *, padded: bool) -> Tensor:
    """Your score is what a token gives to the one two places back. How far back is the previous token?"""
    scores = back(weights, 2)
    if padded or scores.shape[-1] == 0:
        scores = torch.cat([scores, torch.zeros_like(weights[..., 0, :1])], dim=-1)
    return scores.mean((1, 3))


@replaces("previous_token_score", extra=[1, -1])
def previous_over_all_queries(weights: Tensor, *, extra: int) -> Tensor:
    """Your mean is over one query too many or too few. How many of the T queries have a token before them?"""
    queries = weights.shape[-1] - 1
    return back(weights, 1).sum(-1).mean(1) / max(1, queries + extra)


@replaces("previous_token_score")
def own_or_before(weights: Tensor) -> Tensor:
    """Your score adds what a token gives to itself to what it gives to the one before. Which of the two does the
    docstring ask for?"""
    return previous_token_score(weights) + back(weights, 0)[..., 1:].mean((1, 3))


@replaces("previous_token_score")
def all_before(weights: Tensor) -> Tensor:
    """Your score adds up all keys before the query. How many of them are just before it?"""
    return weights.tril(-1).sum(-1)[..., 1:].mean((1, 3))


@replaces("previous_token_score")
def share_without_itself(weights: Tensor) -> Tensor:
    """Your score is a share of what a query gives to the keys before it, without itself. A row sums to 1 already: what
    is the weight of key i − 1 in it?"""
    rest = weights.tril(-1).sum(-1)[..., 1:]
    return (back(weights, 1) / rest.clamp(min=1e-300)).mean((1, 3))


@replaces("previous_token_score", first=[0, 1])
def first_token(weights: Tensor, *, first: int) -> Tensor:
    """Your score is what the queries give to the first token of the text. Which key is just before query i?"""
    return weights[..., first:, 0].mean((1, 3))


@replaces("previous_token_score")
def last_query(weights: Tensor) -> Tensor:
    """Your score is that of the last query. Over which queries does the mean go?"""
    return weights[..., -1, -2].mean(1)


@replaces("previous_token_score", last=[False, True])
def without_one_query(weights: Tensor, *, last: bool) -> Tensor:
    """Your mean leaves out a query at one end, though it has a token before it. What are the first and the last query
    of the mean?"""
    scores = back(weights, 1)
    if scores.shape[-1] == 1:
        return scores.mean((1, 3))
    return (scores[..., :-1] if last else scores[..., 1:]).mean((1, 3))


@replaces("previous_token_score")
def counts_the_largest(weights: Tensor) -> Tensor:
    """Your score counts how often the token before gets the largest weight. What does that say of a head that gives it
    0.4 everywhere?"""
    wins = weights[..., 1:, :].argmax(-1) == torch.arange(weights.shape[-1] - 1)
    return wins.to(weights.dtype).mean((1, 3))


@replaces("previous_token_score", median=[False, True])
def not_the_mean(weights: Tensor, *, median: bool) -> Tensor:
    """Your score is the largest or the middle one of the queries' weights, and not their mean. What does the docstring
    ask for?"""
    scores = back(weights, 1).transpose(1, 2).flatten(2)
    return scores.median(-1).values if median else scores.amax(-1)


@replaces("previous_token_score", over=["layers", "heads", "queries alone"])
def previous_over_other_axes(weights: Tensor, *, over: str) -> Tensor:
    """Your result does not have a number for each layer and head: the mean goes over the {over}. In which order are
    the axes of weights?"""
    return reduced(back(weights, 1), over)


@replaces("previous_token_score", text=[0, -1])
def previous_of_one_text(weights: Tensor, *, text: int) -> Tensor:
    """Your scores are those of a single text. Over how many texts does the mean go?"""
    return back(weights, 1)[:, text].mean(-1)


@replaces("previous_token_score", queries=[False, True])
def previous_sum(weights: Tensor, *, queries: bool) -> Tensor:
    """Your score is a sum, so it grows with the number of texts or tokens. What does a mean divide by?"""
    scores = back(weights, 1)
    return scores.sum((1, 3)) if queries else scores.mean(-1).sum(1)


@replaces("previous_token_score")
def previous_in_float32(weights: Tensor) -> Tensor:
    """Your scores are float32 whatever the weights are. Which dtype does the docstring promise?"""
    return previous_token_score(weights.float())


# induction


@replaces("induction_score")
def induction_same_token(weights: Tensor, period: int) -> Tensor:
    """Your score is what a query gives to the earlier occurrence of its own token. Where is the token that came next,
    which could be copied?"""
    return back(weights, period).mean((1, 3))


@replaces("induction_score")
def induction_one_query_more(weights: Tensor, period: int) -> Tensor:
    """Your mean includes query P − 1, which looks at key 0. Has that query seen its token before?"""
    return back(weights, period - 1).mean((1, 3))


@replaces("induction_score", last=[False, True])
def induction_one_query_less(weights: Tensor, period: int, *, last: bool) -> Tensor:
    """Your mean leaves out a query that has seen its token before. Which are the first and the last of these
    queries?"""
    scores = back(weights, period - 1)[..., 1:]
    if scores.shape[-1] > 1:
        scores = scores[..., :-1] if last else scores[..., 1:]
    return scores.mean((1, 3))


@replaces("induction_score")
def token_before_the_same(weights: Tensor, period: int) -> Tensor:
    """Your score is what a query gives to the token *before* the earlier occurrence. Which of its two neighbors would
    be copied?"""
    wider = F.pad(weights, (1, 0))  # query P has no such token, and 0
    return wider.diagonal(-period, -2, -1).mean((1, 3))


@replaces("induction_score")
def two_after_the_same(weights: Tensor, period: int) -> Tensor:
    """Your score is what a query gives to the token two places after the earlier occurrence. Which token came right
    after it?"""
    return back(weights, period - 2)[..., 2:].mean((1, 3))


@replaces("induction_score")
def the_token_itself(weights: Tensor, period: int) -> Tensor:
    """Your score is what the queries from P on give to themselves. Where is the earlier occurrence of their token?"""
    return back(weights, 0)[..., period:].mean((1, 3))


@replaces("induction_score")
def previous_token(weights: Tensor, period: int) -> Tensor:
    """Your score is what the queries from P on give to the token just before them. Which token came after the *earlier*
    occurrence?"""
    return back(weights, 1)[..., period - 1 :].mean((1, 3))


@replaces("induction_score", by=["T", "P", "T - P + 1"])
def divided_by_another_number(weights: Tensor, period: int, *, by: str) -> Tensor:
    """Your sum over the queries is divided by {by}. How many queries have read their token before?"""
    T = weights.shape[-1]
    number = {"T": T, "P": period, "T - P + 1": T - period + 1}[by]
    return back(weights, period - 1)[..., 1:].sum(-1).mean(1) / number


@replaces("induction_score")
def second_round_only(weights: Tensor, period: int) -> Tensor:
    """Your mean ends with the second round. Which is the last query that has read its token before?"""
    return back(weights, period - 1)[..., 1 : period + 1].mean((1, 3))


@replaces("induction_score")
def last_round_only(weights: Tensor, period: int) -> Tensor:
    """Your mean takes the last P queries only. Which is the first query that has read its token before?"""
    return back(weights, period - 1)[..., 1:][..., -period:].mean((1, 3))


@replaces("induction_score")
def full_rounds_only(weights: Tensor, period: int) -> Tensor:
    """Your mean leaves out the queries after the last full round. Must T be a multiple of P?"""
    T = weights.shape[-1]
    end = max(T // period * period, period + 1)
    return back(weights, period - 1)[..., 1 : end - period + 1].mean((1, 3))


@replaces("induction_score")
def two_rounds_assumed(weights: Tensor, period: int) -> Tensor:
    """Your period is half of T. Must a text have two rounds, and which argument tells you the period?"""
    half = weights.shape[-1] // 2
    return back(weights, half - 1)[..., 1:].mean((1, 3)) if half > 0 else back(weights, 0).mean((1, 3))


@replaces("induction_score", key_0=[False, True], mean=[False, True])
def every_occurrence(weights: Tensor, period: int, *, key_0: bool, mean: bool) -> Tensor:
    """Your score takes what came after all earlier occurrences. Which of them does the docstring ask for?"""
    T = weights.shape[-1]
    query, key = torch.arange(T)[:, None], torch.arange(T)
    after = (query - key >= period - 1) & ((query - key + 1) % period == 0) & (query >= period) & (key_0 | (key > 0))
    found = (weights * after).sum(-1)
    return (found / after.sum(-1).clamp(min=1) if mean else found)[..., period:].mean((1, 3))


@replaces("induction_score")
def first_occurrence(weights: Tensor, period: int) -> Tensor:
    """Your score takes what came after the *first* occurrence, in the first round. Which is the last one before the
    query?"""
    T = weights.shape[-1]
    key = torch.arange(T) % period + 1
    picked = weights.gather(-1, key.clamp(max=T - 1).expand(weights.shape[:-1])[..., None])[..., 0]
    return picked[..., period:].mean((1, 3))


@replaces("induction_score")
def counts_the_winner(weights: Tensor, period: int) -> Tensor:
    """Your score counts how often the wanted key gets the largest weight. What does that say of a head that gives it
    0.4 everywhere?"""
    wins = weights.argmax(-1) == torch.arange(weights.shape[-1]) - period + 1
    return wins[..., period:].to(weights.dtype).mean((1, 3))


@replaces("induction_score")
def largest_of_all_queries(weights: Tensor, period: int) -> Tensor:
    """Your score is the largest weight among queries and texts, which one of them may have by chance. What does the
    docstring ask for?"""
    return back(weights, period - 1)[..., 1:].amax((1, 3))


@replaces("induction_score", first=[False, True])
def one_query_only(weights: Tensor, period: int, *, first: bool) -> Tensor:
    """Your score is that of a single query. Over which queries does the mean go?"""
    return back(weights, period - 1)[..., 1 if first else -1].mean(1)


@replaces("induction_score", over=["layers", "heads", "queries alone"])
def induction_over_other_axes(weights: Tensor, period: int, *, over: str) -> Tensor:
    """Your result does not have a number for each layer and head: the mean goes over the {over}. In which order are
    the axes of weights?"""
    return reduced(back(weights, period - 1)[..., 1:], over)


@replaces("induction_score", text=[0, -1])
def induction_of_one_text(weights: Tensor, period: int, *, text: int) -> Tensor:
    """Your scores are those of a single text. Over how many texts does the mean go?"""
    return back(weights, period - 1)[:, text, :, 1:].mean(-1)


@replaces("induction_score", queries=[False, True])
def induction_sum(weights: Tensor, period: int, *, queries: bool) -> Tensor:
    """Your score is a sum, so it grows with the number of texts or tokens. What does a mean divide by?"""
    scores = back(weights, period - 1)[..., 1:]
    return scores.sum((1, 3)) if queries else scores.mean(-1).sum(1)


@replaces("induction_score")
def transposed_maps(weights: Tensor, period: int) -> Tensor:
    """Your scores are what a causal map has above the main diagonal, only zeros. Which axis of weights is the query,
    and which the key?"""
    return weights.mT.diagonal(1 - period, -2, -1)[..., 1:].mean((1, 3))


@replaces("induction_score")
def induction_in_float32(weights: Tensor, period: int) -> Tensor:
    """Your scores are float32 whatever the weights are. Which dtype does the docstring promise?"""
    return induction_score(weights.float(), period)


# entropy


@replaces("attention_entropy")
def entropy_nan(weights: Tensor) -> Tensor:
    """A causal map is full of zeros. What does your code compute for a weight of exactly 0, and what is the limit of
    w ln w there?"""
    return -(weights * weights.log()).sum(-1).mean((1, 3))


@replaces("attention_entropy")
def nan_rows_are_zero(weights: Tensor) -> Tensor:
    """Each query with a weight of exactly 0 counts in your mean with entropy 0. Which single term is 0 there, and what
    about the other keys of the row?"""
    return -(weights * weights.log()).sum(-1).nan_to_num(0.0).mean((1, 3))


@replaces("attention_entropy", eps=[1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9])
def small_number_in_the_log(weights: Tensor, *, eps: float) -> Tensor:
    """A small number inside your logarithm changes the entropy by more than rounding. How else can 0 ln 0 become 0,
    without a change of the other terms?"""
    return -(weights * (weights + eps).log()).sum(-1).mean((1, 3))


@replaces("attention_entropy", eps=[1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10], added=[False, True])
def zeros_are_small_numbers(weights: Tensor, *, eps: float, added: bool) -> Tensor:
    """Zeros are small numbers in your sum, and each of them adds a little to the entropy. What should a weight of 0
    contribute?"""
    w = weights + eps if added else weights.clamp(min=eps)
    return -(w * w.log()).sum(-1).mean((1, 3))


@replaces("attention_entropy", base=[2.0, 10.0])
def entropy_in_another_base(weights: Tensor, *, base: float) -> Tensor:
    """Your entropies are those to base {base}. In which unit does the docstring want them?"""
    return attention_entropy(weights) / torch.tensor(base, dtype=weights.dtype).log()


@replaces("attention_entropy")
def entropy_of_the_mean(weights: Tensor) -> Tensor:
    """Your entropy is that of the mean over the texts. A head that is sharp in each text, at another place each time,
    looks wide then: what comes first?"""
    return torch.special.entr(weights.mean(1)).sum(-1).mean(-1)


@replaces("attention_entropy")
def entropy_of_all_queries(weights: Tensor) -> Tensor:
    """Your entropy says how widely all queries of a text look together. Of which row is the entropy taken, and what is
    averaged then?"""
    return torch.special.entr(weights.mean(-2)).sum(-1).mean(1)


@replaces("attention_entropy")
def negative_entropy(weights: Tensor) -> Tensor:
    """Your entropies are negative. What is the sign of ln w for a w below 1?"""
    return -attention_entropy(weights)


@replaces("attention_entropy")
def mean_over_keys(weights: Tensor) -> Tensor:
    """Your entropies are too small by a factor of T. Which axes does the formula sum, and which are averaged?"""
    return torch.special.entr(weights).mean((1, 3, 4))


@replaces("attention_entropy", texts=[False, True])
def entropy_sum(weights: Tensor, *, texts: bool) -> Tensor:
    """Your entropy adds up the queries. Over what does the docstring take a mean?"""
    found = torch.special.entr(weights).sum((3, 4))
    return found.sum(1) if texts else found.mean(1)


@replaces("attention_entropy")
def without_query_zero(weights: Tensor) -> Tensor:
    """Your mean leaves out query 0. Its entropy is always 0, but how many queries does the docstring count?"""
    return torch.special.entr(weights).sum(-1)[..., 1:].mean((1, 3))


@replaces("attention_entropy")
def share_of_the_bound(weights: Tensor) -> Tensor:
    """Your entropies are shares of the largest that each query could have. What does the formula divide by?"""
    bound = torch.arange(1, weights.shape[-1] + 1, dtype=weights.dtype).log()
    return (torch.special.entr(weights).sum(-1) / bound.clamp(min=1e-12)).mean((1, 3))


@replaces("attention_entropy")
def divided_by_the_widest(weights: Tensor) -> Tensor:
    """Your entropies are divided by ln T, and so between 0 and 1. In which unit does the docstring want them?"""
    return attention_entropy(weights) / torch.tensor(float(weights.shape[-1]), dtype=weights.dtype).log()


@replaces("attention_entropy", each=[False, True])
def number_of_places(weights: Tensor, *, each: bool) -> Tensor:
    """Your result is the exponential of an entropy: the number of places a head looks at. What does the formula
    ask for?"""
    if each:
        return torch.special.entr(weights).sum(-1).exp().mean((1, 3))
    return attention_entropy(weights).exp()


@replaces("attention_entropy", logs=[False, True])
def softmax_once_more(weights: Tensor, *, logs: bool) -> Tensor:
    """Your entropies are those of a softmax of the weights. The weights of a row sum to 1 already: what does another
    softmax make of their zeros?"""
    again = weights.softmax(-1)
    if logs:
        return -(weights * weights.log_softmax(-1)).sum(-1).mean((1, 3))
    return torch.special.entr(again).sum(-1).mean((1, 3))


@replaces("attention_entropy")
def gini(weights: Tensor) -> Tensor:
    """Your result is 1 − Σ w², another measure of how wide a head looks. Which one does the formula ask for?"""
    return (1 - weights.square().sum(-1)).mean((1, 3))


@replaces("attention_entropy")
def surprise(weights: Tensor) -> Tensor:
    """Your sum is that of −ln w, where a key with a small weight counts most. How much should each key count?"""
    return -torch.where(weights > 0, weights, 1.0).log().sum(-1).mean((1, 3))


@replaces("attention_entropy")
def last_query_entropy(weights: Tensor) -> Tensor:
    """Your mean has the last query only, the one from which no key is hidden. Over how many queries does the
    docstring take the mean?"""
    return torch.special.entr(weights[..., -1, :]).sum(-1).mean(1)


@replaces("attention_entropy", over=["layers", "heads", "queries alone"])
def entropy_over_other_axes(weights: Tensor, *, over: str) -> Tensor:
    """Your result does not have a number for each layer and head: the mean goes over the {over}. In which order are
    the axes of weights?"""
    return reduced(torch.special.entr(weights).sum(-1), over)


@replaces("attention_entropy", text=[0, -1])
def entropy_of_one_text(weights: Tensor, *, text: int) -> Tensor:
    """Your entropies are those of a single text. Over how many texts does the mean go?"""
    return torch.special.entr(weights[:, text]).sum(-1).mean(-1)


@replaces("attention_entropy")
def entropy_in_float32(weights: Tensor) -> Tensor:
    """Your entropies are float32 whatever the weights are. Which dtype does the docstring promise?"""
    return attention_entropy(weights.float())


# the cut


def without(per_head: Tensor, heads: list[int]) -> Tensor:
    """per_head with zeros for these heads, (B, H, T, K)."""
    kept = torch.ones(per_head.shape[1], dtype=per_head.dtype)
    kept[heads] = 0
    return per_head * kept[:, None, None]


def merged(per_head: Tensor) -> Tensor:
    return per_head.transpose(1, 2).flatten(2)


@replaces("ablate_heads")
def cuts_nothing(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your output is the same whatever heads is. Which part of the sum should be left out?"""
    return merged(per_head) @ w_o.T


@replaces("ablate_heads", cut=[True, False])
def heads_not_merged(per_head: Tensor, w_o: Tensor, heads: list[int], *, cut: bool) -> Tensor:
    """Your rows hold numbers of different tokens, as if (B, H, T, K) were reshaped directly to (B, T, H K). Which axis
    should come right before K then?"""
    B, H, T, K = per_head.shape
    return (without(per_head, heads) if cut else per_head).reshape(B, T, H * K) @ w_o.T


@replaces("ablate_heads")
def cuts_strided_columns(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """In your rows the numbers of one head are H places apart. The columns of W_O that belong to a head are neighbors:
    in which order should H and K be when they are merged?"""
    return without(per_head, heads).permute(0, 2, 3, 1).flatten(2) @ w_o.T


@replaces("ablate_heads")
def cuts_the_rows_of_the_output(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Some numbers of your output are 0, as if rows of W_O had been cut. All heads contribute to each of these numbers:
    which part of W_O belongs to one head?"""
    K = per_head.shape[-1]
    w = w_o.clone()
    for h in heads:
        w[h * K : (h + 1) * K] = 0
    return merged(per_head) @ w.T


@replaces("ablate_heads", of=["D / H", "H", "1"])
def blocks_of_another_width(per_head: Tensor, w_o: Tensor, heads: list[int], *, of: str) -> Tensor:
    """The cut columns of your W_O come in blocks of {of}. How many numbers has a head read, and so how many columns
    does it own?"""
    H = per_head.shape[1]
    width = {"D / H": max(w_o.shape[0] // H, 1), "H": H, "1": 1}[of]
    w = w_o.clone()
    for h in heads:
        w[:, h * width : (h + 1) * width] = 0
    return merged(per_head) @ w.T


@replaces("ablate_heads")
def keeps_only_these(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your output keeps the heads of the list and cuts all others. Which ones should go?"""
    others = [h for h in range(per_head.shape[1]) if h not in heads]
    return merged(without(per_head, others)) @ w_o.T


@replaces("ablate_heads")
def empty_list_means_all(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """With an empty list your output is that of no head at all. What does [] cut?"""
    return merged(without(per_head, heads or list(range(per_head.shape[1])))) @ w_o.T


@replaces("ablate_heads", last=[False, True])
def one_of_the_list(per_head: Tensor, w_o: Tensor, heads: list[int], *, last: bool) -> Tensor:
    """Your output lacks only one head of the list. What happens to the others in it?"""
    return merged(without(per_head, heads[-1:] if last else heads[:1])) @ w_o.T


@replaces("ablate_heads", off=[-1, 1])
def counted_from_one(per_head: Tensor, w_o: Tensor, heads: list[int], *, off: int) -> Tensor:
    """Your output lacks a neighbor of each head in the list. From which number are heads counted?"""
    H = per_head.shape[1]
    return merged(without(per_head, [(h + off) % H for h in heads])) @ w_o.T


@replaces("ablate_heads")
def range_of_heads(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your output lacks all heads from the first to the last of the list. What about those in between that are not in
    it?"""
    return merged(without(per_head, list(range(min(heads), max(heads) + 1)) if heads else [])) @ w_o.T


@replaces("ablate_heads")
def as_many_as_listed(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your output lacks the first heads, as many as the list is long. Which heads are in the list?"""
    return merged(without(per_head, list(range(len(heads))))) @ w_o.T


@replaces("ablate_heads")
def first_text_only(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your output lacks the heads in the first text of the batch only. Which axis has the heads, and which the
    texts?"""
    cut = without(per_head, heads)
    return merged(torch.cat([cut[:1], per_head[1:]])) @ w_o.T


@replaces("ablate_heads", axis=[0, 2, 3])
def cuts_another_axis(per_head: Tensor, w_o: Tensor, heads: list[int], *, axis: int) -> Tensor:
    """The zeros in your per_head are along axis {axis} of (B, H, T, K). Which axis has the heads?"""
    cut = per_head.clone()
    cut.movedim(axis, 0)[[h for h in heads if h < per_head.shape[axis]]] = 0
    return merged(cut) @ w_o.T


@replaces("ablate_heads", first=[False, True])
def columns_move_up(per_head: Tensor, w_o: Tensor, heads: list[int], *, first: bool) -> Tensor:
    """Heads that stay meet columns of W_O that belong to another head. Which columns belong to head h, also if a head
    before it is cut?"""
    stay = [h for h in range(per_head.shape[1]) if h not in heads]
    rest = merged(per_head[:, stay])
    if first:
        return rest @ w_o[:, w_o.shape[1] - rest.shape[-1] :].T
    return rest @ w_o[:, : rest.shape[-1]].T


@replaces("ablate_heads")
def others_scaled_up(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """The other heads count more in your output, as with dropout in training. What does the docstring say about the
    part of the others?"""
    H = per_head.shape[1]
    return ablate_heads(per_head, w_o, heads) * H / max(H - len(heads), 1)


@replaces("ablate_heads", over=["tokens", "other heads", "texts"])
def mean_ablation(per_head: Tensor, w_o: Tensor, heads: list[int], *, over: str) -> Tensor:
    """What a cut head has read is a mean over the {over} in your output. That is mean ablation: what does the docstring
    put there?"""
    cut = per_head.clone()
    if over == "other heads":
        stay = [h for h in range(per_head.shape[1]) if h not in heads]
        if stay:
            cut[:, heads] = per_head[:, stay].mean(1, keepdim=True).expand_as(per_head[:, heads])
    else:
        cut[:, heads] = per_head[:, heads].mean({"texts": 0, "tokens": 2}[over], keepdim=True).expand_as(cut[:, heads])
    return merged(cut) @ w_o.T


@replaces("ablate_heads")
def not_transposed(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your product meets the wrong axis of W_O. nn.Linear has one row for each output: which of its axes meets the
    numbers that were read?"""
    return merged(without(per_head, heads)) @ w_o


@replaces("ablate_heads")
def heads_averaged(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your output is the sum over the heads, divided by their number. Is there a divisor in the statement's formula?"""
    return ablate_heads(per_head, w_o, heads) / per_head.shape[1]


@replaces("ablate_heads")
def text_and_tokens_turned(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your result is (T, B, D). Which axis comes first?"""
    return ablate_heads(per_head, w_o, heads).transpose(0, 1)


@replaces("ablate_heads")
def cut_without_a_gradient(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your values are right, but cut heads still get a gradient. Does the output depend on a head that is cut?"""
    whole = merged(per_head) @ w_o.T
    others = [h for h in range(per_head.shape[1]) if h not in heads]
    return whole - (merged(without(per_head, others)) @ w_o.T).detach()


@replaces("ablate_heads", what=["per_head", "w_o"])
def detached(per_head: Tensor, w_o: Tensor, heads: list[int], *, what: str) -> Tensor:
    """No gradient reaches {what}. What in your code cuts it off: .detach(), .data, .item(), NumPy, no_grad, or a new
    tensor made from old numbers?"""
    if what == "per_head":
        return merged(without(per_head.detach(), heads)) @ w_o.T
    return merged(without(per_head, heads)) @ w_o.detach().T


@replaces("ablate_heads")
def cut_in_float32(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your output is float32 whatever per_head is. Which dtype does the docstring promise?"""
    return ablate_heads(per_head.float(), w_o.float(), heads)


@replaces("ablate_heads")
def in_place(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """The tensor that you were given is changed, and its caller has lost the heads for good. What else could you
    write zeros into?"""
    with torch.no_grad():
        per_head[:, heads] = 0
    return merged(per_head) @ w_o.T
