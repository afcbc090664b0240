"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from ssm_convolution import causal_conv, ssm_kernel, ssm_recurrence
from torch import Tensor

from grader.testing import replaces

Maybe = Tensor | None


def start(A: Tensor, x: Tensor, h0: Maybe) -> Tensor:
    return x.new_zeros(*x.shape[:2], A.shape[1]) if h0 is None else h0


def skip(y: Tensor, x: Tensor, D: Maybe) -> Tensor:
    return y if D is None else y + D[:, None] * x


def by_fft(x: Tensor, kernel: Tensor, n: int) -> Tensor:
    """n numbers: the circular convolution in n places."""
    return torch.fft.irfft(torch.fft.rfft(x, n=n) * torch.fft.rfft(kernel, n=n), n=n)


# the recurrence


@replaces("ssm_recurrence")
def previous_state(A, B, C, x, D=None, h0=None):
    """Your y_t is read from h_{t−1}, so token t does not reach its own y. Which comes first in a step, the update or
    the read-out?"""
    h, ys = start(A, x, h0), []
    for t in range(x.shape[-1]):
        ys.append((C * h).sum(-1))
        h = A * h + B * x[:, :, t, None]
    return skip(torch.stack(ys, -1), x, D), h


@replaces("ssm_recurrence", option=["D", "h0"])
def option_ignored(A, B, C, x, D=None, h0=None, *, option):
    """Your recurrence gives the same with {option} and without it. Where does it come into the formulas?"""
    return ssm_recurrence(A, B, C, x, None if option == "D" else D, None if option == "h0" else h0)


@replaces("ssm_recurrence")
def h0_not_decayed(A, B, C, x, D=None, h0=None):
    """Your first state is h0 + B x_0. What does a step do to the state that it finds, and is the first step any
    different?"""
    h, ys = start(A, x, h0), []
    for t in range(x.shape[-1]):
        h = (A * h if t else h) + B * x[:, :, t, None]
        ys.append((C * h).sum(-1))
    return skip(torch.stack(ys, -1), x, D), h


@replaces("ssm_recurrence", factor=["exp(A)", "exp(−A)", "|A|", "1 − A", "1 + A", "−A"])
def another_decay(A, B, C, x, D=None, h0=None, *, factor):
    """Your state is multiplied by {factor} in each step. A arrives here discretised already: what does the formula
    multiply h by?"""
    factors = {"exp(A)": A.exp(), "exp(−A)": (-A).exp(), "|A|": A.abs(), "1 − A": 1 - A, "1 + A": 1 + A, "−A": -A}
    return ssm_recurrence(factors[factor], B, C, x, D, h0)


@replaces("ssm_recurrence")
def moving_average(A, B, C, x, D=None, h0=None):
    """Your token enters with the share 1 − A, as in a moving average. Which number says here with what weight it
    enters?"""
    return ssm_recurrence(A, (1 - A) * B, C, x, D, h0)


@replaces("ssm_recurrence")
def input_decays_too(A, B, C, x, D=None, h0=None):
    """Your new token decays in its own step: h becomes A (h + B x). In A h + B x, which of the two terms is multiplied
    by A?"""
    return ssm_recurrence(A, A * B, C, x, D, h0)


@replaces("ssm_recurrence")
def skip_times_y(A, B, C, x, D=None, h0=None):
    """Your recurrence multiplies the output by D. What does D multiply in the formula, and what happens to the
    product?"""
    y, h = ssm_recurrence(A, B, C, x, None, h0)
    return (y if D is None else y * D[:, None]), h


@replaces("ssm_recurrence", of=["1", "y"])
def another_skip(A, B, C, x, D=None, h0=None, *, of):
    """Your recurrence adds D times {of}. What does the formula multiply D by?"""
    y, h = ssm_recurrence(A, B, C, x, None, h0)
    return skip(y, y if of == "y" else torch.ones_like(x), D), h


@replaces("ssm_recurrence")
def skip_into_state(A, B, C, x, D=None, h0=None):
    """D x_t is added to the state, so it comes back in later outputs. To which outputs does the skip of x_t belong?"""
    return ssm_recurrence(A, B if D is None else B + D[:, None], C, x, None, h0)


@replaces("ssm_recurrence")
def recurrence_skip_along_time(A, B, C, x, D=None, h0=None):
    """D has a number for each channel, and in your recurrence it meets the last axis of x: time. Which axis of x has
    the channels?"""
    y, h = ssm_recurrence(A, B, C, x, None, h0)
    return (y if D is None else y + D * x), h


@replaces("ssm_recurrence")
def b_and_c_exchanged(A, B, C, x, D=None, h0=None):
    """B and C have changed places. Without h0 your y is right, because each product has both: is your state? Which of
    the two writes a token into it?"""
    return ssm_recurrence(A, C, B, x, D, h0)


