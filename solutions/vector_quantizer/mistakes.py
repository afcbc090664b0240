"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from torch import Tensor
from vector_quantizer import code_usage, nearest_code, quantize

from grader.testing import replaces

Result = tuple[Tensor, Tensor, Tensor]
Usage = dict[str, int | float]


# The nearest code


@replaces("nearest_code")
def largest_product(z: Tensor, codebook: Tensor) -> Tensor:
    """You took the code with the largest product. A long code wins that too easily. What is asked for is the
    distance."""
    return (z @ codebook.mT).argmax(dim=-1)


@replaces("nearest_code")
def same_direction(z: Tensor, codebook: Tensor) -> Tensor:
    """You took the code whose direction is most like that of z. Two vectors on one ray can be far apart. What is asked
    for is the distance."""
    lengths = torch.linalg.vector_norm(codebook, dim=1).clamp(min=1e-12)
    return (z @ codebook.mT / lengths).argmax(dim=-1)


@replaces("nearest_code", what=["−z·e", "−4 z·e", "+2 z·e"])
def another_factor(z: Tensor, codebook: Tensor, *, what: str) -> Tensor:
    """You compare |e|² {what}. That is wrong by less than it seems, and enough for another code. Expand (z − e)² once
    more."""
    factor = {"−z·e": -1.0, "−4 z·e": -4.0, "+2 z·e": 2.0}[what]
    return (codebook.square().sum(dim=1) + factor * z @ codebook.mT).argmin(dim=-1)


@replaces("nearest_code")
def length_for_its_square(z: Tensor, codebook: Tensor) -> Tensor:
    """You compare |e| − 2 z·e. Which power of |e| does (z − e)² have?"""
    return (torch.linalg.vector_norm(codebook, dim=1) - 2 * z @ codebook.mT).argmin(dim=-1)


@replaces("nearest_code")
def farthest(z: Tensor, codebook: Tensor) -> Tensor:
    """You took the code with the largest distance. Which one is the nearest?"""
    return (codebook.square().sum(dim=1) - 2 * z @ codebook.mT).argmax(dim=-1)


@replaces("nearest_code", distance=["the sum of the absolute differences", "the largest difference"])
def other_distance(z: Tensor, codebook: Tensor, *, distance: str) -> Tensor:
    """Your distance is {distance}. Which one is in the formula?"""
    p = 1.0 if distance == "the sum of the absolute differences" else math.inf
    flat = z.reshape(-1, z.shape[-1])
    return torch.cdist(flat, codebook, p=p).argmin(dim=1).reshape(z.shape[:-1])


@replaces("nearest_code")
def distance_for_the_number(z: Tensor, codebook: Tensor) -> Tensor:
    """You return the smallest distance itself. Which number does the docstring ask for?"""
    flat = z.reshape(-1, z.shape[-1])
    return torch.cdist(flat, codebook).min(dim=1).values.reshape(z.shape[:-1])


@replaces("nearest_code")
def vector_of_each_code(z: Tensor, codebook: Tensor) -> Tensor:
    """You return a number for every code: the vector that is nearest to it. Over which of the two do you look for the
    smallest distance?"""
    flat = z.reshape(-1, z.shape[-1])
    return torch.cdist(flat, codebook).argmin(dim=0)


@replaces("nearest_code")
def shape_lost(z: Tensor, codebook: Tensor) -> Tensor:
    """Your result is one long row of numbers. What shape does the docstring give it?"""
    return nearest_code(z, codebook).flatten()


@replaces("nearest_code")
def axis_too_many(z: Tensor, codebook: Tensor) -> Tensor:
    """Your result has an axis of length 1 at its end. What shape does the docstring give it?"""
    return nearest_code(z, codebook)[..., None]


@replaces("nearest_code", ends="memory")
def all_differences(z: Tensor, codebook: Tensor) -> Tensor:
    """You hold a difference for every vector, every code and every number. Which sum of products gives the same
    order?"""
    return (z[..., None, :] - codebook).square().sum(dim=-1).argmin(dim=-1)


# The layer


def parts(z: Tensor, codebook: Tensor) -> tuple[Tensor, Tensor]:
    """The numbers of the codes, and the codes."""
    codes = nearest_code(z, codebook)
    return codes, codebook[codes]


def mean(x: Tensor) -> Tensor:
    return x.square().mean()


