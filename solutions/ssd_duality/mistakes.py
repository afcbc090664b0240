"""Wrong versions that students write. Each docstring is the advice that such a student reads.

A chunk has four parts; a mistake gets one of them wrong and takes the others from here.
"""

import torch
from ssd_duality import segsum, ssd_chunked, ssd_quadratic
from torch import Tensor

from grader.testing import replaces

INF = float("inf")


def future(T: int) -> Tensor:
    return torch.ones(T, T, dtype=torch.bool).triu(1)


@replaces("segsum")
def own_decay_counts(a):
    """Your sums begin at a_s. The decay of step s acts on the state before token s enters, not on the token itself:
    the sum begins at a_{s+1}, and on the diagonal it is empty."""
    T = a.shape[-1]
    steps = a[..., :, None].masked_fill(future(T), 0.0)
    return steps.cumsum(-2).masked_fill(future(T), -INF)


@replaces("segsum")
def zero_above(a):
    """You put 0 above the diagonal. The exponential follows, and e to the 0 is 1: every token sees the whole
    future. Which number has the exponential 0?"""
    return segsum(a).tril()


@replaces("segsum")
def smallest_number_above(a):
    """You put the smallest finite number above the diagonal. Its exponential is 0 as well, and the contract is about
    the sums themselves: what is the logarithm of 0?"""
    return segsum(a).masked_fill(future(a.shape[-1]), torch.finfo(a.dtype).min)


@replaces("segsum")
def large_number_above(a):
    """You put -1e9 above the diagonal, a number that is far below 0 and finite. Its exponential is 0 as well, and the
    contract is about the sums themselves: what is the logarithm of 0?"""
    return segsum(a).masked_fill(future(a.shape[-1]), -1e9)


@replaces("segsum")
def diagonal_closed(a):
    """Your diagonal is -inf, so a token does not see itself. Which segment lies between s = t and t, and what is the
    sum of no numbers?"""
    return segsum(a).masked_fill(torch.eye(a.shape[-1], dtype=torch.bool), -INF)


@replaces("segsum")
def running_difference(a):
    """You subtract two running sums. After many steps both are large, and of their small difference no digit is
    left; after a reset it is -inf minus -inf, which is NaN. Add up only what lies within the segment."""
    c = a.cumsum(-1)
    return (c[..., :, None] - c[..., None, :]).masked_fill(future(a.shape[-1]), -INF)


@replaces("segsum")
def axes_swapped(a):
    """Your result is the transpose of the right one: the row is the token that reads, t, and the column the one that
    wrote, s."""
    return segsum(a).mT


@replaces("segsum")
def without_sum(a):
    """Your entry holds a_t alone. From s to t every step in between takes its part: what is missing is the sum over
    them."""
    T = a.shape[-1]
    last = a[..., :, None].expand(*a.shape, T)
    return last.masked_fill(torch.eye(T, dtype=torch.bool), 0.0).masked_fill(future(T), -INF)


@replaces("ssd_quadratic")
def future_mask(x, a, B, C):
    """Your L is applied the wrong way round: y_t takes from the tokens after t and none before. Which axis of L
    belongs to y, and which to x?"""
    L = torch.exp(segsum(a.mT))
    return torch.einsum("bhst,bthn,bshn,bshp->bthp", L, C, B, x)


@replaces("ssd_quadratic")
def b_and_c_swapped(x, a, B, C):
    """B and C have changed places. C reads and belongs to row t, B writes and belongs to column s."""
    return ssd_quadratic(x, a, C, B)


@replaces("ssd_quadratic")
def no_decay(x, a, B, C):
    """Your matrix is causal and does not decay: a changes nothing. It is what remains of L when a is 0."""
    return ssd_quadratic(x, torch.zeros_like(a), B, C)


@replaces("ssd_quadratic")
def log_decay(x, a, B, C):
    """You multiplied by the sums themselves. They are the logarithm of L: the exponential is missing."""
    sums = segsum(a.mT)
    L = sums.masked_fill(sums == -INF, 0.0)
    return torch.einsum("bhts,bthn,bshn,bshp->bthp", L, C, B, x)


