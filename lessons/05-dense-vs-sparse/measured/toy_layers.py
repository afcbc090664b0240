"""Train the three layers of part 1 with several seeds: the numbers of parts 1, 2, 7, 10 and 12.

Run it with `python toy_layers.py` (five minutes on one core). A seed decides the facts, the rule, and the weights to
begin with. "large, same work" is the large layer after 800/1536 of the steps, so after as much work as the sparse one.
"2 of 2 narrow" has two experts with F = 16 and uses both; "1 of 2 wide" has two with F = 32 and uses one. The facts of
part 1 are a thousand after 300 steps, and two thousand after 3000. Part 12 trains a dense layer with F = 16 for 300
steps, and then goes on in four ways for 600 steps. It prints:

part 1: the seeds side by side
facts, sparse             0.89  0.92  0.92  0.90  0.93
facts, twin               0.50  0.47  0.46  0.49  0.48
facts, large              0.77  0.78  0.76  0.79  0.79
rule, sparse               4.9   5.2   4.3   5.2   4.9
rule, twin                 3.0   2.8   2.6   2.6   3.2
rule, large                0.8   0.7   0.8   0.9   0.9
rule, 2 of 2 narrow        2.9   3.5   3.2   3.3   4.1
rule, 1 of 2 wide          2.6   3.1   3.2   3.8   3.2
rule, 1 of 8 wide          3.3   3.9   3.7   3.6   3.7
2000 facts, sparse        0.64  0.64  0.64  0.63  0.62
2000 facts, twin          0.35  0.36  0.36  0.35  0.35
2000 facts, large         0.54  0.53  0.55  0.54  0.55
part 2: equal work; the mean over the seeds after 100, 200, 400 and 1000 steps of the sparse one
facts, sparse             0.58  0.81  0.97  1.00
rule, sparse              16.0   8.6   5.5   3.5
facts, large, same work   0.39  0.54  0.70  0.87
rule, large, same work    18.1   6.6   2.4   0.8
part 7: 2, 4, 8, 16, 32 experts, of which a token uses two; 4000 facts, three seeds
facts, seed 0             0.26  0.35  0.51  0.80  0.97
rule, seed 0               2.9   4.9   3.8   3.5   3.6
facts, seed 1             0.25  0.34  0.50  0.78  0.96
rule, seed 1               3.5   5.2   4.5   4.0   4.4
facts, seed 2             0.25  0.34  0.51  0.78  0.97
rule, seed 2               3.2   4.3   4.3   4.0   4.1
rule, 4000 steps, seed 0   0.5   2.3   1.4   1.2   1.0
part 10: the rule from 200 examples, and from 2000; what is missed of them, and of new ones
200 seen, sparse           2.1   2.2   2.3   2.2   2.1
new ones, sparse          54.6  62.7  64.0  57.5  61.8
200 seen, twin             5.2   5.4   5.4   4.9   5.2
new ones, twin            19.4  22.1  21.6  18.1  23.9
200 seen, large            2.4   2.4   2.7   2.4   2.3
new ones, large           26.0  27.7  29.1  30.5  30.4
2000 seen, sparse          9.6  10.6   9.9  10.3  10.3
new ones, sparse           5.2   5.9   6.0   6.0   5.5
2000 seen, twin            9.7   9.7   9.4   9.8   9.8
new ones, twin             2.9   3.2   2.8   3.0   3.0
2000 seen, large           8.0   8.1   7.7   8.1   8.1
new ones, large            1.4   1.5   1.5   1.7   1.5
part 13: after 0, 100, ..., 600 further steps, the mean over the seeds
facts, copies             0.33  0.59  0.76  0.85  0.91  0.95  0.97
facts, half redrawn       0.15  0.45  0.59  0.70  0.78  0.85  0.90
facts, new start          0.12  0.62  0.84  0.94  0.98  0.99  0.99
facts, dense              0.33  0.34  0.34  0.34  0.34  0.34  0.34
rule, copies              12.1   5.3   4.2   3.9   3.6   3.3   3.1
rule, half redrawn        66.3  11.6   7.3   6.0   5.1   4.6   4.2
rule, new start          100.6  14.8   8.0   6.3   5.3   4.7   4.4
rule, dense               11.9  10.5   9.8   9.6   9.2   8.9   8.5
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss, silu

D, SEEDS = 8, range(5)
WORK = 800 / 1536  # weights that a token uses: sparse over large

Make: TypeAlias = Callable[[], nn.Module]
Loss: TypeAlias = Callable[[nn.Module], Tensor]


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


def train(layer: nn.Module, loss_of: Loss, steps: int) -> None:
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


def rule_of(seed: int) -> nn.Module:
    """Return the rule of a seed, and leave the seed set."""
    torch.manual_seed(seed)
    rule = Dense(32)
    for w in rule.parameters():
        nn.init.normal_(w, std=2 / w.shape[1] ** 0.5)
    return rule


def share_missed(rule: nn.Module, f: nn.Module, n: int) -> Tensor:
    """Return what a layer misses of a rule, on n new vectors; 1 is as bad as the mean."""
    x = torch.randn(n, D)
    y = rule(x).detach()
    return mse_loss(f(x), y) / y.var()


def missed(make: Make, seed: int, steps: int = 500) -> float:
    """Return what a layer misses of the rule, in per cent."""
    rule = rule_of(seed)
    layer = make()
    train(layer, lambda f: share_missed(rule, f, 256), steps)
    return 100 * share_missed(rule, layer, 4000).item()


def from_examples(make: Make, seed: int, number: int) -> tuple[float, float]:
    """Return what a layer misses of noisy examples that it has seen again and again, and of the rule, in per cent."""
    rule = rule_of(seed)
    x, new = torch.randn(number, D), torch.randn(4000, D)
    right, right_new = rule(x).detach(), rule(new).detach()
    seen = right + 0.3 * right.std() * torch.randn_like(right)
    layer = make()
    train(layer, lambda f: mse_loss(f(x), seen) / seen.var(), 500)
    on_seen, on_new = mse_loss(layer(x), seen) / seen.var(), mse_loss(layer(new), right_new) / right_new.var()
    return 100 * on_seen.item(), 100 * on_new.item()


def go_on(layer: nn.Module, loss_of: Loss, score_of: Loss, steps: int) -> Iterator[float]:
    """Train at a constant rate, and yield the score every 100 steps."""
    adam = torch.optim.Adam(layer.parameters(), lr=0.01)
    for step in range(steps + 1):
        if step % 100 == 0:
            yield score_of(layer).item()
        loss = loss_of(layer)
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


def ways_on(seed: int, task: str, steps: int) -> dict[str, list[float]]:
    """Return what is remembered, or missed of the rule, in four ways to go on from a trained layer."""
    if task == "facts":
        x, answers = facts_of(seed, 1000)

        def loss_of(f: nn.Module) -> Tensor:
            return cross_entropy(f(x), answers)

        def score_of(f: nn.Module) -> Tensor:
            return (f(x).argmax(1) == answers).float().mean()
    else:
        rule = rule_of(seed)

        def loss_of(f: nn.Module) -> Tensor:
            return share_missed(rule, f, 256)

        def score_of(f: nn.Module) -> Tensor:
            return 100 * share_missed(rule, f, 4000)

    old = Dense(16)
    list(go_on(old, loss_of, score_of, 300))
    layers = {"copies": upcycled(old, 0), "half redrawn": upcycled(old, 8), "new start": Sparse(16, 4, 2), "dense": old}
    return {name: list(go_on(layer, loss_of, score_of, steps)) for name, layer in layers.items()}


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
    show("rule, 2 of 2 narrow", [missed(lambda: Sparse(16, 2, 2), seed) for seed in SEEDS], 1)
    show("rule, 1 of 2 wide", [missed(lambda: Sparse(32, 2, 1), seed) for seed in SEEDS], 1)
    show("rule, 1 of 8 wide", [missed(lambda: Sparse(32, 8, 1), seed) for seed in SEEDS], 1)
    for name, make in MAKE.items():
        show(f"2000 facts, {name}", [remembered(make, seed, 3000, 2000) for seed in SEEDS])
    print("part 2: equal work; the mean over the seeds after 100, 200, 400 and 1000 steps of the sparse one")
    counts = (100, 200, 400, 1000)
    for name, make, share in (("sparse", MAKE["sparse"], 1.0), ("large, same work", MAKE["large"], WORK)):
        steps = [round(share * count) for count in counts]
        show(f"facts, {name}", [sum(remembered(make, seed, n) for seed in SEEDS) / 5 for n in steps])
        show(f"rule, {name}", [sum(missed(make, seed, n) for seed in SEEDS) / 5 for n in steps], 1)
    print("part 7: 2, 4, 8, 16, 32 experts, of which a token uses two; 4000 facts")
    many: list[Make] = [lambda E=E: Sparse(16, E, 2) for E in (2, 4, 8, 16, 32)]  # type: ignore[misc]
    for seed in SEEDS:
        show(f"facts, seed {seed}", [remembered(make, seed, number=4000) for make in many])
    for seed in SEEDS:
        show(f"rule, seed {seed}", [missed(make, seed) for make in many], 1)
    for seed in range(3):
        show(f"rule, 4000 steps, seed {seed}", [missed(make, seed, 4000) for make in many], 1)
    print("part 10: the rule from 200 examples, and from 2000; what is missed of them, and of new ones")
    for number in (200, 2000):
        for name, make in MAKE.items():
            pairs = [from_examples(make, seed, number) for seed in SEEDS]
            show(f"{number} seen, {name}", [seen for seen, _ in pairs], 1)
            show(f"new ones, {name}", [new for _, new in pairs], 1)
    print("part 13: after 0, 100, ..., 600 further steps, the mean over the seeds")
    for task, digits in (("facts", 2), ("rule", 1)):
        runs = [ways_on(seed, task, 600) for seed in SEEDS]
        for name in runs[0]:
            show(f"{task}, {name}", [sum(each) / 5 for each in zip(*(run[name] for run in runs), strict=True)], digits)


if __name__ == "__main__":
    main()
