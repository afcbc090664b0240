"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
import torch.nn.functional as F
from hippo import hippo_legs, legs_coefficients, recall, reconstruct
from torch import Tensor

from grader.testing import replaces

# hippo_legs


@replaces("hippo_legs", lower=[False, True])
def numbers_above_the_diagonal(n, *, lower):
    """Your A has numbers above the diagonal, so that low coefficients depend on higher ones. What does the formula say
    for i < j?"""
    A, B = hippo_legs(n)
    return A.T + (A.tril(-1) if lower else 0), B


@replaces("hippo_legs", diagonal=["−i", "−(i + 2)", "−(2i + 1)", "0", "i + 1", "−1"])
def other_diagonal(n, *, diagonal):
    """On the diagonal, your A_ii is {diagonal}, with rows that count from 0. The entries for i = j have a rule of their
    own: what does it give for i = 0, 1 and 2?"""
    A, B = hippo_legs(n)
    i = torch.arange(n, dtype=A.dtype)
    values = {"−i": -i, "−(i + 2)": -i - 2, "−(2i + 1)": -2 * i - 1, "0": 0 * i, "i + 1": i + 1, "−1": 0 * i - 1}
    return A.tril(-1) + torch.diag(values[diagonal]), B


@replaces(
    "hippo_legs",
    below=["0", "√((2i+1)(2j+1))", "−(2i+1)(2j+1)", "−(2i+1)", "−(2j+1)", "−√(2i+1)", "(−1)^(i−j) √((2i+1)(2j+1))"],
)
def other_entries_below(n, *, below):
    """Below the diagonal, your A_ij is {below}, with rows and columns that count from 0. What is A_10 in the formula,
    and A_20?"""
    A, B = hippo_legs(n)
    i = torch.arange(n)
    root, row = B[:, None] * B, (B[:, None] ** 2).expand(n, n)
    values = {
        "0": 0 * root,
        "√((2i+1)(2j+1))": root,
        "−(2i+1)(2j+1)": -root.square(),
        "−(2i+1)": -row,
        "−(2j+1)": -row.T,
        "−√(2i+1)": -row.sqrt(),
        "(−1)^(i−j) √((2i+1)(2j+1))": root * (-1.0) ** (i[:, None] - i),
    }
    return values[below].tril(-1) + torch.diag(A.diag()), B


@replaces("hippo_legs")
def no_minus(n):
    """Your A is positive, and the state grows with every sample. On which side of the equation does the paper have the
    minus, and where is it here?"""
    A, B = hippo_legs(n)
    return -A, B


@replaces("hippo_legs")
def counts_from_one(n):
    """Your rows and columns count from 1, so that every root is that of the next polynomial. Which number does the
    first row have?"""
    A, B = hippo_legs(n + 1)
    below = A[1:, 1:].tril(-1)
    return below - torch.diag(torch.arange(1, n + 1, dtype=A.dtype)), B[1:]


@replaces("hippo_legs", b=["1", "2i + 1", "√(2i + 3)", "1/√(2i + 1)", "√((2i + 1)/2)"])
def other_b(n, *, b):
    """Your B_i is {b}, with i that counts from 0. What is √(2n+1) P_n(2s − 1) now, at s = 1, where every P_n is 1?"""
    A, B = hippo_legs(n)
    square = B.square()
    values = {
        "1": torch.ones_like(B),
        "2i + 1": square,
        "√(2i + 3)": (square + 2).sqrt(),
        "1/√(2i + 1)": 1 / B,
        "√((2i + 1)/2)": (square / 2).sqrt(),
    }
    return A, values[b]


@replaces("hippo_legs")
def b_column(n):
    """Your B is a column, (N, 1), as in textbooks of control. Which shape does the docstring give it?"""
    A, B = hippo_legs(n)
    return A, B[:, None]