@replaces("ssd_quadratic")
def scaled(x, a, B, C):
    """You divided the products of C and B by the root of N, as in attention. That is there to keep a softmax soft,
    and here is none."""
    return ssd_quadratic(x, a, B, C) / B.shape[-1] ** 0.5


@replaces("ssd_quadratic")
def softmaxed(x, a, B, C):
    """Your weights of a token sum to 1, as in attention. Here is no softmax: a row of L ∘ C Bᵀ may be negative and
    sums to anything. With a softmax the map would not be a recurrence of fixed size."""
    scores = torch.einsum("bthn,bshn->bhts", C, B) + segsum(a.mT)
    return torch.einsum("bhts,bshp->bthp", torch.softmax(scores, dim=-1), x)


@replaces("ssd_quadratic")
def one_decay_for_all_heads(x, a, B, C):
    """Your matrix L comes from the log-decay of the first head, and all heads use it. Which axis of a holds the
    heads?"""
    return ssd_quadratic(x, a[..., :1].expand_as(a), B, C)


@replaces("ssd_quadratic")
def heads_and_tokens_mixed(x, a, B, C):
    """You made (Bt, H, T) of a (Bt, T, H) by reshape or view, which keeps the order of the numbers: heads get decays of
    other heads and tokens. With one head nobody sees it. What exchanges two axes?"""
    Bt, T, H = a.shape
    L = torch.exp(segsum(a.reshape(Bt, H, T)))
    return torch.einsum("bhts,bthn,bshn,bshp->bthp", L, C, B, x)


class Chunks:
    """ssd_chunked in parts."""

    def start(self, h0, zeros):
        return zeros if h0 is None else h0

    def at_border(self, h):
        return h

    def since_start(self, a):
        return torch.exp(a.cumsum(1))

    def until_end(self, a):
        return torch.exp(segsum(a.mT)[:, :, -1])

    def carry(self, h, a):
        return torch.exp(a.sum(1))[..., None, None] * h

    def __call__(self, x, a, B, C, chunk, h0=None):
        (Bt, _, H, P), N = x.shape, B.shape[-1]
        h, ys = self.start(h0, x.new_zeros(Bt, H, P, N)), []
        for x_, a_, B_, C_ in zip(*(tensor.split(chunk, dim=1) for tensor in (x, a, B, C)), strict=True):
            h = self.at_border(h)
            before = torch.einsum("bth,bthn,bhpn->bthp", self.since_start(a_), C_, h)
            ys.append(ssd_quadratic(x_, a_, B_, C_) + before)
            h = self.carry(h, a_) + torch.einsum("bhs,bshp,bshn->bhpn", self.until_end(a_), x_, B_)
        return torch.cat(ys, dim=1), h


