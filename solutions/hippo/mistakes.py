"""Wrong versions that students write. Each docstring is the advice that such a student reads."""

import math

import torch
from hippo import hippo_legs, legs_coefficients, recall, reconstruct
from torch import Tensor

from grader.testing import replaces


@replaces("hippo_legs")
def upper_triangle(n):
    """Your A is upper triangular, so low coefficients depend on higher ones. The mean of a signal knows nothing of its
    slope: which triangle is that?"""
    A, B = hippo_legs(n)
    return A.T, B


@replaces("hippo_legs")
def full_square(n):
    """Your A has the products of roots above the diagonal too. What does the formula say for i < j?"""
    A, B = hippo_legs(n)
    return A + A.T - torch.diag(A.diag()), B


@replaces("hippo_legs")
def diagonal_from_zero(n):
    """Your diagonal is 0, −1, −2, … Rows count from 0: what is −(i + 1) in the first one?"""
    A, B = hippo_legs(n)
    return A + torch.eye(n, dtype=A.dtype), B


@replaces("hippo_legs")
def full_root_diagonal(n):
    """Your diagonal follows the rule of the entries below it and is −(2i + 1). The entry for i = j has a rule of its
    own: how do the two differ?"""
    A, B = hippo_legs(n)
    return A - torch.diag(torch.arange(n, dtype=A.dtype)), B


@replaces("hippo_legs")
def no_diagonal(n):
    """Your diagonal is 0: tril(-1) leaves it out, and nothing was put in its place. Which numbers stand there?"""
    A, B = hippo_legs(n)
    return A.tril(-1), B


@replaces("hippo_legs")
def only_diagonal(n):
    """Your A has its diagonal and nothing below, so no coefficient hears of the lower ones. What does the formula say
    for i > j?"""
    A, B = hippo_legs(n)
    return torch.diag(A.diag()), B


@replaces("hippo_legs")
def no_minus(n):
    """Your A is positive, and the state grows with every sample. On which side of the equation does the paper have the
    minus, and where does S4 have it?"""
    A, B = hippo_legs(n)
    return -A, B


@replaces("hippo_legs")
def positive_diagonal(n):
    """Below the diagonal your A has its minus, and on the diagonal it has none. Which sign does −(i + 1) have?"""
    A, B = hippo_legs(n)
    return A - 2 * torch.diag(A.diag()), B


@replaces("hippo_legs")
def positive_below(n):
    """On the diagonal your A has its minus, and below it has none. To which entries does the sign in front of the root
    belong?"""
    A, B = hippo_legs(n)
    return 2 * torch.diag(A.diag()) - A, B


@replaces("hippo_legs")
def alternating_signs(n):
    """Your signs alternate from one diagonal to the next, as they do for a window of fixed length (LegT). Which signs
    does LegS have?"""
    A, B = hippo_legs(n)
    i = torch.arange(n)
    return A * (-1.0) ** (i[:, None] - i), B


@replaces("hippo_legs")
def root_missing(n):
    """You multiplied (2i + 1)(2j + 1) and took no root. With which factor is P_n of length 1?"""
    A, B = hippo_legs(n)
    return torch.where(torch.ones(n, n, dtype=torch.bool).tril(-1), -(B[:, None] * B).square(), A), B


@replaces("hippo_legs")
def unnormalised(n):
    """Your entries below the diagonal are −(2i + 1), those of polynomials that are not normalised. With which factor
    does this exercise take P_n, and what does it make of A?"""
    A, B = hippo_legs(n)
    return torch.where(torch.ones(n, n, dtype=torch.bool).tril(-1), -(B[:, None] ** 2).expand(n, n), A), B


@replaces("hippo_legs")
def counts_from_one(n):
    """Your rows and columns count from 1, so every root is that of the next polynomial. Which number has the first
    row?"""
    A, B = hippo_legs(n + 1)
    below = A[1:, 1:].tril(-1)
    return below - torch.diag(torch.arange(1, n + 1, dtype=A.dtype)), B[1:]


@replaces("hippo_legs")
def b_ones(n):
    """Your B is 1 everywhere. Higher coefficients take the new sample with more weight: how large is √(2n+1) P_n at
    its right end?"""
    A, B = hippo_legs(n)
    return A, torch.ones_like(B)


@replaces("hippo_legs")
def b_without_root(n):
    """Your B is 2i + 1. What is √(2n+1) P_n at s = 1, where P_n is 1?"""
    A, B = hippo_legs(n)
    return A, B.square()


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


