"""The pictures of lesson 4, computed from the same models as its text."""

from grader.picture import Arrow, Bars, Box, Boxes, Curves, Line, Series

BANDWIDTH, PEAK = 3.35e12, 989e12  # of one H100 SXM: bytes and operations in a second
EXPERT, OTHERS = 3 * 4096 * 14336, 1_605_636_096  # parameters of Mixtral 8x7B
LAYERS, EXPERTS, CHOSEN = 32, 8, 2
MISTRAL = 7_241_732_096


# ------------------------------------------------------------ 1 what 8x7B hides


def weights_of_mixtral() -> Bars:
    attention = 32 * 4096 * 128 * (2 * 32 + 2 * 8)
    tables = 2 * 32_000 * 4096
    series = (
        Series("Mistral 7B", [_billions(each) for each in (LAYERS * EXPERT, attention, tables)]),
        Series("Mixtral, stored", [_billions(each) for each in (LAYERS * EXPERTS * EXPERT, attention, tables)]),
        Series("Mixtral, one token", [_billions(each) for each in (LAYERS * CHOSEN * EXPERT, attention, tables)]),
    )
    title = "Where the weights are"
    return Bars("weights-of-mixtral", title, ("networks", "attention", "table, output"), series, "billions")


def _billions(count: float) -> float:
    return round(count / 1e9, 2)


# ------------------------------------------------------------ 2 many small experts


def share_in_use() -> Bars:
    models = {  # total and active, in billions, as published
        "Mixtral 8x7B: 2 of 8": (46.7, 12.9),
        "Qwen3-30B-A3B: 8 of 128": (30.5, 3.3),
        "DeepSeek-V3: 8 of 256, 1": (671, 37),
        "gpt-oss-120b: 4 of 128": (117, 5.1),
        "Kimi K2: 8 of 384, 1": (1000, 32),
    }
    shares = [round(100 * active / total, 1) for total, active in models.values()]
    title = "Weights that a token uses"
    return Bars("share-in-use", title, tuple(models), (Series("in use", shares),), "per cent")


# ------------------------------------------------------------ 3 to the last weight


def squeeze_and_expand() -> Boxes:
    return Boxes(
        "squeeze-and-expand",
        "Latent attention: what is made of the vector of a token",
        (
            Box("x", "token\n4", 1, 0),
            Box("q", "squeezed\n3", 0, 1),
            Box("queries", "2 queries\n3 each", 0, 2),
            Box("kv", "squeezed\n2", 1, 1),
            Box("keys", "2 keys, 2 values\n2 each", 1, 2),
            Box("turned", "turned\n1", 2, 1),
            Box("heads", "heads", 1, 3),
            Box("out", "output\n4", 1, 4),
        ),
        (
            Arrow("x", "q"),
            Arrow("q", "queries"),
            Arrow("x", "kv"),
            Arrow("kv", "keys"),
            Arrow("x", "turned"),
            Arrow("queries", "heads"),
            Arrow("keys", "heads"),
            Arrow("turned", "heads"),
            Arrow("heads", "out"),
        ),
    )


# ------------------------------------------------------------ 4 memory is bought


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


# ------------------------------------------------------------ 5 what a batch reads


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


# ------------------------------------------------------------ 6 the roofline


def step_by_batch() -> Curves:
    """What a decoding step of Mixtral takes to read and to compute, in milliseconds."""
    batches = [2.0 ** (i / 2) for i in range(25)]
    reading = [1000 * _read(batch) / BANDWIDTH for batch in batches]
    computing = [1000 * _work(batch) / PEAK for batch in batches]
    lines = (Line("reading", batches, reading), Line("computing", batches, computing))
    title = "time of a decode step, Mixtral 8x7B"
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
    lines = (Line("dense", batches, dense), Line("Mixtral", batches, mixtral), Line("edge of the roof", batches, edge))
    title = "How much a step computes for each byte"
    return Curves("intensity-by-batch", title, "batch", "operations for a byte", lines, log_x=True, log_y=True)


def _read(batch: float) -> float:
    """Bytes that a step of Mixtral reads, with weights of 16 bits."""
    return 2 * (OTHERS + LAYERS * _hit(batch) * EXPERT)


def _work(batch: float) -> float:
    """Operations that a step of Mixtral takes."""
    return 2 * batch * (OTHERS + LAYERS * CHOSEN * EXPERT)
