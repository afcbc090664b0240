"""The pictures of lesson 3, computed from the same small examples as its text."""

import math
from functools import cache
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
    Grid,
    Heatmap,
    Lane,
    Line,
    Matrix,
    Series,
    Stretch,
    Timeline,
)

WORDS = ("we", "painted", "the", "boat")
EXPERTS = ("expert 0", "expert 1", "expert 2", "expert 3")
LOGITS = torch.tensor([[2.0, 1, 0, -1], [3.0, 1, 0, -1], [0.0, 3, 1, 2], [1.0, 3, 0, -1]], dtype=torch.float64)

torch.set_num_threads(1)  # tiny tensors: several threads would wait for each other


def _numbers(x: Tensor, digits: int = 2) -> list[Any]:
    """Plain numbers, rounded: what a picture is made of does not change with the machine."""
    return torch.round(x.detach().double(), decimals=digits).tolist()


# ------------------------------------------------------------ 1 only a part works


def who_needs_what() -> Matrix:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        x, target = torch.randn(128, 16, dtype=torch.float64), torch.randn(128, 16, dtype=torch.float64)
        net = nn.Sequential(nn.Linear(16, 128), nn.ReLU(), nn.Linear(128, 16)).double()
        adam = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(300):
            loss = (net(x) - target).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
    cells = (net[:2](x)[:8, :22] > 0).tolist()
    rows = tuple(f"word {word}" for word in range(8))
    title = "Which hidden numbers of a trained network are not 0"
    return Matrix("who-needs-what", title, (Grid("", rows, (), cells),))


def moe_layer() -> Boxes:
    boxes = (
        Box("x", "a token", 2, 0),
        Box("router", "router:\n0 3 1 2", 2, 1),
        Box("e0", "expert 0", 0, 2),
        Box("e1", "expert 1", 1, 2),
        Box("e2", "expert 2", 2, 2),
        Box("e3", "expert 3", 3, 2),
        Box("times1", "times 0.73", 1, 3),
        Box("times3", "times 0.27", 3, 3),
        Box("sum", "+", 2, 4),
    )
    steps = (("x", "router"), ("router", "e1"), ("router", "e3"), ("e1", "times1"), ("e3", "times3"))
    arrows = tuple(Arrow(a, b) for a, b in (*steps, ("times1", "sum"), ("times3", "sum")))
    return Boxes("moe-layer", "The router sends the token to experts 1 and 3", boxes, arrows)


# ------------------------------------------------------------ 2 a router that learns


def _routed() -> tuple[Tensor, Tensor]:
    """Weights and indices of the four words, both (T, k)."""
    best = LOGITS.topk(2, dim=-1)
    return best.values.softmax(-1), best.indices


def combine_matrix() -> Matrix:
    weights, indices = _routed()
    cells: list[list[float | str]] = [[""] * 4 for _ in WORDS]
    for word, (experts, row) in enumerate(zip(indices.tolist(), _numbers(weights), strict=True)):
        for expert, weight in zip(experts, row, strict=True):
            cells[word][expert] = f"{weight:.2f}"
    return Matrix("combine-matrix", "The weight of each expert for each word", (Grid("", WORDS, EXPERTS, cells),))


def weight_of_a_logit() -> Curves:
    """Of expert 1 for the word `the`, by three rules, 0 where it is not chosen."""
    logits = [each / 10 for each in range(-10, 61)]
    rules: dict[str, list[float]] = {
        "softmax over one": [],
        "probability (Switch)": [],
        "softmax over two (Mixtral)": [],
    }
    for logit in logits:
        z = torch.tensor([0.0, logit - 1e-6, 1, 2], dtype=torch.float64)  # not equal to another logit
        two = z.topk(2)
        weight = (two.values.softmax(-1) * (two.indices == 1)).sum().item()
        best = z.argmax().item() == 1
        for ys, y in zip(rules.values(), (float(best), best * z.softmax(-1)[1].item(), weight), strict=True):
            ys.append(round(y, 3))
    lines = tuple(Line(name, logits, ys) for name, ys in rules.items())
    title = "How much expert 1 counts for the word 'the'"
    return Curves("weight-of-a-logit", title, "logit of expert 1", "weight", lines, low=0.0, high=1.0)


# ------------------------------------------------------------ 3 dispatch, compute, combine


def dispatch() -> Matrix:
    _, indices = _routed()
    taken = [[WORDS[t] for t in range(4) if e in indices[t].tolist()] for e in range(4)]
    cells = [words + [""] * (4 - len(words)) for words in taken]
    return Matrix("dispatch", "The words of each expert", (Grid("", EXPERTS, (), cells),))