@replaces("ssm_recurrence")
def mean_read(A, B, C, x, D=None, h0=None):
    """Your y is a mean over the N numbers of the state. What does ⟨C, h⟩ mean?"""
    return ssm_recurrence(A, B, C / A.shape[1], x, D, h0)


@replaces("ssm_recurrence", returned=["before the last token", "after the first token"])
def another_state(A, B, C, x, D=None, h0=None, *, returned):
    """Your y is right, but the state that you return is the one {returned}. With which state does the next piece of
    text go on?"""
    y, _ = ssm_recurrence(A, B, C, x, D, h0)
    T = 1 if returned == "after the first token" else x.shape[-1] - 1
    return y, ssm_recurrence(A, B, C, x[..., :T], D, h0)[1] if T else start(A, x, h0)


@replaces("ssm_recurrence")
def h0_changed(A, B, C, x, D=None, h0=None):
    """Your steps change the state in place, and the first of these states is the h0 of the caller. Which operations
    make a new tensor?"""
    h, ys = start(A, x, h0), []
    for t in range(x.shape[-1]):
        h *= A
        h += B * x[:, :, t, None]
        ys.append((C * h).sum(-1))
    return skip(torch.stack(ys, -1), x, D), h


@replaces("ssm_recurrence")
def truncated(A, B, C, x, D=None, h0=None):
    """Your values are right, but no gradient goes back through time. How would the layer learn what to remember, and
    where is a state cut off from the one before?"""
    h, ys = start(A, x, h0), []
    for t in range(x.shape[-1]):
        h = A * h.detach() + B * x[:, :, t, None]
        ys.append((C * h).sum(-1))
    return skip(torch.stack(ys, -1), x, D), h


@replaces("ssm_recurrence")
def h0_detached(A, B, C, x, D=None, h0=None):
    """Your values are right, but no gradient reaches h0. If a text comes in pieces, what made h0? And which step of
    your code takes it out of the graph?"""
    return ssm_recurrence(A, B, C, x, D, None if h0 is None else h0.detach())


@replaces("ssm_recurrence", what=["everything", "y", "the last state"])
def in_float32(A, B, C, x, D=None, h0=None, *, what):
    """In your recurrence {what} goes through float32, and float64 inputs lose half of their digits. In which dtype does
    torch make a tensor unless it is told?"""
    if what != "everything":
        y, h = ssm_recurrence(A, B, C, x, D, h0)
        return (y.float().to(x.dtype), h) if what == "y" else (y, h.float().to(x.dtype))
    y, h = ssm_recurrence(*(None if tensor is None else tensor.float() for tensor in (A, B, C, x, D, h0)))
    return y.to(x.dtype), h.to(x.dtype)


# the kernel


@replaces("ssm_kernel")
def off_by_one(A, B, C, length):
    """Your kernel begins with C A B. A token is read in the step in which it is written: how often has it been
    multiplied by A by then?"""
    return ssm_kernel(A, A * B, C, length)


@replaces("ssm_kernel")
def delayed(A, B, C, length):
    """Your kernel begins with a 0, and C B comes second. Does a token reach the y of its own step?"""
    return F.pad(ssm_kernel(A, B, C, length), (1, 0))[:, :-1]


@replaces("ssm_kernel", without=["B", "C"])
def without_b_or_c(A, B, C, length, *, without):
    """{without} does not occur in your kernel. Through which numbers does an impulse enter the state, and through which
    is it read?"""
    one = torch.ones_like(B)
    return ssm_kernel(A, one if without == "B" else B, one if without == "C" else C, length)


@replaces("ssm_kernel")
def a_times_j(A, B, C, length):
    """Your entry j has A times j. Each step multiplies what is left by A once more: what is that after j steps?"""
    return ((C * B)[..., None] * A[..., None] * torch.arange(length)).sum(1)


@replaces("ssm_kernel", factor=["exp(A)", "exp(−A)", "1 − A"])
def powers_of_something_else(A, B, C, length, *, factor):
    """Your kernel has powers of {factor}. A arrives here discretised already: what does a step of the recurrence
    multiply the state by?"""
    return ssm_kernel({"exp(A)": A.exp(), "exp(−A)": (-A).exp(), "1 − A": 1 - A}[factor], B, C, length)


@replaces("ssm_kernel")
def mean_over_states(A, B, C, length):
    """Your kernel is a mean over the N numbers of the state. What do the angle brackets in the formula mean?"""
    return ssm_kernel(A, B, C, length) / A.shape[1]


