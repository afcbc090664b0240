"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from attention_heads import ablate_heads, attention_entropy, induction_score, previous_token_score
from torch import Tensor

from grader.testing import replaces


def back(weights: Tensor, steps: int) -> Tensor:
    """w[i, i - steps] for the queries i >= steps, (L, B, H, T - steps)."""
    return weights.diagonal(-steps, -2, -1)


# the token before


@replaces("previous_token_score")
def own_token(weights: Tensor) -> Tensor:
    """You took the main diagonal: how much a token looks at itself. Which key stands just before query i?"""
    return back(weights, 0).mean((1, 3))


@replaces("previous_token_score")
def token_after(weights: Tensor) -> Tensor:
    """You took the diagonal above the main one, where a causal map has only zeros. On which side of it are the keys
    that come before a query?"""
    return weights.diagonal(1, -2, -1).mean((1, 3))


@replaces("previous_token_score")
def two_before(weights: Tensor) -> Tensor:
    """You measure how much a token looks at the one before the one before. How far back is the previous token?"""
    return torch.cat([back(weights, 2), torch.zeros_like(weights[..., 0, :1])], dim=-1).mean((1, 3))


@replaces("previous_token_score")
def previous_over_all_queries(weights: Tensor) -> Tensor:
    """You divide by T, but query 0 has no token before it. How many queries have one?"""
    return back(weights, 1).sum(-1).mean(1) / weights.shape[-1]


@replaces("previous_token_score")
def own_or_before(weights: Tensor) -> Tensor:
    """You add what a token gives to itself to what it gives to the one before. Which of the two is asked for?"""
    return previous_token_score(weights) + back(weights, 0)[..., 1:].mean((1, 3))


@replaces("previous_token_score")
def all_before(weights: Tensor) -> Tensor:
    """You add up all keys before the query. How many of them are just before it?"""
    return weights.tril(-1).sum(-1)[..., 1:].mean((1, 3))


@replaces("previous_token_score")
def share_without_itself(weights: Tensor) -> Tensor:
    """You divide by what the query gives to all keys before it, and leave out what it gives to itself. A row sums to 1
    already: what is the weight of key i − 1 in it?"""
    rest = weights.tril(-1).sum(-1)[..., 1:]
    return (back(weights, 1) / rest.clamp(min=1e-300)).mean((1, 3))


@replaces("previous_token_score")
def first_token(weights: Tensor) -> Tensor:
    """You took the first column: how much each query looks at the first token of the text. Which key is just before
    query i?"""
    return weights[..., 1:, 0].mean((1, 3))


@replaces("previous_token_score")
def last_query(weights: Tensor) -> Tensor:
    """You look at the last query only. Over which queries does the mean go?"""
    return weights[..., -1, -2].mean(1)


@replaces("previous_token_score")
def without_query_one(weights: Tensor) -> Tensor:
    """Your mean begins at query 2. Has query 1 a token before it?"""
    scores = back(weights, 1)
    return scores[..., 1:].mean((1, 3)) if scores.shape[-1] > 1 else scores.mean((1, 3))


@replaces("previous_token_score")
def counts_the_largest(weights: Tensor) -> Tensor:
    """You count how often the token before gets the largest weight. Asked for is the weight that it gets: what does
    your count say of a head that gives it 0.4 everywhere?"""
    wins = weights[..., 1:, :].argmax(-1) == torch.arange(weights.shape[-1] - 1)
    return wins.to(weights.dtype).mean((1, 3))


@replaces("previous_token_score")
def largest_of_all(weights: Tensor) -> Tensor:
    """You took the largest weight among the queries and texts. A single query can have it by chance: what does the
    docstring ask for?"""
    return back(weights, 1).amax((1, 3))


@replaces("previous_token_score")
def number_for_each_text(weights: Tensor) -> Tensor:
    """Your result has a number for each text and not for each head. In which order are the axes of weights?"""
    return back(weights, 1).mean((2, 3))


