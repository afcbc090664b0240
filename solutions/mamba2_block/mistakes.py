"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from mamba2_block import Mamba2Block, gated_rms_norm, ssd_scan
from torch import nn

from grader.testing import replaces

INF = float("inf")


class Scan:
    """ssd_scan in parts: a mistake gets one of them wrong."""

    def start(self, h0, zeros):
        return zeros if h0 is None else h0

    def share(self, matrix, H):
        return matrix.repeat_interleave(H // matrix.shape[2], dim=2)

    def decay(self, dt, A):
        return dt * A

    def written(self, x, dt):
        return dt[..., None] * x

    def ratio(self, cum):
        future = torch.ones(cum.shape[1], cum.shape[1], dtype=torch.bool).triu(1)[..., None]
        return torch.exp((cum[:, :, None] - cum[:, None]).masked_fill(future, -INF))

    def running(self, a):
        return a.cumsum(1)

    def kept(self, x_, raw):
        """Of what is written (Bt, Q, H, P), and of x itself, that which goes into the next chunk."""
        return x_

    def since_start(self, cum, a):
        return torch.exp(cum)

    def until_end(self, cum, a):
        return torch.exp(cum[:, -1:] - cum)

    def carry(self, h, cum):
        return torch.exp(cum[:, -1])[..., None, None] * h

    def skip(self, x, dt, D):
        return D[:, None] * x

    def __call__(self, x, dt, A, B, C, D, chunk, h0=None):
        Bt, _, H, P = x.shape
        B, C = self.share(B, H), self.share(C, H)
        h, ys = self.start(h0, x.new_zeros(Bt, H, P, B.shape[-1])), []
        pieces = (tensor.split(chunk, dim=1) for tensor in (self.written(x, dt), x, self.decay(dt, A), B, C))
        for x_, raw, a, B_, C_ in zip(*pieces, strict=True):
            cum = self.running(a)
            scores = torch.einsum("bthn,bshn->btsh", C_, B_)
            inside = torch.einsum("btsh,bshp->bthp", self.ratio(cum) * scores, x_)
            ys.append(inside + torch.einsum("bth,bthn,bhpn->bthp", self.since_start(cum, a), C_, h))
            h = self.carry(h, cum) + torch.einsum("bsh,bshp,bshn->bhpn", self.until_end(cum, a), self.kept(x_, raw), B_)
        return torch.cat(ys, dim=1) + self.skip(x, dt, D), h


@replaces("ssd_scan")
def heads_interleaved(x, dt, A, B, C, D, chunk, h0=None):
    """Your head h uses group h % G, so neighboring heads have different B and C. Which heads share group 0, and does
    repeat put copies of one group beside each other?"""

    class Wrong(Scan):
        def share(self, matrix, H):
            return matrix.repeat(1, 1, H // matrix.shape[2], 1)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def first_group_for_all(x, dt, A, B, C, D, chunk, h0=None):
    """All your heads use the B and C of the first group. Which group does the last head belong to?"""

    class Wrong(Scan):
        def share(self, matrix, H):
            return matrix[:, :, :1].expand(-1, -1, H, -1)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def b_and_c_swapped(x, dt, A, B, C, D, chunk, h0=None):
    """B and C are swapped. Which of the two writes into the state, and which reads from it?"""
    return ssd_scan(x, dt, A, C, B, D, chunk, h0)


@replaces("ssd_scan")
def no_dt_on_x(x, dt, A, B, C, D, chunk, h0=None):
    """You write x B into the state without Δ. A step of size 0 should leave the state alone: does yours?"""

    class Wrong(Scan):
        def written(self, x, dt):
            return x

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def no_dt_into_the_next_chunk(x, dt, A, B, C, D, chunk, h0=None):
    """Inside a chunk you write Δ x B, but into the state for the next chunk x B without Δ. What should a step of size
    0 leave behind?"""

    class Wrong(Scan):
        def kept(self, x_, raw):
            return raw

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def no_dt_in_decay(x, dt, A, B, C, D, chunk, h0=None):
    """Your state decays by e^A at every token, whatever the size of the step. What should a step of size 0 do to the
    state?"""

    class Wrong(Scan):
        def decay(self, dt, A):
            return A.expand_as(dt)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def zero_order_hold(x, dt, A, B, C, D, chunk, h0=None):
    """You write (e^{ΔA} − 1)/A · x B into the state, which is zero-order hold. Which factor does x B have in this
    formula?"""

    class Wrong(Scan):
        def written(self, x, dt):
            return (torch.expm1(dt * A) / A)[..., None] * x

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def softplus_again(x, dt, A, B, C, D, chunk, h0=None):
    """Your steps go through softplus inside the scan. What is dt here: the step itself or the number before softplus?
    What becomes of a step of size 0?"""
    return ssd_scan(x, F.softplus(dt), A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def a_is_a_logarithm(x, dt, A, B, C, D, chunk, h0=None):
    """You take −exp of A inside the scan. Is A negative or a logarithm here, and where does A_log become A?"""
    return ssd_scan(x, dt, -torch.exp(A), B, C, D, chunk, h0)


@replaces("ssd_scan")
def grows(x, dt, A, B, C, D, chunk, h0=None):
    """Your state grows with every token, as if the exponent were −ΔA. A is negative: which sign should ΔA have?"""
    return ssd_scan(x, dt, -A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def no_skip(x, dt, A, B, C, D, chunk, h0=None):
    """Your result does not depend on D. What is added to h C in the line of y_t?"""
    return ssd_scan(x, dt, A, B, C, torch.zeros_like(D), chunk, h0)


@replaces("ssd_scan")
def skip_with_dt(x, dt, A, B, C, D, chunk, h0=None):
    """Your skip is D Δ x. Does D multiply the token as it came, or what is written into the state?"""

    class Wrong(Scan):
        def skip(self, x, dt, D):
            return D[:, None] * dt[..., None] * x

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def state_restarts_each_chunk(x, dt, A, B, C, D, chunk, h0=None):
    """Each of your chunks begins its new state from nothing, so the result depends on `chunk`. What does the next
    chunk start from?"""

    class Wrong(Scan):
        def carry(self, h, cum):
            return torch.zeros_like(h)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def chunks_alone(x, dt, A, B, C, D, chunk, h0=None):
    """Your tokens do not read the state from before their chunk, although the state that you return is right. Which
    term of y_t comes from before the chunk?"""

    class Wrong(Scan):
        def since_start(self, cum, a):
            return torch.zeros_like(cum)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def old_state_not_decayed(x, dt, A, B, C, D, chunk, h0=None):
    """Your state crosses a chunk without decaying. How many steps are there between its beginning and its end?"""

    class Wrong(Scan):
        def carry(self, h, cum):
            return h

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def read_not_decayed(x, dt, A, B, C, D, chunk, h0=None):
    """Each token of a chunk reads the old state as it was at the start of the chunk. How much of it is left at token
    t?"""

    class Wrong(Scan):
        def since_start(self, cum, a):
            return torch.ones_like(cum)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def read_one_step_early(x, dt, A, B, C, D, chunk, h0=None):
    """The old state that token t reads lacks the decay of step t itself. Does h decay before token t is written, or
    after?"""

    class Wrong(Scan):
        def since_start(self, cum, a):
            return torch.exp(cum - a)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def write_not_decayed(x, dt, A, B, C, D, chunk, h0=None):
    """All tokens of a chunk enter the next state with full weight. What is left of the first one at the end of the
    chunk?"""

    class Wrong(Scan):
        def until_end(self, cum, a):
            return torch.ones_like(cum)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def sums_from_the_text(x, dt, A, B, C, D, chunk, h0=None):
    """Your running sum goes on from one chunk to the next. Which steps has the state before a chunk already been
    through?"""

    class Wrong(Scan):
        total = 0.0

        def running(self, a):
            cum = self.total + a.cumsum(1)
            self.total = cum[:, -1:]
            return cum

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def reads_before_writing(x, dt, A, B, C, D, chunk, h0=None):
    """Your y_t lacks what token t itself writes. Which h is in the line of y_t: the one before the token or after
    it?"""

    class Wrong(Scan):
        def ratio(self, cum):
            eye = torch.eye(cum.shape[1], dtype=torch.bool)[..., None]
            return super().ratio(cum).masked_fill(eye, 0.0)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def sees_the_future(x, dt, A, B, C, D, chunk, h0=None):
    """Within a chunk your tokens read what later ones write. Over which s does the sum of y_t run?"""

    class Wrong(Scan):
        def ratio(self, cum):
            return torch.exp(cum[:, :, None] - cum[:, None])

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def ratio_of_exponentials(x, dt, A, B, C, D, chunk, h0=None):
    """After a large step your result is not finite. What is e^{cum_t} then, what is e^{−cum_s}, and what can you do
    with the two sums before the exponential?"""

    class Wrong(Scan):
        def ratio(self, cum):
            past = torch.ones(cum.shape[1], cum.shape[1], dtype=torch.bool).tril()[..., None]
            return torch.where(past, torch.exp(cum)[:, :, None] * torch.exp(-cum)[:, None], 0.0)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def masked_after_exp(x, dt, A, B, C, D, chunk, h0=None):
    """Your values are right, but a gradient is not finite after a large step. What is e^{cum_t − cum_s} for s > t, and
    which number can you put there before the exponential?"""

    class Wrong(Scan):
        def ratio(self, cum):
            past = torch.ones(cum.shape[1], cum.shape[1], dtype=torch.bool).tril()[..., None]
            return torch.where(past, torch.exp(cum[:, :, None] - cum[:, None]), 0.0)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def zero_before_exp(x, dt, A, B, C, D, chunk, h0=None):
    """You put 0 above the diagonal before the exponential, so each token reads all later ones of its chunk. Which
    number has the exponential 0?"""

    class Wrong(Scan):
        def ratio(self, cum):
            past = torch.ones(cum.shape[1], cum.shape[1], dtype=torch.bool).tril()[..., None]
            return torch.exp(torch.where(past, cum[:, :, None] - cum[:, None], 0.0))

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def whole_chunks_only(x, dt, A, B, C, D, chunk, h0=None):
    """Your code stops where `chunk` does not divide T. How long may the last chunk be?"""
    x.unflatten(1, (-1, chunk))
    return ssd_scan(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def rest_dropped(x, dt, A, B, C, D, chunk, h0=None):
    """Where `chunk` does not divide T, the last tokens are missing from your result. How long may the last chunk
    be?"""
    whole = max(1, x.shape[1] // chunk) * chunk
    return ssd_scan(x[:, :whole], dt[:, :whole], A, B[:, :whole], C[:, :whole], D, chunk, h0)


@replaces("ssd_scan", power=["Δ²", "√Δ"])
def another_power(x, dt, A, B, C, D, chunk, h0=None, *, power):
    """You write {power} x B into the state. Which factor does x B have in the formula, and is it already in x when you
    multiply?"""

    class Wrong(Scan):
        def written(self, x, dt):
            return (dt.square() if power == "Δ²" else dt.sqrt())[..., None] * x

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def h0_ignored(x, dt, A, B, C, D, chunk, h0=None):
    """Your result does not depend on h0. What does the first token find in the state?"""
    return ssd_scan(x, dt, A, B, C, D, chunk)


@replaces("ssd_scan")
def always_float32(x, dt, A, B, C, D, chunk, h0=None):
    """Your result is float64 in name, but only as exact as float32. Which dtype should the scan compute in?"""
    inputs = (tensor.float() for tensor in (x, dt, A, B, C, D))
    y, h = ssd_scan(*inputs, chunk, None if h0 is None else h0.float())
    return y.to(x.dtype), h.to(x.dtype)


@replaces("ssd_scan")
def chunks_detached(x, dt, A, B, C, D, chunk, h0=None):
    """Your values are right, but no gradient leads from a token to an earlier chunk. What happens to the state between
    two chunks?"""

    class Wrong(Scan):
        def carry(self, h, cum):
            return super().carry(h, cum).detach()

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("gated_rms_norm")
def norm_before_gate(y, z, weight, groups=1, eps=1e-5):
    """You normalize y and multiply by the gate afterwards. If z becomes ten times as large, how much should the result
    change?"""
    runs = y.unflatten(-1, (groups, -1))
    runs = runs * torch.rsqrt(runs.square().mean(-1, keepdim=True) + eps)
    return runs.flatten(-2) * weight * F.silu(z)


@replaces("gated_rms_norm")
def norm_over_all(y, z, weight, groups=1, eps=1e-5):
    """There is one mean over all channels in your norm, so a loud group changes the scale of a silent one. How many
    means should there be?"""
    return gated_rms_norm(y, z, weight, 1, eps)


@replaces("gated_rms_norm")
def runs_interleaved(y, z, weight, groups=1, eps=1e-5):
    """Your runs take every G-th channel. Which channels are in the first run?"""
    u = (y * F.silu(z)).unflatten(-1, (-1, groups))
    u = u * torch.rsqrt(u.square().mean(-2, keepdim=True) + eps)
    return u.flatten(-2) * weight


@replaces("gated_rms_norm")
def rows_by_view(y, z, weight, groups=1, eps=1e-5):
    """view needs numbers that follow one another in memory, and the inputs may be views themselves. Which axes do you
    have to touch at all?"""
    u = (y * F.silu(z)).view(-1, groups, y.shape[-1] // groups)
    u = u / (u.square().mean(-1, keepdim=True) + eps).sqrt()
    return u.view(y.shape) * weight


@replaces("gated_rms_norm", gate=["z", "sigmoid(z)", "gelu(z)", "relu(z)", "tanh(z)", "softplus(z)"])
def other_gate(y, z, weight, groups=1, eps=1e-5, *, gate):
    """Your gate is {gate}. Which function does z go through in the formula?"""
    name = gate.removesuffix("(z)")
    runs = (y * (z if name == "z" else getattr(F, name)(z))).unflatten(-1, (groups, -1))
    return (runs * torch.rsqrt(runs.square().mean(-1, keepdim=True) + eps)).flatten(-2) * weight


@replaces("gated_rms_norm")
def silu_of_y(y, z, weight, groups=1, eps=1e-5):
    """Your silu is applied to y. Which of the two is the gate?"""
    return gated_rms_norm(z, y, weight, groups, eps)


@replaces("gated_rms_norm", weight_is=["1", "1 + weight"])
def another_weight(y, z, weight, groups=1, eps=1e-5, *, weight_is):
    """Your last factor is {weight_is}. Which one does the formula have?"""
    return gated_rms_norm(y, z, torch.ones_like(weight) if weight_is == "1" else 1 + weight, groups, eps)


@replaces("gated_rms_norm")
def layer_norm(y, z, weight, groups=1, eps=1e-5):
    """You subtract the mean of u, as LayerNorm does. What does RMS leave out?"""
    runs = (y * F.silu(z)).unflatten(-1, (groups, -1))
    runs = runs - runs.mean(-1, keepdim=True)
    return (runs * torch.rsqrt(runs.square().mean(-1, keepdim=True) + eps)).flatten(-2) * weight


@replaces("gated_rms_norm")
def sum_of_squares(y, z, weight, groups=1, eps=1e-5):
    """You divide by the root of the sum of u², so wide runs become small. What does the M in RMS stand for?"""
    runs = (y * F.silu(z)).unflatten(-1, (groups, -1))
    return (runs * torch.rsqrt(runs.square().sum(-1, keepdim=True) + eps)).flatten(-2) * weight


@replaces("gated_rms_norm")
def eps_outside(y, z, weight, groups=1, eps=1e-5):
    """You add eps to the root. Where is it in the formula?"""
    runs = (y * F.silu(z)).unflatten(-1, (groups, -1))
    return (runs / (runs.square().mean(-1, keepdim=True).sqrt() + eps)).flatten(-2) * weight


@replaces("gated_rms_norm", eps_is=[0.0, 1e-5])
def eps_fixed(y, z, weight, groups=1, eps=1e-5, *, eps_is):
    """Your result does not depend on eps: it is always {eps_is}. What keeps the division finite where a run is silent,
    and who says how large it is?"""
    return gated_rms_norm(y, z, weight, groups, eps_is)


@replaces("gated_rms_norm")
def norm_in_float32(y, z, weight, groups=1, eps=1e-5):
    """Your result is float64 in name, but only as exact as float32. Which dtypes, if any, need to be converted
    first?"""
    return gated_rms_norm(y.float(), z.float(), weight.float(), groups, eps).to(y.dtype)


class Parts(Mamba2Block):
    """The right block, with more places in which to go wrong."""

    def sizes(self):
        H, P, G, N = len(self.A_log), self.headdim, self.ngroups, self.d_state
        return H * P, H, P, G, N

    def project(self, x):
        E, H, _, G, N = self.sizes()
        return self.in_proj(x).split([E, E + 2 * G * N, H], dim=-1)

    def convolve(self, window):
        return F.silu(self.conv1d(window)).mT

    def parts(self, xBC, raw):
        E, _, _, G, N = self.sizes()
        return xBC.split([E, G * N, G * N], dim=-1)

    def step_size(self, dt):
        return F.softplus(dt + self.dt_bias)

    def rate(self):
        return -torch.exp(self.A_log)

    def into_heads(self, u):
        _, H, P, _, _ = self.sizes()
        return u.unflatten(-1, (H, P))

    def out_of_heads(self, y):
        return y.flatten(-2)

    def finish(self, y, z, u):
        return gated_rms_norm(y, z, self.norm.weight, self.ngroups, 1e-5)

    def start(self, state, batch):
        return self.init_state(batch) if state is None else state

    def remembered(self, window, T, xBC):
        return window[..., T:]

    def skip(self):
        return self.D

    def scan(self, *inputs):
        return ssd_scan(*inputs)

    def forward(self, x, state=None):
        Bt, T, _ = x.shape
        _, _, _, G, N = self.sizes()
        state = self.start(state, Bt)
        z, raw, dt = self.project(x)
        window = torch.cat([state["conv"], raw.mT], dim=-1)
        xBC = self.convolve(window)
        u, B, C = self.parts(xBC, raw)
        B, C = B.unflatten(-1, (G, N)), C.unflatten(-1, (G, N))
        inputs = self.into_heads(u), self.step_size(dt), self.rate(), B, C, self.skip(), self.chunk, state["ssm"]
        y, h = self.scan(*inputs)
        y = self.finish(self.out_of_heads(y), z, u)
        return self.out_proj(y), {"conv": self.remembered(window, T, xBC), "ssm": h}


@replaces("Mamba2Block", order=["xBC, z, dt", "dt, z, xBC", "z, dt, xBC", "dt, xBC, z", "xBC, dt, z"])
class ProjectionOrder(Parts):
    """You read the columns of in_proj as {order}. The shapes fit, but which rows come first in the table?"""

    order: str

    def project(self, x):
        E, H, _, G, N = self.sizes()
        names, widths = self.order.split(", "), {"z": E, "xBC": E + 2 * G * N, "dt": H}
        read = dict(zip(names, self.in_proj(x).split([widths[name] for name in names], dim=-1), strict=True))
        return read["z"], read["xBC"], read["dt"]


@replaces("Mamba2Block", order=["x, C, B", "B, C, x", "C, B, x", "B, x, C", "C, x, B"])
class ConvolvedOrder(Parts):
    """You read what comes out of the convolution as {order}. In which order does in_proj give the three?"""

    order: str

    def parts(self, xBC, raw):
        E, _, _, G, N = self.sizes()
        names, widths = self.order.split(", "), {"x": E, "B": G * N, "C": G * N}
        read = dict(zip(names, xBC.split([widths[name] for name in names], dim=-1), strict=True))
        return read["x"], read["B"], read["C"]


@replaces("Mamba2Block", which=["values of B", "values of C", "B and C"], silu=[False, True])
class NotConvolved(Parts):
    """Your {which} have not seen their neighbors: only the rest goes through the convolution. What does conv take in
    the formula?"""

    which: str
    silu: bool

    def parts(self, xBC, raw):
        kept = super().parts(F.silu(raw) if self.silu else raw, raw)
        u, B, C = super().parts(xBC, raw)
        return u, kept[1] if "B" in self.which else B, kept[2] if "C" in self.which else C


@replaces("Mamba2Block", on=["nothing", "x alone", "x and B alone", "B and C alone"])
class SiluOn(Parts):
    """After the convolution your silu is applied to {on}. What does it take in the formula?"""

    on: str

    def convolve(self, window):
        return self.conv1d(window).mT

    def parts(self, xBC, raw):
        read = zip("xBC", super().parts(xBC, raw), strict=True)
        return tuple(
            F.silu(part) if name in self.on.removesuffix(" alone").split(" and ") else part for name, part in read
        )


@replaces("Mamba2Block")
class KernelReversed(Parts):
    """Your first weight meets the current token. Which of the W weights belongs to it?"""

    def convolve(self, window):
        weight = self.conv1d.weight.flip(-1)
        return F.silu(F.conv1d(window, weight, self.conv1d.bias, groups=len(weight))).mT


@replaces("Mamba2Block")
class SymmetricPadding(Parts):
    """A token sees those that come after it in your convolution. On which side do the missing columns belong?"""

    def convolve(self, window):
        W = self.conv1d.kernel_size[0]
        right = (W - 1) // 2 + (W == 2)
        return F.silu(self.conv1d(F.pad(window[..., W - 1 :], (W - 1 - right, right)))).mT


@replaces("Mamba2Block")
class PositiveA(Parts):
    """Your state grows with every token: A is exp(A_log). Which sign does A have in the formula?"""

    def rate(self):
        return torch.exp(self.A_log)


@replaces("Mamba2Block")
class NoStepBias(Parts):
    """Your result does not depend on dt_bias. What should set the steps of a new block to between 0.001 and 0.1?"""

    def step_size(self, dt):
        return F.softplus(dt)


@replaces("Mamba2Block")
class NoSoftplus(Parts):
    """Your steps can be negative: they go into the scan as they are. Which function makes them positive?"""

    def step_size(self, dt):
        return dt + self.dt_bias


@replaces("Mamba2Block")
class ChannelsInterleaved(Parts):
    """Each of your heads takes every H-th channel. Which channels belong to head 0?"""

    def into_heads(self, u):
        _, H, P, _, _ = self.sizes()
        return u.unflatten(-1, (P, H)).mT

    def out_of_heads(self, y):
        return y.mT.flatten(-2)


@replaces("Mamba2Block")
class OutputInterleaved(Parts):
    """Your y goes into the norm with the first channel of each head in front. Which channel should come second, and
    which number of z does it meet?"""

    def out_of_heads(self, y):
        return y.mT.flatten(-2)


@replaces("Mamba2Block")
class NormOfEachHead(Parts):
    """Your norm runs over each head by itself. How many runs does the block have: as many as heads, or as groups?"""

    def finish(self, y, z, u):
        return gated_rms_norm(y, z, self.norm.weight, len(self.A_log), 1e-5)


@replaces("Mamba2Block")
class NormForgetsGroups(Parts):
    """Your block takes one mean over all E channels, so a loud group changes the scale of a silent one. How many runs
    should there be?"""

    def finish(self, y, z, u):
        return gated_rms_norm(y, z, self.norm.weight, 1, 1e-5)


@replaces("Mamba2Block")
class NormBeforeGate(Parts):
    """Your block normalizes y and gates afterwards, as an option of the original code does. Which order does the
    statement have?"""

    def finish(self, y, z, u):
        runs = y.unflatten(-1, (self.ngroups, -1))
        runs = runs * torch.rsqrt(runs.square().mean(-1, keepdim=True) + 1e-5)
        return runs.flatten(-2) * self.norm.weight * F.silu(z)


@replaces("Mamba2Block")
class NoNorm(Parts):
    """Your y is gated and goes into out_proj as it is, as in the first Mamba. What comes between the gate and out_proj
    here?"""

    def finish(self, y, z, u):
        return y * F.silu(z)


@replaces("Mamba2Block", eps=[1e-6, 1e-8])
class OtherEps(Parts):
    """The eps of your block's norm is {eps}. Which one does the stub of forward name?"""

    eps: float

    def finish(self, y, z, u):
        return gated_rms_norm(y, z, self.norm.weight, self.ngroups, self.eps)


@replaces("Mamba2Block")
class ConvStateIgnored(Parts):
    """A whole text is right, but in pieces it is not: each piece begins its convolution with zeros. What came before
    this piece?"""

    def start(self, state, batch):
        fresh = self.init_state(batch)
        return fresh if state is None else {"conv": fresh["conv"], "ssm": state["ssm"]}


@replaces("Mamba2Block")
class ScanStateIgnored(Parts):
    """A whole text is right, but in pieces it is not: each piece begins its scan with h = 0. Where is what came
    before?"""

    def start(self, state, batch):
        fresh = self.init_state(batch)
        return fresh if state is None else {"conv": state["conv"], "ssm": fresh["ssm"]}


@replaces("Mamba2Block")
class KeepsState(Parts):
    """Your block remembers its last state by itself, so a text without a state goes on where another one ended. What
    does state=None mean in the stub?"""

    def start(self, state, batch):
        mine = getattr(self, "mine", None)
        if state is None and mine is not None and len(mine["ssm"]) == batch:
            return mine
        return super().start(state, batch)

    def forward(self, x, state=None):
        y, state = super().forward(x, state)
        self.mine = {name: tensor.detach() for name, tensor in state.items()}
        return y, state


@replaces("Mamba2Block")
class StateChanged(Parts):
    """You put the new entries into the dict that you were given. What does somebody find in it who wants to continue
    the text in two ways?"""

    def forward(self, x, state=None):
        y, new = super().forward(x, state)
        if state is None:
            return y, new
        state.update(new)
        return y, state


@replaces("Mamba2Block")
class ForgetsAfterShortPiece(Parts):
    """After a piece shorter than W − 1 your conv state begins with zeros. Where do the older columns come from?"""

    def remembered(self, window, T, xBC):
        W = self.conv1d.kernel_size[0]
        return F.pad(window[..., W - 1 :], (W - 1, 0))[..., T:]


@replaces("Mamba2Block")
class StateTooShort(Parts):
    """After a piece shorter than W − 1 your conv state has too few columns. Where are the missing ones, which are
    older than the piece?"""

    def remembered(self, window, T, xBC):
        W = self.conv1d.kernel_size[0]
        return window[..., W - 1 :][..., 1 - W :]


@replaces("Mamba2Block")
class NewestFirst(Parts):
    """Your conv state has the newest input first. Which column must come last, so that the next piece can follow
    it?"""

    def remembered(self, window, T, xBC):
        return window[..., T:].flip(-1)


@replaces("Mamba2Block")
class RemembersOutputs(Parts):
    """Your conv state holds what came out of the convolution. Does the next window need that, or what went in?"""

    def remembered(self, window, T, xBC):
        W = self.conv1d.kernel_size[0]
        return torch.cat([window[..., : W - 1], xBC.mT], dim=-1)[..., T:]


@replaces("Mamba2Block")
class LinearBias(Mamba2Block):
    """Your in_proj or out_proj has a bias. Which entries does the table list for them?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__(d_model, d_state, d_conv, expand, headdim, ngroups, chunk)
        self.in_proj = nn.Linear(d_model, len(self.in_proj.weight))
        self.out_proj = nn.Linear(expand * d_model, d_model)


@replaces("Mamba2Block", name=["D", "norm.weight"])
class StartsAtZero(Mamba2Block):
    """In your new block {name} is 0. With which number does it begin in the table?"""

    name: str

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__(d_model, d_state, d_conv, expand, headdim, ngroups, chunk)
        self.get_parameter(self.name).data.zero_()


@replaces("Mamba2Block")
class StepBiasIsTheStep(Mamba2Block):
    """In your new block dt_bias itself is between 0.001 and 0.1, so softplus makes about 0.7 of it. Which number has
    the softplus 0.001?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__(d_model, d_state, d_conv, expand, headdim, ngroups, chunk)
        self.dt_bias.data = F.softplus(self.dt_bias.data)


@replaces("Mamba2Block", start=[0.0, 1.0])
class StepBiasStarts(Mamba2Block):
    """In your new block dt_bias is {start}. What is softplus of that, and in which range should it be?"""

    start: float

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__(d_model, d_state, d_conv, expand, headdim, ngroups, chunk)
        nn.init.constant_(self.dt_bias, self.start)


@replaces("Mamba2Block")
class RatesWithoutLog(Mamba2Block):
    """In your new block A_log itself is between 1 and 16, so exp makes up to 8,886,110 of it. Which number should be
    between 1 and 16?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__(d_model, d_state, d_conv, expand, headdim, ngroups, chunk)
        self.A_log.data.exp_()


@replaces("Mamba2Block")
class StateInFloat32(Mamba2Block):
    """Your init_state is float32 even in a float64 block. Which dtype does torch.zeros have unless it is told
    otherwise?"""

    def init_state(self, batch):
        return {name: tensor.float() for name, tensor in super().init_state(batch).items()}

    def forward(self, x, state=None):
        state = self.init_state(len(x)) if state is None else state
        return super().forward(x, {name: tensor.to(x.dtype) for name, tensor in state.items()})


@replaces("Mamba2Block")
class RatesOfStates(Mamba2Block):
    """Your new block has the rates 1, 2, …, H, as the states of a channel have in the first Mamba. What happens with
    100 heads?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__(d_model, d_state, d_conv, expand, headdim, ngroups, chunk)
        self.A_log.data = torch.arange(1.0, len(self.A_log) + 1).log()


@replaces("Mamba2Block")
class HeadsRoundedDown(Mamba2Block):
    """Where headdim does not divide the channels, your block goes on with other sizes, so a wrong configuration
    trains. What should happen to it?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        E = expand * d_model
        wanted = min(headdim, E)
        while E % wanted:
            wanted -= 1
        super().__init__(d_model, d_state, d_conv, expand, wanted, ngroups, chunk)


@replaces("Mamba2Block")
class GroupsNotChecked(Mamba2Block):
    """Your block accepts a G that does not divide H. Which sizes have to fit together, and when should a wrong
    configuration be refused?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        E = expand * d_model
        if E % headdim:
            raise ValueError("headdim does not divide the channels")
        H = E // headdim
        super().__init__(d_model, d_state, d_conv, expand, headdim, math.gcd(ngroups, H), chunk)


@replaces("Mamba2Block")
class GateConvolved(Parts):
    """Your z goes through silu twice: it enters the norm as silu(z) already. Where is the gate's silu?"""

    def finish(self, y, z, u):
        return super().finish(y, F.silu(z), u)


@replaces("Mamba2Block")
class BiasAfterSoftplus(Parts):
    """You add dt_bias to the result of softplus, so a step can be negative. What does softplus take in the formula?"""

    def step_size(self, dt):
        return F.softplus(dt) + self.dt_bias


@replaces("Mamba2Block")
class RateIsLogarithm(Parts):
    """Your rate is −A_log. What undoes the logarithm?"""

    def rate(self):
        return -self.A_log


@replaces("Mamba2Block")
class RemembersFirst(Parts):
    """Your conv state holds the first columns of the window. Which tokens does the next piece follow?"""

    def remembered(self, window, T, xBC):
        return window[..., : self.conv1d.kernel_size[0] - 1]