@replaces("ssm_kernel", of=["A", "complex A"])
def by_logarithm(A, B, C, length, *, of):
    """If you take powers as exp(j log A): what is the logarithm of a negative A, and of 0? And what is the zeroth power
    of 0?"""
    log = torch.log(A if of == "A" else A.to(torch.complex128))
    powers = torch.exp(log[..., None] * torch.arange(length))
    return ((C * B)[..., None] * (powers if of == "A" else powers.real.to(A.dtype))).sum(1)


@replaces("ssm_kernel", way=["log", "power"])
def sign_lost(A, B, C, length, *, way):
    """Your powers of a negative A are all positive. What is the third power of a negative number?"""
    if way == "power":
        return ssm_kernel(A.abs(), B, C, length)
    return ((C * B)[..., None] * torch.exp(torch.log(A.abs())[..., None] * torch.arange(length))).sum(1)


@replaces("ssm_kernel")
def newest_last(A, B, C, length):
    """Your kernel is the wrong way round. Which entry has not decayed at all, and where does the docstring want it?"""
    return ssm_kernel(A, B, C, length).flip(-1)


@replaces("ssm_kernel")
def running_sum(A, B, C, length):
    """Your kernel adds up all earlier entries, so it answers a constant input. What comes out j steps after a single
    impulse?"""
    return ssm_kernel(A, B, C, length).cumsum(-1)


@replaces("ssm_kernel", off=["more", "less"])
def another_length(A, B, C, length, *, off):
    """Your kernel has one number {off} than `length`. What is the last j, if the first is 0?"""
    kernel = ssm_kernel(A, B, C, length + 1)
    return kernel if off == "more" else kernel[:, :-2]


@replaces("ssm_kernel", of=["A", "everything"])
def powers_without_gradient(A, B, C, length, *, of):
    """Your values are right, but no gradient reaches A. How would the layer learn how fast to forget, and where are the
    powers taken out of the graph?"""
    return ssm_kernel(A.detach(), B if of == "A" else B.detach(), C if of == "A" else C.detach(), length)


@replaces("ssm_kernel", back=[True, False])
def kernel_in_float32(A, B, C, length, *, back):
    """Your kernel is only as precise as float32, also for float64. Which dtype does the docstring ask for?"""
    kernel = ssm_kernel(A.float(), B.float(), C.float(), length)
    return kernel.to(A.dtype) if back else kernel


# the convolution


