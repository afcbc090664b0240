"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from clip_loss import clip_logits
from torch import Tensor

from grader.testing import replaces

LN_100 = math.log(100)


def unit(x: Tensor) -> Tensor:
    return F.normalize(x, dim=-1)


def scaled(log_scale: Tensor) -> Tensor:
    return log_scale.clamp(max=LN_100).exp()


@replaces("clip_logits", which=["images", "texts", "images and texts"])
def length_matters(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, which: str) -> Tensor:
    """Double the {which}, and your logits change. CLIP compares directions: what has to be divided out, and on which
    side?"""
    u = image_emb if "images" in which else unit(image_emb)
    v = text_emb if "texts" in which else unit(text_emb)
    return scaled(log_scale) * u @ v.T


@replaces("clip_logits", length=["squares", "sum", "largest"])
def another_length(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, length: str) -> Tensor:
    """Your embeddings do not come out with length 1. The vector (3, 4) has length 5: which length does your code find
    for it?"""

    def of(x: Tensor) -> Tensor:
        if length == "squares":
            return x.square().sum(-1, keepdim=True)
        return x.abs().sum(-1, keepdim=True) if length == "sum" else x.abs().amax(-1, keepdim=True)

    return scaled(log_scale) * (image_emb / of(image_emb)) @ (text_emb / of(text_emb)).T


@replaces("clip_logits", small=[1e-12, 1e-10, 1e-8, 1e-6, 1e-5], to=["length", "square"])
def epsilon_added(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, small: float, to: str) -> Tensor:
    """The shorter an embedding is, the more your cosines fall short, as if a small number had been added to its {to}.
    Is any length 0 here?"""

    def of(x: Tensor) -> Tensor:
        if to == "length":
            return x.norm(dim=-1, keepdim=True) + small
        return (x.square().sum(-1, keepdim=True) + small).sqrt()

    return scaled(log_scale) * (image_emb / of(image_emb)) @ (text_emb / of(text_emb)).T


@replaces("clip_logits", low=[1e-6, 1e-5, 1e-4])
def short_ones_kept_short(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, low: float) -> Tensor:
    """Embeddings shorter than {low} do not come out with length 1. How short may an embedding be, according to the
    docstring?"""
    return scaled(log_scale) * F.normalize(image_emb, dim=-1, eps=low) @ F.normalize(text_emb, dim=-1, eps=low).T


