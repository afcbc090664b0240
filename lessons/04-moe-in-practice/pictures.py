"""The pictures of lesson 4, computed from the same models as its text."""

from grader.pictures import (
    Arrow,
    Bars,
    Box,
    Boxes,
    Curves,
    Grid,
    Lane,
    Line,
    Matrix,
    Series,
    Stretch,
    Timeline,
)

BANDWIDTH, PEAK = 3.35e12, 989e12  # of one H100 SXM: bytes and operations in a second
EXPERT, OTHERS = 3 * 4096 * 14336, 1_605_636_096  # parameters of Mixtral 8x7B
LAYERS, EXPERTS, CHOSEN = 32, 8, 2
MIXTRAL = (OTHERS, EXPERT, LAYERS, EXPERTS, CHOSEN)
QWEN = (1_541_093_376, 3 * 2048 * 768, 48, 128, 8)  # Qwen3-30B-A3B
TOTAL, ACTIVE = 46_702_792_704, 12_879_925_248
MISTRAL, LLAMA = 7_241_732_096, 68_976_648_192
DEEPSEEK_MOE = (16_375_728_128 - 27 * 64 * 3 * 2048 * 1408, 3 * 2048 * 1408, 27, 64, 6)  # 16.4 billion
DEEPSEEK_7B = 6_910_365_696


# ------------------------------------------------------------ 1 what 8x7B hides


def the_toy() -> Boxes:
    """V = 10, D = 4, one layer, two heads of length 2 that share keys and values, 4 experts of width 8."""
    expert, table = 3 * 4 * 8, 10 * 4
    attention = 4 * 2 * (2 * 2 + 2 * 1)
    boxes = (
        Box("table", f"table\n{table}", 2, 0),
        Box("attention", f"norm,\nattention\n4 + {attention}", 2, 1),
        Box("router", f"norm,\nrouter\n4 + {4 * 4}", 2, 2),
        *(Box(f"e{n}", f"expert {n}: {expert}" + ("" if n in (1, 3) else ", idle"), n, 3) for n in range(4)),
        Box("output", f"norm,\noutput\n4 + {table}", 2, 4),
    )
    steps = ("table", "attention"), ("attention", "router"), ("router", "e1"), ("router", "e3")
    arrows = (*steps, ("e1", "output"), ("e3", "output"))
    title = "The toy: 540 weights, 348 of them in use"
    return Boxes("the-toy", title, boxes, tuple(Arrow(start, end) for start, end in arrows))


def eight_times_seven() -> Matrix:
    parts, models = ("table", "attention", "router", "network", "output"), tuple(str(n) for n in range(1, 9))
    whole = [[part != "router"] * 8 for part in parts]
    mixtral = [[part == "network" or n == 0 for n in range(8)] for part in parts]
    grids = (Grid("eight Mistral 7B", parts, models, whole), Grid("Mixtral 8x7B", parts, models, mixtral))
    return Matrix("eight-times-seven", "Eight whole models, and eight networks in one", grids, ("",))


# ------------------------------------------------------------ 2 many small experts


def cut_in_two() -> Matrix:
    numbers, hidden = tuple(f"x{n}" for n in range(4)), tuple(f"h{n}" for n in range(8))
    up = [[n < 4] * 4 for n in range(8)]
    down = [[n < 4 for n in range(8)] for _ in range(4)]
    outputs = tuple(f"y{n}" for n in range(4))
    grids = (Grid("up", hidden, numbers, up), Grid("down", outputs, hidden, down))
    return Matrix("cut-in-two", "An expert and its first half", grids, ("",))


# ------------------------------------------------------------ 4 memory is bought


def fits_on_a_card() -> Bars:
    models = {  # parameters outside the experts, and in them
        "Mixtral 8x7B": (OTHERS, LAYERS * EXPERTS * EXPERT),
        "Qwen3-30B-A3B": (QWEN[0], QWEN[1] * QWEN[2] * QWEN[3]),
        "gpt-oss-120b": (2_127_263_040, 36 * 128 * 3 * 2880 * 2880),
    }
    formats = {"all in 16 bits": (16, 16), "experts in 4.25": (16, 4.25), "all in 4.25": (4.25, 4.25)}
    series = tuple(
        Series(name, [round((rest * others + experts * each) / 8e9, 1) for others, experts in models.values()])
        for name, (rest, each) in formats.items()
    )
    return Bars("fits-on-a-card", "The weights of three mixtures", tuple(models), series, "GB")


# ------------------------------------------------------------ 5 where the idle ones wait