@replaces("hippo_legs")
def roots_in_float32(n):
    """Your A and B are float64, and were computed in float32: they are wrong from the eighth digit on. Which dtype does
    torch.sqrt give for whole numbers, and when is it too late to make it finer?"""
    i = torch.arange(n)
    B = torch.sqrt(2 * i + 1)
    A = -torch.outer(B, B).tril(-1) - torch.diag(i + 1)
    return A.double(), B.double()


@replaces("hippo_legs")
def roots_of_float32(n):
    """Your A and B are float64, and they are made of roots in float32, which are wrong from the eighth digit on. Which
    dtype does torch.sqrt give for whole numbers, and when is it too late to make it finer?"""
    i = torch.arange(n)
    B = torch.sqrt(2 * i + 1).double()
    return -torch.outer(B, B).tril(-1) - torch.diag(i + 1), B


@replaces("hippo_legs")
def root_of_the_product_in_float32(n):
    """Your A and B are float64, and their roots were rounded to float32: they are wrong from the eighth digit on. Which
    dtype does torch.sqrt give for whole numbers, and when is it too late to make it finer?"""
    A, B = hippo_legs(n)
    return A.float().double(), B.float().double()


class Online:
    """legs_coefficients in parts: a mistake gets one of them wrong."""

    def matrices(self, n: int) -> tuple[Tensor, Tensor]:
        return hippo_legs(n)

    def step(self, t: int, T: int) -> float:
        return 1 / t

    def start(self, f: Tensor, n: int) -> Tensor:
        return f.new_zeros(*f.shape[:-1], n)

    def update(self, c: Tensor, u: Tensor, A: Tensor, B: Tensor, dt: float) -> Tensor:
        identity = torch.eye(len(B), dtype=c.dtype)
        right = c @ (identity + dt / 2 * A).T + dt * u[..., None] * B
        return torch.linalg.solve(identity - dt / 2 * A, right[..., None])[..., 0]

    def samples(self, f: Tensor) -> tuple[Tensor, ...]:
        return f.unbind(-1)

    def __call__(self, f: Tensor, n: int) -> Tensor:
        A, B = (matrix.to(f.dtype) for matrix in self.matrices(n))
        c, cs = self.start(f, n), []
        samples = self.samples(f)
        for t, u in enumerate(samples, start=1):
            c = self.update(c, u, A, B, self.step(t, len(samples)))
            cs.append(c)
        return torch.stack(cs, dim=-2)


@replaces("legs_coefficients")
def fixed_step(f, n):
    """Your step is 1/T at every sample. A mean over all that was heard moves less and less: by how much does the
    thousandth sample move it?"""

    class Wrong(Online):
        def step(self, t, T):
            return 1 / T

    return Wrong()(f, n)


@replaces("legs_coefficients")
def step_of_one(f, n):
    """Your step is 1 at every sample: nothing is divided by t. Where does t stand in the equation?"""

    class Wrong(Online):
        def step(self, t, T):
            return 1.0

    return Wrong()(f, n)


@replaces("legs_coefficients")
def first_sample_is_second(f, n):
    """Your first sample comes at t = 2. With which t does the rule begin?"""

    class Wrong(Online):
        def step(self, t, T):
            return 1 / (t + 1)

    return Wrong()(f, n)


@replaces("legs_coefficients")
def t_from_zero(f, n):
    """You count t from 0, as Python does, and the step 1/t of the first sample does not exist. With which t does the
    rule begin?"""

    class Wrong(Online):
        def step(self, t, T):
            return 1 / (t - 1)

    return Wrong()(f, n)


@replaces("legs_coefficients")
def euler(f, n):
    """Your rule is Euler's: A stands on the right only. At t = 1 with N = 16 one such step multiplies by −15. On which
    sides does the bilinear rule have A?"""

    class Wrong(Online):
        def update(self, c, u, A, B, dt):
            return c + dt * (c @ A.T + u[..., None] * B)

    return Wrong()(f, n)


@replaces("legs_coefficients")
def backward_euler(f, n):
    """Your rule is the implicit one of Euler: A stands on the left only. On which sides does the bilinear rule have A,
    and how much of it on each?"""

    class Wrong(Online):
        def update(self, c, u, A, B, dt):
            right = c + dt * u[..., None] * B
            return torch.linalg.solve(torch.eye(len(B), dtype=c.dtype) - dt * A, right[..., None])[..., 0]

    return Wrong()(f, n)


@replaces("legs_coefficients")
def whole_steps(f, n):
    """You have A/t on both sides, which together is two steps of A. Which share of a step is on each side?"""

    class Wrong(Online):
        def update(self, c, u, A, B, dt):
            return super().update(c, u, 2 * A, B, dt)

    return Wrong()(f, n)


