"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from speculative_decoding import expected_tokens, residual, verify
from torch import Tensor

from grader.testing import replaces

# the acceptance rate


@replaces("acceptance_rate")
def rejection_rate(p: Tensor, q: Tensor) -> Tensor:
    """You return half the sum of |p − q|, which is the probability that a draft is rejected. How probable is the
    opposite?"""
    return (p - q).abs().sum(-1) / 2


@replaces("acceptance_rate")
def without_half(p: Tensor, q: Tensor) -> Tensor:
    """You take the whole sum of |p − q| from 1. Where p has more than q, q has less elsewhere: how often does that sum
    count each difference?"""
    return 1 - (p - q).abs().sum(-1)


@replaces("acceptance_rate", unused=[0.0, 1.0, float("nan")])
def mean_over_the_vocabulary(p: Tensor, q: Tensor, *, unused: float) -> Tensor:
    """All tokens of the vocabulary weigh the same in your mean. Which tokens are drafted often, and which never?"""
    return torch.where(q > 0, (p / q).clamp(max=1), unused).mean(-1).to(p.dtype)


@replaces("acceptance_rate")
def mean_under_p(p: Tensor, q: Tensor) -> Tensor:
    """Your mean of min(1, p/q) is over tokens that p draws. Which of the two models draws the draft?"""
    return (p * torch.where(q > 0, p / q, 1.0).clamp(max=1)).sum(-1)


@replaces("acceptance_rate")
def zero_over_zero(p: Tensor, q: Tensor) -> Tensor:
    """What is p/q for a token that has the probability 0 in both? And can q(x) min(1, p(x)/q(x)) be written without a
    division?"""
    return (q * (p / q).clamp(max=1)).sum(-1)


@replaces("acceptance_rate")
def not_capped(p: Tensor, q: Tensor) -> Tensor:
    """Your ratios p/q are not limited to 1. With which probability is a token accepted that p likes more than q
    does?"""
    return torch.where(q > 0, p, 0.0).sum(-1)


@replaces("acceptance_rate", term=["p q", "√(p q)", "max(p, q)", "(p + q) / 2", "p² / q"])
def another_term(p: Tensor, q: Tensor, *, term: str) -> Tensor:
    """You add up {term} over the tokens. If x is drawn with probability q(x) and then accepted with min(1, p(x)/q(x)),
    how probable are both together?"""
    terms = {"p q": p * q, "√(p q)": (p * q).sqrt(), "max(p, q)": torch.maximum(p, q), "(p + q) / 2": (p + q) / 2}
    return terms.get(term, torch.where(q > 0, p * p / q, 0.0)).sum(-1)


@replaces("acceptance_rate", of=["q", "p"], where=["above", "below"])
def one_side_only(p: Tensor, q: Tensor, *, of: str, where: str) -> Tensor:
    """Your sum leaves out all tokens on one side: those where p is below q, or those where it is above. With which
    probability are they accepted?"""
    return torch.where((p >= q) if where == "above" else (p < q), q if of == "q" else p, 0.0).sum(-1)


@replaces("acceptance_rate")
def same_favourite(p: Tensor, q: Tensor) -> Tensor:
    """Your rate is 1 where both models have the same most probable token, and 0 elsewhere. Is a draft always the most
    probable token of q?"""
    return (p.argmax(-1) == q.argmax(-1)).to(p.dtype)


@replaces("acceptance_rate", axes=["all axes", "the first axis"])
def over_other_axes(p: Tensor, q: Tensor, *, axes: str) -> Tensor:
    """You add up over {axes}. On which axis are the tokens, however many axes there are?"""
    return torch.minimum(p, q).sum(0 if axes == "the first axis" else None)


@replaces("acceptance_rate", back=[True, False])
def rate_in_float32(p: Tensor, q: Tensor, *, back: bool) -> Tensor:
    """Your rate is only as precise as float32, also for float64. In which dtype does the docstring want it?"""
    rate = torch.minimum(p.float(), q.float()).sum(-1)
    return rate.to(p.dtype) if back else rate


# the residual


