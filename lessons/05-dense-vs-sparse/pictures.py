"""The pictures of lesson 5, computed from the same layers and models as its text."""

from grader.picture import Bars, Curves, Line, Series

D, F, E, K_USED = 8, 16, 4, 2  # the layer of the lesson: four experts, of which a token uses two
MIXTRAL_TOTAL, MIXTRAL_ACTIVE = 46.70, 12.88  # billions of weights


# ------------------------------------------------------------ 1 what is held equal?


def three_layers() -> Bars:
    expert, router = 3 * D * F, D * E
    held = [E * expert + router, 3 * D * 32, 3 * D * 64]
    used = [K_USED * expert + router, *held[1:]]
    groups = ("sparse, 4 of 16", "twin, F = 32", "large, F = 64")
    return Bars("three-layers", "Three layers", groups, (Series("held", held), Series("used", used)), "weights")


def _against_mixtral(name: str, title: str, dense: tuple[float, float]) -> Bars:
    groups = ("weights held", "used by a token")
    series = (Series("sparse", [MIXTRAL_TOTAL, MIXTRAL_ACTIVE]), Series("dense", list(dense)))
    return Bars(name, title, groups, series, "billions")


def equal_active() -> Bars:
    return _against_mixtral("equal-active", "Equal active parameters", (MIXTRAL_ACTIVE, MIXTRAL_ACTIVE))


def equal_total() -> Bars:
    return _against_mixtral("equal-total", "Equal total parameters", (MIXTRAL_TOTAL, MIXTRAL_TOTAL))


def equal_training() -> Bars:
    tokens = [1.0, 1.0, round(MIXTRAL_ACTIVE / MIXTRAL_TOTAL, 2)]
    groups = ("sparse, 46.7", "twin, 12.9", "large, 46.7")
    title = "Equal work of the training: trillions of tokens"
    return Bars("equal-training", title, groups, (Series("tokens", tokens),), "trillions")


# ------------------------------------------------------------ 2 what a token costs


def _matrices(layers: int, D: int, heads: tuple[int, int, int], experts: tuple[int, int, int], V: int) -> int:
    """The FLOPs of a token in all products with weights; heads are H, G, K and experts F, E, k."""
    H, G, K = heads
    F, E, k = experts
    return 2 * (layers * (D * K * (2 * H + 2 * G) + k * 3 * D * F + D * E) + D * V)


def work_of_mixtral() -> Bars:
    layers, D, H, G, K, F, V = 32, 4096, 32, 8, 128, 14_336, 32_000
    parts = {
        "attention": 2 * layers * D * K * (2 * H + 2 * G),
        "experts": 2 * layers * 2 * 3 * D * F,
        "routers": 2 * layers * D * 8,
        "output": 2 * D * V,
        "scores": 4 * layers * H * K * 4096,
    }
    work = [round(part / 1e9, 2) for part in parts.values()]
    return Bars("work-of-mixtral", "Where the work goes", tuple(parts), (Series("GFLOPs", work),), "GFLOPs")


def work_by_context() -> Curves:
    positions = [2**n for n in range(7, 18)]
    mixtral = _matrices(32, 4096, (32, 8, 128), (14_336, 8, 2), 32_000)
    qwen = _matrices(48, 2048, (32, 4, 128), (768, 128, 8), 151_936)
    lines = (
        Line("Mixtral", positions, [round((mixtral + 4 * 32 * 32 * 128 * t) / 1e9, 2) for t in positions]),
        Line("Qwen3-30B-A3B", positions, [round((qwen + 4 * 48 * 32 * 128 * t) / 1e9, 2) for t in positions]),
    )
    title = "The work for one token"
    return Curves("work-by-context", title, "positions", "GFLOPs", lines, log_x=True, log_y=True)
