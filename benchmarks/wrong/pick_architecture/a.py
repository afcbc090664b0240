# TRUE CAUSE: regimes begins with None as the choice before, so that the first pair (1, None) is missing if nobody can
# serve one user; the pair for one user always belongs to the list.
from collections.abc import Mapping, Sequence
from typing import Any

from decode_roofline import decode_step, max_batch, prefill_seconds


def _length(customer: Mapping[str, Any]) -> int:
    return customer["prompt_tokens"] + customer["new_tokens"]


def largest_batch(model: Mapping[str, Any], customer: Mapping[str, Any], hw: Mapping[str, float]) -> int:
    length = _length(customer)

    def quick(batch: int) -> bool:
        return decode_step(model, batch, length, hw)["seconds"] <= customer["max_tpot_s"]

    # a step takes longer, the more sequences there are: bisect
    lo, hi = 0, max_batch(model, length, hw["memory_bytes"])
    while lo < hi:
        middle = (lo + hi + 1) // 2
        if quick(middle):
            lo = middle
        else:
            hi = middle - 1
    return lo


def deploy(model: Mapping[str, Any], customer: Mapping[str, Any], hw: Mapping[str, float]) -> dict[str, Any] | None:
    if prefill_seconds(model, customer["prompt_tokens"], hw) > customer["max_ttft_s"]:
        return None
    most = largest_batch(model, customer, hw)
    if most == 0:
        return None
    length = _length(customer)
    devices = -(-customer["users"] // most)
    batch = -(-customer["users"] // devices)
    by_memory = max_batch(model, length, hw["memory_bytes"]) == most
    return {
        "devices": devices,
        "batch": batch,
        "tpot_s": decode_step(model, batch, length, hw)["seconds"],
        "dollars_per_hour": devices * hw["dollars_per_hour"],
        "limit": "memory" if by_memory else "time",
    }


def pick(candidates: Sequence[Mapping[str, Any]], customer: Mapping[str, Any], hw: Mapping[str, float]) -> str | None:
    possible = []
    for model in candidates:
        if model["quality"] < customer["min_quality"]:
            continue
        plan = deploy(model, customer, hw)
        if plan is not None:
            possible.append((plan["dollars_per_hour"], -model["quality"], model["name"]))
    return min(possible)[2] if possible else None


def regimes(
    candidates: Sequence[Mapping[str, Any]], customer: Mapping[str, Any], hw: Mapping[str, float], most_users: int
) -> list[tuple[int, str | None]]:
    turns = []
    before = None
    for users in range(1, most_users + 1):
        choice = pick(candidates, {**customer, "users": users}, hw)
        if choice != before:
            turns.append((users, choice))
        before = choice
    return turns
