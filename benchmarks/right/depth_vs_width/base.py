import math
from collections.abc import Mapping, Sequence
from typing import Any


def shapes_at_budget(budget: float, depths: Sequence[int], head_dim: int = 64) -> list[dict[str, Any]]:
    shapes = []
    for layers in depths:
        heads = max(1, math.floor(math.sqrt(budget / (12 * layers)) / head_dim + 0.5))
        width = heads * head_dim
        shapes.append(
            {
                "layers": layers,
                "width": width,
                "heads": heads,
                "params": 12 * layers * width**2,
                "aspect_ratio": width / layers,
            }
        )
    return shapes


def levine_width(layers: float) -> float:
    return math.exp(5.039 + 0.0555 * layers)


def levine_shape(budget: float) -> dict[str, float]:
    lo, hi = 1.0, 2.0
    while 12 * hi * levine_width(hi) ** 2 < budget:
        hi *= 2
    for _ in range(100):
        mid = (lo + hi) / 2
        if 12 * mid * levine_width(mid) ** 2 < budget:
            lo = mid
        else:
            hi = mid
    layers = (lo + hi) / 2
    return {"layers": layers, "width": levine_width(layers)}


def kv_bytes_per_token(layers: int, width: int, bytes_per_value: float = 2) -> float:
    return 2 * layers * width * bytes_per_value


def step_latency(layers: int, width: int, tokens: int, hw: Mapping[str, float], devices: int = 1) -> float:
    weights = 12 * width**2
    compute = 2 * weights * tokens / hw["peak_flops"]
    read = weights * hw["bytes_per_param"] / hw["bandwidth"]
    exchange = 2 * hw["comm_latency"] if devices > 1 else 0.0
    return layers * (hw["layer_overhead"] + exchange + max(compute, read) / devices)


def fastest_shape(
    shapes: Sequence[Mapping[str, Any]], tokens: int, hw: Mapping[str, float], devices: int = 1
) -> Mapping[str, Any]:
    return min(shapes, key=lambda s: (step_latency(s["layers"], s["width"], tokens, hw, devices), s["layers"]))
