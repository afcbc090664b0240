# TRUE CAUSE: The width is rounded with Python's round, which goes to the even number of heads halfway between
# two multiples, where the larger one is asked for.
import math
from collections.abc import Mapping, Sequence
from typing import Any


def shapes_at_budget(budget: float, depths: Sequence[int], head_dim: int = 64) -> list[dict[str, Any]]:
    out = []
    for L in depths:
        ideal = math.sqrt(budget / (12 * L))
        heads = max(1, round(ideal / head_dim))
        D = heads * head_dim
        out.append({"layers": L, "width": D, "heads": heads, "params": 12 * L * D * D, "aspect_ratio": D / L})
    return out


def levine_width(layers: float) -> float:
    return math.exp(5.039 + 0.0555 * layers)


def levine_shape(budget: float) -> dict[str, float]:
    low, high = 0.5, 1.0
    while 12 * high * levine_width(high) ** 2 < budget:
        high *= 2
    for _ in range(200):
        mid = (low + high) / 2
        if 12 * mid * levine_width(mid) ** 2 < budget:
            low = mid
        else:
            high = mid
    L = (low + high) / 2
    return {"layers": L, "width": levine_width(L)}


def kv_bytes_per_token(layers: int, width: int, bytes_per_value: float = 2) -> float:
    return 2 * layers * width * bytes_per_value


def step_latency(layers: int, width: int, tokens: int, hw: Mapping[str, float], devices: int = 1) -> float:
    weights = 12 * width * width
    compute = 2 * weights * tokens / hw["peak_flops"]
    memory = weights * hw["bytes_per_param"] / hw["bandwidth"]
    exchange = 2 * hw["comm_latency"] if devices > 1 else 0.0
    return layers * (hw["layer_overhead"] + exchange + max(compute, memory) / devices)


def fastest_shape(
    shapes: Sequence[Mapping[str, Any]], tokens: int, hw: Mapping[str, float], devices: int = 1
) -> Mapping[str, Any]:
    return min(shapes, key=lambda s: (step_latency(s["layers"], s["width"], tokens, hw, devices), s["layers"]))
