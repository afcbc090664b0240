# TRUE CAUSE: crossover_batch takes all E experts of each layer as read, as if the batch were large; the step of that
# batch reads the expected number of experts, so where few are hit the crossover comes earlier.
from typing import Any


def expected_experts(num_experts: int, k: int, tokens: int) -> float:
    return num_experts * (1 - (1 - k / num_experts) ** tokens)


def resident_bytes(model: dict[str, int], bytes_per_param: float = 2) -> float:
    experts = model["num_layers"] * model["num_experts"] * model["expert_params"]
    return bytes_per_param * (model["shared_params"] + experts)


def _flops_per_token(model: dict[str, int]) -> int:
    return 2 * (model["shared_params"] + model["num_layers"] * model["k"] * model["expert_params"])


def decode_step(
    model: dict[str, int], batch: int, bandwidth: float, peak_flops: float, bytes_per_param: float = 2
) -> dict[str, Any]:
    hit = expected_experts(model["num_experts"], model["k"], batch)
    read = bytes_per_param * (model["shared_params"] + model["num_layers"] * hit * model["expert_params"])
    work = batch * _flops_per_token(model)
    t_read, t_work = read / bandwidth, work / peak_flops
    return {
        "bytes": read,
        "flops": work,
        "seconds": max(t_read, t_work),
        "bound": "memory" if t_read >= t_work else "compute",
    }


def crossover_batch(model: dict[str, int], bandwidth: float, peak_flops: float, bytes_per_param: float = 2) -> int:
    t_read = resident_bytes(model, bytes_per_param) / bandwidth
    t_token = _flops_per_token(model) / peak_flops
    return int(t_read / t_token) + 1
