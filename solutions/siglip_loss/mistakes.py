"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from siglip_loss import initial_loss, pairwise_sum, siglip_loss, siglip_loss_chunked
from torch import Tensor

from grader.testing import replaces


def cosines(image_emb: Tensor, text_emb: Tensor) -> Tensor:
    return F.normalize(image_emb, dim=-1) @ F.normalize(text_emb, dim=-1).T


def same(z: Tensor, row0: int, col0: int) -> Tensor:
    """Where the pairs are, bool (M, N)."""
    return row0 + torch.arange(z.shape[0])[:, None] == col0 + torch.arange(z.shape[1])


def signs(z: Tensor, row0: int, col0: int) -> Tensor:
    return torch.where(same(z, row0, col0), 1.0, -1.0).to(z.dtype)


def total(z: Tensor, row0: int, col0: int) -> Tensor:
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def labels_of_0(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Each wrong pair adds ln 2 to your sum, whatever its logit. What is y z when y is 0, and what must y be for a
    «no» to be learned?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return F.softplus(-same(z, row0, col0).to(z.dtype) * z).sum()


@replaces("pairwise_sum")
def bias_subtracted(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your bias acts with the opposite sign, as in the formula printed in the paper. If all cosines are 0 and b = −10,
    is your answer to each pair yes or no?"""
    return total(log_t.exp() * cosines(image_emb, text_emb) - bias, row0, col0)


@replaces("pairwise_sum")
def bias_scaled(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your bias is multiplied by t, as if it had been added to the cosine. With t = 10, b = −10 and a cosine of 0,
    what should z be?"""
    return total(log_t.exp() * (cosines(image_emb, text_emb) + bias), row0, col0)


@replaces("pairwise_sum")
def no_bias(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your sum does not depend on the bias. In a softmax it would cancel. What does it say here, where each pair is
    decided alone and nearly all answers are no?"""
    return total(log_t.exp() * cosines(image_emb, text_emb), row0, col0)


@replaces("pairwise_sum")
def bias_with_sign(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """In your sum a larger bias makes right and wrong pairs cheaper alike. Does y multiply only t times the cosine, or
    all of z?"""
    z = log_t.exp() * cosines(image_emb, text_emb)
    return F.softplus(-(signs(z, row0, col0) * z + bias)).sum()


@replaces("pairwise_sum")
def no_exp(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You scaled the cosines by log_t itself, and not by t. What undoes a logarithm?"""
    return total(log_t * cosines(image_emb, text_emb) + bias, row0, col0)


@replaces("pairwise_sum", base=[2, 10])
def other_base(image_emb, text_emb, log_t, bias, row0=0, col0=0, *, base: int) -> Tensor:
    """Your t is {base} to the power of log_t. Which base does the logarithm in the formula have?"""
    return total(base**log_t * cosines(image_emb, text_emb) + bias, row0, col0)


@replaces("pairwise_sum")
def divided(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your logits shrink as t grows, as if t were a temperature to divide by. Should a larger t make the model more
    certain or less?"""
    return total(cosines(image_emb, text_emb) / log_t.exp() + bias, row0, col0)


@replaces("pairwise_sum", cap=[20, 100, 1000], floor=[None, 0.0])
def capped(image_emb, text_emb, log_t, bias, row0=0, col0=0, *, cap: int, floor: float | None) -> Tensor:
    """Your t stops growing at {cap}. CLIP limits its scale to 100. What does the statement of this exercise say about
    large t?"""
    t = log_t.clamp(min=floor, max=math.log(cap)).exp()
    return total(t * cosines(image_emb, text_emb) + bias, row0, col0)


@replaces("pairwise_sum", which=["images", "texts", "images and texts"])
def not_normalised(image_emb, text_emb, log_t, bias, row0=0, col0=0, *, which: str) -> Tensor:
    """Your {which} keep the lengths they came with, so long vectors get large logits. What does a cosine leave out of
    a dot product?"""
    u = image_emb if "images" in which else F.normalize(image_emb, dim=-1)
    v = text_emb if "texts" in which else F.normalize(text_emb, dim=-1)
    return total(log_t.exp() * u @ v.T + bias, row0, col0)


@replaces("pairwise_sum", by=["the squared length", "the sum of absolute values", "the largest absolute value", "√E"])
def another_norm(image_emb, text_emb, log_t, bias, row0=0, col0=0, *, by: str) -> Tensor:
    """Your vectors are divided by {by}. What do you have to divide a vector by so that its length becomes 1?"""

    def unit(x: Tensor) -> Tensor:
        norms = {
            "the squared length": x.square().sum(-1, keepdim=True),
            "the sum of absolute values": x.abs().sum(-1, keepdim=True),
            "the largest absolute value": x.abs().amax(-1, keepdim=True),
            "√E": x.shape[-1] ** 0.5,
        }
        return x / norms[by]

    return total(log_t.exp() * unit(image_emb) @ unit(text_emb).T + bias, row0, col0)


@replaces("pairwise_sum", eps=[1e-6, 1e-8, 1e-10], how=["added", "added under the root", "least"])
def epsilon(image_emb, text_emb, log_t, bias, row0=0, col0=0, *, eps: float, how: str) -> Tensor:
    """Short embeddings do not get length 1: a small number has a share in what you divide by, perhaps the eps of a
    function that you call. Which lengths does the statement allow?"""

    def unit(x: Tensor) -> Tensor:
        length = x.norm(dim=-1, keepdim=True)
        if how == "least":
            return x / length.clamp(min=eps)
        return x / ((length.square() + eps).sqrt() if "root" in how else length + eps)

    return total(log_t.exp() * unit(image_emb) @ unit(text_emb).T + bias, row0, col0)


@replaces("pairwise_sum", which=["images", "texts", "images and texts"])
def normalised_over_rows(image_emb, text_emb, log_t, bias, row0=0, col0=0, *, which: str) -> Tensor:
    """Your {which} are normalised along the wrong axis: the columns get length 1, and the rows do not. Along which
    axis does one embedding run?"""
    u = F.normalize(image_emb, dim=0 if "images" in which else -1)
    v = F.normalize(text_emb, dim=0 if "texts" in which else -1)
    return total(log_t.exp() * u @ v.T + bias, row0, col0)


@replaces("pairwise_sum")
def labels_inverted(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your sum falls as matching pairs move apart. If z of a right pair is large, should its term be large or
    small?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return F.softplus(signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def pairs_on_every_diagonal(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You take the diagonal of each block for pairs, wherever the block is in the batch. Which two numbers are equal
    for an image and its own text, and what are row0 and col0 for?"""
    return total(log_t.exp() * cosines(image_emb, text_emb) + bias, 0, 0)


@replaces("pairwise_sum")
def offsets_swapped(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your pairs are on the wrong side of the diagonal, as if row0 and col0 were swapped. What is the number of row i
    in the batch, and that of column j?"""
    return total(log_t.exp() * cosines(image_emb, text_emb) + bias, col0, row0)


@replaces("pairwise_sum", ignored=["row0", "col0"])
def offset_ignored(image_emb, text_emb, log_t, bias, row0=0, col0=0, *, ignored: str) -> Tensor:
    """Your pairs are where they would be if {ignored} were always 0. What number does the first image of a block have
    in the batch, and what number does its first text have?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return total(z, 0 if ignored == "row0" else row0, 0 if ignored == "col0" else col0)


@replaces("pairwise_sum")
def only_blocks_on_the_diagonal(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You find pairs only in blocks where row0 equals col0. Can the diagonal of the whole matrix also cross a block
    that begins beside it?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    y = signs(z, 0, 0) if row0 == col0 else -torch.ones_like(z)
    return F.softplus(-y * z).sum()


@replaces("pairwise_sum")
def pairs_only(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your sum contains only the right pairs. A model that says «yes» to everything would be the best. Which other
    cells of the block count?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return (F.softplus(-z) * same(z, row0, col0)).sum()


@replaces("pairwise_sum")
def wrong_pairs_only(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your sum contains only the wrong pairs. A model that says «no» to everything would be the best. Which other
    cells of the block count?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return (F.softplus(z) * ~same(z, row0, col0)).sum()


@replaces("pairwise_sum")
def never_a_pair(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """In your sum every cell counts as a wrong pair. Which cells belong to an image and its own text?"""
    return F.softplus(log_t.exp() * cosines(image_emb, text_emb) + bias).sum()


@replaces("pairwise_sum", what=["cells", "images", "texts"])
def divided_in_the_block(image_emb, text_emb, log_t, bias, row0=0, col0=0, *, what: str) -> Tensor:
    """Your result is the sum divided by the number of {what} in the block. Can the results of several blocks then be
    added up to one loss?"""
    M, N = len(image_emb), len(text_emb)
    return pairwise_sum(image_emb, text_emb, log_t, bias, row0, col0) / {"cells": M * N, "images": M, "texts": N}[what]


@replaces("pairwise_sum", form=["log of sigmoid", "log of 1 + exp"])
def infinite(image_emb, text_emb, log_t, bias, row0=0, col0=0, *, form: str) -> Tensor:
    """Large logits make your loss infinite. For y z = −1000, what does each step of your formula give, and can a float
    hold it?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    x = signs(z, row0, col0) * z
    return -torch.sigmoid(x).log().sum() if form == "log of sigmoid" else (1 + torch.exp(-x)).log().sum()


@replaces("pairwise_sum")
def logarithms_cut_off(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """No cell costs more than 100 in your sum, however wrong it is. F.binary_cross_entropy cuts logarithms off there.
    Is there a function that takes the logits themselves?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return F.binary_cross_entropy(z.sigmoid(), same(z, row0, col0).to(z.dtype), reduction="sum")


@replaces("pairwise_sum", eps=[1e-6, 1e-8, 1e-10, 1e-12], how=["added", "clamped"])
def little_added(image_emb, text_emb, log_t, bias, row0=0, col0=0, *, eps: float, how: str) -> Tensor:
    """The probabilities in your logarithm cannot get smaller than about {eps}, so the loss of a bad pair stops
    growing. Can the logarithm be computed without its probability?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    p = torch.sigmoid(signs(z, row0, col0) * z)
    return -(p + eps if how == "added" else p.clamp(min=eps)).log().sum()


@replaces("pairwise_sum", limit=[20, 30, 50, 80])
def logits_clamped(image_emb, text_emb, log_t, bias, row0=0, col0=0, *, limit: int) -> Tensor:
    """Beyond ±{limit} your logits have no effect, so the worst pairs get no gradient. Which form of log(1 + eˣ) does
    not need a limit?"""
    return total((log_t.exp() * cosines(image_emb, text_emb) + bias).clamp(-limit, limit), row0, col0)


@replaces("pairwise_sum")
def probabilities_summed(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You summed the probabilities of the wrong answers, so no cell costs more than 1. What does the formula take of
    the probability of the right answer?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return torch.sigmoid(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum", which=["image_emb", "text_emb", "log_t", "bias"])
def no_gradient(image_emb, text_emb, log_t, bias, row0=0, col0=0, *, which: str) -> Tensor:
    """Your sum has the right value, but no gradient reaches {which}. Where does your code turn it into a plain number,
    or detach it?"""
    u, v, log_t, bias = (
        x.detach() if which == name else x
        for name, x in (("image_emb", image_emb), ("text_emb", text_emb), ("log_t", log_t), ("bias", bias))
    )
    return total(log_t.exp() * cosines(u, v) + bias, row0, col0)


@replaces("pairwise_sum")
def normalised_in_place(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You divide the embeddings in place, so the caller's own tensors change. If one is a leaf that needs a gradient,
    torch refuses. Which operation makes a new tensor?"""
    image_emb /= image_emb.norm(dim=-1, keepdim=True)
    text_emb /= text_emb.norm(dim=-1, keepdim=True)
    return total(log_t.exp() * image_emb @ text_emb.T + bias, row0, col0)


def check(image_emb: Tensor, text_emb: Tensor) -> int:
    if image_emb.shape != text_emb.shape:
        raise ValueError("shapes")
    return len(image_emb)


@replaces("siglip_loss", by=["1", "2 B", "B²"])
def divided_otherwise(image_emb, text_emb, log_t, bias, *, by: str) -> Tensor:
    """Your loss is the sum over all cells divided by {by}. How many pairs are there in the batch?"""
    B = check(image_emb, text_emb)
    return pairwise_sum(image_emb, text_emb, log_t, bias) / {"1": 1, "2 B": 2 * B, "B²": B * B}[by]


@replaces("siglip_loss", over=["each row", "each column", "each row and each column"])
def softmax_over(image_emb, text_emb, log_t, bias, *, over: str) -> Tensor:
    """Your loss is a cross-entropy over {over}, in which the bias cancels. Who competes with whom in SigLIP?"""
    B = check(image_emb, text_emb)
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    losses = [F.cross_entropy(z, torch.arange(B))] if "row" in over else []
    losses += [F.cross_entropy(z.T, torch.arange(B))] if "column" in over else []
    return torch.stack(losses).mean()


@replaces("siglip_loss", halved=[False, True])
def weighed(image_emb, text_emb, log_t, bias, *, halved: bool) -> Tensor:
    """Your right pairs have the same weight as all wrong ones together. In the formula, does a cell's weight depend on
    how many others are like it?"""
    B = check(image_emb, text_emb)
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    right, wrong = F.softplus(-z.diagonal()).sum(), F.softplus(z).sum() - F.softplus(z.diagonal()).sum()
    return (right / B + wrong / max(1, B * (B - 1))) / (2 if halved else 1)


@replaces("siglip_loss", passes=["fewer", "more", "fewer or more"])
def shapes_unchecked(image_emb, text_emb, log_t, bias, *, passes: str) -> Tensor:
    """A batch with {passes} texts than images gets a loss. Can every image have its own text then, and what should
    happen?"""
    images, texts = len(image_emb), len(text_emb)
    if (texts < images and "fewer" not in passes) or (texts > images and "more" not in passes):
        raise ValueError("shapes")
    return pairwise_sum(image_emb, text_emb, log_t, bias) / images


def blocks(image_emb: Tensor, text_emb: Tensor, chunks: int) -> tuple[int, range]:
    """Size of a chunk, and where chunks start."""
    B = check(image_emb, text_emb)
    return B // chunks, range(0, B, B // chunks)


@replaces("siglip_loss_chunked")
def diagonal_blocks_only(image_emb, text_emb, log_t, bias, chunks) -> Tensor:
    """In your loss the images of a chunk meet only the texts of the same chunk. How many blocks does the whole matrix
    have?"""
    n, starts = blocks(image_emb, text_emb, chunks)
    return sum(siglip_loss(image_emb[s : s + n], text_emb[s : s + n], log_t, bias) for s in starts) / chunks


@replaces("siglip_loss_chunked")
def upper_blocks_only(image_emb, text_emb, log_t, bias, chunks) -> Tensor:
    """You count the blocks above the diagonal twice and those below it not at all. Is image 5 with text 2 the same as
    image 2 with text 5?"""
    n, starts = blocks(image_emb, text_emb, chunks)
    found = image_emb.new_zeros(())
    for r in starts:
        for c in starts[r // n :]:
            block = pairwise_sum(image_emb[r : r + n], text_emb[c : c + n], log_t, bias, r, c)
            found = found + (block if r == c else 2 * block)
    return found / len(image_emb)


@replaces("siglip_loss_chunked", which=["images", "texts", "images and of texts"])
def last_chunk_missing(image_emb, text_emb, log_t, bias, chunks, *, which: str) -> Tensor:
    """The last chunk of {which} is missing from your sum. How many steps do your loops take, and where does the last
    chunk begin?"""
    n, starts = blocks(image_emb, text_emb, chunks)
    rows, columns = (starts[: -1 if word in which else None] for word in ("images", "texts"))
    found = image_emb.new_zeros(())
    for r in rows:
        for c in columns:
            found = found + pairwise_sum(image_emb[r : r + n], text_emb[c : c + n], log_t, bias, r, c)
    return found / len(image_emb)


@replaces("siglip_loss_chunked", missing=["row0", "col0", "row0 and col0"])
def no_offsets(image_emb, text_emb, log_t, bias, chunks, *, missing: str) -> Tensor:
    """Your blocks are added up as if {missing} were 0 in each of them. Which image and which text of the batch does a
    block begin with?"""
    n, starts = blocks(image_emb, text_emb, chunks)
    found = image_emb.new_zeros(())
    for r in starts:
        for c in starts:
            row0, col0 = 0 if "row0" in missing else r, 0 if "col0" in missing else c
            found = found + pairwise_sum(image_emb[r : r + n], text_emb[c : c + n], log_t, bias, row0, col0)
    return found / len(image_emb)


@replaces("siglip_loss_chunked", first=[0, 1])
def numbers_of_chunks(image_emb, text_emb, log_t, bias, chunks, *, first: int) -> Tensor:
    """The number of a chunk acts as your offset: row0 goes up by 1 from chunk to chunk. By how much does the number of
    the first image go up?"""
    n, starts = blocks(image_emb, text_emb, chunks)
    found = image_emb.new_zeros(())
    for r in starts:
        for c in starts:
            row0, col0 = r // n + first, c // n
            found = found + pairwise_sum(image_emb[r : r + n], text_emb[c : c + n], log_t, bias, row0, col0)
    return found / len(image_emb)


@replaces("siglip_loss_chunked", by=["1", "B / chunks", "B · chunks", "B · chunks²", "B²"])
def chunks_divided_otherwise(image_emb, text_emb, log_t, bias, chunks, *, by: str) -> Tensor:
    """Your loss is the sum of all blocks divided by {by}. What does siglip_loss divide by, and does it depend on how
    the batch is cut?"""
    B = check(image_emb, text_emb)
    divisors = {
        "1": 1,
        "B / chunks": B / chunks,
        "B · chunks": B * chunks,
        "B · chunks²": B * chunks**2,
        "B²": B**2,
    }
    return siglip_loss_chunked(image_emb, text_emb, log_t, bias, chunks) * B / divisors[by]


@replaces("siglip_loss_chunked", passes=["fewer", "more", "fewer or more"])
def unpaired_chunks(image_emb, text_emb, log_t, bias, chunks, *, passes: str) -> Tensor:
    """A batch with {passes} texts than images gets a loss, chunk by chunk. Can every image have its own text then, and
    what should happen?"""
    B, texts = len(image_emb), len(text_emb)
    if (texts < B and "fewer" not in passes) or (texts > B and "more" not in passes):
        raise ValueError("shapes")
    n = B // chunks
    found = image_emb.new_zeros(())
    for r in range(0, B, n):
        for c in range(0, texts, n):
            found = found + pairwise_sum(image_emb[r : r + n], text_emb[c : c + n], log_t, bias, r, c)
    return found / B


@replaces("siglip_loss_chunked")
def detached_blocks(image_emb, text_emb, log_t, bias, chunks) -> Tensor:
    """Your loss has the right value, but no gradient leads back from it. In what form do you add up the blocks?"""
    return siglip_loss_chunked(image_emb, text_emb, log_t, bias, chunks).detach()


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@replaces("initial_loss")
def pairs_forgotten(batch: int, log_t: float, bias: float) -> float:
    """The B right pairs are missing from your loss. With b = −10, which cells cost the most?"""
    return (batch - 1) * softplus(bias)


@replaces("initial_loss")
def wrong_pairs_forgotten(batch: int, log_t: float, bias: float) -> float:
    """Your loss contains only the right pairs. How many wrong pairs are there, and what does each of them cost?"""
    return softplus(-bias)


@replaces("initial_loss")
def all_are_wrong_pairs(batch: int, log_t: float, bias: float) -> float:
    """You counted all B² cells as wrong pairs and added the right ones to them. How many cells are off the
    diagonal?"""
    return softplus(-bias) + batch * softplus(bias)


@replaces("initial_loss")
def never_right(batch: int, log_t: float, bias: float) -> float:
    """You gave every cell the cost of a wrong pair. Which cells belong to an image and its own text, and what do they
    cost?"""
    return batch * softplus(bias)


@replaces("initial_loss", by=["1", "2 B", "B²"])
def initial_divided_otherwise(batch: int, log_t: float, bias: float, *, by: str) -> float:
    """Your result is the sum over all cells divided by {by}. What does siglip_loss divide by?"""
    return initial_loss(batch, log_t, bias) * batch / {"1": 1, "2 B": 2 * batch, "B²": batch**2}[by]


@replaces("initial_loss")
def signs_swapped(batch: int, log_t: float, bias: float) -> float:
    """With b = −10 your right pairs cost little and your wrong pairs cost much. With b = −10 and a cosine of 0, does
    the model answer yes or no?"""
    return softplus(bias) + (batch - 1) * softplus(-bias)


@replaces("initial_loss")
def pairs_aligned(batch: int, log_t: float, bias: float) -> float:
    """Your right pairs have a cosine of 1. Before any training, is an image closer to its own text than to the
    others?"""
    return softplus(-(math.exp(log_t) + bias)) + (batch - 1) * softplus(bias)


@replaces("initial_loss", by=["t", "log t", "1 / t"])
def scaled_bias(batch: int, log_t: float, bias: float, *, by: str) -> float:
    """Your bias is multiplied by {by}. What does t multiply in z, and how large is that if all vectors are
    orthogonal?"""
    return initial_loss(batch, log_t, bias * {"t": math.exp(log_t), "log t": log_t, "1 / t": math.exp(-log_t)}[by])


@replaces("initial_loss", sign=[1, -1])
def scale_added(batch: int, log_t: float, bias: float, *, sign: int) -> float:
    """Your result depends on t as if every cosine were {sign}. What is t times the cosine of two orthogonal
    vectors?"""
    return initial_loss(batch, log_t, bias + sign * math.exp(log_t))


@replaces("initial_loss")
def overflows(batch: int, log_t: float, bias: float) -> float:
    """Your formula needs e¹⁰⁰⁰ when the bias is ±1000, and no float can hold that. What is log(1 + eˣ) nearly equal to
    if x is large?"""
    return math.log(1 + math.exp(-bias)) + (batch - 1) * math.log(1 + math.exp(bias))


@replaces("initial_loss", form=["log of sigmoid", "log of 1 + exp"])
def initial_infinite(batch: int, log_t: float, bias: float, *, form: str) -> float:
    """With a bias of 1000 or −1000 your result is not finite. What does each step of your formula give there, and can
    a float hold it?"""
    b = torch.tensor([-bias, bias], dtype=torch.float64)
    cost = -torch.sigmoid(-b).log() if form == "log of sigmoid" else (1 + b.exp()).log()
    return (cost[0] + (batch - 1) * cost[1]).item()
