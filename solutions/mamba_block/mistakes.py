"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from mamba_block import MambaBlock
from torch import nn

from grader.testing import replaces


class Parts(MambaBlock):
    """The right block, with more places in which to go wrong."""

    def inputs(self, x):
        return self.in_proj(x).chunk(2, dim=-1)

    def convolve(self, window):
        return F.silu(self.conv1d(window))

    def triple(self, u):
        N, R = self.A_log.shape[1], self.dt_proj.in_features
        return self.x_proj(u).split([R, N, N], dim=-1)

    def step_size(self, dt):
        return F.softplus(self.dt_proj(dt))

    def rate(self):
        return -torch.exp(self.A_log)

    def recur(self, A_bar, B_bar_u, C, h):
        ys = []
        for t in range(C.shape[1]):
            h = A_bar[:, t] * h + B_bar_u[:, t]
            ys.append((h * C[:, t, None]).sum(-1))
        return torch.stack(ys, dim=1), h

    def finish(self, y, u, z, raw):
        return (y + self.D * u) * F.silu(z)

    def start(self, state, batch):
        return self.init_state(batch) if state is None else state

    def remembered(self, window, T, u):
        return window[..., T:]

    def forward(self, x, state=None):
        state = self.start(state, len(x))
        raw, z = self.inputs(x)
        window = torch.cat([state["conv"], raw.mT], dim=-1)
        u = self.convolve(window).mT
        dt, B, C = self.triple(u)
        delta = self.step_size(dt)
        A_bar = torch.exp(delta[..., None] * self.rate())
        y, h = self.recur(A_bar, (delta * u)[..., None] * B[:, :, None], C, state["ssm"])
        y = self.out_proj(self.finish(y, u, z, raw))
        return y, {"conv": self.remembered(window, x.shape[1], u.mT), "ssm": h}


@replaces("MambaBlock")
class LinearBias(MambaBlock):
    """Your in_proj and out_proj have a bias, and the checkpoint has none for them. nn.Linear makes a bias unless it
    is told otherwise. Which two parts of the block have a bias?"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, dt_rank)
        E = expand * d_model
        self.in_proj, self.out_proj = nn.Linear(d_model, 2 * E), nn.Linear(E, d_model)


@replaces("MambaBlock")
class RankOfChannels(MambaBlock):
    """Without dt_rank your R is a sixteenth of the channels. Of which width does the docstring take a sixteenth?"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        rank = math.ceil(expand * d_model / 16) if dt_rank is None else dt_rank
        super().__init__(d_model, d_state, d_conv, expand, rank)


@replaces("MambaBlock")
class RankRoundedDown(MambaBlock):
    """Your R is D / 16 rounded down, so for D = 17 it is as large as for D = 16. Which way does the docstring
    round?"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, max(1, d_model // 16) if dt_rank is None else dt_rank)


@replaces("MambaBlock")
class StartsAtOne(MambaBlock):
    """All states of your new block decay at the same rate, since A_log starts at 0. They start at -1, -2, ..., -N,
    so that a channel remembers over different lengths."""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, dt_rank)
        self.A_log.data.zero_()


@replaces("MambaBlock")
class StartsWithoutLog(MambaBlock):
    """You put 1 ... N into A_log itself. A is what should start at -1 ... -N, and the exponential still follows: N =
    16 would decay by e to the 8,886,110 per unit of time."""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, dt_rank)
        self.A_log.data.exp_()


@replaces("MambaBlock")
class StartsDownTheChannels(MambaBlock):
    """In your new block A_log goes on from channel to channel, ln 1 to ln E, and is the same for all N states of one.
    Along which of its two axes does it go from ln 1 to ln N?"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, dt_rank)
        E = len(self.A_log)
        self.A_log.data.copy_(torch.arange(1.0, E + 1).log()[:, None].expand_as(self.A_log))


