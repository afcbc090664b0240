"""The pictures of lesson 5, computed from the same layers and models as its text."""

from collections.abc import Callable
from math import comb

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss, silu

from grader.pictures import Arrow, Bars, Box, Boxes, Curves, Grid, Line, Matrix, Series

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


# ------------------------------------------------------------ 4 what was measured


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
    return a * (active * 1e9) ** p + b * (tokens * 1e9) ** q + 1.3637


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


# ------------------------------------------------------------ 5 how long a step takes

SHARED, EXPERT, LLAMA = 1_605_636_096, 176_160_768, 68_976_648_192  # of Mixtral (one layer), and of Llama 2 70B


def _ms(read: float, used: float, batch: int) -> float:
    return round(1e3 * max(2 * read / 3.35e12, 2 * used * batch / 989e12), 2)


def steps_of_four() -> Curves:
    batches = [2**n for n in range(13)]
    twin, total = SHARED + 64 * EXPERT, SHARED + 256 * EXPERT
    mixtral = [_ms(SHARED + 32 * 8 * (1 - 0.75**batch) * EXPERT, twin, batch) for batch in batches]
    lines = (
        Line("Llama 2 70B", batches, [_ms(LLAMA, LLAMA, batch) for batch in batches]),
        Line("dense, 46.7 billion", batches, [_ms(total, total, batch) for batch in batches]),
        Line("Mixtral", batches, mixtral),
        Line("twin, 12.9 billion", batches, [_ms(twin, twin, batch) for batch in batches]),
    )
    title = "A decoding step, at least"
    return Curves("steps-of-four", title, "texts at once", "ms", lines, log_x=True, log_y=True)


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


# ------------------------------------------------------------ 6 harder to train


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


def stable_or_good() -> Bars:
    groups = ("nothing (4 of 6)", "clipping (3 of 3)", "z-loss (3 of 3)")
    title = "Loss, and stable runs (Zoph et al. 2022, table 4)"
    return Bars("stable-or-good", title, groups, (Series("loss", [1.755, 4.206, 1.741]),), "loss")


def few_examples() -> Bars:
    """The three layers learn the rule from the same 200 noisy examples again and again."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        rule = _Dense(32).double()
        for w in rule.parameters():
            nn.init.normal_(w, std=2 / w.shape[1] ** 0.5)
        x, new = torch.randn(200, D).double(), torch.randn(4000, D).double()
        right, right_new = rule(x).detach(), rule(new).detach()
        seen = right + 0.3 * right.std() * torch.randn_like(right)

        def missed(layer: nn.Module, x: Tensor, y: Tensor) -> Tensor:
            loss: Tensor = mse_loss(layer(x), y) / y.var()
            return loss

        series = []
        for name in MAKE:
            layer = _trained(name, lambda f: missed(f, x, seen), 500)
            shares = [missed(layer, x, seen).item(), missed(layer, new, right_new).item()]
            series.append(Series(name, [round(100 * share) for share in shares]))
    groups = ("the 200 seen", "new ones")
    return Bars("few-examples", "What is missed, after learning from 200 examples", groups, tuple(series), "per cent")


# ------------------------------------------------------------ 7 one becomes many


def upcycling() -> Boxes:
    copies = tuple(Box(f"e{n}", f"copy {n}", n, 1) for n in range(4))
    boxes = (Box("old", "network", 1, 0), *copies, Box("router", "router, new", 4, 1), Box("y", "y", 2, 2))
    arrows = (*(Arrow("old", copy.id) for copy in copies), *(Arrow(copy.id, "y") for copy in copies))
    return Boxes("upcycling", "Sparse upcycling", boxes, (*arrows, Arrow("router", "y")))


def three_ways_on() -> Curves:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        facts, answers = torch.randn(1000, D).double(), torch.randint(8, (1000,))

        def learn(layer: nn.Module) -> list[float]:
            adam = torch.optim.Adam(layer.parameters(), lr=0.01)
            known = []
            for step in range(301):
                logits = layer(facts)
                if step % 20 == 0:
                    known.append(round((logits.argmax(1) == answers).double().mean().item(), 2))
                loss = cross_entropy(logits, answers)
                adam.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                adam.step()
            return known

        torch.manual_seed(0)
        old = _Dense(16).double()
        learn(old)
        upcycled, anew = _Sparse().double(), _Sparse().double()
        nn.init.normal_(upcycled.router.weight, std=0.02)
        for expert in upcycled.experts:
            expert.load_state_dict(old.state_dict())
        ways = {"upcycled": learn(upcycled), "four random experts": learn(anew), "dense, trained on": learn(old)}
    steps = list(range(0, 301, 20))
    lines = tuple(Line(name, steps, known) for name, known in ways.items())
    return Curves("three-ways-on", "Three ways to go on", "steps", "share of the facts", lines, low=0.0, high=1.0)


# ------------------------------------------------------------ 8 an expert can be cut


def cut_in_two() -> Matrix:
    hidden, out = [2.0, -1.0, 4.0, 3.0], [1.0, 2.0, 0.5, -1.0]
    terms = [h * o for h, o in zip(hidden, out, strict=True)]
    units = ("unit 0", "unit 1", "unit 2", "unit 3")
    rows = [list(row) for row in zip(hidden, out, terms, strict=True)]
    sums: list[list[bool | float | str]] = [["", ""], [sum(terms[:2]), ""], ["", ""], [sum(terms[2:]), sum(terms)]]
    grids = (
        Grid("", units, ("value", "weight", "term"), rows, digits=1),
        Grid("", ("", "", "", ""), ("half", "whole"), sums, digits=0),
    )
    return Matrix("cut-in-two", "Four terms, two halves, one network", grids)


def rows_and_columns() -> Matrix:
    units = ("u0", "u1", "u2", "u3")
    numbers = ("d0", "d1", "d2")
    first = [unit in units[:2] for unit in units]
    grids = (
        Grid("w1 and w3", units, numbers, [[keep] * len(numbers) for keep in first]),
        Grid("w2", numbers, units, [first for _ in numbers]),
    )
    return Matrix("rows-and-columns", "The first of two pieces (D = 3, F = 4)", grids)


def choices_by_pieces() -> Curves:
    pieces = list(range(1, 9))
    line = Line("k m of E m", pieces, [comb(16 * m, 2 * m) for m in pieces])
    title = "2 of 16 experts, each cut into pieces"
    return Curves("choices-by-pieces", title, "pieces of an expert", "choices", (line,), log_y=True)


# ------------------------------------------------------------ 9 which for whom


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


def plan_map() -> Boxes:
    plans = (
        ("memory is short", "dense,\nas large as fits"),
        ("one user,\nand it fits", "sparse"),
        ("ten to hundreds\nat once", "less to read,\ncaches too"),
        ("thousands at once,\nor pre-training", "sparse"),
        ("few examples\nto fine-tune on", "dense first"),
    )
    boxes = [Box("plan", "your plan", 2, 0)]
    arrows = []
    for row, (scarce, first) in enumerate(plans):
        boxes += [Box(f"if{row}", scarce, row, 1), Box(f"try{row}", first, row, 2)]
        arrows += [Arrow("plan", f"if{row}"), Arrow(f"if{row}", f"try{row}")]
    return Boxes("plan-map", "What to try first", tuple(boxes), tuple(arrows))
