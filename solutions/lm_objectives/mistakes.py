"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from lm_objectives import mlm_loss, span_corruption
from torch import Tensor

from grader.testing import replaces


def corrupted(chosen, ids, action_u, random_ids, mask_token_id):
    ids = torch.where(chosen & (action_u < 0.9), random_ids, ids)
    return torch.where(chosen & (action_u < 0.8), mask_token_id, ids)


@replaces("mlm_corrupt")
def always_mask(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """Your chosen tokens with action_u from 0.8 to 0.9 became [MASK] too. What does the docstring put there?"""
    chosen = (u < mlm_probability) & ~special
    return torch.where(chosen & (a < 0.9), mask_token_id, ids), torch.where(chosen, ids, ignore_index)


@replaces("mlm_corrupt")
def random_wins(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """You wrote [MASK] first, and then a random token wherever action_u is below 0.9: that covers the masked
    ones again. The second condition has to leave out the first."""
    chosen = (u < mlm_probability) & ~special
    return torch.where(chosen & (a < 0.9), random_ids, ids), torch.where(chosen, ids, ignore_index)


@replaces("mlm_corrupt")
def random_and_kept_swapped(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """You exchanged random tokens and tokens that stay. Which of the two has action_u from 0.8 to 0.9?"""
    chosen = (u < mlm_probability) & ~special
    out = torch.where(chosen & (a >= 0.9), random_ids, ids)
    return torch.where(chosen & (a < 0.8), mask_token_id, out), torch.where(chosen, ids, ignore_index)


@replaces("mlm_corrupt")
def labels_only_masked(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """Only the tokens under [MASK] got a label. All chosen tokens are scored, also the random and the
    unchanged ones: otherwise the model learns to trust every word that it can read."""
    chosen = (u < mlm_probability) & ~special
    labels = torch.where(chosen & (a < 0.8), ids, ignore_index)
    return corrupted(chosen, ids, a, random_ids, mask_token_id), labels


@replaces("mlm_corrupt")
def labels_where_changed(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """You labelled the tokens that changed. The chosen ones that stayed as they are have a label too: they
    teach the model that a readable word may also have to be predicted."""
    chosen = (u < mlm_probability) & ~special
    out = corrupted(chosen, ids, a, random_ids, mask_token_id)
    return out, torch.where(out != ids, ids, ignore_index)


@replaces("mlm_corrupt")
def labels_everywhere(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """Every token has a label. 85 % of them stand in the input, and copying them dominates the loss: what
    was not chosen gets ignore_index."""
    chosen = (u < mlm_probability) & ~special
    return corrupted(chosen, ids, a, random_ids, mask_token_id), ids


@replaces("mlm_corrupt")
def labels_from_corrupted(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """Your labels are taken from the corrupted text, so the answer to [MASK] is [MASK]. They hold what stood
    there before."""
    chosen = (u < mlm_probability) & ~special
    out = corrupted(chosen, ids, a, random_ids, mask_token_id)
    return out, torch.where(chosen, out, ignore_index)


@replaces("mlm_corrupt")
def special_chosen(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """You chose special tokens too. For which tokens is special_mask True, and what does the docstring say about
    them?"""
    chosen = u < mlm_probability
    labels = torch.where(chosen, ids, ignore_index)
    return corrupted(chosen, ids, a, random_ids, mask_token_id), labels


@replaces("mlm_corrupt")
def special_only(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """You chose the special tokens and spared all others: special_mask is True where nothing may be
    chosen."""
    chosen = (u < mlm_probability) & special
    labels = torch.where(chosen, ids, ignore_index)
    return corrupted(chosen, ids, a, random_ids, mask_token_id), labels


@replaces("mlm_corrupt")
def one_too_many(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """Your comparisons include the boundary. A draw from [0, 1) is below p with probability p: chosen means
    select_u < p, and 0.8 and 0.9 are bounds of the same kind."""
    chosen = (u <= mlm_probability) & ~special
    out = torch.where(chosen & (a <= 0.9), random_ids, ids)
    return torch.where(chosen & (a <= 0.8), mask_token_id, out), torch.where(chosen, ids, ignore_index)


@replaces("mlm_corrupt")
def fixed_constants(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """You wrote 0.15 and -100 into the code. Which two arguments hold these numbers?"""
    chosen = (u < 0.15) & ~special
    return corrupted(chosen, ids, a, random_ids, mask_token_id), torch.where(chosen, ids, -100)


@replaces("mlm_corrupt")
def labels_unless_special(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """Every token that is not special has a label. The model shall predict the chosen tokens only: which condition do
    your labels leave out?"""
    chosen = (u < mlm_probability) & ~special
    return corrupted(chosen, ids, a, random_ids, mask_token_id), torch.where(special, ignore_index, ids)


@replaces("mlm_corrupt")
def fixed_ignore(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """Your labels hold -100 where no token was chosen, whatever ignore_index is. Which number does the caller want
    there?"""
    chosen = (u < mlm_probability) & ~special
    return corrupted(chosen, ids, a, random_ids, mask_token_id), torch.where(chosen, ids, -100)


@replaces("mlm_corrupt")
def fixed_probability(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """You choose 15 % of the tokens, whatever mlm_probability is. With which number does the docstring compare
    select_u?"""
    chosen = (u < 0.15) & ~special
    return corrupted(chosen, ids, a, random_ids, mask_token_id), torch.where(chosen, ids, ignore_index)


@replaces("mlm_corrupt")
def never_kept(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """Each chosen token becomes a mask token or a random token. What happens to the chosen tokens whose action_u is
    0.9 or more?"""
    chosen = (u < mlm_probability) & ~special
    text = torch.where(chosen, random_ids, ids)
    return torch.where(chosen & (a < 0.8), mask_token_id, text), torch.where(chosen, ids, ignore_index)


@replaces("mlm_corrupt")
def ids_overwritten(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """You write the mask and the random tokens into input_ids, and the caller still needs the text. Which operation
    leaves input_ids as it is?"""
    chosen = (u < mlm_probability) & ~special
    labels = torch.where(chosen, ids, ignore_index)
    ids[:] = corrupted(chosen, ids, a, random_ids, mask_token_id)
    return ids, labels


@replaces("mlm_corrupt")
def special_labelled(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """Your special tokens stay as they are, and those with a small select_u have a label nevertheless. Which tokens are
    never chosen, and what do the labels hold for these?"""
    chosen = (u < mlm_probability) & ~special
    labels = torch.where(u < mlm_probability, ids, ignore_index)
    return corrupted(chosen, ids, a, random_ids, mask_token_id), labels


@replaces("mlm_corrupt")
def random_in_turn(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """You take the tokens of random_ids one after the other, from the beginning. Each position has one of its own: what
    stands in random_ids where the token is replaced?"""
    chosen = (u < mlm_probability) & ~special
    text = torch.where(chosen & (a < 0.8), mask_token_id, ids)
    text = text.masked_scatter(chosen & (a >= 0.8) & (a < 0.9), random_ids)
    return text, torch.where(chosen, ids, ignore_index)


def token_losses(logits, labels, ignore_index):
    """-log p of the label, (B, T), with 0 where there is none, and which have one."""
    keep = labels != ignore_index
    log_p = torch.log_softmax(logits, -1).gather(-1, labels.masked_fill(~keep, 0)[..., None])[..., 0]
    return -log_p * keep, keep


@replaces("mlm_loss")
def mean_over_all(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You divided by the number of all positions, so that the loss becomes smaller with padding. Which positions
    have a label?"""
    losses, _ = token_losses(logits, labels, ignore_index)
    return losses.sum() / max(labels.numel(), 1)


@replaces("mlm_loss")
def mean_of_means(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You took the mean of each sequence and then the mean of those, so a label in a sequence with few of them
    weighs more. Every label of the batch weighs the same."""
    losses, keep = token_losses(logits, labels, ignore_index)
    means = losses.sum(-1) / keep.sum(-1).clamp(min=1)
    return means.sum() / keep.any(-1).sum().clamp(min=1)


@replaces("mlm_loss")
def sum_of_losses(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You returned the sum of the losses, which doubles with the size of the batch. By what does a mean divide?"""
    return token_losses(logits, labels, ignore_index)[0].sum()


@replaces("mlm_loss")
def nan_on_empty(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """Without a label you divided 0 by 0. The NaN reaches every weight of the model in the next step; the
    loss of nothing is 0."""
    losses, keep = token_losses(logits, labels, ignore_index)
    return losses.sum() / keep.sum()


@replaces("mlm_loss")
def log_of_softmax(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You took the logarithm of a softmax. The softmax of a very unlikely token rounds to 0: how is the logarithm
    computed without the softmax?"""
    keep = labels != ignore_index
    log_p = torch.log(torch.softmax(logits, -1)).gather(-1, labels.masked_fill(~keep, 0)[..., None])[..., 0]
    return torch.where(keep, -log_p, 0.0).sum() / keep.sum().clamp(min=1)


@replaces("mlm_loss")
def exp_overflows(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """exp of a large logit is infinite. What can be subtracted from all logits of a position without changing
    its softmax?"""
    keep = labels != ignore_index
    log_p = logits - logits.exp().sum(-1, keepdim=True).log()
    log_p = log_p.gather(-1, labels.masked_fill(~keep, 0)[..., None])[..., 0]
    return torch.where(keep, -log_p, 0.0).sum() / keep.sum().clamp(min=1)


@replaces("mlm_loss")
def negative(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You returned the mean logarithm of the probabilities, which grows when the model improves. Which sign has a
    loss?"""
    return -mlm_loss(logits, labels, ignore_index)


@replaces("mlm_loss")
def ignores_negative(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """Your loss leaves out labels by a rule of its own. Which argument says which label means «none», and can it be
    the number of a token?"""
    losses, keep = token_losses(logits, labels.masked_fill(labels < 0, -100), -100)
    return losses.sum() / keep.sum().clamp(min=1)


@replaces("mlm_loss")
def zero_is_no_label(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """A label of 0 counts for nothing in your loss, whatever ignore_index is. Of which token is 0 the number, and who
    says which label means «none»?"""
    losses, keep = token_losses(logits, labels, ignore_index)
    keep = keep & (labels != 0)
    return (losses * keep).sum() / keep.sum().clamp(min=1)


@replaces("mlm_loss")
def looks_up_the_ignored(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You look up a log-probability at every label, and only then leave out the ignored ones. That goes well while
    ignore_index is negative and clamped to 0, and fails where it is above V. What can be looked up in its place?"""
    keep = labels != ignore_index
    losses = -logits.log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return (losses * keep).sum() / keep.sum().clamp(min=1)


@replaces("mlm_loss")
def constant_of_nothing(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """Without a label you return a new 0, which no gradient connects with the logits: backward() fails. How can the 0
    be computed from the logits?"""
    if (labels == ignore_index).all():
        return torch.zeros((), dtype=logits.dtype)
    return mlm_loss(logits, labels, ignore_index)


@replaces("mlm_loss")
def float32_of_nothing(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """Without a label you return a new 0. It is float32 whatever the logits are, and no gradient connects it with
    them, so that backward() fails. From what can a 0 be computed that has both?"""
    if (labels == ignore_index).all():
        return torch.tensor(0.0)
    return mlm_loss(logits, labels, ignore_index)


def long_enough(labels: Tensor) -> None:
    if labels.shape[1] < 2:
        raise ValueError(f"there is no next token in a sequence of {labels.shape[1]}")


@replaces("clm_loss")
def no_shift(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You compared the logits at t with the label at t, which is the token that the model has just read. It
    learns to copy. Which token do these logits predict?"""
    long_enough(labels)
    return mlm_loss(logits, labels, ignore_index)


@replaces("clm_loss")
def predicts_the_past(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You shifted the wrong way: the logits at t were compared with the label at t - 1. Which end of the logits
    and which of the labels has no partner?"""
    long_enough(labels)
    return mlm_loss(logits[:, 1:], labels[:, :-1], ignore_index)


@replaces("clm_loss")
def shift_wraps(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You rolled the labels, and the last position has to predict the first token of the text. The last logits
    predict nothing."""
    long_enough(labels)
    return mlm_loss(logits, labels.roll(-1, dims=1), ignore_index)


@replaces("clm_loss")
def counts_first_label(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You divided by the number of all labels. The first label of each sequence is predicted by nothing and
    does not count: first shift, then count."""
    long_enough(labels)
    losses, _ = token_losses(logits[:, :-1], labels[:, 1:], ignore_index)
    return losses.sum() / (labels != ignore_index).sum().clamp(min=1)


@replaces("clm_loss")
def batch_shift(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You shifted along the batch, so that each sequence predicts the next sequence. Which axis of (B, T, V) is the
    time?"""
    long_enough(labels)
    return mlm_loss(logits[:-1], labels[1:], ignore_index)


@replaces("clm_loss")
def unchecked_length(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """A sequence of one token has no next token. Your loss for it is a number: raise ValueError, so that the
    caller finds out."""
    return mlm_loss(logits[:, :-1], labels[:, 1:], ignore_index)


@replaces("clm_loss")
def flattened_first(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You flattened the batch before the shift. The last logits of a text then meet the first label of the next text:
    which of the two steps has to come first?"""
    long_enough(labels)
    return mlm_loss(logits.flatten(0, 1)[None, :-1], labels.flatten()[None, 1:], ignore_index)


@replaces("clm_loss")
def one_less_for_each(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You counted the labels of all positions and took one away for each text. A first label can be ignore_index, and
    then it was never counted: which labels have logits before them?"""
    long_enough(labels)
    losses, _ = token_losses(logits[:, :-1], labels[:, 1:], ignore_index)
    return losses.sum() / ((labels != ignore_index).sum() - len(labels)).clamp(min=1)


@replaces("clm_loss")
def ignore_lost(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """Your clm_loss leaves out the label -100, whatever ignore_index is. Who tells the inner loss which label to leave
    out?"""
    long_enough(labels)
    return mlm_loss(logits[:, :-1], labels[:, 1:])


@replaces("clm_loss")
def ignore_lost_by_torch(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """Your clm_loss knows the label -100 alone, whatever ignore_index is: another one is looked up as if it were a
    token. Which of its arguments does your clm_loss never read?"""
    long_enough(labels)
    total = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
    return total / (labels[:, 1:] != -100).sum().clamp(min=1)


def checked(ids, spans):
    end = -1
    for start, length in sorted(spans):
        if length < 1 or start <= end or start < 0 or start + length > len(ids):
            raise ValueError(f"the span {(start, length)} is empty, leaves the text or meets another")
        end = start + length


def assemble(ids, spans, sentinels, keep=False):
    """Input and target; sentinels has one more than there are spans, or as many to leave out the last."""
    text, target, end = [], [], 0
    for sentinel, (start, length) in zip(sentinels, spans, strict=False):
        span = ids[start : start + length]
        text += [*ids[end:start], sentinel, *(span if keep else [])]
        target += [sentinel, *span]
        end = start + length
    return text + ids[end:], target + list(sentinels[len(spans) :])


@replaces("span_corruption")
def same_sentinel(ids, spans, first_sentinel_id):
    """All your spans have the same sentinel, so the target does not say which piece belongs to which gap. How many
    different sentinels are needed?"""
    checked(ids, spans)
    return assemble(ids, sorted(spans), [first_sentinel_id] * (len(spans) + 1))


@replaces("span_corruption")
def ascending(ids, spans, first_sentinel_id):
    """Your sentinels count up. T5's first sentinel is the highest id of its vocabulary, 32099: what would
    32100 be?"""
    checked(ids, spans)
    return assemble(ids, sorted(spans), [first_sentinel_id + n for n in range(len(spans) + 1)])


def falling(first, count):
    return [first - n for n in range(count)]


@replaces("span_corruption")
def no_final_sentinel(ids, spans, first_sentinel_id):
    """Your target ends with the last span. One more sentinel closes it, so that the model can say that it is
    done."""
    checked(ids, spans)
    return assemble(ids, sorted(spans), falling(first_sentinel_id, len(spans)))


@replaces("span_corruption")
def end_of_text(ids, spans, first_sentinel_id):
    """You appended the id 1, T5's end of text. With which number does the target of the docstring end?"""
    text, target = span_corruption(ids, spans, first_sentinel_id)
    return text, [*target, 1]


@replaces("span_corruption")
def as_given(ids, spans, first_sentinel_id):
    """You took the spans in the order in which they came. Sentinels follow the text from left to right: put
    the spans in that order first."""
    checked(ids, spans)
    return assemble(ids, spans, falling(first_sentinel_id, len(spans) + 1))


@replaces("span_corruption")
def start_and_end(ids, spans, first_sentinel_id):
    """You read a span as start and end. What does the docstring call the second number?"""
    checked(ids, spans)
    spans = [(start, max(end - start, 0)) for start, end in sorted(spans)]
    return assemble(ids, spans, falling(first_sentinel_id, len(spans) + 1))


@replaces("span_corruption")
def spans_stay(ids, spans, first_sentinel_id):
    """The tokens of the spans are still in the input, each behind its sentinel: the answer stands there. A
    sentinel replaces its span."""
    checked(ids, spans)
    return assemble(ids, sorted(spans), falling(first_sentinel_id, len(spans) + 1), keep=True)


@replaces("span_corruption")
def one_sentinel_per_token(ids, spans, first_sentinel_id):
    """Each token of a span got a sentinel of its own. How many sentinels stand in the place of one whole span?"""
    checked(ids, spans)
    single = [(t, 1) for start, length in sorted(spans) for t in range(start, start + length)]
    return assemble(ids, single, falling(first_sentinel_id, len(single) + 1))


@replaces("span_corruption")
def unchecked_spans(ids, spans, first_sentinel_id):
    """Spans that are not allowed give a result: Python's slices raise no error. For which spans does the docstring
    promise a ValueError?"""
    return assemble(ids, sorted(spans), falling(first_sentinel_id, len(spans) + 1))


@replaces("span_corruption")
def touching(ids, spans, first_sentinel_id):
    """Two spans that touch give a result, and two sentinels stand side by side. How many tokens have to stand
    between two spans?"""
    end = 0
    for start, length in sorted(spans):
        if length < 1 or start < end or start + length > len(ids):
            raise ValueError(f"the span {(start, length)} is empty, leaves the text or meets another")
        end = start + length
    return assemble(ids, sorted(spans), falling(first_sentinel_id, len(spans) + 1))


@replaces("span_corruption")
def merged_and_cut(ids, spans, first_sentinel_id):
    """You make one span of spans that meet, and cut off what leaves the text. The caller then never learns that the
    spans were wrong: what does the docstring promise for them?"""
    hidden = {t for start, length in spans for t in range(start, start + length) if 0 <= t < len(ids)}
    starts = [t for t in sorted(hidden) if t - 1 not in hidden]
    ends = [t + 1 for t in sorted(hidden) if t + 1 not in hidden]
    merged = [(start, end - start) for start, end in zip(starts, ends, strict=True)]
    checked(ids, [each for each in spans if each[1] < 1])
    return assemble(ids, merged, falling(first_sentinel_id, len(merged) + 1))


@replaces("span_corruption")
def numbered_as_given(ids, spans, first_sentinel_id):
    """Each span has its place in the text, but you numbered the sentinels in the order in which the spans came. Which
    span is the first in the text?"""
    checked(ids, spans)
    order = sorted(range(len(spans)), key=lambda n: spans[n])
    text, _ = assemble(ids, sorted(spans), [first_sentinel_id - n for n in order])
    target = []
    for n, (start, length) in enumerate(spans):
        target += [first_sentinel_id - n, *ids[start : start + length]]
    return text, [*target, first_sentinel_id - len(spans)]


@replaces("span_corruption")
def numbered_before_sorting(ids, spans, first_sentinel_id):
    """You numbered the sentinels in the order in which the spans came, and sorted afterwards, so they do not count down
    along the text. Which of the two steps comes first?"""
    checked(ids, spans)
    order = sorted(range(len(spans)), key=lambda n: spans[n])
    sentinels = [first_sentinel_id - n for n in [*order, len(spans)]]
    return assemble(ids, sorted(spans), sentinels)


@replaces("span_corruption")
def empty_without_spans(ids, spans, first_sentinel_id):
    """Without spans your target is empty. The docstring says how each target ends: is there an exception?"""
    return span_corruption(ids, spans, first_sentinel_id) if spans else (ids[:], [])


@replaces("span_corruption")
def ends_with_the_last_one(ids, spans, first_sentinel_id):
    """Your target ends with the sentinel of the last span once more. The docstring speaks of one more sentinel: how
    do the sentinels go on after the last span?"""
    checked(ids, spans)
    sentinels = falling(first_sentinel_id, len(spans))
    return assemble(ids, sorted(spans), [*sentinels, first_sentinel_id - max(len(spans) - 1, 0)])


@replaces("span_corruption")
def negative_start(ids, spans, first_sentinel_id):
    """A span with a negative start went through. Python counts such a start from the end: is it a place in the text
    here?"""
    moved = [(start % len(ids) if start < 0 else start, length) for start, length in spans]
    return span_corruption(ids, moved, first_sentinel_id)