@replaces("legs_coefficients")
def half_input(f, n):
    """Your sample comes in with B f_t / (2t). The two halves of the rule are those of A: how often does f_t come
    in?"""

    class Wrong(Online):
        def update(self, c, u, A, B, dt):
            return super().update(c, u, A, B / 2, dt)

    return Wrong()(f, n)


@replaces("legs_coefficients")
def input_without_step(f, n):
    """Your sample comes in with B f_t, whatever t is. What is B f_t divided by?"""

    class Wrong(Online):
        def update(self, c, u, A, B, dt):
            return super().update(c, u, A, B / dt, dt)

    return Wrong()(f, n)


@replaces("legs_coefficients")
def input_not_solved(f, n):
    """You solved for the old coefficients and added B f_t / t afterwards. What stands inside of the bracket behind the
    inverse?"""

    class Wrong(Online):
        def update(self, c, u, A, B, dt):
            return super().update(c, torch.zeros_like(u), A, B, dt) + dt * u[..., None] * B

    return Wrong()(f, n)


@replaces("legs_coefficients")
def sides_swapped(f, n):
    """You multiply by I − A/(2t) and solve with I + A/(2t). Which of the two is inverted in the rule?"""

    class Wrong(Online):
        def update(self, c, u, A, B, dt):
            identity = torch.eye(len(B), dtype=c.dtype)
            right = c @ (identity - dt / 2 * A).T + dt * u[..., None] * B
            return torch.linalg.solve(identity + dt / 2 * A, right[..., None])[..., 0]

    return Wrong()(f, n)


@replaces("legs_coefficients")
def row_times_matrix(f, n):
    """You multiplied the rows c by I + A/(2t) from the right, which is its transpose times c. What makes M c of c @ …,
    if c lies in the last axis?"""

    class Wrong(Online):
        def update(self, c, u, A, B, dt):
            identity = torch.eye(len(B), dtype=c.dtype)
            right = c @ (identity + dt / 2 * A) + dt * u[..., None] * B
            return torch.linalg.solve(identity - dt / 2 * A, right[..., None])[..., 0]

    return Wrong()(f, n)


@replaces("legs_coefficients")
def solved_transposed(f, n):
    """You solved with the transpose of I − A/(2t): as an upper triangle, or as rows from the other side. Which
    coefficient can be solved for first, the lowest or the highest?"""

    class Wrong(Online):
        def update(self, c, u, A, B, dt):
            identity = torch.eye(len(B), dtype=c.dtype)
            right = c @ (identity + dt / 2 * A).T + dt * u[..., None] * B
            return torch.linalg.solve((identity - dt / 2 * A).T, right[..., None])[..., 0]

    return Wrong()(f, n)


@replaces("legs_coefficients")
def matrices_at_the_end(f, n):
    """You made both matrices once, for the last t, and used them at every sample. On what does I − A/(2t) depend?"""

    class Wrong(Online):
        def update(self, c, u, A, B, dt):
            T = f.shape[-1]
            identity = torch.eye(len(B), dtype=c.dtype)
            right = c @ (identity + A / (2 * T)).T + dt * u[..., None] * B
            return torch.linalg.solve(identity - A / (2 * T), right[..., None])[..., 0]

    return Wrong()(f, n)


@replaces("legs_coefficients")
def mean_over_samples(f, n):
    """You took the integral that defines the coefficients for a mean over the samples so far, anew at each t. The
    contract has a rule that makes c_t of c_{t−1} and f_t: the two differ as long as t is small."""
    T = f.shape[-1]
    rows = []
    for t in range(1, T + 1):
        s = (torch.arange(t, dtype=f.dtype) + 0.5) / t  # the middles of t pieces of the past
        basis = torch.stack([reconstruct(torch.eye(n, dtype=f.dtype)[i], s) for i in range(n)])  # (N, t)
        rows.append((f[..., None, :t] * basis).mean(-1))
    return torch.stack(rows, dim=-2)


@replaces("legs_coefficients")
def begins_with_first_sample(f, n):
    """Your c_0 holds the first sample as if it had been there forever. Which numbers does the contract begin with?"""

    class Wrong(Online):
        def start(self, f, n):
            return torch.nn.functional.pad(f[..., :1], (0, n - 1))

    return Wrong()(f, n)


@replaces("legs_coefficients")
def trapezoid_input(f, n):
    """You took the mean of the last two samples for f_t, as a trapezoid rule would for the input too. Which sample
    does the formula of c_t name?"""

    class Wrong(Online):
        def samples(self, f):
            before = torch.nn.functional.pad(f, (1, 0))[..., :-1]
            return ((f + before) / 2).unbind(-1)

    return Wrong()(f, n)


