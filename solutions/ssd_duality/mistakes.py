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


def other_sums(a: Tensor, segment: str) -> Tensor:
    """Sums (..., T, T) of other segments than a_{s+1} ... a_t, and -inf above the diagonal."""
    t = torch.arange(a.shape[-1])
    first, last = {
        "a_s + … + a_t": (t, t),
        "a_s + … + a_{t−1}": (t, t - 1),
        "a_{s+1} + … + a_{t−1}": (t + 1, t - 1),
        "a_{s+2} + … + a_t": (t + 2, t),
        "a_0 + … + a_t": (0 * t, t),
    }[segment]
    within = (t >= first[None, :, None]) & (t <= last[:, None, None])  # (t, s, r)
    return a[..., None, None, :].masked_fill(~within, 0.0).sum(-1).masked_fill(future(len(t)), -INF)


def matrix(L: Tensor, x: Tensor, B: Tensor, C: Tensor) -> Tensor:
    return torch.einsum("bhts,bshp->bthp", L * torch.einsum("bthn,bshn->bhts", C, B), x)


@replaces(
    "segsum",
    segment=["a_s + … + a_t", "a_s + … + a_{t−1}", "a_{s+1} + … + a_{t−1}", "a_{s+2} + … + a_t", "a_0 + … + a_t"],
    diagonal=["summed", "0"],
)
def other_segment(a, *, segment: str, diagonal: str):
    """Below the diagonal your entry (t, s) is {segment}. What does h_t = e^{a_t} h_{t−1} + x_t B_tᵀ do to what token s
    has written: which steps act on it until t?"""
    sums = other_sums(a, segment)
    return sums if diagonal == "summed" else sums.masked_fill(torch.eye(a.shape[-1], dtype=torch.bool), 0.0)


@replaces("segsum", number=["0", "−10⁴", "−10⁹", "−10³⁰", "the lowest finite number", "∞", "NaN"])
def above_the_diagonal(a, *, number: str):
    """Above the diagonal you have {number}. L = exp(segsum(a)) should be 0 there: what is the logarithm of 0?"""
    numbers = {"0": 0.0, "−10⁴": -1e4, "−10⁹": -1e9, "−10³⁰": -1e30, "∞": INF, "NaN": float("nan")}
    return segsum(a).masked_fill(future(a.shape[-1]), numbers.get(number, torch.finfo(a.dtype).min))


@replaces("segsum")
def future_not_masked(a):
    """Above the diagonal you have sums as well, with the sign reversed. May token t take anything from a later token s,
    and what should the exponential of that entry be?"""
    return torch.where(future(a.shape[-1]), -segsum(a).mT, segsum(a))


@replaces("segsum")
def diagonal_closed(a):
    """Your diagonal is −∞, so a token does not see itself. Which steps are between token t and token t, and what is the
    sum of no numbers?"""
    return segsum(a).masked_fill(torch.eye(a.shape[-1], dtype=torch.bool), -INF)


@replaces("segsum", resets=["in the sums", "counted apart"])
def running_difference(a, *, resets: str):
    """You subtract two running sums. After many steps of −50, how many digits of a small difference are left? What is
    it after a step of −∞?"""
    c = a.cumsum(-1)
    if resets == "in the sums":
        return (c[..., :, None] - c[..., None, :]).masked_fill(future(a.shape[-1]), -INF)
    n, c = torch.isneginf(a).cumsum(-1), a.masked_fill(torch.isneginf(a), 0.0).cumsum(-1)
    apart = n[..., :, None] != n[..., None, :]
    return (c[..., :, None] - c[..., None, :]).masked_fill(future(a.shape[-1]) | apart, -INF)


@replaces("segsum")
def axes_swapped(a):
    """Your result is the transpose of the right one. In entry (t, s), does the row belong to the token that reads or to
    the one that wrote?"""
    return segsum(a).mT


@replaces("segsum")
def sign_of_sums(a):
    """The sums below your diagonal have the wrong sign. Is e to the power of your entry a decay, if a is at most 0?"""
    return (-segsum(a)).masked_fill(future(a.shape[-1]), -INF)


@replaces("segsum", number=["a_t", "a_{s+1}"])
def without_sum(a, *, number: str):
    """Your entry (t, s) is {number} alone. What happens to the state in the other steps between s and t?"""
    T = a.shape[-1]
    one = a[..., :, None] if number == "a_t" else torch.roll(a, -1, -1)[..., None, :]
    return one.expand(*a.shape, T).masked_fill(torch.eye(T, dtype=torch.bool), 0.0).masked_fill(future(T), -INF)