@replaces("MambaBlock")
class StartsFromLogZero(MambaBlock):
    """In your new block A_log begins with ln 0, which is -inf: a range counts from 0 unless it is told otherwise. With
    which number does a row begin?"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, dt_rank)
        self.A_log.data.copy_(torch.arange(0.0, d_state).log().expand_as(self.A_log))


@replaces("MambaBlock")
class SymmetricPadding(Parts):
    """Your convolution is padded on both sides, so a token sees those that come after it. The current token is the
    last that a window may hold: put all missing columns on the left."""

    def convolve(self, window):
        W = self.conv1d.kernel_size[0]
        right = (W - 1) // 2
        u = F.pad(window[..., W - 1 :], (W - 1 - right, right))
        return F.silu(self.conv1d(u))


@replaces("MambaBlock")
class KernelReversed(Parts):
    """Your first weight meets the current token. nn.Conv1d slides its weights without turning them round, and so
    does every checkpoint: the last weight belongs to the current token."""

    def convolve(self, window):
        weight = self.conv1d.weight.flip(-1)
        return F.silu(F.conv1d(window, weight, self.conv1d.bias, groups=len(weight)))


@replaces("MambaBlock")
class NoSiluAfterConv(Parts):
    """The convolution goes into the scan as it is. A silu follows it; without one u is linear in the text up to
    here."""

    def convolve(self, window):
        return self.conv1d(window)


@replaces("MambaBlock")
class GateFirst(Parts):
    """You took the first half of in_proj for the gate z. It gives u first, then z."""

    def inputs(self, x):
        z, u = self.in_proj(x).chunk(2, dim=-1)
        return u, z


@replaces("MambaBlock")
class BAndCSwapped(Parts):
    """B and C have changed places. x_proj gives Δ, B, C in this order; B writes, C reads."""

    def triple(self, u):
        dt, B, C = super().triple(u)
        return dt, C, B


@replaces("MambaBlock")
class StepSizeLast(Parts):
    """You took the step size from the last rows of x_proj. Its result holds Δ, B, C in this order."""

    def triple(self, u):
        N, R = self.A_log.shape[1], self.dt_proj.in_features
        B, C, dt = self.x_proj(u).split([N, N, R], dim=-1)
        return dt, B, C


@replaces("MambaBlock")
class NoStepBias(Parts):
    """The bias of dt_proj is missing. It sets the step size that a channel has when the token says nothing."""

    def step_size(self, dt):
        return F.softplus(dt @ self.dt_proj.weight.mT)


@replaces("MambaBlock")
class StepBiasTwice(Parts):
    """The bias of dt_proj is counted twice: dt_proj has added it already, and a scan that is given it as its
    delta_bias adds it once more."""

    def step_size(self, dt):
        return F.softplus(self.dt_proj(dt) + self.dt_proj.bias)


@replaces("MambaBlock")
class NoSoftplus(Parts):
    """Your step size has no softplus and may be negative. Then time runs backwards, and exp(ΔA) is larger
    than 1."""

    def step_size(self, dt):
        return self.dt_proj(dt)


@replaces("MambaBlock")
class PositiveA(Parts):
    """Your A is exp(A_log), without the minus: each step multiplies the state by more than 1, and on a long text it
    overflows."""

    def rate(self):
        return torch.exp(self.A_log)


@replaces("MambaBlock")
class RunningProduct(Parts):
    """You divide by the product of all decays so far. After a few dozen tokens that product is 0, and what follows is
    NaN. Short texts do not show it. Carry the state from step to step instead."""

    def recur(self, A_bar, B_bar_u, C, h):
        product = A_bar.cumprod(1)
        hs = product * (h[:, None] + (B_bar_u / product).cumsum(1))
        return (hs * C[:, :, None]).sum(-1), hs[:, -1]


@replaces("MambaBlock")
class SkipBeforeConv(Parts):
    """D multiplies u as it came from in_proj. The skip takes the input of the scan, which is u after the convolution
    and its silu."""

    def finish(self, y, u, z, raw):
        return (y + self.D * raw) * F.silu(z)


@replaces("MambaBlock")
class SkipPastGate(Parts):
    """Your skip goes past the gate. D u is added first, and silu(z) multiplies the sum."""

    def finish(self, y, u, z, raw):
        return y * F.silu(z) + self.D * u


@replaces("MambaBlock")
class GateWithoutSilu(Parts):
    """You multiplied by z. The gate is silu(z): nearly closed where z is negative."""

    def finish(self, y, u, z, raw):
        return (y + self.D * u) * z


@replaces("MambaBlock")
class RemembersOutputs(Parts):
    """Your conv state holds what came out of the convolution. The next window needs what went into it: keep u before
    the convolution overwrites it."""

    def remembered(self, window, T, u):
        W = self.conv1d.kernel_size[0]
        return torch.cat([window[..., : W - 1], u], dim=-1)[..., T:]


@replaces("MambaBlock")
class ForgetsAfterShortPiece(Parts):
    """Your new conv state looks at the new tokens only. A piece shorter than W - 1 does not fill it: the rest is older
    and must come from the state before."""

    def remembered(self, window, T, u):
        W = self.conv1d.kernel_size[0]
        return F.pad(window[..., W - 1 :], (W - 1, 0))[..., T:]


@replaces("MambaBlock")
class ThreeColumns(Parts):
    """Your conv state always holds three tokens. That is right for a convolution over four; in general it is W - 1."""

    def remembered(self, window, T, u):
        return window[..., -3:]


@replaces("MambaBlock")
class ConvStateIgnored(Parts):
    """Each piece starts its convolution from zeros. The first W - 1 tokens of a piece also look at the last ones of
    the piece before: state["conv"] holds them."""

    def start(self, state, batch):
        fresh = self.init_state(batch)
        return fresh if state is None else {"conv": fresh["conv"], "ssm": state["ssm"]}


@replaces("MambaBlock")
class ScanStateIgnored(Parts):
    """Each piece starts its scan from h = 0, so all that was read before is forgotten: the first step decays
    state["ssm"]."""

    def start(self, state, batch):
        fresh = self.init_state(batch)
        return fresh if state is None else {"conv": state["conv"], "ssm": fresh["ssm"]}


@replaces("MambaBlock")
class StateForOneToken(Parts):
    """Your block reads the state that it is given for a single token only; a piece of several begins from zeros. A text
    may come in pieces of any length: what has a piece of several tokens before it?"""

    def forward(self, x, state=None):
        return super().forward(x, state if x.shape[1] == 1 else None)


@replaces("MambaBlock")
class KeepsState(Parts):
    """Your block remembers its last state by itself, and a text that comes without a state goes on where another one
    has ended. What does the docstring say of state=None?"""

    def start(self, state, batch):
        mine = getattr(self, "mine", None)
        if state is None and mine is not None and len(mine["ssm"]) == batch:
            return mine
        return super().start(state, batch)

    def forward(self, x, state=None):
        y, state = super().forward(x, state)
        self.mine = {name: tensor.detach() for name, tensor in state.items()}
        return y, state


@replaces("MambaBlock")
class StateChanged(Parts):
    """You put the new entries into the dict that you were given. Whoever keeps it to continue the text in two ways
    finds the first continuation in it: what does the docstring say of the state that is passed in?"""

    def forward(self, x, state=None):
        y, new = super().forward(x, state)
        if state is None:
            return y, new
        state.update(new)
        return y, state


@replaces("MambaBlock")
class AInFloat32(Parts):
    """A went through float32, as in Mamba's own code, and a float64 block lost half of its digits. Let the dtype of the
    parameters decide."""

    def rate(self):
        return -torch.exp(self.A_log.float()).to(self.A_log.dtype)


@replaces("MambaBlock")
class RankOneMore(MambaBlock):
    """Your R is one too large where D is a multiple of 16: you always add 1. D / 16 is rounded up. What is D / 16
    rounded up for D = 32?"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, d_model // 16 + 1 if dt_rank is None else dt_rank)