@replaces("previous_token_score")
def texts_stay(weights: Tensor) -> Tensor:
    """Your result still has the axis of the texts. Over what does the mean go?"""
    return back(weights, 1).mean(-1)


@replaces("previous_token_score")
def first_text(weights: Tensor) -> Tensor:
    """You look at the first text only. How many are there?"""
    return back(weights, 1)[:, 0].mean(-1)


@replaces("previous_token_score")
def layers_averaged(weights: Tensor) -> Tensor:
    """You averaged over the layers, and the texts stay. Which axis is which?"""
    return back(weights, 1).mean((0, 3))


@replaces("previous_token_score")
def sum_over_texts(weights: Tensor) -> Tensor:
    """You add up the texts, so that the score grows with their number. What does a mean divide by?"""
    return back(weights, 1).mean(-1).sum(1)


@replaces("previous_token_score")
def previous_in_float32(weights: Tensor) -> Tensor:
    """Your scores are float32 whatever the weights are. In which dtype does the docstring want them?"""
    return previous_token_score(weights.float())


# induction


@replaces("induction_score")
def induction_same_token(weights: Tensor, period: int) -> Tensor:
    """You look at the place where the same token stood before. What can be copied from there, and where does the token
    stand that came next?"""
    return back(weights, period).mean((1, 3))


@replaces("induction_score")
def induction_one_query_more(weights: Tensor, period: int) -> Tensor:
    """Your diagonal begins one query too early. Query P − 1 looks at key 0 there: has it seen its token before?"""
    return back(weights, period - 1).mean((1, 3))


@replaces("induction_score")
def induction_one_query_less(weights: Tensor, period: int) -> Tensor:
    """Your mean begins at query P + 1. Which query is the first that reads a token again?"""
    scores = back(weights, period - 1)
    return scores[..., 2 if scores.shape[-1] > 2 else 1 :].mean((1, 3))


@replaces("induction_score")
def token_before_the_same(weights: Tensor, period: int) -> Tensor:
    """You look at the token that came *before* the earlier occurrence. Text is read from left to right: which
    neighbour is the one to be copied?"""
    wider = F.pad(weights, (1, 0))  # query P has no such token, and 0
    return wider.diagonal(-period, -2, -1).mean((1, 3))


@replaces("induction_score")
def two_after_the_same(weights: Tensor, period: int) -> Tensor:
    """You look two places behind the earlier occurrence. Which token came right after it?"""
    return back(weights, period - 2)[..., 2:].mean((1, 3))


@replaces("induction_score")
def the_token_itself(weights: Tensor, period: int) -> Tensor:
    """You measure how much a query of a later round looks at itself. Where does the earlier occurrence stand?"""
    return back(weights, 0)[..., period:].mean((1, 3))


@replaces("induction_score")
def previous_token(weights: Tensor, period: int) -> Tensor:
    """You measure how much a query of a later round looks at the token before it. Of whom is it said that it comes
    after the earlier occurrence?"""
    return back(weights, 1)[..., period - 1 :].mean((1, 3))


@replaces("induction_score")
def divided_by_the_length(weights: Tensor, period: int) -> Tensor:
    """You divide by T. Only the queries from P on have read their token before: how many are they?"""
    return back(weights, period - 1)[..., 1:].sum(-1).mean(1) / weights.shape[-1]


