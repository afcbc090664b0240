"""What sixteen numbers keep of the past of a signal: HiPPO, S4D and three random states.

Each state runs over many signals. A linear read-out is fitted on most of them, which makes the past out of the last
state; then it reads one signal that it has not seen.
"""

import math

import torch

from grader.lab import Step
from grader.pictures import Curves, Line, Table

T = 1000  # samples of a signal
N = 16  # real numbers of a state
DT = 1 / T  # the fixed step of S4D and of the random states
WAVES = 12  # of a signal
SPEED = 20  # by which the entries of a random matrix grow, so that its speeds cover those of the waves
SIGNALS = 400  # for the read-out
RIDGE = 1e-6
PLACES = 100  # of the past that are read
LAGS = (0, 100, 250, 500)


def run(submission, rng):
    signals = smooth(rng)  # (SIGNALS + 1, T); the last one is to be reconstructed
    places = torch.linspace(0, T - 1, PLACES, dtype=torch.float64).long()
    past = signals[:, places]
    yield Step("the coefficients of HiPPO, sample by sample")
    c = submission.legs_coefficients(signals, N)[:, -1]  # (SIGNALS + 1, N)
    polynomial = submission.reconstruct(c[-1], (places + 1).to(c.dtype) / T)
    found = {"HiPPO, its polynomial": polynomial, "HiPPO, by a read-out": read_out(c, past)}
    first, write = rng.randn(N, N) / math.sqrt(N), rng.randn(N)
    matrices = {
        "S4D": s4d(),
        "random": (slowed(first), write),  # its modes turn far more slowly than the signal
        "random, faster": (slowed(SPEED * first), write),
        "random, turning": (turning(SPEED * first), write),
    }
    for name, (A, B) in matrices.items():
        yield Step(f"a state of {N} numbers, sample by sample: {name}")
        found[f"{name}, by a read-out"] = read_out(last_states(A, B, signals), past)
    for name in ("HiPPO, its polynomial", *(f"{name}, by a read-out" for name in matrices)):
        title = name.rpartition(",")[0]
        lines = (("the signal", past[-1]), (title, found[name]))
        yield Curves(
            title.lower().replace(", ", "-"),
            f"The past, as it is read out of the last state of {title}",
            "sample",
            "signal",
            tuple(Line(label, places.tolist(), values.tolist()) for label, values in lines),
        )
    yield Table(
        "Error of the reconstruction, as a share of the signal's power",
        ("whole past", "newer half", "older half"),
        [(name, errors(values, past[-1])) for name, values in found.items()],
    )
    yield Step("recall of one sample, with a fixed step")
    matrices = {"HiPPO": submission.hippo_legs(N), **matrices}
    yield Table(
        "Recall: how much of the sample so many steps ago a read-out finds (1: all)",
        tuple(f"{lag} ago" for lag in LAGS),
        [(name, [submission.recall(A, B, DT, signals[-1], lag) for lag in LAGS]) for name, (A, B) in matrices.items()],
    )


def smooth(rng):
    """(SIGNALS + 1, T) sums of waves, float64, of mean square 1."""
    t = torch.arange(T, dtype=torch.float64) / T
    periods = torch.arange(1, WAVES + 1).double()
    phase = 2 * math.pi * rng.rand(SIGNALS + 1, WAVES, 1)
    waves = torch.cos(math.pi * periods[:, None] * t + phase)  # up to WAVES / 2 periods
    return math.sqrt(2 / WAVES) * waves.sum(1)


def s4d():
    """S4D-Lin: -1/2 + iπn on the diagonal, N/2 complex numbers."""
    n = torch.arange(N // 2)
    return torch.diag(torch.complex(torch.full((N // 2,), -0.5).double(), math.pi * n.double())), torch.ones(
        N // 2, dtype=torch.complex128
    )


def slowed(A):
    """A, shifted so that its slowest rate is 1/2, as that of S4D. The others fade faster."""
    slowest = torch.linalg.eigvals(A).real.max()
    return A - (slowest + 0.5) * torch.eye(N, dtype=A.dtype)


def turning(A):
    """The part of A that only turns, with the same size of entries. All modes fade at the rate 1/2."""
    return (A - A.T) / math.sqrt(2) - torch.eye(N, dtype=A.dtype) / 2


def last_states(A, B, signals):
    """The state after the last sample, real numbers (signals, N), by the bilinear rule with the step DT."""
    identity = torch.eye(len(A), dtype=A.dtype)
    left = identity - DT / 2 * A
    A_bar, B_bar = torch.linalg.solve(left, identity + DT / 2 * A), torch.linalg.solve(left, DT * B)
    x = torch.zeros(len(signals), len(A), dtype=A.dtype)
    for f in signals.T:
        x = x @ A_bar.T + f[:, None] * B_bar
    return torch.cat([x.real, x.imag], dim=-1) if x.is_complex() else x


def read_out(states, past):
    """The past of the last signal, (PLACES,), by the linear read-out that fits those of all the others best."""
    z, target = states[:-1], past[:-1]
    penalty = RIDGE * z.square().sum(0).mean() * torch.eye(N, dtype=z.dtype)
    return states[-1] @ torch.linalg.solve(z.T @ z + penalty, z.T @ target)


def errors(found, past):
    """Squared error over squared signal: of all places, of the newer half, of the older half."""
    half = PLACES // 2
    parts = (slice(None), slice(half, None), slice(half))
    return [((found - past)[part].square().sum() / past[part].square().sum()).item() for part in parts]