@replaces("quantize")
def no_gradient_to_the_encoder(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """The encoder gets no gradient through z_q. It has the value of the code; whose gradient should it have?"""
    _, codes, loss = quantize(z, codebook, beta)
    return codebook[codes].detach(), codes, loss


@replaces("quantize")
def the_code_itself(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """Your z_q is a row of the codebook, and so its gradient goes there. Where should it go?"""
    _, codes, loss = quantize(z, codebook, beta)
    return codebook[codes], codes, loss


@replaces("quantize")
def codebook_in_the_way(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """The gradient of your z_q reaches z, and the codebook as well. Which part has to be detached?"""
    _, codes, loss = quantize(z, codebook, beta)
    return z + codebook[codes] - z.detach(), codes, loss


@replaces("quantize")
def nothing_detached(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """You add e − z to z, and backward the two z cancel as well. Which part has to be detached?"""
    _, codes, loss = quantize(z, codebook, beta)
    return z + (codebook[codes] - z), codes, loss


@replaces("quantize")
def not_quantized(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """Your z_q is z. What does the decoder get to see?"""
    _, codes, loss = quantize(z, codebook, beta)
    return z * 1.0, codes, loss


@replaces("quantize")
def beta_on_the_codebook(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """Your beta weighs the term that moves the codes. Which of the two moves the encoder? (A well-known library has it
    the other way round, too, and calls that a bug.)"""
    codes, e = parts(z, codebook)
    loss = beta * mean(z.detach() - e) + mean(z - e.detach())
    return z + (e - z).detach(), codes, loss


@replaces("quantize")
def beta_on_both(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """Your beta weighs both terms. Which of them is the commitment?"""
    codes, e = parts(z, codebook)
    loss = beta * (mean(z.detach() - e) + mean(z - e.detach()))
    return z + (e - z).detach(), codes, loss


@replaces("quantize")
def beta_ignored(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """Your commitment has the weight 0.25, whatever beta says."""
    return quantize(z, codebook)


@replaces("quantize", default=[1.0, 0.5])
def other_default(z: Tensor, codebook: Tensor, beta: float | None = None, *, default: float) -> Result:
    """Without a beta, your commitment has the weight {default}. Which one is in the signature?"""
    return quantize(z, codebook, default if beta is None else beta)


@replaces("quantize")
def no_stop_gradients(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """Both of your terms move both sides. In the first the vector should stand still. And in the second?"""
    codes, e = parts(z, codebook)
    return z + (e - z).detach(), codes, (1 + beta) * mean(z - e)


@replaces("quantize", which=["first", "second"])
def one_stop_gradient(z: Tensor, codebook: Tensor, beta: float = 0.25, *, which: str) -> Result:
    """Your {which} term moves both sides. Which of them should stand still there?"""
    codes, e = parts(z, codebook)
    first = mean(z - e) if which == "first" else mean(z.detach() - e)
    second = mean(z - e) if which == "second" else mean(z - e.detach())
    return z + (e - z).detach(), codes, first + beta * second


@replaces("quantize")
def loss_of_z_q(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """You took the loss of z_q instead of e, so no gradient of it reaches the codebook. What is z_q backward?"""
    codes, e = parts(z, codebook)
    z_q = z + (e - z).detach()
    return z_q, codes, mean(z.detach() - z_q) + beta * mean(z - z_q.detach())


@replaces("quantize", over=["each vector", "everything"])
def summed(z: Tensor, codebook: Tensor, beta: float = 0.25, *, over: str) -> Result:
    """Your loss is a sum over {over}. Over what does the mean in the docstring go?"""
    z_q, codes, loss = quantize(z, codebook, beta)
    return z_q, codes, loss * (z.shape[-1] if over == "each vector" else z.numel())


@replaces("quantize")
def distance_not_squared(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """You take the mean of the distances. What is squared in the formula?"""
    codes, e = parts(z, codebook)
    first, second = (z.detach() - e).norm(dim=-1).mean(), (z - e.detach()).norm(dim=-1).mean()
    return z + (e - z).detach(), codes, first + beta * second


@replaces("quantize")
def commitment_missing(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """Your loss pulls the codes to z, and nothing holds the encoder near its codes. Which term is missing?"""
    codes, e = parts(z, codebook)
    return z + (e - z).detach(), codes, mean(z.detach() - e)


@replaces("quantize")
def codes_stand_still(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """Your loss pulls z to its code, and nothing moves the codes. Which term is missing?"""
    codes, e = parts(z, codebook)
    return z + (e - z).detach(), codes, beta * mean(z - e.detach())


@replaces("quantize")
def loss_without_gradient(z: Tensor, codebook: Tensor, beta: float = 0.25) -> Result:
    """Your loss has the right value and no gradient at all. Which side should stand still in each term, and which
    move?"""
    z_q, codes, loss = quantize(z, codebook, beta)
    return z_q, codes, loss.detach()


# The usage


@replaces("code_usage")
def nan_entropy(codes: Tensor, num_codes: int) -> Usage:
    """Your entropy is NaN: 0 · ln 0 is NaN for the machine, and at first most codes never occur."""
    p = torch.bincount(codes.flatten(), minlength=num_codes).double() / codes.numel()
    entropy = -(p * p.log()).sum().item()
    return {"used": int((p > 0).sum()), "perplexity": math.exp(entropy), "bits": entropy / math.log(2)}


@replaces("code_usage", what=["e to the entropy in bits", "2 to the entropy in nats"])
def perplexity_in_bits(codes: Tensor, num_codes: int, *, what: str) -> Usage:
    """Your perplexity is {what}. Which base belongs to which unit?"""
    found = code_usage(codes, num_codes)
    bits, nats = found["bits"], found["bits"] * math.log(2)
    return found | {"perplexity": math.exp(bits) if what == "e to the entropy in bits" else 2**nats}


@replaces("code_usage")
def bits_in_nats(codes: Tensor, num_codes: int) -> Usage:
    """Your bits are the entropy with the natural logarithm. Which logarithm of the perplexity is asked for?"""
    found = code_usage(codes, num_codes)
    return found | {"bits": found["bits"] * math.log(2)}


@replaces("code_usage", of=["all codes", "the codes that occur"])
def bits_of_the_number(codes: Tensor, num_codes: int, *, of: str) -> Usage:
    """Your bits are log₂ of the number of {of}. That is what a number costs if all of these are equally frequent. What
    do frequent ones cost?"""
    found = code_usage(codes, num_codes)
    return found | {"bits": math.log2(num_codes if of == "all codes" else found["used"])}


@replaces("code_usage")
def perplexity_is_used(codes: Tensor, num_codes: int) -> Usage:
    """Your perplexity is the number of codes that occur. What if one of them has nearly all vectors?"""
    found = code_usage(codes, num_codes)
    return found | {"perplexity": float(found["used"])}


@replaces("code_usage")
def sum_of_squares(codes: Tensor, num_codes: int) -> Usage:
    """Your perplexity is 1 over the sum of the squared shares. That is an effective number as well, and not the one of
    the formula."""
    p = torch.bincount(codes.flatten(), minlength=num_codes).double() / codes.numel()
    return code_usage(codes, num_codes) | {"perplexity": 1 / p.square().sum().item()}


@replaces("code_usage")
def shares_of_the_codebook(codes: Tensor, num_codes: int) -> Usage:
    """You divide the counts by the number of codes, and the shares don't add up to 1. The share of what is it?"""
    p = torch.bincount(codes.flatten(), minlength=num_codes).double() / num_codes
    entropy = torch.special.entr(p).sum().item()
    found = {"perplexity": math.exp(min(entropy, 700.0)), "bits": entropy / math.log(2)}
    return {"used": int((p > 0).sum())} | found


@replaces("code_usage")
def used_by_the_largest(codes: Tensor, num_codes: int) -> Usage:
    """You took the largest number for how many codes occur. What about those below it that don't?"""
    return code_usage(codes, num_codes) | {"used": int(codes.max()) + 1}


@replaces("code_usage")
def vectors_counted(codes: Tensor, num_codes: int) -> Usage:
    """Your used is the number of vectors. How many different codes did they choose?"""
    return code_usage(codes, num_codes) | {"used": codes.numel()}


@replaces("code_usage")
def used_as_a_share(codes: Tensor, num_codes: int) -> Usage:
    """Your used is a share of the codebook. The docstring counts codes."""
    found = code_usage(codes, num_codes)
    return found | {"used": found["used"] / num_codes}


@replaces("code_usage")
def counts_of_a_grid(codes: Tensor, num_codes: int) -> Usage:
    """torch.bincount takes one dimension only. How do you get there from a grid of numbers?"""
    p = torch.bincount(codes, minlength=num_codes).double() / codes.numel()
    entropy = torch.special.entr(p).sum().item()
    return {"used": int((p > 0).sum()), "perplexity": math.exp(entropy), "bits": entropy / math.log(2)}
