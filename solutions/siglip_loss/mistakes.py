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


@replaces("pairwise_sum")
def labels_of_0(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your labels are 1 and 0, and each wrong pair adds ln 2 whatever its logit. What must y be for a «no» to be
    learned?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return F.softplus(-same(z, row0, col0).to(z.dtype) * z).sum()


@replaces("pairwise_sum")
def bias_subtracted(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You subtracted the bias, as the formula printed in the paper does. Its code adds it, and then −10 says «no»
    to nearly everything."""
    z = log_t.exp() * cosines(image_emb, text_emb) - bias
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def bias_scaled(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You added the bias to the cosine and multiplied both by t. The bias comes after the scale."""
    z = log_t.exp() * (cosines(image_emb, text_emb) + bias)
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def no_bias(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """The bias has no effect. In a softmax it would cancel; here it is the answer to «how many pairs belong
    together at all?»"""
    z = log_t.exp() * cosines(image_emb, text_emb)
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def bias_with_sign(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your bias is outside of the bracket: y multiplies the cosine and not the bias, so b pushes right and wrong
    pairs the same way. y stands before the whole of z."""
    z = log_t.exp() * cosines(image_emb, text_emb)
    return F.softplus(-(signs(z, row0, col0) * z + bias)).sum()


@replaces("pairwise_sum")
def no_exp(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You multiplied by log_t itself: 2.3 where it should be 10. What undoes a logarithm?"""
    z = log_t * cosines(image_emb, text_emb) + bias
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def divided(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You divided by t, as by a temperature. The cosines are multiplied by t."""
    z = cosines(image_emb, text_emb) / log_t.exp() + bias
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def capped(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You capped t at 100, as CLIP does. Here nothing competes in a softmax, and t has no cap."""
    z = log_t.clamp(max=math.log(100)).exp() * cosines(image_emb, text_emb) + bias
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def not_normalised(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You took dot products of the embeddings as they are: long ones decide. Both sides need length 1."""
    z = log_t.exp() * image_emb @ text_emb.T + bias
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def text_not_normalised(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """The images have length 1 and the texts do not. Both sides need it."""
    z = log_t.exp() * F.normalize(image_emb, dim=-1) @ text_emb.T + bias
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def epsilon_added(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You added 1e-8 to the lengths: cosines come out a little small, the more so the shorter an embedding is. No
    length is 0 here."""
    u = image_emb / (image_emb.norm(dim=-1, keepdim=True) + 1e-8)
    v = text_emb / (text_emb.norm(dim=-1, keepdim=True) + 1e-8)
    z = log_t.exp() * u @ v.T + bias
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def labels_inverted(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your sign before y z is wrong: the loss falls when pairs move apart. What should the term of a right pair be if
    its z is large?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return F.softplus(signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def pairs_on_every_diagonal(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Each of your blocks has its own diagonal full of pairs, wherever it lies in the batch, and most of those
    belong to nobody. Which numbers have to be compared, and what are row0 and col0 for?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return F.softplus(-signs(z, 0, 0) * z).sum()


@replaces("pairwise_sum")
def offsets_swapped(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your pairs do not stand where the number of a row in the batch is that of a column. row0 belongs to the rows
    and col0 to the columns: are both added, and each to its own?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return F.softplus(-signs(z, col0, row0) * z).sum()


@replaces("pairwise_sum")
def row0_ignored(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your rows are counted from 0 wherever the block lies; the columns are right. Which number has the first image of
    the block in the batch?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return F.softplus(-signs(z, 0, col0) * z).sum()


@replaces("pairwise_sum")
def col0_ignored(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Your columns are counted from 0 wherever the block lies; the rows are right. Which number has the first text of
    the block in the batch?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return F.softplus(-signs(z, row0, 0) * z).sum()


@replaces("pairwise_sum")
def only_blocks_on_the_diagonal(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You count pairs only in blocks with row0 equal to col0. The diagonal can also cross a block that begins beside
    it. Which two numbers are equal for a pair?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    y = signs(z, 0, 0) if row0 == col0 else -torch.ones_like(z)
    return F.softplus(-y * z).sum()


@replaces("pairwise_sum")
def pairs_only(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """Only the right pairs are in your sum. A model that says «yes» to everything would then be the best. Which other
    cells of the block count?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return (F.softplus(-z) * same(z, row0, col0)).sum()


@replaces("pairwise_sum")
def a_mean(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You return a mean over the block. Sums of blocks can be added up; means of blocks cannot."""
    return pairwise_sum(image_emb, text_emb, log_t, bias, row0, col0) / (len(image_emb) * len(text_emb))


@replaces("pairwise_sum")
def over_images(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You divided by the number of images of the block. The division comes once, at the end, by the number of
    pairs of the whole batch."""
    return pairwise_sum(image_emb, text_emb, log_t, bias, row0, col0) / len(image_emb)


@replaces("pairwise_sum")
def log_sigmoid_in_two_steps(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """A large logit makes your loss infinite: e¹⁰⁰⁰ overflows, and a sigmoid of −1000 is exactly 0, whose
    logarithm is −infinity. Which function of torch takes both steps at once?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return -torch.sigmoid(signs(z, row0, col0) * z).log().sum()


@replaces("pairwise_sum")
def logarithms_cut_off(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """F.binary_cross_entropy takes probabilities and cuts each logarithm off at −100: a bad pair costs 100 whatever its
    logit, and has no gradient. Which of torch's functions takes the logits themselves?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return F.binary_cross_entropy(z.sigmoid(), same(z, row0, col0).to(z.dtype), reduction="sum")


@replaces("pairwise_sum")
def little_added(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You added a small number inside the logarithm. It hides the infinity: the loss of a bad pair stops growing
    and its gradient disappears. softplus needs none."""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return -(torch.sigmoid(signs(z, row0, col0) * z) + 1e-8).log().sum()


@replaces("pairwise_sum")
def logits_clamped(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You clamped the logits, so the worst pairs have no gradient. softplus bears any logit."""
    z = (log_t.exp() * cosines(image_emb, text_emb) + bias).clamp(-50, 50)
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def probabilities_summed(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You summed the probabilities of the wrong answers. The loss is the sum of −log of those of the right
    answers."""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return torch.sigmoid(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def bias_as_number(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You turned the bias into a Python number, so it gets no gradient. The bias is learned: in which form must it
    enter the sum?"""
    z = log_t.exp() * cosines(image_emb, text_emb) + bias.item()
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def scale_as_number(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You turned log_t into a Python number, so it gets no gradient. log_t is learned: in which form must it enter the
    product?"""
    z = math.exp(log_t.item()) * cosines(image_emb, text_emb) + bias
    return F.softplus(-signs(z, row0, col0) * z).sum()


def check(image_emb: Tensor, text_emb: Tensor) -> int:
    if image_emb.shape != text_emb.shape:
        raise ValueError("shapes")
    return len(image_emb)


@replaces("siglip_loss")
def over_all_cells(image_emb, text_emb, log_t, bias) -> Tensor:
    """You divided by B², as mean() does: B times too small. The sum over all cells is divided by the number of
    pairs."""
    return siglip_loss(image_emb, text_emb, log_t, bias) / len(image_emb)


@replaces("siglip_loss")
def not_divided(image_emb, text_emb, log_t, bias) -> Tensor:
    """This is the sum. It is divided by the number of pairs."""
    return siglip_loss(image_emb, text_emb, log_t, bias) * len(image_emb)


@replaces("siglip_loss")
def over_two_batches(image_emb, text_emb, log_t, bias) -> Tensor:
    """You halved the loss, as if there were two directions. Each pair of image and text is asked about once."""
    return siglip_loss(image_emb, text_emb, log_t, bias) / 2


@replaces("siglip_loss")
def softmax_of_rows(image_emb, text_emb, log_t, bias) -> Tensor:
    """You took a cross-entropy: rows compete, and the bias cancels, its gradient is 0. SigLIP decides each pair
    alone."""
    B = check(image_emb, text_emb)
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return F.cross_entropy(z, torch.arange(B))


@replaces("siglip_loss")
def loss_of_clip(image_emb, text_emb, log_t, bias) -> Tensor:
    """This is the loss of CLIP, two cross-entropies; the bias cancels in both, its gradient is 0. SigLIP decides
    each pair alone."""
    B = check(image_emb, text_emb)
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    return (F.cross_entropy(z, torch.arange(B)) + F.cross_entropy(z.T, torch.arange(B))) / 2


@replaces("siglip_loss")
def weighed(image_emb, text_emb, log_t, bias) -> Tensor:
    """You gave pairs and wrong pairs the same weight, each as a mean. In this loss every cell counts once; that
    there are many more wrong pairs is the work of the bias."""
    B = check(image_emb, text_emb)
    z = log_t.exp() * cosines(image_emb, text_emb) + bias
    right, wrong = F.softplus(-z.diagonal()).sum(), F.softplus(z).sum() - F.softplus(z.diagonal()).sum()
    return right / B + wrong / max(1, B * (B - 1))


@replaces("siglip_loss")
def shapes_unchecked(image_emb, text_emb, log_t, bias) -> Tensor:
    """Four images and six texts went through as if they were pairs. pairwise_sum may have blocks of any shape; a
    whole batch has as many images as texts: raise ValueError."""
    return pairwise_sum(image_emb, text_emb, log_t, bias) / len(image_emb)


def blocks(image_emb: Tensor, text_emb: Tensor, chunks: int) -> tuple[int, range]:
    """Size of a chunk, and where chunks start."""
    B = check(image_emb, text_emb)
    return B // chunks, range(0, B, B // chunks)


@replaces("siglip_loss_chunked")
def diagonal_blocks_only(image_emb, text_emb, log_t, bias, chunks) -> Tensor:
    """Images of a chunk met only the texts of the same chunk. Each of chunks² blocks holds wrong pairs, and they
    all count."""
    n, starts = blocks(image_emb, text_emb, chunks)
    return sum(siglip_loss(image_emb[s : s + n], text_emb[s : s + n], log_t, bias) for s in starts) / chunks


@replaces("siglip_loss_chunked")
def no_offsets(image_emb, text_emb, log_t, bias, chunks) -> Tensor:
    """You call pairwise_sum without row0 and col0, so every block counts its own diagonal as pairs. Only the blocks
    on the diagonal of the whole matrix hold pairs. Which image and which text of the batch does a block begin
    with?"""
    n, starts = blocks(image_emb, text_emb, chunks)
    total = sum(pairwise_sum(image_emb[r : r + n], text_emb[c : c + n], log_t, bias) for r in starts for c in starts)
    return total / len(image_emb)


@replaces("siglip_loss_chunked")
def numbers_of_chunks(image_emb, text_emb, log_t, bias, chunks) -> Tensor:
    """You handed on the number of the chunk: 0, 1, 2. row0 is the number of its first image in the batch."""
    n, starts = blocks(image_emb, text_emb, chunks)
    total = sum(
        pairwise_sum(image_emb[r : r + n], text_emb[c : c + n], log_t, bias, r // n, c // n)
        for r in starts
        for c in starts
    )
    return total / len(image_emb)


@replaces("siglip_loss_chunked")
def each_block_divided(image_emb, text_emb, log_t, bias, chunks) -> Tensor:
    """You divided the blocks by the size of a chunk: the sum is `chunks` times too large. The division comes
    once, by B."""
    return siglip_loss_chunked(image_emb, text_emb, log_t, bias, chunks) * chunks


@replaces("siglip_loss_chunked")
def mean_of_blocks(image_emb, text_emb, log_t, bias, chunks) -> Tensor:
    """You averaged over the blocks, and the loss depends on how many there are. Add the sums and divide once, by
    B."""
    return siglip_loss_chunked(image_emb, text_emb, log_t, bias, chunks) / chunks**2


@replaces("siglip_loss_chunked")
def upper_blocks_only(image_emb, text_emb, log_t, bias, chunks) -> Tensor:
    """You computed only the blocks above the diagonal and counted them twice. Image 5 with text 2 is another pair than
    image 2 with text 5. Which blocks are missing?"""
    n, starts = blocks(image_emb, text_emb, chunks)
    total = image_emb.new_zeros(())
    for r in starts:
        for c in starts[r // n :]:
            block = pairwise_sum(image_emb[r : r + n], text_emb[c : c + n], log_t, bias, r, c)
            total = total + (block if r == c else 2 * block)
    return total / len(image_emb)


@replaces("siglip_loss_chunked")
def unpaired_chunks(image_emb, text_emb, log_t, bias, chunks) -> Tensor:
    """Unequal numbers of images and texts went through. A whole batch is made of pairs: raise ValueError, here as
    in siglip_loss."""
    B = len(image_emb)
    n = B // chunks
    total = image_emb.new_zeros(())
    for r in range(0, B, n):
        for c in range(0, len(text_emb), n):
            total = total + pairwise_sum(image_emb[r : r + n], text_emb[c : c + n], log_t, bias, r, c)
    return total / B


@replaces("siglip_loss_chunked")
def detached_blocks(image_emb, text_emb, log_t, bias, chunks) -> Tensor:
    """You added up the blocks as plain numbers, and no gradient flows back to the embeddings. What does each block have
    to be when you add it?"""
    return siglip_loss_chunked(image_emb, text_emb, log_t, bias, chunks).detach()


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@replaces("initial_loss")
def pairs_forgotten(batch: int, log_t: float, bias: float) -> float:
    """The B right pairs are missing in your loss. With b = −10 they are most of it."""
    return (batch - 1) * softplus(bias)


@replaces("initial_loss")
def wrong_pairs_forgotten(batch: int, log_t: float, bias: float) -> float:
    """Only the right pairs are in your loss. There are B(B − 1) wrong ones."""
    return softplus(-bias)


@replaces("initial_loss")
def all_are_wrong_pairs(batch: int, log_t: float, bias: float) -> float:
    """You counted all B² cells as wrong pairs and added the right ones to them. How many cells are off the
    diagonal?"""
    return softplus(-bias) + batch * softplus(bias)


@replaces("initial_loss")
def mean_of_cells(batch: int, log_t: float, bias: float) -> float:
    """You divided by B². Divide by B, as the loss does."""
    return initial_loss(batch, log_t, bias) / batch


@replaces("initial_loss")
def not_divided_at_all(batch: int, log_t: float, bias: float) -> float:
    """This is the sum over all cells. The loss divides it by B."""
    return initial_loss(batch, log_t, bias) * batch


@replaces("initial_loss")
def signs_swapped(batch: int, log_t: float, bias: float) -> float:
    """With b = −10 your right pairs cost little and your wrong pairs cost much: the sign of b is reversed. For b =
    −10, is the answer to a pair «yes» or «no»?"""
    return softplus(bias) + (batch - 1) * softplus(-bias)


@replaces("initial_loss")
def pairs_aligned(batch: int, log_t: float, bias: float) -> float:
    """You gave the right pairs a cosine of 1. At the start nothing is learned yet, and they are as orthogonal as
    all others."""
    return softplus(-(math.exp(log_t) + bias)) + (batch - 1) * softplus(bias)


@replaces("initial_loss")
def scaled_bias(batch: int, log_t: float, bias: float) -> float:
    """You multiplied the bias by t. t multiplies cosines, and they are 0."""
    return initial_loss(batch, log_t, math.exp(log_t) * bias)


@replaces("initial_loss")
def overflows(batch: int, log_t: float, bias: float) -> float:
    """math.exp(1000) raises an OverflowError. For large x, log(1 + eˣ) is x."""
    return math.log(1 + math.exp(-bias)) + (batch - 1) * math.log(1 + math.exp(bias))


@replaces("pairwise_sum")
def larger_epsilon_added(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You added 1e-6 to the lengths, so short embeddings do not get length 1. No length is 0 here. What does the small
    number protect from?"""
    u = image_emb / (image_emb.norm(dim=-1, keepdim=True) + 1e-6)
    v = text_emb / (text_emb.norm(dim=-1, keepdim=True) + 1e-6)
    z = log_t.exp() * u @ v.T + bias
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def never_a_pair(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """In your sum every cell counts as a wrong pair. Which cells hold an image and its own text?"""
    return F.softplus(log_t.exp() * cosines(image_emb, text_emb) + bias).sum()


@replaces("pairwise_sum")
def normalised_over_rows(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You normalised along the wrong axis: each of the E columns has length 1, and the vectors do not. Along which axis
    lie the numbers of one vector?"""
    z = log_t.exp() * F.normalize(image_emb, dim=0) @ F.normalize(text_emb, dim=0).T + bias
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def short_ones_stay_short(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """An embedding shorter than 1e-8 does not get length 1: F.cosine_similarity divides by no less than its eps, and so
    does a clamp. Which lengths may occur by the statement?"""
    u = image_emb / image_emb.norm(dim=-1, keepdim=True).clamp(min=1e-8)
    v = text_emb / text_emb.norm(dim=-1, keepdim=True).clamp(min=1e-8)
    z = log_t.exp() * u @ v.T + bias
    return F.softplus(-signs(z, row0, col0) * z).sum()


@replaces("pairwise_sum")
def normalised_in_place(image_emb, text_emb, log_t, bias, row0=0, col0=0) -> Tensor:
    """You bring the embeddings to length 1 in place, and the caller's are other ones afterwards; where one is a leaf
    that needs a gradient, torch refuses it. Which operation makes a new tensor?"""
    image_emb /= image_emb.norm(dim=-1, keepdim=True)
    text_emb /= text_emb.norm(dim=-1, keepdim=True)
    z = log_t.exp() * image_emb @ text_emb.T + bias
    return F.softplus(-signs(z, row0, col0) * z).sum()
