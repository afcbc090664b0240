"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
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


@replaces("ssm_recurrence")
def previous_state(A, B, C, x, D=None, h0=None):
    """Your output is one step late: y_t is read from h_{t-1}, so token t does not reach its own y. Which comes
    first in a step, the update or the read-out?"""
    h, ys = start(A, x, h0), []
    for t in range(x.shape[-1]):
        ys.append((C * h).sum(-1))
        h = A * h + B * x[:, :, t, None]
    return skip(torch.stack(ys, -1), x, D), h


@replaces("ssm_recurrence")
def h0_ignored(A, B, C, x, D=None, h0=None):
    """You start from zeros whatever h0 is, so a text that comes in pieces loses its past at every cut. What is
    h_{-1}?"""
    return ssm_recurrence(A, B, C, x, D)


@replaces("ssm_recurrence")
def h0_not_decayed(A, B, C, x, D=None, h0=None):
    """h0 enters undiminished: your first state is h0 + B x_0. Between h0 and the state after the first token
    lies one step, as between any two states."""
    h, ys = start(A, x, h0), []
    for t in range(x.shape[-1]):
        h = (A * h if t else h) + B * x[:, :, t, None]
        ys.append((C * h).sum(-1))
    return skip(torch.stack(ys, -1), x, D), h


@replaces("ssm_recurrence")
def discretised_again(A, B, C, x, D=None, h0=None):
    """Your state decays by exp(A). That would turn the A of the differential equation into the A of the
    recurrence; what arrives here is the second already."""
    return ssm_recurrence(torch.exp(A), B, C, x, D, h0)


@replaces("ssm_recurrence")
def gated_input(A, B, C, x, D=None, h0=None):
    """Your token enters with the share 1 - A, as in a moving average. Here the system says with which weight it
    enters, and that is B alone."""
    return ssm_recurrence(A, (1 - A) * B, C, x, D, h0)


@replaces("ssm_recurrence")
def no_skip(A, B, C, x, D=None, h0=None):
    """D has no effect on your recurrence. Besides the path through the state there is one that goes from x_t
    straight to y_t."""
    return ssm_recurrence(A, B, C, x, None, h0)


@replaces("ssm_recurrence")
def skip_times_y(A, B, C, x, D=None, h0=None):
    """You multiplied the output by D. The skip leads past the state: what does D multiply, and what happens to
    the product?"""
    y, h = ssm_recurrence(A, B, C, x, None, h0)
    return (y if D is None else y * D[:, None]), h


@replaces("ssm_recurrence")
def skip_into_state(A, B, C, x, D=None, h0=None):
    """D x_t was added to the state, from where it comes back in all later outputs. The skip belongs to y_t and
    to no other."""
    h, ys = start(A, x, h0), []
    for t in range(x.shape[-1]):
        h = A * h + (B if D is None else B + D[:, None]) * x[:, :, t, None]
        ys.append((C * h).sum(-1))
    return torch.stack(ys, -1), h


@replaces("ssm_recurrence")
def truncated(A, B, C, x, D=None, h0=None):
    """The values are right, and each state was detached from the one before: no gradient goes back through
    time, and nothing is learnt about what has to be remembered."""
    h, ys = start(A, x, h0), []
    for t in range(x.shape[-1]):
        h = A * h.detach() + B * x[:, :, t, None]
        ys.append((C * h).sum(-1))
    return skip(torch.stack(ys, -1), x, D), h


@replaces("ssm_recurrence")
def in_float32(A, B, C, x, D=None, h0=None):
    """Your state is float32 whatever comes in: torch.zeros without a dtype, or a cast. float64 inputs lose half
    of their digits on the way."""
    A, B, C, wide = A.float(), B.float(), C.float(), x.float()
    y, h = ssm_recurrence(A, B, C, wide, None if D is None else D.float(), None if h0 is None else h0.float())
    return y.to(x.dtype), h.to(x.dtype)