@replaces("segsum", number=["a_t", "a_s"])
def one_number_repeated(a, *, number: str):
    """Your entry (t, s) is a multiple of {number}: the same number several times. Along which axis do the steps of a
    segment follow each other in the tensor that you sum up?"""
    T = a.shape[-1]
    steps = (a[..., :, None] if number == "a_t" else a[..., None, :]).expand(*a.shape, T)
    return steps.masked_fill(~future(T).mT, 0.0).cumsum(-1 if number == "a_t" else -2).masked_fill(future(T), -INF)


@replaces("segsum")
def already_exponentiated(a):
    """You return L itself. segsum is to give its logarithm: what is in your entries for s > t, and what should be?"""
    return segsum(a).exp()


@replaces("segsum", back=[True, False])
def sums_in_float32(a, *, back: bool):
    """float64 came into your segsum, and only the digits of float32 are right. Which of your lines names a dtype, or
    makes a tensor without one?"""
    return segsum(a.float()).to(a.dtype if back else torch.float32)


@replaces("segsum")
def sums_detached(a):
    """Your sums are right, but no gradient leads back to a. Which step of your code leaves the graph?"""
    return segsum(a.detach())


@replaces("ssd_quadratic")
def future_mask(x, a, B, C):
    """In your matrix form y_t takes from the tokens after t and from none before. Which axis of L belongs to y, and
    which to x?"""
    return matrix(torch.exp(segsum(a.mT)).mT, x, B, C)


@replaces("ssd_quadratic", scores=["B_t · C_s", "B_t · B_s", "C_t · C_s"])
def other_scores(x, a, B, C, *, scores: str):
    """The weights of your matrix form come from {scores}. Which of the two vectors reads and belongs to y_t, and which
    writes and belongs to x_s?"""
    reader, writer = (B if vector[0] == "B" else C for vector in scores.split(" · "))
    return ssd_quadratic(x, a, writer, reader)


@replaces("ssd_quadratic")
def no_decay(x, a, B, C):
    """In your matrix form a changes nothing. Which factor tells an old token from a new one?"""
    return ssd_quadratic(x, torch.zeros_like(a), B, C)


@replaces("ssd_quadratic", L=["sums of a", "products of a"])
def decay_without_exponential(x, a, B, C, *, L: str):
    """Your L holds {L}. a is the logarithm of a decay: what has to be 1 on the diagonal of L, and between 0 and 1 below
    it?"""
    T = a.shape[1]
    if L == "sums of a":
        sums = segsum(a.mT)
        return matrix(sums.masked_fill(sums == -INF, 0.0), x, B, C)
    steps = a.mT[..., :, None].expand(-1, -1, T, T).masked_fill(~future(T).mT, 1.0)
    return matrix(steps.cumprod(-2).tril(), x, B, C)


@replaces("ssd_quadratic", by=["√N", "N", "√P", "T", "the number of tokens seen"])
def scaled(x, a, B, C, *, by: str):
    """Your y is divided by {by}. Attention scales its products for the sake of a softmax: is there one here?"""
    (_, T, _, P), N = x.shape, B.shape[-1]
    divisors = {"√N": N**0.5, "N": N, "√P": P**0.5, "T": T}
    return ssd_quadratic(x, a, B, C) / divisors.get(by, torch.arange(1, T + 1, dtype=x.dtype)[:, None, None])


@replaces("ssd_quadratic", by=["1", "√N"], decay=["added", "multiplied afterwards", "none"])
def softmaxed(x, a, B, C, *, by: str, decay: str):
    """Your weights went through a softmax. May a row of L ∘ C Bᵀ hold negative numbers, and does the recurrence make
    its sum 1?"""
    scores = torch.einsum("bthn,bshn->bhts", C, B) / (B.shape[-1] ** 0.5 if by == "√N" else 1)
    sums = segsum(a.mT)
    masked = scores + sums if decay == "added" else scores.masked_fill(sums == -INF, -INF)
    weights = torch.softmax(masked, dim=-1)
    return torch.einsum("bhts,bshp->bthp", weights * sums.exp() if "multiplied" in decay else weights, x)


