"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import torch
import torch.nn.functional as F
from lm_objectives import mlm_loss, span_corruption
from torch import Tensor

from grader.testing import replaces


def corrupted(chosen, ids, a, random_ids, mask_token_id, mask_below=0.8, random_below=0.9):
    ids = torch.where(chosen & (a < random_below), random_ids, ids)
    return torch.where(chosen & (a < mask_below), mask_token_id, ids)


@replaces(
    "mlm_corrupt",
    shares=[
        "90 %, 0 % and 10 %",
        "80 %, 20 % and 0 %",
        "100 %, 0 % and 0 %",
        "80 %, 0 % and 20 %",
        "0 %, 90 % and 10 %",
        "10 %, 80 % and 10 %",
        "10 %, 10 % and 80 %",
    ],
)
def other_shares(
    ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100, *, shares: str
):
    """Of the chosen tokens you turn {shares} into [MASK], a random token and themselves. Which action_u leads to which
    of the three?"""
    chosen = (u < mlm_probability) & ~special
    mask_below, random_below = {
        "90 %, 0 % and 10 %": (0.9, 0.9),
        "80 %, 20 % and 0 %": (0.8, 1.0),
        "100 %, 0 % and 0 %": (1.0, 1.0),
        "80 %, 0 % and 20 %": (0.8, 0.8),
        "0 %, 90 % and 10 %": (0.0, 0.9),
        "10 %, 80 % and 10 %": (0.1, 0.9),
        "10 %, 10 % and 80 %": (0.1, 0.2),
    }[shares]
    out = corrupted(chosen, ids, a, random_ids, mask_token_id, mask_below, random_below)
    return out, torch.where(chosen, ids, ignore_index)


