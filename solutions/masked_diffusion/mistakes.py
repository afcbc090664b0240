"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import itertools

import torch
from masked_diffusion import diffusion_loss, unmask_schedule
from torch import Tensor

from grader.testing import replaces

# how text is masked


@replaces("mask_tokens")
def one_time_for_all(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """The whole batch is masked at the time of its first text. How many times are in t?"""
    return torch.where(u < t[0], mask_id, ids)


@replaces("mask_tokens")
def mean_time(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """The whole batch is masked at the mean of all times. Each text has a time of its own: which shape must t have to
    meet u row by row?"""
    return torch.where(u < t.mean(), mask_id, ids)


@replaces("mask_tokens")
def times_along_the_text(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """You compared (B, T) with (B,), which torch lines up with the last axis: text by text is not what that means.
    Where does t need another axis?"""
    return torch.where(u < t, mask_id, ids)


@replaces("mask_tokens")
def masked_at_equality(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """A token whose u equals t is masked in your text. A u from [0, 1) is *below* t with probability t."""
    return torch.where(u <= t[:, None], mask_id, ids)


@replaces("mask_tokens")
def masked_above(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """You mask where u is at least t, so that few tokens are masked near t = 1. What is a text at t = 1, and what does
    torch.where give where its condition is True?"""
    return torch.where(u >= t[:, None], mask_id, ids)


@replaces("mask_tokens")
def time_runs_back(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """You mask with probability 1 − t. At which end of time is a text clean?"""
    return torch.where(u < 1 - t[:, None], mask_id, ids)


@replaces("mask_tokens")
def exactly_that_share(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """You mask the same number of tokens in every text with this t. Each token is decided on its own, and the number
    comes out by chance: what does u say about a single token?"""
    rank = u.argsort(-1).argsort(-1)
    return torch.where(rank < (t * ids.shape[1]).round()[:, None], mask_id, ids)


@replaces("mask_tokens")
def one_draw_for_a_text(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """Your texts are masked as a whole or not at all: the first draw of a text decides for all of its tokens. How many
    draws are in u?"""
    return torch.where(u[:, :1] < t[:, None], mask_id, ids)


@replaces("mask_tokens")
def same_draws_for_all_texts(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """All texts use the draws of the first one. How many rows has u?"""
    return torch.where(u[:1] < t[:, None], mask_id, ids)


@replaces("mask_tokens")
def share_of_bert(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """You mask 15 % of the tokens, as BERT does, whatever t is. A model that is to write from nothing must have seen
    texts that are nothing but masks: which argument says how many?"""
    return torch.where(u < 0.15, mask_id, ids)


@replaces("mask_tokens")
def first_token_stays(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """The first token of each text is never masked. Which token is special here?"""
    noisy = torch.where(u < t[:, None], mask_id, ids)
    noisy[:, 0] = ids[:, 0]
    return noisy


@replaces("mask_tokens")
def draws_by_itself(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """You draw random numbers yourself, and the result is another one than with those that you were given. What is u
    for?"""
    own = torch.rand(u.shape, generator=torch.Generator().manual_seed(0), dtype=u.dtype)
    return torch.where(own < t[:, None], mask_id, ids)


@replaces("mask_tokens")
def where_and_not_what(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """You return which tokens are masked. What does the network read?"""
    return u < t[:, None]


@replaces("mask_tokens")
def ids_overwritten(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """You write the masks into ids, and the loss still needs the tokens that stood there. Which operation leaves ids as
    it is?"""
    ids[u < t[:, None]] = mask_id
    return ids


# the loss


def log_probs(logits: Tensor, mask_id: int) -> Tensor:
    """As it should be."""
    return logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, -torch.inf).log_softmax(-1)


def places(logits: Tensor, ids: Tensor, noisy: Tensor, mask_id: int) -> tuple[Tensor, Tensor]:
    """-ln p (B, T) of the tokens, and which are masked."""
    return -log_probs(logits, mask_id).gather(-1, ids[..., None])[..., 0], noisy == mask_id


@replaces("diffusion_loss")
def loss_without_weight(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Your loss has no 1/t, and texts with many masks outweigh the others. How many places does a text at time t
    contribute on average?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return (nll * masked).sum() / ids.numel()


@replaces("diffusion_loss")
def loss_of_bert(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You took the mean over all masked places of the batch, which is BERT's loss. What does t weigh here, and which
    number is below the sum?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return (nll * masked).sum() / masked.sum().clamp(min=1)


@replaces("diffusion_loss")
def loss_everywhere(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Visible places are in your loss. The model reads them: what is there to predict?"""
    nll, _ = places(logits, ids, noisy, mask_id)
    return (nll / t[:, None]).sum() / ids.numel()


@replaces("diffusion_loss")
def loss_of_the_visible(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Your loss is that of the visible places, and the masked ones are left out. Which tokens shall the model
    guess?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return (nll * ~masked / t[:, None]).sum() / ids.numel()


@replaces("diffusion_loss")
def mean_weight(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You multiplied the sum of all texts by the mean of 1/t. Each text has its own weight: when must it be divided by
    its t?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return (nll * masked).sum() / ids.numel() * (1 / t).mean()


@replaces("diffusion_loss")
def weight_of_the_mean_time(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You divided the sum of all texts by the mean of t. Each text has its own time: when must it be divided by it?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return (nll * masked).sum() / ids.numel() / t.mean()


@replaces("diffusion_loss")
def mean_of_masked_rows(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You divide each text by the number of its masks, and by t as well. Both do the same thing on average: how often
    is it to be done?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return ((nll * masked).sum(-1) / masked.sum(-1).clamp(min=1) / t).mean()


@replaces("diffusion_loss")
def share_for_time(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You divide each text by the share of its places that is masked. That share is t on average only; and a text
    without masks has a share of 0. Which number does the formula divide by?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return ((nll * masked).sum(-1) / masked.sum(-1).clamp(min=1)).mean()


@replaces("diffusion_loss")
def divided_by_the_masks(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You divide the weighted sum by the number of masks in the batch. How many places does the docstring count?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return (nll * masked / t[:, None]).sum() / masked.sum().clamp(min=1)


@replaces("diffusion_loss")
def divided_by_the_texts(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You return the loss of a text, which is T times that of a place. By how many numbers is the sum divided?"""
    return diffusion_loss(logits, ids, noisy, t, mask_id) * ids.shape[1]


@replaces("diffusion_loss")
def divided_by_the_length(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You divide by T only, and your loss grows with the batch. By how many numbers is the sum divided?"""
    return diffusion_loss(logits, ids, noisy, t, mask_id) * ids.shape[0]


@replaces("diffusion_loss")
def not_divided(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You return the sum over all places. What stands in front of the sums in the formula?"""
    return diffusion_loss(logits, ids, noisy, t, mask_id) * ids.numel()


@replaces("diffusion_loss")
def times_t(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You multiply by t, and texts with many masks outweigh the others even more. Which way does the weight go?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return (nll * masked * t[:, None]).sum() / ids.numel()


@replaces("diffusion_loss")
def weights_in_another_order(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """After the batch is flattened your weights change from place to place, and not from text to text. In which order
    do the B T places stand?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return (nll.flatten() * masked.flatten() / t.repeat(ids.shape[1])).sum() / ids.numel()


@replaces("diffusion_loss")
def one_weight_for_all(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """The whole batch is divided by the time of its first text. How many times are in t?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return (nll * masked / t[0]).sum() / ids.numel()


@replaces("diffusion_loss")
def mask_can_be_predicted(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Your softmax leaves a part of the probability to the mask. Over how many tokens does the docstring take it?"""
    nll = -logits.log_softmax(-1).gather(-1, ids[..., None])[..., 0]
    return (nll * (noisy == mask_id) / t[:, None]).sum() / ids.numel()


@replaces("diffusion_loss")
def mask_has_logit_zero(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You set the logit of the mask to 0, and exp(0) = 1 takes part in the softmax. Which logit has an exponential of
    0?"""
    zeroed = logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, 0.0)
    nll = -zeroed.log_softmax(-1).gather(-1, ids[..., None])[..., 0]
    return (nll * (noisy == mask_id) / t[:, None]).sum() / ids.numel()


@replaces("diffusion_loss")
def last_token_is_the_mask(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You left out the last token of the vocabulary. Which token is the mask?"""
    V = logits.shape[-1]
    nll, _ = places(logits, ids, noisy, V - 1)
    return torch.where(noisy == mask_id, nll / t[:, None], 0).sum() / ids.numel()


@replaces("diffusion_loss")
def last_token_times_zero(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You left out the last token of the vocabulary, whatever mask_id is. Where that is a token of the text its -log p
    is infinite, and 0 times infinity is NaN at visible places. Which token is the mask?"""
    nll, _ = places(logits, ids, noisy, logits.shape[-1] - 1)
    return (nll * (noisy == mask_id) / t[:, None]).sum() / ids.numel()


@replaces("diffusion_loss")
def column_cut_out(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You cut a column out of the logits. That goes well where the mask is the last token; for any other mask_id the
    tokens and the columns that are left no longer fit together, and the last token finds no column. How does the mask
    get a probability of 0 while all V columns stay?"""
    nll = -logits[..., :-1].log_softmax(-1).gather(-1, ids[..., None])[..., 0]
    return torch.where(noisy == mask_id, nll / t[:, None], 0).sum() / ids.numel()


@replaces("diffusion_loss")
def column_cut_out_for_cross_entropy(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """The logits that you give to the cross-entropy have a column less. That goes well where the mask is the last
    token; for any other mask_id the last token of the vocabulary has no column there. How does the mask get a
    probability of 0 while all V columns stay?"""
    nll = torch.nn.functional.cross_entropy(logits[..., :-1].transpose(1, 2), ids, reduction="none")
    return torch.where(noisy == mask_id, nll / t[:, None], 0).sum() / ids.numel()


@replaces("diffusion_loss")
def renormalised_too_late(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You divide the probabilities by 1 − p(mask) after a softmax over all tokens. Where the mask takes nearly
    everything, 0 is divided by 0: can it be left out before the softmax?"""
    p = logits.softmax(-1)
    p = p / (1 - p[..., mask_id : mask_id + 1])
    nll = -p.gather(-1, ids[..., None])[..., 0].log()
    return torch.where(noisy == mask_id, nll / t[:, None], 0).sum() / ids.numel()


@replaces("diffusion_loss")
def log_of_softmax(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You took the logarithm of a softmax. The softmax of a very improbable token rounds to 0: how is the logarithm
    computed without it?"""
    p = logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, -torch.inf).softmax(-1)
    nll = -p.gather(-1, ids[..., None])[..., 0].log()
    return torch.where(noisy == mask_id, nll / t[:, None], 0).sum() / ids.numel()


@replaces("diffusion_loss")
def exp_overflows(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """exp of a large logit is infinite. What can be subtracted from all logits of a place without changing its
    softmax?"""
    weights = logits.exp() * (torch.arange(logits.shape[-1]) != mask_id)
    nll = weights.sum(-1).log() - logits.gather(-1, ids[..., None])[..., 0]
    return torch.where(noisy == mask_id, nll / t[:, None], 0).sum() / ids.numel()


@replaces("diffusion_loss")
def small_number_in_the_log(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """A small number inside your logarithm changes the loss, and bounds it: no token costs more than some 20 nats. Is
    there a function that gives the logarithm of a softmax?"""
    p = logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, -torch.inf).softmax(-1)
    nll = -(p.gather(-1, ids[..., None])[..., 0] + 1e-9).log()
    return torch.where(noisy == mask_id, nll / t[:, None], 0).sum() / ids.numel()


@replaces("diffusion_loss")
def shifted_targets(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You compare the logits of each place with the next token, as a GPT does. Which token stood at the place that is
    masked?"""
    nll = -log_probs(logits, mask_id)[:, :-1].gather(-1, ids[:, 1:, None])[..., 0]
    return (nll * (noisy == mask_id)[:, :-1] / t[:, None]).sum() / ids.numel()


@replaces("diffusion_loss")
def target_is_the_mask(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You look up the probability of what stands in the noisy text, which is the mask. What stood there before?"""
    nll = -logits.log_softmax(-1).gather(-1, noisy[..., None])[..., 0]
    return (nll * (noisy == mask_id) / t[:, None]).sum() / ids.numel()


@replaces("diffusion_loss")
def negative(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Your loss is negative, and grows when the model improves. Which sign has −ln p?"""
    return -diffusion_loss(logits, ids, noisy, t, mask_id)


@replaces("diffusion_loss")
def loss_in_bits(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Your logarithm has the base 2: the loss is in bits. Which base does ln have?"""
    return diffusion_loss(logits, ids, noisy, t, mask_id) / torch.tensor(2.0, dtype=logits.dtype).log()


@replaces("diffusion_loss")
def without_a_logarithm(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You sum 1 − p(token), without a logarithm. What does a token cost to which the model gave the probability 0?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return ((1 - (-nll).exp()) * masked / t[:, None]).sum() / ids.numel()


@replaces("diffusion_loss")
def nan_without_masks(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Without masks in the batch your loss is the mean of nothing, which is NaN and reaches all weights with the next
    step. Does the formula divide by the number of masks at all?"""
    nll, masked = places(logits, ids, noisy, mask_id)
    return (nll / t[:, None])[masked].mean() * masked.to(nll.dtype).mean()


@replaces("diffusion_loss")
def constant_of_nothing(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Without masks you return a new 0, which no gradient connects with the logits: backward() fails. How can the 0 be
    computed from the logits?"""
    if not (noisy == mask_id).any():
        return torch.zeros((), dtype=logits.dtype)
    return diffusion_loss(logits, ids, noisy, t, mask_id)


@replaces("diffusion_loss")
def without_a_gradient(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """No gradient leads from your loss to the logits. Where are they detached?"""
    return diffusion_loss(logits.detach(), ids, noisy, t, mask_id)


@replaces("diffusion_loss")
def loss_in_float32(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You compute in float32 whatever the logits are. In which dtype does the docstring want the loss?"""
    return diffusion_loss(logits.float(), ids, noisy, t.float(), mask_id)


# the schedule


@replaces("unmask_schedule")
def schedule_drops_rest(num_masked: int, steps: int) -> list[int]:
    """Your steps do not add up to all masks. What becomes of the remainder of the division?"""
    return [num_masked // steps] * steps


@replaces("unmask_schedule")
def schedule_rest_last(num_masked: int, steps: int) -> list[int]:
    """Your last step removes the whole remainder, and may remove many more masks than the others. How can no two steps
    differ by more than 1?"""
    return [num_masked // steps] * (steps - 1) + [num_masked // steps + num_masked % steps]


@replaces("unmask_schedule")
def schedule_rest_first(num_masked: int, steps: int) -> list[int]:
    """Your first step removes the whole remainder. How can no two steps differ by more than 1?"""
    return [num_masked // steps + num_masked % steps] + [num_masked // steps] * (steps - 1)


@replaces("unmask_schedule")
def smaller_ones_first(num_masked: int, steps: int) -> list[int]:
    """Your numbers grow. Which ones does the docstring want first?"""
    return unmask_schedule(num_masked, steps)[::-1]


@replaces("unmask_schedule")
def rounded_up(num_masked: int, steps: int) -> list[int]:
    """You round the share up in every step, until nothing is left, so the last steps remove fewer masks than they
    could. How many steps must be larger than the others?"""
    share, result = -(-num_masked // steps), []
    for _ in range(steps):
        result.append(min(share, num_masked - sum(result)))
    return result


@replaces("unmask_schedule")
def rounded_sums(num_masked: int, steps: int) -> list[int]:
    """Your larger steps stand between the smaller ones, since you rounded the running sum. Where does the docstring
    want them?"""
    ends = [int(num_masked * i / steps + 0.5) for i in range(steps + 1)]
    return [b - a for a, b in itertools.pairwise(ends)]


@replaces("unmask_schedule")
def rounded_up_sums(num_masked: int, steps: int) -> list[int]:
    """You rounded the running sum up and took differences: your numbers are even, and larger ones follow smaller ones.
    Where does the docstring want the larger ones?"""
    ends = [-(-num_masked * i // steps) for i in range(steps + 1)]
    return [b - a for a, b in itertools.pairwise(ends)]


@replaces("unmask_schedule")
def rounded_down_sums(num_masked: int, steps: int) -> list[int]:
    """You rounded the running sum down and took differences, so smaller numbers come before larger ones. Where does
    the docstring want the larger ones?"""
    ends = [num_masked * i // steps for i in range(steps + 1)]
    return [b - a for a, b in itertools.pairwise(ends)]


@replaces("unmask_schedule")
def without_empty_steps(num_masked: int, steps: int) -> list[int]:
    """Your list is shorter than the number of steps. What does a step do for which no mask is left?"""
    return [n for n in unmask_schedule(num_masked, steps) if n]


@replaces("unmask_schedule")
def at_least_one(num_masked: int, steps: int) -> list[int]:
    """Each of your steps removes a mask at least, and together they remove more than there are. What is left to do if
    there are more steps than masks?"""
    return [max(1, n) for n in unmask_schedule(num_masked, steps)]


@replaces("unmask_schedule")
def what_is_left(num_masked: int, steps: int) -> list[int]:
    """You return how many masks are left after each step. How many does a step remove?"""
    left, result = num_masked, []
    for n in unmask_schedule(num_masked, steps):
        left -= n
        result.append(left)
    return result


@replaces("unmask_schedule")
def no_whole_numbers(num_masked: int, steps: int) -> list[float]:
    """Your steps remove fractions of masks. What is the type of a count?"""
    return [num_masked / steps] * steps


@replaces("unmask_schedule")
def arguments_swapped(num_masked: int, steps: int) -> list[int]:
    """Your list has as many entries as there are masks. Which of the two arguments is its length?"""
    share, rest = divmod(steps, max(num_masked, 1))
    return [share + 1] * rest + [share] * (num_masked - rest)


@replaces("unmask_schedule")
def one_each_and_then_all(num_masked: int, steps: int) -> list[int]:
    """You remove one mask in each step and all that are left in the last one. How are they divided as evenly as
    possible?"""
    first = [min(1, max(num_masked - i, 0)) for i in range(steps - 1)]
    return [*first, num_masked - sum(first)]


# a step of writing


def guesses(tokens: Tensor, logits: Tensor, mask_id: int) -> tuple[Tensor, Tensor, Tensor]:
    """Confidence and proposal of each place, and which are masked."""
    confidence, proposal = log_probs(logits, mask_id).max(-1)
    return confidence, proposal, tokens == mask_id


def ranks(confidence: Tensor, masked: Tensor) -> Tensor:
    return confidence.masked_fill(~masked, -torch.inf).argsort(-1, descending=True).argsort(-1)


@replaces("unmask_step")
def least_confident(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You fill the places of which the model knows least. Which end of the ranking comes first?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    return torch.where(masked & (ranks(-confidence, masked) < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def ranks_all_places(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """Places that are written already take part in your ranking and use up the count. Which confidence keeps a place
    out?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    rank = confidence.argsort(-1, descending=True).argsort(-1)
    return torch.where(masked & (rank < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def starts_afresh(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You begin with masks everywhere and write the surest places of the whole text: what was written before is guessed
    anew or becomes the mask again. What does the docstring say of places that were not masked?"""
    confidence, proposal, _ = guesses(tokens, logits, mask_id)
    rank = confidence.argsort(-1, descending=True).argsort(-1)
    return torch.where(rank < counts[:, None], proposal, mask_id)


@replaces("unmask_step")
def zero_keeps_nothing_out(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You give visible places the confidence 0 and rank logarithms, all of which are below 0: visible places come
    first. Which number is below every logarithm?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    rank = (confidence * masked).argsort(-1, descending=True).argsort(-1)
    return torch.where(masked & (rank < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def confidence_is_a_logit(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You rank places by their largest logit. A place with logits 9 and 8.9 is less sure than one with 1 and −3: which
    number compares places?"""
    _, proposal, masked = guesses(tokens, logits, mask_id)
    best = logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, -torch.inf).amax(-1)
    return torch.where(masked & (ranks(best, masked) < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def confidence_counts_the_mask(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """The mask takes part in the softmax of your confidence. A place where its logit is large seems unsure: over which
    tokens does the docstring take the softmax?"""
    _, proposal, masked = guesses(tokens, logits, mask_id)
    p = logits.log_softmax(-1).gather(-1, proposal[..., None])[..., 0]
    return torch.where(masked & (ranks(p, masked) < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def proposes_the_mask(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """Your proposal may be the mask itself, and then a place is filled with what stood there. Which token is never
    predicted?"""
    confidence, proposal = logits.log_softmax(-1).max(-1)
    masked = tokens == mask_id
    return torch.where(masked & (ranks(confidence, masked) < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def numbered_without_the_mask(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You cut the mask out of the vocabulary and took the place in what is left for the token. Behind the gap the two
    differ by one. Which tokens keep their number when the mask is the first, and which when it is the last?"""
    left = torch.cat([logits[..., :mask_id], logits[..., mask_id + 1 :]], dim=-1)
    confidence, proposal = left.log_softmax(-1).max(-1)
    masked = tokens == mask_id
    return torch.where(masked & (ranks(confidence, masked) < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def token_behind_the_mask_is_the_mask(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You cut the mask out of the vocabulary, and of the tokens behind it the first one does not get its number back: a
    place is filled with the mask. Which token stands at the place mask_id in what is left?"""
    left = torch.cat([logits[..., :mask_id], logits[..., mask_id + 1 :]], dim=-1)
    confidence, best = left.log_softmax(-1).max(-1)
    masked, proposal = tokens == mask_id, best + (best > mask_id)
    return torch.where(masked & (ranks(confidence, masked) < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def last_token_is_never_written(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You left out the last token of the vocabulary, whatever mask_id is. Which token is never predicted?"""
    confidence, proposal = log_probs(logits, logits.shape[-1] - 1).max(-1)
    masked = tokens == mask_id
    return torch.where(masked & (ranks(confidence, masked) < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def mask_at_logit_zero(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You set the logit of the mask to 0. Where all others are negative it still wins: which logit never does?"""
    zeroed = logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, 0.0)
    confidence, proposal = zeroed.log_softmax(-1).max(-1)
    masked = tokens == mask_id
    return torch.where(masked & (ranks(confidence, masked) < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def confidence_is_the_margin(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You rank by how far the best token is ahead of the second. That is another measure: what does the docstring call
    confidence?"""
    _, proposal, masked = guesses(tokens, logits, mask_id)
    two = log_probs(logits, mask_id).exp().topk(2, dim=-1).values
    return torch.where(masked & (ranks(two[..., 0] - two[..., 1], masked) < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def confidence_is_the_entropy(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You rank by the entropy of each place. That is another measure: what does the docstring call confidence?"""
    _, proposal, masked = guesses(tokens, logits, mask_id)
    entropy = torch.special.entr(log_probs(logits, mask_id).exp()).sum(-1)
    return torch.where(masked & (ranks(-entropy, masked) < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def softmax_over_places(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """Your softmax runs along the text, so the places compete for each token. On which axis are the V tokens?"""
    is_mask = torch.arange(logits.shape[-1]) == mask_id
    confidence, proposal = logits.log_softmax(1).masked_fill(is_mask, -torch.inf).max(-1)
    masked = tokens == mask_id
    return torch.where(masked & (ranks(confidence, masked) < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def left_to_right(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You fill from the left. Which place comes first, wherever it is?"""
    _, proposal, masked = guesses(tokens, logits, mask_id)
    return torch.where(masked & (masked.long().cumsum(-1) <= counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def all_at_once(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You fill all masked places at once, whatever the counts are. How many places does a step fill?"""
    _, proposal, masked = guesses(tokens, logits, mask_id)
    return torch.where(masked, proposal, tokens)


@replaces("unmask_step")
def one_place_too_many(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You fill a place more than the count says. Which rank has the surest place?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    return torch.where(masked & (ranks(confidence, masked) <= counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def count_is_what_stays(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You leave as many masks as the count says. Does it count what is filled, or what is left?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    filled = masked.sum(-1) - counts
    return torch.where(masked & (ranks(confidence, masked) < filled[:, None]), proposal, tokens)


@replaces("unmask_step")
def one_place_each(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You fill one place of each text. Which argument says how many?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    return torch.where(masked & (ranks(confidence, masked) < counts.clamp(max=1)[:, None]), proposal, tokens)


@replaces("unmask_step")
def first_count_for_all(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """All texts use the count of the first one. How many numbers are in counts?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    return torch.where(masked & (ranks(confidence, masked) < counts[0]), proposal, tokens)


@replaces("unmask_step")
def largest_count_for_all(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """All texts use the largest of the counts. Each text has its own: with what is its rank compared?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    return torch.where(masked & (ranks(confidence, masked) < counts.max()), proposal, tokens)


@replaces("unmask_step")
def ranks_the_batch(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You rank all places of the batch together, and a sure text takes the places of the others. Within what is the
    ranking?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    rank = ranks(confidence.flatten(), masked.flatten()).view_as(tokens)
    return torch.where(masked & (rank < counts.sum()), proposal, tokens)


@replaces("unmask_step")
def order_for_rank(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You took the result of one argsort for the ranks. It says which place comes first, second and so on: how do you
    get from there to the rank of a place?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    order = confidence.masked_fill(~masked, -torch.inf).argsort(-1, descending=True)
    return torch.where(masked & (order < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def visible_is_rewritten(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """Where a count is larger than the number of masks you overwrite visible places. What happens to a place that was
    not masked?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    return torch.where(ranks(confidence, masked) < counts[:, None], proposal, tokens)


@replaces("unmask_step")
def visible_is_masked_again(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """All places that are not filled in this step are masked in your result, also those that were written before. What
    happens to a place that was not masked?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    return torch.where(masked & (ranks(confidence, masked) < counts[:, None]), proposal, mask_id)


@replaces("unmask_step")
def count_above_the_length(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """topk raises an error where a count is larger than T. Such a count fills all masks: how many places can be asked
    for at most?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    confidence = confidence.masked_fill(~masked, -torch.inf)
    chosen = torch.zeros_like(masked)
    for b, n in enumerate(counts.tolist()):
        chosen[b, confidence[b].topk(n).indices] = True
    return torch.where(masked & chosen, proposal, tokens)


@replaces("unmask_step")
def not_below_the_worst(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """With a count of 0 you fill a place nevertheless. You compare with the confidence of the last place to be filled:
    which one is that if there is none?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    confidence = confidence.masked_fill(~masked, -torch.inf)
    ordered = confidence.sort(-1, descending=True).values
    bar = ordered.gather(-1, (counts - 1).clamp(0, tokens.shape[1] - 1)[:, None])
    return torch.where(masked & (confidence >= bar), proposal, tokens)