@replaces("ssd_quadratic", by=["L ∘ C Bᵀ", "L", "C Bᵀ"])
def normalised(x, a, B, C, *, by: str):
    """Your y is divided by the row sums of {by}, as if it were a mean of the past. Does the recurrence divide by
    anything?"""
    L, scores = torch.exp(segsum(a.mT)), torch.einsum("bthn,bshn->bhts", C, B)
    rows = {"L ∘ C Bᵀ": L * scores, "L": L, "C Bᵀ": scores.tril()}[by].sum(-1, keepdim=True)
    return torch.einsum("bhts,bshp->bthp", L * scores / rows, x)


@replaces("ssd_quadratic", a_of=["the first head", "the last head", "the mean over the heads"])
def one_decay_for_all_heads(x, a, B, C, *, a_of: str):
    """In your matrix form all heads decay alike, by the a of {a_of}. Which axis of a holds the heads, and which axes
    does L have?"""
    one = {"the first head": a[..., :1], "the last head": a[..., -1:]}.get(a_of, a.mean(-1, keepdim=True))
    return ssd_quadratic(x, one.expand_as(a), B, C)


@replaces("ssd_quadratic")
def heads_and_tokens_mixed(x, a, B, C):
    """Your heads get decays of other heads and tokens. With one head nobody sees it. view and reshape keep the numbers
    in their order: what makes (Bt, H, T) of (Bt, T, H)?"""
    Bt, T, H = a.shape
    return matrix(torch.exp(segsum(a.reshape(Bt, H, T))), x, B, C)


@replaces("ssd_quadratic", segment=["a_s + … + a_t", "a_s + … + a_{t−1}", "a_{s+1} + … + a_{t−1}", "a_0 + … + a_t"])
def other_segment_in_matrix(x, a, B, C, *, segment: str):
    """In your matrix form what token s wrote has decayed by {segment} when token t reads it. Which steps of h_t =
    e^{a_t} h_{t−1} + x_t B_tᵀ act on it?"""
    return matrix(torch.exp(other_sums(a.mT, segment)), x, B, C)


@replaces("ssd_quadratic", form=["difference", "quotient"])
def matrix_from_running_sums(x, a, B, C, *, form: str):
    """After a step of −∞ your y is NaN (matrix form). Which decay do you compute from two running sums, and what are −∞
    − (−∞) and 0 · ∞?"""
    c = a.mT.cumsum(-1)
    if form == "difference":
        L = (c[..., :, None] - c[..., None, :]).masked_fill(future(a.shape[1]), -INF).exp()
    else:
        L = (c.exp()[..., :, None] * (-c).exp()[..., None, :]).masked_fill(future(a.shape[1]), 0.0)
    return matrix(L, x, B, C)


@replaces("ssd_quadratic", axes=["Bt, H, T, P", "Bt, T, P, H"])
def axes_of_y(x, a, B, C, *, axes: str):
    """The axes of your y are ({axes}). In which order does the docstring give them?"""
    y = ssd_quadratic(x, a, B, C)
    return y.transpose(1, 2) if axes == "Bt, H, T, P" else y.mT


@replaces("ssd_quadratic", back=[True, False])
def matrix_in_float32(x, a, B, C, *, back: bool):
    """float64 came into your matrix form, and only the digits of float32 are right. Which of your lines names a dtype,
    or makes a tensor without one?"""
    return ssd_quadratic(x.float(), a.float(), B.float(), C.float()).to(x.dtype if back else torch.float32)


class Chunks:
    """ssd_chunked in parts."""

    def start(self, h0, zeros):
        return zeros if h0 is None else h0

    def at_border(self, h):
        return h

    def inside(self, x, a, B, C):
        return ssd_quadratic(x, a, B, C)

    def since_start(self, a):
        return torch.exp(a.cumsum(1))

    def until_end(self, a):
        return torch.exp(segsum(a.mT)[:, :, -1])

    def carry(self, h, a):
        return torch.exp(a.sum(1))[..., None, None] * h

    def reader(self, B, C):
        return C

    def writer(self, B, C):
        return B

    def __call__(self, x, a, B, C, chunk, h0=None):
        (Bt, _, H, P), N = x.shape, B.shape[-1]
        h, ys = self.start(h0, x.new_zeros(Bt, H, P, N)), []
        for x_, a_, B_, C_ in zip(*(tensor.split(chunk, dim=1) for tensor in (x, a, B, C)), strict=True):
            h = self.at_border(h)
            before = torch.einsum("bth,bthn,bhpn->bthp", self.since_start(a_), self.reader(B_, C_), h)
            ys.append(self.inside(x_, a_, B_, C_) + before)
            written = torch.einsum("bhs,bshp,bshn->bhpn", self.until_end(a_), x_, self.writer(B_, C_))
            h = self.carry(h, a_) + written
        return torch.cat(ys, dim=1), h