@replaces("ssd_chunked")
def no_carry(x, a, B, C, chunk, h0=None):
    """Each chunk starts its new state from nothing, so what was written before the chunk is lost. The new state is
    the old one, decayed, plus what this chunk writes."""

    class Wrong(Chunks):
        def carry(self, h, a):
            return torch.zeros_like(h)

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def carry_not_decayed(x, a, B, C, chunk, h0=None):
    """The old state goes into the new one undiminished. A whole chunk of steps lies between them, each with its
    decay."""

    class Wrong(Chunks):
        def carry(self, h, a):
            return h

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def read_not_decayed(x, a, B, C, chunk, h0=None):
    """Every token of your chunk reads the old state as it was at the chunk's start. For token t it has decayed by all
    steps of the chunk up to t."""

    class Wrong(Chunks):
        def since_start(self, a):
            return torch.ones_like(a)

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def read_one_step_early(x, a, B, C, chunk, h0=None):
    """The old state that token t reads lacks one decay, that of step t. In the recurrence h decays before token t
    enters, and C reads after that."""

    class Wrong(Chunks):
        def since_start(self, a):
            return torch.exp(a.cumsum(1) - a)

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def write_not_decayed(x, a, B, C, chunk, h0=None):
    """All tokens of a chunk enter the state with full weight. By the end of the chunk the first has decayed the
    longest: each is weighed by what is left of it there."""

    class Wrong(Chunks):
        def until_end(self, a):
            return torch.ones_like(a.mT)

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def write_from_start(x, a, B, C, chunk, h0=None):
    """Your tokens enter the state weighed by the decay from the chunk's start to them, so the last one counts least.
    What counts is the decay that follows a token, up to the chunk's end."""

    class Wrong(Chunks):
        def until_end(self, a):
            return torch.exp(a.cumsum(1)).mT

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def first_decay_of_chunk_missing(x, a, B, C, chunk, h0=None):
    """Your old state begins to decay with the second step of the chunk. Column 0 of L says what is left of token 0,
    which enters after its own decay. When did the old state enter?"""

    class Wrong(Chunks):
        def since_start(self, a):
            return torch.exp(segsum(a.mT)[..., 0]).mT

        def carry(self, h, a):
            return torch.exp(segsum(a.mT)[..., -1, 0])[..., None, None] * h

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def read_by_column(x, a, B, C, chunk, h0=None):
    """What the tokens of a chunk read of the old state lacks one decay, that of the chunk's first token. Column 0 of L
    says what is left of token 0, which enters after its own decay. When did the old state enter?"""

    class Wrong(Chunks):
        def since_start(self, a):
            return torch.exp(segsum(a.mT)[..., 0]).mT

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def write_by_column(x, a, B, C, chunk, h0=None):
    """Your tokens enter the state weighed by column 0 of L, which says what is left of token 0 at each of them. Which
    row says what is left of each of them at the chunk's end?"""

    class Wrong(Chunks):
        def until_end(self, a):
            return torch.exp(segsum(a.mT)[..., 0])

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def end_by_difference(x, a, B, C, chunk, h0=None):
    """What is left of a token at the chunk's end comes from a difference of running sums in your code. With a reset
    in the chunk that is -inf minus -inf. You have a function that sums a segment without differences."""

    class Wrong(Chunks):
        def until_end(self, a):
            total = a.cumsum(1)
            return torch.exp(total[:, -1:] - total).mT

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def end_of_other_heads(x, a, B, C, chunk, h0=None):
    """In your chunks a (Bt, Q, H) becomes (Bt, H, Q) by reshape or view where tokens enter the state, which keeps the
    order of the numbers: heads get decays of other heads and tokens. What exchanges two axes?"""

    class Wrong(Chunks):
        def until_end(self, a):
            return torch.exp(segsum(a.reshape(len(a), a.shape[2], a.shape[1]))[:, :, -1])

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def h0_ignored(x, a, B, C, chunk, h0=None):
    """You always start from zeros. With h0 given, the first chunk reads it, and it decays like every other state."""
    return ssd_chunked(x, a, B, C, chunk)


@replaces("ssd_chunked")
def state_before_last_chunk(x, a, B, C, chunk, h0=None):
    """The state that you return is the one with which the last chunk started. Update it after the last chunk too."""
    y, _ = ssd_chunked(x, a, B, C, chunk, h0)
    T, N = x.shape[1], B.shape[-1]
    if chunk == T:
        return y, x.new_zeros(*x.shape[:1], *x.shape[2:], N) if h0 is None else h0
    return y, ssd_chunked(*(tensor[:, :-chunk] for tensor in (x, a, B, C)), chunk, h0)[1]


@replaces("ssd_chunked")
def float32_zeros(x, a, B, C, chunk, h0=None):
    """The state that you begin with is float32, whatever x is, and float64 cannot be multiplied with it. Without a
    dtype torch.zeros takes the default: how does a tensor get that of x?"""
    (Bt, _, H, P), N = x.shape, B.shape[-1]
    h0 = torch.zeros(Bt, H, P, N) if h0 is None else h0

    class Wrong(Chunks):
        pass

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def always_float32(x, a, B, C, chunk, h0=None):
    """You went through float32, as Hugging Face's code does, and float64 lost half of its digits. Let the dtype of x
    decide."""
    h0 = None if h0 is None else h0.float()
    y, h = ssd_chunked(x.float(), a.float(), B.float(), C.float(), chunk, h0)
    return y.to(x.dtype), h.to(x.dtype)