@replaces("residual", part=["|p − q|", "max(q − p, 0)", "p where p is above q", "min(p, q)", "p"])
def another_part(p: Tensor, q: Tensor, *, part: str) -> Tensor:
    """Your residual is {part}, divided by its sum. Of which tokens do accepted drafts bring too few, and how much of
    each is still missing?"""
    parts = {"|p − q|": (p - q).abs(), "max(q − p, 0)": (q - p).clamp(min=0), "min(p, q)": torch.minimum(p, q), "p": p}
    left = parts.get(part, torch.where(p > q, p, 0.0))
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / total, p)


@replaces("residual")
def residual_nan(p: Tensor, q: Tensor) -> Tensor:
    """Where p and q are equal, what is left, and by what is it divided? Such a draft is never rejected, but the row is
    in the batch: what does the docstring want there?"""
    left = (p - q).clamp(min=0)
    return left / left.sum(-1, keepdim=True)


@replaces("residual")
def not_divided(p: Tensor, q: Tensor) -> Tensor:
    """Your rows do not add up to 1. By what is max(p − q, 0) divided?"""
    left = (p - q).clamp(min=0)
    return torch.where(left.sum(-1, keepdim=True) > 0, left, p)


@replaces("residual")
def softmax_of_the_rest(p: Tensor, q: Tensor) -> Tensor:
    """You take a softmax of max(p − q, 0). Which weight does a token get there of which q has enough?"""
    return torch.where((p == q).all(-1, keepdim=True), p, (p - q).clamp(min=0).softmax(-1))


@replaces("residual")
def not_clipped(p: Tensor, q: Tensor) -> Tensor:
    """Your residual has negative numbers. What should it have where q is above p?"""
    left = p - q
    return torch.where((p == q).all(-1, keepdim=True), p, left / left.clamp(min=0).sum(-1, keepdim=True))


@replaces("residual")
def clipped_afterwards(p: Tensor, q: Tensor) -> Tensor:
    """Your rows add up to 1/2: the negative part is cut off after the division. Of which numbers does the divisor have
    to be the sum?"""
    left = p - q
    return torch.where((p == q).all(-1, keepdim=True), p, (left / left.abs().sum(-1, keepdim=True)).clamp(min=0))


@replaces("residual")
def ratio_beyond_one(p: Tensor, q: Tensor) -> Tensor:
    """You weigh tokens by how many times p is above q. How much probability does each token still need?"""
    left = torch.where(q > 0, p / q - 1, p * 1e6).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / total, p)


@replaces("residual", row=["the same number for all tokens", "only zeros", "a 1 at the most probable token"])
def something_else_where_equal(p: Tensor, q: Tensor, *, row: str) -> Tensor:
    """Where p and q are equal, your row has {row}. What does the docstring say about such a row?"""
    equal = {"only zeros": torch.zeros_like(p), "the same number for all tokens": torch.full_like(p, 1 / p.shape[-1])}
    best = F.one_hot(p.argmax(-1), p.shape[-1]).to(p.dtype)
    left = (p - q).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / total, equal.get(row, best))


@replaces("residual", eps=["1e-5", "1e-6", "1e-7", "1e-8"])
def small_number_in_the_divisor(p: Tensor, q: Tensor, *, eps: str) -> Tensor:
    """Your rows add up to a little less than 1, as if {eps} were added to the divisor. Which rows need help at all?"""
    left = (p - q).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / (total + float(eps)), p)


@replaces("residual")
def one_equal_row_for_all(p: Tensor, q: Tensor) -> Tensor:
    """As soon as p and q are equal in one row, you return p for all rows. Where does your code decide for each row?"""
    left = (p - q).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return p.clone() if (total == 0).any() else left / total


@replaces("residual")
def only_if_all_are_equal(p: Tensor, q: Tensor) -> Tensor:
    """You return p only if p and q are equal in all rows. What happens to a single such row beside others?"""
    left = (p - q).clamp(min=0)
    return p.clone() if torch.equal(p, q) else left / left.sum(-1, keepdim=True)


