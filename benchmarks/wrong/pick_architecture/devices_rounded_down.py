# TRUE CAUSE: The number of devices is users // most (at least 1), rounded down, so some users are not served.
from collections.abc import Mapping, Sequence
from typing import Any

from decode_roofline import decode_step, max_batch, prefill_seconds


def largest_batch(model: Mapping[str, Any], customer: Mapping[str, Any], hw: Mapping[str, float]) -> int:
    length = customer["prompt_tokens"] + customer["new_tokens"]
    batch = max_batch(model, length, hw["memory_bytes"])
    while batch > 0 and decode_step(model, batch, length, hw)["seconds"] > customer["max_tpot_s"]:
        batch -= 1
    return batch


def deploy(model: Mapping[str, Any], customer: Mapping[str, Any], hw: Mapping[str, float]) -> dict[str, Any] | None:
    if prefill_seconds(model, customer["prompt_tokens"], hw) > customer["max_ttft_s"]:
        return None
    most = largest_batch(model, customer, hw)
    if most == 0:
        return None
    length = customer["prompt_tokens"] + customer["new_tokens"]
    devices = max(1, customer["users"] // most)
    batch = -(-customer["users"] // devices)
    return {
        "devices": devices,
        "batch": batch,
        "tpot_s": decode_step(model, batch, length, hw)["seconds"],
        "dollars_per_hour": devices * hw["dollars_per_hour"],
        "limit": "memory" if most == max_batch(model, length, hw["memory_bytes"]) else "time",
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
    turns = []
    for users in range(1, most_users + 1):
        name = pick(candidates, {**customer, "users": users}, hw)
        if not turns or turns[-1][1] != name:
            turns.append((users, name))
    return turns