@replaces("ssd_chunked", ends="memory")
def one_matrix(x, a, B, C, chunk, h0=None):
    """Right values, and the matrix of the whole text behind them: 8192 tokens make 67 million entries for every
    head, in several copies. Only the matrices of the chunks may exist."""
    return Chunks()(x, a, B, C, x.shape[1], h0)


@replaces("ssd_chunked")
def chunks_alone(x, a, B, C, chunk, h0=None):
    """Each of your chunks is right as a text of its own: no token reads the state that the chunks before have left.
    Which part of y comes from before the chunk?"""
    ys = [ssd_quadratic(*pieces) for pieces in zip(*(z.split(chunk, dim=1) for z in (x, a, B, C)), strict=True)]
    return torch.cat(ys, dim=1), ssd_chunked(x, a, B, C, chunk, h0)[1]


@replaces("ssd_chunked")
def carry_of_first_head(x, a, B, C, chunk, h0=None):
    """The state that goes from one chunk to the next decays with the log-decay of the first head, in all heads. With
    one head nobody sees it: which axis of a holds the heads?"""

    class Wrong(Chunks):
        def carry(self, h, a):
            return torch.exp(a[..., :1].sum(1))[..., None, None] * h

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def state_transposed(x, a, B, C, chunk, h0=None):
    """The last two axes of the state that you return have changed places. The next call takes this state for h0: in
    which order does h0 have P and N?"""
    y, h = ssd_chunked(x, a, B, C, chunk, h0)
    return y, h.mT


@replaces("ssd_chunked")
def chunks_detached(x, a, B, C, chunk, h0=None):
    """Your values are right, and the state is detached between two chunks: no gradient leads from a token to an earlier
    chunk. Which tokens made the state that a chunk starts with?"""

    class Wrong(Chunks):
        def carry(self, h, a):
            return super().carry(h, a).detach()

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def y_in_float32(x, a, B, C, chunk, h0=None):
    """Your y is float32 for every x: a tensor that is made without a dtype has the default one. Which dtype does the
    docstring ask for?"""
    y, h = ssd_chunked(x, a, B, C, chunk, h0)
    return y.float(), h


@replaces("ssd_chunked")
def carry_decays_once(x, a, B, C, chunk, h0=None):
    """From chunk to chunk your old state decays by the last step alone. How many steps has a chunk, and what does each
    of them do to the state?"""

    class Wrong(Chunks):
        def carry(self, h, a):
            return torch.exp(a[:, -1])[..., None, None] * h

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def state_detached(x, a, B, C, chunk, h0=None):
    """Your values are right, and what the tokens of a chunk read of the state before it is detached: no gradient leads
    from y to h0 or to an earlier chunk. Which tokens made the state that a chunk starts with?"""

    class Wrong(Chunks):
        def at_border(self, h):
            return h.detach()

    y, _ = Wrong()(x, a, B, C, chunk, h0)
    return y, ssd_chunked(x, a, B, C, chunk, h0)[1]


@replaces("ssd_chunked")
def border_detached(x, a, B, C, chunk, h0=None):
    """Your values are right, and every chunk detaches the state that it starts with, h0 as well: no gradient leads from
    y or from the last state over the border of a chunk. Which tokens made the state that a chunk starts with?"""

    class Wrong(Chunks):
        def at_border(self, h):
            return h.detach()

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def first_chunk_reads_zeros(x, a, B, C, chunk, h0=None):
    """The tokens of your first chunk read nothing of h0, as if it were always zeros; later chunks do. What does the
    first chunk start with?"""
    y, h = ssd_chunked(x, a, B, C, chunk, h0)
    first, _ = ssd_chunked(x[:, :chunk], a[:, :chunk], B[:, :chunk], C[:, :chunk], chunk)
    return torch.cat([first, y[:, chunk:]], dim=1), h


@replaces("ssd_chunked")
def one_chunk_reads_zeros(x, a, B, C, chunk, h0=None):
    """Where one chunk holds the whole text, your y leaves out h0; with several chunks it does not. What do the tokens
    of a text read besides each other, however many chunks it has?"""
    y, h = ssd_chunked(x, a, B, C, chunk, h0)
    return (ssd_quadratic(x, a, B, C) if chunk == x.shape[1] else y), h
