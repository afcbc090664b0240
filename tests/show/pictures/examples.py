"""Pictures of each kind: small ones, and some as large as in lessons."""

import math

from grader.pictures import (
    Arrow,
    Bars,
    Box,
    Boxes,
    Curves,
    Dial,
    Dials,
    Grid,
    Hand,
    Heatmap,
    Lane,
    Line,
    Matrix,
    Picture,
    Series,
    Stretch,
    Timeline,
)

WORDS = ("the", "boat", "that", "we", "painted", "sank")

LINES = Line("one", [0, 1, 2], [3.0, 2.0, 1.0]), Line("two", [0, 2], [1, 2])
CURVES = Curves("loss", "A loss", "step", "loss", LINES)
ROOFLINE = Curves(
    "roofline",
    "what a chip can do",
    "FLOPs per byte",
    "TFLOP/s",
    (
        Line("bound by memory", [1, 10, 100, 300], [3.35, 33.5, 335, 989]),
        Line("bound by arithmetic", [300, 1000, 3000], [989, 989, 989]),
    ),
    log_x=True,
    log_y=True,
)
NOISE = Curves(
    "noise",
    "three losses",
    "step",
    "cross-entropy",
    tuple(
        Line(label, list(range(200)), [math.exp(-i / rate) + 0.1 * math.sin(i * rate) for i in range(200)])
        for label, rate in (("fixed spacing", 30.0), ("random", 60.0), ("a third with a long name", 200.0))
    ),
    low=0.0,
)
HEATMAP = Heatmap("weights", "who looks at whom", ("the", "boat"), ("the", "boat"), [[1.0, 0.0], [0.25, 0.75]])
WIDE_HEATMAP = Heatmap(
    "wide-weights",
    "weights of a long sentence",
    WORDS * 4,
    WORDS * 4,
    [[1 / (row + 1) if column <= row else 0.0 for column in range(24)] for row in range(24)],
)
COUNTS = Heatmap(
    "counts", "bigrams", WORDS, WORDS, [[float((r * 7 + c * 3) % 11) for c in range(6)] for r in range(6)], 0
)
BARS = Bars("load", "tokens of each expert", ("e0", "e1", "e2"), (Series("tokens", [12, 3, 0]),), "tokens")
GROUPED_BARS = Bars(
    "loads",
    "load of the experts",
    ("without a loss", "with the balancing loss", "with a bias"),
    tuple(Series(f"expert {e}", [0.7 / (e + 1), 0.25, 0.2 + 0.02 * e]) for e in range(4)),
    "share of the tokens",
)
SIGNED_BARS = Bars("change", "change of the loss", ("deeper", "wider"), (Series("", [-0.5, 0.25]),))
MASK = Matrix(
    "mask",
    "the past only",
    (
        Grid(
            "may look at",
            ("a", "b", "c"),
            ("a", "b", "c"),
            [[column <= row for column in range(3)] for row in range(3)],
        ),
    ),
)
PRODUCT = Matrix(
    "product",
    "an average of the past",
    (
        Grid(
            "weights",
            ("the", "boat", "sank"),
            ("the", "boat", "sank"),
            [[1.0, 0, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]],
        ),
        Grid("v", ("the", "boat", "sank"), (), [[3.0], [6.0], [9.0]]),
        Grid("y", ("the", "boat", "sank"), (), [[3.0], [4.5], [6.0]]),
    ),
    ("×", "="),
)


def _mask(title: str, prefix: int) -> Grid:
    return Grid(title, WORDS, WORDS, [[c <= r or (r < prefix and c < prefix) for c in range(6)] for r in range(6)])