@replaces(
    "causal_conv",
    places=["T", "T + 1", "3T/2", "2T − 2", "the next power of two from T", "the power of two nearest to 2T"],
)
def too_few_places(x, kernel, D=None, *, places):
    """The end of the sequence comes in again at its start: an FFT convolves in a circle, and yours has {places} for its
    number of places. How many numbers does the whole convolution have?"""
    T = x.shape[-1]
    sizes = {"T": T, "T + 1": T + 1, "3T/2": 3 * T // 2, "2T − 2": max(1, 2 * T - 2)}
    sizes["the next power of two from T"] = 1 << (T - 1).bit_length()
    n = sizes.get(places, 2 ** round(math.log2(2 * T)))
    return skip(by_fft(x, kernel, n)[..., :T], x, D)


@replaces("causal_conv", length=[4, 8, 16, 32, 64, 128, 256, 512, 1000, 1024])
def kernel_cut_off(x, kernel, D=None, *, length):
    """Only the first {length} numbers of the kernel count in your convolution. How far back does a token reach if the
    kernel does not fade?"""
    return causal_conv(x, torch.where(torch.arange(kernel.shape[-1]) < length, kernel, 0.0), D)


@replaces("causal_conv", guarded=[True, False])
def length_forgotten(x, kernel, D=None, *, guarded):
    """irfft sees m frequencies, which 2m − 2 numbers have, and 2m − 1 numbers as well. Which of the two does it assume
    unless it is told?"""
    T = x.shape[-1]
    if T == 1 and guarded:
        return skip(x * kernel, x, D)
    n = 2 * T - 1
    return skip(torch.fft.irfft(torch.fft.rfft(x, n=n) * torch.fft.rfft(kernel, n=n))[..., :T], x, D)


@replaces("causal_conv")
def absolute_values(x, kernel, D=None):
    """Your convolution is never negative. What does abs do to a complex number, and which part of the inverse transform
    is y?"""
    return skip(causal_conv(x, kernel).abs(), x, D)


@replaces("causal_conv")
def correlation(x, kernel, D=None):
    """In your sum the newest token meets the last number of the kernel, as in F.conv1d. Which number should it meet?"""
    return causal_conv(x, kernel.flip(-1), D)


@replaces("causal_conv", which=["the kernel", "x"])
def conjugated(x, kernel, D=None, *, which):
    """Your y is a correlation, in which one of the two sequences runs backwards, as if its transform were conjugated.
    Which tokens should y_t consist of?"""
    T = x.shape[-1]
    one, two = torch.fft.rfft(x, n=2 * T), torch.fft.rfft(kernel, n=2 * T)
    product = one * two.conj() if which == "the kernel" else one.conj() * two
    return skip(torch.fft.irfft(product, n=2 * T)[..., :T], x, D)


@replaces(
    "causal_conv", part=["the middle", "the end", "the T numbers from place 1 on", "the T numbers from place T on"]
)
def another_part(x, kernel, D=None, *, part):
    """Of the whole convolution you keep {part}. At which place of it is the y that has seen only the first token?"""
    T = x.shape[-1]
    first = {"the middle": (T - 1) // 2, "the end": T - 1, "the T numbers from place T on": T}.get(part, 1)
    return skip(by_fft(x, kernel, 2 * T)[..., first:][..., :T], x, D)


@replaces("causal_conv")
def elementwise(x, kernel, D=None):
    """Your y_t has only token t in it, multiplied by number t of the kernel. Which tokens does y_t consist of?"""
    return skip(x * kernel, x, D)


@replaces("causal_conv", factor=["1/√n", "1/n", "√n", "n"])
def scaled(x, kernel, D=None, *, factor):
    """Your convolution is right up to a factor, {factor} for n places. How do rfft and irfft scale with the `norm` that
    you use, and which of them should?"""
    n = 2 * x.shape[-1]
    factors = {"1/√n": n**-0.5, "1/n": 1 / n, "√n": n**0.5, "n": n}
    return skip(causal_conv(x, kernel) * factors[factor], x, D)


@replaces("causal_conv")
def skip_along_time(x, kernel, D=None):
    """D has a number for each channel, and in your convolution it meets the last axis of x: time. Which axis of x has
    the channels?"""
    y = causal_conv(x, kernel)
    return y if D is None else y + D * x


@replaces("causal_conv")
def conv_without_skip(x, kernel, D=None):
    """D has no effect on your convolution. Where does D x enter?"""
    return causal_conv(x, kernel)


@replaces("causal_conv")
def conv_skip_times_y(x, kernel, D=None):
    """Your convolution is multiplied by D. What does D multiply in the formula, and what happens to the product?"""
    y = causal_conv(x, kernel)
    return y if D is None else y * D[:, None]


@replaces("causal_conv", at=["every token", "the first token"])
def skip_without_x(x, kernel, D=None, *, at):
    """Your convolution adds D itself, at {at}. What does the formula multiply D by? And if you add in the spectrum: of
    what is D alone the spectrum?"""
    ones = torch.ones_like(x)
    return skip(causal_conv(x, kernel), ones if at == "every token" else ones * (torch.arange(x.shape[-1]) == 0), D)


@replaces("causal_conv", which=["x", "the kernel", "all arguments"])
def detached(x, kernel, D=None, *, which):
    """The values are right, but no gradient leads to {which}. Where is the connection lost: in NumPy or SciPy, detach()
    or .data?"""
    y = causal_conv(x if which == "the kernel" else x.detach(), kernel if which == "x" else kernel.detach())
    return skip(y, x, D) if which != "all arguments" else skip(y, x.detach(), None if D is None else D.detach())


@replaces("causal_conv", back=[True, False])
def conv_in_float32(x, kernel, D=None, *, back):
    """Your convolution is only as precise as float32, also for float64. rfft keeps the precision that it is given: what
    casts?"""
    y = causal_conv(x.float(), kernel.float(), None if D is None else D.float())
    return y.to(x.dtype) if back else y


@replaces("causal_conv", ends="memory")
def toeplitz(x, kernel, D=None):
    """If you build the matrix of the convolution: it has T² entries, 500 GB for 250,000 tokens in float64, and only T
    of them differ. What computes the product without the matrix?"""
    T = x.shape[-1]
    padded = torch.cat([kernel, torch.zeros(kernel.shape[0], 1, dtype=kernel.dtype)], dim=-1)
    distance = torch.arange(T)[:, None] - torch.arange(T)
    matrix = padded[:, torch.where(distance < 0, T, distance)]  # (Ch, T, T)
    return skip(torch.einsum("cts,bcs->bct", matrix, x), x, D)


@replaces("causal_conv", ends="timeout")
def all_distances(x, kernel, D=None):
    """Your function takes too long for 250,000 tokens. How many products does it make for T tokens, and how many does
    an FFT make?"""
    T = x.shape[-1]
    y = sum(kernel[:, j, None] * F.pad(x, (j, 0))[..., :T] for j in range(T))
    return y if D is None else y + D[:, None] * x