@replaces("hippo_legs")
def in_float32(n):
    """Your A and B are float32, as torch makes numbers unless it is told otherwise. Which dtype does the docstring ask
    for?"""
    A, B = hippo_legs(n)
    return A.float(), B.float()


@replaces("hippo_legs", where=["all", "roots", "products"])
def roots_in_float32(n, *, where):
    """Your A and B are float64, but wrong from about the eighth digit on. Which dtype does torch.sqrt give for whole
    numbers, and when is it too late to make it finer?"""
    i = torch.arange(n)
    B = torch.sqrt(2 * i + 1)
    if where == "products":
        A, B = hippo_legs(n)
        return A.float().double(), B.float().double()
    B = B.double() if where == "roots" else B
    return (-torch.outer(B, B).tril(-1) - torch.diag(i + 1)).double(), B.double()


# legs_coefficients


class Online:
    """legs_coefficients in parts: those that are given are wrong, the others right."""

    def __init__(self, **parts):
        self.__dict__.update(parts)

    def step(self, t: int, T: int) -> float:
        return 1 / t

    def start(self, f: Tensor, n: int) -> Tensor:
        return f.new_zeros(*f.shape[:-1], n)

    def update(self, c: Tensor, u: Tensor, A: Tensor, B: Tensor, dt: float) -> Tensor:
        return bilinear(c, u, A, B, dt)

    def samples(self, f: Tensor) -> tuple[Tensor, ...]:
        return f.unbind(-1)

    def __call__(self, f: Tensor, n: int) -> Tensor:
        A, B = (matrix.to(f.dtype) for matrix in hippo_legs(n))
        c, cs = self.start(f, n), []
        samples = self.samples(f)
        for t, u in enumerate(samples, start=1):
            c = self.update(c, u, A, B, self.step(t, len(samples)))
            cs.append(c)
        return torch.stack(cs, dim=-2)


def solved(left: Tensor, right: Tensor) -> Tensor:
    return torch.linalg.solve(left, right[..., None])[..., 0]


def bilinear(c, u, A, B, dt, left=None, right=None):
    """One step, with other matrices on the left and on the right if they are given."""
    identity = torch.eye(len(B), dtype=c.dtype)
    left = identity - dt / 2 * A if left is None else left
    right = identity + dt / 2 * A if right is None else right
    return solved(left, c @ right.T + dt * u[..., None] * B)


@replaces("legs_coefficients", step=["1/T", "1", "1/(t + 1)", "1/(t + 1/2)", "2/t", "1/N"])
def other_step(f, n, *, step):
    """Your step at sample t is {step}. A mean over all that was heard moves less and less: by how much should the first
    sample move it, and the thousandth?"""
    steps = {
        "1/T": lambda t, T: 1 / T,
        "1": lambda t, T: 1.0,
        "1/(t + 1)": lambda t, T: 1 / (t + 1),
        "1/(t + 1/2)": lambda t, T: 1 / (t + 0.5),
        "2/t": lambda t, T: 2 / t,
        "1/N": lambda t, T: 1 / n,
    }
    return Online(step=steps[step])(f, n)


@replaces("legs_coefficients")
def t_from_zero(f, n):
    """You count t from 0, as Python does, so that there is no step 1/t for the first sample. With which t does the rule
    begin?"""
    return Online(step=lambda t, T: 1 / (t - 1))(f, n)


