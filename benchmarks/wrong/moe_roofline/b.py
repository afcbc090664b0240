# TRUE CAUSE: crossover_batch assumes that a batch which is bound by compute hits all experts, and divides the time to
# read the whole model by the work of one token. The batch reads the expected number of experts only, so that the true
# crossover may be earlier.
"""A decode step of a mixture of experts on the roofline."""

import math
from typing import Any


def expected_experts(num_experts: int, k: int, tokens: int) -> float:
    return num_experts * (1 - (1 - k / num_experts) ** tokens)


def resident_bytes(model: dict[str, int], bytes_per_param: float = 2) -> float:
    experts = model["num_layers"] * model["num_experts"] * model["expert_params"]
    return bytes_per_param * (model["shared_params"] + experts)


def _token_flops(model: dict[str, int]) -> int:
    return 2 * (model["shared_params"] + model["num_layers"] * model["k"] * model["expert_params"])


def decode_step(
    model: dict[str, int], batch: int, bandwidth: float, peak_flops: float, bytes_per_param: float = 2
) -> dict[str, Any]:
    hit = expected_experts(model["num_experts"], model["k"], batch)
    read = bytes_per_param * (model["shared_params"] + model["num_layers"] * hit * model["expert_params"])
    flops = batch * _token_flops(model)
    reading, computing = read / bandwidth, flops / peak_flops
    return {
        "bytes": read,
        "flops": flops,
        "seconds": max(reading, computing),
        "bound": "memory" if reading >= computing else "compute",
    }


def crossover_batch(model: dict[str, int], bandwidth: float, peak_flops: float, bytes_per_param: float = 2) -> int:
    reading = resident_bytes(model, bytes_per_param) / bandwidth
    one_token = _token_flops(model) / peak_flops
    return math.floor(reading / one_token) + 1