@replaces("residual", axes=["all axes", "the first axis"])
def sum_over_other_axes(p: Tensor, q: Tensor, *, axes: str) -> Tensor:
    """You divide by a sum over {axes}. What should each row add up to?"""
    left = (p - q).clamp(min=0)
    total = left.sum(0 if axes == "the first axis" else None)
    return torch.where(left.sum(-1, keepdim=True) > 0, left / total, p)


@replaces("residual", threshold=["0.01", "0.001"])
def little_is_nothing(p: Tensor, q: Tensor, *, threshold: str) -> Tensor:
    """Where p and q are nearly equal you return p, as if sums below {threshold} were 0. Is what is left there not all
    that the draft lacks?"""
    left = (p - q).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > float(threshold), left / total, p)


@replaces("residual")
def residual_in_float32(p: Tensor, q: Tensor) -> Tensor:
    """Your residual is only as precise as float32, and a small difference keeps few of its digits. Which dtype do p and
    q have?"""
    return residual(p.float(), q.float()).to(p.dtype)


# the parts of verify, as they should be


def at_draft(x: Tensor, draft: Tensor) -> Tensor:
    """What each row of x (B, G, V) has at its draft, (B, G)."""
    return x.gather(-1, draft[..., None])[..., 0]


def ratios(draft: Tensor, q: Tensor, p: Tensor) -> Tensor:
    return at_draft(p[:, : draft.shape[1]], draft) / at_draft(q, draft)


def first_ones(passed: Tensor) -> Tensor:
    """How many drafts of each row are accepted."""
    return passed.long().cumprod(-1).sum(-1)


def stacked(q: Tensor, p: Tensor) -> Tensor:
    """What follows n accepted drafts, (B, G + 1, V)."""
    return torch.cat([residual(p[:, :-1], q), p[:, -1:]], dim=1)


def row(after: Tensor, n: Tensor) -> Tensor:
    return after[torch.arange(len(n)), n]


def draw(probs: Tensor, u: Tensor) -> Tensor:
    token = (probs.cumsum(-1) <= u[:, None]).sum(-1)
    return torch.minimum(token, (probs > 0).long().cumsum(-1).argmax(-1))


def placed(draft: Tensor, n: Tensor, last: Tensor, filler: int = -1) -> Tensor:
    """The tokens, (B, G + 1)."""
    place, end = torch.arange(draft.shape[1] + 1), n[:, None]
    tokens = torch.where(place < end, F.pad(draft, (0, 1)), filler)
    return torch.where(place == end, last[:, None], tokens)