@replaces(
    "legs_coefficients",
    rule=[
        "A is on the right side alone (Euler's)",
        "A is on the left side alone (Euler's implicit one)",
        "A/t is on both sides",
        "the matrix with the plus is inverted",
        "the right side has the transpose of A",
        "the left side has the transpose of A",
        "both sides have the transpose of A",
        "the exponential of A/t replaces both sides",
    ],
)
def other_rule(f, n, *, rule):
    """In your rule {rule}. Which matrix multiplies c_{t−1} in the bilinear rule, and which one is inverted?"""

    def update(c, u, A, B, dt):
        one, half = torch.eye(len(B), dtype=c.dtype), dt / 2 * A
        if "exponential" in rule:
            return c @ torch.linalg.matrix_exp(dt * A).T + dt * u[..., None] * B
        left, right = {
            "A is on the right side alone (Euler's)": (one, one + 2 * half),
            "A is on the left side alone (Euler's implicit one)": (one - 2 * half, one),
            "A/t is on both sides": (one - 2 * half, one + 2 * half),
            "the matrix with the plus is inverted": (one + half, one - half),
            "the right side has the transpose of A": (one - half, (one + half).T),
            "the left side has the transpose of A": ((one - half).T, one + half),
            "both sides have the transpose of A": ((one - half).T, (one + half).T),
        }[rule]
        return bilinear(c, u, A, B, dt, left, right)

    return Online(update=update)(f, n)


@replaces(
    "legs_coefficients",
    sample=[
        "B f_t/(2t)",
        "B f_t",
        "B f_t/t, added after the solution",
        "B times the mean of f_t and f_{t−1}, over t",
        "B f_{t−1}/t",
        "f_t/t, without B",
    ],
)
def other_input(f, n, *, sample):
    """Your rule takes a sample in as {sample}. How does f_t come in, and what is inside the bracket that the inverse
    multiplies?"""
    before = F.pad(f, (1, 0))[..., :-1]
    if "f_{t−1}" in sample:
        return legs_coefficients((f + before) / 2 if "mean" in sample else before, n)
    updates = {
        "B f_t/(2t)": lambda c, u, A, B, dt: bilinear(c, u, A, B / 2, dt),
        "B f_t": lambda c, u, A, B, dt: bilinear(c, u, A, B / dt, dt),
        "B f_t/t, added after the solution": lambda c, u, A, B, dt: (
            bilinear(c, 0 * u, A, B, dt) + dt * u[..., None] * B
        ),
        "f_t/t, without B": lambda c, u, A, B, dt: bilinear(c, u, A, torch.ones_like(B), dt),
    }
    return Online(update=updates[sample])(f, n)


@replaces("legs_coefficients", t=["last", "first"])
def matrices_of_one_sample(f, n, *, t):
    """You made both matrices once, for the {t} sample, and used them at every sample. What does I − A/(2t) depend
    on?"""

    def update(c, u, A, B, dt):
        half = A / (2 * (f.shape[-1] if t == "last" else 1))
        identity = torch.eye(len(B), dtype=c.dtype)
        return bilinear(c, u, A, B, dt, identity - half, identity + half)

    return Online(update=update)(f, n)


@replaces("legs_coefficients", place=[0.0, 0.5, 1.0])
def mean_over_samples(f, n, *, place):
    """You took the integral that defines the coefficients as a mean over the samples so far, anew at each t. How does
    the rule make c_t from c_{t−1} and f_t, and where do the two differ?"""
    rows = []
    for t in range(1, f.shape[-1] + 1):
        s = (torch.arange(t, dtype=f.dtype) + place) / t
        basis = reconstruct(torch.eye(n, dtype=f.dtype), s)  # (N, t)
        rows.append((f[..., None, :t] * basis).mean(-1))
    return torch.stack(rows, dim=-2)


@replaces("legs_coefficients")
def begins_with_first_sample(f, n):
    """Your c_0 holds the first sample as if it had been there forever. Which numbers does the rule begin with?"""
    return Online(start=lambda f, n: F.pad(f[..., :1], (0, n - 1)))(f, n)


@replaces("legs_coefficients")
def late_by_one(f, n):
    """Your rows are c_0 … c_{T−1}: each was kept before its sample came in. Which sample has row 0 heard?"""
    c = legs_coefficients(f, n)
    return torch.cat([torch.zeros_like(c[..., :1, :]), c[..., :-1, :]], dim=-2)


