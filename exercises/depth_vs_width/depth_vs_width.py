"""The shapes that a budget of weights allows, and what each of them costs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any


def shapes_at_budget(budget: float, depths: Sequence[int], head_dim: int = 64) -> list[dict[str, Any]]:
    """For each depth the shape of about budget weights, in the order of depths.

    budget: P > 0, an int or a float; weights of the blocks alone, 12·L·D². depths: ints, each at least 1.
    Returns: one dict for each depth, with the keys
        layers: L; width: D, the multiple of head_dim nearest to sqrt(P / 12L), the larger one halfway between two,
        and at least one head; heads: D / head_dim; params: 12·L·D² of this shape. All four are ints.
        aspect_ratio: D / L, a float.

    >>> shapes_at_budget(12 * 48 * 1600**2, [48, 6])  # GPT-2 XL, and its budget in 6 layers
    [{'layers': 48, 'width': 1600, 'heads': 25, 'params': 1474560000, 'aspect_ratio': 33.333333333333336},
     {'layers': 6, 'width': 4544, 'heads': 71, 'params': 1486651392, 'aspect_ratio': 757.3333333333334}]
    """
    raise NotImplementedError


def levine_width(layers: float) -> float:
    """The width that goes with a depth, by Levine's fit: exp(5.039 + 0.0555·L).

    >>> round(levine_width(48), 1)
    2215.0
    """
    raise NotImplementedError


def levine_shape(budget: float) -> dict[str, float]:
    """The point of Levine's curve that has budget weights: {"layers": L, "width": D}, with 12·L·D² = P.

    budget: at least what one layer has on the curve, 12·levine_width(1)².
    Returns: real numbers, not rounded: L with a relative error of at most 1e-6, and D = levine_width(L).

    >>> shape = levine_shape(175e9)  # GPT-3 has 96 layers of width 12288
    >>> round(shape["layers"], 2), round(shape["width"], 1)
    (80.51, 13458.6)
    """
    raise NotImplementedError


def kv_bytes_per_token(layers: int, width: int, bytes_per_value: float = 2) -> float:
    """The bytes that one token leaves in the KV cache, with as many key-value heads as query heads.

    bytes_per_value: an int or a float.

    >>> kv_bytes_per_token(48, 1600)  # GPT-2 XL, 300 KiB
    307200
    """
    raise NotImplementedError


def step_latency(layers: int, width: int, tokens: int, hw: Mapping[str, float], devices: int = 1) -> float:
    """The seconds that one step takes: all layers, one after the other, on one or several devices.

    tokens: n, processed at the same time.
    hw: peak_flops and bandwidth of one device, in FLOP/s and bytes/s; bytes_per_param; layer_overhead and
        comm_latency in seconds, o and a of the statement.

    >>> h100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "bytes_per_param": 2,
    ...         "layer_overhead": 5e-6, "comm_latency": 5e-6}
    >>> [round(1e6 * step_latency(48, 1600, 1, h100, devices), 1) for devices in (1, 8)]  # microseconds
    [1120.3, 830.0]
    """
    raise NotImplementedError


def fastest_shape(
    shapes: Sequence[Mapping[str, Any]], tokens: int, hw: Mapping[str, float], devices: int = 1
) -> Mapping[str, Any]:
    """That of the shapes whose step takes the least time; of equally fast ones the one with the fewest layers.

    shapes: at least one, as shapes_at_budget returns them; no two have the same number of layers.
    tokens, hw, devices: as in step_latency.
    Returns: the dict of that shape.

    >>> h100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "bytes_per_param": 2,
    ...         "layer_overhead": 0.0, "comm_latency": 5e-6}
    >>> shapes = shapes_at_budget(12 * 48 * 1600**2, [6, 24, 96])
    >>> [fastest_shape(shapes, 1, h100, devices)["layers"] for devices in (1, 8)]
    [24, 6]
    """
    raise NotImplementedError