@replaces("mlm_corrupt")
def random_and_kept_swapped(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """You exchanged random tokens and tokens that stay. Which of the two has an action_u from 0.8 to 0.9?"""
    chosen = (u < mlm_probability) & ~special
    out = torch.where(chosen & (a >= 0.9), random_ids, ids)
    return torch.where(chosen & (a < 0.8), mask_token_id, out), torch.where(chosen, ids, ignore_index)


@replaces("mlm_corrupt", what=["random tokens", "[MASK]", "[MASK] and random tokens"])
def unchosen_changed(
    ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100, *, what: str
):
    """You put {what} at tokens that were not chosen, too. Which two conditions does a token have to meet before it
    changes?"""
    chosen = (u < mlm_probability) & ~special
    everywhere = torch.ones_like(chosen)
    out = torch.where((everywhere if "random" in what else chosen) & (a < 0.9), random_ids, ids)
    if what == "random tokens":
        out = torch.where(~chosen & (a < 0.8), ids, out)
    return torch.where((everywhere if "[MASK]" in what else chosen) & (a < 0.8), mask_token_id, out), torch.where(
        chosen, ids, ignore_index
    )


@replaces(
    "mlm_corrupt",
    which=["were not masked", "stayed as they are", "became random tokens"],
)
def labels_missing(
    ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100, *, which: str
):
    """Chosen tokens that {which} have no label in your result. Does the model know which of the words that it reads it
    has to predict, and which of the chosen ones count?"""
    chosen = (u < mlm_probability) & ~special
    labelled = {
        "were not masked": chosen & (a < 0.8),
        "stayed as they are": chosen & (a < 0.9),
        "became random tokens": chosen & ((a < 0.8) | (a >= 0.9)),
    }[which]
    return corrupted(chosen, ids, a, random_ids, mask_token_id), torch.where(labelled, ids, ignore_index)


@replaces(
    "mlm_corrupt",
    what=[
        "every token",
        "every token that is not special",
        "special tokens with a small select_u",
        "only the tokens that were not chosen",
    ],
)
def labels_of_too_many(
    ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100, *, what: str
):
    """Your labels hold {what}. Which tokens does the docstring label, and what do the labels hold for the others?"""
    chosen = (u < mlm_probability) & ~special
    labelled = {
        "every token": torch.ones_like(chosen),
        "every token that is not special": ~special,
        "special tokens with a small select_u": u < mlm_probability,
        "only the tokens that were not chosen": ~chosen,
    }[what]
    return corrupted(chosen, ids, a, random_ids, mask_token_id), torch.where(labelled, ids, ignore_index)


@replaces("mlm_corrupt")
def labels_from_corrupted(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """Your labels are taken from the corrupted text, so the answer to [MASK] is [MASK]. When in your code do the labels
    have to be written?"""
    chosen = (u < mlm_probability) & ~special
    out = corrupted(chosen, ids, a, random_ids, mask_token_id)
    return out, torch.where(chosen, out, ignore_index)


@replaces(
    "mlm_corrupt",
    which=["special tokens too", "special tokens only", "tokens whose select_u is not below p"],
)
def others_chosen(
    ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100, *, which: str
):
    """You chose {which}. For which tokens is special_mask True, and for which draws is a token chosen?"""
    below = u < mlm_probability
    chosen = {
        "special tokens too": below,
        "special tokens only": below & special,
        "tokens whose select_u is not below p": ~below & ~special,
    }[which]
    return corrupted(chosen, ids, a, random_ids, mask_token_id), torch.where(chosen, ids, ignore_index)


@replaces("mlm_corrupt", draw=["select_u", "action_u", "select_u and of action_u"])
def bound_included(
    ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100, *, draw: str
):
    """Your comparison of {draw} includes the bound. A draw from [0, 1) is below p with probability p: what happens to a
    draw of exactly p?"""
    chosen = (u <= mlm_probability if "select_u" in draw else u < mlm_probability) & ~special
    include = "action_u" in draw
    out = torch.where(chosen & (a <= 0.9 if include else a < 0.9), random_ids, ids)
    return torch.where(chosen & (a <= 0.8 if include else a < 0.8), mask_token_id, out), torch.where(
        chosen, ids, ignore_index
    )


@replaces("mlm_corrupt", argument=["mlm_probability", "ignore_index", "mlm_probability, like ignore_index,"])
def fixed_constants(
    ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100, *, argument: str
):
    """{argument} has no effect on your result. Which number does your code hold instead of it?"""
    p = 0.15 if "mlm_probability" in argument else mlm_probability
    chosen = (u < p) & ~special
    labels = torch.where(chosen, ids, -100 if "ignore_index" in argument else ignore_index)
    return corrupted(chosen, ids, a, random_ids, mask_token_id), labels


@replaces("mlm_corrupt")
def ids_overwritten(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """You write into input_ids, and the caller still needs that text. Which operations make a new tensor?"""
    chosen = (u < mlm_probability) & ~special
    labels = torch.where(chosen, ids, ignore_index)
    ids[:] = corrupted(chosen, ids, a, random_ids, mask_token_id)
    return ids, labels


@replaces("mlm_corrupt")
def random_in_turn(ids, special, u, a, random_ids, mask_token_id, mlm_probability=0.15, ignore_index=-100):
    """You take the tokens of random_ids one after the other, from the beginning. What is in random_ids at the place of
    a token that is replaced?"""
    chosen = (u < mlm_probability) & ~special
    text = torch.where(chosen & (a < 0.8), mask_token_id, ids)
    text = text.masked_scatter(chosen & (a >= 0.8) & (a < 0.9), random_ids)
    return text, torch.where(chosen, ids, ignore_index)


def token_losses(logits, labels, ignore_index):
    """-log p of the label, (B, T), with 0 where there is none, and which have one."""
    keep = labels != ignore_index
    log_p = torch.log_softmax(logits, -1).gather(-1, labels.masked_fill(~keep, 0)[..., None])[..., 0]
    return -log_p * keep, keep


@replaces(
    "mlm_loss",
    what=[
        "the number of all positions",
        "nothing",
        "the number of sequences",
        "their length",
        "the number of labels plus 1",
    ],
)
def another_divisor(logits: Tensor, labels: Tensor, ignore_index: int = -100, *, what: str) -> Tensor:
    """You divided the sum of the losses by {what}. How many terms does the mean in the docstring have?"""
    losses, keep = token_losses(logits, labels, ignore_index)
    divisor = {
        "the number of all positions": labels.numel(),
        "nothing": 1,
        "the number of sequences": len(labels),
        "their length": labels.shape[1],
        "the number of labels plus 1": keep.sum() + 1,
    }[what]
    return losses.sum() / divisor


@replaces("mlm_loss")
def mean_of_means(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You took the mean of each sequence and then the mean of those. How much does a label count in a sequence with few
    labels, and how much in one with many?"""
    losses, keep = token_losses(logits, labels, ignore_index)
    means = losses.sum(-1) / keep.sum(-1).clamp(min=1)
    return means.sum() / keep.any(-1).sum().clamp(min=1)


@replaces("mlm_loss")
def nan_on_empty(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """Without a label your loss is NaN. What is the sum of no losses, how many are there, and what do you do with the
    two?"""
    losses, keep = token_losses(logits, labels, ignore_index)
    return losses.sum() / keep.sum()


@replaces("mlm_loss", how=["softmax", "exp"])
def large_logits(logits: Tensor, labels: Tensor, ignore_index: int = -100, *, how: str) -> Tensor:
    """At logits of 10000 your loss is infinite or NaN. What are e^10000 and the logarithm of a softmax that rounds to
    0, and which function avoids both?"""
    keep = labels != ignore_index
    log_p = logits.softmax(-1).log() if how == "softmax" else logits - logits.exp().sum(-1, keepdim=True).log()
    log_p = log_p.gather(-1, labels.masked_fill(~keep, 0)[..., None])[..., 0]
    return torch.where(keep, -log_p, 0.0).sum() / keep.sum().clamp(min=1)


@replaces("mlm_loss", small=[1e-12, 1e-10, 1e-9, 1e-8, 1e-6])
def little_added(logits: Tensor, labels: Tensor, ignore_index: int = -100, *, small: float) -> Tensor:
    """The loss of an unlikely token is too small, as if {small} were added to its probability. Which function gives the
    logarithm of a softmax without that?"""
    keep = labels != ignore_index
    p = logits.softmax(-1).gather(-1, labels.masked_fill(~keep, 0)[..., None])[..., 0]
    return torch.where(keep, -(p + small).log(), 0.0).sum() / keep.sum().clamp(min=1)


@replaces("mlm_loss")
def softmax_twice(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """Your logits went through two softmaxes. What does the function that you call expect: logits, probabilities or
    their logarithms?"""
    return mlm_loss(logits.softmax(-1), labels, ignore_index)


@replaces("mlm_loss")
def negative(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You returned the mean logarithm of the probabilities, which grows as the model improves. Should a loss grow
    then?"""
    return -mlm_loss(logits, labels, ignore_index)


@replaces("mlm_loss", which=["negative", "−100 as the only"])
def own_rule(logits: Tensor, labels: Tensor, ignore_index: int = -100, *, which: str) -> Tensor:
    """You leave out {which} labels, whatever ignore_index is. Which label means «none» here, and can it be the number
    of a token?"""
    if which == "negative":
        labels = labels.masked_fill(labels < 0, -100)
    losses, keep = token_losses(logits, labels, -100)
    return losses.sum() / keep.sum().clamp(min=1)


@replaces("mlm_loss")
def zero_is_no_label(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """A label of 0 counts for nothing in your loss, whatever ignore_index is. Which token has the number 0, and which
    argument says what means «none»?"""
    losses, keep = token_losses(logits, labels, ignore_index)
    keep = keep & (labels != 0)
    return (losses * keep).sum() / keep.sum().clamp(min=1)


@replaces("mlm_loss")
def looks_up_the_ignored(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You look up a log-probability at every label and leave out the ignored ones afterwards, which fails for an
    ignore_index of V or more. What can you look up there instead?"""
    keep = labels != ignore_index
    losses = -logits.log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return (losses * keep).sum() / keep.sum().clamp(min=1)


@replaces("mlm_loss", like=[True, False])
def zero_from_nowhere(logits: Tensor, labels: Tensor, ignore_index: int = -100, *, like: bool) -> Tensor:
    """Without a label you return a new 0, which no gradient connects with the logits. How can a 0 be computed from
    them?"""
    if (labels == ignore_index).all():
        return torch.zeros((), dtype=logits.dtype if like else torch.float32)
    return mlm_loss(logits, labels, ignore_index)


def long_enough(labels: Tensor) -> None:
    if labels.shape[1] < 2:
        raise ValueError(f"there is no next token in a sequence of {labels.shape[1]}")


@replaces("clm_loss", where=["t", "t − 1", "t + 2"])
def another_shift(logits: Tensor, labels: Tensor, ignore_index: int = -100, *, where: str) -> Tensor:
    """Your logits at t meet the label at {where}. Which token has the model just read at t, and which one do its logits
    predict?"""
    long_enough(labels)
    if where == "t":
        return mlm_loss(logits, labels, ignore_index)
    if where == "t − 1":
        return mlm_loss(logits[:, 1:], labels[:, :-1], ignore_index)
    return mlm_loss(logits[:, :-2], labels[:, 2:], ignore_index)


@replaces("clm_loss")
def shift_wraps(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You rolled the labels, so the last position has to predict the first token of the text. What do the last logits
    predict?"""
    long_enough(labels)
    return mlm_loss(logits, labels.roll(-1, dims=1), ignore_index)


@replaces("clm_loss")
def counts_first_label(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You divided by the number of all labels. Which logits predict the first label of a sequence, and does it
    count?"""
    long_enough(labels)
    losses, _ = token_losses(logits[:, :-1], labels[:, 1:], ignore_index)
    return losses.sum() / (labels != ignore_index).sum().clamp(min=1)


@replaces("clm_loss")
def batch_shift(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You shifted along the batch, so each sequence predicts the next sequence. Which axis of (B, T, V) is time?"""
    long_enough(labels)
    return mlm_loss(logits[:-1], labels[1:], ignore_index)


@replaces("clm_loss")
def unchecked_length(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """Your loss for a sequence of one token is a number. Which token could it predict, and what does the docstring
    promise?"""
    return mlm_loss(logits[:, :-1], labels[:, 1:], ignore_index)


@replaces("clm_loss")
def two_refused(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You raise ValueError for two positions. How many of their logits have a label to predict?"""
    if labels.shape[1] < 3:
        raise ValueError("too short")
    return mlm_loss(logits[:, :-1], labels[:, 1:], ignore_index)


@replaces("clm_loss")
def flattened_first(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You flattened the batch before the shift, so the last logits of a text meet the first label of the next. Which of
    the two steps has to come first?"""
    long_enough(labels)
    return mlm_loss(logits.flatten(0, 1)[None, :-1], labels.flatten()[None, 1:], ignore_index)


@replaces("clm_loss")
def one_less_for_each(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """You counted the labels of all positions and took one away for each text. What if a first label is ignore_index?
    Which labels have logits before them?"""
    long_enough(labels)
    losses, _ = token_losses(logits[:, :-1], labels[:, 1:], ignore_index)
    return losses.sum() / ((labels != ignore_index).sum() - len(labels)).clamp(min=1)


@replaces("clm_loss")
def ignore_lost(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """Your clm_loss leaves out the label −100, whatever ignore_index is. How does the inner loss learn which label to
    leave out?"""
    long_enough(labels)
    return mlm_loss(logits[:, :-1], labels[:, 1:])


@replaces("clm_loss")
def ignore_lost_by_torch(logits: Tensor, labels: Tensor, ignore_index: int = -100) -> Tensor:
    """Your clm_loss treats every label but −100 as a token, whatever ignore_index is. Which of its arguments does it
    never read?"""
    long_enough(labels)
    total = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
    return total / (labels[:, 1:] != -100).sum().clamp(min=1)


def checked(ids, spans):
    end = -1
    for start, length in sorted(spans):
        if length < 1 or start <= end or start < 0 or start + length > len(ids):
            raise ValueError(f"the span {(start, length)} is empty, leaves the text or meets another")
        end = start + length


def assemble(ids, spans, sentinels, keep=False, marked=True):
    """Input and target; sentinels has one more than there are spans, or as many to leave out the last."""
    text, target, end = [], [], 0
    for sentinel, (start, length) in zip(sentinels, spans, strict=False):
        span = ids[start : start + length]
        text += [*ids[end:start], *([sentinel] if marked else []), *(span if keep else [])]
        target += [sentinel, *span]
        end = start + length
    return text + ids[end:], target + list(sentinels[len(spans) :])


def falling(first, count):
    return [first - n for n in range(count)]


@replaces("span_corruption")
def same_sentinel(ids, spans, first_sentinel_id):
    """All your spans have the same sentinel, so the target does not say which piece belongs to which gap. How many
    different sentinels are needed?"""
    checked(ids, spans)
    return assemble(ids, sorted(spans), [first_sentinel_id] * (len(spans) + 1))


@replaces("span_corruption")
def ascending(ids, spans, first_sentinel_id):
    """Your sentinels count up. T5's first sentinel is the highest id of its vocabulary, 32099: what would 32100 be?"""
    checked(ids, spans)
    return assemble(ids, sorted(spans), [first_sentinel_id + n for n in range(len(spans) + 1)])


@replaces(
    "span_corruption",
    end=[
        "the last span",
        "the id 1 after the sentinel",
        "the id 1",
        "the sentinel of the last span again",
        "the first sentinel",
        "two more sentinels",
    ],
)
def another_end(ids, spans, first_sentinel_id, *, end: str):
    """Your target ends with {end}. What does the docstring put at the end, and how do the sentinels go on after the
    last span?"""
    checked(ids, spans)
    text, target = assemble(ids, sorted(spans), falling(first_sentinel_id, len(spans)))
    last = first_sentinel_id - len(spans)
    return text, target + {
        "the last span": [],
        "the id 1 after the sentinel": [last, 1],
        "the id 1": [1],
        "the sentinel of the last span again": [min(last + 1, first_sentinel_id)],
        "the first sentinel": [first_sentinel_id],
        "two more sentinels": [last, last - 1],
    }[end]


@replaces("span_corruption")
def end_in_the_input(ids, spans, first_sentinel_id):
    """Your input ends with a sentinel that replaces no span. Which of the two lists does the docstring close with
    one?"""
    text, target = span_corruption(ids, spans, first_sentinel_id)
    return [*text, target[-1]], target


@replaces("span_corruption")
def empty_without_spans(ids, spans, first_sentinel_id):
    """Without spans your target is empty. How does every target end, according to the docstring?"""
    return span_corruption(ids, spans, first_sentinel_id) if spans else (ids[:], [])


@replaces("span_corruption")
def as_given(ids, spans, first_sentinel_id):
    """You took the spans in the order in which they came. In which order does a reader of the text meet the
    sentinels?"""
    checked(ids, spans)
    return assemble(ids, spans, falling(first_sentinel_id, len(spans) + 1))


@replaces("span_corruption")
def numbered_as_given(ids, spans, first_sentinel_id):
    """Your input is cut in the right places, but you numbered the sentinels in the order in which the spans came. Which
    span comes first in the text?"""
    checked(ids, spans)
    order = sorted(range(len(spans)), key=lambda n: spans[n])
    text, _ = assemble(ids, sorted(spans), [first_sentinel_id - n for n in order])
    target = []
    for n, (start, length) in enumerate(spans):
        target += [first_sentinel_id - n, *ids[start : start + length]]
    return text, [*target, first_sentinel_id - len(spans)]


@replaces("span_corruption")
def numbered_before_sorting(ids, spans, first_sentinel_id):
    """You numbered the sentinels in the order in which the spans came and sorted afterwards, so they do not count down
    along the text. Which of the two steps comes first?"""
    checked(ids, spans)
    order = sorted(range(len(spans)), key=lambda n: spans[n])
    sentinels = [first_sentinel_id - n for n in [*order, len(spans)]]
    return assemble(ids, sorted(spans), sentinels)


@replaces("span_corruption", inclusive=[False, True])
def start_and_end(ids, spans, first_sentinel_id, *, inclusive: bool):
    """You read the second number of a span as its end. What does the docstring call it?"""
    checked(ids, spans)
    more = 1 if inclusive else 0
    spans = [(start, max(end - start + more, 0)) for start, end in sorted(spans)]
    return assemble(ids, spans, falling(first_sentinel_id, len(spans) + 1))


@replaces("span_corruption")
def spans_stay(ids, spans, first_sentinel_id):
    """The tokens of the spans are still in the input, each after its sentinel. How hard is it for the model to predict
    them?"""
    checked(ids, spans)
    return assemble(ids, sorted(spans), falling(first_sentinel_id, len(spans) + 1), keep=True)


@replaces("span_corruption")
def gaps_without_sentinels(ids, spans, first_sentinel_id):
    """Your input has gaps without sentinels. How does the model learn where something is missing?"""
    checked(ids, spans)
    return assemble(ids, sorted(spans), falling(first_sentinel_id, len(spans) + 1), marked=False)


@replaces("span_corruption")
def one_sentinel_per_token(ids, spans, first_sentinel_id):
    """Each token of a span got a sentinel of its own. How many sentinels replace one whole span?"""
    checked(ids, spans)
    single = [(t, 1) for start, length in sorted(spans) for t in range(start, start + length)]
    return assemble(ids, single, falling(first_sentinel_id, len(single) + 1))


@replaces(
    "span_corruption",
    what=["are empty", "leave the text", "overlap", "touch", "begin before 0", "end after the text", "are not allowed"],
)
def not_checked(ids, spans, first_sentinel_id, *, what: str):
    """Spans that {what} give a result. For which spans does the docstring promise a ValueError?"""
    end = float("-inf")
    for start, length in sorted(spans):
        bad = {
            "are empty": length < 1,
            "begin before 0": start < 0,
            "end after the text": start + length > len(ids),
            "overlap": start < end,
            "touch": start == end,
        }
        accepted = {"are not allowed": bad, "leave the text": ("begin before 0", "end after the text")}.get(
            what, (what,)
        )
        if any(wrong for kind, wrong in bad.items() if kind not in accepted):
            raise ValueError(f"the span {(start, length)} is empty, leaves the text or meets another")
        end = start + length
    return assemble(ids, sorted(spans), falling(first_sentinel_id, len(spans) + 1))


@replaces("span_corruption")
def gap_of_one_refused(ids, spans, first_sentinel_id):
    """You refuse spans with a single token between them. What does the docstring refuse, and does that token not
    separate them?"""
    end = -2
    for start, length in sorted(spans):
        if length < 1 or start <= end + 1 or start < 0 or start + length > len(ids):
            raise ValueError(f"the span {(start, length)} is empty, leaves the text or meets another")
        end = start + length
    return assemble(ids, sorted(spans), falling(first_sentinel_id, len(spans) + 1))


@replaces("span_corruption")
def merged_and_cut(ids, spans, first_sentinel_id):
    """You merge spans that meet and cut off what leaves the text, so the caller never learns that the spans were wrong.
    What does the docstring promise for them?"""
    hidden = {t for start, length in spans for t in range(start, start + length) if 0 <= t < len(ids)}
    starts = [t for t in sorted(hidden) if t - 1 not in hidden]
    ends = [t + 1 for t in sorted(hidden) if t + 1 not in hidden]
    merged = [(start, end - start) for start, end in zip(starts, ends, strict=True)]
    checked(ids, [each for each in spans if each[1] < 1])
    return assemble(ids, merged, falling(first_sentinel_id, len(merged) + 1))