@replaces("ssm_recurrence")
def h0_changed(A, B, C, x, D=None, h0=None):
    """Your steps change the state in place, and the first of these states is the h0 of the caller. Gradients fail as
    well, since states that they need are gone. How does a step make a state of its own?"""
    h, ys = start(A, x, h0), []
    for t in range(x.shape[-1]):
        h *= A
        h += B * x[:, :, t, None]
        ys.append((C * h).sum(-1))
    return skip(torch.stack(ys, -1), x, D), h


@replaces("ssm_recurrence")
def h0_detached(A, B, C, x, D=None, h0=None):
    """Your values are right, and no gradient reaches h0. In a text that comes in pieces h0 is made by the tokens
    before. Which step of your code takes h0 out of the graph?"""
    return ssm_recurrence(A, B, C, x, D, None if h0 is None else h0.detach())


@replaces("ssm_recurrence")
def recurrence_skip_along_time(A, B, C, x, D=None, h0=None):
    """In your recurrence D and x are multiplied as they are, and D, which has a number for each channel, meets the last
    axis of x: time. On which axis of x do the channels stand?"""
    y, h = ssm_recurrence(A, B, C, x, None, h0)
    return (y if D is None else y + D * x), h


@replaces("ssm_kernel")
def off_by_one(A, B, C, length):
    """Your kernel begins with C A B. A token is read in the step in which it is written: how often has it been
    multiplied by A by then?"""
    return ssm_kernel(A, A * B, C, length)


@replaces("ssm_kernel")
def without_b(A, B, C, length):
    """B does not occur in your kernel. An impulse enters the state through B before any A touches it."""
    return ssm_kernel(A, torch.ones_like(B), C, length)


@replaces("ssm_kernel")
def a_times_j(A, B, C, length):
    """Your entry j holds A times j. Each step multiplies what is left once more: after j steps that is a
    power."""
    return ((C * B)[..., None] * A[..., None] * torch.arange(length)).sum(1)


@replaces("ssm_kernel")
def mean_over_states(A, B, C, length):
    """You took the mean over the N numbers of state. The read-out with C is a scalar product, a sum."""
    return ssm_kernel(A, B, C, length) / A.shape[1]


@replaces("ssm_kernel")
def by_logarithm(A, B, C, length):
    """Your powers are exp(j log A). A negative A has no logarithm, and of A = 0 the zeroth power becomes NaN.
    Powers need no logarithm."""
    powers = torch.exp(torch.log(A)[..., None] * torch.arange(length))
    return ((C * B)[..., None] * powers).sum(1)


@replaces("ssm_kernel")
def complex_logarithm(A, B, C, length):
    """Your powers are exp(j log A) with a complex logarithm. A negative A comes out right, and A = 0 has no logarithm:
    0 times -inf is NaN. Powers need no logarithm."""
    powers = torch.exp(torch.log(A.to(torch.complex128))[..., None] * torch.arange(length)).real.to(A.dtype)
    return ((C * B)[..., None] * powers).sum(1)


@replaces("ssm_kernel")
def powers_without_gradient(A, B, C, length):
    """Your values are right, and no gradient reaches A: the powers were taken out of the graph, by no_grad or detach.
    How would the layer learn how fast to forget?"""
    return ssm_kernel(A.detach(), B, C, length)


@replaces("ssm_kernel")
def sign_lost(A, B, C, length):
    """Your powers are exp(j log |A|), which are positive. What is the third power of a negative A?"""
    powers = torch.exp(torch.log(A.abs())[..., None] * torch.arange(length))
    return ((C * B)[..., None] * powers).sum(1)


@replaces("ssm_kernel")
def newest_last(A, B, C, length):
    """Your kernel stands the wrong way round: K_0, which is not decayed at all, comes first."""
    return ssm_kernel(A, B, C, length).flip(-1)


@replaces("causal_conv")
def circular(x, kernel, D=None):
    """The end of the sequence came in again at its start: an FFT of T places convolves in a circle. How many
    numbers does the whole convolution have, and so how many places does it need?"""
    return skip(by_fft(x, kernel, x.shape[-1]), x, D)


@replaces("causal_conv")
def power_of_two_from_t(x, kernel, D=None):
    """The end of the sequence came in again at its start: your FFT has the next power of two from T on for its number
    of places, and convolves in a circle of them. How many numbers does the whole convolution have? The power of two
    comes after that."""
    T = x.shape[-1]
    return skip(by_fft(x, kernel, 1 << (T - 1).bit_length())[..., :T], x, D)