@replaces("ssd_chunked")
def no_carry(x, a, B, C, chunk, h0=None):
    """Each of your chunks leaves a state with its own tokens only. What becomes of the state that it found, in h_t =
    e^{a_t} h_{t−1} + x_t B_tᵀ?"""

    class Wrong(Chunks):
        def carry(self, h, a):
            return torch.zeros_like(h)

    return Wrong()(x, a, B, C, chunk, h0)


@replaces(
    "ssd_chunked",
    by=["nothing", "its last step alone", "its first step alone", "all steps but the first", "all steps but the last"],
)
def carry_decays_otherwise(x, a, B, C, chunk, h0=None, *, by: str):
    """From the start of a chunk to its end your old state decays by {by}. How many steps does a chunk have, and what
    does each of them do to the state?"""

    class Wrong(Chunks):
        def carry(self, h, a):
            steps = {
                "nothing": a[:, :0],
                "its last step alone": a[:, -1:],
                "its first step alone": a[:, :1],
                "all steps but the first": a[:, 1:],
                "all steps but the last": a[:, :-1],
            }[by]
            return torch.exp(steps.sum(1))[..., None, None] * h

    return Wrong()(x, a, B, C, chunk, h0)


@replaces(
    "ssd_chunked",
    by=[
        "no step",
        "the steps before t",
        "all steps up to t but the chunk's first",
        "step t alone",
        "all steps of the chunk",
    ],
)
def read_decays_otherwise(x, a, B, C, chunk, h0=None, *, by: str):
    """Token t of a chunk reads the old state as it is after {by}. By which steps of the chunk has h decayed when C_t
    reads it?"""

    class Wrong(Chunks):
        def since_start(self, a):
            sums = {
                "no step": torch.zeros_like(a),
                "the steps before t": a.cumsum(1) - a,
                "all steps up to t but the chunk's first": segsum(a.mT)[..., 0].mT,
                "step t alone": a,
                "all steps of the chunk": a.sum(1, keepdim=True).expand_as(a),
            }[by]
            return torch.exp(sums)

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked", step=["first", "last"])
def step_of_chunk_missing(x, a, B, C, chunk, h0=None, *, step: str):
    """Your old state misses one decay, of the {step} step, both where a token reads it and where it becomes the new
    state. When did it enter, before or after the chunk's first decay?"""

    class Wrong(Chunks):
        def since_start(self, a):
            return torch.exp(segsum(a.mT)[..., 0].mT if step == "first" else a.cumsum(1) - a)

        def carry(self, h, a):
            return torch.exp((a[:, 1:] if step == "first" else a[:, :-1]).sum(1))[..., None, None] * h

    return Wrong()(x, a, B, C, chunk, h0)


@replaces(
    "ssd_chunked",
    by=[
        "no step",
        "the steps from the chunk's start to it",
        "the steps from the chunk's second to it",
        "its own step and all after it",
        "its own step alone",
        "all steps of the chunk",
        "the steps after it but the last",
    ],
)
def write_decays_otherwise(x, a, B, C, chunk, h0=None, *, by: str):
    """A token of your chunk enters the new state decayed by {by}. Which steps act on what token s has written, from
    there to the chunk's end?"""

    class Wrong(Chunks):
        def until_end(self, a):
            sums = {
                "no step": torch.zeros_like(a.mT),
                "the steps from the chunk's start to it": a.cumsum(1).mT,
                "the steps from the chunk's second to it": segsum(a.mT)[..., 0],
                "its own step and all after it": segsum(a.mT)[..., -1, :] + a.mT,
                "its own step alone": a.mT,
                "all steps of the chunk": a.mT.sum(-1, keepdim=True).expand_as(a.mT),
                "the steps after it but the last": other_sums(a.mT, "a_{s+1} + … + a_{t−1}")[..., -1, :],
            }[by]
            return torch.exp(sums)

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked", form=["difference", "quotient"], where=["state", "y and state"])
def chunks_from_running_sums(x, a, B, C, chunk, h0=None, *, form: str, where: str):
    """After a step of −∞ there is NaN in what your chunks return. Which decay do you compute from two running sums, and
    what are −∞ − (−∞) and 0 · ∞?"""

    class Wrong(Chunks):
        def inside(self, x, a, B, C):
            if where == "state":
                return super().inside(x, a, B, C)
            c = a.mT.cumsum(-1)
            if form == "difference":
                return matrix((c[..., :, None] - c[..., None, :]).masked_fill(future(a.shape[1]), -INF).exp(), x, B, C)
            return matrix((c.exp()[..., :, None] * (-c).exp()[..., None, :]).tril(), x, B, C)

        def until_end(self, a):
            c = a.mT.cumsum(-1)
            return torch.exp(c[..., -1:] - c) if form == "difference" else c[..., -1:].exp() * (-c).exp()

    return Wrong()(x, a, B, C, chunk, h0)