def finished(draft: Tensor, q: Tensor, p: Tensor, u_last: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
    """All that comes after the number of accepted drafts is known."""
    return placed(draft, n, draw(row(stacked(q, p), n), u_last)), n


# which drafts are accepted


@replaces("verify")
def ratio_inverted(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You accept with probability q/p. If the small model likes a token too much, should it be accepted more often or
    less often?"""
    return finished(draft, q, p, u_last, first_ones(u < 1 / ratios(draft, q, p)))


@replaces("verify", equal=[True, False])
def turned_comparison(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, equal: bool
) -> tuple[Tensor, Tensor]:
    """You accept where u is above p/q. For how many u does that hold if the ratio is 1?"""
    ratio = ratios(draft, q, p)
    return finished(draft, q, p, u_last, first_ones(u >= ratio if equal else u > ratio))


@replaces("verify")
def accepts_at_equality(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """With u = 0 you accept a draft whose p is 0. How many u from [0, 1) are below 0, and how many are at most 0?"""
    return finished(draft, q, p, u_last, first_ones(u <= ratios(draft, q, p)))


@replaces("verify", other=["p(x)", "q(x)", "p(x) q(x)", "p(x) − q(x)"])
def compared_with_something_else(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, other: str
) -> tuple[Tensor, Tensor]:
    """You compare u with {other}. A draft comes with probability q(x) already: by what does that have to be multiplied
    if min(p(x), q(x)) is to be the result?"""
    a, b = at_draft(p[:, :-1], draft), at_draft(q, draft)
    bar = {"p(x)": a, "q(x)": b, "p(x) q(x)": a * b, "p(x) − q(x)": a - b}[other]
    return finished(draft, q, p, u_last, first_ones(u < bar))


@replaces("verify")
def surely_or_with_p(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You accept for certain where p is at least q, and otherwise with probability p(x). A draft comes with probability
    q(x) already: by what does that have to be multiplied to give p(x)?"""
    p_draft = at_draft(p[:, :-1], draft)
    return finished(draft, q, p, u_last, first_ones((p_draft >= at_draft(q, draft)) | (u < p_draft)))


@replaces("verify", equal=[True, False])
def only_where_p_is_larger(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, equal: bool
) -> tuple[Tensor, Tensor]:
    """You accept a draft exactly if p is larger than q, and u has no say. What about a draft whose p is half its q?"""
    a, b = at_draft(p[:, :-1], draft), at_draft(q, draft)
    return finished(draft, q, p, u_last, first_ones(a >= b if equal else a > b))


@replaces("verify")
def greedy_match(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You accept a draft if it is the most probable token of p. What about the other tokens that p may draw, and which
    number decides about them?"""
    return finished(draft, q, p, u_last, first_ones(p[:, :-1].argmax(-1) == draft))


@replaces("verify")
def judged_by_the_next(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You judge each draft by the row of p that comes after it. p[:, i] is the model's distribution after the drafts
    *before* i: which row has not seen draft i yet?"""
    return finished(draft, q, p, u_last, first_ones(u < at_draft(p[:, 1:], draft) / at_draft(q, draft)))


@replaces("verify")
def ratio_of_the_best(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You divide by the largest probability of q. With which probability was this draft drawn?"""
    return finished(draft, q, p, u_last, first_ones(u < at_draft(p[:, :-1], draft) / q.amax(-1)))


@replaces("verify")
def ratio_of_products(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You compare u with the product of all ratios so far. The drafts before were decided by draws of their own: what
    is left to decide at draft i?"""
    return finished(draft, q, p, u_last, first_ones(u < ratios(draft, q, p).clamp(max=1).cumprod(-1)))


@replaces("verify", place=["first", "last"])
def one_draw_for_all(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, place: str
) -> tuple[Tensor, Tensor]:
    """You use the {place} draw of a row for all of its drafts. If decisions share a draw, are they independent?"""
    own = u[:, :1] if place == "first" else u[:, -1:]
    return finished(draft, q, p, u_last, first_ones(own < ratios(draft, q, p)))


@replaces("verify")
def draws_of_the_first_text(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """All texts use the draws of the first one. How many rows does u have?"""
    return finished(draft, q, p, u_last, first_ones(u[:1] < ratios(draft, q, p)))


@replaces("verify")
def draws_by_itself(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Which drafts you accept does not follow from u: you seem to draw random numbers of your own. What are u and
    u_last for?"""
    generator = torch.Generator().manual_seed(0)
    own = torch.rand(u.shape, generator=generator, dtype=u.dtype)
    return finished(draft, q, p, u_last, first_ones(own < ratios(draft, q, p)))


# how many, and what follows them


@replaces("verify")
def goes_on_after_rejection(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You also count accepted drafts after a rejected one. Which text do they continue?"""
    return finished(draft, q, p, u_last, (u < ratios(draft, q, p)).sum(-1))


@replaces("verify")
def no_false_no_end(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Where every draft passes you accept none. What do argmin and argmax return for a row in which all values are
    equal?"""
    return finished(draft, q, p, u_last, (u < ratios(draft, q, p)).int().argmin(-1))


@replaces("verify", where=["first to stop", "last to stop", "first row"])
def whole_batch_stops(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, where: str
) -> tuple[Tensor, Tensor]:
    """All rows accept as many drafts as one of them, the {where}. Over which axis does your code look for the end of a
    row?"""
    n = first_ones(u < ratios(draft, q, p))
    one = {"first to stop": n.min(), "last to stop": n.max()}.get(where, n[0])
    return finished(draft, q, p, u_last, one.expand(len(n)).clone())


@replaces("verify")
def never_the_whole_draft(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You accept at most G − 1 drafts. What keeps a row from accepting all of them?"""
    n = first_ones(u < ratios(draft, q, p)).clamp(max=draft.shape[1] - 1)
    return finished(draft, q, p, u_last, n)


@replaces("verify", what=["all new tokens", "the drafts that are thrown away"])
def counts_something_else(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, what: str
) -> tuple[Tensor, Tensor]:
    """Your second result counts {what}. What does the docstring count?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return tokens, n + 1 if what == "all new tokens" else draft.shape[1] - n


@replaces("verify", which=["tokens", "accepted"], dtype=[torch.float64, torch.int32])
def another_dtype(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, which: str, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Of your two results, {which} is {dtype}. Which dtype does the docstring ask for?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return (tokens.to(dtype), n) if which == "tokens" else (tokens, n.to(dtype))


@replaces("verify", source=["p", "q", "what q has beyond p"])
def replaced_from_something_else(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, source: str
) -> tuple[Tensor, Tensor]:
    """A rejected draft is replaced by a token from {source}. If accepted drafts bring min(p, q) already, what is still
    missing from p?"""
    n = first_ones(u < ratios(draft, q, p))
    at_drafts = {"p": p[:, :-1], "q": q}.get(source, residual(q, p[:, :-1]))
    return placed(draft, n, draw(row(torch.cat([at_drafts, p[:, -1:]], 1), n), u_last)), n


@replaces("verify", place=["after", "before"])
def replaced_at_another_place(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, place: str
) -> tuple[Tensor, Tensor]:
    """The replacement comes from the distribution of the place {place} the rejected draft. If n drafts are accepted,
    which number does the first one have that is not?"""
    n, G = first_ones(u < ratios(draft, q, p)), draft.shape[1]
    other = (n + 1).clamp(max=G) if place == "after" else torch.where(n < G, (n - 1).clamp(min=0), n)
    return placed(draft, n, draw(row(stacked(q, p), other), u_last)), n


@replaces("verify")
def replaces_by_the_best(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Your last token is the most probable one of its distribution, whatever u_last is. How does a draw become a
    token?"""
    n = first_ones(u < ratios(draft, q, p))
    return placed(draft, n, row(stacked(q, p), n).argmax(-1)), n


@replaces("verify")
def rest_not_divided(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You draw from max(p − q, 0) as it is. What do its cumulative sums end at, and what do those of a distribution end
    at?"""
    n = first_ones(u < ratios(draft, q, p))
    after = torch.cat([(p[:, :-1] - q).clamp(min=0), p[:, -1:]], dim=1)
    return placed(draft, n, draw(row(after, n), u_last)), n


@replaces("verify", source=["p[:, G − 1]", "a residual of p[:, G]", "the residual of the last draft", "the last q"])
def bonus_from_something_else(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, source: str
) -> tuple[Tensor, Tensor]:
    """If all drafts are accepted, your last token comes from {source}. Which distribution has seen the last draft, and
    was a draft made from q at this place?"""
    n = first_ones(u < ratios(draft, q, p))
    rest = residual(p[:, :-1], q)
    after_all = {
        "p[:, G − 1]": p[:, -2:-1],
        "a residual of p[:, G]": residual(p[:, -1:], q[:, -1:]),
        "the residual of the last draft": rest[:, -1:],
        "the last q": q[:, -1:],
    }
    return placed(draft, n, draw(row(torch.cat([rest, after_all[source]], dim=1), n), u_last)), n


@replaces("verify")
def no_bonus(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """If all drafts are accepted you add no token. What has the large model computed behind the last draft?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return torch.cat([tokens[:, :-1], torch.full_like(tokens[:, -1:], -1)], dim=1), n


# the draw


@replaces("verify")
def cdf_ge(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """With u_last = 0 you pick a token of probability 0. Must the cumulative probability reach u_last, or exceed it?"""
    n = first_ones(u < ratios(draft, q, p))
    probs = row(stacked(q, p), n)
    token = (probs.cumsum(-1) < u_last[:, None]).sum(-1)
    return placed(draft, n, torch.minimum(token, (probs > 0).long().cumsum(-1).argmax(-1))), n


@replaces("verify")
def one_past_the_end(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Where no cumulative sum exceeds u_last, your token is V, which does not exist. Which token does the docstring
    want there?"""
    n = first_ones(u < ratios(draft, q, p))
    return placed(draft, n, (row(stacked(q, p), n).cumsum(-1) <= u_last[:, None]).sum(-1)), n


@replaces("verify")
def last_of_the_vocabulary(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Where no cumulative sum exceeds u_last, you pick the last token of the vocabulary. May its probability be 0?"""
    n = first_ones(u < ratios(draft, q, p))
    probs = row(stacked(q, p), n)
    return placed(draft, n, (probs.cumsum(-1) <= u_last[:, None]).sum(-1).clamp(max=probs.shape[-1] - 1)), n


@replaces("verify")
def first_if_none_exceeds(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Where no cumulative sum exceeds u_last, you pick token 0. What does argmax return if nothing is True, and which
    token belongs to the largest draws?"""
    n = first_ones(u < ratios(draft, q, p))
    return placed(draft, n, (row(stacked(q, p), n).cumsum(-1) > u_last[:, None]).int().argmax(-1)), n


@replaces("verify")
def draw_used_twice(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """For the replacement you use the draw that rejected the draft a second time. Can such a u be small, and which draw
    is meant for the last token?"""
    n = first_ones(u < ratios(draft, q, p))
    again = torch.cat([u, u_last[:, None]], dim=1).gather(1, n[:, None])[:, 0]
    return placed(draft, n, draw(row(stacked(q, p), n), again)), n


@replaces("verify", row_of_u=["first", "last"])
def one_last_draw_for_all(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, row_of_u: str
) -> tuple[Tensor, Tensor]:
    """All rows draw their last token with the u_last of the {row_of_u} row. How many numbers does u_last have?"""
    n = first_ones(u < ratios(draft, q, p))
    own = u_last[:1] if row_of_u == "first" else u_last[-1:]
    return placed(draft, n, draw(row(stacked(q, p), n), own.expand(len(n)))), n


@replaces(
    "verify",
    order=["from the largest to the smallest", "from the smallest to the largest", "from the last to the first"],
)
def another_order(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, order: str
) -> tuple[Tensor, Tensor]:
    """You add up the probabilities of the last token {order}. That draws from the same distribution, but gives another
    token for the same u_last: which order does the docstring mean?"""
    n = first_ones(u < ratios(draft, q, p))
    probs = row(stacked(q, p), n)
    ordered, places = probs.sort(dim=-1, descending=order.startswith("from the large"), stable=True)
    if order.startswith("from the last"):
        ordered, places = probs.flip(-1), torch.arange(probs.shape[-1]).flip(0).expand_as(probs)
    return placed(draft, n, places.gather(-1, draw(ordered, u_last)[:, None])[:, 0]), n


# where tokens stand


@replaces("verify")
def keeps_the_rejected_tail(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """After the last token of a row your result still has drafts. What does the docstring want there?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return torch.where(torch.arange(tokens.shape[1]) > n[:, None], F.pad(draft, (0, 1), value=-1), tokens), n


@replaces("verify")
def keeps_the_rejected_one(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """The rejected draft is still in your text, and its replacement comes after it. What does a replacement replace?"""
    _, n = verify(draft, q, p, u, u_last)
    last = draw(row(stacked(q, p), n), u_last)
    return placed(draft, (n + 1).clamp(max=draft.shape[1]), last), n


@replaces("verify", filler=[0, -100, 1])
def another_filler(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor, *, filler: int
) -> tuple[Tensor, Tensor]:
    """After the last token of a row you have {filler}. Which number does the docstring want there?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return tokens.masked_fill(torch.arange(tokens.shape[1]) > n[:, None], filler), n


@replaces("verify")
def last_token_in_the_last_column(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor
) -> tuple[Tensor, Tensor]:
    """The token of the large model is always in column G, with a gap before it where a draft was rejected. Where does
    the text of a row go on?"""
    _, n = verify(draft, q, p, u, u_last)
    last = draw(row(stacked(q, p), n), u_last)
    kept = draft.masked_fill(torch.arange(draft.shape[1]) >= n[:, None], -1)
    return torch.cat([kept, last[:, None]], dim=1), n


@replaces("verify")
def without_the_last_token(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Your result has the accepted drafts and nothing else, so a step may give no token at all. Which token follows the
    accepted ones?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return tokens.masked_fill(torch.arange(tokens.shape[1]) >= n[:, None], -1), n


# the mean


@replaces("expected_tokens")
def counts_accepted_only(alpha: float, gamma: int) -> float:
    """You count accepted drafts. Which token does a step give even if every draft fails?"""
    return expected_tokens(alpha, gamma) - 1


@replaces("expected_tokens")
def formula_cancels(alpha: float, gamma: int) -> float:
    """Just below α = 1 your result loses digits. What happens to digits in a difference of two numbers that are nearly
    equal, and which sum does the formula stand for?"""
    return gamma + 1.0 if alpha == 1 else (1 - alpha ** (gamma + 1)) / (1 - alpha)


@replaces("expected_tokens", distance=["1e-6", "1e-8", "1e-9"])
def near_one_is_one(alpha: float, gamma: int, *, distance: str) -> float:
    """If α is within {distance} of 1 you return G + 1. How much less is the exact value, and is there a form that needs
    no special case?"""
    return gamma + 1.0 if 1 - alpha < float(distance) else expected_tokens(alpha, gamma)


@replaces("expected_tokens")
def divides_by_zero(alpha: float, gamma: int) -> float:
    """For α = 1 the formula divides 0 by 0. How many tokens does a step give if every draft is accepted?"""
    return expected_tokens(alpha, gamma) * (1 - alpha) / (1 - alpha)


@replaces("expected_tokens", value=["G", "1", "0", "infinity"])
def another_limit(alpha: float, gamma: int, *, value: str) -> float:
    """For α = 1 you return {value}. How many tokens does a step give if every draft is accepted?"""
    limits = {"G": float(gamma), "1": 1.0, "0": 0.0, "infinity": float("inf")}
    return limits[value] if alpha == 1 else expected_tokens(alpha, gamma)


@replaces("expected_tokens", terms=["G", "G + 2"])
def another_number_of_terms(alpha: float, gamma: int, *, terms: str) -> float:
    """Your sum has {terms} terms. With G = 1 a step gives one token or two: what is the mean?"""
    return float(sum(alpha**i for i in range(gamma if terms == "G" else gamma + 2)))


@replaces("expected_tokens")
def each_on_its_own(alpha: float, gamma: int) -> float:
    """You return 1 + G α, as if a draft could be accepted after a rejected one. What is the probability that draft i is
    kept?"""
    return 1 + gamma * alpha


@replaces("expected_tokens")
def without_end(alpha: float, gamma: int) -> float:
    """You return 1/(1 − α), the mean if drafts never ended. How many drafts are there?"""
    return gamma + 1.0 if alpha == 1 else 1 / (1 - alpha)


@replaces("expected_tokens")
def all_or_nothing(alpha: float, gamma: int) -> float:
    """You count all G drafts or none. What does a step give if only the first two pass?"""
    return 1 + gamma * alpha**gamma


@replaces("expected_tokens")
def rejections_for_acceptances(alpha: float, gamma: int) -> float:
    """Your powers are those of 1 − α. What is the probability that the first two drafts are both accepted?"""
    return float(sum((1 - alpha) ** i for i in range(gamma + 1)))


@replaces("expected_tokens")
def mean_in_float32(alpha: float, gamma: int) -> float:
    """Your number is only as precise as float32. Of which type are alpha and the result?"""
    powers = torch.tensor(alpha, dtype=torch.float32) ** torch.arange(gamma + 1)
    return powers.sum().item()


@replaces("expected_tokens")
def whole_tokens(alpha: float, gamma: int) -> float:
    """You return a whole number. Does a mean have to be whole?"""
    return float(round(expected_tokens(alpha, gamma)))