@replaces("legs_coefficients")
def late_by_one(f, n):
    """Your rows are c_0 … c_{T−1}: each was kept before its sample came in. Which sample has row 0 heard?"""
    c = legs_coefficients(f, n)
    return torch.cat([torch.zeros_like(c[..., :1, :]), c[..., :-1, :]], dim=-2)


@replaces("legs_coefficients")
def only_the_last(f, n):
    """You returned the coefficients after the last sample. After how many samples are they asked for?"""
    return legs_coefficients(f, n)[..., -1, :]


@replaces("legs_coefficients")
def time_last(f, n):
    """Your result is (..., N, T). Which axis does the docstring put last?"""
    return legs_coefficients(f, n).mT


@replaces("legs_coefficients")
def time_first(f, n):
    """Your result has the time in front of all other axes: torch.stack puts a new axis first unless it is told
    otherwise. Where does the docstring have T?"""
    return legs_coefficients(f, n).movedim(-2, 0)


@replaces("legs_coefficients")
def one_signal_only(f, n):
    """Your loop runs over the first axis of f. That is time for a single signal: which axis is it for many?"""

    class Wrong(Online):
        def start(self, f, n):
            return f.new_zeros(*f.shape[1:], n)

        def samples(self, f):
            return f.unbind(0)

    return Wrong()(f, n)


@replaces("legs_coefficients")
def always_float64(f, n):
    """Your result is float64 for every f, since A and B are. Which dtype does the docstring promise?"""
    return legs_coefficients(f.double(), n)


@replaces("legs_coefficients")
def always_float32(f, n):
    """You computed in float32, and a float64 signal lost half of its digits. Which dtype has your state at first?"""
    return legs_coefficients(f.float(), n).to(f.dtype)


@replaces("legs_coefficients")
def coefficients_detached(f, n):
    """Your values are right, and no gradient leads from them to f: numbers were copied, or the graph was switched off.
    Which step leaves the graph?"""
    return legs_coefficients(f.detach(), n)


@replaces("legs_coefficients")
def state_detached(f, n):
    """Your values are right, and a sample gets a gradient from its own coefficients only: the state was detached from
    one sample to the next. Which samples made c_{t−1}?"""

    class Wrong(Online):
        def update(self, c, u, A, B, dt):
            return super().update(c.detach(), u, A, B, dt)

    return Wrong()(f, n)


def polynomials(x: Tensor, N: int) -> Tensor:
    """P_0 ... P_{N-1} at x, (N, S), as they should be."""
    P = [torch.ones_like(x), x]
    for m in range(1, N - 1):
        P.append(((2 * m + 1) * x * P[m] - m * P[m - 1]) / (m + 1))
    return torch.stack(P[:N])


def roots(c: Tensor) -> Tensor:
    """√(2n + 1), (N, 1)."""
    return torch.sqrt(2 * torch.arange(c.shape[-1], dtype=c.dtype) + 1)[:, None]


@replaces("reconstruct")
def series_without_roots(c, s):
    """You added up c_n P_n(2s − 1). The basis has length 1 only with its factor: which one?"""
    return c @ polynomials(2 * s - 1, c.shape[-1])


@replaces("reconstruct")
def roots_not_taken(c, s):
    """Your factor of P_n is 2n + 1. What makes the basis orthonormal on [0, 1]?"""
    return c @ (roots(c).square() * polynomials(2 * s - 1, c.shape[-1]))


@replaces("reconstruct")
def divided_by_roots(c, s):
    """You divided by √(2n+1). The coefficients belong to √(2n+1) P_n: what undoes the projection on an orthonormal
    basis?"""
    return c @ (polynomials(2 * s - 1, c.shape[-1]) / roots(c))


@replaces("reconstruct")
def orthonormal_on_two(c, s):
    """Your factor is √((2n+1)/2), which makes P_n orthonormal on [−1, 1]. How long is the interval of s?"""
    return c @ (roots(c) / math.sqrt(2) * polynomials(2 * s - 1, c.shape[-1]))


@replaces("reconstruct")
def degrees_from_one(c, s):
    """Your factor of P_n is that of P_{n+1}: the degrees were counted from 1. Which degree does c_0 belong to?"""
    factors = torch.sqrt(roots(c).square() + 2)
    return c @ (factors * polynomials(2 * s - 1, c.shape[-1]))


