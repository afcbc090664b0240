# TRUE CAUSE: fastest_shape takes the first of several equally fast shapes in the order of the list; the one with the
# fewest layers has to win a tie.
"""Shapes of one budget, and what they cost."""

import math
from collections.abc import Mapping, Sequence
from typing import Any


def _block_params(layers: float, width: float) -> float:
    return 12 * layers * width**2


def shapes_at_budget(budget: float, depths: Sequence[int], head_dim: int = 64) -> list[dict[str, Any]]:
    result = []
    for layers in depths:
        ideal = math.sqrt(budget / (12 * layers))
        heads = max(1, math.floor(ideal / head_dim + 0.5))
        width = heads * head_dim
        result.append(
            {
                "layers": layers,
                "width": width,
                "heads": heads,
                "params": _block_params(layers, width),
                "aspect_ratio": width / layers,
            }
        )
    return result


def levine_width(layers: float) -> float:
    return math.exp(5.039 + 0.0555 * layers)


def levine_shape(budget: float) -> dict[str, float]:
    # the weights grow with L: double the bracket, then bisect
    lo, hi = 0.5, 2.0
    while _block_params(hi, levine_width(hi)) < budget:
        hi *= 2
    for _ in range(100):
        mid = (lo + hi) / 2
        if _block_params(mid, levine_width(mid)) < budget:
            lo = mid
        else:
            hi = mid
    layers = (lo + hi) / 2
    return {"layers": layers, "width": levine_width(layers)}


def kv_bytes_per_token(layers: int, width: int, bytes_per_value: float = 2) -> float:
    return 2 * layers * width * bytes_per_value


def step_latency(layers: int, width: int, tokens: int, hw: Mapping[str, float], devices: int = 1) -> float:
    weights = _block_params(1, width)
    compute = 2 * weights * tokens / hw["peak_flops"]
    memory = weights * hw["bytes_per_param"] / hw["bandwidth"]
    exchange = 2 * hw["comm_latency"] if devices > 1 else 0.0
    return layers * (hw["layer_overhead"] + exchange + max(compute, memory) / devices)


def fastest_shape(
    shapes: Sequence[Mapping[str, Any]], tokens: int, hw: Mapping[str, float], devices: int = 1
) -> Mapping[str, Any]:
    best, best_seconds = None, math.inf
    for shape in shapes:
        seconds = step_latency(shape["layers"], shape["width"], tokens, hw, devices)
        if seconds < best_seconds:
            best, best_seconds = shape, seconds
    return best
