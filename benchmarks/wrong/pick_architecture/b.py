# TRUE CAUSE: deploy names as the limit what bounds the decode step on the roofline. The limit is why a device serves
# no more sequences: "memory" if the caches of one more would not fit, else "time", also where the step waits for
# memory.
from collections.abc import Mapping, Sequence
from typing import Any

from decode_roofline import decode_step, max_batch, prefill_seconds


def _length(customer: Mapping[str, Any]) -> int:
    return customer["prompt_tokens"] + customer["new_tokens"]


def largest_batch(model: Mapping[str, Any], customer: Mapping[str, Any], hw: Mapping[str, float]) -> int:
    length = _length(customer)
    low, high = 0, max_batch(model, length, hw["memory_bytes"])
    while low < high:
        middle = (low + high + 1) // 2
        if decode_step(model, middle, length, hw)["seconds"] <= customer["max_tpot_s"]:
            low = middle
        else:
            high = middle - 1
    return low


def deploy(model: Mapping[str, Any], customer: Mapping[str, Any], hw: Mapping[str, float]) -> dict[str, Any] | None:
    most = largest_batch(model, customer, hw)
    if most == 0 or prefill_seconds(model, customer["prompt_tokens"], hw) > customer["max_ttft_s"]:
        return None
    users = customer["users"]
    devices = -(-users // most)
    batch = -(-users // devices)
    length = _length(customer)
    full = decode_step(model, most, length, hw)
    return {
        "devices": devices,
        "batch": batch,
        "tpot_s": decode_step(model, batch, length, hw)["seconds"],
        "dollars_per_hour": devices * hw["dollars_per_hour"],
        "limit": "memory" if full["bound"] == "memory" else "time",
    }


def pick(candidates: Sequence[Mapping[str, Any]], customer: Mapping[str, Any], hw: Mapping[str, float]) -> str | None:
    offers = []
    for model in candidates:
        if model["quality"] < customer["min_quality"]:
            continue
        plan = deploy(model, customer, hw)
        if plan is not None:
            offers.append((plan["dollars_per_hour"], -model["quality"], model["name"]))
    return min(offers)[2] if offers else None


def regimes(
    candidates: Sequence[Mapping[str, Any]], customer: Mapping[str, Any], hw: Mapping[str, float], most_users: int
) -> list[tuple[int, str | None]]:
    turns = []
    for users in range(1, most_users + 1):
        name = pick(candidates, {**customer, "users": users}, hw)
        if not turns or turns[-1][1] != name:
            turns.append((users, name))
    return turns
