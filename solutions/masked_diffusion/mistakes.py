"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import itertools

import torch
import torch.nn.functional as F
from masked_diffusion import diffusion_loss, mask_tokens, unmask_schedule, unmask_step
from torch import Tensor

from grader.testing import replaces

# how text is masked


@replaces("mask_tokens", time=["first", "last", "mean", "largest"])
def one_time_for_all(ids: Tensor, t: Tensor, u: Tensor, mask_id: int, *, time: str) -> Tensor:
    """The whole batch is masked at one time, the {time} one of t. To which tokens does each of the times belong?"""
    return torch.where(u < {"first": t[0], "last": t[-1], "mean": t.mean(), "largest": t.max()}[time], mask_id, ids)


@replaces("mask_tokens")
def times_along_the_text(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """torch lines up a tensor of shape (B,) with the last axis of (B, T). Which axis of u should the times follow?"""
    return torch.where(u < t, mask_id, ids)


@replaces("mask_tokens")
def masked_at_equality(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """A token whose u equals t is masked in your text. For which u does the docstring mask a token?"""
    return torch.where(u <= t[:, None], mask_id, ids)


@replaces("mask_tokens", equal=[True, False])
def masked_above(ids: Tensor, t: Tensor, u: Tensor, mask_id: int, *, equal: bool) -> Tensor:
    """You mask the tokens that should stay, and keep those that should be masked. What does a text look like at t =
    1?"""
    times = t[:, None]
    return torch.where(u >= times if equal else u > times, mask_id, ids)


@replaces("mask_tokens", equal=[True, False])
def time_runs_back(ids: Tensor, t: Tensor, u: Tensor, mask_id: int, *, equal: bool) -> Tensor:
    """You mask with probability 1 − t. At which end of time is a text clean?"""
    rest = 1 - t[:, None]
    return torch.where(u <= rest if equal else u < rest, mask_id, ids)


@replaces("mask_tokens", equal=[True, False])
def draws_from_the_other_end(ids: Tensor, t: Tensor, u: Tensor, mask_id: int, *, equal: bool) -> Tensor:
    """On average you mask the right number of tokens, but you mask those with the largest u. Which ones does the
    docstring mask?"""
    rest = 1 - t[:, None]
    return torch.where(u >= rest if equal else u > rest, mask_id, ids)


@replaces("mask_tokens", rounding=["round", "floor", "ceil"], by_u=[True, False])
def exactly_that_share(ids: Tensor, t: Tensor, u: Tensor, mask_id: int, *, rounding: str, by_u: bool) -> Tensor:
    """Texts with the same t always have the same number of masks in your result. If each token is decided on its own,
    is that so?"""
    rank = u.argsort(-1).argsort(-1) if by_u else torch.arange(ids.shape[1]).expand_as(ids)
    return torch.where(rank < getattr(torch, rounding)(t * ids.shape[1])[:, None], mask_id, ids)


@replaces("mask_tokens", place=[0, -1])
def one_draw_for_a_text(ids: Tensor, t: Tensor, u: Tensor, mask_id: int, *, place: int) -> Tensor:
    """Each of your texts is masked as a whole or not at all. How many draws does u hold for a text?"""
    return torch.where(u[:, place, None] < t[:, None], mask_id, ids)


@replaces("mask_tokens")
def same_draws_for_all_texts(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """All texts use the draws of the first one. How many rows does u have?"""
    return torch.where(u[:1] < t[:, None], mask_id, ids)


@replaces("mask_tokens", share=[0.15, 0.5])
def share_of_bert(ids: Tensor, t: Tensor, u: Tensor, mask_id: int, *, share: float) -> Tensor:
    """You mask where u is below {share}, whatever t is. A model that writes from nothing must have practised on texts
    of nothing but masks: which argument says how much is hidden?"""
    return torch.where(u < share, mask_id, ids)


@replaces("mask_tokens", place=["first", "last"])
def one_token_stays(ids: Tensor, t: Tensor, u: Tensor, mask_id: int, *, place: str) -> Tensor:
    """The {place} token of each text is never masked. Is any token special here?"""
    noisy, at = mask_tokens(ids, t, u, mask_id), 0 if place == "first" else -1
    noisy[:, at] = ids[:, at]
    return noisy


@replaces("mask_tokens")
def draws_by_itself(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """Your masks do not follow from u: you seem to draw random numbers of your own. What is u for?"""
    own = torch.rand(u.shape, generator=torch.Generator().manual_seed(0), dtype=u.dtype)
    return torch.where(own < t[:, None], mask_id, ids)


@replaces("mask_tokens", dtype=[torch.bool, torch.int64])
def where_and_not_what(ids: Tensor, t: Tensor, u: Tensor, mask_id: int, *, dtype: torch.dtype) -> Tensor:
    """You return which tokens are masked. What does the network read?"""
    return (u < t[:, None]).to(dtype)


@replaces("mask_tokens", token=[0, -1])
def masks_are_another_token(ids: Tensor, t: Tensor, u: Tensor, mask_id: int, *, token: int) -> Tensor:
    """The right tokens are hidden, but under the number {token}. Which argument holds the number of the mask?"""
    return torch.where(u < t[:, None], token, ids)


@replaces("mask_tokens")
def ids_overwritten(ids: Tensor, t: Tensor, u: Tensor, mask_id: int) -> Tensor:
    """You write the masks into ids, but the loss still needs the tokens that were there. Which operations return a new
    tensor?"""
    ids[u < t[:, None]] = mask_id
    return ids


# the loss


def log_probs(logits: Tensor, mask_id: int) -> Tensor:
    """As it should be."""
    return logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, -torch.inf).log_softmax(-1)


def nll_of(logits: Tensor, ids: Tensor, mask_id: int) -> Tensor:
    """-ln p (B, T) of the tokens."""
    return -log_probs(logits, mask_id).gather(-1, ids[..., None])[..., 0]


def loss_of(nll: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """The loss, from what each place would cost."""
    return torch.where(noisy == mask_id, nll / t[:, None], 0).sum() / noisy.numel()


@replaces("diffusion_loss")
def loss_without_weight(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Your loss is the same whatever t is, so texts with many masks outweigh the others. How many places does a text
    contribute, on average, at time t?"""
    return loss_of(nll_of(logits, ids, mask_id), noisy, torch.ones_like(t), mask_id)


@replaces("diffusion_loss")
def loss_of_bert(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Your loss is the mean over all masked places of the batch, as in BERT. What role does t play in the formula, and
    by how many places is the sum divided?"""
    masked = noisy == mask_id
    return (nll_of(logits, ids, mask_id) * masked).sum() / masked.sum().clamp(min=1)


@replaces("diffusion_loss")
def loss_everywhere(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Visible places are in your loss, too. The model can read those tokens: what is there to predict?"""
    return (nll_of(logits, ids, mask_id) / t[:, None]).sum() / ids.numel()


@replaces("diffusion_loss")
def loss_of_the_visible(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Your loss adds up the visible places and leaves out the masked ones. Which tokens does the model have to
    guess?"""
    return (nll_of(logits, ids, mask_id) * (noisy != mask_id) / t[:, None]).sum() / ids.numel()


@replaces("diffusion_loss", which=["first", "last", "mean", "mean of 1/t"])
def one_weight_for_all(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, which: str) -> Tensor:
    """All texts of the batch have the same weight in your loss. Each has a time of its own: at which point of the
    computation do you still know which text a number comes from?"""
    time = {"first": t[0], "last": t[-1], "mean": t.mean(), "mean of 1/t": 1 / (1 / t).mean()}[which]
    return loss_of(nll_of(logits, ids, mask_id), noisy, time.expand_as(t), mask_id)


@replaces("diffusion_loss", weight=["t", "1 − t", "1 / (1 − t)"])
def another_weight(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, weight: str) -> Tensor:
    """Each text is weighted with {weight} in your loss. The more a text hides, the more terms it has: which weight
    makes up for that?"""
    over = {"t": 1 / t, "1 − t": 1 / (1 - t), "1 / (1 − t)": 1 - t}[weight]
    return loss_of(nll_of(logits, ids, mask_id), noisy, over, mask_id)


@replaces("diffusion_loss", guarded=[True, False])
def mean_of_masked_rows(
    logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, guarded: bool
) -> Tensor:
    """You divide each text by the number of its masks, and by t as well. On average both correct for the same thing:
    how often does that need to be done?"""
    masked = noisy == mask_id
    count = masked.sum(-1).clamp(min=int(guarded))
    return ((nll_of(logits, ids, mask_id) * masked).sum(-1) / count / t).mean()


@replaces("diffusion_loss", guarded=[True, False])
def share_for_time(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, guarded: bool) -> Tensor:
    """You divide each text by the number of its masks. Their share is t only on average, and it may be 0. Which number
    does the formula divide by?"""
    masked = noisy == mask_id
    return ((nll_of(logits, ids, mask_id) * masked).sum(-1) / masked.sum(-1).clamp(min=int(guarded))).mean()


@replaces("diffusion_loss", guarded=[True, False])
def divided_by_the_masks(
    logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, guarded: bool
) -> Tensor:
    """You divide the weighted sum by the number of masks in the batch. Which places does the docstring count?"""
    masked = noisy == mask_id
    return (nll_of(logits, ids, mask_id) * masked / t[:, None]).sum() / masked.sum().clamp(min=int(guarded))


@replaces("diffusion_loss", divisor=["B", "T", "B T V", "B (T − 1)"])
def another_divisor(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, divisor: str) -> Tensor:
    """You divide the sum by {divisor}. How many places do the B texts have together?"""
    B, T, V = logits.shape
    numbers = {"B": B, "T": T, "B T V": B * T * V, "B (T − 1)": B * (T - 1)}
    return diffusion_loss(logits, ids, noisy, t, mask_id) * (B * T / numbers[divisor])


@replaces("diffusion_loss")
def not_divided(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You return the sum over all places. What is in front of the sums in the formula?"""
    return diffusion_loss(logits, ids, noisy, t, mask_id) * ids.numel()


@replaces("diffusion_loss")
def loss_of_each_text(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """You return one number for each text. What is the shape of the loss in the docstring?"""
    return (nll_of(logits, ids, mask_id) * (noisy == mask_id)).mean(-1) / t


@replaces("diffusion_loss")
def weights_in_another_order(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Your weights change from place to place, not from text to text. If the batch is flattened, in which order are the
    B T places?"""
    weighted = nll_of(logits, ids, mask_id).flatten() * (noisy == mask_id).flatten() / t.repeat(ids.shape[1])
    return weighted.sum() / ids.numel()


@replaces("diffusion_loss")
def mask_can_be_predicted(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """The mask gets a part of the probability in your softmax. Over which tokens does the docstring take it?"""
    nll = -logits.log_softmax(-1).gather(-1, ids[..., None])[..., 0]
    return loss_of(nll, noisy, t, mask_id)


@replaces("diffusion_loss", value=[0.0, -1.0, -10.0, -100.0])
def mask_has_a_logit(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, value: float) -> Tensor:
    """In your softmax the mask has the logit {value}, and other logits may be far below that. Which logit has an
    exponential of exactly 0?"""
    filled = logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, value)
    return loss_of(-filled.log_softmax(-1).gather(-1, ids[..., None])[..., 0], noisy, t, mask_id)


@replaces("diffusion_loss", token=["first", "last"], product=[True, False])
def another_token_left_out(
    logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, token: str, product: bool
) -> Tensor:
    """The {token} token of the vocabulary has no probability in your loss, whatever mask_id is. Which token must not be
    predicted?"""
    nll = nll_of(logits, ids, 0 if token == "first" else logits.shape[-1] - 1)
    if product:
        return (nll * (noisy == mask_id) / t[:, None]).sum() / ids.numel()
    return loss_of(nll, noisy, t, mask_id)


@replaces("diffusion_loss", way=["gather", "cross_entropy"], last=[True, False])
def column_cut_out(
    logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, way: str, last: bool
) -> Tensor:
    """A column seems to be missing from your logits. If the mask is not the last token, which column does the last
    token look for? How can the mask lose its probability while all V columns stay?"""
    at = logits.shape[-1] - 1 if last else mask_id
    left = torch.cat([logits[..., :at], logits[..., at + 1 :]], dim=-1)
    if way == "gather":
        nll = -left.log_softmax(-1).gather(-1, ids[..., None])[..., 0]
    else:
        nll = F.cross_entropy(left.transpose(1, 2), ids, reduction="none")
    return loss_of(nll, noisy, t, mask_id)


@replaces("diffusion_loss", log=[True, False])
def renormalised_too_late(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, log: bool) -> Tensor:
    """Where the mask has a large logit, a softmax over all tokens leaves nothing for the others, not even after
    rescaling. When can the mask be left out instead?"""
    p = logits.softmax(-1)
    of_mask = p[..., mask_id]
    if log:
        nll = -logits.log_softmax(-1).gather(-1, ids[..., None])[..., 0] + (1 - of_mask).log()
    else:
        nll = -(p.gather(-1, ids[..., None])[..., 0] / (1 - of_mask)).log()
    return loss_of(nll, noisy, t, mask_id)


@replaces("diffusion_loss")
def log_of_softmax(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """The softmax of a very improbable token rounds to 0. What is its logarithm, and how can the logarithm be computed
    without that 0?"""
    return loss_of(-log_probs(logits, mask_id).exp().gather(-1, ids[..., None])[..., 0].log(), noisy, t, mask_id)


@replaces("diffusion_loss")
def exp_overflows(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """What is exp of a logit near 1000, or of one near −1000? And what can be subtracted from all logits of a place
    without changing their softmax?"""
    weights = logits.exp() * (torch.arange(logits.shape[-1]) != mask_id)
    return loss_of(weights.sum(-1).log() - logits.gather(-1, ids[..., None])[..., 0], noisy, t, mask_id)


@replaces("diffusion_loss", eps=["1e-12", "1e-10", "1e-9", "1e-8", "1e-7", "1e-6", "1e-5"], added=[True, False])
def small_number_in_the_log(
    logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, eps: str, added: bool
) -> Tensor:
    """No token costs more than −ln {eps} in your loss. The formula has no such bound: is there a function that gives
    the logarithm of a softmax directly?"""
    p = log_probs(logits, mask_id).exp().gather(-1, ids[..., None])[..., 0]
    return loss_of(-(p + float(eps) if added else p.clamp(min=float(eps))).log(), noisy, t, mask_id)


@replaces("diffusion_loss", ahead=[True, False], kept=[True, False], whole=[True, False])
def shifted_targets(
    logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, ahead: bool, kept: bool, whole: bool
) -> Tensor:
    """In your loss the logits of one place predict the token of a neighbouring place, as in a GPT. Which token do the
    logits of a masked place predict here?"""
    nll, masked = nll_of(logits[:, :-1], ids[:, 1:], mask_id), (noisy == mask_id).to(logits.dtype)
    if not ahead:
        nll = nll_of(logits[:, 1:], ids[:, :-1], mask_id)
    chosen = masked[:, 1:] if kept == ahead else masked[:, :-1]
    return (nll * chosen / t[:, None]).sum() / (ids.numel() if whole else nll.numel())


@replaces("diffusion_loss", around=[True, False], shift=[1, -1])
def reads_a_neighbour(
    logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, around: bool, shift: int
) -> Tensor:
    """In your loss a masked token is predicted by the logits of a neighbouring place, as in a GPT. Which logits belong
    to a masked place here?"""
    moved = logits.roll(shift, 1)
    if not around:
        moved[:, 0 if shift == 1 else -1] = logits[:, 0 if shift == 1 else -1]
    return diffusion_loss(moved, ids, noisy, t, mask_id)


@replaces("diffusion_loss", all_tokens=[True, False])
def target_is_the_mask(
    logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, all_tokens: bool
) -> Tensor:
    """At a masked place the noisy text says nothing but "mask". Where do you find the token whose probability the loss
    needs?"""
    log_p = logits.log_softmax(-1) if all_tokens else log_probs(logits, mask_id)
    return loss_of(-log_p.gather(-1, noisy[..., None])[..., 0], noisy, t, mask_id)


@replaces("diffusion_loss")
def masks_looked_for_in_ids(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Your loss is 0, as it is if nothing is masked. In which of the two texts do you look for masks?"""
    return loss_of(nll_of(logits, ids, mask_id), ids, t, mask_id)


@replaces("diffusion_loss", dim=[0, 1])
def competition_of_places(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, dim: int) -> Tensor:
    """Your softmax runs over axis {dim} of the logits. Along which axis are the V tokens?"""
    return loss_of(-logits.log_softmax(dim).gather(-1, ids[..., None])[..., 0], noisy, t, mask_id)


@replaces("diffusion_loss")
def negative(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Your loss has the wrong sign, so training would make the model worse. Is −ln p positive or negative?"""
    return -diffusion_loss(logits, ids, noisy, t, mask_id)


@replaces("diffusion_loss", base=[2, 10])
def another_base(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, base: int) -> Tensor:
    """Your logarithm has base {base}. What is the base of ln?"""
    return diffusion_loss(logits, ids, noisy, t, mask_id) / torch.tensor(base, dtype=logits.dtype).log()


@replaces("diffusion_loss", of=[0, 1])
def without_a_logarithm(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, of: int) -> Tensor:
    """You add up probabilities, without a logarithm. What should a token cost that the model considered impossible?"""
    return loss_of(of - (-nll_of(logits, ids, mask_id)).exp(), noisy, t, mask_id)


@replaces("diffusion_loss")
def nan_without_masks(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Without masks in the batch your loss is NaN. Is there a mean over nothing, or a division by the number of
    masks?"""
    masked = noisy == mask_id
    return (nll_of(logits, ids, mask_id) / t[:, None])[masked].mean() * masked.to(logits.dtype).mean()


@replaces("diffusion_loss")
def constant_of_nothing(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Without masks you return a 0 that has nothing to do with the logits, so they get no gradient. How can the 0 be
    computed from the logits?"""
    if not (noisy == mask_id).any():
        return torch.zeros((), dtype=logits.dtype)
    return diffusion_loss(logits, ids, noisy, t, mask_id)


@replaces("diffusion_loss")
def without_a_gradient(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """No gradient leads from your loss to the logits. Where does the connection break?"""
    return diffusion_loss(logits.detach(), ids, noisy, t, mask_id)


@replaces("diffusion_loss", back=[True, False])
def loss_in_float32(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int, *, back: bool) -> Tensor:
    """Your loss is only as precise as float32, although the logits are float64. Where is it rounded?"""
    loss = diffusion_loss(logits.float(), ids, noisy, t.float(), mask_id)
    return loss.to(logits.dtype) if back else loss


@replaces("diffusion_loss")
def loss_in_float64(logits: Tensor, ids: Tensor, noisy: Tensor, t: Tensor, mask_id: int) -> Tensor:
    """Your loss is float64 even if the logits are float32. Which dtype does the docstring ask for?"""
    return diffusion_loss(logits.double(), ids, noisy, t.double(), mask_id)


# the schedule


@replaces("unmask_schedule", rounding=["down", "up", "nearest"])
def same_for_all_steps(num_masked: int, steps: int, *, rounding: str) -> list[int]:
    """All of your steps remove the same number, so their sum may miss the number of masks. What happens to the
    remainder of the division?"""
    shares = {"down": num_masked // steps, "up": -(-num_masked // steps), "nearest": round(num_masked / steps)}
    return [shares[rounding]] * steps


@replaces("unmask_schedule", step=["first", "last"], rounding=["down", "nearest"])
def remainder_in_one_step(num_masked: int, steps: int, *, step: str, rounding: str) -> list[int]:
    """Your {step} step makes up for everything that the division leaves over. How can it be shared out so that no two
    steps differ by more than 1?"""
    share = num_masked // steps if rounding == "down" else round(num_masked / steps)
    one, others = [num_masked - share * (steps - 1)], [share] * (steps - 1)
    return one + others if step == "first" else others + one


@replaces("unmask_schedule")
def smaller_ones_first(num_masked: int, steps: int) -> list[int]:
    """Your steps remove more and more masks. Which numbers does the docstring want first?"""
    return unmask_schedule(num_masked, steps)[::-1]


@replaces("unmask_schedule")
def rounded_up(num_masked: int, steps: int) -> list[int]:
    """Your steps all remove the larger number until nothing is left, so the last ones get too little. How many steps
    really have to be larger?"""
    share, result = -(-num_masked // steps), []
    for _ in range(steps):
        result.append(min(share, num_masked - sum(result)))
    return result


@replaces("unmask_schedule", rounding=["down", "up", "half up", "half even"])
def rounded_sums(num_masked: int, steps: int, *, rounding: str) -> list[int]:
    """Your numbers are even and have the right sum, but a larger one may follow a smaller one. Where does the docstring
    want the larger ones?"""
    sums = [num_masked * i / steps for i in range(steps + 1)]
    up = {"down": lambda s: int(s + 1e-9), "up": lambda s: -int(1e-9 - s), "half up": lambda s: int(s + 0.5)}
    ends = [up.get(rounding, round)(s) for s in sums]
    return [b - a for a, b in itertools.pairwise(ends)]


@replaces("unmask_schedule")
def without_empty_steps(num_masked: int, steps: int) -> list[int]:
    """Your list leaves out steps that remove nothing. How many numbers does the docstring want?"""
    return [n for n in unmask_schedule(num_masked, steps) if n]


@replaces("unmask_schedule")
def at_least_one(num_masked: int, steps: int) -> list[int]:
    """Each of your steps removes at least one mask, so together they may remove more than there are. What is left to do
    if there are more steps than masks?"""
    return [max(1, n) for n in unmask_schedule(num_masked, steps)]


@replaces("unmask_schedule", of=["left", "removed"])
def running_total(num_masked: int, steps: int, *, of: str) -> list[int]:
    """Your list says how many masks are {of} after each step. How many does the step itself remove?"""
    removed = list(itertools.accumulate(unmask_schedule(num_masked, steps)))
    return removed if of == "removed" else [num_masked - n for n in removed]


@replaces("unmask_schedule")
def fractions(num_masked: int, steps: int) -> list[float]:
    """Your steps remove fractions of masks. What is the type of a count?"""
    return [num_masked / steps] * steps


@replaces("unmask_schedule")
def arguments_swapped(num_masked: int, steps: int) -> list[int]:
    """Your list has as many entries as there are masks. Which of the two arguments is its length?"""
    share, rest = divmod(steps, max(num_masked, 1))
    return [share + 1] * rest + [share] * (num_masked - rest)


@replaces("unmask_schedule")
def one_each_and_then_all(num_masked: int, steps: int) -> list[int]:
    """Each of your steps removes one mask, and the last one removes all that are left. How can they be divided more
    evenly?"""
    first = [min(1, max(num_masked - i, 0)) for i in range(steps - 1)]
    return [*first, num_masked - sum(first)]


# a step of writing


def guesses(tokens: Tensor, logits: Tensor, mask_id: int) -> tuple[Tensor, Tensor, Tensor]:
    """Confidence and proposal of each place, and which are masked."""
    confidence, proposal = log_probs(logits, mask_id).max(-1)
    return confidence, proposal, tokens == mask_id


def ranks(confidence: Tensor, masked: Tensor) -> Tensor:
    return confidence.masked_fill(~masked, -torch.inf).argsort(-1, descending=True).argsort(-1)


def filled(tokens: Tensor, confidence: Tensor, proposal: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """As it should be."""
    masked = tokens == mask_id
    return torch.where(masked & (ranks(confidence, masked) < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def least_confident(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You fill the places where the model is least sure. Which end of the ranking comes first?"""
    confidence, proposal, _ = guesses(tokens, logits, mask_id)
    return filled(tokens, -confidence, proposal, counts, mask_id)


@replaces("unmask_step")
def ranks_all_places(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """Places that are already written take part in your ranking and use up the count. Which confidence would keep them
    out?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    rank = confidence.argsort(-1, descending=True).argsort(-1)
    return torch.where(masked & (rank < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def starts_afresh(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """Your result is all masks except for the surest places of the whole text: what was written before is guessed again
    or masked again. What does the docstring say of places that were not masked?"""
    confidence, proposal, _ = guesses(tokens, logits, mask_id)
    rank = confidence.argsort(-1, descending=True).argsort(-1)
    return torch.where(rank < counts[:, None], proposal, mask_id)


@replaces("unmask_step")
def zero_keeps_nothing_out(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """Visible places come before all masked ones in your ranking. If confidences are logarithms of probabilities, which
    number is below all of them?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    rank = (confidence * masked).argsort(-1, descending=True).argsort(-1)
    return torch.where(masked & (rank < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def confidence_is_a_logit(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You rank places by their largest logit. A place with logits 9 and 8.9 is less sure than one with 1 and −3: which
    number can be compared between places?"""
    _, proposal, _ = guesses(tokens, logits, mask_id)
    best = logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, -torch.inf).amax(-1)
    return filled(tokens, best, proposal, counts, mask_id)


@replaces("unmask_step")
def confidence_counts_the_mask(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """A place where the mask has a large logit seems unsure to your code. Over which tokens does the docstring take the
    softmax?"""
    _, proposal, _ = guesses(tokens, logits, mask_id)
    p = logits.log_softmax(-1).gather(-1, proposal[..., None])[..., 0]
    return filled(tokens, p, proposal, counts, mask_id)


@replaces("unmask_step", ranked_with_it=[True, False])
def proposes_the_mask(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int, *, ranked_with_it: bool) -> Tensor:
    """Your proposal may be the mask itself, and then a place is filled with what was there before. Which token is never
    predicted?"""
    confidence, proposal = logits.log_softmax(-1).max(-1)
    if not ranked_with_it:
        confidence = log_probs(logits, mask_id).amax(-1)
    return filled(tokens, confidence, proposal, counts, mask_id)


@replaces("unmask_step")
def numbered_without_the_mask(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """Tokens that come after the mask in the vocabulary are written with a number that is one too small. If a column is
    cut out, which tokens keep their numbers?"""
    left = torch.cat([logits[..., :mask_id], logits[..., mask_id + 1 :]], dim=-1)
    return filled(tokens, *left.log_softmax(-1).max(-1), counts, mask_id)


@replaces("unmask_step")
def token_behind_the_mask_is_the_mask(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """Where token mask_id + 1 should be written, your result still has a mask. If the mask's column was cut out, which
    token is now in column mask_id?"""
    left = torch.cat([logits[..., :mask_id], logits[..., mask_id + 1 :]], dim=-1)
    confidence, best = left.log_softmax(-1).max(-1)
    return filled(tokens, confidence, best + (best > mask_id), counts, mask_id)


@replaces("unmask_step", token=["first", "last"])
def another_token_is_never_written(
    tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int, *, token: str
) -> Tensor:
    """Your code never writes the {token} token of the vocabulary, whatever mask_id is. Which token is never
    predicted?"""
    confidence, proposal = log_probs(logits, 0 if token == "first" else logits.shape[-1] - 1).max(-1)
    return filled(tokens, confidence, proposal, counts, mask_id)


@replaces("unmask_step", value=[0.0, -1.0, -10.0, -100.0])
def mask_at_a_logit(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int, *, value: float) -> Tensor:
    """In your softmax the mask has the logit {value}. Where all other logits are below that, it wins: which logit never
    does?"""
    filled_in = logits.masked_fill(torch.arange(logits.shape[-1]) == mask_id, value)
    return filled(tokens, *filled_in.log_softmax(-1).max(-1), counts, mask_id)


@replaces("unmask_step", measure=["margin of probabilities", "margin of logits", "entropy"])
def another_measure(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int, *, measure: str) -> Tensor:
    """Your order of places is that of the {measure}, which is another measure of certainty. What does the docstring
    call confidence?"""
    _, proposal, _ = guesses(tokens, logits, mask_id)
    log_p = log_probs(logits, mask_id)
    two = (log_p.exp() if measure == "margin of probabilities" else log_p).topk(2, dim=-1).values
    sure = -torch.special.entr(log_p.exp()).sum(-1) if measure == "entropy" else two[..., 0] - two[..., 1]
    return filled(tokens, sure, proposal, counts, mask_id)


@replaces("unmask_step", dim=[0, 1])
def softmax_over_places(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int, *, dim: int) -> Tensor:
    """Your softmax runs over axis {dim} of the logits. Along which axis are the V tokens?"""
    is_mask = torch.arange(logits.shape[-1]) == mask_id
    confidence, proposal = logits.log_softmax(dim).masked_fill(is_mask, -torch.inf).max(-1)
    return filled(tokens, confidence, proposal, counts, mask_id)


@replaces("unmask_step", side=["left", "right"])
def in_order(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int, *, side: str) -> Tensor:
    """You fill masked places from the {side}. Which place comes first here, wherever it is?"""
    _, proposal, _ = guesses(tokens, logits, mask_id)
    place = torch.arange(tokens.shape[1]).expand_as(tokens).to(logits.dtype)
    return filled(tokens, -place if side == "left" else place, proposal, counts, mask_id)


@replaces("unmask_step", shift=[1, -1], around=[True, False])
def reads_the_logits_of_a_neighbour(
    tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int, *, shift: int, around: bool
) -> Tensor:
    """Your code takes what to write, and how sure it is, from the logits of a neighbouring place, as in a GPT. Which
    logits speak about a masked place here?"""
    moved = logits.roll(shift, 1)
    if not around:
        moved[:, 0 if shift == 1 else -1] = logits[:, 0 if shift == 1 else -1]
    return unmask_step(tokens, moved, counts, mask_id)


@replaces("unmask_step")
def all_at_once(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You fill all masked places at once, whatever the counts are. How many places does a step fill?"""
    _, proposal, masked = guesses(tokens, logits, mask_id)
    return torch.where(masked, proposal, tokens)


@replaces("unmask_step", off=["more", "less"])
def off_by_one(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int, *, off: str) -> Tensor:
    """You fill one place {off} than the count says. What rank does the surest place have, and what rank does the last
    one to be filled have?"""
    confidence, proposal, _ = guesses(tokens, logits, mask_id)
    return filled(tokens, confidence, proposal, counts + (1 if off == "more" else -1), mask_id)


@replaces("unmask_step")
def count_is_what_stays(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You leave as many masks as the count says. Does it count what is filled, or what is left?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    return filled(tokens, confidence, proposal, masked.sum(-1) - counts, mask_id)


@replaces("unmask_step")
def one_place_each(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You fill at most one place of each text. Which argument says how many?"""
    confidence, proposal, _ = guesses(tokens, logits, mask_id)
    return filled(tokens, confidence, proposal, counts.clamp(max=1), mask_id)


@replaces("unmask_step", which=["first", "last", "largest", "smallest"])
def one_count_for_all(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int, *, which: str) -> Tensor:
    """Every text is filled by the {which} of the counts. With which count should the ranks of a text be compared?"""
    confidence, proposal, _ = guesses(tokens, logits, mask_id)
    count = {"first": counts[0], "last": counts[-1], "largest": counts.max(), "smallest": counts.min()}[which]
    return filled(tokens, confidence, proposal, count.expand_as(counts), mask_id)


@replaces("unmask_step")
def ranks_the_batch(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You rank all places of the batch together, so a text where the model is sure takes places from the others. What
    should each place be compared with?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    rank = ranks(confidence.flatten(), masked.flatten()).view_as(tokens)
    return torch.where(masked & (rank < counts.sum()), proposal, tokens)


@replaces("unmask_step")
def order_for_rank(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You used the result of one argsort as ranks. It lists which place comes first, second and so on: how do you get
    from there to the rank of a place?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    order = confidence.masked_fill(~masked, -torch.inf).argsort(-1, descending=True)
    return torch.where(masked & (order < counts[:, None]), proposal, tokens)


@replaces("unmask_step")
def visible_is_rewritten(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """Where a count is larger than the number of masks, you overwrite visible places. What should happen to a place
    that was not masked?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    return torch.where(ranks(confidence, masked) < counts[:, None], proposal, tokens)


@replaces("unmask_step")
def visible_is_masked_again(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """All places that are not filled in this step are masked in your result, even those that were written before. What
    should happen to a place that was not masked?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    return torch.where(masked & (ranks(confidence, masked) < counts[:, None]), proposal, mask_id)


@replaces("unmask_step")
def tokens_overwritten(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """You write into tokens, which the caller still needs. Which operations return a new tensor?"""
    return tokens.copy_(unmask_step(tokens, logits, counts, mask_id))


@replaces("unmask_step")
def count_above_the_length(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """A count may be larger than T, and then all masks are filled. How many places can you ask topk for at most?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    confidence = confidence.masked_fill(~masked, -torch.inf)
    chosen = torch.zeros_like(masked)
    for b, n in enumerate(counts.tolist()):
        chosen[b, confidence[b].topk(n).indices] = True
    return torch.where(masked & chosen, proposal, tokens)


@replaces("unmask_step")
def not_below_the_worst(tokens: Tensor, logits: Tensor, counts: Tensor, mask_id: int) -> Tensor:
    """With a count of 0 you still fill a place. If you compare with the confidence of the last place to be filled,
    which one is that when there is none?"""
    confidence, proposal, masked = guesses(tokens, logits, mask_id)
    confidence = confidence.masked_fill(~masked, -torch.inf)
    ordered = confidence.sort(-1, descending=True).values
    bar = ordered.gather(-1, (counts - 1).clamp(0, tokens.shape[1] - 1)[:, None])
    return torch.where(masked & (confidence >= bar), proposal, tokens)
