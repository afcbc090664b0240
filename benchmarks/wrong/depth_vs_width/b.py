# TRUE CAUSE: step_latency lets a layer read its weights once for each token. They are read once per step, however
# many tokens are processed; only the FLOPs grow with n.
import math
from collections.abc import Mapping, Sequence
from typing import Any


def shapes_at_budget(budget: float, depths: Sequence[int], head_dim: int = 64) -> list[dict[str, Any]]:
    shapes = []
    for layers in depths:
        wanted = math.sqrt(budget / (12 * layers))
        heads = max(1, math.floor(wanted / head_dim + 0.5))
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
    low, high = 0.5, 2.0
    while 12 * high * levine_width(high) ** 2 < budget:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if 12 * middle * levine_width(middle) ** 2 < budget:
            low = middle
        else:
            high = middle
    return {"layers": high, "width": levine_width(high)}


def kv_bytes_per_token(layers: int, width: int, bytes_per_value: float = 2) -> float:
    return 2 * layers * width * bytes_per_value


def step_latency(layers: int, width: int, tokens: int, hw: Mapping[str, float], devices: int = 1) -> float:
    weights = 12 * width**2
    compute = 2 * weights * tokens / hw["peak_flops"]
    read = weights * hw["bytes_per_param"] * tokens / hw["bandwidth"]
    exchange = 2 * hw["comm_latency"] if devices > 1 else 0.0
    return layers * (hw["layer_overhead"] + exchange + max(compute, read) / devices)


def fastest_shape(
    shapes: Sequence[Mapping[str, Any]], tokens: int, hw: Mapping[str, float], devices: int = 1
) -> Mapping[str, Any]:
    def rank(shape):
        return step_latency(shape["layers"], shape["width"], tokens, hw, devices), shape["layers"]

    return min(shapes, key=rank)