MASKS = Matrix(
    "masks",
    "four masks, one machine",
    (_mask("encoder", 6), _mask("decoder", 0), _mask("prefix", 3), _mask("prefix of 2", 2)),
)
BUCKETS = Matrix(
    "buckets",
    "tokens in buckets of two",
    (
        Grid(
            "",
            ("expert 0", "expert 1", "expert 2"),
            ("1", "2", "dropped"),
            [["the", "we", "sank"], ["boat", "", ""], ["that", "painted", ""]],
        ),
    ),
)
LONG = Matrix(
    "long",
    "one long row",
    (
        Grid(
            "ids",
            ("a row with a label that is long", "b"),
            tuple(f"position {n}" for n in range(30)),
            [[float(n) * 7 for n in range(30)]] * 2,
        ),
    ),
)
FLOW = Boxes(
    "flow",
    "a layer",
    (Box("x", "x", 0, 0), Box("norm", "norm", 0, 1), Box("ffn", "FFN", 0, 2), Box("add", "+", 0, 3)),
    (Arrow("x", "norm"), Arrow("norm", "ffn"), Arrow("ffn", "add"), Arrow("x", "add")),
)
STEPS = ("tokens", "embedding", "norm", "attention", "+", "norm", "FFN", "+", "logits")
DECODER = Boxes(
    "decoder",
    "from tokens to logits",
    tuple(Box(str(place), label, 0, place) for place, label in enumerate(STEPS)),
    (
        *(Arrow(str(place), str(place + 1)) for place in range(8)),
        Arrow("1", "4"),
        Arrow("4", "7"),
    ),
)
SEQ2SEQ = Boxes(
    "seq2seq",
    "encoder and decoder",
    (
        Box("source", "source tokens", 0, 0),
        Box("self", "self-attention", 1, 0),
        Box("effn", "FFN", 2, 0),
        Box("target", "target tokens", 0, 1),
        Box("masked", "masked self-attention", 1, 1),
        Box("cross", "cross-attention", 2, 1),
        Box("dffn", "FFN", 3, 1),
        Box("out", "logits", 4, 1),
    ),
    (
        Arrow("source", "self"),
        Arrow("self", "effn"),
        Arrow("target", "masked"),
        Arrow("masked", "cross", "Q"),
        Arrow("effn", "cross", "K, V"),
        Arrow("cross", "dffn"),
        Arrow("dffn", "out"),
    ),
)
ROUTER = Boxes(
    "router",
    "four experts, two of them chosen",
    (
        Box("x", "one token", 0, 0, 4),
        Box("router", "router", 1, 0, 4),
        *(Box(f"e{e}", f"expert {e}", 2, e) for e in range(4)),
        Box("sum", "weighted sum", 3, 0, 4),
    ),
    (
        Arrow("x", "router"),
        Arrow("router", "e1", "0.7"),
        Arrow("router", "e3", "0.3"),
        Arrow("e1", "sum"),
        Arrow("e3", "sum"),
    ),
)
FAN = Boxes(
    "fan",
    "four experts",
    (
        Box("x", "token", 0, 0),
        Box("router", "router", 0, 1),
        *(Box(f"e{e}", f"expert {e}", e, 2) for e in range(4)),
        Box("sum", "sum", 0, 3),
    ),
    (
        Arrow("x", "router"),
        *(Arrow("router", f"e{e}") for e in range(4)),
        *(Arrow(f"e{e}", "sum") for e in range(4)),
    ),
)
TIMELINE = Timeline(
    "generation",
    "prefill, then decode",
    "ms",
    (
        Lane("GPU", (Stretch(0, 40, "prefill"), *(Stretch(40 + 12 * i, 52 + 12 * i, "decode") for i in range(4)))),
        Lane("memory", (Stretch(0, 40, "fills"), Stretch(42, 88, "read for each token"))),
    ),
)
DIALS = Dials(
    "angles",
    "30 degrees per place",
    (
        Dial("query 3, key 1", (Hand("query", 90), Hand("key", 30))),
        Dial("near", (Hand("key", 5), Hand("query", 0))),
        Dial("text and image", (Hand("key", 210), Hand("a picture of a cat", 205))),
    ),
)

PICTURES: tuple[Picture, ...] = (
    CURVES, ROOFLINE, NOISE, HEATMAP, WIDE_HEATMAP, COUNTS, BARS, GROUPED_BARS, SIGNED_BARS, MASK, PRODUCT, MASKS,
    BUCKETS, LONG, FLOW, DECODER, SEQ2SEQ, ROUTER, FAN, TIMELINE, DIALS,
)  # fmt: skip