def held_and_read() -> Bars:
    models = {  # total and active, in billions
        "Mistral 7B": (7.24, 7.24),
        "Qwen3-30B-A3B": (30.53, 3.35),
        "Mixtral 8x7B": (46.70, 12.88),
        "Llama 2 70B": (68.98, 68.98),
    }
    held = [round(2 * total, 1) for total, _ in models.values()]
    read = [round(2 * active, 1) for _, active in models.values()]
    title = "Weights of 16 bits: held, and read for one token"
    return Bars("held-and-read", title, tuple(models), (Series("held", held), Series("read", read)), "GB")


def two_ways_to_an_expert() -> Boxes:
    boxes = (
        Box("card", "card: attention,\nrouter, cache", 0, 0),
        Box("memory", "main memory:\nthe experts", 0, 1),
        Box("processor", "processor", 1, 1),
    )
    arrows = (
        Arrow("memory", "card", "weights, 6.3 GB"),
        Arrow("memory", "processor", "90 GB/s"),
        Arrow("card", "processor", "vectors, 0.5 MB"),
    )
    return Boxes("two-ways-to-an-expert", "One token of Mixtral", boxes, arrows)


# ------------------------------------------------------------ 6 what a batch reads


CHOICES = {"a": (0, 1), "b": (0, 2), "c": (1, 2), "d": (0, 3)}  # the experts of each token


def four_choices() -> Matrix:
    experts = tuple(f"e{n}" for n in range(4))
    chosen = [[n in pair for n in range(4)] for pair in CHOICES.values()]
    hit = [[any(row[n] for row in chosen[: place + 1]) for n in range(4)] for place in range(4)]
    tokens = tuple(f"token {name}" for name in CHOICES)
    names = ("a", "a to b", "a to c", "a to d")
    grids = (Grid("chosen", tokens, experts, chosen), Grid("hit so far", names, experts, hit))
    return Matrix("four-choices", "Two of four experts for each token", grids, ("",))


def experts_hit() -> Curves:
    batches = [2.0 ** (i / 2) for i in range(17)]
    models = {"Mixtral, 2 of 8": (8, 2), "Qwen3, 8 of 128": (128, 8), "DeepSeek-V3, 8 of 256": (256, 8)}
    lines = []
    for name, (experts, chosen) in models.items():
        shares = [round(100 * _hit(batch, experts, chosen) / experts, 2) for batch in batches]
        lines.append(Line(name, batches, shares))
    title = "Experts that are hit in a layer"
    return Curves("experts-hit", title, "tokens", "per cent", tuple(lines), low=0.0, high=100.0, log_x=True)


def _hit(batch: float, experts: int = EXPERTS, chosen: int = CHOSEN) -> float:
    return float(experts * (1 - (1 - chosen / experts) ** batch))


# ------------------------------------------------------------ 7 the roofline


def step_by_batch() -> Curves:
    """What a decoding step of Mixtral takes to read and to compute, in milliseconds."""
    batches = [2.0 ** (i / 2) for i in range(25)]
    reading = [1000 * _read(batch) / BANDWIDTH for batch in batches]
    computing = [1000 * _work(batch) / PEAK for batch in batches]
    lines = (Line("reading", batches, reading), Line("computing", batches, computing))
    title = "Time of a decode step, Mixtral 8x7B"
    return Curves("step-by-batch", title, "batch", "milliseconds", lines, log_x=True, log_y=True)


def roof() -> Curves:
    intensities = [2.0 ** (i / 4) for i in range(49)]
    reached = [round(min(BANDWIDTH * each, PEAK) / 1e12, 2) for each in intensities]
    lines = (Line("at most", intensities, reached),)
    title = "An H100 with numbers of 16 bits"
    return Curves("roof", title, "operations for a byte", "10^12 operations/s", lines, log_x=True, log_y=True)


def intensity_by_batch() -> Curves:
    batches = [2.0 ** (i / 2) for i in range(25)]
    dense = [round(batch, 3) for batch in batches]
    mixtral = [round(_work(batch) / _read(batch), 3) for batch in batches]
    edge = [round(PEAK / BANDWIDTH, 1)] * len(batches)
    names = {"dense": dense, "Mixtral": mixtral, "edge of the roof": edge}
    lines = tuple(Line(name, batches, values) for name, values in names.items())
    title = "How much a step computes for each byte"
    return Curves("intensity-by-batch", title, "batch", "operations for a byte", lines, log_x=True, log_y=True)


def _read(batch: float) -> float:
    """Bytes that a step of Mixtral reads, with weights of 16 bits."""
    return 2 * (OTHERS + LAYERS * _hit(batch) * EXPERT)


