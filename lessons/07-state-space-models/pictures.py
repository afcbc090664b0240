"""The pictures of lesson 7, computed from the same small examples as its text."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from grader.pictures import Arrow, Bars, Box, Boxes, Curves, Grid, Heatmap, Line, Matrix, Series

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
    return Curves("bill-of-a-text", "What is kept of a text", "tokens", "MB", lines, log_x=True, log_y=True)


def what_is_left() -> Heatmap:
    t = torch.arange(4)
    left = torch.where(t[:, None] >= t, 0.5 ** (t[:, None] - t).double(), 0.0)
    rows = tuple(f"after {label}" for label in LABELS)
    return Heatmap("what-is-left", "A memory that is halved at each step", rows, LABELS, _numbers(left, 3), digits=3)


# ------------------------------------------------------------ 2 from a flow to steps


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


# ------------------------------------------------------------ 3 a recurrence without a loop


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


# ------------------------------------------------------------ 4 what a fixed kernel cannot do


def best_kernel() -> Bars:
    logs, boats = [], []
    for places in itertools.combinations(range(8), 3):
        for three in itertools.product((-1.0, 1.0), repeat=3):
            log = [0.0] * 8
            for place, boat in zip(places, three, strict=True):
                log[place] = boat
            logs.append(log)
            boats.append(three)
    weights = torch.linalg.pinv(torch.tensor(logs).double()) @ torch.tensor(boats).double()
    best = torch.tensor(BEST_BY_SIGNS)
    columns = {"by least squares": weights[:, 1], "by signs": best / best.max() * weights[:, 1].max()}
    series = tuple(Series(name, _numbers(column)) for name, column in columns.items())
    lines = tuple(f"line {n}" for n in range(8))
    return Bars("best-kernel", "The best fixed weights for the second boat", lines, series, "weight")


BEST_BY_SIGNS = (0.0, 0.0, 1.0, 0.89, 0.79, 0.66, 0.59, 0.46)  # measured/best_signs.py: none are better
SIGNAL = (0.1, -0.2, 1.6, 0.1, 0.2, -0.1, 0.1, -1.5, 0.2, -0.1, 0.1, 0.2)


def chosen_steps() -> Curves:
    """A signal, and the states of a scan of it with a step that the token chooses, and with a fixed one."""
    steps = [float(i) for i in range(1, len(SIGNAL) + 1)]
    lines = (
        Line("input", steps, SIGNAL),
        Line("state, step chosen by the token", steps, _scanned(lambda x: math.log1p(math.exp(4 * abs(x) - 3)))),
        Line("state, fixed step", steps, _scanned(lambda x: 0.5)),
    )
    return Curves("chosen-steps", "What a scan keeps of a signal", "token", "value", lines, low=-2.0, high=2.0)


def _scanned(delta: Callable[[float], float]) -> list[float]:
    """h = (1 - g) h + g x with the gate g = 1 - exp(-delta), from h = 0 on."""
    states, h = [], 0.0
    for x in SIGNAL:
        left = math.exp(-delta(x))
        h = left * h + (1 - left) * x
        states.append(h)
    return states


# ------------------------------------------------------------ 5 steps that the token chooses


def spans_of_memory() -> Curves:
    tokens = [round(10 ** (step / 8), 2) for step in range(28)]
    lines = tuple(
        Line(label, tokens, _rounded([math.exp(-n * dt) for n in tokens]))
        for label, dt in (
            ("step 0.69, bias 0", math.log(2)),
            ("step 0.1", 0.1),
            ("step 0.01", 0.01),
            ("step 0.001", 0.001),
        )
    )
    return Curves("spans-of-memory", "What is left, by the step", "tokens later", "share", lines, low=0.0, log_x=True)


def places_of_a_state() -> Matrix:
    state, cells = [0, 0], []
    for place, height in ((0, 8), (1, 5), (0, 4)):
        state[place] += height
        cells.append(list(state))
    rows = ("boat, 8", "weather, 5", "boat, 4")
    return Matrix("places-of-a-state", "N = 2, no fading", (Grid("state", rows, ("place 0", "place 1"), cells),))


def one_slab() -> Matrix:
    """What a token writes into the state of four channels with N = 3."""
    signal, write = torch.tensor([[2.0], [0.0], [1.0], [-1.0]]), torch.tensor([[1.0, 3.0, 0.0]])
    channels = tuple(f"channel {n}" for n in range(4))
    grids = (
        Grid("Δ · u", channels, (), _numbers(signal, 0)),
        Grid("B", (), ("0", "1", "2"), _numbers(write, 0)),
        Grid("added to the state", (), ("0", "1", "2"), _numbers(signal @ write, 0)),
    )
    return Matrix("one-slab", "Four channels, N = 3", grids, ("×", "="))


# ------------------------------------------------------------ 6 steps put together


def _pair(a: float, b: float) -> str:
    return f"{a:g}, {b:g}"


def doubling_rounds() -> Matrix:
    a, b, rounds = [0.5] * 4, list(READINGS), []
    stride = 1
    while True:
        rounds.append([_pair(*each) for each in zip(a, b, strict=True)])
        if stride >= 4:
            break
        later = range(stride, 4)
        b = b[:stride] + [a[i] * b[i - stride] + b[i] for i in later]
        a = a[:stride] + [a[i] * a[i - stride] for i in later]
        stride *= 2
    grid = Grid("", ("one step each", "stride 1", "stride 2"), ("8", "6", "4", "2"), rounds)
    return Matrix("doubling-rounds", "Two rounds for four steps", (grid,))


def scan_tree() -> Boxes:
    level = [(0.5, reading) for reading in READINGS]
    boxes, arrows, row = [], [], 0
    for n, pair in enumerate(level):
        boxes.append(Box(f"0-{n}", _pair(*pair), 0, n))
    while len(level) > 1:
        row += 1
        joined = []
        for n in range(0, len(level), 2):
            (a1, b1), (a2, b2) = level[n], level[n + 1]
            joined.append((a2 * a1, a2 * b1 + b2))
            here = f"{row}-{n // 2}"
            span = 2**row
            boxes.append(Box(here, _pair(*joined[-1]), row, n // 2 * span, span))
            arrows += [Arrow(f"{row - 1}-{n}", here), Arrow(f"{row - 1}-{n + 1}", here)]
        level = joined
    return Boxes("scan-tree", "Pairs (factor, addition), put together", tuple(boxes), tuple(arrows))


# ------------------------------------------------------------ 7 where the states live


def two_memories() -> Boxes:
    """What crosses for a token of Mamba 2.8B, in KB: 5120 channels, N = 16, 16 bits outside and 32 inside."""
    state = 5120 * 16 * 4 / 1000
    ends = 5120 * 2 / 1000
    large, three, one = f"{state:.0f} KB", f"{3 * ends:.0f} KB", f"{ends:.0f} KB"
    return Boxes(
        "two-memories",
        "Above: three programs. Below: one",
        (
            Box("hbm1", "HBM", 0, 0, 5),
            Box("factors", "factors,\nwrites", 1, 0),
            Box("scan", "scan", 1, 2),
            Box("read", "read\nwith C", 1, 4),
            Box("hbm2", "HBM", 2, 0, 5),
            Box("fused", "factors, scan, read:\nthe state stays here", 3, 0, 5),
            Box("hbm3", "HBM", 4, 0, 5),
        ),
        (
            Arrow("hbm1", "factors", f"{2 * ends:.0f} KB"),
            Arrow("factors", "hbm2", f"2 x {large}"),
            Arrow("hbm1", "scan", f"2 x {large}"),
            Arrow("scan", "hbm2", large),
            Arrow("hbm1", "read", f"{state + ends:.0f} KB"),
            Arrow("read", "hbm2", one),
            Arrow("hbm2", "fused", three),
            Arrow("fused", "hbm3", one),
        ),
    )


# ------------------------------------------------------------ 8 the Mamba block


def mamba_block() -> Boxes:
    return Boxes(
        "mamba-block",
        "A block of Mamba 2.8B",
        (
            Box("x", "x\n2560", 1, 0),
            Box("norm", "norm", 1, 1),
            Box("in", "in_proj\n2 x 5120", 1, 2),
            Box("z", "silu(z)\n5120", 0, 4),
            Box("conv", "conv, silu\n5120", 1, 3),
            Box("scan", "scan,\n+ D u", 1, 4),
            Box("times", "times\n5120", 1, 5),
            Box("out", "out_proj\n2560", 1, 6),
            Box("plus", "+ x\n2560", 1, 7),
            Box("steps", "Δ 5120,\nB 16, C 16", 2, 3),
        ),
        (
            Arrow("x", "norm"),
            Arrow("norm", "in"),
            Arrow("in", "conv"),
            Arrow("in", "z"),
            Arrow("conv", "scan"),
            Arrow("conv", "steps"),
            Arrow("steps", "scan"),
            Arrow("scan", "times"),
            Arrow("z", "times"),
            Arrow("times", "out"),
            Arrow("out", "plus"),
            Arrow("x", "plus"),
        ),
    )


# ------------------------------------------------------------ 9 what a test tests


def a_delay() -> Matrix:
    digits = [1, 3, 0]
    text = [*digits, *(["."] * 13), "go", "go", "go"]
    columns = tuple(str(i) for i in range(19))
    looks = [["" if place != 16 + i - 16 else "x" for place in range(19)] for i in range(3)]
    grid = Grid("", ("text", "go 1", "go 2", "go 3"), columns, [[str(sign) for sign in text], *looks])
    return Matrix("a-delay", "The place 16 before the sign: x", (grid,))


PLACES, DATA, DIGITS = 16, 3, 4


def _texts(n: int, random: bool) -> tuple[Tensor, Tensor]:
    data = torch.randint(DIGITS, (n, DATA))
    places = torch.arange(DATA).expand(n, DATA)
    if random:
        places = torch.rand(n, PLACES).argsort(1)[:, :DATA].sort(1).values
    tokens = torch.full((n, PLACES + DATA), DIGITS).scatter(1, places, data)
    tokens[:, PLACES:] = DIGITS + 1
    return tokens, data


def _seen(tokens: Tensor) -> Tensor:
    """At each go-sign what stood 0, 1, ... places back."""
    x = one_hot(tokens, DIGITS + 2).double()
    x = torch.cat([x.new_zeros(len(x), DATA, DIGITS + 2), x], 1)
    T = PLACES + DATA
    return torch.stack([x[:, i + 1 : i + 1 + T].flip(1) for i in range(DATA)], 1).flatten(2)


def _readers(tokens: Tensor) -> Tensor:
    return (torch.eye(DATA).double()[:, :, None] * _seen(tokens)[:, :, None, :]).flatten(2)


def _share(features: Callable[[Tensor], Tensor], random: bool) -> float:
    """The share of right digits of the best linear read-out, on new texts."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        (x, data), (new, wanted) = _texts(4000, random), _texts(4000, random)
    want = one_hot(data, DIGITS).double()
    fitted = torch.linalg.lstsq(features(x).flatten(0, 1), want.flatten(0, 1), driver="gelsd").solution
    return round(float(((features(new) @ fitted).argmax(-1) == wanted).double().mean()), 2)


