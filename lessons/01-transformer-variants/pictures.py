"""The pictures of lesson 1, computed from the same small examples as its text."""

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from grader.pictures import Arrow, Box, Boxes, Curves, Dial, Dials, Grid, Hand, Heatmap, Line, Matrix

torch.set_num_threads(1)  # fastest for such small matrices

SENTENCE = ("the", "boat", "that", "we", "painted", "sank")
WORDS = ("boat", "painted", "sank")
VALUES = torch.tensor([3.0, 6.0, 9.0])
EXPS = torch.tensor([[1.0, 2.0, 1.0], [1.0, 1.0, 2.0], [2.0, 1.0, 1.0]])  # exponentials of the scores

Step: TypeAlias = Callable[[Tensor], Tensor]


def _triangle(T: int, S: int | None = None) -> Tensor:
    S = S or T
    return torch.arange(S) <= torch.arange(T)[:, None] + S - T


def _weights(keep: Tensor) -> Tensor:
    """The weights of the three words under a mask."""
    kept = EXPS * keep
    return kept / kept.sum(-1, keepdim=True)


def _numbers(x: Tensor, digits: int = 2) -> list:
    """Plain numbers, rounded: what a picture is made of does not change with the machine."""
    return (torch.round(x.detach().double(), decimals=digits) + 0.0).tolist()


def _column(x: Tensor, digits: int = 2) -> list[list[float]]:
    return [[number] for number in _numbers(x, digits)]


# ------------------------------------------------------------ 2 queries, keys, values


def sentence_weights() -> Heatmap:
    q, k = torch.zeros(6, 2), torch.zeros(6, 2)
    q[4, 1] = q[5, 0] = 4.0  # "painted" looks for a person, "sank" for a thing
    k[1, 0] = k[3, 1] = 1.0  # "boat" is a thing, "we" a person
    weights = (q @ k.T).masked_fill(~_triangle(6), -math.inf).softmax(-1)
    title = "Who looks at whom: rows ask, columns answer"
    return Heatmap("sentence-weights", title, SENTENCE, SENTENCE, _numbers(weights))


# ------------------------------------------------------------ 3 many heads


def split_and_join() -> Boxes:
    boxes = [Box("x", "word,\n6 numbers", 1, 0), Box("q", "queries,\n6 numbers", 1, 1)]
    arrows = [Arrow("x", "q", "w_q")]
    for h in range(3):
        boxes += [
            Box(f"piece{h}", f"numbers\n{2 * h}, {2 * h + 1}", h, 2),
            Box(f"head{h}", f"head {h}\nattends", h, 3),
        ]
        arrows += [Arrow("q", f"piece{h}"), Arrow(f"piece{h}", f"head{h}"), Arrow(f"head{h}", "joined", "2")]
    boxes += [Box("joined", "joined,\n6 numbers", 1, 4), Box("out", "output", 1, 5)]
    arrows.append(Arrow("joined", "out", "w_out"))
    return Boxes("split-and-join", "One word in a layer with D = 6, H = 3, K = 2", tuple(boxes), tuple(arrows))


# ------------------------------------------------------------ 4 a softmax that does not break


def saturation() -> Curves:
    rng = torch.Generator().manual_seed(0)
    sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    plain, divided = [], []
    for K in sizes:
        q, k = torch.randn(4000, 1, K, generator=rng), torch.randn(4000, 8, K, generator=rng)
        scores = (q * k).sum(-1)
        plain.append(scores.softmax(-1).max(-1).values.mean())
        divided.append((scores / K**0.5).softmax(-1).max(-1).values.mean())
    return Curves(
        "saturation",
        "The largest of 8 weights, mean of 4,000 random queries",
        "length K of queries and keys",
        "largest weight",
        (
            Line("scores as they are", sizes, _numbers(torch.stack(plain))),
            Line("divided by the root of K", sizes, _numbers(torch.stack(divided))),
        ),
        low=0.0,
        high=1.0,
        log_x=True,
    )


def what_is_subtracted() -> Matrix:
    scores = torch.tensor([[1000.0, 1001.0], [0.0, 1.0]])
    ways = {
        "nothing": torch.zeros(2, 1),
        "largest of table": scores.max().expand(2, 1),
        "largest of row": scores.amax(1, keepdim=True),
    }
    cells = []
    for subtracted in ways.values():
        exps = (scores - subtracted).exp()
        weights = exps / exps.sum(1, keepdim=True)
        cells.append([", ".join(f"{weight:.2f}" for weight in row) for row in weights.tolist()])
    grid = Grid("", tuple(ways), ("1000, 1001", "0, 1"), cells)
    return Matrix("what-is-subtracted", "Weights by what is subtracted first", (grid,))


