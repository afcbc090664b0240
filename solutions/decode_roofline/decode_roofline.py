"""A bound on the speed of decoding: what has to be read, what has to be computed, and which takes longer."""

from collections.abc import Mapping
from typing import Any


def _get(m: Mapping[str, Any], key: str) -> Any:
    """m[key], or 0 where the model has no such key."""
    return m.get(key, 0)


def total_params(m: Mapping[str, Any]) -> int:
    """The parameters that are stored: the shared ones and all experts.

    >>> total_params({"shared_params": 1605636096, "n_experts": 8, "top_k": 2, "expert_params": 5637144576})
    46702792704
    """
    return m["shared_params"] + _get(m, "n_experts") * _get(m, "expert_params")


def active_params(m: Mapping[str, Any]) -> int:
    """The parameters that one token uses: the shared ones and top_k experts.

    >>> active_params({"shared_params": 1605636096, "n_experts": 8, "top_k": 2, "expert_params": 5637144576})
    12879925248
    """
    return m["shared_params"] + _get(m, "top_k") * _get(m, "expert_params")


def expected_experts(n_experts: int, top_k: int, tokens: int) -> float:
    """How many different experts some tokens use on average, if each chooses top_k of them at random.

    n_experts, top_k: 1 <= top_k <= n_experts. tokens: 0 or more. They choose independently, all sets of top_k experts
        being equally likely.

    >>> [expected_experts(8, 2, tokens) for tokens in (1, 2, 3, 5)]
    [2.0, 3.5, 4.625, 6.1015625]
    """
    return n_experts * (1 - (1 - top_k / n_experts) ** tokens)


def weight_bytes(m: Mapping[str, Any], tokens: int) -> float:
    """The bytes of weights that a step with so many tokens reads: the shared ones, and the experts in use, each once.

    >>> mixtral = {"shared_params": 1605636096, "n_experts": 8, "top_k": 2, "expert_params": 5637144576,
    ...            "bytes_per_param": 1}
    >>> [round(weight_bytes(mixtral, tokens) / 1e9, 1) for tokens in (1, 4, 32)]
    [12.9, 32.4, 46.7]
    """
    experts = expected_experts(m["n_experts"], m["top_k"], tokens) if _get(m, "n_experts") else 0
    return (m["shared_params"] + experts * _get(m, "expert_params")) * m["bytes_per_param"]


def cache_bytes(m: Mapping[str, Any], batch: int, context: int) -> float:
    """The bytes that batch sequences of context tokens keep: keys, values and states.

    >>> llama = {"attn_layers": 32, "n_heads": 32, "n_kv_heads": 32, "head_dim": 128, "kv_bytes": 2}  # Llama 2 7B
    >>> cache_bytes(llama, batch=1, context=4096)  # 2 GiB
    2147483648
    """
    per_token = 2 * m["attn_layers"] * m["n_kv_heads"] * m["head_dim"] * m["kv_bytes"]  # a key and a value
    return batch * (context * per_token + _get(m, "state_bytes"))


def decode_step(m: Mapping[str, Any], batch: int, context: int, hw: Mapping[str, float]) -> dict[str, Any]:
    """One step of decoding: one new token for each of batch sequences, which have context tokens so far.

    hw: peak_flops and bandwidth, in FLOP/s and bytes/s.
    Returns: a dict with the keys
        bytes: the weights and the caches that are read;
        flops: those of the active parameters and of the attention, for all sequences;
        t_memory, t_compute: the seconds that the one and the other take;
        seconds: a lower bound for the step;
        bound: "memory" if t_memory >= t_compute, else "compute";
        tokens_per_s: the new tokens of all sequences together in a second.

    >>> llama = {"shared_params": 6738415616, "attn_layers": 32, "n_heads": 32, "n_kv_heads": 32, "head_dim": 128,
    ...          "bytes_per_param": 2, "kv_bytes": 2}
    >>> step = decode_step(llama, batch=1, context=0, hw={"peak_flops": 989e12, "bandwidth": 3.35e12})
    >>> step["bound"], round(step["tokens_per_s"], 1)
    ('memory', 248.6)
    """
    read = weight_bytes(m, batch) + cache_bytes(m, batch, context)
    attention = 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context  # scores, and their sum of values
    flops = batch * (2 * active_params(m) + attention)
    t_memory, t_compute = read / hw["bandwidth"], flops / hw["peak_flops"]
    seconds = max(t_memory, t_compute)
    return {
        "bytes": read,
        "flops": flops,
        "t_memory": t_memory,
        "t_compute": t_compute,
        "seconds": seconds,
        "bound": "memory" if t_memory >= t_compute else "compute",
        "tokens_per_s": batch / seconds,
    }


def critical_batch(hw: Mapping[str, float], bytes_per_param: float) -> float:
    """The batch at which a dense model without caches takes as long to compute as to read; a real number.

    >>> round(critical_batch({"peak_flops": 989e12, "bandwidth": 3.35e12}, bytes_per_param=2), 1)  # H100, 16 bits
    295.2
    """
    return hw["peak_flops"] * bytes_per_param / (2 * hw["bandwidth"])


def max_batch(m: Mapping[str, Any], context: int, memory_bytes: float) -> int:
    """How many sequences of context tokens fit into the memory beside the weights, all of them.

    context: with a state 0 or more, else at least 1: a sequence needs some memory.
    Returns: an int; 0 if none fits, or the weights do not.

    >>> llama = {"shared_params": 6738415616, "attn_layers": 32, "n_heads": 32, "n_kv_heads": 32, "head_dim": 128,
    ...          "bytes_per_param": 2, "kv_bytes": 2}
    >>> max_batch(llama, context=4096, memory_bytes=80e9)
    30
    """
    free = memory_bytes - total_params(m) * m["bytes_per_param"]
    return max(0, int(free // cache_bytes(m, 1, context)))


def prefill_seconds(m: Mapping[str, Any], prompt: int, hw: Mapping[str, float]) -> float:
    """A lower bound for the time in which a prompt of so many tokens is read, all of them in one step.

    The attention is causal: token number i, counted from 1, attends to i tokens. Caches are not counted.

    >>> llama = {"shared_params": 6738415616, "attn_layers": 32, "n_heads": 32, "n_kv_heads": 32, "head_dim": 128,
    ...          "bytes_per_param": 2, "kv_bytes": 2}
    >>> round(1e3 * prefill_seconds(llama, 4096, {"peak_flops": 989e12, "bandwidth": 3.35e12}), 2)  # milliseconds
    60.26
    """
    pairs = prompt * (prompt + 1) // 2  # (query, key)
    attention = 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * pairs
    t_compute = (2 * active_params(m) * prompt + attention) / hw["peak_flops"]
    return max(t_compute, weight_bytes(m, prompt) / hw["bandwidth"])
