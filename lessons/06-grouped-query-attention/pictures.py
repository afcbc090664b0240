"""The pictures of lesson 6, computed from the same small examples and settings as its text."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from grader.pictures import Arrow, Bars, Box, Boxes, Curves, Grid, Heatmap, Line, Matrix, Series

TEXT = ("we", "painted", "the", "boat", "and", "the", "boat", "sank")
HEADS = ("head 0", "head 1", "head 2", "head 3")

LN3 = math.log(3)
Q = torch.tensor([0, LN3, 0, LN3 / 2], dtype=torch.float64)  # one query for each of four heads
K = torch.tensor([[0.0, 0], [2, 0], [0, 2], [0, 2]], dtype=torch.float64)  # of the two words "the boat"
V = torch.tensor([[8.0, 24], [12, 16], [2, 0], [0, 6]], dtype=torch.float64)

BANDWIDTH = 3.35e12  # bytes a second


def _numbers(x: Tensor, digits: int = 2) -> list[Any]:
    """Plain numbers, rounded: what a picture is made of does not change with the machine."""
    return torch.round(x.detach().double(), decimals=digits).tolist()


def _rounded(values: Sequence[float], digits: int = 2) -> list[float]:
    return [round(value, digits) for value in values]


# ------------------------------------------------------------ 1 many questions


def wide_or_four() -> Matrix:
    wide = ((Q[:, None] * K).sum(0) / 2).softmax(-1)[None]
    four = (Q[:, None] * K).softmax(-1)
    return Matrix(
        "wide-or-four",
        "What 'boat' takes from each of the two words",
        (
            Grid("one wide head", ("all",), ("the", "boat"), _numbers(wide)),
            Grid("four heads", HEADS, ("the", "boat"), _numbers(four)),
        ),
        ("",),
    )


def heads_of_2017() -> Curves:
    """Vaswani et al. 2017, table 3, rows (A) and the base model."""
    line = Line("a transformer of width 512", [1, 4, 8, 16, 32], [24.9, 25.5, 25.8, 25.8, 25.4])
    title = "More heads at the same price, up to a point"
    return Curves("heads-of-2017", title, "heads", "BLEU", (line,), low=24.5, high=26.0, log_x=True)


def what_a_head_owns() -> Matrix:
    H, width = 3, 2
    own = [h == 1 for h in range(H) for _ in range(width)]
    numbers = tuple(str(n) for n in range(H * width))
    rows = [[mine] * (H * width) for mine in own]
    columns = [own for _ in numbers]
    return Matrix(
        "what-a-head-owns",
        "The part of head 1 in matrices of 6 rows and 6 columns",
        (
            Grid("queries, keys, values", numbers, numbers, rows),
            Grid("output", numbers, numbers, columns),
        ),
        ("",),
    )


# ------------------------------------------------------------ 2 completing a pattern, 3 what heads do


def _two_layers() -> tuple[Tensor, Tensor]:
    """The weights of the previous-token head and of the induction head on the text of the lesson."""
    vocab = sorted(set(TEXT))
    x = torch.eye(len(vocab), dtype=torch.float64)[[vocab.index(word) for word in TEXT]]
    future = torch.ones(len(TEXT), len(TEXT)).triu(1).bool()

    def weights(scores: Tensor) -> Tensor:
        return (8 * scores).masked_fill(future, -math.inf).softmax(-1)

    first = weights(torch.diag(torch.ones(len(TEXT) - 1, dtype=torch.float64), -1))
    return first, weights(x @ (first @ x).T)


def one_back() -> Heatmap:
    title = "A head that looks one word back"
    return Heatmap("one-back", title, TEXT, TEXT, _numbers(_two_layers()[0]))


def what_came_next() -> Heatmap:
    title = "A head that looks at what came after the same word"
    return Heatmap("what-came-next", title, TEXT, TEXT, _numbers(_two_layers()[1] + 1e-6))  # 1/8 is 0.13 everywhere


# The next four hold what was measured with the program in the statement of attention_heads, on the 4-bit weights of
# SmolLM2-135M-Instruct: the weights of two heads on the text of the lesson, one token for each word; scores; losses.


def _triangle(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    return [[*row, *(0.0 for _ in range(len(rows) - len(row)))] for row in rows]


def real_one_back() -> Heatmap:
    rows = (
        (1.0,),
        (0.96, 0.04),
        (0.16, 0.84, 0.0),
        (0.19, 0.26, 0.54, 0.01),
        (0.11, 0.0, 0.05, 0.84, 0.01),
        (0.08, 0.0, 0.0, 0.27, 0.65, 0.0),
        (0.16, 0.0, 0.0, 0.0, 0.18, 0.63, 0.02),
        (0.04, 0.0, 0.0, 0.0, 0.0, 0.01, 0.94, 0.0),
    )
    return Heatmap("real-one-back", "Head 16.0 of SmolLM2-135M", TEXT, TEXT, _triangle(rows))


def real_what_came_next() -> Heatmap:
    rows = (
        (1.0,),
        (1.0, 0.0),
        (0.98, 0.0, 0.02),
        (0.99, 0.01, 0.0, 0.0),
        (0.96, 0.01, 0.0, 0.03, 0.0),
        (0.91, 0.0, 0.0, 0.09, 0.0, 0.0),
        (0.12, 0.02, 0.0, 0.01, 0.65, 0.19, 0.0),
        (0.98, 0.01, 0.0, 0.01, 0.0, 0.0, 0.0, 0.0),
    )
    return Heatmap("real-what-came-next", "Head 17.4 of SmolLM2-135M", TEXT, TEXT, _triangle(rows))


def best_of_each_layer() -> Curves:
    previous = (
        *(0.14, 0.71, 0.75, 0.15, 0.13, 0.06, 0.16, 0.13, 0.05, 0.2, 0.48, 0.84, 0.24, 0.4, 0.06),
        *(0.2, 0.91, 0.36, 0.28, 0.71, 0.12, 0.07, 0.64, 0.06, 0.04, 0.06, 0.07, 0.14, 0.09, 0.2),
    )
    induction = (
        *(0.02, 0.01, 0.02, 0.01, 0.02, 0.01, 0.02, 0.01, 0.02, 0.01, 0.02, 0.02, 0.01, 0.01, 0.04),
        *(0.01, 0.01, 0.77, 0.91, 0.07, 0.39, 0.23, 0.31, 0.56, 0.37, 0.07, 0.07, 0.03, 0.06, 0.04),
    )
    layers = list(range(30))
    lines = (Line("previous token", layers, previous), Line("induction", layers, induction))
    return Curves("best-of-each-layer", "The best head of each layer", "layer", "score", lines, low=0.0, high=1.0)


def heads_cut() -> Bars:
    cuts = ("nothing", "18.6", "18.6 17.3 17.4", "16.0", "control")
    return Bars(
        "heads-cut",
        "SmolLM2-135M without some of its 270 heads",
        cuts,
        (
            Series("first reading", [14.04, 14.01, 13.95, 14.27, 14.06]),
            Series("second reading", [2.99, 5.36, 7.74, 9.35, 3.55]),
        ),
        "loss",
    )


# ------------------------------------------------------------ 4 the cache is the bill


def who_reads_whom() -> Matrix:
    H = 8
    grids = []
    for name, groups in (("MHA, 8", 8), ("GQA, 2", 2), ("MQA, 1", 1)):
        cells = [[h * groups // H == g for g in range(groups)] for h in range(H)]
        queries = tuple(f"query {h}" for h in range(H))
        grids.append(Grid(name, queries, tuple(f"k{g}" for g in range(groups)), cells))
    return Matrix("who-reads-whom", "KV heads for 8 query heads", tuple(grids), ("", ""))


def cache_by_heads() -> Bars:
    """The cache of one conversation of 8192 tokens, by its heads of keys and values, with the sizes of Llama 3 8B."""
    heads = (1, 2, 4, 8, 16, 32)
    sizes = [2 * 32 * each * 128 * 8192 * 2 / 2**30 for each in heads]
    names = tuple(f"{each} head{'s' * (each > 1)}" for each in heads)
    title = "KV cache of 8192 tokens by KV heads"
    return Bars("cache-by-heads", title, names, (Series("cache", sizes),), "GiB")


# ------------------------------------------------------------ 5 who reads whom


def tiled_or_not() -> Matrix:
    keys = torch.arange(2)
    ways = (("repeat_interleave", keys.repeat_interleave(2)), ("repeat", keys.repeat(2)))
    rows, columns = tuple(f"query {h}" for h in range(4)), ("k0", "k1")
    grids = tuple(Grid(name, rows, columns, (read[:, None] == keys).tolist()) for name, read in ways)
    return Matrix("tiled-or-not", "Who reads whom, in two ways of repeating", grids, ("",))


def step_by_texts() -> Curves:
    texts = [1, 2, 4, 8, 16, 32, 64]
    others = 8_030_261_248 - 128_256 * 4096 - 32 * 2 * 4096 * 8 * 128
    lines = []
    for label, groups in (("8 KV heads", 8), ("32 KV heads", 32)):
        weights = (others + 32 * 2 * 4096 * groups * 128) * 2
        cache = 2 * 32 * groups * 128 * 8192 * 2
        lines.append(Line(label, texts, _rounded([(weights + n * cache) / BANDWIDTH * 1e3 for n in texts], 1)))
    title = "A step of Llama 3 8B, 8192 tokens in each text"
    return Curves("step-by-texts", title, "texts at once", "ms", tuple(lines), low=0.0)


# ------------------------------------------------------------ 6 from many to few


def _read(k: Tensor, v: Tensor) -> Tensor:
    k, v = (x.repeat_interleave(4 // len(x), 0) for x in (k, v))
    return ((Q[:, None] * k).softmax(-1) * v).sum(-1)


def start_of_uptraining() -> Bars:
    mean_k, mean_v = (x.view(2, 2, 2).mean(1) for x in (K, V))
    series = (
        Series("as trained", _numbers(_read(K, V))),
        Series("mean", _numbers(_read(mean_k, mean_v))),
        Series("first head", _numbers(_read(K[::2], V[::2]))),
        Series("sum", _numbers(_read(2 * mean_k, 2 * mean_v))),
    )
    return Bars("start-of-uptraining", "What four query heads read", HEADS, series, "output")


def rows_pooled() -> Matrix:
    rows = torch.arange(1.0, 9)
    pooled = rows.view(2, 2, 2).mean(1).flatten()
    labels = tuple(f"head {h}" if row == 0 else "" for h in range(4) for row in range(2))
    groups = tuple(f"group {g}" if row == 0 else "" for g in range(2) for row in range(2))
    return Matrix(
        "rows-pooled",
        "Rows of four heads of width 2 become rows of two",
        (
            Grid("before", labels, (), [[int(n)] for n in rows.tolist()]),
            Grid("after", groups, (), [[int(n)] for n in pooled.tolist()]),
        ),
        ("→",),
    )


def three_starts() -> Curves:
    torch.manual_seed(0)
    queries = torch.randn(500, 4).double()

    def read(k: Tensor, v: Tensor) -> Tensor:
        k, v = (x.repeat_interleave(4 // len(x), 0) for x in (k, v))
        return ((queries[..., None] * k).softmax(-1) * v).sum(-1)

    target = read(K, V)
    starts = {
        "mean": (K.view(2, 2, 2).mean(1), V.view(2, 2, 2).mean(1)),
        "first head": (K[::2], V[::2]),
        "random": (torch.randn(2, 2).double(), torch.randn(2, 2).double()),
    }
    lines = []
    for name, start in starts.items():
        k, v = (x.clone().requires_grad_() for x in start)
        adam = torch.optim.Adam([k, v], lr=0.1)
        losses = []
        for _ in range(401):
            loss = (read(k, v) - target).square().mean()
            losses.append(loss.item())
            adam.zero_grad()
            loss.backward()
            adam.step()
        lines.append(Line(name, list(range(0, 401, 10)), _rounded(losses[::10], 1)))
    title = "Two heads learn to answer for four"
    return Curves("three-starts", title, "step", "loss", tuple(lines), low=1.0, log_y=True)


# ------------------------------------------------------------ 7 one short vector


def two_orders() -> Boxes:
    return Boxes(
        "two-orders",
        "Two ways to one score",
        (
            Box("latent0", "latent\nof each token", 0, 0),
            Box("matrix0", "matrix of\nthe head", 0, 1),
            Box("key", "key of\neach token", 0, 2),
            Box("score0", "score", 0, 3),
            Box("query0", "query", 1, 2),
            Box("query1", "query", 2, 0),
            Box("matrix1", "matrix of\nthe head", 2, 1),
            Box("asked", "long query,\nonce", 2, 2),
            Box("score1", "score", 2, 3),
            Box("latent1", "latent\nof each token", 3, 2),
        ),
        (
            Arrow("latent0", "matrix0"),
            Arrow("matrix0", "key"),
            Arrow("key", "score0"),
            Arrow("query0", "score0"),
            Arrow("query1", "matrix1"),
            Arrow("matrix1", "asked"),
            Arrow("asked", "score1"),
            Arrow("latent1", "score1"),
        ),
    )


def shapes_of_latents() -> Boxes:
    """The shapes of one absorbed step with the sizes of DeepSeek-V3."""
    return Boxes(
        "shapes-of-latents",
        "One new token, 128 heads, a cache of S tokens",
        (
            Box("query", "queries\n128 × 128", 0, 0),
            Box("long", "long\nqueries\n128 × 512", 0, 1),
            Box("scores", "scores\n128 × S", 0, 2),
            Box("mean", "mean\nlatents\n128 × 512", 0, 3),
            Box("output", "outputs\n128 × 128", 0, 4),
            Box("turned", "turned\nqueries\n128 × 64", 1, 1),
            Box("kept", "kept\nS × 576", 2, 2),
        ),
        (
            Arrow("query", "long"),
            Arrow("long", "scores"),
            Arrow("turned", "scores"),
            Arrow("kept", "scores"),
            Arrow("scores", "mean"),
            Arrow("kept", "mean"),
            Arrow("mean", "output"),
        ),
    )


def what_a_token_leaves() -> Bars:
    kinds = {"MHA": 2 * 128 * 128, "GQA, 8 heads": 2 * 8 * 128, "latent, 512 + 64": 576, "MQA": 2 * 128}
    title = "Numbers kept for a token in one layer"
    return Bars("what-a-token-leaves", title, tuple(kinds), (Series("numbers", list(kinds.values())),), "numbers")


# ------------------------------------------------------------ 8 a key for the position


def two_keys() -> Boxes:
    return Boxes(
        "two-keys",
        "Content and position meet in a sum",
        (
            Box("query", "content\nquery", 0, 0),
            Box("matrix", "matrix,\nonce", 0, 1),
            Box("latent", "times\nlatent", 0, 2),
            Box("sum", "+", 0, 3),
            Box("root", "divided\nby root", 0, 4),
            Box("turned", "turned\nquery", 1, 0),
            Box("key", "times\nturned key", 1, 2),
        ),
        (
            Arrow("query", "matrix"),
            Arrow("matrix", "latent"),
            Arrow("latent", "sum"),
            Arrow("sum", "root"),
            Arrow("turned", "key"),
            Arrow("key", "sum"),
        ),
    )


# ------------------------------------------------------------ 9 a short memory


def ring_of_three() -> Matrix:
    W = 3
    slots, cells = [-1] * W, []
    for m in range(6):
        slots[m % W] = m
        cells.append([str(n) if n >= 0 else "·" for n in slots])
    comes = tuple(f"{m} comes" for m in range(6))
    labels = tuple(f"slot {n}" for n in range(W))
    return Matrix("ring-of-three", "Positions in a ring of three slots", (Grid("kept", comes, labels, cells),))


def share_of_the_sink() -> Bars:
    sinks = (-2.0, 0.0, 2.0, 5.0)
    keys = [2 / (2 + math.exp(z)) for z in sinks]
    series = (Series("both keys", _rounded(keys)), Series("sink", _rounded([1 - share for share in keys])))
    groups = tuple(f"z = {z:g}" for z in sinks)
    return Bars("share-of-the-sink", "How a query spends its weight of 1", groups, series, "weight")


def kept_by_layout() -> Curves:
    lengths = [2**n for n in range(9, 18)]
    layouts = (("62 full layers", 62), ("10 full, 52 windows of 1024", 10), ("62 windows of 1024", 0))
    lines = tuple(
        Line(label, lengths, [full * n + (62 - full) * min(n, 1024) for n in lengths]) for label, full in layouts
    )
    title = "Tokens kept in all layers together"
    return Curves("kept-by-layout", title, "tokens in the text", "kept", lines, log_x=True, log_y=True)


# ------------------------------------------------------------ 10 keep all, read some, 11 a text in blocks


def dense_or_chosen() -> Curves:
    """Multiplications of one query in one layer of DeepSeek-V3.2."""
    lengths = [2**n for n in range(9, 21)]
    token, small, most = 128 * (576 + 512), 64 * 128, 2048
    lines = (
        Line("all tokens read", lengths, [n * token for n in lengths]),
        Line("indexer and 2048 read", lengths, [n * small + min(n, most) * token for n in lengths]),
        Line("of these, the indexer", lengths, [n * small for n in lengths]),
    )
    title = "One query in one layer of DeepSeek-V3.2"
    return Curves("dense-or-chosen", title, "tokens", "multiplications", lines, log_x=True, log_y=True)


def blocks_that_are_read() -> Matrix:
    """Which of 64 keys the last query of each block of 4 reads: by a window of 12, and by three chosen blocks.

    From query 32 on, the block of keys 8 to 11 is what the queries are looking for.
    """
    torch.manual_seed(0)
    length, block, count = 64, 4, 3
    keys, queries = torch.randn(length, 16), torch.randn(length, 16)
    queries[32:] += keys[8:12].mean(0) * 4
    means = keys.view(-1, block, 16).mean(1)
    window, chosen = [], []
    for own in range(length // block):
        best = (means[:own] @ queries[own * block + block - 1]).topk(min(count - 1, own)).indices.tolist()
        window.append([_mark(each, own, each > own - count) for each in range(length // block)])
        chosen.append([_mark(each, own, each in (*best, own)) for each in range(length // block)])
    rows = tuple(str(own * block + block - 1) for own in range(length // block))
    columns = tuple(str(each * block) for each in range(length // block))
    grids = (Grid("a window of 12", rows, columns, window), Grid("three chosen blocks", rows, columns, chosen))
    return Matrix("blocks-that-are-read", "64 keys in blocks of 4: two ways to read 12 of them", grids, ("",))


def _mark(each: int, own: int, read: bool) -> str:
    return "" if each > own else "■" if read else "·"


# ------------------------------------------------------------ 12 a store for many readers


def before_and_after_a_write() -> Matrix:
    """Text B was forked from A, with the blocks 2 and 0; then it writes its seventh token."""
    before = [["A4", "A5", "", "", "A, B"], ["", "", "", "", ""], ["A0", "A1", "A2", "A3", "A, B"], [""] * 5]
    after = [["A4", "A5", "", "", "A"], ["A4", "A5", "B6", "", "B"], ["A0", "A1", "A2", "A3", "A, B"], [""] * 5]
    blocks = tuple(f"block {n}" for n in range(4))
    places = ("0", "1", "2", "3", "by")
    grids = (Grid("before", blocks, places, before), Grid("after", blocks, places, after))
    return Matrix("before-and-after-a-write", "A store of four blocks, two texts", grids, ("→",))


# ------------------------------------------------------------ 14 attention in tiles


def bytes_on_the_arrows() -> Boxes:
    """MiB between HBM and chip, for a head of 1024 queries and keys of width 64 at 16 bits, in tiles of 128 queries."""
    return Boxes(
        "bytes-on-the-arrows",
        "Left: three kernels. Right: one, in tiles of 128 queries",
        (
            Box("in", "HBM\nqueries, keys", 0, 0),
            Box("products", "chip\nproducts", 0, 1),
            Box("scores", "HBM\nscores", 1, 0),
            Box("softmax", "chip\nsoftmax", 1, 1),
            Box("weights", "HBM\nweights", 2, 0),
            Box("mean", "chip\nmean", 2, 1),
            Box("out", "HBM\noutputs", 3, 0),
            Box("in tiles", "HBM\nqueries, keys\nand values", 0, 3),
            Box("all", "chip\nall three,\ntile by tile", 1, 3),
            Box("out tiles", "HBM\noutputs", 2, 3),
        ),
        (
            Arrow("in", "products", "0.25"),
            Arrow("products", "scores", "2"),
            Arrow("scores", "softmax", "2"),
            Arrow("softmax", "weights", "2"),
            Arrow("weights", "mean", "2.1"),
            Arrow("mean", "out", "0.1"),
            Arrow("in tiles", "all", "2.1"),
            Arrow("all", "out tiles", "0.1"),
        ),
    )


def one_pass() -> Curves:
    scores = [0.0, 0.3, 0.0, 0.2, 2.5, 0.5, 2.0, 4.5, 4.0, 3.0]
    values = [5.0, 10.0, 0.0, 6.0, 4.0, 8.0, 1.0, 3.0, 9.0, 2.0]
    m, total, out = -math.inf, 0.0, 0.0
    sums, quotients = [], []
    for s, v in zip(scores, values, strict=True):
        new = max(m, s)
        factor = math.exp(m - new)
        total, out, m = total * factor + math.exp(s - new), out * factor + math.exp(s - new) * v, new
        sums.append(round(total, 2))
        quotients.append(round(out / total, 2))
    keys = list(range(1, 11))
    whole = torch.tensor(scores).double().softmax(0) @ torch.tensor(values).double()
    lines = (
        Line("sum", keys, sums),
        Line("output so far / sum", keys, quotients),
        Line("output of the whole row", keys, [round(whole.item(), 2)] * 10),
    )
    return Curves("one-pass", "Corrected as it goes on", "keys seen", "", lines, low=0.0)


def tiles_of_a_table() -> Matrix:
    def cell(query: int, key: int) -> str:  # the first query and key of a tile of 2 x 4
        if key > query + 1:
            return "skip"
        return "all" if key + 3 <= query else "mask"

    queries, keys = range(0, 8, 2), range(0, 8, 4)
    cells = [[cell(query, key) for key in keys] for query in queries]
    rows = tuple(f"queries {n}, {n + 1}" for n in queries)
    columns = tuple(f"keys {n} to {n + 3}" for n in keys)
    return Matrix("tiles-of-a-table", "Which tiles of a causal table are computed", (Grid("", rows, columns, cells),))


# ------------------------------------------------------------ 18 a model that speaks


def where_smollm_lies() -> Bars:
    tokens, D, layers, F = 49_152, 576, 30, 1536
    parts = {
        "tokens": tokens * D,
        "attention": layers * (2 * D * 576 + 2 * D * 192),
        "as MHA": layers * 4 * D * D,
        "networks": layers * 3 * D * F,
    }
    sizes = [round(size / 1e6, 1) for size in parts.values()]
    title = "Numbers of SmolLM2-135M"
    return Bars("where-smollm-lies", title, tuple(parts), (Series("millions", sizes),), "millions")


# ------------------------------------------------------------ 9 a short memory, once more


def reach_of_windows() -> Matrix:
    """Which tokens the last one can depend on after three layers with a window of 4; a page lets readers set both."""
    L, W, S = 3, 4, 12
    cells = [[S - 1 - place <= (L - level) * (W - 1) for place in range(S)] for level in range(L, -1, -1)]
    rows = (*(f"layer {level}" for level in range(L, 0, -1)), "tokens")
    grid = Grid("", rows, tuple(map(str, range(S))), cells)
    return Matrix("reach-of-windows", "Three layers with a window of 4: what token 11 depends on", (grid,))