# ------------------------------------------------------------ 5 four masks, one machine


def _masks() -> dict[str, Tensor]:
    key = torch.arange(3)
    return {
        "encoder": torch.ones(3, 3, dtype=torch.bool),
        "causal": _triangle(3),
        "prefix of 2": _triangle(3) | (key < 2),
        "padded": torch.ones(3, 3, dtype=torch.bool) & (key < 2),
    }


def four_masks() -> Matrix:
    grids = []
    for name, keep in _masks().items():
        outputs = _numbers(_weights(keep) @ VALUES)
        cells = [[*row, out] for row, out in zip(keep.tolist(), outputs, strict=True)]
        grids.append(Grid(name, WORDS, ("3", "6", "9", "out"), cells))
    title = "One attention, three masks, and padding: values 3, 6, 9 and what comes out"
    return Matrix("four-masks", title, tuple(grids), ("",) * 3)


def document_mask() -> Matrix:
    words = ("we", "painted", "the", "boat", "sank")
    text = torch.tensor([0, 0, 1, 1, 1])
    causal = _triangle(5)
    same = text[:, None] == text
    grids = tuple(
        Grid(name, words, words, keep.tolist()) for name, keep in (("causal", causal), ("document", causal & same))
    )
    return Matrix("document-mask", "Two texts in one row: who may look at whom", grids, ("",))


# ------------------------------------------------------------ 6 where is a word?


def clock_hands() -> Dials:
    """Three hands at four positions; 0 is up, and they turn clockwise."""
    D = 32
    dials = []
    for place in (5, 10, 40, 100):
        angles = {pair: math.degrees(place * 10000 ** (-2 * pair / D)) for pair in (0, 4, 8)}
        hands = tuple(Hand(f"hand {pair}", round((90 - angle) % 360, 1)) for pair, angle in angles.items())
        dials.append(Dial(f"position {place}", hands))
    return Dials("clock-hands", "Three of the 16 hands, D = 32", tuple(dials))


# ------------------------------------------------------------ 7 what leaks


def padding_takes_weight() -> Curves:
    counts = list(range(9))
    outputs = [(1 * 3 + 2 * 6 + n * 0) / (1 + 2 + n) for n in counts]  # a padded key has the exponential of 0, 1
    return Curves(
        "padding-takes-weight",
        "The output of the word boat, which should be 5",
        "padding tokens in the batch",
        "output",
        (
            Line("padding of zeros, not masked", counts, [round(output, 2) for output in outputs]),
            Line("padding masked", counts, [5.0] * len(counts)),
        ),
        low=0.0,
        high=6.0,
    )


class _Tiny(torch.nn.Module):
    """The model of part 7: 16 words, 8 places, width 32, one attention."""

    def __init__(self, mask: Tensor, late: bool = False) -> None:
        super().__init__()
        self.word, self.place = torch.nn.Embedding(16, 32), torch.nn.Embedding(8, 32)
        self.qkv, self.out = torch.nn.Linear(32, 3 * 32), torch.nn.Linear(32, 16)
        self.mask, self.late = mask, late

    def forward(self, ids: Tensor) -> Tensor:
        x = self.word(ids) + self.place.weight
        q, k, v = self.qkv(x).chunk(3, -1)
        scores = q @ k.transpose(1, 2) / 32**0.5
        if not self.late:
            scores = scores.masked_fill(~self.mask, -math.inf)
        return self.out(x + (scores.softmax(-1) * self.mask) @ v)


_FULL = torch.ones(8, 8, dtype=torch.bool)


def _losses(mask: Tensor, shift: int, late: bool = False) -> list[float]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = _Tiny(mask, late)
        adam = torch.optim.Adam(model.parameters(), lr=0.01)
        losses = []
        for _ in range(100):
            ids = torch.randint(0, 16, (64, 8))
            y = model(ids)[:, : 8 - shift].flatten(0, 1)
            loss = torch.nn.functional.cross_entropy(y, ids[:, shift:].flatten())
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
    return [round(loss, 2) for loss in losses[::4]]


def two_faults() -> Curves:
    steps = list(range(0, 100, 4))
    return Curves(
        "two-faults",
        "Loss on random words: the best possible is ln 16 = 2.77",
        "step",
        "loss",
        (
            Line("right", steps, _losses(_triangle(8), 1)),
            Line("late mask", steps, _losses(_triangle(8), 1, late=True)),
            Line("no mask", steps, _losses(_FULL, 1)),
            Line("no shift", steps, _losses(_triangle(8), 0)),
        ),
        low=0.0,
    )


