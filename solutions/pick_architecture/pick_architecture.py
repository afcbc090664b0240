"""The choice of an architecture for a customer: what a device serves, what that costs, and who wins at which load."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from decode_roofline import decode_step, max_batch, prefill_seconds


def largest_batch(model: Mapping[str, Any], customer: Mapping[str, Any], hw: Mapping[str, float]) -> int:
    """How many of the customer's sequences one device can decode at once.

    All of them are counted at their full length, prompt_tokens + new_tokens.
    model, customer, hw: the keys of the statement.
    Returns: the largest number of sequences whose caches fit into memory_bytes beside all weights, and of which a step
        takes at most max_tpot_s; 0 if not even one can be served.

    >>> dense = {"shared_params": 8030000000, "attn_layers": 32, "n_heads": 32, "n_kv_heads": 8, "head_dim": 128,
    ...          "bytes_per_param": 2, "kv_bytes": 2}
    >>> h100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "memory_bytes": 80e9, "dollars_per_hour": 3.0}
    >>> customer = {"prompt_tokens": 7168, "new_tokens": 1024, "max_tpot_s": 0.05}
    >>> [largest_batch(dense, {**customer, "max_tpot_s": seconds}, h100) for seconds in (0.05, 0.01, 0.005)]
    [59, 16, 0]
    """
    end = _end(customer)
    fitting = range(1, max_batch(model, end, hw["memory_bytes"]) + 1)
    # A step takes longer with every sequence: so many of them stay within the limit.
    return bisect_right(fitting, customer["max_tpot_s"], key=lambda B: decode_step(model, B, end, hw)["seconds"])


def deploy(model: Mapping[str, Any], customer: Mapping[str, Any], hw: Mapping[str, float]) -> dict[str, Any] | None:
    """The fewest devices with which a model serves all users of a customer at the same time.

    Each device holds all of the model. The users are spread evenly: no device has two more than another.
    Returns: None if it cannot be done, because a device cannot serve even one of them, or because it takes longer than
        max_ttft_s to read a prompt. Otherwise a dict with the keys
        devices: their number;
        batch: the users of the fullest device;
        tpot_s: the seconds of a step there, at full length;
        dollars_per_hour: of all devices together;
        limit: why a device can serve no more than its largest batch: "memory" if the caches of one sequence more would
        not fit, else "time".

    >>> dense = {"shared_params": 8030000000, "attn_layers": 32, "n_heads": 32, "n_kv_heads": 8, "head_dim": 128,
    ...          "bytes_per_param": 2, "kv_bytes": 2}
    >>> h100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "memory_bytes": 80e9, "dollars_per_hour": 3.0}
    >>> customer = {"prompt_tokens": 7168, "new_tokens": 1024, "max_ttft_s": 1.0, "max_tpot_s": 0.05, "users": 64}
    >>> plan = deploy(dense, customer, h100)
    >>> plan["devices"], plan["batch"], round(1e3 * plan["tpot_s"], 2), plan["dollars_per_hour"], plan["limit"]
    (2, 32, 15.05, 6.0, 'memory')
    """
    largest = largest_batch(model, customer, hw)
    if largest == 0 or prefill_seconds(model, customer["prompt_tokens"], hw) > customer["max_ttft_s"]:
        return None
    end = _end(customer)
    devices = _divided_up(customer["users"], largest)
    batch = _divided_up(customer["users"], devices)
    return {
        "devices": devices,
        "batch": batch,
        "tpot_s": decode_step(model, batch, end, hw)["seconds"],
        "dollars_per_hour": devices * hw["dollars_per_hour"],
        "limit": "memory" if largest == max_batch(model, end, hw["memory_bytes"]) else "time",
    }


def pick(candidates: Sequence[Mapping[str, Any]], customer: Mapping[str, Any], hw: Mapping[str, float]) -> str | None:
    """The name of the model to take: of those that are good enough and can be deployed the cheapest.

    candidates: models with a name and a quality, both different in each.
    Returns: of those whose quality is at least min_quality and for which deploy finds a plan, the one of the fewest
        dollars per hour; of several the one of the highest quality. None if there is none.

    >>> dense = {"name": "dense", "quality": 0.74, "shared_params": 13000000000, "attn_layers": 40, "n_heads": 40,
    ...          "n_kv_heads": 8, "head_dim": 128, "bytes_per_param": 2, "kv_bytes": 2}
    >>> small = {"name": "small", "quality": 0.71, "shared_params": 8030000000, "attn_layers": 32, "n_heads": 32,
    ...          "n_kv_heads": 8, "head_dim": 128, "bytes_per_param": 2, "kv_bytes": 2}
    >>> h100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "memory_bytes": 80e9, "dollars_per_hour": 3.0}
    >>> customer = {"prompt_tokens": 7168, "new_tokens": 1024, "max_ttft_s": 1.0, "max_tpot_s": 0.05,
    ...             "min_quality": 0.7}
    >>> [pick([small, dense], {**customer, "users": users}, h100) for users in (20, 50)]
    ['dense', 'small']
    """
    offers = []
    for candidate in candidates:
        plan = deploy(candidate, customer, hw)
        if candidate["quality"] >= customer["min_quality"] and plan is not None:
            offers.append((plan["dollars_per_hour"], -candidate["quality"], candidate["name"]))
    return min(offers)[-1] if offers else None


def regimes(
    candidates: Sequence[Mapping[str, Any]], customer: Mapping[str, Any], hw: Mapping[str, float], most_users: int
) -> list[tuple[int, str | None]]:
    """How the choice turns while the customer grows from 1 user to most_users.

    customer: as for pick; its users, if it has any, play no part.
    Returns: a list of pairs (users, name). The first is (1, what pick says for one user), and one more follows for each
        number of users for which pick says something else than for one user less.

    >>> dense = {"name": "dense", "quality": 0.74, "shared_params": 13000000000, "attn_layers": 40, "n_heads": 40,
    ...          "n_kv_heads": 8, "head_dim": 128, "bytes_per_param": 2, "kv_bytes": 2}
    >>> small = {"name": "small", "quality": 0.71, "shared_params": 8030000000, "attn_layers": 32, "n_heads": 32,
    ...          "n_kv_heads": 8, "head_dim": 128, "bytes_per_param": 2, "kv_bytes": 2}
    >>> h100 = {"peak_flops": 989e12, "bandwidth": 3.35e12, "memory_bytes": 80e9, "dollars_per_hour": 3.0}
    >>> customer = {"prompt_tokens": 7168, "new_tokens": 1024, "max_ttft_s": 1.0, "max_tpot_s": 0.05,
    ...             "min_quality": 0.7}
    >>> regimes([small, dense], customer, h100, most_users=100)
    [(1, 'dense'), (41, 'small'), (60, 'dense'), (81, 'small')]
    """
    turns: list[tuple[int, str | None]] = []
    for users in range(1, most_users + 1):
        name = pick(candidates, {**customer, "users": users}, hw)
        if not turns or turns[-1][1] != name:
            turns.append((users, name))
    return turns


def _end(customer: Mapping[str, Any]) -> int:
    """The length of a sequence when it is done."""
    return customer["prompt_tokens"] + customer["new_tokens"]


def _divided_up(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)
