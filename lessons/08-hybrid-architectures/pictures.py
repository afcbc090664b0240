"""The pictures of lesson 8, computed from its phone book and from the configurations of published models."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, elu, normalize

from grader.picture import Bars, Curves, Grid, Line, Matrix, Series

NAMES = ("anna", "boris", "vera")
NUMBERS = torch.tensor([3.0, 6.0, 9.0], dtype=torch.float64)
KEYS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], dtype=torch.float64)


def _numbers(x: Tensor, digits: int = 2) -> list:
    """Plain numbers, rounded: what a picture is made of does not change with the machine."""
    return torch.round(x.detach().double(), decimals=digits).tolist()


# ------------------------------------------------------------ 1 a book that does not fit


def book_in_a_state() -> Matrix:
    states = (NUMBERS[:, None] * KEYS).cumsum(0)  # (T, K), after each entry
    read = _numbers(states @ KEYS.T, 1)
    cells = [["" if j > i else read[i][j] for j in range(3)] for i in range(3)]
    rows = tuple(f"after {name}" for name in NAMES)
    return Matrix(
        "book-in-a-state",
        "A state of two numbers; it should say 3, 6, 9",
        (Grid("state", rows, ("", ""), _numbers(states, 1), 1), Grid("read under", rows, NAMES, cells, 1)),
        ("",),
    )


def _right(n: int, K: int) -> float:
    """The share of right digits that a state with keys of length K gives for a book of n names."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        keys = normalize(torch.randn(n, K), dim=1)
        digits = torch.randint(10, (n,))
    state = keys.T @ torch.eye(10)[digits]
    return round(((keys @ state).argmax(1) == digits).float().mean().item(), 2)


def share_of_right_answers() -> Curves:
    sizes = [2**n for n in range(3, 12)]
    lines = [Line(f"state, K = {K}", sizes, [_right(n, K) for n in sizes]) for K in (16, 64, 256)]
    return Curves(
        "share-of-right-answers",
        "Looking up a digit",
        "names in the book",
        "share right",
        (Line("attention", sizes, [1.0] * len(sizes)), *lines),
        low=0.0,
        log_x=True,
    )


# ------------------------------------------------------------ 2 one layer that looks back

BOOK, WIDTH = 32, 32  # names, and D


class _Layer(nn.Module):
    """Attention, or a state with positive features; added to the residual stream."""

    def __init__(self, exact: bool, K: int) -> None:
        super().__init__()
        self.exact, self.K = exact, K
        self.norm = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 2 * K + WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).split([self.K, self.K, WIDTH], -1)
        past = torch.ones(x.shape[1], x.shape[1], dtype=x.dtype).tril()
        if self.exact:
            w = (q @ k.mT / self.K**0.5).masked_fill(past == 0, float("-inf")).softmax(-1)
        else:
            w = (elu(q) + 1) @ (elu(k) + 1).mT * past
            w = w / w.sum(-1, keepdim=True)
        y: Tensor = x + self.out(w @ v)
        return y


class _Reader(nn.Module):
    """Entries and questions in, logits of ten digits out. Digit 10 is a question."""

    def __init__(self, plan: str, K: int) -> None:
        super().__init__()
        self.name, self.digit = nn.Embedding(BOOK, WIDTH), nn.Embedding(11, WIDTH)
        self.layers = nn.Sequential(*(_Layer(kind == "A", K) for kind in plan))
        self.norm, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10)

    def forward(self, names: Tensor, digits: Tensor) -> Tensor:
        logits: Tensor = self.out(self.norm(self.layers(self.name(names) + self.digit(digits))))
        return logits