@replaces("reconstruct")
def no_stretch(c, s):
    """You took P_n at s. P_n lives on −1 … 1 and s on 0 … 1: which x belongs to the beginning of the past?"""
    return c @ (roots(c) * polynomials(s, c.shape[-1]))


@replaces("reconstruct")
def time_backwards(c, s):
    """Your polynomial runs backwards: the odd degrees have changed their sign. At which end of −1 … 1 is now?"""
    return c @ (roots(c) * polynomials(1 - 2 * s, c.shape[-1]))


@replaces("reconstruct")
def chebyshev(c, s):
    """Your polynomials are Chebyshev's: P_{m+1} = 2x P_m − P_{m−1} has no m in it. Which numbers does Legendre's rule
    have?"""
    x = 2 * s - 1
    P = [torch.ones_like(x), x]
    for m in range(1, c.shape[-1] - 1):
        P.append(2 * x * P[m] - P[m - 1])
    return c @ (roots(c) * torch.stack(P[: c.shape[-1]]))


@replaces("reconstruct")
def rule_one_off(c, s):
    """Your rule for P_{m+1} has the numbers of the step before, so P_2 is wrong already. With m for the degree that
    you have, what stands in front of x P_m?"""
    x = 2 * s - 1
    P = [torch.ones_like(x), x]
    for m in range(1, c.shape[-1] - 1):
        P.append(((2 * m - 1) * x * P[m] - (m - 1) * P[m - 1]) / m)
    return c @ (roots(c) * torch.stack(P[: c.shape[-1]]))


@replaces("reconstruct")
def rule_of_the_next_step(c, s):
    """Your rule makes P_2 with the numbers of P_3, and all degrees from 2 on are wrong. The rule makes P_{m+1} of P_m:
    which m makes P_2, and where does yours begin to count?"""
    x = 2 * s - 1
    P = [torch.ones_like(x), x]
    for m in range(2, c.shape[-1]):
        P.append(((2 * m + 1) * x * P[m - 1] - m * P[m - 2]) / (m + 1))
    return c @ (roots(c) * torch.stack(P[: c.shape[-1]]))


@replaces("reconstruct")
def rule_of_scaled_polynomials(c, s):
    """Your rule goes on from polynomials that have their factor √(2n+1) already, so from degree 2 on factors pile up.
    For which polynomials does the rule hold, and when may the factor come?"""
    x = 2 * s - 1
    basis = [torch.ones_like(x), math.sqrt(3) * x]
    for m in range(1, c.shape[-1] - 1):
        following = ((2 * m + 1) * x * basis[m] - m * basis[m - 1]) / (m + 1)
        basis.append(math.sqrt(2 * m + 3) * following)
    return c @ torch.stack(basis[: c.shape[-1]])


@replaces("reconstruct")
def not_divided(c, s):
    """Your rule does not divide by m + 1, and the polynomials grow like factorials. What is P_n at x = 1 for every
    n?"""
    x = 2 * s - 1
    P = [torch.ones_like(x), x]
    for m in range(1, c.shape[-1] - 1):
        P.append((2 * m + 1) * x * P[m] - m * P[m - 1])
    return c @ (roots(c) * torch.stack(P[: c.shape[-1]]))


@replaces("reconstruct")
def two_polynomials_at_least(c, s):
    """With N = 1 your list holds P_1 too, for which there is no coefficient. How many polynomials does N = 1 need?"""
    return c @ torch.stack(list(polynomials(2 * s - 1, max(2, c.shape[-1])))).mul(
        torch.sqrt(2 * torch.arange(max(2, c.shape[-1]), dtype=c.dtype) + 1)[:, None]
    )


@replaces("reconstruct")
def powers(c, s):
    """You wrote the polynomials out in powers. For small N that is right; for N = 64 huge coefficients cancel, and no
    digit is left. Which rule makes P_{m+1} without large numbers?"""
    rows = []
    for n in range(c.shape[-1]):
        terms = [(-1) ** (n + k) * math.comb(n, k) * math.comb(n + k, k) * s**k for k in range(n + 1)]
        rows.append(sum(terms))
    return c @ (roots(c) * torch.stack(rows))


@replaces("reconstruct")
def last_degree_left_out(c, s):
    """The coefficient of the highest degree changes nothing in your result. Which degrees do N coefficients have?"""
    N = c.shape[-1]
    return c[..., : N - 1] @ (roots(c) * polynomials(2 * s - 1, N))[: N - 1]


@replaces("reconstruct")
def places_first(c, s):
    """Your result has the places in front, (S, ...). Which axis does the docstring put last?"""
    return reconstruct(c, s).movedim(-1, 0)


