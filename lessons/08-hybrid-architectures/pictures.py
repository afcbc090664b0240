"""The pictures of lesson 8, computed from its phone book and from the configurations of published models."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import elu, normalize

from grader.pictures import Arrow, Bars, Box, Boxes, Curves, Grid, Line, Matrix, Series

NAMES = ("anna", "boris", "vera")
NUMBERS = torch.tensor([3.0, 6.0, 9.0], dtype=torch.float64)
KEYS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], dtype=torch.float64)


def _numbers(x: Tensor, digits: int = 2) -> list[Any]:
    """Plain numbers, rounded: what a picture is made of does not change with the machine."""
    return torch.round(x.detach().double(), decimals=digits).tolist()


# ------------------------------------------------------------ a book that does not fit


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


# ------------------------------------------------------------ a test that asks back


RIGHT = {  # printed by measured/crossing.py, for books of so many names
    "names": (4, 8, 12, 16, 24, 32),
    "attention, K = 8": (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    "state, K = 8": (0.97, 0.91, 0.85, 0.79, 0.7, 0.65),
    "state, K = 16": (1.0, 0.99, 0.98, 0.96, 0.93, 0.88),
    "state, K = 32": (1.0, 1.0, 0.99, 0.97, 0.95, 0.91),
}


def crossing() -> Curves:
    lines = tuple(Line(label, RIGHT["names"], shares) for label, shares in RIGHT.items() if label != "names")
    title = "One layer, books of several sizes"
    return Curves("crossing", title, "names", "share right", lines, low=0.0, high=1.05)


# ------------------------------------------------------------ one layer that looks back


def layers_of_jamba() -> Matrix:
    rows = tuple(f"layers {start}-{start + 7}" for start in range(0, 32, 8))
    columns = tuple(str(i) for i in range(8))
    mixers = [["A" if i % 8 == 4 else "M" for i in range(start, start + 8)] for start in range(0, 32, 8)]
    networks = [["E" if i % 2 == 1 else "-" for i in range(start, start + 8)] for start in range(0, 32, 8)]
    grids = (Grid("mixers", rows, columns, mixers), Grid("networks", rows, columns, networks))
    return Matrix("layers-of-jamba", "The 32 layers of Jamba v0.1", grids, ("",))


# ------------------------------------------------------------ how many layers look back

ATTENTION = {  # attention layers, and all layers that mix tokens
    "Jamba v0.1": (4, 32),
    "MiniMax-Text-01": (10, 80),
    "Mamba-2-Hybrid": (4, 28),
    "Nemotron-H 8B": (4, 28),
    "Qwen3-Next": (12, 48),
    "Kimi Linear": (7, 27),
    "MiniMax-M2": (62, 62),
}


def who_looks_back() -> Bars:
    shares = [round(100 * layers / of, 1) for layers, of in ATTENTION.values()]
    title = "Attention among the layers that mix tokens"
    return Bars("who-looks-back", title, tuple(ATTENTION), (Series("per cent", shares),), "per cent")


# ------------------------------------------------------------ two memories

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


# ------------------------------------------------------------ what a step reads

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


# ------------------------------------------------------------ a stack that decodes


def one_face() -> Boxes:
    layers = ("fade", "look", "fade")
    memories = ("1 number", "1, 2, 3 ...\nnumbers", "1 number")
    boxes = [Box("piece", "piece", 0, 0), Box("result", "result", 0, 4)]
    arrows = []
    for place, (layer, memory) in enumerate(zip(layers, memories, strict=True), start=1):
        boxes += [Box(f"layer{place}", layer, 0, place), Box(f"memory{place}", memory, 1, place)]
        arrows += [Arrow(f"memory{place}", f"layer{place}"), Arrow(f"layer{place}", f"memory{place}")]
    ids = ["piece", "layer1", "layer2", "layer3", "result"]
    arrows += [Arrow(a, b) for a, b in pairwise(ids)]
    return Boxes("one-face", "Three layers and their memories", tuple(boxes), tuple(arrows))


# ------------------------------------------------------------ attention that adds up


def how_sharp() -> Curves:
    lengths = [0.25 * n for n in range(33)]
    k = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    soft, linear = [], []
    for length in lengths:
        q = torch.tensor([length, 0.0], dtype=torch.float64)
        soft.append((k @ q).softmax(0)[0].item())
        w = (elu(k) + 1) @ (elu(q) + 1)
        linear.append((w[0] / w.sum()).item())
    lines = (Line("softmax", lengths, _rounded(soft)), Line("elu + 1", lengths, _rounded(linear)))
    return Curves("how-sharp", "Weight of the key that is asked for", "length of the query", "weight", lines, 0.0, 1.0)


def _rounded(values: list[float], digits: int = 3) -> list[float]:
    return [round(value, digits) for value in values]


def two_orders() -> Boxes:
    return Boxes(
        "two-orders",
        "Features of queries and keys, and values",
        (
            Box("q1", "queries\nT x K", 0, 0),
            Box("k1", "keys\nK x T", 1, 0),
            Box("w", "weights\nT x T", 0, 1),
            Box("v1", "values\nT x K", 1, 1),
            Box("y1", "result\nT x K", 0, 2),
            Box("k2", "keys\nK x T", 2, 0),
            Box("v2", "values\nT x K", 3, 0),
            Box("s", "state\nK x K", 2, 1),
            Box("q2", "queries\nT x K", 3, 1),
            Box("y2", "result\nT x K", 2, 2),
        ),
        (
            Arrow("q1", "w"),
            Arrow("k1", "w"),
            Arrow("w", "y1"),
            Arrow("v1", "y1"),
            Arrow("k2", "s"),
            Arrow("v2", "s"),
            Arrow("s", "y2"),
            Arrow("q2", "y2"),
        ),
    )


# ------------------------------------------------------------ a memory that can be corrected


def three_ways_to_write() -> Bars:
    anna = KEYS[0]
    state = (NUMBERS[:2, None] * KEYS[:2]).sum(0)
    rules = {
        "sum": state + 7 * anna,
        "fade by half": 0.5 * state + 7 * anna,
        "delta rule": state + (7 - anna @ state) * anna,
    }
    series = tuple(Series(name, [rule[i].item() for rule in rules.values()]) for i, name in enumerate(NAMES[:2]))
    return Bars("three-ways-to-write", "It should say 7 and 6", tuple(rules), series, "read")


def _error(n: int, rule: float, K: int = 64) -> float:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        keys = normalize(torch.randn(n, K), dim=1)
        old, new = torch.randn(2, n, K)
    state = torch.zeros(K, K)
    for values in (old, new):
        for k, v in zip(keys, values, strict=True):
            state = state + torch.outer(k, v - rule * (k @ state))
    return round(float((keys @ state - new).square().mean() / new.square().mean()), 2)


def error_of_new_numbers() -> Curves:
    sizes = [4, 8, 16, 24, 32, 48, 64]
    lines = tuple(
        Line(label, sizes, [_error(n, rule) for n in sizes]) for label, rule in (("sum", 0.0), ("delta", 1.0))
    )
    title = "New numbers for all names, K = 64"
    return Curves("error-of-new-numbers", title, "names in the book", "error", lines, low=0.0)


# ------------------------------------------------------------ a chunk at a time


def triangular_system() -> Matrix:
    M = torch.tril(KEYS @ KEYS.T, -1) + torch.eye(3, dtype=torch.float64)
    u = torch.linalg.solve_triangular(M, NUMBERS[:, None], upper=False)
    return Matrix(
        "triangular-system",
        "Three equations, from top to bottom",
        (
            Grid("1 + M", NAMES, NAMES, _numbers(M, 1), 1),
            Grid("u", NAMES, ("",), _numbers(u, 1), 1),
            Grid("numbers", NAMES, ("",), _numbers(NUMBERS[:, None], 1), 1),
        ),
        ("×", "="),
    )


def chunks_of_four() -> Matrix:
    def cell(i: int, j: int) -> str:
        if j > i:
            return ""
        return "x" if i // 4 == j // 4 else "s"

    columns = tuple(str(i) for i in range(12))
    rows = tuple(f"token {i}" for i in range(12))
    cells = [[cell(i, j) for j in range(12)] for i in range(12)]
    return Matrix("chunks-of-four", "How token i (row) meets token j (column)", (Grid("", rows, columns, cells),))


# ------------------------------------------------------------ one step, seven names


def four_transitions() -> Matrix:
    key = torch.tensor([0.8, 0.6, 0.0, 0.0], dtype=torch.float64)
    one = torch.eye(4, dtype=torch.float64)
    rows = torch.diag(torch.tensor([0.9, 0.5, 1.0, 0.2], dtype=torch.float64))
    erase = one - torch.outer(key, key)
    names = {"Mamba-2": 0.5 * one, "GLA": rows, "DeltaNet": erase, "KDA": erase @ rows}
    cells = {
        name: [[f"{x:.1f}" if x else "" for x in row] for row in _numbers(each, 1)] for name, each in names.items()
    }
    grids = tuple(Grid(name, (), (), each) for name, each in cells.items())
    return Matrix("four-transitions", "What a token does to the state, K = 4", grids, ("", "", ""))


# ------------------------------------------------------------ side by side


def two_ways_to_mix() -> Boxes:
    return Boxes(
        "two-ways-to-mix",
        "Two layers of each kind",
        (
            Box("rows", "in rows", 0, 0),
            Box("s1", "state", 0, 1),
            Box("a1", "attention", 0, 2),
            Box("end1", "result", 0, 3),
            Box("side", "side\nby side", 2, 0),
            Box("s2", "state", 1, 1),
            Box("a2", "attention", 3, 1),
            Box("join", "norms,\ntogether", 2, 2),
            Box("end2", "result", 2, 3),
        ),
        (
            Arrow("rows", "s1"),
            Arrow("s1", "a1"),
            Arrow("a1", "end1"),
            Arrow("side", "s2"),
            Arrow("side", "a2"),
            Arrow("s2", "join"),
            Arrow("a2", "join"),
            Arrow("join", "end2"),
        ),
    )


# ------------------------------------------------------------ which one


def copies_along_a_prefix() -> Matrix:
    rows = ("keys, values", "state copies")
    columns = tuple(str(i) for i in range(12))
    cells = [[True] * 12, [i % 4 == 3 for i in range(12)]]
    return Matrix(
        "copies-along-a-prefix", "What is kept of a beginning of 12 tokens", (Grid("", rows, columns, cells),)
    )
