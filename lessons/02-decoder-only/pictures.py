"""The pictures of lesson 2, computed from the same small examples as its text."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

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
    Series,
    Stretch,
    Timeline,
)

TEXT = ("we", "painted", "the", "boat", "and", "the", "boat", "sank")
VOCABULARY = tuple(sorted(set(TEXT)))
IDS = torch.tensor([VOCABULARY.index(word) for word in TEXT])
WORDS = ("boat", "net", "sail", "mast")
P = torch.tensor([0.5, 0.25, 0.125, 0.125])  # of these words

torch.set_num_threads(1)  # tiny tensors: several threads would wait for each other

LAYERS, D, F, V = 32, 4096, 11_008, 32_000  # Llama 2 7B
WEIGHTS = LAYERS * (4 * D * D + 3 * D * F) + V * D  # those that multiply
OPERATIONS, BYTES = 989e12, 3.35e12  # of an H100 SXM, in a second


def _numbers(x: Tensor, digits: int = 2) -> list[Any]:
    """Plain numbers, rounded: what a picture is made of does not change with the machine."""
    numbers: list[Any] = torch.round(x.detach().double(), decimals=digits).tolist()
    return numbers


def _rounded(values: Sequence[float], digits: int = 2) -> list[float]:
    return [round(value, digits) for value in values]


# ------------------------------------------------------------ 1 one text, many examples


def questions_in_a_text() -> Matrix:
    cells = [[i <= place or ("?" if i == place + 1 else False) for i in range(len(TEXT))] for place in range(7)]
    return Matrix("questions-in-a-text", "One text is seven questions", (Grid("", TEXT[1:], TEXT, cells),))


def _bigrams() -> Tensor:
    counts = torch.zeros(len(VOCABULARY), len(VOCABULARY))
    for word, after in pairwise(IDS):
        counts[word, after] += 1
    return counts / counts.sum(1, keepdim=True).clamp(min=1)


def bigrams() -> Heatmap:
    title = "How often a word (column) came after another (row)"
    return Heatmap("bigrams", title, VOCABULARY, VOCABULARY, _numbers(_bigrams()), digits=1)


class _Past(nn.Module):
    """The model of part 1: a word's vector and the average of all so far."""

    def __init__(self) -> None:
        super().__init__()
        self.word, self.out = nn.Embedding(len(VOCABULARY), 8), nn.Linear(16, len(VOCABULARY))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.word(ids)
        w = torch.ones(len(ids), len(ids)).tril()
        logits: Tensor = self.out(torch.cat([x, w / w.sum(1, keepdim=True) @ x], 1))
        return logits


def _losses(make: Callable[[], nn.Module], shift: int) -> list[float]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make()
        adam = torch.optim.Adam(model.parameters(), lr=0.05)
        losses = []
        for _ in range(121):
            loss = cross_entropy(model(IDS)[: len(IDS) - shift], IDS[shift:])
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            losses.append(loss.item())
    return _rounded(losses[::5])


def three_losses() -> Curves:
    steps = list(range(0, 121, 5))
    words = len(VOCABULARY)
    return Curves(
        "three-losses",
        "Loss on the text of eight words",
        "step",
        "loss",
        (
            Line("a table of bigrams", steps, _losses(lambda: nn.Embedding(words, words), 1)),
            Line("with the past", steps, _losses(_Past, 1)),
            Line("with the past, no shift", steps, _losses(_Past, 0)),
        ),
        low=0.0,
    )


# ------------------------------------------------------------ 2 what a token is


def merges_of_six_words() -> Matrix:
    counts = {"boat": 6, "boats": 3, "float": 4, "sail": 5, "sails": 2, "sailboat": 1}
    words = {word: list(word) for word in counts}
    columns = [[" ".join(tokens) for tokens in words.values()]]
    for number in range(1, 9):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, tokens in words.items():
            for pair in pairwise(tokens):
                pairs[pair] += counts[word]
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        words = {word: _join(tokens, best) for word, tokens in words.items()}
        if number in (3, 6, 8):
            columns.append([" ".join(tokens) for tokens in words.values()])
    cells = [list(row) for row in zip(*columns, strict=True)]
    joins = ("letters", "3 joins", "6 joins", "8 joins")
    return Matrix("merges-of-six-words", "A vocabulary that is counted", (Grid("", tuple(counts), joins, cells),))


