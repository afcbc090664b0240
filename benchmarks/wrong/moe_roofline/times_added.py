# TRUE CAUSE: decode_step adds the times of reading and computing, although the two overlap and the longer one
# counts.
from typing import Any


def expected_experts(num_experts: int, k: int, tokens: int) -> float:
    return num_experts * (1 - (1 - k / num_experts) ** tokens)


def resident_bytes(model: dict[str, int], bytes_per_param: float = 2) -> float:
    experts = model["num_layers"] * model["num_experts"] * model["expert_params"]
    return bytes_per_param * (model["shared_params"] + experts)


def decode_step(
    model: dict[str, int], batch: int, bandwidth: float, peak_flops: float, bytes_per_param: float = 2
) -> dict[str, Any]:
    hit = expected_experts(model["num_experts"], model["k"], batch)
    per_expert = model["num_layers"] * model["expert_params"]
    read = bytes_per_param * (model["shared_params"] + hit * per_expert)
    flops = 2 * batch * (model["shared_params"] + model["k"] * per_expert)
    t_read, t_work = read / bandwidth, flops / peak_flops
    return {
        "bytes": read,
        "flops": flops,
        "seconds": t_read + t_work,
        "bound": "memory" if t_read >= t_work else "compute",
    }


def crossover_batch(model: dict[str, int], bandwidth: float, peak_flops: float, bytes_per_param: float = 2) -> int:
    def computes(batch: int) -> bool:
        return decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)["bound"] == "compute"

    high = 1
    while not computes(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if computes(middle):
            high = middle
        else:
            low = middle
    return high
