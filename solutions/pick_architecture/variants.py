"""Right solutions in other styles. None of them may lose a point."""

from itertools import count, groupby, pairwise
from math import ceil
from types import SimpleNamespace

from decode_roofline import cache_bytes, decode_step, max_batch, prefill_seconds, total_params
from pick_architecture import deploy, largest_batch, pick

from grader.testing import replaces


@replaces("largest_batch")
def one_more(model, customer, hw):
    """adds sequences until a limit is broken, and counts the bytes itself"""
    end = customer["prompt_tokens"] + customer["new_tokens"]
    weights = total_params(model) * model["bytes_per_param"]
    for batch in count(1):
        if weights + cache_bytes(model, batch, end) > hw["memory_bytes"]:
            break
        if decode_step(model, batch, end, hw)["seconds"] > customer["max_tpot_s"]:
            break
    return batch - 1


@replaces("largest_batch")
def halves(model, customer, hw):
    """halves an interval whose lower end is served and whose upper end is not"""
    end = customer["new_tokens"] + customer["prompt_tokens"]
    low, high = 0, max_batch(model, end, hw["memory_bytes"]) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if decode_step(model, middle, end, hw)["seconds"] > customer["max_tpot_s"]:
            high = middle
        else:
            low = middle
    return low


@replaces("largest_batch")
def from_above(model, customer, hw):
    """begins with what fits and goes down"""
    end = customer["prompt_tokens"] + customer["new_tokens"]
    batch = max_batch(model, end, hw["memory_bytes"])
    while batch > 0 and not decode_step(model, batch, end, hw)["seconds"] <= customer["max_tpot_s"]:
        batch -= 1
    return batch


@replaces("deploy")
def device_by_device(model, customer, hw):
    """deals the users out, one device after another; keys of its own besides"""
    places = largest_batch(model, customer, hw)
    wait = prefill_seconds(model, customer["prompt_tokens"], hw)
    if not places or wait > customer["max_ttft_s"]:
        return None
    load = [0]
    while len(load) * places < customer["users"]:
        load.append(0)
    for user in range(customer["users"]):
        load[user % len(load)] += 1
    end = customer["prompt_tokens"] + customer["new_tokens"]
    slowest = max(decode_step(model, batch, end, hw)["seconds"] for batch in load)
    weights = total_params(model) * model["bytes_per_param"]
    full = weights + cache_bytes(model, places + 1, end) > hw["memory_bytes"]
    return {
        "limit": "memory" if full else "time",
        "tpot_s": slowest,
        "ttft_s": wait,
        "dollars_per_hour": sum(hw["dollars_per_hour"] for _ in load),
        "batch": load[0],
        "devices": len(load),
    }


@replaces("deploy")
def with_floats(model, customer, hw):
    """math.ceil of quotients; the limits asked first, and the plan afterwards"""
    end = customer["prompt_tokens"] + customer["new_tokens"]
    largest = largest_batch(model, customer, hw)
    able = largest >= 1 and prefill_seconds(model, customer["prompt_tokens"], hw) <= customer["max_ttft_s"]
    if not able:
        return None
    plan = SimpleNamespace(devices=ceil(customer["users"] / largest))
    plan.batch = ceil(customer["users"] / plan.devices)
    plan.tpot_s = decode_step(model, plan.batch, end, hw)["seconds"]
    plan.dollars_per_hour = hw["dollars_per_hour"] * plan.devices
    plan.limit = "time" if max_batch(model, end, hw["memory_bytes"]) > largest else "memory"
    return vars(plan)


@replaces("pick")
def sorted_twice(candidates, customer, hw):
    """sorts by quality, then by price, which keeps the order of equals"""
    plans = {c["name"]: deploy(c, customer, hw) for c in candidates}
    good = [c for c in candidates if not c["quality"] < customer["min_quality"] and plans[c["name"]]]
    good = sorted(good, key=lambda c: c["quality"], reverse=True)
    good.sort(key=lambda c: plans[c["name"]]["devices"])  # one price for all devices
    return good[0]["name"] if good else None


@replaces("pick")
def champion(candidates, customer, hw):
    """keeps the best so far"""
    best, price = None, float("inf")
    for candidate in candidates:
        if candidate["quality"] < customer["min_quality"]:
            continue
        plan = deploy(candidate, customer, hw)
        if plan is None:
            continue
        dollars = plan["dollars_per_hour"]
        if dollars < price or (dollars == price and candidate["quality"] > best["quality"]):
            best, price = candidate, dollars
    return best and best["name"]


@replaces("regimes")
def grouped(candidates, customer, hw, most_users):
    """all choices, grouped; lists for pairs"""
    choices = [(users, pick(candidates, customer | {"users": users}, hw)) for users in range(1, 1 + most_users)]
    return [[next(group)[0], name] for name, group in groupby(choices, key=lambda choice: choice[1])]


@replaces("regimes")
def against_the_one_before(candidates, customer, hw, most_users):
    """compares neighbours"""
    names = [pick(candidates, dict(customer, users=users), hw) for users in range(1, most_users + 1)]
    return [(1, names[0])] + [
        (users, name) for users, (before, name) in enumerate(pairwise(names), start=2) if before != name
    ]