@replaces("reconstruct")
def basis_in_float32(c, s):
    """Your basis went through float32, and half of the digits are lost. From where can the degrees take their
    dtype?"""
    return c @ (roots(c).float() * polynomials((2 * s - 1).float(), c.shape[-1])).to(c.dtype)


@replaces("reconstruct")
def polynomial_detached(c, s):
    """Your values are right, and no gradient leads from them to c: a round trip through NumPy, or a detach. Which step
    leaves the graph?"""
    return reconstruct(c.detach(), s)


class Read:
    """recall in parts: a mistake gets one of them wrong."""

    def bars(self, A: Tensor, B: Tensor, dt: float) -> tuple[Tensor, Tensor]:
        identity = torch.eye(len(A), dtype=A.dtype)
        left = identity - dt / 2 * A
        return torch.linalg.solve(left, identity + dt / 2 * A), torch.linalg.solve(left, dt * B)

    def step(self, x: Tensor, u: Tensor, A: Tensor, B: Tensor) -> Tensor:
        return A @ x + B * u

    def states(self, A: Tensor, B: Tensor, dt: float, f: Tensor) -> Tensor:
        A, B = self.bars(A, B, dt)
        x, rows = torch.zeros_like(B), []
        for u in f:
            x = self.step(x, u, A, B)
            rows.append(x)
        return torch.stack(rows)

    def numbers(self, x: Tensor) -> Tensor:
        return torch.cat([x.real, x.imag], dim=-1) if x.is_complex() else x

    def pair(self, z: Tensor, f: Tensor, lag: int) -> tuple[Tensor, Tensor]:
        return z[lag:], f[: len(f) - lag]

    def penalty(self, z: Tensor, ridge: float) -> Tensor:
        return ridge * z.square().sum(0).mean()

    def share(self, missed: Tensor, target: Tensor) -> Tensor:
        return 1 - missed.square().sum() / target.square().sum()

    def fit(self, z: Tensor, target: Tensor, ridge: float) -> Tensor:
        square = z.T @ z + self.penalty(z, ridge) * torch.eye(z.shape[1], dtype=z.dtype)
        return target - z @ torch.linalg.solve(square, z.T @ target)

    def __call__(self, A, B, dt, f, lag, ridge):
        dtype = torch.promote_types(A.dtype, B.dtype)
        z = self.numbers(self.states(A.to(dtype), B.to(dtype), dt, f))
        z, target = self.pair(z, f, lag)
        return float(self.share(self.fit(z, target, ridge), target))


@replaces("recall")
def lag_off_by_one(A, B, dt, f, lag, ridge=1e-6):
    """Beside each state you put the sample that came one step later than asked. With lag 1, which sample stands beside
    the second state?"""

    class Wrong(Read):
        def pair(self, z, f, lag):
            lag = max(lag - 1, 0)
            return z[lag:], f[: len(f) - lag]

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def zero_imaginary_parts_dropped(A, B, dt, f, lag, ridge=1e-6):
    """A complex state whose imaginary parts are all 0 counts as N numbers in your read-out, and λ is a mean over 2N. By
    what does the docstring tell a complex state, by its dtype or by its values?"""
    if not any(each.is_complex() and each.imag.any() for each in (A, B)):
        A, B = A.real, B.real
    return recall(A, B, dt, f, lag, ridge)


