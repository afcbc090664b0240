"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from speculative_decoding import expected_tokens, residual, verify
from torch import Tensor

from grader.testing import replaces

# the acceptance rate


@replaces("acceptance_rate")
def rejection_rate(p: Tensor, q: Tensor) -> Tensor:
    """You computed half the sum of |p − q|: the probability that a draft is rejected. What is left of 1?"""
    return (p - q).abs().sum(-1) / 2


@replaces("acceptance_rate")
def without_half(p: Tensor, q: Tensor) -> Tensor:
    """You took the whole sum of |p − q| from 1. Where p has more than q, q has less elsewhere: how often does that sum
    count each difference?"""
    return 1 - (p - q).abs().sum(-1)


@replaces("acceptance_rate")
def mean_over_the_vocabulary(p: Tensor, q: Tensor) -> Tensor:
    """All tokens of the vocabulary weigh the same in your mean. Which tokens are drafted often, and which never?"""
    return torch.where(q > 0, (p / q).clamp(max=1), 1.0).mean(-1).to(p.dtype)


@replaces("acceptance_rate")
def nan_over_the_vocabulary(p: Tensor, q: Tensor) -> Tensor:
    """All tokens of the vocabulary weigh the same in your mean, and one that neither model can draw is 0/0. Which
    tokens are drafted often, and which never?"""
    return (p / q).clamp(max=1).mean(-1)


@replaces("acceptance_rate")
def mean_under_p(p: Tensor, q: Tensor) -> Tensor:
    """Your mean of min(1, p/q) is over tokens from p. Which of the two models draws the draft?"""
    return (p * torch.where(q > 0, p / q, 1.0).clamp(max=1)).sum(-1)


@replaces("acceptance_rate")
def zero_over_zero(p: Tensor, q: Tensor) -> Tensor:
    """A token that has the probability 0 in p and in q makes your rate NaN. Can q(x) min(1, p(x)/q(x)) be written
    without a division?"""
    return (q * (p / q).clamp(max=1)).sum(-1)


@replaces("acceptance_rate")
def not_capped(p: Tensor, q: Tensor) -> Tensor:
    """Your ratios p/q are not cut off at 1, and q · p/q adds up to all of p. With which probability is a token
    accepted that p likes more than q does?"""
    return torch.where(q > 0, p, 0.0).sum(-1)


@replaces("acceptance_rate")
def both_draw_the_same(p: Tensor, q: Tensor) -> Tensor:
    """You computed Σ p q, the probability that two models which draw on their own draw the same token. A draft is
    accepted more often than that: what is compared with u?"""
    return (p * q).sum(-1)


@replaces("acceptance_rate")
def where_p_is_larger(p: Tensor, q: Tensor) -> Tensor:
    """You count drafts only where p is at least q. What becomes of a draft whose p is a little below its q?"""
    return torch.where(p >= q, q, 0.0).sum(-1)


@replaces("acceptance_rate")
def geometric_mean(p: Tensor, q: Tensor) -> Tensor:
    """You summed √(p q), which is another measure of how two distributions overlap. What is q · min(1, p/q), for a
    token with p above q, and for one with p below?"""
    return (p * q).sqrt().sum(-1)


@replaces("acceptance_rate")
def larger_of_both(p: Tensor, q: Tensor) -> Tensor:
    """You summed the larger of p and q, which gives more than 1. Which of the two is q · min(1, p/q)?"""
    return torch.maximum(p, q).sum(-1)


@replaces("acceptance_rate")
def same_favourite(p: Tensor, q: Tensor) -> Tensor:
    """Your rate is 1 where both models have the same most probable token, and 0 elsewhere. Is a draft always the most
    probable token of q?"""
    return (p.argmax(-1) == q.argmax(-1)).to(p.dtype)


@replaces("acceptance_rate")
def one_rate_for_all(p: Tensor, q: Tensor) -> Tensor:
    """You summed over all axes. Each row is a pair of distributions of its own: on which axis do the tokens lie?"""
    return torch.minimum(p, q).sum()