@replaces("causal_conv")
def nearest_power_of_two(x, kernel, D=None):
    """The end of the sequence came in again at its start, for some T only: your FFT has the power of two nearest to 2 T
    for its number of places, which may be too small. How many numbers does the whole convolution have, and in which
    direction do you have to round?"""
    T = x.shape[-1]
    n = 2 ** round(math.log2(2 * T))
    return skip(by_fft(x, kernel, n)[..., :T], x, D)


@replaces("causal_conv")
def kernel_cut_off(x, kernel, D=None):
    """Only the first 32 numbers of the kernel count in your convolution, as if it had faded by then. What the tests
    rely on names the kernels that it has to take: how far back does a token reach?"""
    return causal_conv(x, torch.where(torch.arange(kernel.shape[-1]) < 32, kernel, 0.0), D)


@replaces("causal_conv")
def kernel_cut_off_later(x, kernel, D=None):
    """Only the first 64 numbers of the kernel count in your convolution, as if it had faded by then. What the tests
    rely on names the kernels that it has to take: how far back does a token reach?"""
    return causal_conv(x, torch.where(torch.arange(kernel.shape[-1]) < 64, kernel, 0.0), D)


@replaces("causal_conv")
def length_forgotten(x, kernel, D=None):
    """irfft was not told its length. It sees m frequencies and assumes 2(m - 1) numbers; if there were 2m - 1,
    every result is resampled. Say n in both directions."""
    T = x.shape[-1]
    if T == 1:
        return skip(x * kernel, x, D)
    n = 2 * T - 1
    return skip(torch.fft.irfft(torch.fft.rfft(x, n=n) * torch.fft.rfft(kernel, n=n))[..., :T], x, D)


@replaces("causal_conv")
def absolute_values(x, kernel, D=None):
    """Your y has lost its sign: abs of a complex number is its length. The inverse transform of the product is real but
    for rounding: which part of it is y?"""
    return skip(causal_conv(x, kernel).abs(), x, D)


@replaces("causal_conv")
def correlation(x, kernel, D=None):
    """Your newest token meets the last number of the kernel. That is what F.conv1d does, which slides the
    kernel and does not turn it round; in a convolution the newest token meets K_0."""
    return causal_conv(x, kernel.flip(-1), D)


@replaces("causal_conv")
def conjugated(x, kernel, D=None):
    """Your y_t takes from the tokens after t: one of the two transforms was conjugated, which runs time
    backwards. A convolution multiplies them as they are."""
    n = 2 * x.shape[-1]
    product = torch.fft.rfft(x, n=n) * torch.fft.rfft(kernel, n=n).conj()
    return skip(torch.fft.irfft(product, n=n)[..., : x.shape[-1]], x, D)


