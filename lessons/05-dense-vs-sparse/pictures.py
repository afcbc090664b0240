"""The pictures of lesson 5, computed from the same layers and models as its text."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss, silu

from grader.pictures import Bars, Curves, Grid, Line, Matrix, Series

D, F, E, K_USED = 8, 16, 4, 2  # the layer of the lesson: four experts, of which a token uses two
MIXTRAL_TOTAL, MIXTRAL_ACTIVE = 46.70, 12.88  # billions of weights


# ------------------------------------------------------------ 1 a race with two winners, 2 what is held equal?


def three_layers() -> Bars:
    expert, router = 3 * D * F, D * E
    held = [E * expert + router, 3 * D * 32, 3 * D * 64]
    used = [K_USED * expert + router, *held[1:]]
    groups = ("sparse, 4 of 16", "twin, F = 32", "large, F = 64")
    return Bars("three-layers", "Three layers", groups, (Series("held", held), Series("used", used)), "weights")


def equal_work() -> Curves:
    """The third row of part 2: the means that measured/toy_layers.py prints."""
    steps = [100, 200, 400, 1000]
    lines = (
        Line("sparse", steps, [16.0, 8.6, 5.5, 3.5]),
        Line("large, same work", steps, [18.1, 6.6, 2.4, 0.8]),
    )
    title = "What is missed of the rule"
    return Curves("equal-work", title, "steps of the sparse layer", "per cent", lines, log_x=True, log_y=True)


def equal_training() -> Bars:
    tokens = [1.0, 1.0, round(MIXTRAL_ACTIVE / MIXTRAL_TOTAL, 2)]
    groups = ("sparse, 46.7", "twin, 12.9", "large, 46.7")
    title = "The same work: trillions of tokens"
    return Bars("equal-training", title, groups, (Series("tokens", tokens),), "trillions")


# ------------------------------------------------------------ 3 what a token costs


def _matrices(layers: int, D: int, heads: tuple[int, int, int], experts: tuple[int, int, int], V: int) -> int:
    """The FLOPs of a token in all products with weights; heads are H, G, K and experts F, E, k."""
    H, G, K = heads
    F, E, k = experts
    return 2 * (layers * (D * K * (2 * H + 2 * G) + k * 3 * D * F + D * E) + D * V)


def work_by_context() -> Curves:
    positions = [2**n for n in range(7, 18)]
    mixtral = _matrices(32, 4096, (32, 8, 128), (14_336, 8, 2), 32_000)
    qwen = _matrices(48, 2048, (32, 4, 128), (768, 128, 8), 151_936)
    lines = (
        Line("Mixtral", positions, [round((mixtral + 4 * 32 * 32 * 128 * t) / 1e9, 2) for t in positions]),
        Line("Qwen3-30B-A3B", positions, [round((qwen + 4 * 48 * 32 * 128 * t) / 1e9, 2) for t in positions]),
    )
    title = "The work for one token"
    return Curves("work-by-context", title, "positions", "GFLOPs", lines, log_x=True, log_y=True)


# ------------------------------------------------------------ 4 the twin and the bill


def who_computes() -> Matrix:
    experts = ("e0", "e1", "e2", "e3")
    sparse = [[True, False, True, False], [False, True, True, False], [True, True, False, False]]
    tokens = ("token 0", "token 1", "token 2")
    twin = [[True, True] for _ in tokens]
    grids = (Grid("sparse layer", tokens, experts, sparse), Grid("twin", ("", "", ""), ("half", "half"), twin))
    return Matrix("who-computes", "Hidden units, 16 in each cell", grids)


# ------------------------------------------------------------ 5 three studies, 6 a law you can ask


class _Dense(nn.Module):
    def __init__(self, F: int) -> None:
        super().__init__()
        self.w1, self.w3 = nn.Linear(D, F, bias=False), nn.Linear(D, F, bias=False)
        self.w2 = nn.Linear(F, D, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.w2(silu(self.w1(x)) * self.w3(x))
        return y


class _Sparse(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(D, E, bias=False)
        self.experts = nn.ModuleList(_Dense(F) for _ in range(E))

    def forward(self, x: Tensor) -> Tensor:
        logits, chosen = self.router(x).topk(K_USED)
        w = x.new_zeros(len(x), E).scatter(1, chosen, logits.softmax(-1))
        return torch.stack([w[:, [e]] * expert(x) for e, expert in enumerate(self.experts)]).sum(0)


MAKE: dict[str, Callable[[], nn.Module]] = {"sparse": _Sparse, "twin": lambda: _Dense(32), "large": lambda: _Dense(64)}


def _trained(name: str, loss_of: Callable[[nn.Module], Tensor], steps: int) -> nn.Module:
    """A layer after the training of part 1."""
    torch.manual_seed(0)
    layer = MAKE[name]().double()
    adam = torch.optim.Adam(layer.parameters(), lr=0.02)
    for step in range(steps):
        adam.param_groups[0]["lr"] = 0.02 * (1 - step / steps)
        loss = loss_of(layer)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    return layer


def _missed_rule(name: str, steps: int) -> int:
    """What a layer misses of the rule of part 1, in per cent."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        rule = _Dense(32).double()
        for w in rule.parameters():
            nn.init.normal_(w, std=2 / w.shape[1] ** 0.5)

        def missed(layer: nn.Module, n: int = 256) -> Tensor:
            x = torch.randn(n, D).double()
            y = rule(x).detach()
            loss: Tensor = mse_loss(layer(x), y) / y.var()
            return loss

        per_cent: float = 100 * missed(_trained(name, missed, steps), 4000).item()
        return round(per_cent)


