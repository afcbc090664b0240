"""The pictures of lesson 9, computed from the same numbers as its text."""

import itertools
import math

from grader.pictures import Arrow, Bars, Box, Boxes, Curves, Grid, Lane, Line, Matrix, Series, Stretch, Timeline

PEAK, BANDWIDTH = 989e12, 3.35e12  # of an H100 SXM, in a second
SHAPES = ((6, 4096), (24, 2048), (96, 1024))  # layers, width: one budget
LAUNCH, EXCHANGE = 5e-6, 5e-6  # seconds, as the lesson takes them


# ------------------------------------------------------------ 1 one step after another

NOTES: tuple[int, ...] = (3, 6, 0, 5, 1, 2, 7, 4)


def way_through_a_budget() -> Boxes:
    groups = (
        ("shape", "the shape:\ndeep or wide?\nparts 1 to 7"),
        ("count", "the count:\nweights, FLOPs\nparts 8 and 9"),
        ("budget", "the budget:\nsize or text?\nparts 10 to 14"),
        ("service", "the service:\nwhich model?\nparts 15 and 16"),
    )
    boxes = tuple(Box(name, label, 0, column) for column, (name, label) in enumerate(groups))
    arrows = tuple(Arrow(start[0], end[0]) for start, end in itertools.pairwise(groups))
    return Boxes("way-through-a-budget", "How this lesson goes", boxes, arrows)


def doubling() -> Boxes:
    boxes, arrows = [], []
    at, hops = 0, 1
    for row, layer in enumerate(("layer 1", "layer 2", "layer 3")):
        boxes.append(Box(layer, layer, row, 0))
        boxes += [Box(f"{row}-{box}", str(box), row, box + 1) for box in range(8)]
        arrows.append(Arrow(f"{row}-{at}", f"{row}-{at + hops}", str(hops)))
        at, hops = at + hops, 2 * hops
    return Boxes("doubling", "How far one look reaches, layer by layer", tuple(boxes), tuple(arrows))


def mirror() -> Boxes:
    boxes = [Box(f"{row}-{box}", str(box), row, box) for row in range(2) for box in range(8)]
    arrows = [Arrow(f"0-{box}", f"0-{box + 1}") for box in range(7)]
    arrows += [Arrow("1-7", "1-6"), Arrow("1-7", "1-5"), Arrow("1-7", "1-3")]
    return Boxes(
        "mirror", "Notes (above), and whom box 7 knows after layers 1, 2, 3 (below)", tuple(boxes), tuple(arrows)
    )


def hops_by_depth() -> Curves:
    layers = list(range(1, 7))
    circle = [(box + 1) % 128 for box in range(128)]  # a list of notes in which hops can be counted
    known, at, doubled = circle, 0, []
    for _ in layers:
        at, known = known[at], [known[box] for box in known]
        doubled.append(at)
    return Curves(
        "hops-by-depth",
        "Hops that the query has taken",
        "layers",
        "hops",
        (Line("the query alone moves", layers, layers), Line("the boxes double what they know", layers, doubled)),
        low=0.0,
    )


# ------------------------------------------------------------ 2 behind a mask


def notes_behind_the_mask() -> Matrix:
    boxes, rows = tuple(str(box) for box in range(8)), tuple(f"box {box}" for box in range(8))
    cells = [[NOTES[box] == end and (end <= box or "no") for end in range(8)] for box in range(8)]
    grid = Grid("", rows, boxes, cells)
    return Matrix("notes-behind-the-mask", "Which box (row) may read the one it points to (column)?", (grid,))


# ------------------------------------------------------------ 3 one budget, many shapes


