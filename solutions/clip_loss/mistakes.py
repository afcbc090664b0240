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


@replaces("clip_logits")
def text_as_it_is(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """The texts were not normalised: a long embedding wins everywhere. CLIP compares directions, on both
    sides."""
    return scaled(log_scale) * unit(image_emb) @ text_emb.T


@replaces("clip_logits")
def image_as_it_is(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """The images were not normalised: a long embedding has its own temperature. CLIP compares directions, on both
    sides."""
    return scaled(log_scale) * image_emb @ unit(text_emb).T


@replaces("clip_logits")
def dot_products(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You took dot products of the embeddings as they are. The angle between two vectors is what counts here:
    what has to be divided out?"""
    return scaled(log_scale) * image_emb @ text_emb.T


@replaces("clip_logits")
def squared_lengths(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You divided by the sum of squares. The length of a vector is its root."""
    u = image_emb / (image_emb**2).sum(-1, keepdim=True)
    v = text_emb / (text_emb**2).sum(-1, keepdim=True)
    return scaled(log_scale) * u @ v.T


@replaces("clip_logits")
def sums_to_one(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You divided by the sum of absolute values. The length in a cosine is the Euclidean one."""
    u, v = F.normalize(image_emb, p=1, dim=-1), F.normalize(text_emb, p=1, dim=-1)
    return scaled(log_scale) * u @ v.T


@replaces("clip_logits")
def epsilon_added(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You added 1e-8 to the lengths: cosines come out a little small, the more so the shorter an embedding is. No
    length is 0 here."""
    u = image_emb / (image_emb.norm(dim=-1, keepdim=True) + 1e-8)
    v = text_emb / (text_emb.norm(dim=-1, keepdim=True) + 1e-8)
    return scaled(log_scale) * u @ v.T


@replaces("clip_logits")
def larger_epsilon_added(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You added 1e-6 to the lengths, so short embeddings do not get length 1. No length is 0 here. What does the small
    number protect from?"""
    u = image_emb / (image_emb.norm(dim=-1, keepdim=True) + 1e-6)
    v = text_emb / (text_emb.norm(dim=-1, keepdim=True) + 1e-6)
    return scaled(log_scale) * u @ v.T


@replaces("clip_logits")
def normalised_in_place(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You bring the embeddings to length 1 in place, and the caller's are other ones afterwards; where one is a leaf
    that needs a gradient, torch refuses it. Which operation makes a new tensor?"""
    image_emb /= image_emb.norm(dim=-1, keepdim=True)
    text_emb /= text_emb.norm(dim=-1, keepdim=True)
    return scaled(log_scale) * image_emb @ text_emb.T


@replaces("clip_logits")
def short_ones_kept_short(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your lengths have a lower end, and embeddings that are shorter than that do not come out with length 1. How
    short may an embedding be, by the docstring?"""
    u = image_emb / image_emb.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    v = text_emb / text_emb.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    return scaled(log_scale) * u @ v.T


@replaces("clip_logits")
def over_the_batch(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You normalised along the batch, and an image's vector depends on the other images. Along which axis do the
    numbers of one embedding lie?"""
    return scaled(log_scale) * F.normalize(image_emb, dim=0) @ F.normalize(text_emb, dim=0).T


@replaces("clip_logits")
def one_norm(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You divided by one norm of the whole matrix: without an axis, norm takes all numbers together. Each row has
    a length of its own."""
    return scaled(log_scale) * (image_emb / image_emb.norm()) @ (text_emb / text_emb.norm()).T


@replaces("clip_logits")
def divided(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You divided by the exponential, as by a temperature. What is stored is the logarithm of 1/temperature: the
    cosines grow by it."""
    return unit(image_emb) @ unit(text_emb).T / scaled(log_scale)


@replaces("clip_logits")
def no_exp(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You multiplied by log_scale itself: 2.659 where it should be 14.3. What undoes a logarithm?"""
    return log_scale.clamp(max=LN_100) * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def no_scale(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your logits are bare cosines, between −1 and 1: the softmax of them is nearly even whatever the model
    learns. The scale has no effect."""
    return unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def no_cap(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """The scale has no upper end. At log_scale = 50 your logits are of the size 10²¹."""
    return log_scale.exp() * (unit(image_emb) @ unit(text_emb).T)


@replaces("clip_logits")
def no_cap_on_the_vectors(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """The scale, by which you multiply the vectors of length 1, has no upper end. At log_scale = 50 your logits are of
    the size 10²¹, and at 1000 they are NaN."""
    return log_scale.exp() * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def capped_in_place(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You cap log_scale itself, in place, and the caller's is another one after the call. OpenAI's training does so
    between two steps; here the cap is inside of the function. Which operation makes a new tensor?"""
    log_scale.data.clamp_(max=LN_100)
    return log_scale.exp() * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def log_capped_at_100(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You capped log_scale at 100, and e¹⁰⁰ has 44 digits. Is it the scale or its logarithm that ends at 100?"""
    return log_scale.clamp(max=100).exp() * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def cap_rounded(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """4.6052 is ln 100 rounded, and your largest scale is 100.0030. Let math.log say it."""
    return log_scale.clamp(max=4.6052).exp() * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def capped_below(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You keep the scale above 1. The statement has a cap above and none below."""
    return log_scale.clamp(0, LN_100).exp() * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def transposed(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your rows are texts. Row i belongs to image i here."""
    return scaled(log_scale) * unit(text_emb) @ unit(image_emb).T


@replaces("clip_logits")
def scale_as_number(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """log_scale became a Python number on the way, by item() or float(), and gets no gradient. The temperature of
    CLIP is learned."""
    return math.exp(min(log_scale.item(), LN_100)) * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def exponential_as_number(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """log_scale became a Python number on the way, by item() or float(): it gets no gradient, and the temperature of
    CLIP is learned. And math.exp(1000) raises an OverflowError: what has to be capped before the exponential?"""
    return min(math.exp(log_scale.item()), 100.0) * unit(image_emb) @ unit(text_emb).T


@replaces("clip_logits")
def lengths_detached(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your values are right and your gradients are not: the lengths were computed without gradient. A length
    depends on its vector, and so does the direction of the step."""
    u = image_emb / image_emb.norm(dim=-1, keepdim=True).detach()
    v = text_emb / text_emb.norm(dim=-1, keepdim=True).detach()
    return scaled(log_scale) * u @ v.T


@replaces("clip_logits")
def scale_capped_at_its_log(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You capped the scale at ln 100 = 4.6, after the exponential. ln 100 is the largest logarithm: what is the largest
    scale?"""
    return log_scale.exp().clamp(max=LN_100) * unit(image_emb) @ unit(text_emb).T


def paired(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """The part that most get right: logits, and who belongs to whom."""
    return clip_logits(image_emb, text_emb, log_scale), torch.arange(len(image_emb))


@replaces("clip_loss")
def images_only(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Each image picks its text, and no text picks its image: exchange the two, and your loss changes. Which
    other softmax is there in the matrix?"""
    return F.cross_entropy(*paired(image_emb, text_emb, log_scale))


@replaces("clip_loss")
def texts_only(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Each text picks its image, and no image picks its text: exchange the two, and your loss changes. Which
    other softmax is there in the matrix?"""
    logits, own = paired(image_emb, text_emb, log_scale)
    return F.cross_entropy(logits.T, own)


@replaces("clip_loss")
def summed(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your loss is exactly twice too large: the two directions are averaged."""
    logits, own = paired(image_emb, text_emb, log_scale)
    return F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)


@replaces("clip_loss")
def over_pairs_summed(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your loss grows with the batch: the pairs are summed. It is a mean over i, and over j."""
    logits, own = paired(image_emb, text_emb, log_scale)
    return (F.cross_entropy(logits, own, reduction="sum") + F.cross_entropy(logits.T, own, reduction="sum")) / 2


@replaces("clip_loss")
def softmax_twice(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You gave probabilities to F.cross_entropy, which takes a softmax itself: it wants raw logits."""
    logits, own = paired(image_emb, text_emb, log_scale)
    return (F.cross_entropy(logits.softmax(1), own) + F.cross_entropy(logits.T.softmax(1), own)) / 2


@replaces("clip_loss")
def logits_averaged(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You averaged the logits with their transpose and took one cross-entropy. It is the two losses that are
    averaged."""
    logits, own = paired(image_emb, text_emb, log_scale)
    return F.cross_entropy((logits + logits.T) / 2, own)


@replaces("clip_loss")
def one_softmax(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your softmax runs over all B² cells at once. Each row is a question of its own, and so is each column."""
    logits, _ = paired(image_emb, text_emb, log_scale)
    return logits.logsumexp((0, 1)) - logits.diagonal().mean()


@replaces("clip_loss")
def no_negatives(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your loss only draws the pairs together: it is smallest when everything lies in one point. What keeps the
    others apart?"""
    logits, _ = paired(image_emb, text_emb, log_scale)
    return -logits.diagonal().mean()


@replaces("clip_loss")
def own_left_out(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """The denominators of your softmaxes hold only the wrong texts. A softmax has its own logit in the sum as
    well."""
    logits, _ = paired(image_emb, text_emb, log_scale)
    others = logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), float("-inf"))
    return ((others.logsumexp(1) + others.logsumexp(0)) / 2 - logits.diagonal()).mean()


@replaces("clip_loss")
def overflowing(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """exp(100) is beyond float32, and your loss becomes infinite or NaN. Take log_softmax or cross_entropy, which
    subtract the largest logit first."""
    logits, _ = paired(image_emb, text_emb, log_scale)
    e = logits.exp()
    return -((e.diagonal() / e.sum(1)).log() + (e.diagonal() / e.sum(0)).log()).mean() / 2


@replaces("clip_loss")
def log_of_softmax(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """A probability below 10⁻⁴⁵ is 0 in float32, and its logarithm −infinity. log_softmax never leaves the
    logarithms."""
    logits, _ = paired(image_emb, text_emb, log_scale)
    rows, columns = logits.softmax(1).diagonal().log(), logits.softmax(0).diagonal().log()
    return -(rows + columns).mean() / 2


@replaces("clip_loss")
def little_added(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You added a small number so that the logarithm of 0 stays finite, and every loss is a little wrong.
    log_softmax needs none."""
    logits, _ = paired(image_emb, text_emb, log_scale)
    rows, columns = logits.softmax(1).diagonal(), logits.softmax(0).diagonal()
    return -((rows + 1e-8).log() + (columns + 1e-8).log()).mean() / 2


@replaces("clip_loss")
def mean_of_the_others(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You gave the negative of the mean logit of each pair's row and column, without a softmax. Which logits of the
    other texts does the loss have to push down?"""
    logits, _ = paired(image_emb, text_emb, log_scale)
    return ((logits.mean(1) + logits.mean(0)) / 2 - logits.diagonal()).mean()


@replaces("clip_loss")
def first_is_the_target(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Every row of yours has column 0 for its target. Which column belongs to row i?"""
    logits, own = paired(image_emb, text_emb, log_scale)
    own = torch.zeros_like(own)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


@replaces("clip_loss")
def images_among_images(image_emb: Tensor, text_emb: Tensor, log_scale: Tensor) -> Tensor:
    """All 2B embeddings stand in one softmax of yours, as in SimCLR, so an image has to be told from the other images
    and a text from the other texts as well. Among which does an image look for its text in CLIP?"""
    both = torch.cat([image_emb, text_emb])  # (2B, E)
    itself = torch.eye(len(both), dtype=torch.bool)
    logits = clip_logits(both, both, log_scale).masked_fill(itself, float("-inf"))
    return F.cross_entropy(logits, torch.arange(len(both)).roll(len(image_emb)))


@replaces("zero_shot")
def raw_mean(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You averaged the prompts as they are, and the longest one decides. Each has to have length 1 before."""
    return clip_logits(image_emb, prompt_emb.mean(1), log_scale).softmax(-1)


@replaces("zero_shot")
def mean_not_normalised(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """The mean of unit vectors is shorter than 1, and shorter the less they agree: classes with diverse prompts
    lose. The same comes out of averaging the cosines. Bring the class vector back to length 1."""
    logits = scaled(log_scale) * unit(image_emb) @ unit(prompt_emb).mean(1).T
    return logits.softmax(-1)


@replaces("zero_shot")
def first_prompt(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Only the first prompt of each class counts. All M make the class vector."""
    return clip_logits(image_emb, prompt_emb[:, 0], log_scale).softmax(-1)


@replaces("zero_shot")
def best_prompt(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You took the best prompt of each class. The statement averages them to one vector, which is computed once
    for all images."""
    K, M, _ = prompt_emb.shape
    logits = clip_logits(image_emb, prompt_emb.flatten(0, 1), log_scale).view(-1, K, M)
    return logits.amax(-1).softmax(-1)


@replaces("zero_shot")
def probabilities_averaged(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You computed probabilities for each prompt and averaged those. The average is taken among the
    embeddings."""
    each = [clip_logits(image_emb, prompts, log_scale).softmax(-1) for prompts in prompt_emb.unbind(1)]
    return torch.stack(each).mean(0)


@replaces("zero_shot")
def prompts_as_classes(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You averaged over the classes, axis 0, and compare images with prompts. Which axis holds the prompts of one
    class?"""
    return clip_logits(image_emb, unit(prompt_emb).mean(0), log_scale).softmax(-1)


@replaces("zero_shot")
def over_images(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """Your columns sum to 1: the images compete for a class. Each image has its own probabilities of the
    classes."""
    return clip_logits(image_emb, unit(prompt_emb).mean(1), log_scale).softmax(0)


@replaces("zero_shot")
def logits_returned(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """These are logits. Probabilities are asked for."""
    return clip_logits(image_emb, unit(prompt_emb).mean(1), log_scale)


@replaces("zero_shot")
def unscaled(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """The softmax ran over bare cosines, and all classes come out nearly alike. The scale was learned to be used
    here too."""
    return (unit(image_emb) @ unit(unit(prompt_emb).mean(1)).T).softmax(-1)


@replaces("zero_shot")
def normalised_over_prompts(image_emb: Tensor, prompt_emb: Tensor, log_scale: Tensor) -> Tensor:
    """You brought the prompts to length 1 along the axis of the prompts, and not each of them on its own. Along which
    axis do the numbers of one prompt lie?"""
    classes = F.normalize(prompt_emb, dim=1).mean(1)
    return clip_logits(image_emb, classes, log_scale).softmax(-1)


def places(logits: Tensor) -> Tensor:
    """How many logits of each row are larger than its own."""
    return (logits > logits.diagonal()[:, None]).sum(1)


@replaces("recall_at_k")
def by_columns(logits: Tensor, k: int) -> float:
    """You looked along the columns: that is text to image. Row i holds the logits of image i."""
    return (places(logits.T) < k).double().mean().item()


@replaces("recall_at_k")
def own_of_the_columns(logits: Tensor, k: int) -> float:
    """You compare column j with the logit of pair j: a diagonal (B,) meets the last axis of (B, B). All logits of row i
    are compared with that of pair i: which shape puts it there?"""
    return ((logits > logits.diagonal()).sum(1) < k).double().mean().item()


@replaces("recall_at_k")
def always_the_first(logits: Tensor, k: int) -> float:
    """k has no effect: you ask whether the own text is the best one."""
    return (places(logits) < 1).double().mean().item()


@replaces("recall_at_k")
def one_too_many(logits: Tensor, k: int) -> float:
    """One place too many counts: with k = 1, yours accepts the second as well. How many may be larger than the
    own one if it is among the k largest?"""
    return (places(logits) <= k).double().mean().item()


@replaces("recall_at_k")
def one_too_few(logits: Tensor, k: int) -> float:
    """One place too few counts: with k = 1 you find nothing, and with k = 2 only the best. Is the own text among those
    that you count before it?"""
    return (places(logits) < k - 1).double().mean().item()


@replaces("recall_at_k")
def place_and_column_exchanged(logits: Tensor, k: int) -> float:
    """You read the diagonal of argsort as the place of the own text. argsort says which column stands at each place:
    where in row i of it do you find the place of column i?"""
    return (logits.argsort(dim=1, descending=True).diagonal() < k).double().mean().item()


@replaces("recall_at_k")
def the_smallest(logits: Tensor, k: int) -> float:
    """You took the k smallest: sorting begins there unless it is told otherwise."""
    return (places(-logits) < k).double().mean().item()


@replaces("recall_at_k")
def exactly_the_kth(logits: Tensor, k: int) -> float:
    """You ask whether the own text is in place k. Every place up to k counts."""
    return (places(logits) == k - 1).double().mean().item()


@replaces("recall_at_k")
def divided_by_k(logits: Tensor, k: int) -> float:
    """You divided by k, which is a precision. Each image has one right text: it is found, or not."""
    return (places(logits) < k).double().mean().item() / k


@replaces("recall_at_k")
def percent(logits: Tensor, k: int) -> float:
    """These are per cent. A share lies between 0 and 1."""
    return 100 * (places(logits) < k).double().mean().item()


@replaces("recall_at_k")
def found_is_a_count(logits: Tensor, k: int) -> float:
    """You returned how many rows have their own text among the k best. A share is a number between 0 and 1: of how many
    rows?"""
    return float((places(logits) < k).sum().item())