def inside_an_expert() -> Boxes:
    boxes = (
        Box("x", "x\nD numbers", 1, 0),
        Box("w1", "W1", 0, 1),
        Box("silu", "silu", 0, 2),
        Box("w3", "W3", 2, 2),
        Box("times", "times\nF numbers", 1, 3),
        Box("w2", "W2", 1, 4),
        Box("y", "D numbers", 1, 5),
    )
    steps = (("x", "w1"), ("w1", "silu"), ("silu", "times"), ("x", "w3"), ("w3", "times"), ("times", "w2"), ("w2", "y"))
    return Boxes("inside-an-expert", "One expert", boxes, tuple(Arrow(a, b) for a, b in steps))


# ------------------------------------------------------------ 4 learning together

E = 4
STARTS = tuple(f"start {number}" for number in range(8))

# What measured/who_stays_idle.py printed, for each start.

ERRORS = {
    "no balancing loss": (0.052, 0.027, 0.009, 0.039, 0.017, 0.047, 0.016, 0.028),
    "balancing loss": (0.02, 0.024, 0.008, 0.02, 0.016, 0.021, 0.007, 0.025),
    "bias": (0.013, 0.028, 0.005, 0.028, 0.013, 0.011, 0.004, 0.032),
}


def collapse() -> Heatmap:
    """The run of the text without a penalty."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        kwargs: dict[str, Any] = {"dtype": torch.float64}
        words, maps = 1.5 * torch.randn(8, 1, 16, **kwargs), torch.randn(8, 16, 16, **kwargs) / 4
        router = (0.3 * torch.randn(8, 16, **kwargs)).requires_grad_()
        experts = (torch.randn(8, 16, 16, **kwargs) / 4).requires_grad_()
        adam = torch.optim.Adam([router, experts], lr=0.02)
        seen = {}
        for step in range(401):
            x = words + torch.randn(8, 32, 16, **kwargs)
            target, x = (x @ maps).flatten(0, 1), x.flatten(0, 1)
            weight, chosen = (x @ router.T).softmax(-1).max(-1)
            y = torch.zeros_like(x)
            for e in range(8):
                t = torch.where(chosen == e)[0]
                y = y.index_add(0, t, weight[t, None] * (x[t] @ experts[e]))
            adam.zero_grad()
            (y - target).square().mean().backward()
            adam.step()
            if step in (0, 10, 20, 50, 100, 200, 300, 400):
                seen[step] = _numbers(100 * chosen.bincount(minlength=8) / 256, 0)
    rows = tuple(f"expert {e}" for e in range(8))
    shares = list(zip(*seen.values(), strict=True))
    title = "Without a balancing loss: per cent of the tokens, by step"
    return Heatmap("collapse", title, rows, tuple(map(str, seen)), shares, digits=0)


# ------------------------------------------------------------ 5 what the loss can see


def one_crowd_or_four() -> Heatmap:
    shares = [[100.0 * (expert == text) for expert in range(4)] for text in range(4)]
    rows = (*(f"text {text}" for text in range(1, 5)), "all 32 tokens")
    title = "Per cent of the tokens that choose each expert"
    return Heatmap("one-crowd-or-four", title, rows, EXPERTS, [*shares, [25.0] * 4], digits=0)


# ------------------------------------------------------------ 6 enough is enough


def growing_logits() -> Curves:
    steps = [round(10 * 160 ** (n / 40)) for n in range(41)]  # 10 to 1600
    lines = []
    for name, factor in FACTORS.items():
        largest = _largest_logits(factor)
        lines.append(Line(name, steps, [largest[step] for step in steps]))
    title = "The largest logit of a router that has long learned its task"
    return Curves("growing-logits", title, "step", "largest logit", tuple(lines), low=0.0, log_x=True)


FACTORS = {"without the z-loss": 0.0, "with it, factor 0.01": 0.01}


def _largest_logits(factor: float) -> list[float]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        words = torch.randn(4, 1, 8)
        right = torch.arange(4).repeat_interleave(64)
        router = torch.zeros(4, 8, requires_grad=True)
        adam = torch.optim.Adam([router], lr=0.1)
        largest = []
        for _ in range(1601):
            z = (words + 0.3 * torch.randn(4, 64, 8)).flatten(0, 1) @ router.T
            loss = cross_entropy(z, right) + factor * z.logsumexp(-1).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            largest.append(round(z.max().item(), 1))
    return largest


# ------------------------------------------------------------ 7 buffers

CHOICES = ((1, 3), (1, 0), (1, 2), (0, 1), (0, 3), (0, 1), (0, 3), (1, 0))  # of each token, the best first
CAPACITY = 4


def buckets() -> Matrix:
    """Tokens in the buffers of their experts: all first choices in their order, then all second ones."""
    places: list[list[str]] = [[] for _ in range(E)]
    dropped: list[list[str]] = [[] for _ in range(E)]
    for rank, mark in enumerate(("", "'")):
        for token, experts in enumerate(CHOICES):
            expert = experts[rank]
            (places if len(places[expert]) < CAPACITY else dropped)[expert].append(f"{token}{mark}")
    grids = (_grid("places", EXPERTS, places), _grid("dropped", EXPERTS, dropped))
    return Matrix("buckets", "Tokens in the buffers of four experts", grids, ("",))


def _grid(title: str, experts: tuple[str, ...], rows: list[list[str]]) -> Grid:
    width = max(map(len, rows))
    cells = [row + [""] * (width - len(row)) for row in rows]
    return Grid(title, experts, tuple(map(str, range(width))), cells)


def queue() -> Matrix:
    _, indices = _routed()
    line = indices.T.flatten().tolist()
    came: list[list[float | str]] = [[str(line[:n].count(expert)) for n in range(8)] for expert in range(4)]
    seen: list[float | str] = [str(line[:n].count(expert)) for n, expert in enumerate(line)]
    words = tuple(f"{word}{mark}" for mark in ("", "'") for word in WORDS)
    grids = (
        Grid("the queue", ("asks expert",), words, [list(map(str, line))]),
        Grid("asked before", EXPERTS, words, came),
        Grid("so its place is", ("place",), words, [seen]),
    )
    return Matrix("queue", "All first choices, then all second ones (')", grids, ("", ""))


@cache
def _favourites() -> Tensor:
    """How many of 4,096 tokens choose each of 64 experts, k = 8, by random logits with a mean for each expert."""
    rng = torch.Generator().manual_seed(4)
    means = 0.7 * torch.randn(64, generator=rng)
    indices = (torch.randn(4096, 64, generator=rng) + means).topk(8).indices
    return indices.flatten().bincount(minlength=64)


def capacity_trade() -> Curves:
    counts = _favourites().double()
    factors = [each / 4 for each in range(2, 17)]
    dropped, empty = [], []
    for c in factors:
        places = math.ceil(4096 * 8 * c / 64)
        dropped.append((counts - places).clamp(min=0).sum() / (4096 * 8))
        empty.append((places - counts).clamp(min=0).sum() / (64 * places))
    lines = (
        Line("choices that are dropped", factors, _numbers(100 * torch.stack(dropped), 1)),
        Line("rows that stay empty", factors, _numbers(100 * torch.stack(empty), 1)),
    )
    title = "What a capacity factor costs, in per cent"
    return Curves("capacity-trade", title, "capacity factor", "per cent", lines, low=0.0, high=100.0)


# ------------------------------------------------------------ 8 nobody is dropped


def sorted_copies() -> Matrix:
    _, indices = _routed()
    experts = indices.flatten()
    order = experts.argsort(stable=True)
    labels = tuple(map(str, range(8)))
    before: list[list[float | str]] = [[WORDS[c // 2] for c in range(8)], list(map(str, experts.tolist()))]
    after: list[list[float | str]] = [
        [WORDS[c // 2] for c in order.tolist()],
        list(map(str, experts[order].tolist())),
        list(map(str, order.tolist())),
    ]
    grids = (
        Grid("before: copies", ("word", "expert"), labels, before),
        Grid("after: places", ("word", "expert", "copy"), labels, after),
    )
    return Matrix("sorted-copies", "Eight copies of four words", grids, ("",))


def waiting() -> Timeline:
    counts = _routed()[1].flatten().bincount(minlength=4).tolist()
    lanes = []
    for expert, count in enumerate(counts):
        work = (Stretch(0, count, "works"),) if count else ()
        rest = (Stretch(count, max(counts), "waits"),) if count < max(counts) else ()
        lanes.append(Lane(EXPERTS[expert], (*work, *rest)))
    return Timeline("waiting", "A layer takes as long as its busiest expert", "words", tuple(lanes))


# ------------------------------------------------------------ 9 a bias that only chooses


def bias_evens_out() -> Curves:
    rng = torch.Generator().manual_seed(0)  # float32, as in the text: the same numbers
    z = (LOGITS.float()[:, None] + torch.randn(4, 64, 4, generator=rng)).flatten(0, 1)
    scores, bias = z.sigmoid(), torch.zeros(4)
    loads = []
    for _ in range(61):
        load = (scores + bias).topk(2).indices.flatten().bincount(minlength=4)
        loads.append(load.tolist())
        bias = bias + 0.02 * (load.float().mean() - load).sign()
    steps = list(range(61))
    lines = tuple(Line(EXPERTS[e], steps, [load[e] for load in loads]) for e in range(4))
    title = "How many of 256 tokens ask each expert, k = 2"
    return Curves("bias-evens-out", title, "step", "tokens", lines, low=0.0, high=256.0)


def task_with_bias() -> Bars:
    series = tuple(Series(way, errors) for way, errors in ERRORS.items())
    return Bars("task-with-bias", "The error of the task after 300 steps", STARTS, series, "error")


# ------------------------------------------------------------ 10 without a step size


def quantile_and_sign() -> Curves:
    rng = torch.Generator().manual_seed(0)  # float32, as in the text: the same numbers
    logits = torch.randn(4096, 64, generator=rng) + 0.7 * torch.randn(64, generator=rng)
    scores, even = logits.sigmoid(), 512
    steps = sorted({round(400 ** (n / 40)) for n in range(41)})
    lines = []
    for name, gamma in {"steps of 0.001": 0.001, "steps of 0.05": 0.05, "quantile balancing": None}.items():
        bias, excess = torch.zeros(64), []
        for _ in range(401):
            best = (scores + bias).topk(9)
            load = best.indices[:, :8].flatten().bincount(minlength=64)
            excess.append(round(100 * (load.max().item() / even - 1), 1))
            if gamma is None:
                bias = (best.values[:, -1:] - scores).sort(0).values[even]
                bias = bias - bias.mean()
            else:
                bias = bias + gamma * (even - load).sign()
        lines.append(Line(name, steps, [excess[step] for step in steps]))
    title = "The busiest of 64 experts: per cent above an even share"
    return Curves("quantile-and-sign", title, "step", "per cent", tuple(lines), log_x=True, log_y=True)


def one_cutoff() -> Heatmap:
    scores = [0.9, 0.8, 0.6, 0.5, 0.3, 0.2]
    shortfall = [round(scores[2] - score, 1) for score in scores]
    columns = ("chosen", "chosen", "cutoff", "4th", "5th", "6th")
    title = "The scores of one token, sorted, and each expert's shortfall"
    return Heatmap("one-cutoff", title, ("score", "shortfall"), columns, [scores, shortfall], digits=1)


def shortfalls() -> Curves:
    rng = torch.Generator().manual_seed(0)
    scores = (torch.randn(4096, 64, generator=rng) + 0.7 * torch.randn(64, generator=rng)).sigmoid()
    best = scores.topk(9)
    shortfall = (best.values[:, -1:] - scores).sort(0).values
    load = best.indices[:, :8].flatten().bincount(minlength=64)
    tokens = list(range(0, 2049, 64))
    experts = {"the busiest": load.argmax(), "one in between": load.argsort()[32], "expert 0": 0}
    lines = [Line(name, tokens, _numbers(shortfall[tokens, e], 3)) for name, e in experts.items()]
    mark = Line("512 tokens", [512, 512], [-0.5, 0.75])
    title = "Cutoff minus score, sorted, for the first 2,048 of 4,096 tokens"
    return Curves("shortfalls", title, "tokens", "shortfall", (*lines, mark), low=-0.5, high=0.75)


# ------------------------------------------------------------ 11 smaller and more


CUTS = (1, 2, 4, 8)
CUT_WORDS = (  # what measured/cut_finer.py printed, a row for each start
    (0.0270, 0.0160, 0.0128, 0.0104),
    (0.0200, 0.0168, 0.0097, 0.0107),
    (0.0257, 0.0185, 0.0153, 0.0106),
    (0.0247, 0.0194, 0.0151, 0.0085),
    (0.0227, 0.0159, 0.0145, 0.0124),
    (0.0266, 0.0169, 0.0096, 0.0105),
    (0.0226, 0.0184, 0.0114, 0.0082),
    (0.0288, 0.0209, 0.0132, 0.0137),
)
CUT_TEXT = (
    (2.0714, 2.1184, 2.1056, 2.0822),
    (2.0913, 2.0686, 2.0500, 2.0626),
    (2.0422, 2.0386, 2.0335, 2.0507),
    (2.0775, 2.0611, 2.0306, 2.0018),
)


def cut_words() -> Curves:
    """The mean of the starts, and the highest and the lowest of them."""
    losses = torch.tensor(CUT_WORDS, dtype=torch.float64)
    ends = {"highest of eight": losses.amax(0), "mean": losses.mean(0), "lowest of eight": losses.amin(0)}
    lines = tuple(Line(name, CUTS, _numbers(each, 4)) for name, each in ends.items())
    return Curves("cut-words", "Words with two halves", "pieces of an expert", "loss", lines, low=0.0, log_x=True)


def cut_text() -> Curves:
    lines = [Line(f"start {seed}", CUTS, losses) for seed, losses in enumerate(CUT_TEXT)]
    lines.append(Line("mean", CUTS, _numbers(torch.tensor(CUT_TEXT, dtype=torch.float64).mean(0), 4)))
    title = "The language model, on text that it was not trained on"
    return Curves(
        "cut-text", title, "pieces of an expert", "loss in nats", tuple(lines), low=1.95, high=2.15, log_x=True
    )


# ------------------------------------------------------------ 12 at most four machines


def two_machines() -> Boxes:
    boxes = (
        Box("words-a", "A: words\nwe, painted", 0, 0),
        Box("experts-a", "A: experts\n0 and 1", 0, 2),
        Box("back-a", "A: answers\nwe, painted", 0, 4),
        Box("words-b", "B: words\nthe, boat", 1, 0),
        Box("experts-b", "B: experts\n2 and 3", 1, 2),
        Box("back-b", "B: answers\nthe, boat", 1, 4),
    )
    arrows = (
        Arrow("words-a", "experts-a"),
        Arrow("words-b", "experts-a", "14 KiB"),
        Arrow("words-b", "experts-b"),
        Arrow("experts-a", "back-a"),
        Arrow("experts-a", "back-b", "28 KiB"),
        Arrow("experts-b", "back-b"),
    )
    return Boxes("two-machines", "Out to the experts, and back", boxes, arrows)


def four_groups() -> Heatmap:
    scores = [[0.95, 0.10, 0.10, 0.05], [0.80, 0.75, 0.10, 0.05], [0.70, 0.68, 0.15, 0.10], [0.52, 0.50, 0.48, 0.46]]
    rows = tuple(f"group {name}" for name in "ABCD")
    columns = ("first", "second", "third", "fourth")
    return Heatmap("four-groups", "The scores of one token in four groups", rows, columns, scores)


def bias_and_score() -> Boxes:
    boxes = (
        Box("logits", "logits", 1, 0),
        Box("s", "sigmoid", 1, 1),
        Box("bias", "+ bias", 0, 2),
        Box("groups", "groups\nthat stay", 0, 3),
        Box("best", "k best", 0, 4),
        Box("divide", "scores of\nthe chosen", 1, 4),
        Box("weights", "÷ sum\n· 2.5", 1, 5),
    )
    steps = (("logits", "s"), ("s", "bias"), ("bias", "groups"), ("groups", "best"), ("best", "divide"))
    arrows = tuple(Arrow(a, b) for a, b in (*steps, ("s", "divide"), ("divide", "weights")))
    return Boxes("bias-and-score", "Above: who works. Below: how much each counts", boxes, arrows)


def groups_are_nodes() -> Bars:
    rng = torch.Generator().manual_seed(0)
    scores = torch.randn(2000, 256, generator=rng).sigmoid()  # (tokens, experts), 32 on each of 8 nodes
    rating = scores.view(2000, 8, 32).topk(2).values.sum(-1)
    stay = torch.zeros(2000, 8).scatter(1, rating.topk(4).indices, 1.0).repeat_interleave(32, 1).bool()
    series = []
    for name, each in {"without": scores, "with the rule": scores.masked_fill(~stay, -math.inf)}.items():
        nodes = torch.zeros(2000, 8).scatter(1, each.topk(8).indices // 32, 1.0).sum(1).long()
        series.append(Series(name, _numbers(100 * nodes.bincount(minlength=9)[1:] / 2000, 1)))
    groups = tuple(f"{n} node{'s' if n > 1 else ''}" for n in range(1, 9))
    return Bars("groups-are-nodes", "Per cent of the tokens by number of nodes", groups, tuple(series), "per cent")


# ------------------------------------------------------------ 13 what an expert knows

# The next three hold what measured/what_an_expert_knows.py printed.

FIRST_CHOICES = (
    "6142415620531556132176373530456110577775363651737615",
    "3251527717752132211710511777544420611167105765446466",
    "1157122271274354377336767274564453573361767161666255",
    "6745244251417037415054150217461123333330141160505023",
)
LAYERS = ("layer 1", "layer 2", "layer 3", "layer 4")


def text_by_expert() -> Heatmap:
    line = "for x in range(10):".replace(" ", "·")
    rows = [[float(expert) for expert in choices[15:34]] for choices in FIRST_CHOICES]
    return Heatmap("text-by-expert", "The first expert of each character", LAYERS, tuple(line), rows, digits=0)


def guess_the_expert() -> Bars:
    series = (
        Series("nothing", [17, 17, 16, 22]),
        Series("prose or code", [22, 22, 23, 22]),
        Series("the character", [89, 75, 70, 82]),
        Series("and the one before", [95, 86, 85, 87]),
    )
    return Bars("guess-the-expert", "Experts guessed correctly, by what is known", LAYERS, series, "per cent")


def guess_untrained() -> Bars:
    series = (
        Series("nothing", [32, 26, 40, 38]),
        Series("the character", [93, 88, 88, 89]),
        Series("the character, trained", [89, 75, 70, 82]),
    )
    title = "Experts of the untrained model guessed correctly"
    return Bars("guess-untrained", title, LAYERS, series, "per cent")


def kinds_of_characters() -> Heatmap:
    shares = {
        "spaces": [0, 0, 0, 33, 0, 65, 0, 2],
        "vowels": [1, 1, 1, 0, 96, 0, 1, 0],
        "consonants": [4, 35, 14, 0, 0, 1, 13, 33],
        "capitals": [5, 19, 2, 3, 19, 0, 24, 28],
        "digits": [58, 42, 0, 0, 0, 0, 0, 0],
        "brackets": [13, 0, 42, 4, 0, 0, 38, 3],
        "quotation marks": [95, 0, 0, 2, 0, 0, 2, 0],
        ". , : ;": [51, 0, 0, 33, 0, 0, 2, 14],
    }
    experts = tuple(str(expert) for expert in range(8))
    title = "Layer 4: per cent of the characters that choose each expert first"
    return Heatmap("kinds-of-characters", title, tuple(shares), experts, list(shares.values()), digits=0)


# ------------------------------------------------------------ 14 after pre-training


def two_routers() -> Heatmap:
    rng = torch.Generator().manual_seed(0)  # float32, as in the text
    x, router = torch.randn(2000, 256, generator=rng), torch.randn(128, 256, generator=rng) / 256**0.5
    trainer, server = x @ router.T, x.bfloat16().float() @ router.T
    eighth, ninth = trainer.topk(9).indices[:, 7:].unbind(1)
    swapped = (server.gather(1, eighth[:, None]) < server.gather(1, ninth[:, None]))[:, 0]
    token = int(torch.where(swapped)[0][0])
    experts = trainer[token].topk(10).indices[6:]
    columns = tuple(f"expert {expert}" for expert in experts.tolist())
    rows = [_numbers(logits[token, experts], 4) for logits in (trainer, server)]
    title = "The logits of one token, around the place where the choice of eight ends"
    return Heatmap("two-routers", title, ("trainer", "server"), columns, rows, digits=4)


def record_and_replay() -> Boxes:
    boxes = (
        Box("server", "server's\nrouter", 0, 0),
        Box("chosen", "chooses\n0 and 2", 0, 1),
        Box("answer", "its experts\n0 and 2", 0, 2),
        Box("replay", "trainer's\nexperts 0, 2", 1, 2),
        Box("trainer", "trainer's\nrouter", 2, 0),
        Box("weights", "weights of\n0 and 2", 2, 1),
        Box("sum", "weighted\nsum", 2, 2),
        Box("loss", "loss", 2, 3),
    )
    steps = (
        ("server", "chosen", ""),
        ("chosen", "answer", ""),
        ("chosen", "replay", "who"),
        ("chosen", "weights", "who"),
        ("trainer", "weights", "logits"),
        ("weights", "sum", ""),
        ("replay", "sum", ""),
        ("sum", "loss", ""),
    )
    arrows = tuple(Arrow(*step) for step in steps)
    return Boxes("record-and-replay", "The server says who, the trainer how much", boxes, arrows)