def position_test() -> Matrix:
    grids = []
    for name, late in (("right mask", False), ("late mask", True)):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = _Tiny(_triangle(8), late)
        ids = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])
        columns = []
        for key in range(8):
            other = ids.clone()
            other[0, key] = 7
            with torch.no_grad():
                columns.append((model(ids) != model(other)).any(-1)[0])
        labels = tuple(str(n) for n in range(8))
        grids.append(Grid(name, labels, labels, torch.stack(columns, 1).tolist()))
    return Matrix("position-test", "Which outputs (rows) move if one word (column) changes", tuple(grids), ("",))


# ------------------------------------------------------------ 8 the layer around it


def residual_stream() -> Boxes:
    return Boxes(
        "residual-stream",
        "Two halves write to one stream",
        (
            Box("in", "x", 0, 0),
            Box("sum1", "+", 0, 2),
            Box("sum2", "+", 0, 4),
            Box("out", "x", 0, 5),
            Box("attention", "attention", 1, 1),
            Box("network", "small network", 1, 3),
        ),
        (
            Arrow("in", "sum1"),
            Arrow("in", "attention", "reads"),
            Arrow("attention", "sum1", "adds"),
            Arrow("sum1", "sum2"),
            Arrow("sum1", "network", "reads"),
            Arrow("network", "sum2", "adds"),
            Arrow("sum2", "out"),
        ),
    )


def _attention(x: Tensor) -> Tensor:
    D = x.shape[-1]
    q, k, v = (x @ torch.randn(D, D) / D**0.5 for _ in range(3))
    return (q @ k.T / D**0.5).softmax(-1) @ v


def _alike(x: Tensor) -> Tensor:
    n = torch.nn.functional.normalize(x, dim=-1)
    return ((n @ n.T).sum() - len(x)) / (len(x) * (len(x) - 1))


def words_become_alike() -> Curves:
    lines = []
    with torch.random.fork_rng():
        torch.manual_seed(1)
        words = torch.randn(6, 64)
        for label, step in (
            ("attention alone", _attention),
            ("with a residual connection", lambda x: x + _attention(x)),
        ):
            x, cosines = words, [_alike(words)]
            for _ in range(8):
                x = step(x)
                cosines.append(_alike(x))
            lines.append(Line(label, list(range(9)), _numbers(torch.stack(cosines))))
            torch.manual_seed(1)
    title = "The mean cosine of two words, after each layer"
    return Curves("words-become-alike", title, "layer", "mean cosine", tuple(lines), low=-0.1, high=1.1)


# ------------------------------------------------------------ 9 where the norm goes


def before_or_after() -> Boxes:
    chains = (
        ("x", "attn.", "+", "norm", "FFN", "+", "norm"),  # post-norm
        ("x", "norm", "attn.", "+", "norm", "FFN", "+"),  # pre-norm
        ("x", "attn.", "norm", "+", "FFN", "norm", "+"),  # inside
    )
    around = (((0, 2), (3, 5)), ((0, 3), (3, 6)), ((0, 3), (3, 6)))  # the residual connections
    boxes = [Box(name, name, row, 0) for row, name in enumerate(("post-\nnorm", "pre-\nnorm", "inside"))]
    arrows = []
    for row, (chain, jumps) in enumerate(zip(chains, around, strict=True)):
        boxes += [Box(f"{row}.{place}", label, row, place + 1) for place, label in enumerate(chain)]
        steps = [(place, place + 1) for place in range(len(chain) - 1)]
        arrows += [Arrow(f"{row}.{a}", f"{row}.{b}") for a, b in (*steps, *jumps)]
    title = "One layer: post-norm, pre-norm, norm inside"
    return Boxes("before-or-after", title, tuple(boxes), tuple(arrows))


def _norm(x: Tensor) -> Tensor:
    return torch.nn.functional.layer_norm(x, x.shape[-1:])