@replaces("legs_coefficients")
def only_the_last(f, n):
    """You returned the coefficients after the last sample. After how many samples are they asked for?"""
    return legs_coefficients(f, n)[..., -1, :]


@replaces("legs_coefficients", axes=["(..., N, T)", "(T, ..., N)"])
def other_axes(f, n, *, axes):
    """Your result has the axes {axes}. Where does the docstring have T and N, and where does torch.stack put a new axis
    unless it is told otherwise?"""
    c = legs_coefficients(f, n)
    return c.mT if axes == "(..., N, T)" else c.movedim(-2, 0)


@replaces("legs_coefficients")
def one_signal_only(f, n):
    """Your loop runs over the first axis of f. That is time for a single signal: which axis is it for many?"""
    return Online(start=lambda f, n: f.new_zeros(*f.shape[1:], n), samples=lambda f: f.unbind(0))(f, n)


@replaces("legs_coefficients")
def always_float64(f, n):
    """Your result is float64 for every f, as A and B are. Which dtype does the docstring promise?"""
    return legs_coefficients(f.double(), n)


@replaces("legs_coefficients")
def always_float32(f, n):
    """You computed in float32, and a float64 signal lost half of its digits. Which dtype does your state have at
    first?"""
    return legs_coefficients(f.float(), n).to(f.dtype)


@replaces("legs_coefficients", cut=["everywhere", "between samples"])
def coefficients_detached(f, n, *, cut):
    """Your values are right, but f gets no gradient, or only a part of it. Which samples made c_t, and which line of
    yours cuts the way back to them?"""
    if cut == "everywhere":
        return legs_coefficients(f.detach(), n)
    return Online(update=lambda c, u, A, B, dt: bilinear(c.detach(), u, A, B, dt))(f, n)


# reconstruct


def polynomials(x: Tensor, N: int, rule=None) -> Tensor:
    """P_0 ... P_{N-1} at x, (N, S), each by rule(m, P_m, P_{m-1}) from two before."""
    rule = rule or (lambda m, P, before: ((2 * m + 1) * x * P - m * before) / (m + 1))
    P = [torch.ones_like(x), x]
    for m in range(1, N - 1):
        P.append(rule(m, P[m], P[m - 1]))
    return torch.stack(P[:N])


def roots(c: Tensor) -> Tensor:
    """√(2n + 1), (N, 1)."""
    return torch.sqrt(2 * torch.arange(c.shape[-1], dtype=c.dtype) + 1)[:, None]


@replaces("reconstruct", factor=["1", "2n + 1", "1/√(2n + 1)", "√((2n + 1)/2)", "√(2n + 3)"])
def other_factor(c, s, *, factor):
    """Your factor of P_n is {factor}. Which one makes the basis orthonormal on [0, 1], where the mean of P_n² is 1/(2n
    + 1)?"""
    square = roots(c).square()
    factors = {
        "1": torch.ones_like(square),
        "2n + 1": square,
        "1/√(2n + 1)": 1 / square.sqrt(),
        "√((2n + 1)/2)": (square / 2).sqrt(),
        "√(2n + 3)": (square + 2).sqrt(),
    }
    return c @ (factors[factor] * polynomials(2 * s - 1, c.shape[-1]))


@replaces("reconstruct", x=["s", "1 − 2s", "2s", "s − 1", "(s + 1)/2"])
def other_place(c, s, *, x):
    """You took P_n at {x}. P_n lives on −1 … 1 and s on 0 … 1: which x belongs to the beginning of the past, and which
    one to now?"""
    places = {"s": s, "1 − 2s": 1 - 2 * s, "2s": 2 * s, "s − 1": s - 1, "(s + 1)/2": (s + 1) / 2}
    return c @ (roots(c) * polynomials(places[x], c.shape[-1]))