def _books(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Shuffled books and as many questions: names, digits (10 for a question), and the answers."""
    names = torch.rand(count, BOOK).argsort(1)
    digits = torch.randint(10, (count, BOOK))
    asked = torch.randint(BOOK, (count, BOOK))
    shown = torch.cat([digits, torch.full_like(digits, 10)], 1)
    return torch.cat([names, names.gather(1, asked)], 1), shown, digits.gather(1, asked)


def _learning(plan: str, K: int) -> list[float]:
    """The share of right answers of every 20 steps."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = _Reader(plan, K).double()
        adam = torch.optim.Adam(model.parameters(), lr=0.01)
        shares = []
        for _ in range(160):
            names, digits, answers = _books(32)
            logits = model(names, digits)[:, BOOK:]
            loss = cross_entropy(logits.flatten(0, 1), answers.flatten())
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            shares.append((logits.argmax(-1) == answers).double().mean().item())
    return [round(sum(shares[i : i + 20]) / 20, 2) for i in range(0, 160, 20)]


def one_layer_is_enough() -> Curves:
    steps = list(range(10, 160, 20))
    plans = (("state, attention, state", "SAS", 8), ("three states", "SSS", 8), ("three states, K = 32", "SSS", 32))
    lines = tuple(Line(label, steps, _learning(plan, K)) for label, plan, K in plans)
    return Curves("one-layer-is-enough", "Three layers, K = 8", "step", "share right", lines, low=0.0, high=1.05)


def layers_of_jamba() -> Matrix:
    rows = tuple(f"{start}-{start + 7}" for start in range(0, 32, 8))
    columns = tuple(str(i) for i in range(8))
    mixers = [["A" if i % 8 == 4 else "M" for i in range(start, start + 8)] for start in range(0, 32, 8)]
    networks = [["E" if i % 2 == 1 else "-" for i in range(start, start + 8)] for start in range(0, 32, 8)]
    grids = (Grid("mixers", rows, columns, mixers), Grid("networks", rows, columns, networks))
    return Matrix("layers-of-jamba", "The 32 layers of Jamba v0.1", grids, ("",))


# ------------------------------------------------------------ 3 how many layers look back

ATTENTION = {  # attention layers, and all layers that mix tokens
    "Jamba v0.1": (4, 32),
    "MiniMax-Text-01": (10, 80),
    "Mamba-2-Hybrid": (4, 28),
    "Nemotron-H 8B": (4, 28),
    "Qwen3-Next": (12, 48),
    "Kimi Linear": (1, 4),
    "MiniMax-M2": (62, 62),
}


def who_looks_back() -> Bars:
    shares = [round(100 * layers / of, 1) for layers, of in ATTENTION.values()]
    title = "Attention among the layers that mix tokens"
    return Bars("who-looks-back", title, tuple(ATTENTION), (Series("per cent", shares),), "per cent")


# ------------------------------------------------------------ 4 two memories

D, L, G, K, N, W = 4096, 32, 8, 128, 16, 4  # Jamba v0.1; Mixtral has the same D, L, G and K
STATE = 2 * D * (N + W)  # numbers of one Mamba layer
GIB = 2**30


def _cache(tokens: int, layers: int, heads: int = G) -> int:
    """Bytes of keys and values, 2 for a number."""
    return layers * 2 * heads * K * tokens * 2


def caches_of_256k() -> Bars:
    tokens = 262_144
    sizes = {
        "28 Mamba layers": 28 * STATE * 2,
        "Jamba, 4 layers": _cache(tokens, 4),
        "Mixtral, 32 layers": _cache(tokens, 32),
        "Llama 2 7B, 32 layers": _cache(tokens, 32, 32),
    }
    values = [round(size / GIB, 2) for size in sizes.values()]
    return Bars("caches-of-256k", "Memory for one text", tuple(sizes), (Series("GiB", values),), "GiB")


def where_the_lines_cross() -> Curves:
    lengths = [2**n for n in range(3, 13)]
    return Curves(
        "where-the-lines-cross",
        "One layer of Jamba, KiB",
        "tokens",
        "KiB",
        (
            Line("attention", lengths, [_cache(tokens, 1) / 1024 for tokens in lengths]),
            Line("Mamba", lengths, [STATE * 2 / 1024 for _ in lengths]),
        ),
        log_x=True,
        log_y=True,
    )


# ------------------------------------------------------------ 5 what a step reads

READ = 3.35e12  # bytes a second
ACTIVE = {"Jamba": (12.11e9, 4), "Mixtral": (12.88e9, 32)}  # parameters, attention layers


def what_a_step_reads() -> Bars:
    groups, weights, caches = [], [], []
    for tokens in (4096, 131_072, 262_144):
        for name, (active, layers) in ACTIVE.items():
            groups.append(f"{name} {tokens // 1024}K")
            weights.append(round(2 * active / READ * 1e3, 1))
            caches.append(round(_cache(tokens, layers) / READ * 1e3, 1))
    title = "Reading in one step, one text"
    return Bars("what-a-step-reads", title, tuple(groups), (Series("weights", weights), Series("cache", caches)), "ms")