@replaces("acceptance_rate")
def over_the_first_axis(p: Tensor, q: Tensor) -> Tensor:
    """You summed over the first axis, which is right for a single row only. Which axis is it that always has the
    tokens?"""
    return torch.minimum(p, q).sum(0)


@replaces("acceptance_rate")
def rate_in_float32(p: Tensor, q: Tensor) -> Tensor:
    """Your rate is float32 whatever p is. In which dtype does the docstring want it?"""
    return torch.minimum(p.float(), q.float()).sum(-1)


# the residual


@replaces("residual")
def residual_abs(p: Tensor, q: Tensor) -> Tensor:
    """Your residual also has tokens of which q has too much. The replacement supplies what the draft lacks: where is p
    − q above 0?"""
    left = (p - q).abs()
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / total, p)


@replaces("residual")
def residual_swapped(p: Tensor, q: Tensor) -> Tensor:
    """Your residual is what q has beyond p. Those tokens were drafted too often already: which ones were drafted too
    rarely?"""
    left = (q - p).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / total, p)


@replaces("residual")
def residual_nan(p: Tensor, q: Tensor) -> Tensor:
    """Where p and q are equal nothing is left, and you divide by zero. Such a draft is never rejected, but the row is
    in the batch: what does the docstring put there?"""
    left = (p - q).clamp(min=0)
    return left / left.sum(-1, keepdim=True)


@replaces("residual")
def not_divided(p: Tensor, q: Tensor) -> Tensor:
    """Your rows do not add up to 1. By what is max(p − q, 0) divided?"""
    left = (p - q).clamp(min=0)
    return torch.where(left.sum(-1, keepdim=True) > 0, left, p)


@replaces("residual")
def softmax_of_the_rest(p: Tensor, q: Tensor) -> Tensor:
    """You took a softmax of max(p − q, 0), and exp(0) is 1: tokens that q has enough of come again. What makes numbers
    that are not negative add up to 1, without an exponential?"""
    return torch.where((p == q).all(-1, keepdim=True), p, (p - q).clamp(min=0).softmax(-1))


@replaces("residual")
def not_clipped(p: Tensor, q: Tensor) -> Tensor:
    """Your residual has negative probabilities. What stands in it where q is above p?"""
    left = p - q
    return torch.where((p == q).all(-1, keepdim=True), p, left / left.clamp(min=0).sum(-1, keepdim=True))


@replaces("residual")
def clipped_afterwards(p: Tensor, q: Tensor) -> Tensor:
    """You divided first and cut off the negative part then. The sum of p − q is 0 up to rounding: of what does the
    divisor have to be the sum?"""
    left = p - q
    return torch.where((p == q).all(-1, keepdim=True), p, (left / left.abs().sum(-1, keepdim=True)).clamp(min=0))


@replaces("residual")
def p_where_it_is_larger(p: Tensor, q: Tensor) -> Tensor:
    """Your residual has all of p where p is above q. Which part of it was served already by drafts that were
    accepted?"""
    left = torch.where(p > q, p, 0.0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / total, p)


@replaces("residual")
def ratio_beyond_one(p: Tensor, q: Tensor) -> Tensor:
    """You weigh tokens by how many times p is above q. It is the difference that is lacking: how much probability does
    each token still need?"""
    left = torch.where(q > 0, p / q - 1, p * 1e6).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / total, p)


@replaces("residual")
def what_was_accepted(p: Tensor, q: Tensor) -> Tensor:
    """You return min(p, q), divided by its sum: the distribution of accepted drafts. What must be added to min(p, q)
    to get p?"""
    both = torch.minimum(p, q)
    total = both.sum(-1, keepdim=True)
    return torch.where(total > 0, both / total, p)


@replaces("residual")
def uniform_where_equal(p: Tensor, q: Tensor) -> Tensor:
    """Where p and q are equal your row is the same for all tokens. What does the docstring say of such a row?"""
    left = (p - q).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / total, 1 / p.shape[-1])