@replaces(
    "reconstruct",
    rule=["Chebyshev", "one step late", "one step early", "not divided", "(m + 1) P_{m−1}", "plus", "divided by m"],
)
def other_polynomials(c, s, *, rule):
    """From degree 2 on your polynomials are not Legendre's. Which m makes P_2, and what are P_2(1) and P_2(0) by the
    rule and in your code?"""
    x = 2 * s - 1
    rules = {
        "Chebyshev": lambda m, P, before: 2 * x * P - before,
        "one step late": lambda m, P, before: ((2 * m - 1) * x * P - (m - 1) * before) / m,
        "one step early": lambda m, P, before: ((2 * m + 3) * x * P - (m + 1) * before) / (m + 2),
        "not divided": lambda m, P, before: (2 * m + 1) * x * P - m * before,
        "(m + 1) P_{m−1}": lambda m, P, before: ((2 * m + 1) * x * P - (m + 1) * before) / (m + 1),
        "plus": lambda m, P, before: ((2 * m + 1) * x * P + m * before) / (m + 1),
        "divided by m": lambda m, P, before: ((2 * m + 1) * x * P - m * before) / m,
    }
    return c @ (roots(c) * polynomials(x, c.shape[-1], rules[rule]))


@replaces("reconstruct")
def rule_of_scaled_polynomials(c, s):
    """Your rule goes on from polynomials that have their factor √(2n+1) already, so that factors pile up from degree 2
    on. For which polynomials does the rule hold?"""
    x = 2 * s - 1
    basis = [torch.ones_like(x), math.sqrt(3) * x]
    for m in range(1, c.shape[-1] - 1):
        following = ((2 * m + 1) * x * basis[m] - m * basis[m - 1]) / (m + 1)
        basis.append(math.sqrt(2 * m + 3) * following)
    return c @ torch.stack(basis[: c.shape[-1]])


@replaces("reconstruct")
def two_polynomials_at_least(c, s):
    """With N = 1 your list holds P_1 too, for which there is no coefficient. How many polynomials does N = 1 need?"""
    N = max(2, c.shape[-1])
    return c @ (torch.sqrt(2 * torch.arange(N, dtype=c.dtype) + 1)[:, None] * polynomials(2 * s - 1, N))


@replaces("reconstruct")
def powers(c, s):
    """For small N your result is right; for N = 64 no digit is left, as in sums of powers with huge coefficients that
    cancel. Which rule makes P_{m+1} without large numbers?"""
    rows = []
    for n in range(c.shape[-1]):
        terms = [(-1) ** (n + k) * math.comb(n, k) * math.comb(n + k, k) * s**k for k in range(n + 1)]
        rows.append(sum(terms))
    return c @ (roots(c) * torch.stack(rows))


@replaces("reconstruct", end=["highest", "lowest"])
def one_degree_left_out(c, s, *, end):
    """The coefficient of the {end} degree changes nothing in your result. Which degrees do N coefficients have?"""
    kept = torch.arange(c.shape[-1]) != (c.shape[-1] - 1 if end == "highest" else 0)
    return reconstruct(c * kept, s)


@replaces("reconstruct")
def places_first(c, s):
    """Your result has the places in front, (S, ...). Which axis does the docstring put last?"""
    return reconstruct(c, s).movedim(-1, 0)


@replaces("reconstruct")
def basis_in_float32(c, s):
    """Your basis went through float32, and half of the digits are lost. From where can it take its dtype?"""
    return c @ (roots(c).float() * polynomials((2 * s - 1).float(), c.shape[-1])).to(c.dtype)


@replaces("reconstruct")
def polynomial_detached(c, s):
    """Your values are right, but no gradient leads from them to c. Which line of yours cuts the way back?"""
    return reconstruct(c.detach(), s)


# recall


