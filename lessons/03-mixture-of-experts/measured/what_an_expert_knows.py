"""Train a mixture on characters and look at whom its routers choose: the numbers of part 13.

    python what_an_expert_knows.py    ten minutes on one core, with Python 3.11

Among other things it printed:

    before training
    layer 1: guessed by nothing, field, character, and the one before:  32  32  93  93
    layer 2: guessed by nothing, field, character, and the one before:  26  26  88  88
    layer 3: guessed by nothing, field, character, and the one before:  40  40  88  88
    layer 4: guessed by nothing, field, character, and the one before:  38  38  89  89
    after training
    probability of the right character 0.25
    layer 1: guessed by nothing, field, character, and the one before:  17  22  89  95
      neighbors agree 23%, by chance 13%
    layer 2: guessed by nothing, field, character, and the one before:  17  22  75  86
      neighbors agree 26%, by chance 14%
    layer 3: guessed by nothing, field, character, and the one before:  16  23  70  85
      neighbors agree 25%, by chance 13%
    layer 4: guessed by nothing, field, character, and the one before:  22  22  82  87
      neighbors agree 21%, by chance 15%
"""

import pydoc_data.topics
import random
from collections import Counter, defaultdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

LAYERS, D, HEADS, E, F, K, T = 4, 96, 4, 8, 128, 2, 128
LINES = "The boat sank.\nfor x in range(10):\n    print(x + 1)\n"
KINDS = {
    "spaces": " ",
    "vowels": "aeiou",
    "consonants": "bcdfghjklmnpqrstvwxyz",
    "capitals": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "digits": "0123456789",
    "brackets": "()[]{}",
    "quotation marks": "'\"",
    ". , : ;": ".,:;",
}


class Experts(nn.Module):
    """Mixtral's router and eight experts. It keeps the first choices and the balancing loss of the last texts."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(D, E, bias=False)
        self.up, self.down = nn.Linear(D, E * F, bias=False), nn.Linear(E * F, D, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        logits = self.router(x)
        best = logits.topk(K)
        table = torch.zeros_like(logits).scatter(-1, best.indices, best.values.softmax(-1))
        shares = (table > 0).float().mean((0, 1))
        self.balance = E * (shares * logits.softmax(-1).mean((0, 1))).sum()
        self.first = best.indices[..., 0]
        # All experts run, and those not chosen are multiplied by 0: on one core, that is faster than eight pieces.
        return self.down(self.up(x).relu() * table.repeat_interleave(F, -1))


class Block(nn.Module):
    """Causal attention, then experts."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList((nn.LayerNorm(D), nn.LayerNorm(D)))
        self.qkv, self.out = nn.Linear(D, 3 * D, bias=False), nn.Linear(D, D, bias=False)
        self.experts = Experts()

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norms[0](x)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        heads = scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(heads.transpose(1, 2).flatten(2))
        return x + self.experts(self.norms[1](x))


