"""The pictures of lesson 7, computed from the same small examples as its text."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from grader.picture import Arrow, Bars, Box, Boxes, Curves, Grid, Heatmap, Line, Matrix, Series

READINGS = (8.0, 6.0, 4.0, 2.0)  # the harbour's gauge, in decimetres
LABELS = ("8", "6", "4", "2")


def _numbers(x: Tensor, digits: int = 2) -> list[Any]:
    """Plain numbers, rounded: what a picture is made of does not change with the machine."""
    numbers: list[Any] = (torch.round(x.detach().double(), decimals=digits) + 0.0).tolist()
    return numbers


def _rounded(values: Sequence[float], digits: int = 2) -> list[float]:
    return [round(value, digits) for value in values]


# ------------------------------------------------------------ 1 the bill of a long text


def bill_of_a_text() -> Curves:
    tokens = [round(10 ** (2 + step / 4)) for step in range(17)]
    a_token = 2 * 32 * 8 * 128 * 2
    lines = (
        Line("Llama 3.1 8B, all tokens", tokens, [n * a_token / 1e6 for n in tokens]),
        Line("the same, a window of 4096", tokens, [min(n, 4096) * a_token / 1e6 for n in tokens]),
        Line("Codestral Mamba 7B", tokens, [64 * (1_048_576 + 30_720) * 2 / 1e6] * len(tokens)),
        Line("Mamba 2.8B", tokens, [64 * 97_280 * 2 / 1e6] * len(tokens)),
    )
    return Curves(
        "bill-of-a-text", "What is kept of a text", "tokens", "MB", lines, log_x=True, log_y=True
    )


def what_is_left() -> Heatmap:
    t = torch.arange(4)
    left = torch.where(t[:, None] >= t, 0.5 ** (t[:, None] - t).double(), 0.0)
    rows = tuple(f"after {label}" for label in LABELS)
    return Heatmap("what-is-left", "A memory that is halved at each step", rows, LABELS, _numbers(left, 3), digits=3)


# ------------------------------------------------------------ 2 remembering on purpose


def _shapes(n: int, s: Tensor) -> Tensor:
    """The first n shapes at places s: (S,) -> (S, n)."""
    z = 2 * s - 1
    p = [torch.ones_like(z), z]
    for m in range(1, n - 1):
        p.append(((2 * m + 1) * z * p[m] - m * p[m - 1]) / (m + 1))
    scale: Tensor = (2 * torch.arange(n) + 1).double().sqrt()
    return torch.stack(p[:n], 1) * scale


def _day() -> tuple[Tensor, Tensor]:
    """The water of a day, and what the gauge says: 240 numbers each."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        hours = (torch.arange(240) + 0.5).double() / 10
        tide = 5 + 3 * (2 * torch.pi * hours / 12.4).cos() + (2 * torch.pi * hours / 8 + 1).cos()
        return tide, tide + 2 * torch.rand(240).double() - 1


def four_shapes() -> Curves:
    s = torch.arange(0, 41).double() / 40
    columns = _numbers(_shapes(4, s).T, 3)
    lines = tuple(Line(f"shape {n}", _numbers(s, 3), column) for n, column in enumerate(columns))
    return Curves("four-shapes", "Legendre polynomials over the past", "place in the past", "height", lines)


def tide_in_eight() -> Curves:
    tide, x = _day()
    s = (torch.arange(240) + 0.5).double() / 240
    g = _shapes(8, s)
    h = g.T @ x / 240
    return _day_curves(
        "tide-in-eight",
        "A day, and the best curves",
        (("water", tide), ("4 coefficients", g[:, :4] @ h[:4]), ("8 coefficients", g @ h)),
    )


def _day_curves(name: str, title: str, curves: Sequence[tuple[str, Tensor]]) -> Curves:
    hours = _numbers((torch.arange(240) + 0.5) / 10, 2)[::4]
    lines = tuple(Line(label, hours, _numbers(curve[::4])) for label, curve in curves)
    return Curves(name, title, "hour", "decimetres", lines)


# ------------------------------------------------------------ 3 from a flow to steps


def three_basins() -> Curves:
    times = _rounded([0.5 * step for step in range(9)])
    lines = []
    for label, factor in (
        ("Euler, A = -3", 1 - 0.5 * 3),
        ("Euler, A = -4.4", 1 - 0.5 * 4.4),
        ("exact, A = -3", math.exp(-0.5 * 3)),
    ):
        lines.append(Line(label, times, _rounded([8 * factor**step for step in range(9)])))
    return Curves("three-basins", "A basin runs out", "time", "height", tuple(lines))


# ------------------------------------------------------------ 4 a matrix that remembers


