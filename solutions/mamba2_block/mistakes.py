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
    """Your head h uses group h % G, so neighbours have different B and C: repeat lays whole copies side by side. Which
    heads belong to group 0?"""

    class Wrong(Scan):
        def share(self, matrix, H):
            return matrix.repeat(1, 1, H // matrix.shape[2], 1)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def first_group_for_all(x, dt, A, B, C, D, chunk, h0=None):
    """All your heads use the B and C of the first group. With G = 1 your result is right: which group has the last
    head?"""

    class Wrong(Scan):
        def share(self, matrix, H):
            return matrix[:, :, :1].expand(-1, -1, H, -1)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def b_and_c_swapped(x, dt, A, B, C, D, chunk, h0=None):
    """B and C have changed places. Which of the two writes into the state, and which reads from it?"""
    return ssd_scan(x, dt, A, C, B, D, chunk, h0)


@replaces("ssd_scan")
def no_dt_on_x(x, dt, A, B, C, D, chunk, h0=None):
    """You wrote x B into the state without Δ. A step of size 0 should leave the state alone: does yours?"""

    class Wrong(Scan):
        def written(self, x, dt):
            return x

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def no_dt_into_the_next_chunk(x, dt, A, B, C, D, chunk, h0=None):
    """Inside of a chunk you write Δ x B, and into the state that goes on to the next chunk x B without Δ. What should a
    step of size 0 leave behind in either of them?"""

    class Wrong(Scan):
        def kept(self, x_, raw):
            return raw

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def no_dt_in_decay(x, dt, A, B, C, D, chunk, h0=None):
    """Your state decays by e^A at every token, whatever the size of the step. What does a step of size 0 leave of the
    state?"""

    class Wrong(Scan):
        def decay(self, dt, A):
            return A.expand_as(dt)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def zero_order_hold(x, dt, A, B, C, D, chunk, h0=None):
    """You wrote (e^{ΔA} − 1)/A x B into the state, which is zero-order hold. Which factor stands beside x B here?"""

    class Wrong(Scan):
        def written(self, x, dt):
            return (torch.expm1(dt * A) / A)[..., None] * x

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def softplus_again(x, dt, A, B, C, D, chunk, h0=None):
    """You sent dt through softplus. What arrives here is the step itself: what becomes of a step of size 0?"""
    return ssd_scan(x, F.softplus(dt), A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def a_is_a_logarithm(x, dt, A, B, C, D, chunk, h0=None):
    """You took −exp of A. What arrives here is A itself, negative: where is A_log turned into it?"""
    return ssd_scan(x, dt, -torch.exp(A), B, C, D, chunk, h0)


@replaces("ssd_scan")
def grows(x, dt, A, B, C, D, chunk, h0=None):
    """Your state is multiplied by e^{−ΔA}, and A is negative: it grows with every token. Which sign has the
    exponent?"""
    return ssd_scan(x, dt, -A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def no_skip(x, dt, A, B, C, D, chunk, h0=None):
    """D changes nothing in your result. What is added to h C?"""
    return ssd_scan(x, dt, A, B, C, torch.zeros_like(D), chunk, h0)


@replaces("ssd_scan")
def skip_with_dt(x, dt, A, B, C, D, chunk, h0=None):
    """Your skip is D Δ x. Does it take the token as it came, or what was made of it for the state?"""

    class Wrong(Scan):
        def skip(self, x, dt, D):
            return D[:, None] * dt[..., None] * x

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def state_restarts_each_chunk(x, dt, A, B, C, D, chunk, h0=None):
    """Each of your chunks begins its new state from nothing, so your result depends on `chunk`. What does the second
    chunk start from?"""

    class Wrong(Scan):
        def carry(self, h, cum):
            return torch.zeros_like(h)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def chunks_alone(x, dt, A, B, C, D, chunk, h0=None):
    """No token of yours reads the state that came before its chunk, though the state that you return is right. Which
    part of y comes from before the chunk?"""

    class Wrong(Scan):
        def since_start(self, cum, a):
            return torch.zeros_like(cum)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def old_state_not_decayed(x, dt, A, B, C, D, chunk, h0=None):
    """The state crosses a chunk without getting older. How many steps lie between its beginning and its end?"""

    class Wrong(Scan):
        def carry(self, h, cum):
            return h

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def read_not_decayed(x, dt, A, B, C, D, chunk, h0=None):
    """Every token of a chunk reads the old state as it was at the chunk's start. By how many steps has it decayed at
    token t?"""

    class Wrong(Scan):
        def since_start(self, cum, a):
            return torch.ones_like(cum)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def read_one_step_early(x, dt, A, B, C, D, chunk, h0=None):
    """The old state that token t reads lacks one decay, that of step t itself. Does h decay before token t is written,
    or after?"""

    class Wrong(Scan):
        def since_start(self, cum, a):
            return torch.exp(cum - a)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def write_not_decayed(x, dt, A, B, C, D, chunk, h0=None):
    """All tokens of a chunk enter the next state with full weight. What is left of the first one at the chunk's
    end?"""

    class Wrong(Scan):
        def until_end(self, cum, a):
            return torch.ones_like(cum)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def sums_from_the_text(x, dt, A, B, C, D, chunk, h0=None):
    """Your running sum goes on from one chunk to the next. The state before a chunk is the one at its start: which
    steps has it yet to go through?"""

    class Wrong(Scan):
        total = 0.0

        def running(self, a):
            cum = self.total + a.cumsum(1)
            self.total = cum[:, -1:]
            return cum

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def reads_before_writing(x, dt, A, B, C, D, chunk, h0=None):
    """Your y_t does not hold what token t itself has written: the diagonal of the matrix is missing. Which h stands in
    the line of y_t?"""

    class Wrong(Scan):
        def ratio(self, cum):
            eye = torch.eye(cum.shape[1], dtype=torch.bool)[..., None]
            return super().ratio(cum).masked_fill(eye, 0.0)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def sees_the_future(x, dt, A, B, C, D, chunk, h0=None):
    """Within a chunk your tokens read what later ones write: nothing is masked. For which s does the sum of y_t
    run?"""

    class Wrong(Scan):
        def ratio(self, cum):
            return torch.exp(cum[:, :, None] - cum[:, None])

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def ratio_of_exponentials(x, dt, A, B, C, D, chunk, h0=None):
    """You divided e^{cum_t} by e^{cum_s}, or multiplied it by e^{−cum_s}. After a large step both are 0 or infinite
    where their quotient is a number. What can be done before the exponential?"""

    class Wrong(Scan):
        def ratio(self, cum):
            past = torch.ones(cum.shape[1], cum.shape[1], dtype=torch.bool).tril()[..., None]
            return torch.where(past, torch.exp(cum)[:, :, None] * torch.exp(-cum)[:, None], 0.0)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def masked_after_exp(x, dt, A, B, C, D, chunk, h0=None):
    """You masked after the exponential. Above the diagonal it may be infinite: the values are right, and the gradient
    is 0 times infinity. Which number can stand there before the exponential?"""

    class Wrong(Scan):
        def ratio(self, cum):
            past = torch.ones(cum.shape[1], cum.shape[1], dtype=torch.bool).tril()[..., None]
            return torch.where(past, torch.exp(cum[:, :, None] - cum[:, None]), 0.0)

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def zero_before_exp(x, dt, A, B, C, D, chunk, h0=None):
    """You put 0 above the diagonal and then took the exponential, which makes it 1: every token sees the whole future
    of its chunk. Which number has the exponential 0?"""

    class Wrong(Scan):
        def ratio(self, cum):
            past = torch.ones(cum.shape[1], cum.shape[1], dtype=torch.bool).tril()[..., None]
            return torch.exp(torch.where(past, cum[:, :, None] - cum[:, None], 0.0))

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def whole_chunks_only(x, dt, A, B, C, D, chunk, h0=None):
    """Your code stops where `chunk` does not divide T. What is left over at the end is a chunk too: how long may it
    be?"""
    if x.shape[1] % chunk:
        raise RuntimeError(f"shape [{x.shape[1]}] is invalid for chunks of {chunk}")
    return ssd_scan(x, dt, A, B, C, D, chunk, h0)


@replaces("ssd_scan")
def h0_ignored(x, dt, A, B, C, D, chunk, h0=None):
    """You always start from zeros. Which part of the result does h0 belong to?"""
    return ssd_scan(x, dt, A, B, C, D, chunk)


@replaces("ssd_scan")
def always_float32(x, dt, A, B, C, D, chunk, h0=None):
    """You computed in float32, as the fast kernels do, and float64 lost half of its digits. Which dtype should
    decide?"""
    inputs = (tensor.float() for tensor in (x, dt, A, B, C, D))
    y, h = ssd_scan(*inputs, chunk, None if h0 is None else h0.float())
    return y.to(x.dtype), h.to(x.dtype)


@replaces("ssd_scan")
def chunks_detached(x, dt, A, B, C, D, chunk, h0=None):
    """Your values are right, and the state is detached between two chunks: no gradient leads from a token to an
    earlier chunk. Which tokens made the state that a chunk starts with?"""

    class Wrong(Scan):
        def carry(self, h, cum):
            return super().carry(h, cum).detach()

    return Wrong()(x, dt, A, B, C, D, chunk, h0)


@replaces("gated_rms_norm")
def norm_before_gate(y, z, weight, groups=1, eps=1e-5):
    """You normalised y and multiplied by the gate afterwards. Make z ten times as large: a norm behind the gate takes
    most of that out again. Is yours behind it?"""
    runs = y.unflatten(-1, (groups, -1))
    runs = runs * torch.rsqrt(runs.square().mean(-1, keepdim=True) + eps)
    return runs.flatten(-2) * weight * F.silu(z)


@replaces("gated_rms_norm")
def norm_over_all(y, z, weight, groups=1, eps=1e-5):
    """You took one mean over all channels, so a loud group changes the scale of a silent one. How many means are
    there?"""
    return gated_rms_norm(y, z, weight, 1, eps)


@replaces("gated_rms_norm")
def runs_interleaved(y, z, weight, groups=1, eps=1e-5):
    """Your group of a channel is its number modulo G, so a group is spread over the whole width. Which channels lie in
    the first run?"""
    u = (y * F.silu(z)).unflatten(-1, (-1, groups))
    u = u * torch.rsqrt(u.square().mean(-2, keepdim=True) + eps)
    return u.flatten(-2) * weight


@replaces("gated_rms_norm")
def rows_by_view(y, z, weight, groups=1, eps=1e-5):
    """You lay all rows behind one another with view, which only works where they lie so in memory. The statement lets
    inputs be views themselves: which axes do you have to touch at all?"""
    u = (y * F.silu(z)).view(-1, groups, y.shape[-1] // groups)
    u = u / (u.square().mean(-1, keepdim=True) + eps).sqrt()
    return u.view(y.shape) * weight


@replaces("gated_rms_norm")
def gate_without_silu(y, z, weight, groups=1, eps=1e-5):
    """Your gate is z itself. Through which function does z go?"""
    runs = (y * z).unflatten(-1, (groups, -1))
    return (runs * torch.rsqrt(runs.square().mean(-1, keepdim=True) + eps)).flatten(-2) * weight


@replaces("gated_rms_norm")
def sigmoid_gate(y, z, weight, groups=1, eps=1e-5):
    """Your gate is the sigmoid of z. Which factor does silu have beside the sigmoid?"""
    runs = (y * torch.sigmoid(z)).unflatten(-1, (groups, -1))
    return (runs * torch.rsqrt(runs.square().mean(-1, keepdim=True) + eps)).flatten(-2) * weight


@replaces("gated_rms_norm")
def layer_norm(y, z, weight, groups=1, eps=1e-5):
    """You subtracted the mean of u, which is a LayerNorm. What does RMS leave out?"""
    runs = (y * F.silu(z)).unflatten(-1, (groups, -1))
    runs = runs - runs.mean(-1, keepdim=True)
    return (runs * torch.rsqrt(runs.square().mean(-1, keepdim=True) + eps)).flatten(-2) * weight


@replaces("gated_rms_norm")
def sum_of_squares(y, z, weight, groups=1, eps=1e-5):
    """You divided by the root of the sum of u², so wide runs become small. What does the M in RMS stand for?"""
    runs = (y * F.silu(z)).unflatten(-1, (groups, -1))
    return (runs * torch.rsqrt(runs.square().sum(-1, keepdim=True) + eps)).flatten(-2) * weight


@replaces("gated_rms_norm")
def eps_outside(y, z, weight, groups=1, eps=1e-5):
    """You added eps to the root. Is it under the root in the formula, or beside it?"""
    runs = (y * F.silu(z)).unflatten(-1, (groups, -1))
    return (runs / (runs.square().mean(-1, keepdim=True).sqrt() + eps)).flatten(-2) * weight


@replaces("gated_rms_norm")
def eps_fixed(y, z, weight, groups=1, eps=1e-5):
    """Your eps is always 10⁻⁵. Which argument says how large it is?"""
    return gated_rms_norm(y, z, weight, groups)


@replaces("gated_rms_norm")
def no_eps(y, z, weight, groups=1, eps=1e-5):
    """eps changes nothing in your result. What keeps the division finite where a run is silent?"""
    return gated_rms_norm(y, z, weight, groups, 0.0)


@replaces("gated_rms_norm")
def norm_in_float32(y, z, weight, groups=1, eps=1e-5):
    """You went through float32, as the models' code does for half precision, and float64 lost half of its digits.
    Which dtypes need that?"""
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


@replaces("Mamba2Block")
class XBeforeZ(Parts):
    """Your in_proj gives x, B and C first and z behind them. The shapes fit, the rows are others: which rows come
    first?"""

    def project(self, x):
        E, H, _, G, N = self.sizes()
        xBC, z, dt = self.in_proj(x).split([E + 2 * G * N, E, H], dim=-1)
        return z, xBC, dt


@replaces("Mamba2Block")
class CBeforeB(Parts):
    """Your block cuts what comes behind x in the order C, B, and so the two change places in the scan. In which order
    does in_proj give them?"""

    def parts(self, xBC, raw):
        u, C, B = super().parts(xBC, raw)
        return u, B, C


@replaces("Mamba2Block")
class BCBeforeX(Parts):
    """Your block takes B and C from the front and x from what is left. Which of the three comes first behind z?"""

    def parts(self, xBC, raw):
        E, _, _, G, N = self.sizes()
        B, C, u = xBC.split([G * N, G * N, E], dim=-1)
        return u, B, C


@replaces("Mamba2Block")
class BCNotConvolved(Parts):
    """Your B and C are those of in_proj, and only x has seen its neighbours. What else goes through the
    convolution?"""

    def parts(self, xBC, raw):
        E, _, _, G, N = self.sizes()
        _, B, C = raw.split([E, G * N, G * N], dim=-1)
        return xBC[..., :E], B, C


@replaces("Mamba2Block")
class NoSiluAfterConv(Parts):
    """What comes out of your convolution goes on as it is. Which function follows it?"""

    def convolve(self, window):
        return self.conv1d(window).mT


@replaces("Mamba2Block")
class SiluOnXAlone(Parts):
    """Only your x goes through silu behind the convolution. What else comes out of it?"""

    def convolve(self, window):
        return self.conv1d(window).mT

    def parts(self, xBC, raw):
        u, B, C = super().parts(xBC, raw)
        return F.silu(u), B, C


@replaces("Mamba2Block")
class KernelReversed(Parts):
    """Your first weight meets the current token. Which of the W weights belongs to it?"""

    def convolve(self, window):
        weight = self.conv1d.weight.flip(-1)
        return F.silu(F.conv1d(window, weight, self.conv1d.bias, groups=len(weight))).mT


@replaces("Mamba2Block")
class SymmetricPadding(Parts):
    """Your convolution is padded on both sides, so a token sees those that come after it. Where do the missing columns
    belong?"""

    def convolve(self, window):
        W = self.conv1d.kernel_size[0]
        right = (W - 1) // 2 + (W == 2)
        return F.silu(self.conv1d(F.pad(window[..., W - 1 :], (W - 1 - right, right)))).mT


@replaces("Mamba2Block")
class PositiveA(Parts):
    """Your A is exp(A_log), and the state grows with every token. Which sign has A?"""

    def rate(self):
        return torch.exp(self.A_log)


@replaces("Mamba2Block")
class NoStepBias(Parts):
    """dt_bias changes nothing in your result, so a fresh block makes steps of about 0.7. What sets them to 0.001 …
    0.1?"""

    def step_size(self, dt):
        return F.softplus(dt)


@replaces("Mamba2Block")
class NoSoftplus(Parts):
    """Your steps go into the scan without softplus and may be negative. How small may a step be?"""

    def step_size(self, dt):
        return dt + self.dt_bias


@replaces("Mamba2Block")
class ChannelsInterleaved(Parts):
    """You cut the channels into P heads' worth of H, so a head gets every H-th channel. Which channels belong to head
    0?"""

    def into_heads(self, u):
        _, H, P, _, _ = self.sizes()
        return u.unflatten(-1, (P, H)).mT

    def out_of_heads(self, y):
        return y.mT.flatten(-2)


@replaces("Mamba2Block")
class OutputInterleaved(Parts):
    """Your y goes into the norm with the first channel of each head in front. Which channels come first, and with which
    numbers of z do they meet?"""

    def out_of_heads(self, y):
        return y.mT.flatten(-2)


@replaces("Mamba2Block")
class NormOfEachHead(Parts):
    """Your norm inside the block runs over each head by itself. Its runs are those of the groups, which share B and C:
    how many does ngroups say?"""

    def finish(self, y, z, u):
        return gated_rms_norm(y, z, self.norm.weight, len(self.A_log), 1e-5)


@replaces("Mamba2Block")
class NormForgetsGroups(Parts):
    """Your block takes one mean over all E channels. A loud group changes the scale of a silent one: how many runs are
    there?"""

    def finish(self, y, z, u):
        return gated_rms_norm(y, z, self.norm.weight, 1, 1e-5)


@replaces("Mamba2Block")
class NormBeforeGate(Parts):
    """Your block normalises y and gates afterwards, as an option of the original code does. In which order do the
    released models do it?"""

    def finish(self, y, z, u):
        runs = y.unflatten(-1, (self.ngroups, -1))
        runs = runs * torch.rsqrt(runs.square().mean(-1, keepdim=True) + 1e-5)
        return runs.flatten(-2) * self.norm.weight * F.silu(z)


@replaces("Mamba2Block")
class NoNorm(Parts):
    """Your y is gated and goes into out_proj as it is, like in the first Mamba. What stands between the gate and
    out_proj here?"""

    def finish(self, y, z, u):
        return y * F.silu(z)


@replaces("Mamba2Block")
class OtherEps(Parts):
    """The eps of your block's norm is not 10⁻⁵. What does the docstring of forward hand to gated_rms_norm?"""

    def finish(self, y, z, u):
        return gated_rms_norm(y, z, self.norm.weight, self.ngroups, 1e-6)


@replaces("Mamba2Block")
class ConvStateIgnored(Parts):
    """At once you are right, and in pieces you are not: each piece begins its convolution with zeros. What has it seen
    before this piece?"""

    def start(self, state, batch):
        fresh = self.init_state(batch)
        return fresh if state is None else {"conv": fresh["conv"], "ssm": state["ssm"]}


@replaces("Mamba2Block")
class ScanStateIgnored(Parts):
    """At once you are right, and in pieces you are not: each piece begins its scan with h = 0. Where is what came
    before?"""

    def start(self, state, batch):
        fresh = self.init_state(batch)
        return fresh if state is None else {"conv": state["conv"], "ssm": fresh["ssm"]}


@replaces("Mamba2Block")
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


@replaces("Mamba2Block")
class StateChanged(Parts):
    """You put the new entries into the dict that you were given. Whoever keeps it to continue the text in two ways
    finds the first continuation in it: what does the docstring say of the state that is passed in?"""

    def forward(self, x, state=None):
        y, new = super().forward(x, state)
        if state is None:
            return y, new
        state.update(new)
        return y, state


@replaces("Mamba2Block")
class ForgetsAfterShortPiece(Parts):
    """Your new conv state is made of this piece alone, and where the piece is shorter than W − 1 the rest is zeros.
    Where do the older columns come from?"""

    def remembered(self, window, T, xBC):
        W = self.conv1d.kernel_size[0]
        return F.pad(window[..., W - 1 :], (W - 1, 0))[..., T:]


@replaces("Mamba2Block")
class StateTooShort(Parts):
    """After a piece shorter than W − 1 your conv state has fewer than W − 1 columns. The missing ones are older than
    the piece: where do they stand?"""

    def remembered(self, window, T, xBC):
        W = self.conv1d.kernel_size[0]
        return window[..., W - 1 :][..., 1 - W :]


@replaces("Mamba2Block")
class NewestFirst(Parts):
    """Your conv state has the newest input first. In which order do the columns stand when the next piece is put
    behind them?"""

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
    """Your in_proj and out_proj have a bias, and the checkpoint has none for them. Which entries does the table
    list?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__(d_model, d_state, d_conv, expand, headdim, ngroups, chunk)
        self.in_proj = nn.Linear(d_model, len(self.in_proj.weight))
        self.out_proj = nn.Linear(expand * d_model, d_model)


@replaces("Mamba2Block")
class SkipStartsAtZero(Mamba2Block):
    """In your new block D is 0. With which number does it begin?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__(d_model, d_state, d_conv, expand, headdim, ngroups, chunk)
        self.D.data.zero_()


@replaces("Mamba2Block")
class StepBiasIsTheStep(Mamba2Block):
    """You put the step sizes themselves into dt_bias, and softplus of 0.001 is 0.69. Which number has softplus
    0.001?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__(d_model, d_state, d_conv, expand, headdim, ngroups, chunk)
        self.dt_bias.data = F.softplus(self.dt_bias.data)


@replaces("Mamba2Block")
class StepBiasStartsAtZero(Mamba2Block):
    """In your new block dt_bias is 0, so that all steps are about 0.69. In which range should softplus(dt_bias) be?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__(d_model, d_state, d_conv, expand, headdim, ngroups, chunk)
        self.dt_bias.data.zero_()


@replaces("Mamba2Block")
class RatesWithoutLog(Mamba2Block):
    """You put numbers between 1 and 16 into A_log itself, and the exponential still follows: e^16 is 8,886,110. Which
    numbers does the docstring place between 1 and 16?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__(d_model, d_state, d_conv, expand, headdim, ngroups, chunk)
        self.A_log.data.exp_()


@replaces("Mamba2Block")
class StateInFloat32(Mamba2Block):
    """Your init_state gives float32 zeros for a float64 block too: torch.zeros makes float32 unless it is told
    otherwise. Which dtype does the docstring name?"""

    def init_state(self, batch):
        return {name: tensor.float() for name, tensor in super().init_state(batch).items()}

    def forward(self, x, state=None):
        state = self.init_state(len(x)) if state is None else state
        return super().forward(x, {name: tensor.to(x.dtype) for name, tensor in state.items()})


@replaces("Mamba2Block")
class RatesOfStates(Mamba2Block):
    """Your new block has the rates 1, 2, …, H, as the states of a channel had in the first Mamba. With 100 heads, in
    which range should they be?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        super().__init__(d_model, d_state, d_conv, expand, headdim, ngroups, chunk)
        self.A_log.data = torch.arange(1.0, len(self.A_log) + 1).log()


@replaces("Mamba2Block")
class HeadsRoundedDown(Mamba2Block):
    """Where headdim does not divide the channels, your block goes on with fewer of them, and a wrong config trains.
    What should happen to it?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        E = expand * d_model
        wanted = min(headdim, E)
        while E % wanted:
            wanted -= 1
        super().__init__(d_model, d_state, d_conv, expand, wanted, ngroups, chunk)


@replaces("Mamba2Block")
class GroupsNotChecked(Mamba2Block):
    """Your block accepts a G that does not divide H, and fails at the first text at the earliest. Which sizes have to
    fit together?"""

    def __init__(self, d_model, d_state=128, d_conv=4, expand=2, headdim=64, ngroups=1, chunk=64):
        E = expand * d_model
        if E % headdim:
            raise ValueError("headdim does not divide the channels")
        H = E // headdim
        super().__init__(d_model, d_state, d_conv, expand, headdim, math.gcd(ngroups, H), chunk)
