from collections.abc import Mapping, Sequence
from typing import Any

from decode_roofline import decode_step, max_batch, prefill_seconds


def largest_batch(model: Mapping[str, Any], customer: Mapping[str, Any], hw: Mapping[str, float]) -> int:
    length = customer["prompt_tokens"] + customer["new_tokens"]
    low, high = 0, max_batch(model, length, hw["memory_bytes"])
    while low < high:  # low can be served, high + 1 cannot
        middle = (low + high + 1) // 2
        if decode_step(model, middle, length, hw)["seconds"] <= customer["max_tpot_s"]:
            low = middle
        else:
            high = middle - 1
    return low


def _devices(users: int, largest: int) -> int:
    return -(-users // largest)


def deploy(model: Mapping[str, Any], customer: Mapping[str, Any], hw: Mapping[str, float]) -> dict[str, Any] | None:
    length = customer["prompt_tokens"] + customer["new_tokens"]
    largest = largest_batch(model, customer, hw)
    if largest == 0 or prefill_seconds(model, customer["prompt_tokens"], hw) > customer["max_ttft_s"]:
        return None
    devices = _devices(customer["users"], largest)
    batch = -(-customer["users"] // devices)
    return {
        "devices": devices,
        "batch": batch,
        "tpot_s": decode_step(model, batch, length, hw)["seconds"],
        "dollars_per_hour": devices * hw["dollars_per_hour"],
        "limit": "memory" if largest == max_batch(model, length, hw["memory_bytes"]) else "time",
    }


def pick(candidates: Sequence[Mapping[str, Any]], customer: Mapping[str, Any], hw: Mapping[str, float]) -> str | None:
    best = None
    for model in candidates:
        if model["quality"] < customer["min_quality"]:
            continue
        plan = deploy(model, customer, hw)
        if plan is None:
            continue
        key = (plan["dollars_per_hour"], -model["quality"])
        if best is None or key < best[0]:
            best = (key, model["name"])
    return None if best is None else best[1]


def regimes(
    candidates: Sequence[Mapping[str, Any]], customer: Mapping[str, Any], hw: Mapping[str, float], most_users: int
) -> list[tuple[int, str | None]]:
    able = []
    for model in candidates:
        if model["quality"] >= customer["min_quality"]:
            if prefill_seconds(model, customer["prompt_tokens"], hw) <= customer["max_ttft_s"]:
                largest = largest_batch(model, customer, hw)
                if largest:
                    able.append((model, largest))
    out = []
    for users in range(1, most_users + 1):
        name, best = None, None
        for model, largest in able:
            key = (_devices(users, largest) * hw["dollars_per_hour"], -model["quality"])
            if best is None or key < best:
                name, best = model["name"], key
        if not out or out[-1][1] != name:
            out.append((users, name))
    return out