def _hippo(n: int) -> tuple[Tensor, Tensor]:
    i = torch.arange(n).double()
    write: Tensor = (2 * i + 1).sqrt()
    return -(write[:, None] * write).tril(-1) - torch.diag(i + 1), write


def _remembered(x: Tensor, n: int) -> Tensor:
    """The coefficients after the last reading, by the bilinear rule in steps of 1/t."""
    (A, write), one = _hippo(n), torch.eye(n).double()
    h = torch.zeros(n).double()
    for t, x_t in enumerate(x, start=1):
        h = torch.linalg.solve(one - A / (2 * t), (one + A / (2 * t)) @ h + write * x_t / t)
    return h


def tide_remembered() -> Curves:
    tide, x = _day()
    s = (torch.arange(240) + 0.5).double() / 240
    curves = [(f"state of {n}", _shapes(n, s) @ _remembered(x, n)) for n in (8, 16)]
    return _day_curves("tide-remembered", "A day, as a state tells it", (("water", tide), *curves))


def who_remembers() -> Curves:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        t = torch.arange(2000).double() / 2000
        waves = torch.arange(1, 41)[:, None] * t + torch.rand(40, 1).double()
        x = (torch.randn(40).double()[:, None] * (2 * torch.pi * waves).cos()).sum(0)
        chance = torch.randn(16, 16).double() / 4
        chance -= torch.eye(16) * (torch.linalg.eigvals(chance).real.max() + 0.5)
        write = torch.randn(16).double()
    turning = torch.complex(torch.full((8,), -0.5).double(), torch.pi * torch.arange(8).double())
    matrices = (
        ("HiPPO", *_hippo(16)),
        ("S4D-Lin", torch.diag(turning), torch.ones(8).double()),
        ("-1 ... -16", -torch.diag(torch.arange(16).double() + 1), torch.ones(16).double()),
        ("random", chance, write),
    )
    lags = list(range(0, 301, 15))
    lines = []
    for label, A, B_in in matrices:
        states = _states(A, B_in.to(A.dtype), x)
        lines.append(Line(label, lags, [_recall(states, x, lag) for lag in lags]))
    title = "What a linear read-out finds of earlier readings"
    return Curves("who-remembers", title, "lag", "recall", tuple(lines), low=0.0, high=1.0)


def _states(A: Tensor, B_in: Tensor, x: Tensor, dt: float = 0.01) -> Tensor:
    """The states after each reading, by the bilinear rule with a fixed step: (T, numbers), real."""
    left = torch.eye(len(A), dtype=A.dtype) - dt / 2 * A
    A_bar = torch.linalg.solve(left, torch.eye(len(A), dtype=A.dtype) + dt / 2 * A)
    B_bar = torch.linalg.solve(left, dt * B_in)
    h, states = torch.zeros_like(B_bar), []
    for x_t in x:
        h = A_bar @ h + B_bar * x_t
        states.append(h)
    found = torch.stack(states)
    return torch.cat([found.real, found.imag], 1) if found.is_complex() else found


def _recall(states: Tensor, x: Tensor, lag: int, ridge: float = 1e-6) -> float:
    states, target = states[lag:], x[: len(x) - lag]
    gram = states.T @ states
    gram = gram + ridge * gram.diag().mean() * torch.eye(len(gram)).double()
    rest = target - states @ torch.linalg.solve(gram, states.T @ target)
    return round(1 - (rest.square().sum() / target.square().sum()).item(), 2)


# ------------------------------------------------------------ 5 a recurrence without a loop


def two_forms() -> Matrix:
    t = torch.arange(4)
    kernel = torch.where(t[:, None] >= t, 2 * 0.5 ** (t[:, None] - t).double(), 0.0)
    x = torch.tensor(READINGS).double()
    rows = ("y₀", "y₁", "y₂", "y₃")
    grids = (
        Grid("kernel", rows, ("x₀", "x₁", "x₂", "x₃"), _numbers(kernel)),
        Grid("x", (), (), _numbers(x[:, None], 0)),
        Grid("y", (), (), _numbers(kernel @ x[:, None], 0)),
    )
    return Matrix("two-forms", "The kernel as a matrix", grids, ("×", "="))


def four_kernels() -> Curves:
    steps = list(range(0, 201, 4))
    lines = []
    for n in range(4):
        A = complex(-0.5, math.pi * n)
        factor = (1 + 0.01 * A) / (1 - 0.01 * A)
        label = "a basin" if n == 0 else f"hand {n}"
        lines.append(Line(label, steps, _rounded([(factor**step).real for step in steps])))
    return Curves("four-kernels", "Kernels of S4D-Lin, one number each", "steps ago", "weight", tuple(lines))