@replaces("recall")
def lag_one_more(A, B, dt, f, lag, ridge=1e-6):
    """Beside each state you put the sample that came one step earlier than asked. With lag 0, which sample stands
    beside the first state?"""

    class Wrong(Read):
        def pair(self, z, f, lag):
            lag = min(lag + 1, len(f) - 1)
            return z[lag:], f[: len(f) - lag]

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def guesses_the_future(A, B, dt, f, lag, ridge=1e-6):
    """Your read-out guesses the sample that comes lag steps later. Which of the two is older, f_{t−lag} or the state
    at t?"""

    class Wrong(Read):
        def pair(self, z, f, lag):
            return z[: len(f) - lag], f[lag:]

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def missing_samples_as_zeros(A, B, dt, f, lag, ridge=1e-6):
    """You kept the first states and put zeros beside them, since f has no sample that early. Over which t does the sum
    run?"""

    class Wrong(Read):
        def pair(self, z, f, lag):
            return z, torch.cat([torch.zeros_like(f[:lag]), f[: len(f) - lag]])

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def samples_rolled(A, B, dt, f, lag, ridge=1e-6):
    """You rolled f by lag steps, so the first states stand beside its end. Over which t does the sum run?"""

    class Wrong(Read):
        def pair(self, z, f, lag):
            return z, f.roll(lag)

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def state_before_the_sample(A, B, dt, f, lag, ridge=1e-6):
    """Your state at t was kept before f_t came in. With lag 0, what can it know of f_t?"""

    class Wrong(Read):
        def states(self, A, B, dt, f):
            x = super().states(A, B, dt, f)
            return torch.cat([torch.zeros_like(x[:1]), x[:-1]])

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def centred(A, B, dt, f, lag, ridge=1e-6):
    """You divided by the squares around the mean, as the R² of statistics does. What does the docstring divide by?"""

    class Wrong(Read):
        def share(self, missed, target):
            return 1 - missed.square().sum() / (target - target.mean()).square().sum().clamp(min=1e-300)

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def samples_centred(A, B, dt, f, lag, ridge=1e-6):
    """You subtracted the mean of the samples before the fit. What does the docstring compare the guesses with?"""

    class Wrong(Read):
        def pair(self, z, f, lag):
            z, target = super().pair(z, f, lag)
            return z, target - target.mean()

        def share(self, missed, target):
            return 1 - missed.square().sum() / target.square().sum().clamp(min=1e-300)

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def constant_term(A, B, dt, f, lag, ridge=1e-6):
    """Your read-out has a constant term, and gets the mean of the signal for nothing. What may it read?"""

    class Wrong(Read):
        def fit(self, z, target, ridge):
            return super().fit(torch.cat([z, torch.ones_like(z[:, :1])], dim=1), target, ridge)

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def ridge_absolute(A, B, dt, f, lag, ridge=1e-6):
    """Your λ is ridge itself. Multiply B by 1000: the state knows no more than before, and your number changes. To
    what is λ relative?"""

    class Wrong(Read):
        def penalty(self, z, ridge):
            return z.new_tensor(ridge)

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def ridge_of_the_sum(A, B, dt, f, lag, ridge=1e-6):
    """Your λ is ridge times the squares of all entries of z together. The mean over the entries is asked for: how many
    are there?"""

    class Wrong(Read):
        def penalty(self, z, ridge):
            return ridge * z.square().sum()

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def ridge_of_the_mean(A, B, dt, f, lag, ridge=1e-6):
    """Your λ is ridge times the mean of z² over entries and times. Over which of the two does the docstring add up?"""

    class Wrong(Read):
        def penalty(self, z, ridge):
            return ridge * z.square().mean()

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def ridge_over_all_times(A, B, dt, f, lag, ridge=1e-6):
    """Your λ counts the squares of all T states, also of those that have no sample lag steps earlier. Over which t do
    all sums run?"""

    class Wrong(Read):
        def pair(self, z, f, lag):
            self.all = z
            return super().pair(z, f, lag)

        def penalty(self, z, ridge):
            return super().penalty(self.all, ridge)

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def ridge_squared(A, B, dt, f, lag, ridge=1e-6):
    """Your ridge came in as a square: rows of √λ below Z belong to λ, rows of λ to λ². Which power of λ stands in
    front of w·w?"""

    class Wrong(Read):
        def penalty(self, z, ridge):
            return super().penalty(z, ridge).square()

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def no_ridge(A, B, dt, f, lag, ridge=1e-6):
    """Your read-out ignores ridge: it is a plain least-squares fit. Which term keeps w small?"""

    class Wrong(Read):
        def fit(self, z, target, ridge):
            w = torch.linalg.lstsq(z, target[:, None], driver="gelsd").solution
            return target - (z @ w)[:, 0]

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def entries_on_their_own(A, B, dt, f, lag, ridge=1e-6):
    """Your read-out fits the weight of each entry of z on its own, and the guesses add up to too much: entries that
    move together are counted several times. Where do the products of two different entries come in?"""

    class Wrong(Read):
        def fit(self, z, target, ridge):
            w = z.T @ target / (z.square().sum(0) + self.penalty(z, ridge))
            return target - z @ w

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def ridge_of_each_entry(A, B, dt, f, lag, ridge=1e-6):
    """Each entry of z has a λ of its own in your fit, ridge times its own squares. The docstring takes one λ for all:
    a mean over what?"""

    class Wrong(Read):
        def fit(self, z, target, ridge):
            square = z.T @ z + torch.diag(ridge * z.square().sum(0))
            return target - z @ torch.linalg.solve(square, z.T @ target)

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def penalty_in_the_error(A, B, dt, f, lag, ridge=1e-6):
    """The error that you divide holds λ w·w too. It is there to find w: what does the line of the result count?"""

    class Wrong(Read):
        def fit(self, z, target, ridge):
            penalty = self.penalty(z, ridge)
            w = torch.linalg.solve(z.T @ z + penalty * torch.eye(z.shape[1], dtype=z.dtype), z.T @ target)
            return torch.cat([target - z @ w, penalty.sqrt() * w])

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def imaginary_part_lost(A, B, dt, f, lag, ridge=1e-6):
    """Your read-out sees the real parts of a complex state and no more. A complex number is two: which other one is
    there?"""

    class Wrong(Read):
        def numbers(self, x):
            return x.real if x.is_complex() else x

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def absolute_values(A, B, dt, f, lag, ridge=1e-6):
    """Your read-out sees how large the complex numbers of the state are, and not where they point. Which two numbers
    does the docstring make of each?"""

    class Wrong(Read):
        def numbers(self, x):
            return x.abs() if x.is_complex() else x

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def complex_part_of_the_system(A, B, dt, f, lag, ridge=1e-6):
    """You looked at A alone to decide whether the state is complex. A real A with a complex B has a complex state:
    which dtype has the sum of both?"""
    if B.is_complex() and not A.is_complex():
        B = B.real
    return Read()(A, B, dt, f, lag, ridge)