def _work(batch: float) -> float:
    """Operations that a step of Mixtral takes."""
    return 2 * batch * (OTHERS + LAYERS * CHOSEN * EXPERT)


# ------------------------------------------------------------ 8 faster than what?


def times_as_fast() -> Curves:
    batches = [2.0 ** (i / 2) for i in range(25)]
    rivals = {"to Llama 2 70B": LLAMA, "to a dense 46.7B": TOTAL, "to a dense 12.9B": ACTIVE, "to Mistral 7B": MISTRAL}
    lines = []
    for name, size in rivals.items():
        ratios = [round(_dense(size, batch) / _mixture(MIXTRAL, batch), 3) for batch in batches]
        lines.append(Line(name, batches, ratios))
    lines.append(Line("equally fast", batches, [1.0] * len(batches)))
    title = "Mixtral 8x7B's speed, relative to four dense models"
    return Curves("times-as-fast", title, "batch", "times", tuple(lines), low=0.1, high=10.0, log_x=True, log_y=True)


def sixteen_against_seven() -> Curves:
    batches = [2.0 ** (i / 2) for i in range(25)]
    ratios = [round(_dense(DEEPSEEK_7B, batch) / _mixture(DEEPSEEK_MOE, batch), 3) for batch in batches]
    lines = (Line("DeepSeekMoE 16B", batches, ratios), Line("equally fast", batches, [1.0] * len(batches)))
    title = "DeepSeekMoE 16B's speed, relative to DeepSeek 7B"
    return Curves("sixteen-against-seven", title, "batch", "times", lines, low=0.0, log_x=True)


# ------------------------------------------------------------ 9 the room for texts


def a_chunk_joins() -> Timeline:
    """Two users on two H100; a chunk of 256 tokens joins a step."""
    lanes = []
    for name, before, after in (("Mixtral", 2, 2), ("its twin", 4, 5)):
        start, stretches = 0.0, []
        for tokens in (*[2] * before, 2 + 256, *[2] * after):
            seconds = _mixture(MIXTRAL, tokens) if name == "Mixtral" else _dense(ACTIVE, tokens)
            end = start + 1000 * seconds / 2
            stretches.append(Stretch(round(start, 2), round(end, 2), "+" if tokens > 2 else ""))
            start = end
        lanes.append(Lane(name, tuple(stretches)))
    return Timeline("a-chunk-joins", "Steps of two users", "milliseconds", tuple(lanes))


# ------------------------------------------------------------ 10 cut or send


def who_holds_what() -> Matrix:
    experts, halves = tuple(f"expert {n}" for n in range(4)), ("left", "right")
    cut = [["card 0", "card 1"] for _ in range(4)]
    send = [[f"card {n // 2}"] * 2 for n in range(4)]
    grids = (Grid("cut", experts, halves, cut), Grid("send", experts, halves, send))
    return Matrix("who-holds-what", "Four experts on two cards", grids, ("",))


HOME = {"a": 0, "b": 0, "c": 1, "d": 1}  # two tokens and two experts on each card


