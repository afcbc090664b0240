"""Train a small mixture on Python's library, and count the experts that its tokens hit: the numbers of part 6.

Run it with `python real_tokens.py` (a quarter of an hour on one core). The model predicts the next character from the
64 before it; it has 4 layers, D = 96, 16 experts of F = 96 in each, and a token uses 2. Loads are kept even by the bias
of lesson 3. The text is the help pages and the modules that Python ships with; the last tenth of each is kept for
counting. It prints (the text differs a little between versions of Python):

tokens in a step, then for each layer: neighbors in one text, of different texts; last the formula
 2:  3.68  3.75 |  3.54  3.75 |  3.45  3.75 |  3.42  3.74  |  3.75
 5:  7.05  7.78 |  6.95  7.78 |  6.64  7.78 |  6.67  7.75  |  7.79
 8:  9.56 10.50 |  9.13 10.49 |  8.76 10.48 |  8.90 10.42  | 10.50
16: 12.92 14.11 | 12.53 14.10 | 12.16 14.09 | 12.24 13.98  | 14.11
layer 0: loads over the even load, from 0.88 to 1.09
layer 1: loads over the even load, from 0.87 to 1.12
layer 2: loads over the even load, from 0.88 to 1.16
layer 3: loads over the even load, from 0.80 to 1.46
"""

import pydoc_data.topics
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention, silu

T, D, F, H, L, E, K_USED = 64, 96, 96, 4, 4, 16, 2
STEPS, TEXTS = 3000, 32


class Experts(nn.Module):
    """E SwiGLU experts, of which a token uses K_USED, with the bias that only chooses."""

    bias: Tensor
    chosen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(D, E, bias=False)
        self.gate, self.up = (nn.Parameter(torch.randn(E, D, F) / D**0.5) for _ in range(2))
        self.down = nn.Parameter(torch.randn(E, F, D) / F**0.5)
        self.register_buffer("bias", torch.zeros(E))

    def forward(self, x: Tensor) -> Tensor:
        scores = self.router(x).sigmoid()  # (B, T, E)
        self.chosen = (scores + self.bias).topk(K_USED).indices
        table = torch.zeros_like(scores).scatter(-1, self.chosen, 1.0)
        if self.training:
            load = table.flatten(0, -2).mean(0)
            self.bias += 0.005 * (load.mean() - load).sign()
        weights = table * scores / (table * scores).sum(-1, keepdim=True)
        flat, out = x.flatten(0, 1), torch.zeros_like(x).flatten(0, 1)
        for e in range(E):
            rows = table[..., e].flatten().nonzero()[:, 0]
            y = silu(flat[rows] @ self.gate[e]) * (flat[rows] @ self.up[e]) @ self.down[e]
            out = out.index_add(0, rows, y * weights[..., e].flatten()[rows, None])
        return out.view_as(x)


class Layer(nn.Module):
    """Causal attention and a mixture, each with a norm before it."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.RMSNorm(D), nn.RMSNorm(D)])
        self.qkv, self.out = nn.Linear(D, 3 * D, bias=False), nn.Linear(D, D, bias=False)
        self.experts = Experts()

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (each.unflatten(-1, (H, D // H)).transpose(1, 2) for each in self.qkv(self.norms[0](x)).chunk(3, -1))
        x = x + self.out(scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        out: Tensor = x + self.experts(self.norms[1](x))
        return out


class Model(nn.Module):
    """A language model of L layers over bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.places = nn.Embedding(256, D), nn.Embedding(T, D)
        self.layers = nn.Sequential(*(Layer() for _ in range(L)))
        self.norm, self.output = nn.RMSNorm(D), nn.Linear(D, 256, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.layers(self.table(ids) + self.places.weight[: ids.shape[1]])
        logits: Tensor = self.output(self.norm(x))
        return logits


def library() -> list[Tensor]:
    """Return the bytes of the help pages and of the modules of Python's library, each as one text."""
    texts = ["\n".join(pydoc_data.topics.topics.values())]
    folder = Path(pydoc_data.topics.__file__).parent.parent
    texts += [path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.glob("*.py"))]
    return [torch.tensor(list(text.encode())) for text in texts if len(text) > 20_000]


def pieces(texts: list[Tensor], count: int) -> Tensor:
    """Return `count` pieces of T + 1 bytes from random places of random texts."""
    sizes = torch.tensor([len(text) - T - 1 for text in texts], dtype=torch.float)
    rows = []
    for which in sizes.multinomial(count, replacement=True).tolist():
        start = int(torch.randint(int(sizes[which]), ()))
        rows.append(texts[which][start : start + T + 1])
    return torch.stack(rows)


def train(texts: list[Tensor]) -> Model:
    """Return a model that was trained on random pieces of the texts."""
    torch.manual_seed(0)
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, STEPS)
    for step in range(STEPS):
        ids = pieces(texts, TEXTS)
        loss = cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 250 == 0 or step == STEPS - 1:
            print(step, f"loss {loss.item():.3f}", flush=True)
    return model.eval()


def distinct(chosen: Tensor) -> float:
    """Return how many different experts the rows of (groups, B, k) hit, on average."""
    used = torch.zeros(len(chosen), E).scatter(1, chosen.flatten(1), 1.0)
    return used.sum(1).mean().item()


def main() -> None:
    """Train, and print how many experts the kept tokens hit."""
    torch.set_num_threads(1)
    texts = library()
    model = train([text[: len(text) * 9 // 10] for text in texts])
    torch.manual_seed(1)
    layers = [layer.experts for layer in model.layers if isinstance(layer, Layer)]
    with torch.no_grad():
        model(pieces([text[len(text) * 9 // 10 :] for text in texts], 2048)[:, :-1])
    order = torch.randperm(2048 * T)  # tokens of random places in random texts
    print("tokens in a step, then for each layer: neighbors in one text, of different texts; last the formula")
    for B in (2, 5, 8, 16):
        cells = []
        for experts in layers:
            chosen = experts.chosen  # (2048, T, k)
            mixed = chosen.flatten(0, 1)[order][: len(order) // B * B].unflatten(0, (-1, B))
            cells.append(f"{distinct(chosen[:, T // 2 : T // 2 + B]):5.2f} {distinct(mixed):5.2f}")
        print(f"{B:2}:", " | ".join(cells), f" | {E * (1 - (1 - K_USED / E) ** B):5.2f}")
    for number, experts in enumerate(layers):
        load = experts.chosen.flatten().bincount(minlength=E) / experts.chosen.numel() * E
        print(f"layer {number}: loads over the even load, from {load.min():.2f} to {load.max():.2f}")


if __name__ == "__main__":
    main()
