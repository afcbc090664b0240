"""Wrong versions that students write. Each docstring is the advice that such a student reads.

A scan has four parts; a mistake gets one of them wrong and takes the others from here.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from grader.testing import replaces

Maybe = Tensor | None


def step_size(delta: Tensor, delta_bias: Maybe, delta_softplus: bool) -> Tensor:
    if delta_bias is not None:
        delta = delta + delta_bias[:, None]
    return F.softplus(delta) if delta_softplus else delta


def decay(delta: Tensor, A: Tensor) -> Tensor:
    return torch.exp(delta[..., None] * A[:, None])


def inject(delta_u: Tensor, B: Tensor) -> Tensor:
    return delta_u[..., None] * B.mT[:, None]


def recur(A_bar: Tensor, B_bar_u: Tensor, C: Tensor, h0: Maybe) -> tuple[Tensor, Tensor]:
    h = torch.zeros_like(A_bar[:, :, 0]) if h0 is None else h0
    ys = []
    for t in range(A_bar.shape[2]):
        h = A_bar[:, :, t] * h + B_bar_u[:, :, t]
        ys.append((h * C[:, None, :, t]).sum(-1))
    return torch.stack(ys, -1), h


def finish(y: Tensor, u: Tensor, D: Maybe, z: Maybe) -> Tensor:
    if D is not None:
        y = y + D[:, None] * u
    return y if z is None else y * F.silu(z)


@replaces("selective_scan")
def no_delta_on_b(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """The token enters as u B. It should enter as Δ u B: a step of size 0 must not write anything into the
    state."""
    delta = step_size(delta, delta_bias, delta_softplus)
    y, h = recur(decay(delta, A), inject(u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def own_step_decays(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """What a token writes decays by the token's own step as well: yours is exp(Δ_t A) (h + Δ_t u_t B_t). Which of the
    two terms does the formula decay, and which steps lie between token s and a later token t?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    A_bar = decay(delta, A)
    y, h = recur(A_bar, A_bar * inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def a_is_log(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """You took -exp(A). That step turns the parameter A_log into A; what arrives here is A itself, negative
    already."""
    delta = step_size(delta, delta_bias, delta_softplus)
    y, h = recur(decay(delta, -torch.exp(A)), inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def delta_outside_exp(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """You multiplied exp(A) by Δ. Δ is the time that passes and belongs into the exponent: at Δ = 0 nothing
    may decay."""
    delta = step_size(delta, delta_bias, delta_softplus)
    A_bar = delta[..., None] * torch.exp(A[:, None])
    y, h = recur(A_bar, inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def softplus_before_bias(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """The bias was added after the softplus, and a negative one makes Δ negative there. It sets the initial
    step size through the softplus, so it goes inside."""
    if delta_softplus:
        delta = F.softplus(delta)
    delta = step_size(delta, delta_bias, False)
    y, h = recur(decay(delta, A), inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def bias_needs_softplus(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Without softplus your bias is lost. The two options do not depend on each other."""
    delta = step_size(delta, delta_bias, True) if delta_softplus else delta
    y, h = recur(decay(delta, A), inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def softplus_overflows(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """ln(1 + exp(x)) overflows for large x, though the result is only x. F.softplus knows this."""
    delta = step_size(delta, delta_bias, False)
    if delta_softplus:
        delta = torch.log(1 + torch.exp(delta))
    y, h = recur(decay(delta, A), inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def zoh_b(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """This is the exact zero-order hold, (exp(ΔA) - 1) / A on the input. It is finer mathematics, but Mamba's
    code, and with it every released checkpoint, multiplies B by Δ."""
    delta = step_size(delta, delta_bias, delta_softplus)
    B_bar_u = torch.expm1(delta[..., None] * A[:, None]) / A[:, None] * inject(u, B)
    y, h = recur(decay(delta, A), B_bar_u, C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def b_and_c_swapped(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """B and C have changed places: B writes the token into the state, C reads the state out."""
    delta = step_size(delta, delta_bias, delta_softplus)
    y, h = recur(decay(delta, A), inject(delta * u, C), B, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def previous_state(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your y is one token late: it reads the state before the token has entered. First update h, then read
    it."""
    delta = step_size(delta, delta_bias, delta_softplus)
    A_bar, B_bar_u = decay(delta, A), inject(delta * u, B)
    h = torch.zeros_like(A_bar[:, :, 0]) if h0 is None else h0
    ys = []
    for t in range(u.shape[-1]):
        ys.append((h * C[:, None, :, t]).sum(-1))
        h = A_bar[:, :, t] * h + B_bar_u[:, :, t]
    return finish(torch.stack(ys, -1), u, D, z), h


@replaces("selective_scan")
def h0_ignored(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """You always start from zeros. With h0 given, the first step decays h0, or a text fed in pieces forgets
    what it has read."""
    delta = step_size(delta, delta_bias, delta_softplus)
    y, h = recur(decay(delta, A), inject(delta * u, B), C, None)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def h0_changed(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your steps change the state in place, and the first of these states is the h0 of the caller, who may need it for
    another text. How does a step make a state of its own?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    A_bar, B_bar_u = decay(delta, A), inject(delta * u, B)
    h = torch.zeros_like(A_bar[:, :, 0]) if h0 is None else h0
    ys = []
    for t in range(u.shape[-1]):
        h *= A_bar[:, :, t]
        h += B_bar_u[:, :, t]
        ys.append((h * C[:, None, :, t]).sum(-1))
    return finish(torch.stack(ys, -1), u, D, z), h


@replaces("selective_scan")
def running_product(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """You divide by the product of all decays so far. One large Δ makes that product 0, and what follows is
    NaN. Carry the state from step to step instead."""
    delta = step_size(delta, delta_bias, delta_softplus)
    A_bar, B_bar_u = decay(delta, A), inject(delta * u, B)
    product = A_bar.cumprod(2)
    start = 0 if h0 is None else h0[:, :, None]
    hs = product * (start + (B_bar_u / product).cumsum(2))
    return finish((hs * C.mT[:, None]).sum(-1), u, D, z), hs[:, :, -1]


@replaces("selective_scan")
def future_times_zero(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """You take exp for all pairs of tokens and multiply those of the future by 0. With large steps the exp of such a
    pair is infinite, and infinity times 0 is NaN. What could be done to the exponent of a pair that does not count?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    total = (delta[..., None] * A[:, None]).cumsum(2)  # (Bt, Ch, T, N)
    past = torch.ones(u.shape[-1], u.shape[-1], dtype=u.dtype).tril()[..., None]
    L = torch.exp(total[:, :, :, None] - total[:, :, None]) * past  # (Bt, Ch, T, T, N)
    hs = (L * inject(delta * u, B)[:, :, None]).sum(3)
    if h0 is not None:
        hs = hs + torch.exp(total) * h0[:, :, None]
    return finish((hs * C.mT[:, None]).sum(-1), u, D, z), hs[:, :, -1]


@replaces("selective_scan")
def d_times_y(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """D multiplied the output. It is a skip connection: it takes the input u past the state."""
    delta = step_size(delta, delta_bias, delta_softplus)
    y, h = recur(decay(delta, A), inject(delta * u, B), C, h0)
    return finish(y, y, D, z), h


@replaces("selective_scan")
def sigmoid_gate(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """You gated with sigmoid(z). The gate is silu(z), which is z times that."""
    delta = step_size(delta, delta_bias, delta_softplus)
    y, h = recur(decay(delta, A), inject(delta * u, B), C, h0)
    y = finish(y, u, D, None)
    return y if z is None else y * torch.sigmoid(z), h


@replaces("selective_scan")
def gate_before_skip(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """The skip went past the gate. D u is added first, and silu(z) multiplies the sum."""
    delta = step_size(delta, delta_bias, delta_softplus)
    y, h = recur(decay(delta, A), inject(delta * u, B), C, h0)
    return finish(finish(y, u, None, z), u, D, None), h


@replaces("selective_scan")
def always_float32(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """You went through float32, as Mamba's own reference does, and float64 lost half of its digits. Let the
    dtype of u decide."""
    dtype = u.dtype
    u, delta, A, B, C = (x.float() for x in (u, delta, A, B, C))
    D, z, delta_bias, h0 = (None if x is None else x.float() for x in (D, z, delta_bias, h0))
    delta = step_size(delta, delta_bias, delta_softplus)
    y, h = recur(decay(delta, A), inject(delta * u, B), C, h0)
    return finish(y, u, D, z).to(dtype), h.to(dtype)


@replaces("selective_scan")
def skip_of_delta_u(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your skip is D times Δ u. The step size belongs to the input of the state: what does the formula of the skip
    multiply D by?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    y, h = recur(decay(delta, A), inject(delta * u, B), C, h0)
    return finish(y, delta * u, D, z), h


@replaces("selective_scan")
def gated_state(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """You multiplied the state by silu(z), so the gate of one token acts on every later token as well. What does the
    formula multiply by silu(z): the state, the output?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    gate = torch.ones_like(u) if z is None else F.silu(z)
    A_bar, B_bar_u = decay(delta, A), inject(delta * u, B)
    y, h = recur(A_bar * gate[..., None], B_bar_u * gate[..., None], C, h0)
    return finish(y, u * gate, D, None), h


@replaces("selective_scan")
def same_for_all_tokens(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """You took the means of Δ, B and C over the text and used the same three for every token. Which letter in the name
    S6 says that the parameters depend on the token?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    delta, B, C = (x.mean(-1, keepdim=True).expand_as(x) for x in (delta, B, C))
    y, h = recur(decay(delta, A), inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def steps_detached(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your values are right, and the state is detached between two steps: no gradient leads from y_t to an earlier
    token. Which past token made the state that y_t reads?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    A_bar, B_bar_u = decay(delta, A), inject(delta * u, B)
    h, ys = torch.zeros_like(A_bar[:, :, 0]) if h0 is None else h0, []
    for t in range(A_bar.shape[2]):
        h = A_bar[:, :, t] * (h.detach() if t else h) + B_bar_u[:, :, t]
        ys.append((h * C[:, None, :, t]).sum(-1))
    return finish(torch.stack(ys, -1), u, D, z), h


@replaces("selective_scan")
def gate_without_silu(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """You multiplied the output by z itself. Which function does z pass before it becomes a gate?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    y, h = recur(decay(delta, A), inject(delta * u, B), C, h0)
    y = finish(y, u, D, None)
    return y if z is None else y * z, h


@replaces("selective_scan")
def softplus_always(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your Δ passes softplus in every call. What does the argument delta_softplus decide?"""
    delta = step_size(delta, delta_bias, True)
    y, h = recur(decay(delta, A), inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def smallest_step(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your Δ is never smaller than 0.0001. A step of 0 then lets the state decay a little and writes a little into it.
    What has such a step to do?"""
    delta = step_size(delta, delta_bias, delta_softplus).clamp(min=1e-4)
    y, h = recur(decay(delta, A), inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def first_state_not_decayed(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your first step adds its input to h0 and does not decay h0. h0 is the state before the first token: what does
    every step do with the state that it finds?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    A_bar = decay(delta, A)
    first = torch.ones_like(A_bar[:, :, :1])
    y, h = recur(torch.cat([first, A_bar[:, :, 1:]], dim=2), inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def h0_detached(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your values are right, and no gradient reaches h0. In a text that comes in pieces h0 is made by the tokens
    before. Which step of your code takes h0 out of the graph?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    y, h = recur(decay(delta, A), inject(delta * u, B), C, None if h0 is None else h0.detach())
    return finish(y, u, D, z), h