def _gradients(place: Callable[[Tensor, Step], Tensor], last: Step, factor: float, seed: int) -> Tensor:
    """Return the size of the gradient of the last matrix in each of 36 layers, before training.

    `place` says where the norm goes, `last` is applied after the last layer, and `factor` multiplies the scores. In
    float32 the largest gradient would differ from machine to machine.
    """
    D, F, L, V = 64, 256, 36, 16

    def matrix(rows: int, columns: int) -> Tensor:
        return (torch.randn(rows, columns, generator=rng).double() / rows**0.5).requires_grad_()

    rng = torch.Generator().manual_seed(seed)
    layers = [[*(matrix(D, D) for _ in range(4)), matrix(D, F), matrix(F, D)] for _ in range(L)]
    logits, x = matrix(D, V), torch.randn(8, 16, D, generator=rng).double()
    labels = torch.randint(0, V, (8 * 16,), generator=rng)
    for q, k, v, out, up, down in layers:

        def attention(x: Tensor, q: Tensor = q, k: Tensor = k, v: Tensor = v, out: Tensor = out) -> Tensor:
            return (factor * x @ q @ (x @ k).transpose(1, 2) / D**0.5).softmax(-1) @ (x @ v) @ out

        def ffn(x: Tensor, up: Tensor = up, down: Tensor = down) -> Tensor:
            return torch.relu(x @ up) * 2**0.5 @ down

        x = place(place(x, attention), ffn)
    torch.nn.functional.cross_entropy((last(x) @ logits).flatten(0, 1), labels).backward()
    return torch.stack([layer[-1].grad.norm() for layer in layers])


def gradient_by_layer() -> Curves:
    orders = {
        "post-norm": (lambda x, f: _norm(x + f(x)), lambda x: x, 1.0),
        "pre-norm": (lambda x, f: x + f(_norm(x)), _norm, 1.0),
        "inside": (lambda x, f: x + _norm(f(x)), _norm, 1.0),
        "inside, scores halved": (lambda x, f: x + _norm(f(x)), _norm, 0.5),
    }
    lines = []
    for label, (place, last, factor) in orders.items():
        sizes = torch.stack([_gradients(place, last, factor, seed) for seed in range(5)]).mean(0)
        lines.append(Line(label, list(range(1, 37)), _numbers(sizes)))
    title = "Gradient of each layer's last matrix at the start"
    return Curves("gradient-by-layer", title, "layer (the loss is after layer 36)", "size", tuple(lines), log_y=True)


# ------------------------------------------------------------ 10 a whole model


def whole_model() -> Boxes:
    return Boxes(
        "whole-model",
        "From ids to logits, with two layers",
        (
            Box("ids", "ids\n(B, T)", 0, 0),
            Box("entry", "word +\nposition", 0, 1),
            Box("first", "layer 0", 0, 2),
            Box("second", "layer 1", 0, 3),
            Box("norm", "last\nnorm", 0, 4),
            Box("logits", "logits\n(B, T, V)", 0, 5),
            Box("mask", "causal mask", 1, 2, 2),
        ),
        (
            Arrow("ids", "entry"),
            Arrow("entry", "first", "D"),
            Arrow("first", "second", "D"),
            Arrow("second", "norm", "D"),
            Arrow("norm", "logits", "D"),
            Arrow("mask", "first"),
            Arrow("mask", "second"),
        ),
    )


# ------------------------------------------------------------ 11 encoder and decoder together


def encoder_decoder() -> Boxes:
    return Boxes(
        "encoder-decoder",
        "An encoder layer (above) and a decoder layer, joined by the memory",
        (
            Box("source", "source", 0, 0),
            Box("encoder", "self-\nattention", 0, 1),
            Box("ffn1", "FFN", 0, 2),
            Box("memory", "memory", 0, 3),
            Box("target", "target\nso far", 1, 0),
            Box("causal", "self-\nattention", 1, 1),
            Box("cross", "cross-\nattention", 1, 3),
            Box("ffn2", "FFN", 1, 4),
            Box("next", "next\nword", 1, 5),
        ),
        (
            Arrow("source", "encoder"),
            Arrow("encoder", "ffn1"),
            Arrow("ffn1", "memory"),
            Arrow("target", "causal"),
            Arrow("causal", "cross", "queries"),
            Arrow("memory", "cross", "keys, values"),
            Arrow("cross", "ffn2"),
            Arrow("ffn2", "next"),
        ),
    )


# ------------------------------------------------------------ 13 how far away?


def _bucket(r: int, bidirectional: bool) -> int:
    """Raffel et al. 2019, section 2.1, with 32 buckets and a largest distance of 128."""
    n, offset, d = (16, 16 if r > 0 else 0, abs(r)) if bidirectional else (32, 0, max(-r, 0))
    exact = n // 2
    if d < exact:
        return offset + d
    return offset + min(exact + int(math.log(d / exact) / math.log(128 / exact) * (n - exact)), n - 1)


def t5_buckets() -> Curves:
    distances = [*range(1, 17), *range(18, 33, 2), *range(36, 65, 4), *range(72, 129, 8), 192, 256, 512]
    return Curves(
        "t5-buckets",
        "The bucket of a word in the past, of 32 buckets",
        "distance",
        "bucket",
        (
            Line("decoder", distances, [_bucket(-d, False) for d in distances]),
            Line("encoder", distances, [_bucket(-d, True) for d in distances]),
        ),
        low=0.0,
        log_x=True,
    )