@replaces("causal_conv")
def centred(x, kernel, D=None):
    """You cut the middle out of the whole convolution, as mode "same" of NumPy does, and so each y has seen
    half of the future. Where in the whole convolution is the y that has seen the first token only?"""
    T = x.shape[-1]
    return skip(by_fft(x, kernel, 2 * T)[..., (T - 1) // 2 :][..., :T], x, D)


@replaces("causal_conv")
def last_part(x, kernel, D=None):
    """You kept the last T numbers of the whole convolution. They come after the text has ended. Which T belong
    to its tokens?"""
    T = x.shape[-1]
    return skip(by_fft(x, kernel, 2 * T)[..., T - 1 : 2 * T - 1], x, D)


@replaces("causal_conv")
def skip_along_time(x, kernel, D=None):
    """You multiply D and x as they are, and D, which has a number for each channel, meets the last axis of x: time. On
    which axis of x do the channels stand?"""
    y = causal_conv(x, kernel)
    return y if D is None else y + D * x


@replaces("causal_conv")
def conv_without_skip(x, kernel, D=None):
    """D has no effect on your convolution. The skip is not part of the kernel: where does D x enter?"""
    return causal_conv(x, kernel)


@replaces("causal_conv")
def conv_skip_times_y(x, kernel, D=None):
    """You multiplied the result of the convolution by D. D multiplies the input, and the product is added."""
    y = causal_conv(x, kernel)
    return y if D is None else y * D[:, None]


@replaces("causal_conv")
def detached(x, kernel, D=None):
    """The values are right and carry no gradient: they went through NumPy or SciPy, .detach() or .data. The
    kernel must learn through this function."""
    return causal_conv(x.detach(), kernel.detach(), None if D is None else D.detach())


@replaces("causal_conv")
def conv_in_float32(x, kernel, D=None):
    """Your transforms are float32, and float64 inputs lose half of their digits. rfft keeps the precision that
    it is given: what casts?"""
    return causal_conv(x.float(), kernel.float(), None if D is None else D.float()).to(x.dtype)


@replaces("causal_conv", ends="memory")
def toeplitz(x, kernel, D=None):
    """You built the matrix of the convolution. It has T² entries, 500 GB for 250,000 tokens in float64, and
    only T of them differ. What computes the product without the matrix?"""
    T = x.shape[-1]
    padded = torch.cat([kernel, torch.zeros(kernel.shape[0], 1, dtype=kernel.dtype)], dim=-1)
    distance = torch.arange(T)[:, None] - torch.arange(T)
    matrix = padded[:, torch.where(distance < 0, T, distance)]  # (Ch, T, T)
    return skip(torch.einsum("cts,bcs->bct", matrix, x), x, D)


@replaces("causal_conv", ends="timeout")
def all_distances(x, kernel, D=None):
    """Right, and in T² products: one pass over the sequence for each of the T distances."""
    T = x.shape[-1]
    y = sum(kernel[:, j, None] * torch.nn.functional.pad(x, (j, 0))[..., :T] for j in range(T))
    return y if D is None else y + D[:, None] * x


@replaces("ssm_recurrence")
def b_and_c_exchanged(A, B, C, x, D=None, h0=None):
    """B and C have changed places. Without h0 your y is right, since each product holds both, and your state is not.
    Which of the two writes a token into the state?"""
    return ssm_recurrence(A, C, B, x, D, h0)


@replaces("ssm_recurrence")
def mean_read(A, B, C, x, D=None, h0=None):
    """You took the mean over the N numbers of the state. What does ⟨C, h⟩ mean?"""
    y, h = ssm_recurrence(A, B, C / A.shape[1], x, D, h0)
    return y, h


@replaces("ssm_recurrence")
def input_decays_too(A, B, C, x, D=None, h0=None):
    """Your step is h ← A (h + B x): the new token decays in its own step. In A h + B x, which of the two terms is
    multiplied by A?"""
    return ssm_recurrence(A, A * B, C, x, D, h0)


@replaces("ssm_recurrence")
def state_before_the_last(A, B, C, x, D=None, h0=None):
    """Your y is right, and the state that you return is the one before the last token. With which state does the next
    piece go on?"""
    y, _ = ssm_recurrence(A, B, C, x, D, h0)
    before = start(A, x, h0) if x.shape[-1] == 1 else ssm_recurrence(A, B, C, x[..., :-1], D, h0)[1]
    return y, before


@replaces("ssm_kernel")
def without_c(A, B, C, length):
    """C does not occur in your kernel. Through which numbers is the state read?"""
    return ssm_kernel(A, B, torch.ones_like(C), length)


@replaces("ssm_kernel")
def running_sum(A, B, C, length):
    """Your kernel adds up all earlier entries, so it answers a constant input. What comes out of a single impulse
    after j steps?"""
    return ssm_kernel(A, B, C, length).cumsum(-1)


@replaces("causal_conv")
def elementwise(x, kernel, D=None):
    """You multiplied x and the kernel place by place, so y_t holds only token t. Which tokens does y_t consist of?"""
    return skip(x * kernel, x, D)


@replaces("causal_conv")
def ortho(x, kernel, D=None):
    """Your result is too small by a root of the number of places: the transforms were scaled with norm="ortho". In a
    product of two transforms, how often may this factor occur?"""
    n = 2 * x.shape[-1]
    return skip(by_fft(x, kernel, n)[..., : x.shape[-1]] / n**0.5, x, D)