class Read:
    """recall in parts: those that are given are wrong, the others right."""

    def __init__(self, **parts):
        self.__dict__.update(parts)

    def bars(self, A: Tensor, B: Tensor, dt: float) -> tuple[Tensor, Tensor]:
        identity = torch.eye(len(A), dtype=A.dtype)
        left = identity - dt / 2 * A
        return torch.linalg.solve(left, identity + dt / 2 * A), torch.linalg.solve(left, dt * B)

    def states(self, A: Tensor, B: Tensor, dt: float, f: Tensor) -> Tensor:
        A, B = self.bars(A, B, dt)
        x, rows = torch.zeros_like(B), []
        for u in f:
            x = A @ x + B * u
            rows.append(x)
        return torch.stack(rows)

    def numbers(self, x: Tensor) -> Tensor:
        return torch.cat([x.real, x.imag], dim=-1) if x.is_complex() else x

    def pair(self, z: Tensor, f: Tensor, lag: int) -> tuple[Tensor, Tensor]:
        return z[lag:], f[: len(f) - lag]

    def penalty(self, z: Tensor, ridge: float, whole: Tensor) -> Tensor:
        return ridge * z.square().sum(0).mean()

    def weights(self, z: Tensor, target: Tensor, penalty: Tensor) -> Tensor:
        return torch.linalg.solve(z.T @ z + penalty * torch.eye(z.shape[1], dtype=z.dtype), z.T @ target)

    def share(self, guess: Tensor, target: Tensor, extra: Tensor) -> Tensor:
        return 1 - (target - guess).square().sum() / target.square().sum()

    def __call__(self, A, B, dt, f, lag, ridge):
        dtype = torch.promote_types(A.dtype, B.dtype)
        whole = self.numbers(self.states(A.to(dtype), B.to(dtype), dt, f))
        z, target = self.pair(whole, f, lag)
        penalty = self.penalty(z, ridge, whole)
        w = self.weights(z, target, penalty)
        return float(self.share(z @ w, target, penalty * w @ w))


@replaces(
    "recall",
    beside=[
        "the sample one step later than asked",
        "the sample one step earlier than asked",
        "the sample that comes lag steps later",
        "a zero where f has no sample that early",
        "the end of f where it has no sample that early",
    ],
)
def other_pairs(A, B, dt, f, lag, ridge=1e-6, *, beside):
    """Beside a state at t you put {beside}. With lag = 1, which sample belongs to the second state, and which states
    have none?"""
    late, early = max(lag - 1, 0), min(lag + 1, len(f) - 1)
    pairs = {
        "the sample one step later than asked": lambda z, f, lag: (z[late:], f[: len(f) - late]),
        "the sample one step earlier than asked": lambda z, f, lag: (z[early:], f[: len(f) - early]),
        "the sample that comes lag steps later": lambda z, f, lag: (z[: len(f) - lag], f[lag:]),
        "a zero where f has no sample that early": lambda z, f, lag: (z, F.pad(f, (lag, 0))[: len(f)]),
        "the end of f where it has no sample that early": lambda z, f, lag: (z, f.roll(lag)),
    }
    return Read(pair=pairs[beside])(A, B, dt, f, lag, ridge)


@replaces("recall")
def state_before_the_sample(A, B, dt, f, lag, ridge=1e-6):
    """Your state at t was kept before f_t came in. With lag 0, what can it know of f_t?"""

    def states(A, B, dt, f):
        x = Read().states(A, B, dt, f)
        return torch.cat([torch.zeros_like(x[:1]), x[:-1]])

    return Read(states=states)(A, B, dt, f, lag, ridge)


@replaces("recall", what=["samples after the fit", "samples", "samples and states"])
def centred(A, B, dt, f, lag, ridge=1e-6, *, what):
    """You subtracted the mean of the {what}, as in the R² of statistics. What does the docstring compare the guesses
    with, and what does it divide by?"""

    def pair(z, f, lag):
        z, target = Read().pair(z, f, lag)
        return z - z.mean(0) if "states" in what else z, target - target.mean()

    def share(guess, target, extra):
        around = target - target.mean()
        return 1 - (target - guess).square().sum() / around.square().sum().clamp(min=1e-300)

    read = Read(share=share) if what == "samples after the fit" else Read(pair=pair, share=share)
    return read(A, B, dt, f, lag, ridge)


