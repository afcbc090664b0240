"""Train the three layers of part 1 with several seeds: the numbers of parts 1, 2, 7 and 12.

Run it with `python toy_layers.py` (about ten minutes on one core). A seed decides the facts, the rule, and the weights to
begin with. "large, same work" is the large layer after 800/1536 of the steps, so after as much work as the sparse one.
Part 12 trains one of the dense layers with F = 16 for 300 steps, and then goes on in four ways for 600 steps. It prints:

@@
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss, silu

D, SEEDS = 8, range(5)
WORK = 800 / 1536  # weights that a token uses: sparse over large

Make: TypeAlias = Callable[[], nn.Module]


class Dense(nn.Module):
    """A gated network of width F."""

    def __init__(self, F: int) -> None:
        super().__init__()
        self.w1, self.w3 = (nn.Linear(D, F, bias=False) for _ in range(2))
        self.w2 = nn.Linear(F, D, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.w2(silu(self.w1(x)) * self.w3(x))
        return y


class Sparse(nn.Module):
    """E gated networks of width F, of which a token uses k; their weights sum to 1."""

    def __init__(self, F: int, E: int, k: int) -> None:
        super().__init__()
        self.router, self.k = nn.Linear(D, E, bias=False), k
        self.experts = nn.ModuleList(Dense(F) for _ in range(E))

    def forward(self, x: Tensor) -> Tensor:
        logits, chosen = self.router(x).topk(self.k)
        w = x.new_zeros(len(x), len(self.experts)).scatter(1, chosen, logits.softmax(-1))
        return torch.stack([w[:, [e]] * expert(x) for e, expert in enumerate(self.experts)]).sum(0)


MAKE: dict[str, Make] = {"sparse": lambda: Sparse(16, 4, 2), "twin": lambda: Dense(32), "large": lambda: Dense(64)}


def train(layer: nn.Module, loss_of: Callable[[nn.Module], Tensor], steps: int) -> None:
    """Train with Adam and a learning rate that falls to 0."""
    adam = torch.optim.Adam(layer.parameters(), lr=0.02)
    for step in range(steps):
        adam.param_groups[0]["lr"] = 0.02 * (1 - step / steps)
        loss = loss_of(layer)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()


def facts_of(seed: int, number: int) -> tuple[Tensor, Tensor]:
    """Return random vectors and random answers, and leave the seed set."""
    torch.manual_seed(seed)
    return torch.randn(number, D), torch.randint(8, (number,))


def remembered(make: Make, seed: int, steps: int = 300, number: int = 1000) -> float:
    """Return the share of the facts that a layer remembers."""
    x, answers = facts_of(seed, number)
    layer = make()
    train(layer, lambda f: cross_entropy(f(x), answers), steps)
    return (layer(x).argmax(1) == answers).float().mean().item()


def missed(make: Make, seed: int, steps: int = 500) -> float:
    """Return what a layer misses of the rule, in per cent."""
    torch.manual_seed(seed)
    rule = Dense(32)
    for w in rule.parameters():
        nn.init.normal_(w, std=2 / w.shape[1] ** 0.5)

    def share(f: nn.Module, n: int = 256) -> Tensor:
        x = torch.randn(n, D)
        y = rule(x).detach()
        return mse_loss(f(x), y) / y.var()

    layer = make()
    train(layer, share, steps)
    return 100 * share(layer, 4000).item()


def curve(layer: nn.Module, x: Tensor, answers: Tensor, steps: int) -> Iterator[float]:
    """Train at a constant rate, and yield the share that is remembered, every 100 steps."""
    adam = torch.optim.Adam(layer.parameters(), lr=0.01)
    for step in range(steps + 1):
        logits = layer(x)
        if step % 100 == 0:
            yield (logits.argmax(1) == answers).float().mean().item()
        loss = cross_entropy(logits, answers)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()


def upcycled(old: Dense, redrawn: int) -> Sparse:
    """Return four copies of a network; `redrawn` of the 16 hidden units of each are drawn again, others in each."""
    new = Sparse(16, 4, 2)
    nn.init.normal_(new.router.weight, std=0.02)
    with torch.no_grad():
        for expert in new.experts:
            expert.load_state_dict(old.state_dict())
            units = torch.randperm(16)[:redrawn]
            for name in ("w1", "w3", "w2"):
                weight = getattr(expert, name).weight
                rows = weight.T if name == "w2" else weight  # (F, D)
                rows[units] = torch.randn(redrawn, D) * rows.std() + rows.mean()
    return new


def ways_on(seed: int, steps: int) -> dict[str, list[float]]:
    """Return what is remembered in four ways to go on from a trained layer."""
    x, answers = facts_of(seed, 1000)
    old = Dense(16)
    list(curve(old, x, answers, 300))
    layers = {"copies": upcycled(old, 0), "half redrawn": upcycled(old, 8), "new start": Sparse(16, 4, 2), "dense": old}
    return {name: list(curve(layer, x, answers, steps)) for name, layer in layers.items()}


def show(name: str, values: list[float], digits: int = 2) -> None:
    """Print one line."""
    print(f"{name:24}", *(f"{value:5.{digits}f}" for value in values), flush=True)


def main() -> None:
    """Print everything."""
    torch.set_num_threads(1)
    print("part 1: the seeds side by side")
    for name, make in MAKE.items():
        show(f"facts, {name}", [remembered(make, seed) for seed in SEEDS])
    for name, make in MAKE.items():
        show(f"rule, {name}", [missed(make, seed) for seed in SEEDS], 1)
    print("part 2: equal work; the mean over the seeds after 100, 200, 400 and 1000 steps of the sparse one")
    counts = (100, 200, 400, 1000)
    for name, make, share in (("sparse", MAKE["sparse"], 1.0), ("large, same work", MAKE["large"], WORK)):
        steps = [round(share * count) for count in counts]
        show(f"facts, {name}", [sum(remembered(make, seed, n) for seed in SEEDS) / 5 for n in steps])
        show(f"rule, {name}", [sum(missed(make, seed, n) for seed in SEEDS) / 5 for n in steps], 1)
    print("part 7: 2, 4, 8, 16, 32 experts, of which a token uses two; 4000 facts, three seeds")
    many: list[Make] = [lambda E=E: Sparse(16, E, 2) for E in (2, 4, 8, 16, 32)]  # type: ignore[misc]
    for seed in range(3):
        show(f"facts, seed {seed}", [remembered(make, seed, number=4000) for make in many])
        show(f"rule, seed {seed}", [missed(make, seed) for make in many], 1)
    print("part 12: after 0, 100, ..., 600 further steps, the mean over the seeds")
    runs = [ways_on(seed, 600) for seed in SEEDS]
    for name in runs[0]:
        show(name, [sum(each) / 5 for each in zip(*(run[name] for run in runs), strict=True)])


if __name__ == "__main__":
    main()
