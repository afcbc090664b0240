"""A decode step of a mixture of experts on the roofline: memory held, memory read, work done, and which one limits."""

from typing import Any


def expected_experts(num_experts: int, k: int, tokens: int) -> float:
    """How many experts of one layer are hit, on average, if every token picks k different ones at random.

    num_experts: E. k: 1 <= k <= E. tokens: B >= 0, which pick independently of one another.
    Returns: E (1 - (1 - k/E)**B).

    >>> round(expected_experts(8, k=2, tokens=8), 3)  # Mixtral 8x7B
    7.199
    """
    return num_experts * (1 - (1 - k / num_experts) ** tokens)


def resident_bytes(model: dict[str, int], bytes_per_param: float = 2) -> float:
    """The bytes of all parameters: what has to be in memory before the first token.

    model: "shared_params", all outside the routed experts; "expert_params", those of one expert of one layer;
        "num_layers" L, "num_experts" E and "k". Ints: the first may be 0, or the second; the others are at least 1.
    bytes_per_param: an int or a float, 0.5 for 4 bits.

    >>> resident_bytes({"shared_params": 1000, "expert_params": 50, "num_layers": 3, "num_experts": 4, "k": 1})
    3200
    """
    experts = model["num_layers"] * model["num_experts"] * model["expert_params"]
    return bytes_per_param * (model["shared_params"] + experts)


def decode_step(
    model: dict[str, int], batch: int, bandwidth: float, peak_flops: float, bytes_per_param: float = 2
) -> dict[str, Any]:
    """One decode step of a batch of sequences, one token each, on the roofline.

    model: as in resident_bytes. batch: B >= 1. bandwidth: bytes per second. peak_flops: FLOPs per second.
    Returns: "bytes" read, each weight in use once, with the expected number of experts in every layer; "flops", 2 for
        each parameter that a token uses; "seconds", the longer of reading and computing; and "bound": "memory" where
        reading takes at least as long as computing, else "compute".

    >>> tiny = {"shared_params": 1000, "expert_params": 50, "num_layers": 3, "num_experts": 4, "k": 1}
    >>> decode_step(tiny, batch=3, bandwidth=100.0, peak_flops=1000.0)  # 2.3125 of 4 experts are hit
    {'bytes': 2693.75, 'flops': 6900, 'seconds': 26.9375, 'bound': 'memory'}
    """
    hit = expected_experts(model["num_experts"], model["k"], batch)
    read = bytes_per_param * (model["shared_params"] + model["num_layers"] * hit * model["expert_params"])
    active = model["shared_params"] + model["num_layers"] * model["k"] * model["expert_params"]
    flops = 2 * batch * active
    reading, computing = read / bandwidth, flops / peak_flops
    return {
        "bytes": read,
        "flops": flops,
        "seconds": max(reading, computing),
        "bound": "memory" if reading >= computing else "compute",
    }


def crossover_batch(model: dict[str, int], bandwidth: float, peak_flops: float, bytes_per_param: float = 2) -> int:
    """The smallest batch whose decode step is bound by "compute". There always is one.

    >>> tiny = {"shared_params": 1000, "expert_params": 50, "num_layers": 3, "num_experts": 4, "k": 1}
    >>> crossover_batch(tiny, bandwidth=100.0, peak_flops=1000.0)
    14
    """

    def compute_bound(batch: int) -> bool:
        return decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)["bound"] == "compute"

    # Work grows in proportion to the batch and what is read ever more slowly, so every larger batch is bound by it too.
    smallest = 1
    while not compute_bound(smallest):
        smallest *= 2
    below = smallest // 2  # 0, or a batch that is bound by memory
    while smallest - below > 1:
        middle = (below + smallest) // 2
        if compute_bound(middle):
            smallest = middle
        else:
            below = middle
    return smallest