def two_cards() -> Boxes:
    sent = {
        (here, 1 - here): [
            token
            for token, experts in CHOICES.items()
            for expert in experts
            if (HOME[token], expert // 2) == (here, 1 - here)
        ]
        for here in (0, 1)
    }
    boxes = []
    for card, tokens in enumerate(("a, b", "c, d")):
        row = 2 * card
        boxes.append(Box(f"in{card}", f"card {card}\ntokens {tokens}", row, 0))
        boxes.append(Box(f"experts{card}", f"card {card}\nexperts {2 * card}, {2 * card + 1}", row, 1))
        boxes.append(Box(f"out{card}", f"card {card}\ntokens {tokens}", row, 2))
    arrows = []
    for (here, there), tokens in sent.items():
        arrows.append(Arrow(f"in{here}", f"experts{there}", ", ".join(tokens)))
        arrows.append(Arrow(f"experts{there}", f"out{here}", ", ".join(tokens)))
    return Boxes("two-cards", "Out to the experts, and back", tuple(boxes), tuple(arrows))


# ------------------------------------------------------------ 11 who waits for whom


def the_busiest_card() -> Timeline:
    load = [sum(expert // 2 == card for experts in CHOICES.values() for expert in experts) for card in (0, 1)]
    out, longest = 2, max(load)
    lanes = []
    for card in (0, 1):
        work = Stretch(out, out + load[card], f"{load[card]} pieces")
        back = Stretch(out + longest, 2 * out + longest, "back")
        lanes.append(Lane(f"card {card}", (Stretch(0, out, "out"), work, back)))
    return Timeline("the-busiest-card", "One layer on two cards", "pieces of work", tuple(lanes))


def a_copy_in_two_phases() -> Bars:
    series = (Series("without the copy", [5, 2]), Series("with the copy", [4, 3]))
    title = "The busiest of two cards"
    return Bars("a-copy-in-two-phases", title, ("choices it computes", "experts it reads"), series)


# ------------------------------------------------------------ 12 what crosses


def on_the_wires() -> Boxes:
    boxes = (
        Box("home", "machine 0\ncard 0\ntoken", 0, 0),
        Box("near", "machine 0\ncard 1\nexpert", 0, 1),
        Box("entry", "machine 1\ncard 0\nexpert", 1, 0),
        Box("far", "machine 1\ncard 1\nexpert", 1, 1),
    )
    arrows = (
        Arrow("home", "near", "160 GB/s"),
        Arrow("home", "entry", "50 GB/s"),
        Arrow("entry", "far", "160 GB/s"),
    )
    return Boxes("on-the-wires", "One token, three experts on other cards", boxes, arrows)


def groups_on_machines() -> Matrix:
    """Eight groups of 32 experts, on machines with 32 experts and on machines with 16."""
    groups, grids = tuple(str(n) for n in range(8)), []
    for experts in (32, 16):
        machines = range(256 // experts)
        cells = [[machine * experts // 32 == group for machine in machines] for group in range(8)]
        grids.append(Grid(f"{experts} experts on a machine", groups, tuple(str(n) for n in machines), cells))
    return Matrix("groups-on-machines", "The machines (columns) of each group (row)", tuple(grids), ("",))


def two_half_batches() -> Timeline:
    card = [Stretch(2 * n, 2 * n + 2, "A" if n % 2 == 0 else "B") for n in range(6)]
    wires = [Stretch(2 * n, 2 * n + 2, "A" if n % 2 else "B") for n in range(1, 6)]
    lanes = (Lane("card works on", tuple(card)), Lane("wires carry", tuple(wires)))
    return Timeline("two-half-batches", "While one half travels", "pieces of work", lanes)


# ------------------------------------------------------------ 13 wide enough


def what_a_card_holds() -> Bars:
    """9440 texts of 4989 tokens and DeepSeek-V3 in 8 bits, on more and more cards."""
    widths = (32, 64, 128, 256)
    expert, attention, cache = 3 * 7168 * 2048, 61 * 187_107_328, 4989 * 61 * 576 * 2
    weights = [round((58 * (256 / cards + 1) * expert + attention) / 1e9, 1) for cards in widths]
    caches = [round(9440 / cards * cache / 1e9, 1) for cards in widths]
    groups = tuple(f"{cards} cards" for cards in widths)
    title = "What each card holds, for 9440 texts"
    return Bars("what-a-card-holds", title, groups, (Series("weights", weights), Series("caches", caches)), "GB")


# ------------------------------------------------------------ 14 a mixture for whom?


def steps_of_four() -> Curves:
    """Milliseconds of a step on two H100, by the bound, without the table; gpt-oss with experts in 4.25 bits."""
    batches = [2.0 ** (i / 2) for i in range(25)]
    oss = (2_127_263_040 - 201_088 * 2880, 3 * 2880 * 2880, 36, 128, 4)
    qwen = (QWEN[0] - 151_936 * 2048, *QWEN[1:])
    rows = {
        "Llama 2 70B": [_dense(LLAMA - 32_000 * 8192, batch) for batch in batches],
        "gpt-oss-120b": [_mixture(oss, batch, 4.25) for batch in batches],
        "Qwen3-30B-A3B": [_mixture(qwen, batch) for batch in batches],
        "Mistral 7B": [_dense(MISTRAL - 32_000 * 4096, batch) for batch in batches],
    }
    lines = tuple(Line(name, batches, [round(500 * each, 3) for each in row]) for name, row in rows.items())
    title = "Time of a step on two H100"
    return Curves("steps-of-four", title, "batch", "milliseconds", lines, log_x=True, log_y=True)


def _mixture(model: tuple[int, int, int, int, int], batch: float, bits: float = 16) -> float:
    """Seconds of a step: others, expert, layers, experts and how many are chosen; bits of a weight in an expert."""
    others, expert, layers, experts, chosen = model
    reading = (2 * others + bits / 8 * layers * _hit(batch, experts, chosen) * expert) / BANDWIDTH
    return max(reading, 2 * batch * (others + layers * chosen * expert) / PEAK)


def _dense(size: int, batch: float) -> float:
    return max(2 * size / BANDWIDTH, 2 * batch * size / PEAK)
