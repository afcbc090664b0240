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


@replaces("MambaBlock", layer=["in_proj", "x_proj", "out_proj", "in_proj and out_proj"])
class LinearBias(MambaBlock):
    """Your {layer} has a bias that no checkpoint knows. Which two parts of the block have one, by the table, and which
    option leaves the others without?"""

    layer: str

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, dt_rank)
        for name in self.layer.split(" and "):
            linear = getattr(self, name)
            setattr(self, name, nn.Linear(linear.in_features, linear.out_features))


@replaces("MambaBlock")
class FullConvolution(MambaBlock):
    """Each channel of your convolution reads all channels: its weight is (E, E, W). How many weights does a channel
    have, if the convolution is depthwise?"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, dt_rank)
        E = expand * d_model
        self.conv1d = nn.Conv1d(E, E, d_conv)


@replaces("MambaBlock", rank=["E / 16", "D / 16 rounded down", "D / 16 + 1", "D / 8", "N"])
class OtherRank(MambaBlock):
    """Without dt_rank your R is {rank}. Of which width does the docstring take a sixteenth, and which way does it
    round?"""

    rank: str

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        ranks = {
            "E / 16": math.ceil(expand * d_model / 16),
            "D / 16 rounded down": max(1, d_model // 16),
            "D / 16 + 1": d_model // 16 + 1,
            "D / 8": math.ceil(d_model / 8),
            "N": d_state,
        }
        super().__init__(d_model, d_state, d_conv, expand, ranks[self.rank] if dt_rank is None else dt_rank)


@replaces("MambaBlock", of=["zeros", "ones", "1 … N", "−ln 1 … −ln N", "ln 2 … ln N+1", "ln 0 … ln N−1", "ln N … ln 1"])
class StartsElsewhere(MambaBlock):
    """A_log of your new block is {of} in each row. A should start at −1, −2, …, −N: which number has n as its
    exponential?"""

    of: str

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, dt_rank)
        n = torch.arange(1.0, d_state + 1)
        rows = {
            "zeros": 0 * n,
            "ones": 0 * n + 1,
            "1 … N": n,
            "−ln 1 … −ln N": -n.log(),
            "ln 2 … ln N+1": (n + 1).log(),
            "ln 0 … ln N−1": (n - 1).log(),
            "ln N … ln 1": n.flip(0).log(),
        }
        self.A_log.data.copy_(rows[self.of].expand_as(self.A_log))


@replaces("MambaBlock")
class StartsDownTheChannels(MambaBlock):
    """In your new block A_log goes from ln 1 to ln E over the channels, with equal numbers for all N states of one.
    Which of its axes should it go along?"""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, dt_rank)
        E = len(self.A_log)
        self.A_log.data.copy_(torch.arange(1.0, E + 1).log()[:, None].expand_as(self.A_log))


@replaces("MambaBlock", ahead=["half of W", "all of W", "one"])
class SeesTheFuture(Parts):
    """Your convolution sees tokens that come later. Which columns of a padded convolution belong to the tokens 0 to
    T − 1, and on which side are the missing ones?"""

    ahead: str

    def convolve(self, window):
        W = self.conv1d.kernel_size[0]
        right = {"half of W": W // 2, "all of W": W - 1, "one": 1}[self.ahead]
        return F.silu(self.conv1d(F.pad(window[..., right:], (0, right))))


@replaces("MambaBlock")
class OneTokenLate(Parts):
    """Your convolution ends one token too early: the current token is not in its own window. Which weight meets it in
    the formula?"""

    def convolve(self, window):
        return F.silu(self.conv1d(F.pad(window[..., :-1], (1, 0))))


@replaces("MambaBlock")
class KernelReversed(Parts):
    """Your first weight meets the current token. By the formula of conv(u), which weight does u at time t meet?"""

    def convolve(self, window):
        weight = self.conv1d.weight.flip(-1)
        return F.silu(F.conv1d(window, weight, self.conv1d.bias, groups=len(weight)))


@replaces("MambaBlock")
class NoSiluAfterConv(Parts):
    """The result of your convolution goes into the scan as it is. What else does the statement's second line
    apply?"""

    def convolve(self, window):
        return self.conv1d(window)


@replaces("MambaBlock")
class GateFirst(Parts):
    """Your z comes from the first half of in_proj. Which of u and z has the first rows in the table?"""

    def inputs(self, x):
        z, u = self.in_proj(x).chunk(2, dim=-1)
        return u, z


@replaces("MambaBlock")
class BAndCSwapped(Parts):
    """B and C have changed places in your block. In which order does x_proj give Δ, B and C?"""

    def triple(self, u):
        dt, B, C = super().triple(u)
        return dt, C, B


@replaces("MambaBlock")
class StepSizeLast(Parts):
    """Your step size comes from the last rows of x_proj. In which order does it give Δ, B and C?"""

    def triple(self, u):
        N, R = self.A_log.shape[1], self.dt_proj.in_features
        B, C, dt = self.x_proj(u).split([N, N, R], dim=-1)
        return dt, B, C


@replaces("MambaBlock")
class NoStepBias(Parts):
    """The bias of dt_proj has no effect in your block. Which step size does a channel have if the token says
    nothing?"""

    def step_size(self, dt):
        return F.softplus(dt @ self.dt_proj.weight.mT)


@replaces("MambaBlock")
class StepBiasTwice(Parts):
    """The bias of dt_proj counts twice in your step size. Which two parts of your code add it?"""

    def step_size(self, dt):
        return F.softplus(self.dt_proj(dt) + self.dt_proj.bias)


@replaces("MambaBlock", function=["the identity", "exp", "relu", "silu", "sigmoid", "abs"])
class OtherStepSize(Parts):
    """Your step size is not the softplus of W_Δ Δ' + b_Δ, but {function} of it. Which values can softplus take, and
    which can yours?"""

    function: str

    def step_size(self, dt):
        raw = self.dt_proj(dt)
        functions = {"exp": torch.exp, "relu": F.relu, "silu": F.silu, "sigmoid": torch.sigmoid, "abs": torch.abs}
        return functions[self.function](raw) if self.function != "the identity" else raw


@replaces("MambaBlock")
class PositiveA(Parts):
    """Your A is positive, so each step multiplies the state by more than 1. What is the sign of A in the
    formula?"""

    def rate(self):
        return torch.exp(self.A_log)


@replaces("MambaBlock")
class RunningProduct(Parts):
    """Your scan is right for short texts only. What becomes of a product of 250 decays, and what do you divide
    by?"""

    def recur(self, A_bar, B_bar_u, C, h):
        product = A_bar.cumprod(1)
        hs = product * (h[:, None] + (B_bar_u / product).cumsum(1))
        return (hs * C[:, :, None]).sum(-1), hs[:, -1]


@replaces("MambaBlock")
class SkipBeforeConv(Parts):
    """Your D multiplies u before the convolution. Which u do all lines after the convolution mean?"""

    def finish(self, y, u, z, raw):
        return (y + self.D * raw) * F.silu(z)


@replaces("MambaBlock")
class SkipPastGate(Parts):
    """Your skip goes past the gate. What does silu(z) multiply in the last line: y with D ⊙ u in it, or without?"""

    def finish(self, y, u, z, raw):
        return y * F.silu(z) + self.D * u


@replaces("MambaBlock", function=["the identity", "sigmoid", "relu", "tanh", "gelu"])
class OtherGate(Parts):
    """Your gate is {function} of z. Which function of z multiplies y in the last line?"""

    function: str

    def finish(self, y, u, z, raw):
        gates = {"sigmoid": torch.sigmoid, "relu": F.relu, "tanh": torch.tanh, "gelu": F.gelu}
        return (y + self.D * u) * (gates[self.function](z) if self.function != "the identity" else z)


@replaces("MambaBlock")
class RemembersOutputs(Parts):
    """Your conv state holds what came out of the convolution. What does the next window need: what went into it, or
    what came out?"""

    def remembered(self, window, T, u):
        W = self.conv1d.kernel_size[0]
        return torch.cat([window[..., : W - 1], u], dim=-1)[..., T:]


@replaces("MambaBlock")
class ForgetsAfterShortPiece(Parts):
    """After a piece shorter than W − 1 your conv state has zeros. Where are the inputs that are older than the
    piece?"""

    def remembered(self, window, T, u):
        W = self.conv1d.kernel_size[0]
        return F.pad(window[..., W - 1 :], (W - 1, 0))[..., T:]


@replaces("MambaBlock", columns=["3", "4", "W"])
class OtherNumberOfColumns(Parts):
    """Your conv state holds {columns} columns. How many earlier inputs does a window of W tokens have?"""

    columns: str

    def start(self, state, batch):
        state = super().start(state, batch)
        W = self.conv1d.kernel_size[0]
        return {**state, "conv": F.pad(state["conv"], (W - 1 - state["conv"].shape[-1], 0))}

    def remembered(self, window, T, u):
        return window[..., -(self.conv1d.kernel_size[0] if self.columns == "W" else int(self.columns)) :]


@replaces("MambaBlock")
class ConvStateIgnored(Parts):
    """Each piece of yours starts its convolution from zeros. Which earlier inputs do the first W − 1 tokens of a
    piece look at?"""

    def start(self, state, batch):
        fresh = self.init_state(batch)
        return fresh if state is None else {"conv": fresh["conv"], "ssm": state["ssm"]}


@replaces("MambaBlock")
class ScanStateIgnored(Parts):
    """Each piece of yours starts its scan from h = 0. What does the first step of a piece multiply by its decay?"""

    def start(self, state, batch):
        fresh = self.init_state(batch)
        return fresh if state is None else {"conv": state["conv"], "ssm": fresh["ssm"]}


@replaces("MambaBlock")
class StateForOneToken(Parts):
    """Your block uses the state it is given for a single token only; a piece of several begins from zeros. What
    comes before a piece of several tokens?"""

    def forward(self, x, state=None):
        return super().forward(x, state if x.shape[1] == 1 else None)


@replaces("MambaBlock")
class KeepsState(Parts):
    """Your block remembers its last state by itself, so a text without a state goes on where another one ended.
    What does the docstring say of state=None?"""

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
    """The state that you were given is changed. Whoever keeps it, to continue the text in two ways, finds the first
    continuation in it: what does the docstring say?"""

    def forward(self, x, state=None):
        y, new = super().forward(x, state)
        if state is None:
            return y, new
        state.update(new)
        return y, state


@replaces("MambaBlock", part=["A", "the scan", "the step size"])
class InFloat32(Parts):
    """In a float64 block of yours {part} has the digits of float32. Which dtype should decide in which one you
    compute?"""

    part: str

    def rate(self):
        rate = -torch.exp(self.A_log.float()).to(self.A_log.dtype)
        return rate if self.part == "A" else super().rate()

    def step_size(self, dt):
        found = super().step_size(dt)
        return found.float().to(found.dtype) if self.part == "the step size" else found

    def recur(self, A_bar, B_bar_u, C, h):
        if self.part != "the scan":
            return super().recur(A_bar, B_bar_u, C, h)
        y, h = super().recur(A_bar.float(), B_bar_u.float(), C.float(), h.float())
        return y.to(C.dtype), h.to(C.dtype)


@replaces("MambaBlock", value=[0.0, -1.0, 0.1])
class SkipStartsElsewhere(MambaBlock):
    """D of your new block is {value}. With which value does the docstring let it begin?"""

    value: float

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, dt_rank=None):
        super().__init__(d_model, d_state, d_conv, expand, dt_rank)
        self.D.data.fill_(self.value)


@replaces("MambaBlock")
class ConvStateNeverFilled(Parts):
    """Your conv state is always zero, so the next piece begins its convolution without the past. Which earlier
    numbers does it need?"""

    def start(self, state, batch):
        fresh = self.init_state(batch)
        return fresh if state is None else {"conv": fresh["conv"], "ssm": state["ssm"]}

    def remembered(self, window, T, u):
        return torch.zeros_like(window[..., T:])


@replaces("MambaBlock")
class NewestFirst(Parts):
    """Your conv state has the newest input first. In which order does the next piece read its columns?"""

    def remembered(self, window, T, u):
        return window[..., T:].flip(-1)


@replaces("MambaBlock")
class StateTooShort(Parts):
    """After a piece shorter than W − 1 your conv state has fewer than W − 1 columns. The missing ones are older
    than the piece: where are they?"""

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
    """All tokens of a text share Δ, B and C in your block. From which u are those of token t made?"""

    def triple(self, u):
        return super().triple(u.mean(1, keepdim=True).expand_as(u))


@replaces("MambaBlock")
class GateBeforeScan(Parts):
    """Your gate multiplies u before the scan. What does silu(z) multiply in the last line of the statement?"""

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
class NoConvBias(Parts):
    """The bias of the convolution has no effect. Which number is added to the W products?"""

    def convolve(self, window):
        return F.silu(F.conv1d(window, self.conv1d.weight, groups=len(self.conv1d.weight)))


@replaces("MambaBlock")
class ReadsBeforeWriting(Parts):
    """Your y_t reads the state before token t has written into it. Which h does the line of y_t have, h_t or
    h_{t−1}?"""

    def recur(self, A_bar, B_bar_u, C, h):
        ys = []
        for t in range(C.shape[1]):
            ys.append((h * C[:, t, None]).sum(-1))
            h = A_bar[:, t] * h + B_bar_u[:, t]
        return torch.stack(ys, dim=1), h


@replaces("MambaBlock")
class InputNotTimesStep(Parts):
    """Your step size scales the decay and not what is written into the state. By which two factors is u_t
    multiplied in the line of h_t?"""

    def forward(self, x, state=None):
        state = self.start(state, len(x))
        raw, z = self.inputs(x)
        window = torch.cat([state["conv"], raw.mT], dim=-1)
        u = self.convolve(window).mT
        dt, B, C = self.triple(u)
        A_bar = torch.exp(self.step_size(dt)[..., None] * self.rate())
        y, h = self.recur(A_bar, u[..., None] * B[:, :, None], C, state["ssm"])
        return self.out_proj(self.finish(y, u, z, raw)), {"conv": window[..., x.shape[1] :], "ssm": h}


@replaces("MambaBlock", by=["(exp(ΔA) − 1) / A", "Δ twice", "exp(ΔA) Δ"])
class OtherInput(Parts):
    """What your tokens write into the state is scaled by {by}. By which factors is u_t multiplied in the line of
    h_t?"""

    by: str

    def forward(self, x, state=None):
        state = self.start(state, len(x))
        raw, z = self.inputs(x)
        window = torch.cat([state["conv"], raw.mT], dim=-1)
        u = self.convolve(window).mT
        dt, B, C = self.triple(u)
        delta = self.step_size(dt)[..., None]
        A_bar = torch.exp(delta * self.rate())
        factors = {"(exp(ΔA) − 1) / A": (A_bar - 1) / self.rate(), "Δ twice": delta**2, "exp(ΔA) Δ": A_bar * delta}
        y, h = self.recur(A_bar, factors[self.by] * u[..., None] * B[:, :, None], C, state["ssm"])
        return self.out_proj(self.finish(y, u, z, raw)), {"conv": window[..., x.shape[1] :], "ssm": h}


@replaces("MambaBlock")
class ScanOfRawInput(Parts):
    """Your scan and skip read u before the convolution, which serves Δ, B and C alone. Which u do all lines after
    the convolution mean?"""

    def forward(self, x, state=None):
        state = self.start(state, len(x))
        raw, z = self.inputs(x)
        window = torch.cat([state["conv"], raw.mT], dim=-1)
        dt, B, C = self.triple(self.convolve(window).mT)
        delta = self.step_size(dt)
        A_bar = torch.exp(delta[..., None] * self.rate())
        y, h = self.recur(A_bar, (delta * raw)[..., None] * B[:, :, None], C, state["ssm"])
        return self.out_proj(self.finish(y, raw, z, raw)), {"conv": window[..., x.shape[1] :], "ssm": h}