class Model(nn.Module):
    """A language model over characters."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.embedding, self.position = nn.Embedding(characters, D), nn.Parameter(0.02 * torch.randn(T, D))
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm, self.head = nn.LayerNorm(D), nn.Linear(D, characters)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens) + self.position[: tokens.shape[1]]
        return self.head(self.norm(self.blocks(x)))


def texts() -> tuple[str, str]:
    """Return prose, the documentation of this Python, and code, its standard library: equally long and ASCII only."""
    modules = sorted(Path(random.__file__).parent.glob("*.py"))
    prose = "\n".join(pydoc_data.topics.topics.values())
    code = "\n".join(path.read_text(encoding="utf-8") for path in modules)
    prose, code = ("".join(c for c in text if c.isascii()) for text in (prose, code))
    return prose, code[: len(prose)]


def train(model: Model, fields: list[Tensor], steps: int = 1600) -> None:
    """Train on all but the last 60,000 characters of each field."""
    adam = torch.optim.AdamW(model.parameters(), lr=0.003)
    plan = torch.optim.lr_scheduler.OneCycleLR(adam, 0.003, total_steps=steps)
    for _ in range(steps):
        rows = []
        for field in fields:  # 12 texts of each
            starts = torch.randint(len(field) - 60_000 - T - 1, (12,))
            rows += [field[start : start + T + 1] for start in starts]
        batch = torch.stack(rows)
        loss = cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        balance = sum(block.experts.balance for block in model.blocks) / LAYERS
        adam.zero_grad()
        (loss + 0.01 * balance).backward()
        adam.step()
        plan.step()


def guessed(keys: list[object], simpler: list[object], experts: list[int]) -> float:
    """Count on the even texts which expert each key chooses most, and return how often that is right on the odd ones.

    For a key that did not occur on the even texts, the guess is that for its simpler key.
    """
    even = [n for n in range(len(experts)) if n // T % 2 == 0]
    counts: dict[object, Counter[int]] = defaultdict(Counter)
    for n in even:
        counts[keys[n]][experts[n]] += 1
        counts["simpler", simpler[n]][experts[n]] += 1
    hits = total = 0
    for n in range(len(experts)):
        if n // T % 2:
            known = counts.get(keys[n]) or counts.get(("simpler", simpler[n])) or Counter([0])
            hits += known.most_common(1)[0][0] == experts[n]
            total += 1
    return hits / total


def look(model: Model, rows: Tensor, alphabet: str) -> None:
    """Print what the routers choose on texts of prose and code in turn, half of each."""
    model.eval()
    with torch.no_grad():
        loss = cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
    print(f"probability of the right character {torch.exp(-loss):.2f}")
    text = [alphabet[n] for n in rows[:, :-1].flatten().tolist()]
    before = [text[n - 1] if n % T else "" for n in range(len(text))]
    field = [n // (2 * T) % 2 for n in range(len(text))]  # two texts of prose, two of code, and so on
    nothing = [0] * len(text)
    for number, block in enumerate(model.blocks, start=1):
        experts = block.experts.first.flatten().tolist()
        rates = [
            guessed(nothing, nothing, experts),
            guessed(field, nothing, experts),
            guessed(text, nothing, experts),
            guessed(list(zip(before, text, strict=True)), text, experts),
        ]
        print(f"layer {number}: guessed by nothing, field, character, and the one before:", percent(rates))
        share = Counter(experts)
        same = [experts[n] == experts[n - 1] for n in range(len(text)) if n % T]
        chance = sum((count / len(text)) ** 2 for count in share.values())
        print(f"  neighbors agree {sum(same) / len(same):.0%}, by chance {chance:.0%}")
        for name, kind in {"prose": 0, "code": 1}.items():
            mine = [expert for expert, each in zip(experts, field, strict=True) if each == kind]
            print(f"  {name:5}", percent([mine.count(e) / len(mine) for e in range(E)]))
        for name, characters in KINDS.items():
            mine = [expert for expert, c in zip(experts, text, strict=True) if c in characters]
            print(f"  {name:15}", percent([mine.count(e) / len(mine) for e in range(E)]), f"of {len(mine)}")
        for kind, name in enumerate(("prose", "code")):
            for after in (False, True):
                mine = [
                    experts[n]
                    for n, c in enumerate(text)
                    if c == " " and field[n] == kind and (before[n] == " ") == after
                ]
                where = "after a space" if after else "elsewhere"
                print(
                    f"  spaces of {name:5} {where:13}",
                    percent([mine.count(e) / len(mine) for e in range(E)]),
                    f"of {len(mine)}",
                )


def percent(shares: list[float]) -> str:
    """Write shares as per cent, in columns."""
    return " ".join(f"{100 * share:3.0f}" for share in shares)


def main() -> None:
    """Train, and look before and after."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    fields = texts()
    alphabet = "".join(sorted(set("".join(fields)) | set(LINES)))
    numbers = [torch.tensor([alphabet.index(c) for c in field]) for field in fields]
    kept = [field[-60_000:][: 200 * (T + 1)].view(100, 2, T + 1) for field in numbers]
    rows = torch.stack(kept, 1).flatten(0, 2)  # two texts of prose, two of code, and so on
    model = Model(len(alphabet))
    print("before training")
    look(model, rows, alphabet)
    train(model, numbers)
    print("after training")
    look(model, rows, alphabet)
    with torch.no_grad():
        model(torch.tensor([[alphabet.index(c) for c in LINES]]))
    for block in model.blocks:
        print("".join(map(str, block.experts.first.flatten().tolist())))


if __name__ == "__main__":
    main()