# ------------------------------------------------------------ 14 read once


def two_ways_to_compare() -> Boxes:
    return Boxes(
        "two-ways-to-compare",
        "A bi-encoder (above) and a cross-encoder (below)",
        (
            Box("text", "text", 0, 0),
            Box("once", "encoder,\nonce", 0, 1),
            Box("vector", "stored\nvector", 0, 2),
            Box("cosine", "cosine", 0, 3),
            Box("question", "question", 1, 0),
            Box("again", "encoder", 1, 1),
            Box("other", "vector", 1, 2),
            Box("both", "question\n+ text", 2, 0),
            Box("pair", "encoder,\neach pair", 2, 1),
            Box("score", "score", 2, 3),
        ),
        (
            Arrow("text", "once"),
            Arrow("once", "vector"),
            Arrow("vector", "cosine"),
            Arrow("question", "again"),
            Arrow("again", "other"),
            Arrow("other", "cosine"),
            Arrow("both", "pair"),
            Arrow("pair", "score"),
        ),
    )


def batch_of_pairs() -> Heatmap:
    """What measured/heads_of_minilm.py prints."""
    cosines = (
        (0.74, 0.14, 0.04, 0.05),
        (0.77, 0.58, 0.0, 0.06),
        (0.08, 0.09, 0.47, 0.16),
        (0.09, 0.11, 0.04, 0.47),
    )
    rows = ("what sank?", "who painted?", "when open?", "password?")
    columns = ("we painted", "my sister", "nine to six", "click")
    title = "Cosines of four questions with four answers, from MiniLM"
    return Heatmap("batch-of-pairs", title, rows, columns, cosines)


# ------------------------------------------------------------ 15 look inside

# What measured/heads_of_minilm.py prints, from the weights of all-MiniLM-L6-v2.

TOKENS = ("[CLS]", *SENTENCE, "[SEP]")


def minilm_previous() -> Heatmap:
    weights = [[1.0 if column == max(row - 1, 0) else 0.0 for column in range(8)] for row in range(8)]
    return Heatmap("minilm-previous", "Head 0.2 of MiniLM", TOKENS, TOKENS, weights)


def minilm_rest() -> Heatmap:
    weights = (
        (0.96, 0.0, 0.0, 0.0, 0.0, 0.0, 0.01, 0.02),
        (0.97, 0.02, 0.0, 0.0, 0.0, 0.0, 0.0, 0.01),
        (0.74, 0.0, 0.21, 0.0, 0.0, 0.0, 0.03, 0.02),
        (0.95, 0.0, 0.0, 0.03, 0.0, 0.0, 0.0, 0.01),
        (0.92, 0.0, 0.0, 0.0, 0.07, 0.0, 0.0, 0.01),
        (0.9, 0.0, 0.0, 0.0, 0.0, 0.07, 0.0, 0.02),
        (0.87, 0.0, 0.02, 0.0, 0.0, 0.0, 0.1, 0.01),
        (0.98, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    )
    return Heatmap("minilm-rest", "Head 2.9 of MiniLM", TOKENS, TOKENS, weights)


def minilm_subject() -> Curves:
    differences = (
        (0.0, 0.01, -1.0, -0.02, -0.1, -0.04, 0.01, 0.0, 0.0, 0.01, 0.0, -0.02),
        (0.0, 0.0, -0.1, 0.04, -0.01, 0.0, -0.01, -0.15, 0.01, -0.14, 0.0, -0.02),
        (-0.06, -0.02, -0.01, -0.03, 0.03, 0.0, 0.01, 0.0, 0.0, 0.0, 0.04, -0.21),
        (0.0, 0.2, 0.01, 0.0, 0.02, 0.0, 0.0, 0.01, -0.02, 0.0, 0.01, 0.06),
        (-0.02, 0.01, 0.0, 0.02, 0.0, 0.0, 0.0, -0.02, 0.0, 0.0, 0.02, 0.0),
        (-0.01, 0.0, 0.0, 0.02, 0.0, 0.01, 0.06, 0.02, 0.02, 0.0, 0.02, 0.05),
    )
    flat = [each for row in differences for each in row]
    title = "Weight on the subject minus weight on the other noun"
    line = Line("difference", list(range(72)), flat)
    return Curves(
        "minilm-subject", title, "head: 0 to 11 are in layer 0, 12 to 23 in layer 1 ...", "difference", (line,)
    )