def same_layer() -> Bars:
    shares = {
        "fixed places": _share(_seen, False),
        "random, one reader": _share(_seen, True),
        "random, three readers": _share(_readers, True),
        "random, MLP": 0.97,  # printed by measured/two_layer_read_out.py
    }
    title = "A convolution at selective copying"
    return Bars("same-layer", title, tuple(shares), (Series("share right", list(shares.values())),), "share right")


# ------------------------------------------------------------ 10 a recurrence that is attention


def decay_and_attention() -> Matrix:
    decay = torch.tensor([[1.0, 0, 0], [0.5, 1, 0], [0.25, 0.5, 1]])
    C = torch.tensor([[1.0, 0], [0, 1], [1, 1]])
    B_in = torch.tensor([[1.0, 0], [1, 1], [0, 2]])
    products = C @ B_in.T
    rows, columns = ("t = 0", "t = 1", "t = 2"), ("0", "1", "2")
    grids = (
        Grid("decay mask", rows, columns, _numbers(decay)),
        Grid("C · B", (), columns, _numbers(products)),
        Grid("weights", (), columns, _numbers(decay * products)),
    )
    return Matrix("decay-and-attention", "Number by number", grids, ("×", "="))


def in_chunks() -> Matrix:
    labels = tuple(str(n) for n in range(8))
    rows = tuple(f"token {label}" for label in labels)
    cells: list[list[bool | float | str]] = [
        [j <= t if j // 4 == t // 4 else ("h" if j < t else False) for j in range(8)] for t in range(8)
    ]
    return Matrix("in-chunks", "Eight tokens, Q = 4", (Grid("earlier tokens", rows, labels, cells),))


# ------------------------------------------------------------ 11 the layer of Mamba-2


def two_blocks() -> Boxes:
    return Boxes(
        "two-blocks",
        "Mamba above, Mamba-2 below",
        (
            Box("x1", "x", 0, 0),
            Box("in1", "in_proj:\nu, z", 0, 1),
            Box("conv1", "conv:\nu", 0, 2),
            Box("steps1", "x_proj:\nΔ, B, C", 0, 3),
            Box("scan1", "scan", 0, 4),
            Box("gate1", "gate", 0, 5),
            Box("out1", "out_proj", 0, 6),
            Box("x2", "x", 1, 0),
            Box("in2", "in_proj: z,\nx, B, C, Δ", 1, 1),
            Box("conv2", "conv:\nx, B, C", 1, 2),
            Box("scan2", "scan", 1, 4),
            Box("gate2", "gate,\nnorm", 1, 5),
            Box("out2", "out_proj", 1, 6),
        ),
        tuple(
            Arrow(start, end)
            for chain in (
                ("x1", "in1", "conv1", "steps1", "scan1", "gate1", "out1"),
                ("x2", "in2", "conv2", "scan2", "gate2", "out2"),
            )
            for start, end in itertools.pairwise(chain)
        ),
    )


def heads_and_groups() -> Matrix:
    heads, groups = tuple(str(head) for head in range(6)), ("group 0", "group 1")
    meant = [[head // 3 == group for head in range(6)] for group in range(2)]
    repeated = [[head % 2 == group for head in range(6)] for group in range(2)]
    grids = (Grid("repeat_interleave", groups, heads, meant), Grid("repeat", groups, heads, repeated))
    return Matrix("heads-and-groups", "Heads 0 to 5 and their groups", grids, ("",))


# ------------------------------------------------------------ 14 when to take one


def step_over_length() -> Curves:
    tokens = [round(10 ** (3 + step / 8)) for step in range(17)]
    lines = []
    for label, weights, per_token, fixed, readers in (
        ("attention, one reader", 15.0e9, 131_072, 0.0, 1),
        ("attention, four readers", 15.0e9, 131_072, 0.0, 4),
        ("state space, one reader", 14.3e9, 0, 138.1e6, 1),
        ("state space, four readers", 14.3e9, 0, 138.1e6, 4),
    ):
        times = [(weights + readers * (per_token * n + fixed)) / 3.35e12 * 1e3 for n in tokens]
        lines.append(Line(label, tokens, _rounded(times)))
    title = "A decoding step, at least"
    return Curves("step-over-length", title, "tokens of each text", "ms", tuple(lines), low=0.0, log_x=True)


# ------------------------------------------------------------ 15 remembering on purpose


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


def squeezed_past() -> Curves:
    """Four readings fill the past; a fifth comes."""
    places = [n / 100 for n in range(100)]
    before, after = [8, 6, 4, 2], [8, 6, 4, 2, 5]
    lines = (
        Line("four readings", places, [before[int(4 * s)] for s in places]),
        Line("and a fifth", places, [after[int(5 * s)] for s in places]),
    )
    return Curves("squeezed-past", "The past, from its beginning (0) to now (1)", "place", "reading", lines)


def _day_curves(name: str, title: str, curves: Sequence[tuple[str, Tensor]]) -> Curves:
    hours = _numbers((torch.arange(240) + 0.5) / 10, 2)[::4]
    lines = tuple(Line(label, hours, _numbers(curve[::4])) for label, curve in curves)
    return Curves(name, title, "hour", "decimetres", lines)


# ------------------------------------------------------------ 16 a matrix that remembers


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


def third_evening() -> Curves:
    """Thirty hours back from the third midnight, by the state in steps of 1/t and by that with a fixed step."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        hours = (torch.arange(720) + 0.5).double() / 10
        tide = 5 + 3 * (2 * torch.pi * hours / 12.4).cos() + (2 * torch.pi * hours / 8 + 1).cos()
        x = tide + 2 * torch.rand(720).double() - 1
    age = (torch.arange(300) + 0.5).double()
    A, write = _hippo(16)
    curves = (
        ("water", tide.flip(0)[:300]),
        ("steps of 1/t", _shapes(16, 1 - age / 720) @ _remembered(x, 16)),
        ("steps of 0.01", _shapes(16, torch.exp(-0.01 * age)) @ _states(A, write, x)[-1]),
    )
    back = _numbers(age / 10)[::5]
    lines = tuple(Line(label, back, _numbers(curve[::5])) for label, curve in curves)
    return Curves("third-evening", "Two memories of the last hours", "hours ago", "decimetres", lines)


# ------------------------------------------------------------ 17 what a state knows


def who_remembers() -> Curves:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        t = torch.arange(2000).double() / 2000
        height, phase = torch.randn(40, 1, dtype=torch.float64), torch.rand(40, 1, dtype=torch.float64)
        waves = torch.arange(1, 41)[:, None] * t + phase
        x = (height * (2 * torch.pi * waves).cos()).sum(0)
        draws = [(torch.randn(16, 16, dtype=torch.float64) / 4, torch.randn(16, dtype=torch.float64)) for _ in range(4)]
    hands = torch.complex(torch.full((8,), -0.5).double(), torch.pi * torch.arange(8).double())
    one = torch.eye(16).double()

    def slow(A: Tensor) -> Tensor:
        moved: Tensor = A - (torch.linalg.eigvals(A).real.max() + 0.5) * one
        return moved

    matrices = (
        ("HiPPO", [_hippo(16)]),
        ("S4D-Lin", [(torch.diag(hands), torch.ones(8).double())]),
        ("-1 ... -16", [(-torch.diag(torch.arange(16).double() + 1), torch.ones(16).double())]),
        ("random, too slow", [(slow(A), write) for A, write in draws]),
        ("random, turning", [(10 * (A - A.T) / 2**0.5 - one / 2, write) for A, write in draws]),
    )
    lags = list(range(0, 301, 20))
    lines = []
    for label, several in matrices:
        states = [_states(A, B_in.to(A.dtype), x) for A, B_in in several]
        found = [sum(_recall(each, x, lag) for each in states) / len(states) for lag in lags]
        lines.append(Line(label, lags, _rounded(found)))
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
    lost: float = (rest.square().sum() / target.square().sum()).item()
    return 1 - lost