@replaces("residual")
def zeros_where_equal(p: Tensor, q: Tensor) -> Tensor:
    """Where p and q are equal your row has only zeros, which is no distribution. What does the docstring say of such a
    row?"""
    left = (p - q).clamp(min=0)
    return left / left.sum(-1, keepdim=True).clamp(min=1e-12)


@replaces("residual")
def small_number_in_the_divisor(p: Tensor, q: Tensor) -> Tensor:
    """A small number in your divisor makes the rows add up to a little less than 1. Which rows need help at all?"""
    left = (p - q).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / (total + 1e-6), p)


@replaces("residual")
def one_equal_row_for_all(p: Tensor, q: Tensor) -> Tensor:
    """As soon as one row has p equal to q you return p for all rows. Each row is a case of its own."""
    left = (p - q).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return p.clone() if (total == 0).any() else left / total


@replaces("residual")
def only_if_all_are_equal(p: Tensor, q: Tensor) -> Tensor:
    """You return p only if all rows are equal, and a single equal row becomes NaN beside others. Where is it decided
    which row has something left?"""
    left = (p - q).clamp(min=0)
    return p.clone() if torch.equal(p, q) else left / left.sum(-1, keepdim=True)


@replaces("residual")
def sum_of_the_batch(p: Tensor, q: Tensor) -> Tensor:
    """You divided by the sum of the whole tensor. Each row is a distribution of its own: over which axis does a row
    add up?"""
    left = (p - q).clamp(min=0)
    return torch.where(left.sum(-1, keepdim=True) > 0, left / left.sum(), p)


@replaces("residual")
def little_is_nothing(p: Tensor, q: Tensor) -> Tensor:
    """Where p and q are nearly equal you return p. What is left there is small, and still it is all that the draft
    lacks: in which case alone is nothing left?"""
    left = (p - q).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0.01, left / total, p)


@replaces("residual")
def residual_in_float32(p: Tensor, q: Tensor) -> Tensor:
    """You compute in float32 whatever p is, and a small difference keeps few of its digits. Which dtype have p and
    q?"""
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
    """You accept with probability q/p. A token that the small model likes too much has to be accepted less often:
    which of the two stands below?"""
    return finished(draft, q, p, u_last, first_ones(u < 1 / ratios(draft, q, p)))