@replaces("clip_logits")
def lengths_overflow(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Long embeddings in float32 give you logits of 0 or NaN. A length of 10¹⁵ has the square 10³⁰: which of your
    products is larger than float32 can hold?"""
    squares = image_emb.square().sum(-1)[:, None] * text_emb.square().sum(-1)
    return scaled(log_scale) * (image_emb @ text_emb.T) / squares.sqrt()


@replaces("clip_logits")
def normalised_in_place(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You scale the embeddings to length 1 in place, so the caller's tensors change too; torch refuses if one of them
    is a leaf that needs a gradient. Which operations make a new tensor?"""
    image_emb /= image_emb.norm(dim=-1, keepdim=True)
    text_emb /= text_emb.norm(dim=-1, keepdim=True)
    return scaled(log_scale) * image_emb @ text_emb.T


@replaces("clip_logits")
def over_the_batch(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You normalised along the batch, so an image's vector depends on the other images. Along which axis are the
    numbers of one embedding?"""
    return scaled(log_scale) * F.normalize(image_emb, dim=0) @ F.normalize(text_emb, dim=0).T


@replaces("clip_logits")
def one_norm(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """All rows are divided by the same number, the norm of the whole matrix. How many lengths do B embeddings
    have?"""
    return scaled(log_scale) * (image_emb / image_emb.norm()) @ (text_emb / text_emb.norm()).T


@replaces("clip_logits", capped=[True, False])
def divided(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, capped: bool) -> Tensor:
    """You divided by e^log_scale, as by a temperature. What is stored is ln(1/temperature): do the cosines grow or
    shrink when it grows?"""
    return unit(image_emb) @ unit(text_emb).T / (scaled(log_scale) if capped else log_scale.exp())


@replaces("clip_logits", capped=[True, False])
def no_exp(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, capped: bool) -> Tensor:
    """You multiplied by log_scale itself: by 2.659 where it should be 14.3. What undoes a logarithm?"""
    return (log_scale.clamp(max=LN_100) if capped else log_scale) * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def no_scale(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your logits are bare cosines, between −1 and 1, so their softmax stays nearly even whatever the model learns.
    What is log_scale for?"""
    return unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits", times=["vectors", "cosines"])
def no_cap(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, times: str) -> Tensor:
    """Your scale grows without limit: at log_scale = 50 it is 5 · 10²¹. Where does the statement stop it?"""
    if times == "vectors":
        return log_scale.exp() * unit(image_emb) @ unit(text_emb).T
    return log_scale.exp() * (unit(image_emb) @ unit(text_emb).T)


@replaces("clip_logits", cap=[100, 4.6, 4.61, 4.605, 4.6052, 4.60517, 4.0, 5.0, 2.0, 10])
def another_cap(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, cap: float) -> Tensor:
    """Your scale can be as large as e^{cap}, and the statement wants 100. Where exactly does its logarithm have to
    stop?"""
    return log_scale.clamp(max=cap).exp() * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def scale_capped_at_its_log(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your scale never exceeds ln 100 = 4.6. Is ln 100 the largest scale, or the largest logarithm of a scale?"""
    return log_scale.exp().clamp(max=LN_100) * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits", low=[0, -1])
def capped_below(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, low: float) -> Tensor:
    """Your scale does not get below e^{low}. Which ends does the statement give it?"""
    return log_scale.clamp(low, LN_100).exp() * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def capped_in_place(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You cap log_scale itself, in place, so the caller's parameter changes. OpenAI's training does that between two
    steps; here the cap is inside the function. Which operations make a new tensor?"""
    log_scale.data.clamp_(max=LN_100)
    return log_scale.exp() * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def transposed(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your rows belong to texts. Whose row is row i in the statement?"""
    return scaled(log_scale) * unit(text_emb) @ unit(image_emb).T


@replaces("clip_logits")
def scale_as_number(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your values are right, but no gradient reaches log_scale, and CLIP learns its temperature. Where does it stop
    being a tensor with a gradient?"""
    return math.exp(min(log_scale.item(), LN_100)) * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def exponential_as_number(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your exponential is of a Python number: at 1000 it raises an OverflowError, and no gradient reaches log_scale.
    What comes first, the cap or the exponential, and what carries gradients?"""
    return min(math.exp(log_scale.item()), 100.0) * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits", which=["images", "texts", "images and texts"])
def lengths_detached(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, which: str) -> Tensor:
    """Your values are right, but the gradients of the {which} are not: they treat lengths as constants. What
    does the length of a vector depend on?"""
    long_u, long_v = image_emb.norm(dim=-1, keepdim=True), text_emb.norm(dim=-1, keepdim=True)
    u = image_emb / (long_u.detach() if "images" in which else long_u)
    v = text_emb / (long_v.detach() if "texts" in which else long_v)
    return scaled(log_scale) * u @ v.T


def paired(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """The part that most get right: logits, and who belongs to whom."""
    return clip_logits(image_emb, text_emb, log_scale), torch.arange(len(image_emb))


@replaces("clip_loss", who=["image looks for its text", "text looks for its image"])
def one_direction(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, who: str) -> Tensor:
    """In your loss each {who}, but not the other way around: swap the two, and it changes. Which other softmax is there
    in the matrix?"""
    logits, own = paired(image_emb, text_emb, log_scale)
    return F.cross_entropy(logits if who.startswith("image") else logits.T, own)


@replaces("clip_loss", factor=[2, 0.5])
def off_by_a_factor(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, factor: float) -> Tensor:
    """Your loss is exactly {factor} times the right one. What is the loss of a batch in which all embeddings are equal,
    and what do you get for it?"""
    logits, own = paired(image_emb, text_emb, log_scale)
    return factor * (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


@replaces("clip_loss")
def negative(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your loss has the wrong sign: it falls when pairs are told apart less well. Is the logarithm of a probability
    positive or negative?"""
    logits, own = paired(image_emb, text_emb, log_scale)
    return -(F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


@replaces("clip_loss", factor=[0.5, 1.0])
def over_pairs_summed(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, factor: float) -> Tensor:
    """Your loss grows with the number of pairs. What do you do with the losses of the pairs, and what does the formula
    do?"""
    logits, own = paired(image_emb, text_emb, log_scale)
    rows, columns = (F.cross_entropy(z, own, reduction="sum") for z in (logits, logits.T))
    return factor * (rows + columns)


@replaces("clip_loss", log=[True, False])
def softmax_twice(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, log: bool) -> Tensor:
    """Your logits went through two softmaxes, or the probabilities through no logarithm. What does the function that
    you call expect: logits, probabilities or their logarithms?"""
    logits, own = paired(image_emb, text_emb, log_scale)
    loss = F.cross_entropy if log else F.nll_loss
    return (loss(logits.softmax(1), own) + loss(logits.T.softmax(1), own)) / 2


@replaces("clip_loss", mean=["cell", "row"])
def a_sigmoid_each(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, mean: str) -> Tensor:
    """Each cell gets a yes or no of its own, as with SigLIP's sigmoids. Against what does a text compete for its image
    in CLIP?"""
    logits, _ = paired(image_emb, text_emb, log_scale)
    cells = F.binary_cross_entropy_with_logits(logits, torch.eye(len(logits), dtype=logits.dtype), reduction="none")
    return cells.mean() if mean == "cell" else cells.sum() / len(cells)


@replaces("clip_loss")
def logits_averaged(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You averaged the logits with their transpose and took one cross-entropy. What does the formula average: logits or
    losses?"""
    logits, own = paired(image_emb, text_emb, log_scale)
    return F.cross_entropy((logits + logits.T) / 2, own)


@replaces("clip_loss")
def one_softmax(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your softmax runs over all B² cells together. Among how many texts does one image have to find its own?"""
    logits, _ = paired(image_emb, text_emb, log_scale)
    return logits.logsumexp((0, 1)) - logits.diagonal().mean()


@replaces("clip_loss")
def no_negatives(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your loss only draws pairs together: it is smallest when all embeddings point the same way. What keeps the others
    apart?"""
    logits, _ = paired(image_emb, text_emb, log_scale)
    return -logits.diagonal().mean()


@replaces("clip_loss")
def own_left_out(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """The denominators of your softmaxes hold only the wrong partners. Over what must the probabilities of one image
    sum to 1?"""
    logits, _ = paired(image_emb, text_emb, log_scale)
    others = logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), float("-inf"))
    return ((others.logsumexp(1) + others.logsumexp(0)) / 2 - logits.diagonal()).mean()


@replaces("clip_loss", when=["exponentials", "probabilities"])
def overflowing(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, when: str) -> Tensor:
    """Your loss is infinite or NaN at large logits. What are e¹⁰⁰ and e⁻²⁰⁰ in float32, and what does log_softmax do
    about that?"""
    logits, _ = paired(image_emb, text_emb, log_scale)
    if when == "exponentials":
        e = logits.exp()
        rows, columns = e.diagonal() / e.sum(1), e.diagonal() / e.sum(0)
    else:
        rows, columns = logits.softmax(1).diagonal(), logits.softmax(0).diagonal()
    return -(rows.log() + columns.log()).mean() / 2


@replaces("clip_loss", small=[1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5], how=["added", "floor"])
def little_added(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor, *, small: float, how: str) -> Tensor:
    """Small probabilities come out too large, as if {small} were added to them or were their floor, so the loss is
    too small. Which function computes the logarithm of a softmax without that?"""
    logits, _ = paired(image_emb, text_emb, log_scale)
    rows, columns = logits.softmax(1).diagonal(), logits.softmax(0).diagonal()
    rows, columns = (p + small if how == "added" else p.clamp(min=small) for p in (rows, columns))
    return -(rows.log() + columns.log()).mean() / 2


@replaces("clip_loss")
def mean_of_the_others(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your loss is linear in the logits: a mean minus the pair's own, with no softmax. Which wrong texts should the
    loss push away most?"""
    logits, _ = paired(image_emb, text_emb, log_scale)
    return ((logits.mean(1) + logits.mean(0)) / 2 - logits.diagonal()).mean()


@replaces("clip_loss")
def first_is_the_target(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """In your loss every row has column 0 for its target. Which column belongs to row i?"""
    logits, own = paired(image_emb, text_emb, log_scale)
    own = torch.zeros_like(own)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


@replaces("clip_loss")
def images_among_images(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """All 2B embeddings share one softmax, as in SimCLR, so an image must also be told from the other images. Among
    which candidates does an image look for its text in CLIP?"""
    both = torch.cat([image_emb, text_emb])  # (2B, E)
    itself = torch.eye(len(both), dtype=torch.bool)
    logits = clip_logits(both, both, log_scale).masked_fill(itself, float("-inf"))
    return F.cross_entropy(logits, torch.arange(len(both)).roll(len(image_emb)))


@replaces("zero_shot")
def raw_mean(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You averaged the prompts as they are, so the longest one decides. What should they all have in common before they
    are averaged?"""
    return clip_logits(image_emb, prompt_emb.mean(1), log_scale).softmax(-1)


@replaces("zero_shot", small=[1e-12, 1e-10, 1e-8, 1e-6])
def prompts_with_epsilon(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor, *, small: float) -> Tensor:
    """Short prompts count less in your class vectors, as if a small number had been added to their lengths. How short
    may a prompt be, and is any length 0?"""
    units = prompt_emb / (prompt_emb.norm(dim=-1, keepdim=True) + small)
    return clip_logits(image_emb, units.mean(1), log_scale).softmax(-1)


@replaces("zero_shot", how=["mean", "sum"])
def class_not_normalised(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor, *, how: str) -> Tensor:
    """A class whose prompts agree gets larger logits than one whose prompts differ. How long is the {how} of two unit
    vectors that are at a right angle, and how long should a class vector be?"""
    units = unit(prompt_emb)
    classes = units.mean(1) if how == "mean" else units.sum(1)
    return (scaled(log_scale) * unit(image_emb) @ classes.T).softmax(-1)


@replaces("zero_shot")
def image_as_it_is(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """A long image embedding makes your probabilities sharper. Should the length of an image matter here, when it does
    not in the loss?"""
    classes = unit(unit(prompt_emb).mean(1))
    return (scaled(log_scale) * image_emb @ classes.T).softmax(-1)


@replaces("zero_shot", place=[0, -1])
def one_prompt(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor, *, place: int) -> Tensor:
    """Only one prompt of each class counts, number {place}. What happens to the others?"""
    return clip_logits(image_emb, prompt_emb[:, place], log_scale).softmax(-1)


@replaces("zero_shot")
def best_prompt(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Each class gets the logit of its best prompt. The statement makes one vector per class that serves all images:
    what is it made of?"""
    K, M, _ = prompt_emb.shape
    logits = clip_logits(image_emb, prompt_emb.flatten(0, 1), log_scale).view(-1, K, M)
    return logits.amax(-1).softmax(-1)


@replaces("zero_shot")
def over_all_prompts(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """A class gets the sum of its prompts' probabilities, from one softmax over all prompts. How many vectors does one
    class have in the statement?"""
    K, M, _ = prompt_emb.shape
    logits = clip_logits(image_emb, prompt_emb.flatten(0, 1), log_scale)
    return logits.softmax(-1).view(-1, K, M).sum(-1)


@replaces("zero_shot")
def probabilities_averaged(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You averaged probabilities, one set for each prompt. What does the statement average?"""
    each = [clip_logits(image_emb, prompts, log_scale).softmax(-1) for prompts in prompt_emb.unbind(1)]
    return torch.stack(each).mean(0)


@replaces("zero_shot")
def prompts_as_classes(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You averaged over the classes and compare images with prompts. Which axis holds the prompts of one class?"""
    return clip_logits(image_emb, unit(prompt_emb).mean(0), log_scale).softmax(-1)


@replaces("zero_shot")
def over_images(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your columns sum to 1: the images compete for a class. Which competitors does one image choose among?"""
    return clip_logits(image_emb, unit(prompt_emb).mean(1), log_scale).softmax(0)


@replaces("zero_shot")
def a_sigmoid_for_each_class(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your rows do not sum to 1: each class is judged alone, by a sigmoid. What lets the classes compete?"""
    return clip_logits(image_emb, unit(prompt_emb).mean(1), log_scale).sigmoid()


@replaces("zero_shot", log=[True, False])
def no_probabilities(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor, *, log: bool) -> Tensor:
    """Your numbers are not between 0 and 1. What has to happen to logits, or to logarithms, to become
    probabilities?"""
    logits = clip_logits(image_emb, unit(prompt_emb).mean(1), log_scale)
    return logits.log_softmax(-1) if log else logits


@replaces("zero_shot", scale=["1", "log_scale", "1 / e^log_scale", "e^log_scale without a cap"])
def another_scale(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor, *, scale: str) -> Tensor:
    """In zero_shot you multiply the cosines by {scale}. By what does clip_logits multiply them?"""
    cosines = unit(image_emb) @ unit(unit(prompt_emb).mean(1)).T
    if scale.startswith("e"):
        return (log_scale.exp() * cosines).softmax(-1)
    other = 1.0 if scale == "1" else log_scale if scale == "log_scale" else 1 / scaled(log_scale)
    return (other * cosines).softmax(-1)


@replaces("zero_shot")
def normalised_over_prompts(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You normalised along the axis of the prompts, so a prompt's vector depends on the other prompts. Along which axis
    are the numbers of one prompt?"""
    classes = F.normalize(prompt_emb, dim=1).mean(1)
    return clip_logits(image_emb, classes, log_scale).softmax(-1)


def places(logits: Tensor) -> Tensor:
    """How many logits of each row are larger than its own."""
    return (logits > logits.diagonal()[:, None]).sum(1)


@replaces("recall_at_k")
def by_columns(logits: Tensor, k: int) -> float:
    """You searched the columns, which is text to image. Whose logits are in row i?"""
    return (places(logits.T) < k).double().mean().item()


@replaces("recall_at_k")
def own_of_the_columns(logits: Tensor, k: int) -> float:
    """You compare column j with the logit of pair j: a diagonal of shape (B,) is matched with the last axis of (B, B).
    Which shape matches it with the rows?"""
    return ((logits > logits.diagonal()).sum(1) < k).double().mean().item()


@replaces("recall_at_k")
def always_the_first(logits: Tensor, k: int) -> float:
    """k has no effect: you ask whether a row's own text comes first. When does it count for k = 2?"""
    return (places(logits) < 1).double().mean().item()


@replaces("recall_at_k", off=[1, -1])
def off_by_one(logits: Tensor, k: int, *, off: int) -> float:
    """Your k is off by one place. If the own text is just among the k largest, how many logits are larger than its
    own?"""
    return (places(logits) < k + off).double().mean().item()


@replaces("recall_at_k")
def place_and_column_exchanged(logits: Tensor, k: int) -> float:
    """You read the diagonal of argsort as the place of the own text. argsort says which column is in each place: where
    in its row i do you find the place of column i?"""
    return (logits.argsort(dim=1, descending=True).diagonal() < k).double().mean().item()


@replaces("recall_at_k")
def the_smallest(logits: Tensor, k: int) -> float:
    """You looked among the k smallest logits of each row. At which end does your sorting begin?"""
    return (places(-logits) < k).double().mean().item()


@replaces("recall_at_k")
def exactly_the_kth(logits: Tensor, k: int) -> float:
    """You ask whether the own text is in place k. Does a row count for k = 2 if its text comes first?"""
    return (places(logits) == k - 1).double().mean().item()


@replaces("recall_at_k")
def misses(logits: Tensor, k: int) -> float:
    """You return the share of rows that miss their text. What should the result be if every row finds its own?"""
    return (places(logits) >= k).double().mean().item()


@replaces("recall_at_k", how=["precision", "per cent", "count"])
def no_share(logits: Tensor, k: int, *, how: str) -> float:
    """With k = B every row finds its text, and the result should be 1. What do you get, and what do you divide the hits
    by?"""
    hits = (places(logits) < k).double()
    if how == "precision":
        return hits.mean().item() / k
    return 100 * hits.mean().item() if how == "per cent" else hits.sum().item()