def other_heads(a):
    """(Bt, Q, H) to (Bt, H, Q) in the wrong way."""
    return a.reshape(len(a), a.shape[2], a.shape[1])


@replaces("ssd_chunked", where=["the state is read", "the state is written", "the state is read and written"])
def decays_of_other_heads(x, a, B, C, chunk, h0=None, *, where: str):
    """Where {where} in your chunks, heads get decays of other heads and tokens. view and reshape keep the numbers in
    their order: what makes (Bt, H, Q) of (Bt, Q, H)?"""

    class Wrong(Chunks):
        def since_start(self, a):
            return torch.exp(other_heads(a).cumsum(-1)).mT if "read" in where.split() else super().since_start(a)

        def until_end(self, a):
            return super().until_end(other_heads(a).mT if "written" in where else a)

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked", where=["is read", "is written", "is carried on"])
def decays_of_first_head(x, a, B, C, chunk, h0=None, *, where: str):
    """Where the state {where} in your chunks, all heads decay by the a of the first. With one head nobody sees it:
    which axis of a holds the heads?"""

    class Wrong(Chunks):
        def since_start(self, a):
            return super().since_start(a[..., :1].expand_as(a) if where == "is read" else a)

        def until_end(self, a):
            return super().until_end(a[..., :1].expand_as(a) if where == "is written" else a)

        def carry(self, h, a):
            return super().carry(h, a[..., :1] if where == "is carried on" else a)

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked", where=["written with C", "read with B", "written with C and read with B"])
def other_vectors_between_chunks(x, a, B, C, chunk, h0=None, *, where: str):
    """Between chunks your state is {where}. Which of the two vectors does h_t = e^{a_t} h_{t−1} + x_t B_tᵀ write with,
    and which one reads?"""

    class Wrong(Chunks):
        def reader(self, B, C):
            return B if "read" in where else C

        def writer(self, B, C):
            return C if "written" in where else B

    return Wrong()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def chunk_reads_its_own_state(x, a, B, C, chunk, h0=None):
    """Your chunks read the state at their end, not the one at their start, so its tokens count twice. Which state does
    the first token of a chunk find?"""
    ys, h = [], h0
    for pieces in zip(*(tensor.split(chunk, dim=1) for tensor in (x, a, B, C)), strict=True):
        _, h = ssd_chunked(*pieces, chunk, h)
        _, a_, _, C_ = pieces
        before = torch.einsum("bth,bthn,bhpn->bthp", torch.exp(a_.cumsum(1)), C_, h)
        ys.append(ssd_quadratic(*pieces) + before)
    return torch.cat(ys, dim=1), h


@replaces("ssd_chunked")
def h0_ignored(x, a, B, C, chunk, h0=None):
    """h0 has no effect in your version. What does the first chunk find when h0 is given, and what is left of it at the
    end?"""
    return ssd_chunked(x, a, B, C, chunk)


@replaces("ssd_chunked", of=["y", "the state that you return"])
def h0_left_out(x, a, B, C, chunk, h0=None, *, of: str):
    """h0 has no effect on {of}, but it has one on the other result. How does h0 differ from the state that a later
    chunk finds?"""
    y, h = ssd_chunked(x, a, B, C, chunk, h0)
    y_alone, h_alone = ssd_chunked(x, a, B, C, chunk)
    return (y_alone, h) if of == "y" else (y, h_alone)


@replaces("ssd_chunked")
def state_before_last_chunk(x, a, B, C, chunk, h0=None):
    """The state that you return is the one that the last chunk found. What does the next text in line have to know of
    that chunk's tokens?"""
    y, _ = ssd_chunked(x, a, B, C, chunk, h0)
    T, N = x.shape[1], B.shape[-1]
    if chunk == T:
        return y, x.new_zeros(*x.shape[:1], *x.shape[2:], N) if h0 is None else h0
    return y, ssd_chunked(*(tensor[:, :-chunk] for tensor in (x, a, B, C)), chunk, h0)[1]