def _missed_facts(name: str) -> int:
    """How many of a thousand facts a layer has not learned, in tens of per cent."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        facts, answers = torch.randn(1000, D).double(), torch.randint(8, (1000,))
        layer = _trained(name, lambda f: cross_entropy(f(facts), answers), 300)
        wrong: float = (layer(facts).argmax(1) != answers).double().mean().item()
        return 10 * round(10 * wrong)


# The fit of Ludziejewski et al. 2025, table 4: a dense model, and one with four experts of which a token uses one.
FIT = {1: (30.3640, -0.1817, 53.9838, -0.1965), 4: (24.8462, -0.1731, 87.7022, -0.2192)}


def _loss(experts: int, active: float, tokens: float) -> float:
    a, p, b, q = FIT[experts]
    loss: float = a * (active * 1e9) ** p + b * (tokens * 1e9) ** q + 1.3637
    return loss


def who_is_ahead() -> Curves:
    tokens = [2**n for n in range(1, 9)]
    dense = [_loss(1, 1.1, t) for t in tokens]
    same_text = [round(loss - _loss(4, 0.426, t), 3) for loss, t in zip(dense, tokens, strict=True)]
    same_work = [round(loss - _loss(4, 0.426, 1.1 / 0.426 * t), 3) for loss, t in zip(dense, tokens, strict=True)]
    lines = (
        Line("the same work", tokens, same_work),
        Line("the same text", tokens, same_text),
        Line("level", tokens, [0.0] * len(tokens)),
    )
    title = "Four experts against dense, 1.1 billion in total"
    return Curves("who-is-ahead", title, "billion tokens (dense)", "loss", lines, log_x=True)


def experts_for_a_card() -> Matrix:
    best = [["16", "32+", "32+"], ["4", "16", "32+"], ["1", "8", "32+"], ["1", "1", "16"]]
    budgets = ("10^21 FLOPs", "10^22 FLOPs", "10^23 FLOPs", "10^24 FLOPs")
    grid = Grid("memory", budgets, ("24 GB", "80 GB", "640 GB"), best)
    return Matrix("experts-for-a-card", "How many experts? (Ludziejewski et al. 2025)", (grid,))


def two_tasks() -> Bars:
    series = tuple(Series(name, [_missed_facts(name), _missed_rule(name, 500)]) for name in MAKE)
    return Bars("two-tasks", "What is missed", ("1000 facts", "a rule"), series, "per cent")


# ------------------------------------------------------------ 7 how sparse?


def more_experts() -> Curves:
    """The first seed of part 7 in measured/toy_layers.py."""
    experts = [2, 4, 8, 16, 32]
    lines = (
        Line("of the rule, found", experts, [97.1, 95.1, 96.2, 96.5, 96.4]),
        Line("of 4000 facts, known", experts, [26, 35, 51, 80, 97]),
    )
    title = "More experts, the same work"
    return Curves(
        "more-experts", title, "experts, of which two are used", "per cent", lines, low=0.0, high=100.0, log_x=True
    )


# Total and active parameters in billions, as their makers count them.
FAMILIES = {
    "GLaM 2021": ((27, 1.9), (143, 9.8), (1200, 97)),
    "DeepSeek 2024 to 2026": ((67, 67), (236, 21), (671, 37), (1600, 49)),
    "Mistral 2023 to 2026": ((7.2, 7.2), (46.7, 12.9), (141, 39), (675, 41), (128, 128)),
}


def active_against_total() -> Curves:
    ends = [5, 2000]
    shares = [Line(f"{share} %", ends, [share * end / 100 for end in ends]) for share in (100, 10, 3)]
    families = [Line(name, [t for t, _ in sizes], [a for _, a in sizes]) for name, sizes in FAMILIES.items()]
    title = "Active over total, in billions"
    lines = (*families, *shares)
    return Curves("active-against-total", title, "total", "active", lines, low=1.5, high=2000.0, log_x=True, log_y=True)


# ------------------------------------------------------------ 8 how long a step takes


def load_of_the_machines() -> Bars:
    loads = []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for lean in (torch.zeros(8), torch.tensor([1, 0.5, 0, 0, 0, 0, 0, 0])):
            noise = -torch.rand(4096, 8).log().neg().log()
            loads.append([int(n) for n in (noise + lean).topk(2).indices.flatten().bincount(minlength=8)])
    groups = tuple(f"machine {n}" for n in range(8))
    series = tuple(Series(name, load) for name, load in zip(("even", "leaning"), loads, strict=True))
    return Bars("load-of-the-machines", "Tokens for each machine", groups, series, "tokens")


# ------------------------------------------------------------ 9 harder to train, 10 few examples


def a_function_with_steps() -> Curves:
    slopes = torch.tensor([1.0, 3.0, -1.0, 0.0])
    xs = [round(0.02 * n, 2) for n in range(101)]
    ys = []
    for x in xs:
        logits = torch.tensor([0.0, x, 1 - x, -1.0], dtype=torch.float64)
        top, chosen = logits.topk(2)
        ys.append(round((top.softmax(0) * slopes[chosen] * x).sum().item(), 3))
    line = Line("two of four experts", xs, ys)
    return Curves("a-function-with-steps", "A sparse layer of one number", "x", "y", (line,))


def few_examples() -> Bars:
    """The three layers of part 10: the means over the seeds that measured/toy_layers.py prints."""
    series = (Series("sparse", [2, 60]), Series("twin", [5, 21]), Series("large", [2, 29]))
    title = "What is missed, after learning from 200 examples"
    return Bars("few-examples", title, ("the 200 seen", "new ones"), series, "per cent")


# ------------------------------------------------------------ 12 one becomes many


def rows_and_columns() -> Matrix:
    units = ("u0", "u1", "u2", "u3")
    numbers = ("d0", "d1", "d2")
    first = [unit in units[:2] for unit in units]
    grids = (
        Grid("w1 and w3", units, numbers, [[keep] * len(numbers) for keep in first]),
        Grid("w2", numbers, units, [first for _ in numbers]),
    )
    return Matrix("rows-and-columns", "The first of two pieces (D = 3, F = 4)", grids)


# ------------------------------------------------------------ 13 does it pay?

STEPS = list(range(0, 601, 100))  # the means that measured/toy_layers.py prints


def three_ways_on() -> Curves:
    lines = (
        Line("four random experts", STEPS, [0.12, 0.62, 0.84, 0.94, 0.98, 0.99, 0.99]),
        Line("four copies", STEPS, [0.33, 0.59, 0.76, 0.85, 0.91, 0.95, 0.97]),
        Line("dense, trained on", STEPS, [0.33, 0.34, 0.34, 0.34, 0.34, 0.34, 0.34]),
    )
    return Curves("three-ways-on", "Facts that are remembered", "steps", "share", lines, low=0.0, high=1.0)


def three_ways_on_with_a_rule() -> Curves:
    lines = (
        Line("dense, trained on", STEPS, [11.9, 10.5, 9.8, 9.6, 9.2, 8.9, 8.5]),
        Line("four random experts", STEPS, [100.6, 14.8, 8.0, 6.3, 5.3, 4.7, 4.4]),
        Line("four copies", STEPS, [12.1, 5.3, 4.2, 3.9, 3.6, 3.3, 3.1]),
    )
    title = "What is missed of the rule"
    return Curves("three-ways-on-with-a-rule", title, "steps", "per cent", lines, log_y=True)


# ------------------------------------------------------------ 14 which for whom


def dense_until() -> Curves:
    users = [1, 2, 4, 8, 16, 32, 64, 128, 256, 400, 608, 800, 1024, 2048]

    def step(total: float, active: float, share: float, number: int) -> float:
        experts = 0.0 if share == 1 else (total - active) / (1 - share)
        touched = total - experts * (1 - share) ** number
        return round(1e3 * max(2 * touched / 26_800, 2 * active * number / 7.9e6), 2)

    lines = (
        Line("dense, 14.8 billion", users, [step(14.8, 14.8, 1, n) for n in users]),
        Line("sparse, 30.5 billion", users, [step(30.5, 3.35, 8 / 128, n) for n in users]),
    )
    return Curves("dense-until", "A step on eight cards, at least", "users", "ms", lines, log_x=True, log_y=True)