@replaces("recall")
def step_falls(A, B, dt, f, lag, ridge=1e-6):
    """Your step falls with 1/t, as in legs_coefficients. What does the docstring of recall say about the step?"""

    class Wrong(Read):
        def states(self, A, B, dt, f):
            x, rows = torch.zeros_like(B), []
            for t, u in enumerate(f, start=1):
                x = self.step(x, u, *self.bars(A, B, 1 / t))
                rows.append(x)
            return torch.stack(rows)

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def euler_state(A, B, dt, f, lag, ridge=1e-6):
    """Your Ā is I + dt A, Euler's rule. Which rule does the docstring give?"""

    class Wrong(Read):
        def bars(self, A, B, dt):
            return torch.eye(len(A), dtype=A.dtype) + dt * A, dt * B

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def zero_order_hold(A, B, dt, f, lag, ridge=1e-6):
    """Your Ā is the exponential of dt A, which is zero-order hold. Which rule does the docstring give?"""

    class Wrong(Read):
        def bars(self, A, B, dt):
            A_bar = torch.linalg.matrix_exp(dt * A)
            return A_bar, torch.linalg.solve(A, (A_bar - torch.eye(len(A), dtype=A.dtype)) @ B)

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def whole_step_on_each_side(A, B, dt, f, lag, ridge=1e-6):
    """You have dt A on both sides of the rule. Which share of the step is on each?"""

    class Wrong(Read):
        def bars(self, A, B, dt):
            return super().bars(2 * A, B, dt)

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def system_transposed(A, B, dt, f, lag, ridge=1e-6):
    """Your state is multiplied by the transpose of Ā: a row times a matrix is not the matrix times a column. Which
    axis of A belongs to the new state?"""

    class Wrong(Read):
        def step(self, x, u, A, B):
            return x @ A + B * u

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def input_not_discretised(A, B, dt, f, lag, ridge=1e-6):
    """Your state takes in dt B f_t, without the inverse in front. How does B̄ come about?"""

    class Wrong(Read):
        def bars(self, A, B, dt):
            return super().bars(A, B, dt)[0], dt * B

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def the_share_that_is_missed(A, B, dt, f, lag, ridge=1e-6):
    """You returned the share that the read-out misses. 1 stands for all and 0 for nothing: which number is 0 if every
    guess is right?"""

    class Wrong(Read):
        def share(self, missed, target):
            return missed.square().sum() / target.square().sum()

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def roots_of_the_sums(A, B, dt, f, lag, ridge=1e-6):
    """You divided the lengths of error and sample, where the docstring divides their squares. What is missing?"""

    class Wrong(Read):
        def share(self, missed, target):
            return 1 - missed.norm() / target.norm()

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def share_of_the_guess(A, B, dt, f, lag, ridge=1e-6):
    """You divided the squares of the guesses by those of the samples. With a ridge that is not 1 minus the missed
    share: what does the docstring subtract from 1?"""

    class Wrong(Read):
        def share(self, missed, target):
            return (target - missed).square().sum() / target.square().sum()

    return Wrong()(A, B, dt, f, lag, ridge)


@replaces("recall")
def returns_a_tensor(A, B, dt, f, lag, ridge=1e-6):
    """You returned a tensor with one number. What makes a Python float of it?"""
    return torch.tensor(recall(A, B, dt, f, lag, ridge), dtype=torch.float64)