@replaces("verify")
def turned_comparison(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You accept where u is above p/q. For how many u does that hold if the ratio is 1?"""
    return finished(draft, q, p, u_last, first_ones(u > ratios(draft, q, p)))


@replaces("verify")
def accepts_at_equality(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """With u = 0 you accept a draft whose p is 0. A u from [0, 1) is *below* a ratio with just that probability."""
    return finished(draft, q, p, u_last, first_ones(u <= ratios(draft, q, p)))


@replaces("verify")
def compared_with_p(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You accept with probability p(x). The draft was drawn from q, and what q draws often needs less help: by what is
    p(x) divided?"""
    return finished(draft, q, p, u_last, first_ones(u < at_draft(p[:, :-1], draft)))


@replaces("verify")
def surely_or_with_p(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You accept for sure where p is at least q, and else with probability p(x). A draft comes with probability q(x)
    already: by what is that to be multiplied, so that p(x) is the result?"""
    p_draft = at_draft(p[:, :-1], draft)
    return finished(draft, q, p, u_last, first_ones((p_draft >= at_draft(q, draft)) | (u < p_draft)))


@replaces("verify")
def only_where_p_is_larger(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You accept a draft exactly if p is at least q, and u has no say. What about a draft whose p is half its q?"""
    return finished(draft, q, p, u_last, first_ones(at_draft(p[:, :-1], draft) >= at_draft(q, draft)))


@replaces("verify")
def greedy_match(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You accept a draft if it is the most probable token of p. That is right where p has a single possible token, and
    nowhere else: which number has to decide?"""
    return finished(draft, q, p, u_last, first_ones(p[:, :-1].argmax(-1) == draft))


@replaces("verify")
def judged_by_the_next(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You judge each draft by the row of p that comes after it. p[:, i] is the model's distribution after the drafts
    *before* i: has it seen draft i?"""
    return finished(draft, q, p, u_last, first_ones(u < at_draft(p[:, 1:], draft) / at_draft(q, draft)))


@replaces("verify")
def ratio_of_the_best(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You divide by the largest probability of q, and not by that of the draft. With which probability was this draft
    drawn?"""
    return finished(draft, q, p, u_last, first_ones(u < at_draft(p[:, :-1], draft) / q.amax(-1)))


@replaces("verify")
def ratio_of_products(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You compare u with the product of all ratios so far. The drafts before were decided by draws of their own: what
    is left to decide at draft i?"""
    return finished(draft, q, p, u_last, first_ones(u < ratios(draft, q, p).clamp(max=1).cumprod(-1)))


@replaces("verify")
def one_draw_for_all(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You use the first draw of a row for all of its drafts. Decisions that share a draw depend on one another: how
    many columns has u?"""
    return finished(draft, q, p, u_last, first_ones(u[:, :1] < ratios(draft, q, p)))


@replaces("verify")
def draws_by_itself(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You draw random numbers yourself, and the result is another one than with those that you were given. What are u
    and u_last for?"""
    generator = torch.Generator().manual_seed(0)
    own = torch.rand(u.shape, generator=generator, dtype=u.dtype)
    return finished(draft, q, p, u_last, first_ones(own < ratios(draft, q, p)))


# how many, and what follows them


@replaces("verify")
def goes_on_after_rejection(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You count accepted drafts behind a rejected one. They continue a text that no longer exists: where does the
    count stop?"""
    return finished(draft, q, p, u_last, (u < ratios(draft, q, p)).sum(-1))


@replaces("verify")
def no_false_no_end(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Where every draft passes you accept none: argmin and argmax return 0 if all values are equal. How does a row
    look in which nothing is rejected?"""
    return finished(draft, q, p, u_last, (u < ratios(draft, q, p)).int().argmin(-1))


@replaces("verify")
def whole_batch_stops(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """All rows stop where the first of them does. Each text has its own count: which axis does the minimum run
    over?"""
    n = first_ones(u < ratios(draft, q, p))
    return finished(draft, q, p, u_last, n.min().expand(len(n)).clone())


@replaces("verify")
def never_the_whole_draft(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You accept at most G − 1 drafts. What keeps a row from accepting all of them?"""
    n = first_ones(u < ratios(draft, q, p)).clamp(max=draft.shape[1] - 1)
    return finished(draft, q, p, u_last, n)


@replaces("verify")
def counts_new_tokens(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Your second result counts all new tokens. How many of them are drafts?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return tokens, n + 1


@replaces("verify")
def counts_the_rejected(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Your second result counts the drafts that are thrown away. How many are kept?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return tokens, draft.shape[1] - n


@replaces("verify")
def count_of_floats(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Your count of accepted drafts is floating point. Which dtype has a count?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return tokens, n.to(q.dtype)


@replaces("verify")
def replaces_from_p(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """A rejected draft is replaced by a draw from p, and then tokens that q likes come too often. Which part of p was
    served already by drafts that were accepted?"""
    n = first_ones(u < ratios(draft, q, p))
    return placed(draft, n, draw(row(p, n), u_last)), n


@replaces("verify")
def replaces_from_q(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """A rejected draft is replaced by another draw from the small model. Who tells this token what the large model
    wants?"""
    n = first_ones(u < ratios(draft, q, p))
    return placed(draft, n, draw(row(torch.cat([q, p[:, -1:]], 1), n), u_last)), n


@replaces("verify")
def replaces_from_the_other_rest(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor
) -> tuple[Tensor, Tensor]:
    """A rejected draft is replaced from what q has beyond p. In which order does residual take its arguments?"""
    n = first_ones(u < ratios(draft, q, p))
    return placed(draft, n, draw(row(torch.cat([residual(q, p[:, :-1]), p[:, -1:]], 1), n), u_last)), n


@replaces("verify")
def replaces_one_too_far(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """The replacement comes from the residual of the draft behind the rejected one. If n drafts are accepted, which
    one is the first that is not?"""
    n = first_ones(u < ratios(draft, q, p))
    after = stacked(q, p)
    return placed(draft, n, draw(row(after, (n + 1).clamp(max=draft.shape[1])), u_last)), n


@replaces("verify")
def replaces_one_too_early(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """The replacement comes from the residual of the last draft that was accepted. Which draft does it replace?"""
    n = first_ones(u < ratios(draft, q, p))
    G = draft.shape[1]
    return placed(draft, n, draw(row(stacked(q, p), torch.where(n < G, (n - 1).clamp(min=0), n)), u_last)), n


@replaces("verify")
def replaces_by_the_best(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """The last token is the most probable one of its distribution, whatever u_last is. How does a draw become a
    token?"""
    n = first_ones(u < ratios(draft, q, p))
    return placed(draft, n, row(stacked(q, p), n).argmax(-1)), n


@replaces("verify")
def rest_not_divided(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You draw from max(p − q, 0) as it is, whose sum is less than 1: with a large u_last it always gives its last
    token. What is missing before u_last can be compared with cumulative sums?"""
    n = first_ones(u < ratios(draft, q, p))
    after = torch.cat([(p[:, :-1] - q).clamp(min=0), p[:, -1:]], dim=1)
    return placed(draft, n, draw(row(after, n), u_last)), n


@replaces("verify")
def bonus_from_last_draft(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """The token after all drafts comes from the distribution in front of the last one. Which row of p has seen the
    last draft?"""
    n = first_ones(u < ratios(draft, q, p))
    after = torch.cat([residual(p[:, :-1], q), p[:, -2:-1]], dim=1)
    return placed(draft, n, draw(row(after, n), u_last)), n


@replaces("verify")
def bonus_from_a_residual(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """The token after all drafts comes from a residual. No draft was made at this place: is there anything to take off
    from p?"""
    n = first_ones(u < ratios(draft, q, p))
    after = torch.cat([residual(p[:, :-1], q), residual(p[:, -1:], q[:, -1:])], dim=1)
    return placed(draft, n, draw(row(after, n), u_last)), n


@replaces("verify")
def bonus_from_the_last_residual(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor
) -> tuple[Tensor, Tensor]:
    """The token after all drafts comes from the residual of the last draft, as if that had been rejected. Which row of
    p has seen the last draft?"""
    n = first_ones(u < ratios(draft, q, p))
    after = stacked(q, p)
    return placed(draft, n, draw(row(after, n.clamp(max=draft.shape[1] - 1)), u_last)), n


@replaces("verify")
def bonus_from_q(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """The token after all drafts comes from the small model. Which model has the last word, and which row of it has
    seen the last draft?"""
    n = first_ones(u < ratios(draft, q, p))
    after = torch.cat([residual(p[:, :-1], q), q[:, -1:]], dim=1)
    return placed(draft, n, draw(row(after, n), u_last)), n


@replaces("verify")
def no_bonus(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """If all drafts are accepted you add no token. The large model has seen the last draft as well: what has it
    computed behind it?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return torch.cat([tokens[:, :-1], torch.full_like(tokens[:, -1:], -1)], dim=1), n


# the draw


@replaces("verify")
def cdf_ge(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """With u_last = 0 you pick a token of probability 0. Must the cumulative probability reach u_last, or exceed
    it?"""
    n = first_ones(u < ratios(draft, q, p))
    probs = row(stacked(q, p), n)
    token = (probs.cumsum(-1) < u_last[:, None]).sum(-1)
    return placed(draft, n, torch.minimum(token, (probs > 0).long().cumsum(-1).argmax(-1))), n


@replaces("verify")
def one_past_the_end(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Where rounding leaves a sum at or below u_last your token is V, which does not exist. Which token does the
    docstring want there?"""
    n = first_ones(u < ratios(draft, q, p))
    return placed(draft, n, (row(stacked(q, p), n).cumsum(-1) <= u_last[:, None]).sum(-1)), n


@replaces("verify")
def last_of_the_vocabulary(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Where rounding leaves a sum at or below u_last you pick the last token of the vocabulary, even if its
    probability is 0. Which one is the last that is possible?"""
    n = first_ones(u < ratios(draft, q, p))
    probs = row(stacked(q, p), n)
    return placed(draft, n, (probs.cumsum(-1) <= u_last[:, None]).sum(-1).clamp(max=probs.shape[-1] - 1)), n


@replaces("verify")
def first_if_none_exceeds(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Where no cumulative sum exceeds u_last you pick token 0: argmax returns 0 if nothing is True. Which token
    belongs to the largest draws?"""
    n = first_ones(u < ratios(draft, q, p))
    return placed(draft, n, (row(stacked(q, p), n).cumsum(-1) > u_last[:, None]).int().argmax(-1)), n


@replaces("verify")
def draw_used_twice(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """For the replacement you use again the draw that rejected the draft. Such a u is never small, so the first tokens
    come too rarely: which draw is meant for the last token?"""
    n = first_ones(u < ratios(draft, q, p))
    again = torch.cat([u, u_last[:, None]], dim=1).gather(1, n[:, None])[:, 0]
    return placed(draft, n, draw(row(stacked(q, p), n), again)), n


@replaces("verify")
def one_last_draw_for_all(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """All rows draw their last token with the u_last of the first row. How many numbers does u_last have?"""
    n = first_ones(u < ratios(draft, q, p))
    return placed(draft, n, draw(row(stacked(q, p), n), u_last[:1].expand(len(n)))), n


@replaces("verify")
def largest_first(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """You add up the probabilities of the last token in falling order. That draws from the same distribution, and gives
    another token for the same u_last: in which order does the docstring add them up?"""
    n = first_ones(u < ratios(draft, q, p))
    ordered, order = row(stacked(q, p), n).sort(dim=-1, descending=True, stable=True)
    return placed(draft, n, order.gather(-1, draw(ordered, u_last)[:, None])[:, 0]), n


# where tokens stand


@replaces("verify")
def keeps_the_rejected_tail(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Behind the last token of a row your result still has drafts. What does the docstring put there?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return torch.where(torch.arange(tokens.shape[1]) > n[:, None], F.pad(draft, (0, 1), value=-1), tokens), n


@replaces("verify")
def keeps_the_rejected_one(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """The rejected draft is still in your text, and its replacement stands behind it. In whose place does a
    replacement stand?"""
    _, n = verify(draft, q, p, u, u_last)
    last = draw(row(stacked(q, p), n), u_last)
    return placed(draft, (n + 1).clamp(max=draft.shape[1]), last), n


@replaces("verify")
def zeros_behind(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Behind the last token of a row stands 0, which is a token like any other. Which number is none?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return tokens.masked_fill(torch.arange(tokens.shape[1]) > n[:, None], 0), n


@replaces("verify")
def last_token_in_the_last_column(
    draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor
) -> tuple[Tensor, Tensor]:
    """The token of the large model always stands in column G, with a gap in front of it where a draft was rejected.
    Where does the text of a row go on?"""
    _, n = verify(draft, q, p, u, u_last)
    last = draw(row(stacked(q, p), n), u_last)
    kept = draft.masked_fill(torch.arange(draft.shape[1]) >= n[:, None], -1)
    return torch.cat([kept, last[:, None]], dim=1), n


@replaces("verify")
def without_the_last_token(draft: Tensor, q: Tensor, p: Tensor, u: Tensor, u_last: Tensor) -> tuple[Tensor, Tensor]:
    """Your result has the accepted drafts and nothing else: a step in which the first draft fails gives no token at
    all. Who writes the token in its place?"""
    tokens, n = verify(draft, q, p, u, u_last)
    return tokens.masked_fill(torch.arange(tokens.shape[1]) >= n[:, None], -1), n


# the mean


@replaces("expected_tokens")
def counts_accepted_only(alpha: float, gamma: int) -> float:
    """You count accepted drafts. Which token does a step give even if every draft fails?"""
    return expected_tokens(alpha, gamma) - 1


@replaces("expected_tokens")
def formula_cancels(alpha: float, gamma: int) -> float:
    """Just below α = 1 your result loses digits, since 1 − α^(G+1) is a difference of two numbers that are nearly
    equal. Which sum does the formula stand for?"""
    return gamma + 1.0 if alpha == 1 else (1 - alpha ** (gamma + 1)) / (1 - alpha)


@replaces("expected_tokens")
def near_one_is_one(alpha: float, gamma: int) -> float:
    """For α near 1 you return G + 1. The exact value is less by about G (G + 1) / 2 times the distance: is there a
    form that needs no special case?"""
    return gamma + 1.0 if 1 - alpha < 1e-9 else expected_tokens(alpha, gamma)


@replaces("expected_tokens")
def divides_by_zero(alpha: float, gamma: int) -> float:
    """For α = 1 you divide 0 by 0. How many tokens does a step give if every draft is accepted?"""
    if alpha == 1:
        raise ZeroDivisionError("float division by zero")
    return expected_tokens(alpha, gamma)


@replaces("expected_tokens")
def limit_without_bonus(alpha: float, gamma: int) -> float:
    """For α = 1 you return G. If all drafts are accepted, what does the large model add?"""
    return float(gamma) if alpha == 1 else expected_tokens(alpha, gamma)


@replaces("expected_tokens")
def one_power_less(alpha: float, gamma: int) -> float:
    """Your sum has G terms. With G = 1 a step gives one token or two: what is the mean?"""
    return float(sum(alpha**i for i in range(gamma)))


@replaces("expected_tokens")
def one_power_more(alpha: float, gamma: int) -> float:
    """Your sum has G + 2 terms. How many tokens are there at most?"""
    return float(sum(alpha**i for i in range(gamma + 2)))


@replaces("expected_tokens")
def each_on_its_own(alpha: float, gamma: int) -> float:
    """You return 1 + G α, as if a draft could be accepted behind a rejected one. What is the probability that draft i
    is kept?"""
    return 1 + gamma * alpha


@replaces("expected_tokens")
def without_end(alpha: float, gamma: int) -> float:
    """You return 1/(1 − α), the mean number if drafts never ended. How many are there?"""
    return gamma + 1.0 if alpha == 1 else 1 / (1 - alpha)


@replaces("expected_tokens")
def all_or_nothing(alpha: float, gamma: int) -> float:
    """You count G drafts if all are accepted, and none otherwise. What does a step give if only the first two pass?"""
    return 1 + gamma * alpha**gamma


@replaces("expected_tokens")
def rejections_for_acceptances(alpha: float, gamma: int) -> float:
    """Your powers are those of 1 − α. What is the probability that the first two drafts are both accepted?"""
    return float(sum((1 - alpha) ** i for i in range(gamma + 1)))


@replaces("expected_tokens")
def mean_in_float32(alpha: float, gamma: int) -> float:
    """Your number has been rounded to float32 on its way. Which type do alpha and the result have?"""
    powers = torch.tensor(alpha, dtype=torch.float32) ** torch.arange(gamma + 1)
    return powers.sum().item()


@replaces("expected_tokens")
def whole_tokens(alpha: float, gamma: int) -> float:
    """You return a whole number. Is a mean one?"""
    return float(round(expected_tokens(alpha, gamma)))