@replaces("recall")
def constant_term(A, B, dt, f, lag, ridge=1e-6):
    """Your read-out has a constant term, and gets the mean of the signal for nothing. What may it read?"""
    return Read(pair=lambda z, f, lag: (F.pad(z[lag:], (0, 1), value=1.0), f[: len(f) - lag]))(A, B, dt, f, lag, ridge)


@replaces(
    "recall",
    penalty=[
        "ridge itself",
        "ridge times the sum of all z²",
        "ridge times the mean of all z²",
        "ridge times a mean of sums over all T states",
        "the square of the right one",
        "the root of the right one",
    ],
)
def other_penalty(A, B, dt, f, lag, ridge=1e-6, *, penalty):
    """Your λ is {penalty}. What does λ become with B times 1000, or with twice as many samples, and over which t and
    entries is there a sum or a mean?"""
    right = Read().penalty
    penalties = {
        "ridge itself": lambda z, ridge, whole: z.new_tensor(ridge),
        "ridge times the sum of all z²": lambda z, ridge, whole: ridge * z.square().sum(),
        "ridge times the mean of all z²": lambda z, ridge, whole: ridge * z.square().mean(),
        "ridge times a mean of sums over all T states": lambda z, ridge, whole: right(whole, ridge, whole),
        "the square of the right one": lambda z, ridge, whole: right(z, ridge, whole).square(),
        "the root of the right one": lambda z, ridge, whole: right(z, ridge, whole).sqrt(),
    }
    return Read(penalty=penalties[penalty])(A, B, dt, f, lag, ridge)


@replaces("recall")
def no_ridge(A, B, dt, f, lag, ridge=1e-6):
    """Your read-out ignores ridge: it is a plain least-squares fit. Which term keeps w small?"""

    def weights(z, target, penalty):
        return torch.linalg.lstsq(z, target[:, None], driver="gelsd").solution[:, 0]

    return Read(weights=weights)(A, B, dt, f, lag, ridge)


@replaces("recall")
def entries_on_their_own(A, B, dt, f, lag, ridge=1e-6):
    """Your read-out fits the weight of each entry of z on its own, so that entries which move together are counted
    several times. Where do the products of two different entries come in?"""

    def weights(z, target, penalty):
        return z.T @ target / (z.square().sum(0) + penalty)

    return Read(weights=weights)(A, B, dt, f, lag, ridge)


@replaces("recall")
def ridge_of_each_entry(A, B, dt, f, lag, ridge=1e-6):
    """Each entry of z has a λ of its own in your fit, ridge times its own squares. The docstring takes one λ for all: a
    mean over what?"""

    def weights(z, target, penalty):
        return torch.linalg.solve(z.T @ z + torch.diag(ridge * z.square().sum(0)), z.T @ target)

    return Read(weights=weights)(A, B, dt, f, lag, ridge)


@replaces("recall", numbers=["real parts", "imaginary parts", "absolute values", "absolute values and angles"])
def other_numbers(A, B, dt, f, lag, ridge=1e-6, *, numbers):
    """Of a complex state your read-out sees the {numbers}. Which 2N numbers does the docstring make of it?"""
    made = {
        "real parts": lambda x: x.real,
        "imaginary parts": lambda x: x.imag,
        "absolute values": torch.abs,
        "absolute values and angles": lambda x: torch.cat([x.abs(), x.angle()], dim=-1),
    }
    return Read(numbers=lambda x: made[numbers](x) if x.is_complex() else x)(A, B, dt, f, lag, ridge)