@replaces("ssd_chunked")
def float32_zeros(x, a, B, C, chunk, h0=None):
    """float32 and float64 meet in one product, which torch refuses. Which dtype does a tensor have that is made from
    its size alone, and which does x have?"""
    (Bt, _, H, P), N = x.shape, B.shape[-1]
    h0 = torch.zeros(Bt, H, P, N) if h0 is None else h0
    return Chunks()(x, a, B, C, chunk, h0)


@replaces("ssd_chunked")
def always_float32(x, a, B, C, chunk, h0=None):
    """float64 came into your chunks, and only the digits of float32 are right. Which of your lines names a dtype, or
    makes a tensor without one?"""
    h0 = None if h0 is None else h0.float()
    y, h = ssd_chunked(x.float(), a.float(), B.float(), C.float(), chunk, h0)
    return y.to(x.dtype), h.to(x.dtype)


@replaces("ssd_chunked", which=["y", "h", "y and h"])
def result_in_float32(x, a, B, C, chunk, h0=None, *, which: str):
    """Your {which} comes out as float32 for every x. Which dtype does the docstring ask for, and which does a tensor
    have that is made from its size alone?"""
    y, h = ssd_chunked(x, a, B, C, chunk, h0)
    return y.float() if "y" in which else y, h.float() if "h" in which else h


@replaces("ssd_chunked", ends="memory")
def one_matrix(x, a, B, C, chunk, h0=None):
    """At 8192 tokens your code needs more memory than chunks of 16 would. A matrix of the whole text has 67 million
    entries for each head: how large are the largest tensors that you make?"""
    return Chunks()(x, a, B, C, x.shape[1], h0)


@replaces("ssd_chunked")
def chunks_alone(x, a, B, C, chunk, h0=None):
    """The state that you return is right, but in y each chunk is a text of its own. Which part of y_t comes from before
    the chunk, and in which tensor is it?"""
    ys = [ssd_quadratic(*pieces) for pieces in zip(*(z.split(chunk, dim=1) for z in (x, a, B, C)), strict=True)]
    return torch.cat(ys, dim=1), ssd_chunked(x, a, B, C, chunk, h0)[1]


@replaces("ssd_chunked")
def state_transposed(x, a, B, C, chunk, h0=None):
    """The last two axes of the state that you return have changed places. In which order does h0 have P and N, which
    the next call takes?"""
    y, h = ssd_chunked(x, a, B, C, chunk, h0)
    return y, h.mT


@replaces("ssd_chunked")
def pair_reversed(x, a, B, C, chunk, h0=None):
    """You return the state first and y second. In which order does the docstring name them?"""
    return ssd_chunked(x, a, B, C, chunk, h0)[::-1]


@replaces("ssd_chunked", cut=["carry", "read", "border", "h0"])
def state_detached(x, a, B, C, chunk, h0=None, *, cut: str):
    """Your values are right, but gradients are missing: somewhere a state leaves the graph. Which arguments and which
    earlier tokens made the state that a chunk starts with?"""

    class Wrong(Chunks):
        def start(self, h0, zeros):
            h = super().start(h0, zeros)
            return h.detach() if cut == "h0" else h

        def at_border(self, h):
            return h.detach() if cut in ("read", "border") else h

        def carry(self, h, a):
            return super().carry(h, a).detach() if cut == "carry" else super().carry(h, a)

    y, h = Wrong()(x, a, B, C, chunk, h0)
    return y, ssd_chunked(x, a, B, C, chunk, h0)[1] if cut == "read" else h


@replaces("ssd_chunked")
def first_chunk_reads_zeros(x, a, B, C, chunk, h0=None):
    """The tokens of your first chunk read nothing of h0; those of later chunks do. What does the first chunk find?"""
    y, h = ssd_chunked(x, a, B, C, chunk, h0)
    first, _ = ssd_chunked(x[:, :chunk], a[:, :chunk], B[:, :chunk], C[:, :chunk], chunk)
    return torch.cat([first, y[:, chunk:]], dim=1), h


@replaces("ssd_chunked")
def one_chunk_reads_zeros(x, a, B, C, chunk, h0=None):
    """Where one chunk holds the whole text, your y leaves out h0; with several chunks it does not. What do the tokens
    of a text read besides each other, however many chunks it has?"""
    y, h = ssd_chunked(x, a, B, C, chunk, h0)
    return (ssd_quadratic(x, a, B, C) if chunk == x.shape[1] else y), h