def three_shapes() -> Matrix:
    shapes = ((1, 64), (4, 32), (16, 16))
    assert len({12 * layers * width**2 for layers, width in shapes}) == 1
    grids = tuple(
        Grid(
            f"{layers} x {width}", tuple(f"layer {n + 1}" for n in range(layers)), (), [[True] * (width // 8)] * layers
        )
        for layers, width in shapes
    )
    return Matrix("three-shapes", "12 · L · D² = 49,152 weights; a cell is 8 numbers of the width", grids, ("", ""))


def levine() -> Curves:
    layers = list(range(6, 121, 6))
    budget = 175e9
    return Curves(
        "levine",
        "The best width for a depth, by a fit",
        "layers",
        "width",
        (
            Line("line of Levine et al.", layers, [round(math.exp(5.039 + 0.0555 * each)) for each in layers]),
            Line("all shapes of 175 billion weights", layers, [round((budget / 12 / each) ** 0.5) for each in layers]),
        ),
        log_y=True,
    )


# ------------------------------------------------------------ 4 layers wait for one another


def _work(width: int) -> float:
    return 12 * width**2 * 2 / BANDWIDTH


def one_layer() -> Timeline:
    read = _work(2048) * 1e6
    one = (Stretch(0, 5, "L"), Stretch(5, round(5 + read, 2), "read"))
    first, second = read / 8 / 3, read / 8 * 2 / 3  # a third of the weights is attention's
    marks = [5.0, 5 + first, 10 + first, 10 + first + second, 15 + first + second]
    ends = [round(mark, 2) for mark in marks]
    eight = (
        Stretch(0, 5, "L"),
        Stretch(ends[0], ends[1], ""),
        Stretch(ends[1], ends[2], "sum"),
        Stretch(ends[2], ends[3], ""),
        Stretch(ends[3], ends[4], "sum"),
    )
    return Timeline(
        "one-layer", "Launch (L), reading, and two sums", "µs", (Lane("1 card", one), Lane("8 cards", eight))
    )


def cut_in_two() -> Matrix:
    up = Grid("up, 4 × 8", (), (), [["A"] * 4 + ["B"] * 4] * 4)
    down = Grid("down, 8 × 4", (), (), [["A"] * 4] * 4 + [["B"] * 4] * 4)
    return Matrix("cut-in-two", "Who holds which number of the MLP's matrices", (up, down), ("then",))


def floor() -> Curves:
    def step(layers: int, width: int, n: int) -> float:
        fixed = LAUNCH + (2 * EXCHANGE if n > 1 else 0)
        return round(layers * (fixed + _work(width) / n) * 1e3, 3)

    lines = []
    for layers, width in SHAPES:
        cards = [2**power for power in range(7) if 2**power <= width // 64]  # not more than heads
        lines.append(Line(f"{layers} x {width}", cards, [step(layers, width, n) for n in cards]))
    return Curves("floor", "Time of a step for one text", "cards", "ms", tuple(lines), low=0.0, log_x=True)


# ------------------------------------------------------------ 5 trained on one budget


def accuracy_by_hops() -> Bars:
    """Measured: one training of each shape, as the exercise has it, with seed 0, on 2000 fresh lists of each length."""
    return Bars(
        "accuracy-by-hops",
        "Right answers on fresh lists, after 800 steps",
        ("1 hop", "2 hops", "3 hops"),
        (
            Series("1 layer, 64", [1.00, 0.46, 0.37]),
            Series("2 layers, 44", [1.00, 1.00, 1.00]),
            Series("4 layers, 32", [1.00, 0.99, 0.98]),
        ),
        "share",
    )


# ------------------------------------------------------------ 7 a knob that need not be turned again


def rates_over_width() -> Curves:
    """Measured: the losses that the part prints, to three digits."""
    rates = [1000 * 2.0**-power for power in range(10, 3, -1)]
    losses = {
        "32": (6.45, 2.64, 1.13, 0.696, 0.520, 0.433, 0.499),
        "256": (0.607, 0.386, 0.218, 0.286, 0.573, 3.63, 7.69),
        "256, rules": (5.93, 1.74, 0.770, 0.514, 0.367, 0.196, 0.301),
    }
    lines = tuple(Line(name, rates, list(row)) for name, row in losses.items())
    title = "Loss after 40 steps, by the learning rate"
    return Curves("rates-over-width", title, "rate, thousandths", "loss", lines, log_x=True, log_y=True)


# ------------------------------------------------------------ 9 where the FLOPs go


def weights_and_pairs() -> Curves:
    layers, width = 12, 768
    tokens = list(range(0, 8193, 512))
    weights = 24 * layers * width**2 / 1e6
    pairs = [round(4 * layers * width * each / 1e6, 2) for each in tokens]
    return Curves(
        "weights-and-pairs",
        "FLOPs for one token in the layers of GPT-2",
        "tokens of the text",
        "millions",
        (Line("weights", tokens, [round(weights, 2)] * len(tokens)), Line("pairs", tokens, pairs)),
        low=0.0,
    )


# ------------------------------------------------------------ 10 to 12: size and text

REFIT = (1.8172, 482.01, 2085.43, 0.3478, 0.3658)  # E, A, B, alpha, beta


def _loss(size: float, tokens: float, law: tuple[float, ...] = REFIT) -> float:
    least, a, b, alpha, beta = law
    return float(least + a / size**alpha + b / tokens**beta)


def _sizes(low: float, high: float, n: int = 41) -> list[float]:
    return [low * (high / low) ** (each / (n - 1)) for each in range(n)]


def one_budget_each() -> Curves:
    lines = []
    for flops, sizes in ((1e20, _sizes(2e8, 8e9)), (1e22, _sizes(1.5e9, 8e10)), (5.88e23, _sizes(1e10, 5e11))):
        losses = [round(_loss(size, flops / 6 / size), 4) for size in sizes]
        lines.append(Line(f"{flops:.3g} FLOPs", [round(size / 1e9, 4) for size in sizes], losses))
    return Curves(
        "one-budget-each", "Loss of all divisions of a budget", "parameters, billions", "loss", tuple(lines), log_x=True
    )


def two_bills() -> Curves:
    least, a, b, alpha, beta = REFIT
    target, served = _loss(73e9, 1.34e12), 1e13
    sizes = _sizes(18e9, 150e9)
    tokens = [(b / (target - least - a / size**alpha)) ** (1 / beta) for size in sizes]
    training = [round(6 * size * each / 1e24, 4) for size, each in zip(sizes, tokens, strict=True)]
    service = [round(2 * size * served / 1e24, 4) for size in sizes]
    both = [round(one + two, 4) for one, two in zip(training, service, strict=True)]
    shown = [round(size / 1e9, 3) for size in sizes]
    return Curves(
        "two-bills",
        "Models of one loss, ten trillion tokens served",
        "parameters, billions",
        "10^24 FLOPs",
        (Line("training", shown, training), Line("service", shown, service), Line("both", shown, both)),
        low=0.0,
        log_x=True,
    )


# ------------------------------------------------------------ 13 and 14: a fit that stopped


def three_laws() -> Curves:
    laws = {
        "as printed": (1.69, 406.4, 410.7, 0.34, 0.28),
        "all digits": (1.6934, 406.4, 410.7, 0.3392, 0.2849),
        "fitted again": REFIT,
    }
    sizes, budget = _sizes(1e10, 3e11), 5.88e23 / 6
    lines = []
    for name, law in laws.items():
        losses = [_loss(size, budget / size, law) for size in sizes]
        above = [round((loss / min(losses) - 1) * 100, 4) for loss in losses]
        lines.append(Line(name, [round(size / 1e9, 4) for size in sizes], above))
    return Curves(
        "three-laws",
        "Loss above the lowest, for 5.88e23 FLOPs",
        "parameters, billions",
        "per cent",
        tuple(lines),
        low=0.0,
        log_x=True,
    )


# ------------------------------------------------------------ 15 what a token waits for


def under_the_roof() -> Curves:
    """The roof of an H100, and steps of Llama 2 7B below it: FLOPs for a byte, and FLOPs in a second."""
    size, cache, pairs = 6_738_415_616, 2 * 32 * 32 * 128 * 2 * 1024, 4 * 32 * 32 * 128 * 1024

    def dot(name: str, read: float, compute: float) -> Line:
        intensity = compute / read
        at = round(min(intensity * BANDWIDTH, PEAK) / 1e12, 2)
        return Line(name, [round(intensity, 2)] * 2, [at, round(at / 2, 2)])  # a mark that hangs from the roof

    roof = [2.0 ** (power / 4) for power in range(-2, 53)]
    lines = (
        Line("roof", roof, [round(min(each * BANDWIDTH, PEAK) / 1e12, 2) for each in roof]),
        dot("1 user", 2 * size, 2 * size),
        dot("32 users", 2 * size, 32 * 2 * size),
        dot("32 with caches", 2 * size + 32 * cache, 32 * (2 * size + pairs)),
        dot("295 users", 2 * size, 295 * 2 * size),
        dot("prompt of 4096", 2 * size, 4096 * 2 * size),
    )
    title = "Steps of Llama 2 7B on an H100"
    return Curves("under-the-roof", title, "FLOPs for a byte", "10^12 FLOPs/s", lines, log_x=True, log_y=True)


def dense_and_mixture() -> Curves:
    batches = [2**power for power in range(10)]

    def speed(batch: int, weights: float, active: float, heads: int) -> float:
        cache = 2 * 32 * heads * 128 * 2 * 1024
        pairs = 4 * 32 * 32 * 128 * 1024
        return batch / max((weights + batch * cache) / BANDWIDTH, batch * (2 * active + pairs) / PEAK)

    dense = [speed(batch, 2 * 6_738_415_616, 6_738_415_616, 32) for batch in batches]
    shared, expert = 1_605_636_096, 5_637_144_576
    mixture = [speed(batch, shared + 8 * (1 - 0.75**batch) * expert, shared + 2 * expert, 8) for batch in batches]
    lines = (
        Line("Llama 2 7B, 16 bits", batches, [round(each, 1) for each in dense]),
        Line("Mixtral 8x7B, 8 bits", batches, [round(each, 1) for each in mixture]),
    )
    title = "Tokens in a second, at most"
    return Curves("dense-and-mixture", title, "users", "tokens/s", lines, log_x=True, log_y=True)


# ------------------------------------------------------------ 16 which one do we take


def price_in_steps() -> Curves:
    fits = {"dense 33B": 6, "dense 13B": 9, "mixture": 31}
    letters = list(range(1, 41))
    lines = tuple(Line(name, letters, [3 * math.ceil(each / most) for each in letters]) for name, most in fits.items())
    return Curves("price-in-steps", "Price of the devices", "letters at once", "dollars an hour", lines, low=0.0)