@replaces("induction_score")
def divided_by_the_period(weights: Tensor, period: int) -> Tensor:
    """You divide by P. That is the number of later queries only if the text has two rounds: how many are they in
    general?"""
    return back(weights, period - 1)[..., 1:].sum(-1).mean(1) / period


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
    """Your mean leaves out the queries behind the last full round. Does the docstring want T to be a multiple of P?"""
    T = weights.shape[-1]
    end = max(T // period * period, period + 1)
    return back(weights, period - 1)[..., 1 : end - period + 1].mean((1, 3))


@replaces("induction_score")
def two_rounds_assumed(weights: Tensor, period: int) -> Tensor:
    """You take half of T for the period. Which argument says it?"""
    half = weights.shape[-1] // 2
    return back(weights, half - 1)[..., 1:].mean((1, 3)) if half > 0 else back(weights, 0).mean((1, 3))


@replaces("induction_score")
def every_occurrence(weights: Tensor, period: int) -> Tensor:
    """You add up what came after all earlier occurrences. Which of them does the docstring ask for?"""
    T = weights.shape[-1]
    query, key = torch.arange(T)[:, None], torch.arange(T)
    after = (query - key >= period - 1) & ((query - key + 1) % period == 0) & (query >= period) & (key > 0)
    return (weights * after).sum(-1)[..., period:].mean((1, 3))


@replaces("induction_score")
def every_diagonal(weights: Tensor, period: int) -> Tensor:
    """You add up the diagonals that lie P apart, with what came after all earlier occurrences, and key 0, before which
    there is none. Which occurrence does the docstring ask for?"""
    T = weights.shape[-1]
    query, key = torch.arange(T)[:, None], torch.arange(T)
    after = (query - key >= period - 1) & ((query - key + 1) % period == 0) & (query >= period)
    return (weights * after).sum(-1)[..., period:].mean((1, 3))


@replaces("induction_score")
def mean_of_occurrences(weights: Tensor, period: int) -> Tensor:
    """For each query you took the mean over what came after all earlier occurrences. Which of them does the docstring
    ask for?"""
    T = weights.shape[-1]
    query, key = torch.arange(T)[:, None], torch.arange(T)
    after = (query - key >= period - 1) & ((query - key + 1) % period == 0) & (query >= period) & (key > 0)
    return ((weights * after).sum(-1) / after.sum(-1).clamp(min=1))[..., period:].mean((1, 3))


@replaces("induction_score")
def first_occurrence(weights: Tensor, period: int) -> Tensor:
    """You look at what came after the *first* occurrence, in the first round. Which one is the last before the
    query?"""
    T = weights.shape[-1]
    key = torch.arange(T) % period + 1
    picked = weights.gather(-1, key.clamp(max=T - 1).expand(weights.shape[:-1])[..., None])[..., 0]
    return picked[..., period:].mean((1, 3))


@replaces("induction_score")
def counts_the_winner(weights: Tensor, period: int) -> Tensor:
    """You count how often the wanted key gets the largest weight. Asked for is the weight that it gets."""
    wins = weights.argmax(-1) == torch.arange(weights.shape[-1]) - period + 1
    return wins[..., period:].to(weights.dtype).mean((1, 3))


@replaces("induction_score")
def last_query_only(weights: Tensor, period: int) -> Tensor:
    """You look at the last query only. Over which queries does the mean go?"""
    return back(weights, period - 1)[..., -1].mean(1)


@replaces("induction_score")
def score_for_each_text(weights: Tensor, period: int) -> Tensor:
    """Your result has a number for each text and not for each head. In which order are the axes of weights?"""
    return back(weights, period - 1)[..., 1:].mean((2, 3))


@replaces("induction_score")
def transposed_maps(weights: Tensor, period: int) -> Tensor:
    """You exchanged queries and keys, and find only zeros. Which axis of weights is the query?"""
    return weights.mT.diagonal(1 - period, -2, -1)[..., 1:].mean((1, 3))


@replaces("induction_score")
def induction_in_float32(weights: Tensor, period: int) -> Tensor:
    """Your scores are float32 whatever the weights are. In which dtype does the docstring want them?"""
    return induction_score(weights.float(), period)


# entropy


@replaces("attention_entropy")
def entropy_nan(weights: Tensor) -> Tensor:
    """0 · log 0 is NaN for the machine, and a causal map is full of zeros. What is the limit of w ln w at 0?"""
    return -(weights * weights.log()).sum(-1).mean((1, 3))


@replaces("attention_entropy")
def nan_rows_are_zero(weights: Tensor) -> Tensor:
    """Each query with a weight of exactly 0 counts as entropy 0 in your mean: the NaN of one key spoilt the whole row,
    and you replaced it afterwards. At which key must the 0 be put?"""
    return -(weights * weights.log()).sum(-1).nan_to_num(0.0).mean((1, 3))


@replaces("attention_entropy")
def small_number_in_the_log(weights: Tensor) -> Tensor:
    """A small number inside your logarithm changes the entropy by more than rounding. Which function knows that 0 ln 0
    is 0?"""
    return -(weights * (weights + 1e-6).log()).sum(-1).mean((1, 3))


@replaces("attention_entropy")
def zeros_are_small_numbers(weights: Tensor) -> Tensor:
    """You replaced zeros by a small number, in the factor too: each of them adds a little to the entropy. Which
    function knows that 0 ln 0 is 0?"""
    w = weights.clamp(min=1e-6)
    return -(w * w.log()).sum(-1).mean((1, 3))


@replaces("attention_entropy")
def entropy_bits(weights: Tensor) -> Tensor:
    """Your entropies are those in bits, larger by 1/ln 2. In which unit does the docstring want them?"""
    return attention_entropy(weights) / torch.tensor(2.0, dtype=weights.dtype).log()


@replaces("attention_entropy")
def entropy_of_the_mean(weights: Tensor) -> Tensor:
    """You averaged the texts first. A head that looks at one place in each text, but at another in each, then seems to
    look everywhere: what has to come first?"""
    return torch.special.entr(weights.mean(1)).sum(-1).mean(-1)


@replaces("attention_entropy")
def entropy_of_all_queries(weights: Tensor) -> Tensor:
    """You averaged the queries first, and measure how widely all of them together look. Of which row is the entropy to
    be taken?"""
    return torch.special.entr(weights.mean(-2)).sum(-1).mean(1)


@replaces("attention_entropy")
def negative_entropy(weights: Tensor) -> Tensor:
    """Your entropies are negative. What is the sign of ln w for a w below 1?"""
    return -attention_entropy(weights)


@replaces("attention_entropy")
def mean_over_keys(weights: Tensor) -> Tensor:
    """You took the mean over the keys, and your entropies are too small by a factor of T. What does Σ_j ask for?"""
    return torch.special.entr(weights).mean((1, 3, 4))


@replaces("attention_entropy")
def sum_over_queries(weights: Tensor) -> Tensor:
    """You add up all queries of a text. Over what does the docstring take a mean?"""
    return torch.special.entr(weights).sum((3, 4)).mean(1)


@replaces("attention_entropy")
def without_query_zero(weights: Tensor) -> Tensor:
    """Your mean leaves out query 0. Its entropy is 0 and no surprise, but how many queries does the docstring
    count?"""
    return torch.special.entr(weights).sum(-1)[..., 1:].mean((1, 3))


@replaces("attention_entropy")
def share_of_the_bound(weights: Tensor) -> Tensor:
    """You divide each entropy by the largest one that its query can have. What stands in the formula besides the
    sum?"""
    bound = torch.arange(1, weights.shape[-1] + 1, dtype=weights.dtype).log()
    return (torch.special.entr(weights).sum(-1) / bound.clamp(min=1e-12)).mean((1, 3))


@replaces("attention_entropy")
def divided_by_the_widest(weights: Tensor) -> Tensor:
    """You divide by ln T, so that your entropies lie between 0 and 1. What stands in the formula besides the sum?"""
    return attention_entropy(weights) / torch.tensor(float(weights.shape[-1]), dtype=weights.dtype).log()


@replaces("attention_entropy")
def number_of_places(weights: Tensor) -> Tensor:
    """You return the exponential of the entropy, the number of places a head looks at. Where is the logarithm of
    it?"""
    return attention_entropy(weights).exp()


@replaces("attention_entropy")
def softmax_once_more(weights: Tensor) -> Tensor:
    """You took a softmax of weights that are probabilities already: then zeros count too, and all heads look alike.
    Which argument of a distribution takes probabilities, and which logits?"""
    return torch.special.entr(weights.softmax(-1)).sum(-1).mean((1, 3))


@replaces("attention_entropy")
def gini(weights: Tensor) -> Tensor:
    """You compute 1 − Σ w², which is another measure of how wide a head looks. Where is the logarithm?"""
    return (1 - weights.square().sum(-1)).mean((1, 3))


@replaces("attention_entropy")
def surprise(weights: Tensor) -> Tensor:
    """You sum −ln w without the factor w. How often does a key with a small weight count?"""
    return -torch.where(weights > 0, weights, 1.0).log().sum(-1).mean((1, 3))


@replaces("attention_entropy")
def last_query_entropy(weights: Tensor) -> Tensor:
    """You look at the last query only. Over how many queries does the docstring take the mean?"""
    return torch.special.entr(weights[..., -1, :]).sum(-1).mean(1)


@replaces("attention_entropy")
def entropy_for_each_text(weights: Tensor) -> Tensor:
    """Your result has a number for each text and not for each head. In which order are the axes of weights?"""
    return torch.special.entr(weights).sum(-1).mean((2, 3))


@replaces("attention_entropy")
def entropy_in_float32(weights: Tensor) -> Tensor:
    """Your entropies are float32 whatever the weights are. In which dtype does the docstring want them?"""
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
    """Your output is the same whatever heads is. Which part of the sum is to be left out?"""
    return merged(per_head) @ w_o.T


@replaces("ablate_heads")
def heads_not_merged(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You reshaped (B, H, T, K) to (B, T, H K) at once, which puts numbers of different tokens next to one another.
    Which axis has to move where before the reshape?"""
    B, H, T, K = per_head.shape
    return without(per_head, heads).reshape(B, T, H * K) @ w_o.T


@replaces("ablate_heads")
def cuts_strided_columns(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """In your rows the numbers of one head stand H places apart. The columns of W_O that belong to a head are
    neighbours: in which order must H and K be when they are merged?"""
    return without(per_head, heads).permute(0, 2, 3, 1).flatten(2) @ w_o.T


@replaces("ablate_heads")
def cuts_the_rows_of_the_output(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Numbers of the output are 0, as if rows of W_O had been cut: all heads contribute to each of them. What of W_O
    belongs to one head?"""
    K = per_head.shape[-1]
    w = w_o.clone()
    for h in heads:
        w[h * K : (h + 1) * K] = 0
    return merged(per_head) @ w.T


@replaces("ablate_heads")
def blocks_of_another_width(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You cut blocks of D/H columns. W_O need not be square: how many numbers has a head read?"""
    H = per_head.shape[1]
    width = max(w_o.shape[0] // H, 1)
    w = w_o.clone()
    for h in heads:
        w[:, h * width : (h + 1) * width] = 0
    return merged(per_head) @ w.T


@replaces("ablate_heads")
def one_column_each(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You cut a single column for each head. How many columns of W_O does a head own?"""
    w = w_o.clone()
    w[:, heads] = 0
    return merged(per_head) @ w.T


@replaces("ablate_heads")
def keeps_only_these(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You keep the heads of the list and cut all others. Which ones are to go?"""
    others = [h for h in range(per_head.shape[1]) if h not in heads]
    return merged(without(per_head, others)) @ w_o.T


@replaces("ablate_heads")
def empty_list_means_all(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """With an empty list you cut all heads. What does [] cut?"""
    return merged(without(per_head, heads or list(range(per_head.shape[1])))) @ w_o.T


@replaces("ablate_heads")
def first_of_the_list(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You cut the first head of the list only. How many are in it?"""
    return merged(without(per_head, heads[:1])) @ w_o.T


@replaces("ablate_heads")
def counted_from_one(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You cut the head before the one that is meant. From which number are heads counted?"""
    return merged(without(per_head, [h - 1 for h in heads])) @ w_o.T


@replaces("ablate_heads")
def range_of_heads(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You cut all heads from the first to the last of the list. What about those between that are not in it?"""
    return merged(without(per_head, list(range(min(heads), max(heads) + 1)) if heads else [])) @ w_o.T


@replaces("ablate_heads")
def first_text_only(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your cut is made in the first text of the batch only. Which axis has the heads, and which the texts?"""
    cut = without(per_head, heads)
    return merged(torch.cat([cut[:1], per_head[1:]])) @ w_o.T


@replaces("ablate_heads")
def cuts_tokens(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You zeroed tokens: the numbers in heads are used along the third axis of (B, H, T, K). Which axis has the
    heads?"""
    cut = per_head.clone()
    cut[:, :, [h for h in heads if h < per_head.shape[2]]] = 0
    return merged(cut) @ w_o.T


@replaces("ablate_heads")
def columns_move_up(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You removed the cut heads from the tensor and used the first columns of W_O for the rest: heads behind a cut one
    meet the columns of another head. Which columns belong to head h?"""
    stay = [h for h in range(per_head.shape[1]) if h not in heads]
    rest = merged(per_head[:, stay])
    return rest @ w_o[:, : rest.shape[-1]].T


@replaces("ablate_heads")
def others_scaled_up(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You scale the other heads up, as dropout does in training. What does the docstring say of the others' part?"""
    H = per_head.shape[1]
    return ablate_heads(per_head, w_o, heads) * H / max(H - len(heads), 1)


@replaces("ablate_heads")
def mean_of_the_text(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You put the mean over the tokens in the place of what a cut head has read. That is mean ablation: what does the
    docstring put there?"""
    cut = per_head.clone()
    cut[:, heads] = per_head[:, heads].mean(2, keepdim=True).expand_as(per_head[:, heads])
    return merged(cut) @ w_o.T


@replaces("ablate_heads")
def not_transposed(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You multiplied by W_O as it stands. nn.Linear has one row for each output: which of its axes meets the numbers
    that were read?"""
    return merged(without(per_head, heads)) @ w_o


@replaces("ablate_heads")
def heads_averaged(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You divide the sum over the heads by their number. What stands in front of the sum?"""
    return ablate_heads(per_head, w_o, heads) / per_head.shape[1]


@replaces("ablate_heads")
def text_and_tokens_turned(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your result is (T, B, D). Which axis comes first?"""
    return ablate_heads(per_head, w_o, heads).transpose(0, 1)


@replaces("ablate_heads")
def cut_without_a_gradient(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your values are right, and cut heads still get a gradient: what you subtract is detached. Does the output depend
    on a head that is cut?"""
    whole = merged(per_head) @ w_o.T
    others = [h for h in range(per_head.shape[1]) if h not in heads]
    return whole - (merged(without(per_head, others)) @ w_o.T).detach()


@replaces("ablate_heads")
def all_detached(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """No gradient reaches what the heads have read. Where is it detached?"""
    return merged(without(per_head.detach(), heads)) @ w_o.T


@replaces("ablate_heads")
def weights_detached(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """No gradient reaches w_o. Where is it detached?"""
    return merged(without(per_head, heads)) @ w_o.detach().T


@replaces("ablate_heads")
def cut_in_float32(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """Your output is float32 whatever per_head is. In which dtype does the docstring want it?"""
    return ablate_heads(per_head.float(), w_o.float(), heads)


@replaces("ablate_heads")
def in_place(per_head: Tensor, w_o: Tensor, heads: list[int]) -> Tensor:
    """You wrote zeros into the tensor that you were given, and the caller has lost the head for good. What can be
    written into instead?"""
    with torch.no_grad():
        per_head[:, heads] = 0
    return merged(per_head) @ w_o.T