@replaces("recall", matrix=["A", "B"])
def complex_by_one_matrix(A, B, dt, f, lag, ridge=1e-6, *, matrix):
    """You looked at {matrix} alone to decide whether the state is complex. Which dtype has the sum of a real and a
    complex tensor?"""
    if matrix == "A" and not A.is_complex():
        B = B.real if B.is_complex() else B
    if matrix == "B" and not B.is_complex():
        A = A.real if A.is_complex() else A
    return Read()(A, B, dt, f, lag, ridge)


@replaces("recall")
def complex_by_values(A, B, dt, f, lag, ridge=1e-6):
    """A complex state whose imaginary parts are all 0 counts as N numbers in your read-out. By what does the docstring
    tell a complex state, by its dtype or by its values?"""
    if not any(each.is_complex() and each.imag.any() for each in (A, B)):
        A, B = A.real, B.real
    return recall(A, B, dt, f, lag, ridge)


@replaces("recall")
def step_falls(A, B, dt, f, lag, ridge=1e-6):
    """Your step falls with 1/t, as in legs_coefficients. What does the docstring of recall say about the step?"""

    def states(A, B, dt, f):
        x, rows = torch.zeros_like(B), []
        for t, u in enumerate(f, start=1):
            A_bar, B_bar = Read().bars(A, B, 1 / t)
            x = A_bar @ x + B_bar * u
            rows.append(x)
        return torch.stack(rows)

    return Read(states=states)(A, B, dt, f, lag, ridge)


@replaces(
    "recall",
    rule=[
        "Ā = I + dt A",
        "Ā = (I − dt A)⁻¹",
        "Ā = exp(dt A)",
        "Ā has dt A on both sides",
        "Ā is transposed",
        "B̄ = dt B",
        "B̄ = B",
    ],
)
def other_discretisation(A, B, dt, f, lag, ridge=1e-6, *, rule):
    """In your state {rule}. Which rule does the docstring give for Ā and for B̄?"""

    def bars(A, B, dt):
        one, (A_bar, B_bar) = torch.eye(len(A), dtype=A.dtype), Read().bars(A, B, dt)
        exponential = torch.linalg.matrix_exp(dt * A)
        return {
            "Ā = I + dt A": (one + dt * A, dt * B),
            "Ā = (I − dt A)⁻¹": (torch.linalg.inv(one - dt * A), torch.linalg.solve(one - dt * A, dt * B)),
            "Ā = exp(dt A)": (exponential, torch.linalg.solve(A, (exponential - one) @ B)),
            "Ā has dt A on both sides": Read().bars(2 * A, B, dt),
            "Ā is transposed": (A_bar.T, B_bar),
            "B̄ = dt B": (A_bar, dt * B),
            "B̄ = B": (A_bar, B),
        }[rule]

    return Read(bars=bars)(A, B, dt, f, lag, ridge)


@replaces(
    "recall",
    result=[
        "the share that is missed",
        "1 minus a quotient of lengths",
        "the squares of the guesses over those of the samples",
        "a share that counts λ w·w as missed",
    ],
)
def other_result(A, B, dt, f, lag, ridge=1e-6, *, result):
    """Your result is {result}. What does the docstring subtract from 1, and what is in its numerator and its
    denominator?"""
    shares = {
        "the share that is missed": lambda guess, f, extra: (f - guess).square().sum() / f.square().sum(),
        "1 minus a quotient of lengths": lambda guess, f, extra: 1 - (f - guess).norm() / f.norm(),
        "the squares of the guesses over those of the samples": lambda guess, f, extra: (
            guess.square().sum() / f.square().sum()
        ),
        "a share that counts λ w·w as missed": lambda guess, f, extra: (
            1 - ((f - guess).square().sum() + extra) / f.square().sum()
        ),
    }
    return Read(share=shares[result])(A, B, dt, f, lag, ridge)


@replaces("recall")
def returns_a_tensor(A, B, dt, f, lag, ridge=1e-6):
    """You returned a tensor with one number. What makes a Python float of it?"""
    return torch.tensor(recall(A, B, dt, f, lag, ridge), dtype=torch.float64)