@replaces("MambaBlock")
class SkipStartsAtZero(MambaBlock):
    """In your new block D is 0, so the skip is switched off. With which value does D begin?"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, dt_rank)
        self.D.data.zero_()


@replaces("MambaBlock")
class ConvStateNeverFilled(Parts):
    """You return zeros for the conv state, and the next piece begins its convolution without the past. h is not the
    only thing that a block remembers. Which earlier numbers does the convolution need?"""

    def start(self, state, batch):
        fresh = self.init_state(batch)
        return fresh if state is None else {"conv": fresh["conv"], "ssm": state["ssm"]}

    def remembered(self, window, T, u):
        return torch.zeros_like(window[..., T:])


@replaces("MambaBlock")
class NewestFirst(Parts):
    """Your conv state is returned with the newest input first. In which order do the inputs stand when the next piece
    reads them?"""

    def remembered(self, window, T, u):
        return window[..., T:].flip(-1)


@replaces("MambaBlock")
class StateTooShort(Parts):
    """After a piece shorter than W − 1 your conv state has fewer than W − 1 columns. The missing ones are older than
    the piece. Where do they stand?"""

    def forward(self, x, state=None):
        self.tokens = x.shape[1]
        return super().forward(x, state)

    def recur(self, A_bar, B_bar_u, C, h):
        ys = []
        for t in range(self.tokens):  # of x, as most write it: a window that is too short fails here
            h = A_bar[:, t] * h + B_bar_u[:, t]
            ys.append((h * C[:, t, None]).sum(-1))
        return torch.stack(ys, dim=1), h

    def remembered(self, window, T, u):
        W = self.conv1d.kernel_size[0]
        return window[..., W - 1 :][..., 1 - W :]


@replaces("MambaBlock")
class NotSelective(Parts):
    """You made Δ, B and C from the mean of the text, so all tokens share them. The scan is selective: from which u
    are the Δ, B and C of token t made?"""

    def triple(self, u):
        return super().triple(u.mean(1, keepdim=True).expand_as(u))


@replaces("MambaBlock")
class GateBeforeScan(Parts):
    """You multiplied u by silu(z) before the scan. In this block the gate comes at the end. What does silu(z)
    multiply?"""

    def forward(self, x, state=None):
        state = self.start(state, len(x))
        raw, z = self.inputs(x)
        window = torch.cat([state["conv"], raw.mT], dim=-1)
        u = self.convolve(window).mT * F.silu(z)
        dt, B, C = self.triple(u)
        delta = self.step_size(dt)
        A_bar = torch.exp(delta[..., None] * self.rate())
        y, h = self.recur(A_bar, (delta * u)[..., None] * B[:, :, None], C, state["ssm"])
        return self.out_proj(y + self.D * u), {"conv": window[..., x.shape[1] :], "ssm": h}


@replaces("MambaBlock")
class NoGate(Parts):
    """z has no effect: your y goes into out_proj as it is. What is y multiplied by before out_proj?"""

    def finish(self, y, u, z, raw):
        return y + self.D * u


@replaces("MambaBlock")
class NoSkip(Parts):
    """The parameter D has no effect. What is added to h C?"""

    def finish(self, y, u, z, raw):
        return y * F.silu(z)


@replaces("MambaBlock")
class SigmoidGate(Parts):
    """Your gate is a sigmoid of z. silu(z) is something else: which factor does silu have beside the sigmoid?"""

    def finish(self, y, u, z, raw):
        return (y + self.D * u) * torch.sigmoid(z)


@replaces("MambaBlock")
class NoConvBias(Parts):
    """The bias of the convolution has no effect. Which number is added to the W products?"""

    def convolve(self, window):
        return F.silu(F.conv1d(window, self.conv1d.weight, groups=len(self.conv1d.weight)))


@replaces("MambaBlock")
class ReadsBeforeWriting(Parts):
    """Your y_t reads the state before token t has written into it. Which h stands in the line of y_t?"""

    def recur(self, A_bar, B_bar_u, C, h):
        ys = []
        for t in range(C.shape[1]):
            ys.append((h * C[:, t, None]).sum(-1))
            h = A_bar[:, t] * h + B_bar_u[:, t]
        return torch.stack(ys, dim=1), h


@replaces("MambaBlock")
class InputNotTimesStep(Parts):
    """The step size scales the decay and not what is written into the state. By which two factors is u_t multiplied
    in the line of h_t?"""

    def forward(self, x, state=None):
        state = self.start(state, len(x))
        raw, z = self.inputs(x)
        window = torch.cat([state["conv"], raw.mT], dim=-1)
        u = self.convolve(window).mT
        dt, B, C = self.triple(u)
        A_bar = torch.exp(self.step_size(dt)[..., None] * self.rate())
        y, h = self.recur(A_bar, u[..., None] * B[:, :, None], C, state["ssm"])
        return self.out_proj(self.finish(y, u, z, raw)), {"conv": window[..., x.shape[1] :], "ssm": h}


@replaces("MambaBlock")
class ExactB(Parts):
    """You discretised B as S4 does, by (exp(ΔA) - 1) / A. Mamba takes a simpler rule for B, which is the same for small
    Δ: which one stands in the formula?"""

    def forward(self, x, state=None):
        state = self.start(state, len(x))
        raw, z = self.inputs(x)
        window = torch.cat([state["conv"], raw.mT], dim=-1)
        u = self.convolve(window).mT
        dt, B, C = self.triple(u)
        A_bar = torch.exp(self.step_size(dt)[..., None] * self.rate())
        B_bar = (A_bar - 1) / self.rate() * B[:, :, None]
        y, h = self.recur(A_bar, B_bar * u[..., None], C, state["ssm"])
        return self.out_proj(self.finish(y, u, z, raw)), {"conv": window[..., x.shape[1] :], "ssm": h}


@replaces("MambaBlock")
class ScanOfRawInput(Parts):
    """The convolution serves only Δ, B and C in yours; the scan and the skip read u as it came from in_proj. What
    becomes of u after the convolution?"""

    def forward(self, x, state=None):
        state = self.start(state, len(x))
        raw, z = self.inputs(x)
        window = torch.cat([state["conv"], raw.mT], dim=-1)
        dt, B, C = self.triple(self.convolve(window).mT)
        delta = self.step_size(dt)
        A_bar = torch.exp(delta[..., None] * self.rate())
        y, h = self.recur(A_bar, (delta * raw)[..., None] * B[:, :, None], C, state["ssm"])
        return self.out_proj(self.finish(y, raw, z, raw)), {"conv": window[..., x.shape[1] :], "ssm": h}