def _join(tokens: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for token in tokens:
        if out and (out[-1], token) == pair:
            out[-1] += token
        else:
            out.append(token)
    return out


def bytes_per_token() -> Curves:
    """What measured/bytes_per_token.py printed."""
    sizes = [256, 306, 356, 506, 756, 1256, 2256, 4256, 8256, 9193]
    measured = [1.00, 1.47, 1.70, 2.14, 2.60, 3.15, 3.71, 4.18, 4.48, 4.52]
    line = Line("measured", sizes, measured)
    title = "What more tokens buy"
    return Curves("bytes-per-token", title, "tokens in the vocabulary", "bytes per token", (line,), low=0.0, log_x=True)


# ------------------------------------------------------------ 3 any task is a next token


def heads_or_questions() -> Boxes:
    return Boxes(
        "heads-or-questions",
        "Three tasks: three outputs, or three questions",
        (
            Box("text", "message", 0, 0),
            Box("encoder", "encoder", 0, 1),
            Box("mood", "mood", 0, 2),
            Box("what", "thing", 1, 2),
            Box("who", "person", 2, 2),
            Box("prompt", "message\nand question", 3, 0),
            Box("decoder", "decoder", 3, 1),
            Box("next", "next token", 3, 2),
        ),
        (
            Arrow("text", "encoder"),
            Arrow("encoder", "mood"),
            Arrow("encoder", "what"),
            Arrow("encoder", "who"),
            Arrow("prompt", "decoder"),
            Arrow("decoder", "next"),
        ),
    )


def gpt3_answers() -> Bars:
    return Bars(
        "gpt3-answers",
        "Three sets of questions, answered from memory",
        ("NaturalQS", "WebQS", "TriviaQA"),
        (
            Series("GPT-3 zero-shot", [14.6, 14.4, 64.3]),
            Series("GPT-3 one example", [23.0, 25.3, 68.0]),
            Series("GPT-3 few-shot", [29.9, 41.5, 71.2]),
            Series("T5-11B, fine-tuned", [36.6, 44.7, 60.5]),
        ),
        "per cent",
    )


# ------------------------------------------------------------ 4 position as clock hands


def two_pairs_of_hands() -> Dials:
    dials = [Dial(f"query {m}, key {n}", (Hand("query", 30.0 * m), Hand("key", 30.0 * n))) for m, n in ((3, 1), (9, 7))]
    return Dials("two-pairs-of-hands", "30 degrees per place", tuple(dials))


def scores_of_pairs() -> Heatmap:
    places = torch.arange(6.0)
    queries, keys = (tuple(f"{letter} = {n:.0f}" for n in places) for letter in "mn")
    scores = (places[:, None] - places).cos()
    return Heatmap("scores-of-pairs", "Turned queries at m and keys at n", queries, keys, _numbers(scores))


def four_hands() -> Curves:
    distances = list(range(0, 65))
    lines = []
    for hand, theta in enumerate((1.0, 0.1, 0.01, 0.001), start=1):
        ys = [math.cos(distance * theta) for distance in distances]
        lines.append(Line(f"hand {hand}, {theta:g} radians a place", distances, _rounded(ys)))
    title = "What each of four hands (K = 8) says of a distance"
    return Curves("four-hands", title, "distance", "cosine", tuple(lines), low=-1.0, high=1.0)


def two_layouts() -> Matrix:
    cells = [list("AABBCCDD"), list("ABCDABCD")]
    grid = Grid("number", ("neighbours", "half-split"), tuple(map(str, range(8))), cells)
    return Matrix("two-layouts", "Which hand does each of eight numbers belong to?", (grid,))


# What measured/smollm2.py printed. For each hand: what it adds to the score of the key that the head is after, less its
# mean over the other keys.
ONE_BACK = [
    8.79, 2.53, 1.77, 1.21, 0.47, 0.04, 1.08, 0.02, 2.16, 0.04, 1.01, -0.02, 0.73, 0.0, 0.01, -0.09,
    0.03, -0.11, 0.0, -0.28, 0.0, 0.0, -0.02, 0.02, 0.01, -0.52, 0.03, 0.01, 0.06, 0.02, 0.06, -0.02,
]  # fmt: skip
WHAT_CAME_NEXT = [
    -0.01, 0.02, 0.0, 0.0, 0.03, -0.03, -0.08, 0.03, 0.09, 0.03, 0.09, 0.1, 0.0, 0.11, 0.0, 0.03,
    0.04, -0.02, 0.02, 0.0, 0.12, 0.11, 0.17, 0.51, 1.3, 1.59, 2.0, 2.2, 1.63, 2.06, 1.75, 1.43,
]  # fmt: skip
# What measured/longer_texts.py printed: the losses in the eighths of 16,384 tokens with factor 2, and of 32,768 with
# factor 4.
EIGHTHS = {
    "as trained": [3.39, 3.25, 3.09, 3.09, 3.27, 3.84, 5.29, 5.88],
    "all slower": [4.31, 4.34, 4.08, 4.12, 4.22, 4.17, 4.19, 4.01],
    "raised base": [3.42, 3.27, 3.11, 3.10, 3.26, 3.16, 3.13, 3.00],
    "YaRN": [3.40, 3.28, 3.10, 3.09, 3.23, 3.12, 3.10, 2.95],
    "Llama 3.1": [3.40, 3.28, 3.13, 3.10, 3.26, 3.17, 3.13, 2.96],
}
FOUR_TIMES = {
    "raised base": [3.39, 3.17, 3.27, 3.09, 3.17, 2.93, 3.41, 3.94],
    "YaRN": [3.40, 3.18, 3.28, 3.15, 3.23, 2.95, 3.31, 3.56],
    "Llama 3.1": [3.47, 3.42, 3.53, 3.37, 3.46, 3.16, 3.58, 3.78],
    "YaRN's angles alone": [3.40, 3.24, 3.38, 3.25, 3.28, 2.99, 3.42, 3.66],
}


def which_hands() -> Curves:
    hands = list(range(1, 33))
    lines = Line("16.0, the word before", hands, ONE_BACK), Line("18.6, what came next", hands, WHAT_CAME_NEXT)
    return Curves("which-hands", "Two heads of SmolLM2-135M", "hand, from fast to slow", "added to the score", lines)


# ------------------------------------------------------------ 5 a longer text than it was trained on


def _eighths(losses: dict[str, list[float]], length: int) -> tuple[Line, ...]:
    places = [length // 8 * number + length // 16 for number in range(8)]
    return tuple(Line(name, places, ys) for name, ys in losses.items())


def loss_beyond_the_end() -> Curves:
    lines = *_eighths({"loss": EIGHTHS["as trained"]}, 16_384), Line("end of training", [8192, 8192], [0.0, 6.0])
    return Curves("loss-beyond-the-end", "SmolLM2-135M beyond 8192", "place in the text", "loss", lines, low=0.0)


def known_and_new_angles() -> Curves:
    """A slow hand that gets as far as 200 degrees in 8192 places."""
    places = [0, 4096, 8192, 12_288, 16_384]
    lines = (
        Line("as trained", places, [200 * place / 8192 for place in places]),
        Line("half as fast", places, [100 * place / 8192 for place in places]),
        Line("angles met in training", places, [200.0] * len(places)),
        Line("end of training", [8192, 8192], [0.0, 400.0]),
    )
    return Curves("known-and-new-angles", "One slow hand", "distance of query and key", "degrees", lines, low=0.0)


def four_rules() -> Curves:
    """The rules of `rope_scaling`, by how many times a hand becomes slower: K = 128, factor 8, 8192 places."""
    width, base, factor, old = 128, 500_000.0, 8.0, 8192
    pairs = range(width // 2)
    theta = [base ** (-2 * pair / width) for pair in pairs]
    raised = base * factor ** (width / (width - 2))

    def number(turns: float) -> float:
        return width * math.log(old / (2 * math.pi * turns)) / (2 * math.log(base))

    low, high = math.floor(number(32)), math.ceil(number(1))
    ramps = [min(max((pair - low) / (high - low), 0), 1) for pair in pairs]
    keeps = [min(max((old * each / (2 * math.pi) - 1) / (4 - 1), 0), 1) for each in theta]
    slower = {
        "all slower": [factor for _ in pairs],
        "raised base": [base ** (-2 * pair / width) / raised ** (-2 * pair / width) for pair in pairs],
        "YaRN": [1 / ((1 - ramp) + ramp / factor) for ramp in ramps],
        "Llama 3.1": [1 / (keep + (1 - keep) / factor) for keep in keeps],
    }
    lines = [Line(name, [pair + 1 for pair in pairs], _rounded(times)) for name, times in slower.items()]
    first = next(pair for pair in pairs if old * theta[pair] < 2 * math.pi) + 1
    lines.append(Line("less than one turn", [first, first], [0.0, factor]))
    title = "Four rules with the factor 8"
    return Curves("four-rules", title, "hand, from fast to slow", "times as slow", tuple(lines), low=0.0)


def loss_with_scaling() -> Curves:
    lines = _eighths(EIGHTHS, 16_384)
    return Curves("loss-with-scaling", "Twice the length, factor 2", "place in the text", "loss", lines, low=0.0)


def loss_at_four_times() -> Curves:
    lines = _eighths({name: ys for name, ys in FOUR_TIMES.items() if "alone" not in name}, 32_768)
    title = "Four times the length, factor 4"
    return Curves("loss-at-four-times", title, "place in the text", "loss", lines, low=2.5, high=4.5)


def angles_and_scores() -> Curves:
    lines = _eighths({name: FOUR_TIMES[name] for name in ("raised base", "YaRN", "YaRN's angles alone")}, 32_768)
    title = "Four times the length, factor 4"
    return Curves("angles-and-scores", title, "place in the text", "loss", lines, low=2.5, high=4.5)


# ------------------------------------------------------------ 7 a layer of Llama


def llama_layer() -> Boxes:
    chain = ("x", "RMSNorm", "attention,\nturned", "+", "RMSNorm", "SwiGLU", "+")
    boxes = tuple(Box(str(place), label, 0, place) for place, label in enumerate(chain))
    steps = [(place, place + 1) for place in range(6)]
    arrows = tuple(Arrow(str(a), str(b)) for a, b in (*steps, (0, 3), (3, 6)))
    return Boxes("llama-layer", "One layer of Llama", boxes, arrows)


def gated_network() -> Boxes:
    return Boxes(
        "gated-network",
        "Above: GPT-2. Below: Llama, with two arms",
        (
            Box("x0", "x", 0, 0),
            Box("w1", "matrix", 0, 1),
            Box("gelu", "GELU", 0, 2),
            Box("w2", "matrix", 0, 4),
            Box("y0", "y", 0, 5),
            Box("x1", "x", 1, 0),
            Box("w_gate", "matrix", 1, 1),
            Box("silu", "SiLU", 1, 2),
            Box("times", "times", 1, 3),
            Box("w_down", "matrix", 1, 4),
            Box("y1", "y", 1, 5),
            Box("w_up", "matrix", 2, 1),
        ),
        (
            Arrow("x0", "w1"),
            Arrow("w1", "gelu"),
            Arrow("gelu", "w2"),
            Arrow("w2", "y0"),
            Arrow("x1", "w_gate"),
            Arrow("w_gate", "silu"),
            Arrow("silu", "times"),
            Arrow("x1", "w_up"),
            Arrow("w_up", "times"),
            Arrow("times", "w_down"),
            Arrow("w_down", "y1"),
        ),
    )


# ------------------------------------------------------------ 8 since Llama


def right_to_be_silent() -> Bars:
    scores, sink, gate = torch.tensor([-2.0, -1.5, -2.5]), torch.tensor([1.0]), 0.1
    plain = scores.softmax(0)
    ways = {"softmax": plain, "with a sink": torch.cat([scores, sink]).softmax(0)[:3], "with a gate": gate * plain}
    series = tuple(Series(name, _numbers(torch.cat([w, 1 - w.sum(0, keepdim=True)]).abs())) for name, w in ways.items())
    groups = ("key 1", "key 2", "key 3", "nowhere")
    return Bars("right-to-be-silent", "Where the weight of a head goes", groups, series, "weight")


def places_of_the_norm() -> Boxes:
    chains = {
        "Llama": {1: "norm", 2: "sublayer", 4: "+"},
        "OLMo 2": {2: "sublayer", 3: "norm", 4: "+"},
        "Gemma": {1: "norm", 2: "sublayer", 3: "norm", 4: "+"},
    }
    boxes, arrows = [], []
    for row, (name, chain) in enumerate(chains.items()):
        boxes.append(Box(f"{name}0", f"{name}: x", row, 0))
        boxes += [Box(f"{name}{column}", label, row, column) for column, label in chain.items()]
        arrows += [Arrow(f"{name}{a}", f"{name}{b}") for a, b in pairwise((0, *chain))]
        arrows.append(Arrow(f"{name}0", f"{name}4"))
    return Boxes("places-of-the-norm", "Where the norm is", tuple(boxes), tuple(arrows))


def four_streams() -> Boxes:
    return Boxes(
        "four-streams",
        "A hyper-connection",
        (
            Box("old", "four\nstreams", 0, 0),
            Box("mix", "mix,\n4 by 4", 0, 2),
            Box("plus", "+", 0, 4),
            Box("new", "four\nstreams", 0, 5),
            Box("read", "read: one\nmixture", 1, 1),
            Box("half", "sublayer", 1, 2),
            Box("write", "write: four\ncopies", 1, 3),
        ),
        (
            Arrow("old", "mix"),
            Arrow("mix", "plus"),
            Arrow("plus", "new"),
            Arrow("old", "read"),
            Arrow("read", "half"),
            Arrow("half", "write"),
            Arrow("write", "plus"),
        ),
    )


# ------------------------------------------------------------ 10 choosing the next token


def temperatures() -> Bars:
    series = tuple(
        Series(f"temperature {value}", _numbers((P.log() / value).softmax(-1), 3)) for value in (0.5, 1.0, 2.0)
    )
    return Bars("temperatures", "Four logits at three temperatures", WORDS, series, "probability")


def two_places() -> Curves:
    """What measured/smollm2.py printed: the best eight tokens, the mass of 40, and the number for 90 %."""
    certain = [0.773, 0.065, 0.012, 0.010, 0.009, 0.009, 0.007, 0.007]
    open_ = [0.044, 0.029, 0.016, 0.015, 0.015, 0.014, 0.014, 0.013]
    ranks = list(range(1, 9))
    return Curves(
        "two-places",
        "How fast the probability adds up",
        "tokens, the best first",
        "together",
        (
            Line("The capital of France is", [*ranks, 10, 40], _rounded([*accumulate(certain), 0.9, 0.95])),
            Line("We saw a", [*ranks, 40, 1364], _rounded([*accumulate(open_), 0.37, 0.9])),
            Line("k = 40", [40, 40], [0.0, 1.0]),
            Line("p = 0.9", [1, 1364], [0.9, 0.9]),
        ),
        low=0.0,
        high=1.0,
        log_x=True,
    )


# ------------------------------------------------------------ 11 keeping the past


def work_for_an_answer() -> Curves:
    prompt, answers = 100, (1, 10, 30, 100, 300, 1000)

    def pairs(words: int) -> int:
        return words * (words + 1) // 2

    def runs(answer: int) -> range:
        return range(prompt, prompt + answer)

    lines = (
        Line("pairs, whole text each time", answers, [sum(map(pairs, runs(answer))) for answer in answers]),
        Line("pairs, with a cache", answers, [pairs(prompt + answer - 1) for answer in answers]),
        Line("words, whole text each time", answers, [sum(runs(answer)) for answer in answers]),
        Line("words, with a cache", answers, [prompt + answer - 1 for answer in answers]),
    )
    title = "Work for an answer, after a prompt of 100 words"
    return Curves("work-for-an-answer", title, "words of the answer", "number", lines, log_x=True, log_y=True)


def growing_cache() -> Matrix:
    steps = ("prompt", "step 1", "step 2", "step 3")
    cells = []
    for step in range(4):
        seen = 3 + step
        old = 0 if step == 0 else seen - 1
        cells.append([("kept" if i < old else "new") if i < seen else "" for i in range(6)])
    grid = Grid("keys and values", steps, TEXT[:6], cells)
    return Matrix("growing-cache", "What each step computes", (grid,))


def block_tables() -> Matrix:
    tables = [["0", "1"], ["0", "2"]]
    blocks = [TEXT[:4], ("and", "the", "boat", ""), ("and", "the", "net", ""), ("", "", "", "")]
    return Matrix(
        "block-tables",
        "A cache in blocks",
        (
            Grid("tables", ("answer 1", "answer 2"), ("first", "second"), tables),
            Grid(
                "blocks in memory", ("block 0", "block 1", "block 2", "block 3"), ("",) * 4, [list(b) for b in blocks]
            ),
        ),
        (" ",),
    )


def cache_of_a_text() -> Curves:
    lengths = (0, 8192, 16_384, 24_576, 32_768, 40_960)
    sizes = _rounded([2 * LAYERS * D * 2 * length / 2**30 for length in lengths], 1)
    weights = round(2 * (WEIGHTS + V * D + (2 * LAYERS + 1) * D) / 2**30, 1)
    lines = Line("caches", lengths, sizes), Line("weights", lengths, [weights] * len(lengths))
    return Curves("cache-of-a-text", "16-bit numbers", "tokens in all conversations", "GiB", lines, low=0.0)


def piece_after_four() -> Matrix:
    keep = torch.ones(3, 7).tril(4).bool().tolist()
    labels = tuple(str(n) for n in range(7))
    queries = ("query 4", "query 5", "query 6")
    return Matrix("piece-after-four", "Filled: may be looked at", (Grid("keys", queries, labels, keep),))


# ------------------------------------------------------------ 12 prefill and decoding


def _step(tokens: int) -> float:
    """Seconds of a pass with so many tokens: arithmetic, or reading the weights once."""
    return max(2 * WEIGHTS * tokens / OPERATIONS, 2 * WEIGHTS / BYTES)


def two_phases() -> Timeline:
    prefill = round(2 * LAYERS * (4 * D * D + 3 * D * F) * 1000 / OPERATIONS * 1e3, 2)
    step = round(_step(1) * 1e3, 2)
    starts = [round(prefill + n * step, 2) for n in range(7)]
    steps = [Stretch(start, round(start + step, 2), str(n)) for n, start in enumerate(starts, start=1)]
    lanes = (
        Lane("pass", (Stretch(0, prefill, "prefill"), *steps)),
        Lane("tokens", (Stretch(0, prefill, "1000 in"), Stretch(prefill, starts[-1] + step, "7 out"))),
    )
    return Timeline("two-phases", "Llama 2 7B on one H100, at the bounds", "ms", lanes)


def reading_and_work() -> Boxes:
    boxes, arrows = [], []
    for row, answers in enumerate((1, 64)):
        work, reading = (1e3 * 2 * WEIGHTS / speed for speed in (OPERATIONS, BYTES))
        name = "1 answer" if answers == 1 else f"{answers} answers"
        boxes += [
            Box(f"memory{row}", f"{name}:\nHBM", row, 0),
            Box(f"chip{row}", f"arithmetic\n{work * answers:.2f} ms", row, 1),
        ]
        arrows.append(Arrow(f"memory{row}", f"chip{row}", f"{2 * WEIGHTS / 1e9:.1f} GB, {reading:.2f} ms"))
    return Boxes("reading-and-work", "A decoding step, at the bounds", tuple(boxes), tuple(arrows))


def batch_for_free() -> Curves:
    batches = [2**n for n in range(12)]
    rates = [round(batch / _step(batch)) for batch in batches]
    return Curves(
        "batch-for-free",
        "Tokens in a second, without caches",
        "answers at once",
        "tokens a second",
        (Line("at most", batches, rates),),
        log_x=True,
        log_y=True,
    )


# ------------------------------------------------------------ 14 guess, then check


def one_draft_and_check() -> Timeline:
    starts = (0.0, 1.4)
    small = tuple(Stretch(start, round(start + 0.4, 2), "drafts") for start in starts)
    large = tuple(Stretch(round(start + 0.4, 2), round(start + 1.4, 2), "checks") for start in starts)
    alone = tuple(Stretch(float(start), start + 1.0, "1 token") for start in range(2))
    lanes = (
        Lane("small model", small),
        Lane("large model", large),
        Lane("written", (Stretch(0.4, 1.4, "2 + 1 tokens"), Stretch(1.8, 2.8, "4 + 1 tokens"))),
        Lane("no drafts", alone),
    )
    return Timeline("one-draft-and-check", "Two rounds of four drafts", "passes of the large model", lanes)


def what_is_missing() -> Bars:
    q = torch.full((4,), 0.25)
    series = (
        Series("large model", _numbers(P, 3)),
        Series("drafted and kept", _numbers(torch.minimum(P, q), 3)),
        Series("missing", _numbers((P - q).clamp(min=0), 3)),
    )
    return Bars("what-is-missing", "Draft model: 0.25 for each word", WORDS, series, "probability")


def speed_of_drafts() -> Curves:
    drafts = list(range(0, 13))
    lines = []
    for rate in (0.5, 0.75, 0.9):
        speeds = [sum(rate**n for n in range(count + 1)) / (1 + 0.1 * count) for count in drafts]
        lines.append(Line(f"acceptance rate {rate}", drafts, _rounded(speeds)))
    return Curves("speed-of-drafts", "Times as fast as without drafts", "drafts", "times", tuple(lines), low=0.0)


# ------------------------------------------------------------ 15 why it won


def smooth_curve() -> Curves:
    sizes = [10 ** (6 + step / 4) for step in range(13)]
    losses = [(8.8e13 / size) ** 0.076 for size in sizes]
    return Curves(
        "smooth-curve",
        "Loss by size (Kaplan et al. 2020, equation 1.1)",
        "parameters without embeddings",
        "loss",
        (Line("decoders", _rounded(sizes, 0), _rounded(losses, 3)),),
        log_x=True,
        log_y=True,
    )


# ------------------------------------------------------------ 16 writing in any order


def forgetting() -> Matrix:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        u = torch.rand(len(TEXT))
    times = (0.0, 0.25, 0.5, 0.75, 1.0)
    cells = [(u >= t).tolist() for t in times]
    return Matrix("forgetting", "Words that are left", (Grid("", tuple(f"t = {t}" for t in times), TEXT, cells),))


def order_of_filling() -> Matrix:
    p = torch.tensor([[0.40, 0.15], [0.0, 0.45]])
    rows = ("start", "step 1", "step 2")
    net, a = p[:, 1].sum().item(), (p[1, 1] / p[:, 1].sum()).item()
    cells = [["____", "____"], ["____", f"net {net:.2f}"], [f"a {a:.2f}", "net"]]
    grid = Grid("", rows, ("first word", "second word"), cells)
    return Matrix("order-of-filling", "One place at a time", (grid,))


# ------------------------------------------------------------ 17 what any order costs


def three_ways_to_write() -> Matrix:
    places = range(8)
    labels = tuple(str(place) for place in places)
    rules: dict[str, Callable[[int, int], bool]] = {
        "a decoder": lambda i, j: j <= i,
        "any order": lambda i, j: True,
        "blocks of four": lambda i, j: j // 4 <= i // 4,
    }
    grids = tuple(
        Grid(name, labels, labels, [[rule(i, j) for j in places] for i in places]) for name, rule in rules.items()
    )
    return Matrix("three-ways-to-write", "Filled: may be looked at", grids, ("", ""))


def canvas_of_six() -> Matrix:
    """A sketch: uniform noise in a block of six words."""
    rows = ("step 0", "step 1", "step 2", "step 3")
    cells = [
        ["mast", "sail", "we", "oar", "lost", "net"],
        ["mast", "boat", "we", "the", "rope", "sank"],
        ["the", "boat", "and", "the", "mast", "sank"],
        ["the", "boat", "and", "the", "boat", "sank"],
    ]
    return Matrix("canvas-of-six", "we painted ...", (Grid("", rows, tuple("123456"), cells),))


# ------------------------------------------------------------ 10 choosing the next token, once more


def filters_in_order() -> Bars:
    """The filters of part 10 one after another; the page lets the reader set them."""
    warm = P.log() / 2.0
    first = warm.masked_fill(warm < warm.topk(2).values[-1], -math.inf)
    p = first.softmax(-1)
    last = p.masked_fill(p.cumsum(0) - p >= 0.5, 0)  # the words are in order
    series = (
        Series("model", _numbers(P, 3)),
        Series("temperature 2", _numbers(warm.softmax(-1), 3)),
        Series("then top-k 2", _numbers(p, 3)),
        Series("then top-p 0.5", _numbers(last / last.sum(), 3)),
    )
    return Bars("filters-in-order", "Three filters, one after another", WORDS, series, "probability")
