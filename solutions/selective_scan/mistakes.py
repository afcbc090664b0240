"""Wrong versions that students write. Each docstring is the advice that such a student reads.

A scan has four parts; a mistake gets one of them wrong and takes the others from here.
"""

import torch
import torch.nn.functional as F
from selective_scan import selective_scan
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


# the step size


@replaces("selective_scan", option=["delta_bias", "delta_softplus", "D", "z", "h0"])
def option_ignored(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, option):
    """Your result is the same with {option} and without it. Which line of the formulas does it belong to?"""
    options = {"D": D, "z": z, "delta_bias": delta_bias, "delta_softplus": delta_softplus, "h0": h0}
    return selective_scan(u, delta, A, B, C, **{name: x for name, x in options.items() if name != option})


@replaces("selective_scan")
def softplus_before_bias(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your bias is added after the softplus, and a negative one can make Δ negative there. In which order does the
    formula take the two?"""
    delta = step_size(F.softplus(delta) if delta_softplus else delta, delta_bias, False)
    return selective_scan(u, delta, A, B, C, D, z, h0=h0)


@replaces("selective_scan")
def bias_needs_softplus(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Without softplus your bias is lost. Do the two options depend on each other?"""
    return selective_scan(u, delta, A, B, C, D, z, delta_bias if delta_softplus else None, delta_softplus, h0)


@replaces("selective_scan")
def softplus_with_bias(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Without a bias your Δ is never passed through softplus. Do the two options depend on each other?"""
    return selective_scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus and delta_bias is not None, h0)


@replaces("selective_scan", when=["in every call", "whenever there is a bias"])
def softplus_unasked(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, when):
    """Your Δ goes through softplus {when}. What does the argument delta_softplus decide?"""
    unasked = when == "in every call" or delta_bias is not None
    return selective_scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus or unasked, h0)


@replaces("selective_scan")
def softplus_overflows(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """What is exp(1000), and what is softplus(1000)? Is there a way to the second number that does not go through the
    first?"""
    delta = step_size(delta, delta_bias, False)
    if delta_softplus:
        delta = torch.log(1 + torch.exp(delta))
    return selective_scan(u, delta, A, B, C, D, z, h0=h0)


@replaces("selective_scan", function=["exp", "relu", "sigmoid", "abs"])
def another_positive_function(
    u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, function
):
    """With delta_softplus your Δ goes through {function}. How is softplus defined in the statement?"""
    delta = step_size(delta, delta_bias, False)
    return selective_scan(u, getattr(torch, function)(delta) if delta_softplus else delta, A, B, C, D, z, h0=h0)


@replaces("selective_scan", smallest=["1e-2", "1e-3", "1e-4", "1e-5", "1e-6"])
def smallest_step(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, smallest):
    """Your Δ is never smaller than {smallest}, so a step of 0 still changes the state a little. What should such a step
    do?"""
    delta = step_size(delta, delta_bias, delta_softplus).clamp(min=float(smallest))
    return selective_scan(u, delta, A, B, C, D, z, h0=h0)


# decay and input


@replaces("selective_scan")
def no_delta_on_b(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your tokens write u B into the state, whatever Δ is. What should a step of size 0 write?"""
    y, h = recur(decay(step_size(delta, delta_bias, delta_softplus), A), inject(u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan", decayed=["Δ u B", "u B"])
def own_step_decays(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, decayed):
    """What a token writes is multiplied by its own exp(Δ_t A) as well: you decay the sum of h and {decayed}. Which of
    the two terms does the formula decay?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    A_bar = decay(delta, A)
    y, h = recur(A_bar, A_bar * inject(delta * u if decayed == "Δ u B" else u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan", read=["−exp(A)", "−A", "log(−A)"])
def a_is_something_else(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, read):
    """Your exponent has {read} where the formula has A. What does the statement say about A, and about its sign?"""
    other = {"−exp(A)": -torch.exp(A), "−A": -A, "log(−A)": torch.log(-A)}[read]
    return selective_scan(u, delta, other, B, C, D, z, delta_bias, delta_softplus, h0)


@replaces("selective_scan", factor=["Δ exp(A)", "exp(A)", "Δ A", "A"])
def another_decay(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, factor):
    """Your state is multiplied by {factor} in each step. A step of size 0 should leave the state as it was: does
    yours?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    rate = torch.exp(A[:, None]) if "exp" in factor else A[:, None]
    A_bar = (delta[..., None] if "Δ" in factor else torch.ones_like(delta)[..., None]) * rate
    y, h = recur(A_bar, inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan", rule=["1 + ΔA", "1 / (1 − ΔA)", "(1 + ΔA/2) / (1 − ΔA/2)"])
def approximate_decay(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, rule):
    """Your state is multiplied by {rule} in each step, which is near the formula only for small steps. Which function
    of ΔA does the formula have?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    x = delta[..., None] * A[:, None]
    A_bar = {"1 + ΔA": 1 + x, "1 / (1 − ΔA)": 1 / (1 - x)}.get(rule, (1 + x / 2) / (1 - x / 2))
    y, h = recur(A_bar, inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def zoh_b(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """You multiply the input by (exp(ΔA) − 1) / A, the exact zero-order hold of equation 4. What does Mamba's code, and
    the formula of the statement, multiply it by?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    B_bar_u = torch.expm1(delta[..., None] * A[:, None]) / A[:, None] * inject(u, B)
    y, h = recur(decay(delta, A), B_bar_u, C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan")
def b_and_c_swapped(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """B and C have changed places. Which of them writes the token into the state, and which reads the state?"""
    return selective_scan(u, delta, A, C, B, D, z, delta_bias, delta_softplus, h0)


@replaces("selective_scan", tokens=["mean", "first", "last"])
def same_for_all_tokens(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, tokens):
    """Your Δ, B and C are the same at every token: the {tokens} along the text. On what should the parameters of a
    selective scan depend?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    one = {"mean": lambda x: x.mean(-1, keepdim=True), "first": lambda x: x[..., :1]}.get(tokens, lambda x: x[..., -1:])
    delta, B, C = (one(x).expand_as(x) for x in (delta, B, C))
    return selective_scan(u, delta, A, B, C, D, z, h0=h0)


# the state


@replaces("selective_scan")
def previous_state(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your y reads the state before the token has entered. Which of the two comes first, update or read-out?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    A_bar, B_bar_u = decay(delta, A), inject(delta * u, B)
    h = torch.zeros_like(A_bar[:, :, 0]) if h0 is None else h0
    ys = []
    for t in range(u.shape[-1]):
        ys.append((h * C[:, None, :, t]).sum(-1))
        h = A_bar[:, :, t] * h + B_bar_u[:, :, t]
    return finish(torch.stack(ys, -1), u, D, z), h


@replaces("selective_scan", returned=["first", "one before the last"])
def another_state_returned(
    u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, returned
):
    """The state that you return is the {returned}. Which one does the next piece of the text need?"""
    y, _ = selective_scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus, h0)
    T = 1 if returned == "first" else u.shape[-1] - 1
    if T == 0:
        return y, torch.zeros_like(u[..., :1] * A) if h0 is None else h0
    u, delta, B, C = (x[..., :T] for x in (u, delta, B, C))
    return y, selective_scan(u, delta, A, B, C, None, None, delta_bias, delta_softplus, h0)[1]


@replaces("selective_scan")
def read_out_averaged(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your y is N times too small before the skip: it is a mean over the state. What do the angle brackets in the
    formula mean?"""
    return selective_scan(u, delta, A, B, C / A.shape[1], D, z, delta_bias, delta_softplus, h0)


@replaces("selective_scan")
def h0_changed(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your first step changes the h0 of the caller, who may need it for another text. Which operations make a new
    tensor?"""
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
def first_state_not_decayed(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your first step adds its input to h0 and does not decay h0. What does every step do to the state that it
    finds?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    A_bar = decay(delta, A)
    first = torch.ones_like(A_bar[:, :, :1])
    y, h = recur(torch.cat([first, A_bar[:, :, 1:]], dim=2), inject(delta * u, B), C, h0)
    return finish(y, u, D, z), h


@replaces("selective_scan", eps=[0.0, 1e-12, 1e-8])
def running_product(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, eps):
    """If you divide by the product of all decays so far: how large is that product after one step with Δ = 10000? Does
    the recurrence ever divide?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    A_bar, B_bar_u = decay(delta, A), inject(delta * u, B)
    product = A_bar.cumprod(2)
    start = 0 if h0 is None else h0[:, :, None]
    hs = product * (start + (B_bar_u / (product + eps)).cumsum(2))
    return finish((hs * C.mT[:, None]).sum(-1), u, D, z), hs[:, :, -1]


@replaces("selective_scan")
def future_times_zero(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """If you take exp for all pairs of tokens: how large is it for a pair whose second token is in the future, and what
    is that number times 0?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    total = (delta[..., None] * A[:, None]).cumsum(2)  # (Bt, Ch, T, N)
    past = torch.ones(u.shape[-1], u.shape[-1], dtype=u.dtype).tril()[..., None]
    L = torch.exp(total[:, :, :, None] - total[:, :, None]) * past  # (Bt, Ch, T, T, N)
    hs = (L * inject(delta * u, B)[:, :, None]).sum(3)
    if h0 is not None:
        hs = hs + torch.exp(total) * h0[:, :, None]
    return finish((hs * C.mT[:, None]).sum(-1), u, D, z), hs[:, :, -1]


# skip and gate


@replaces("selective_scan", of=["y", "Δ u", "1"])
def another_skip(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, of):
    """Your skip is D times {of}. What does the formula multiply D by?"""
    y, h = selective_scan(u, delta, A, B, C, None, None, delta_bias, delta_softplus, h0)
    step = step_size(delta, delta_bias, delta_softplus)
    return finish(y, {"y": y, "Δ u": step * u, "1": torch.ones_like(u)}[of], D, z), h


@replaces("selective_scan", gate=["sigmoid(z)", "z", "tanh(z)", "relu(z)", "gelu(z)"])
def another_gate(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, gate):
    """Your output is multiplied by {gate}. Which function of z is the gate in the formula?"""
    y, h = selective_scan(u, delta, A, B, C, D, None, delta_bias, delta_softplus, h0)
    gates = {"sigmoid(z)": torch.sigmoid, "tanh(z)": torch.tanh, "relu(z)": torch.relu, "gelu(z)": F.gelu}
    return y if z is None else y * gates.get(gate, torch.clone)(z), h


@replaces("selective_scan")
def gate_before_skip(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your skip D u is not gated. Which of the two comes last in the formulas, skip or gate?"""
    y, h = selective_scan(u, delta, A, B, C, None, z, delta_bias, delta_softplus, h0)
    return finish(y, u, D, None), h


@replaces("selective_scan")
def gated_state(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your gate acts on the state, so that of one token reaches every later token. What does the formula multiply by
    silu(z)?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    gate = torch.ones_like(u) if z is None else F.silu(z)
    A_bar, B_bar_u = decay(delta, A), inject(delta * u, B)
    y, h = recur(A_bar * gate[..., None], B_bar_u * gate[..., None], C, h0)
    return finish(y, u * gate, D, None), h


@replaces("selective_scan")
def gated_input(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your gate acts on the input u, before the scan. What does the formula multiply by silu(z)?"""
    return selective_scan(u if z is None else u * F.silu(z), delta, A, B, C, D, None, delta_bias, delta_softplus, h0)


# dtypes and gradients


@replaces("selective_scan", what=["everything", "y", "the state"])
def rounded_to_float32(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, what):
    """In your code {what} goes through float32, and float64 loses half of its digits. Which dtype should decide?"""
    if what != "everything":
        y, h = selective_scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus, h0)
        return (y.float().to(u.dtype), h) if what == "y" else (y, h.float().to(u.dtype))
    tensors = (None if x is None else x.float() for x in (u, delta, A, B, C, D, z, delta_bias))
    y, h = selective_scan(*tensors, delta_softplus, None if h0 is None else h0.float())
    return y.to(u.dtype), h.to(u.dtype)


@replaces("selective_scan", what=["y", "state"])
def float32_returned(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None, *, what):
    """The {what} that you return is float32, although u is float64. In which dtype does torch make a tensor unless it
    is told?"""
    y, h = selective_scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus, h0)
    return (y.float(), h) if what == "y" else (y, h.float())


@replaces("selective_scan")
def steps_detached(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your values are right, but no gradient leads from y_t to an earlier token. Which tokens made the state that y_t
    reads, and where is it detached?"""
    delta = step_size(delta, delta_bias, delta_softplus)
    A_bar, B_bar_u = decay(delta, A), inject(delta * u, B)
    h, ys = torch.zeros_like(A_bar[:, :, 0]) if h0 is None else h0, []
    for t in range(A_bar.shape[2]):
        h = A_bar[:, :, t] * (h.detach() if t else h) + B_bar_u[:, :, t]
        ys.append((h * C[:, None, :, t]).sum(-1))
    return finish(torch.stack(ys, -1), u, D, z), h


@replaces("selective_scan")
def h0_detached(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your values are right, but no gradient reaches h0. If a text comes in pieces, what made h0? And which step of
    your code takes it out of the graph?"""
    h0 = None if h0 is None else h0.detach()
    return selective_scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus, h0)


@replaces("selective_scan")
def last_state_detached(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False, h0=None):
    """Your values are right, but no gradient leads from the last state to the arguments. If a text comes in pieces, how
    does the second piece teach the first one?"""
    y, h = selective_scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus, h0)
    return y, h.detach()
