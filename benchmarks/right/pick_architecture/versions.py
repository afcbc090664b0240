import bisect
import itertools
import math
from collections import namedtuple
from dataclasses import asdict, dataclass
from functools import lru_cache, partial

import numpy as np
from base import decode_step, deploy, largest_batch, max_batch, pick, prefill_seconds

from grader.testing import replaces


def length_of(customer):
    return customer["prompt_tokens"] + customer["new_tokens"]


def quick(model, customer, hw, batch):
    return decode_step(model, batch, length_of(customer), hw)["seconds"] <= customer["max_tpot_s"]


# ------------------------------------------------------------------ largest_batch
@replaces("largest_batch")
def lb_up(model, customer, hw):
    """one more as long as it goes"""
    length = customer["prompt_tokens"] + customer["new_tokens"]
    top = max_batch(model, length, hw["memory_bytes"])
    batch = 0
    while batch < top and decode_step(model, batch + 1, length, hw)["seconds"] <= customer["max_tpot_s"]:
        batch += 1
    return batch


@replaces("largest_batch")
def lb_down(model, customer, hw):
    """from the memory's limit downwards"""
    batch = max_batch(model, length_of(customer), hw["memory_bytes"])
    while batch > 0 and not quick(model, customer, hw, batch):
        batch -= 1
    return batch


@replaces("largest_batch")
def lb_bisect(model, customer, hw):
    """the bisect module, by seconds"""
    length = length_of(customer)
    top = max_batch(model, length, hw["memory_bytes"])
    return bisect.bisect_right(
        range(1, top + 1), customer["max_tpot_s"], key=lambda b: decode_step(model, b, length, hw)["seconds"]
    )


@replaces("largest_batch")
def lb_max(model, customer, hw):
    """the maximum of all that go"""
    top = max_batch(model, length_of(customer), hw["memory_bytes"])
    return max((b for b in range(1, top + 1) if quick(model, customer, hw, b)), default=0)


@replaces("largest_batch")
def lb_takewhile(model, customer, hw):
    """takewhile"""
    top = max_batch(model, length_of(customer), hw["memory_bytes"])
    return sum(1 for _ in itertools.takewhile(partial(quick, model, customer, hw), range(1, top + 1)))


@replaces("largest_batch")
def lb_gallop(model, customer, hw):
    """strides that halve"""
    top = max_batch(model, length_of(customer), hw["memory_bytes"])
    batch, stride = 0, 1 << max(top, 1).bit_length()
    while stride:
        if batch + stride <= top and quick(model, customer, hw, batch + stride):
            batch += stride
        stride >>= 1
    return batch


@replaces("largest_batch")
def lb_first_fail(model, customer, hw):
    """the first that is too slow, less one"""
    top = max_batch(model, length_of(customer), hw["memory_bytes"])
    return next((b for b in range(1, top + 1) if not quick(model, customer, hw, b)), top + 1) - 1


@replaces("largest_batch")
def lb_recursive(model, customer, hw):
    """recursive halves"""
    def search(low, high):
        if low == high:
            return low
        middle = (low + high + 1) // 2
        return search(middle, high) if quick(model, customer, hw, middle) else search(low, middle - 1)

    return search(0, max_batch(model, length_of(customer), hw["memory_bytes"]))


@replaces("largest_batch")
def lb_numpy(model, customer, hw):
    """NumPy: all seconds at once, searchsorted"""
    top = max_batch(model, length_of(customer), hw["memory_bytes"])
    seconds = np.array([decode_step(model, b, length_of(customer), hw)["seconds"] for b in range(1, top + 1)])
    return int(np.searchsorted(seconds, customer["max_tpot_s"], side="right"))


@replaces("largest_batch")
def lb_double(model, customer, hw):
    """doubled until it fails, then halved between"""
    top = max_batch(model, length_of(customer), hw["memory_bytes"])
    if top < 1 or not quick(model, customer, hw, 1):
        return 0
    good = 1
    while 2 * good <= top and quick(model, customer, hw, 2 * good):
        good *= 2
    fails = min(2 * good, top + 1)
    while fails - good > 1:
        b = (good + fails) // 2
        if quick(model, customer, hw, b):
            good = b
        else:
            fails = b
    return good


@replaces("largest_batch")
def lb_early(model, customer, hw):
    """all of the memory's limit if that is quick enough"""
    length, patience = length_of(customer), customer["max_tpot_s"]
    top = max_batch(m=model, context=length, memory_bytes=hw["memory_bytes"])
    if top <= 0:
        return 0
    step = lambda b: decode_step(m=model, batch=b, context=length, hw=hw)["seconds"]  # noqa: E731
    if step(top) <= patience:
        return top
    if step(1) > patience:
        return 0
    low, high = 1, top
    while high - low > 1:
        middle = low + (high - low) // 2
        low, high = (low, middle) if step(middle) > patience else (middle, high)
    return low


# ------------------------------------------------------------------ deploy
@replaces("deploy")
def de_ceil(model, customer, hw):
    """math.ceil"""
    if prefill_seconds(model, customer["prompt_tokens"], hw) > customer["max_ttft_s"]:
        return None
    most = largest_batch(model, customer, hw)
    if most < 1:
        return None
    n = math.ceil(customer["users"] / most)
    fullest = math.ceil(customer["users"] / n)
    fits_more = most + 1 <= max_batch(model, length_of(customer), hw["memory_bytes"])
    return dict(
        devices=n,
        batch=fullest,
        tpot_s=decode_step(model, fullest, length_of(customer), hw)["seconds"],
        dollars_per_hour=n * hw["dollars_per_hour"],
        limit="time" if fits_more else "memory",
    )


@replaces("deploy")
def de_count(model, customer, hw):
    """devices bought one by one"""
    length = length_of(customer)
    largest = largest_batch(model, customer, hw)
    if not largest or not prefill_seconds(model, customer["prompt_tokens"], hw) <= customer["max_ttft_s"]:
        return None
    devices = 1
    while devices * largest < customer["users"]:
        devices += 1
    batch = (customer["users"] + devices - 1) // devices
    plan = {"limit": "memory", "devices": devices, "batch": batch}
    plan["tpot_s"] = decode_step(model, batch, length, hw)["seconds"]
    plan["dollars_per_hour"] = hw["dollars_per_hour"] * devices
    if max_batch(model, length, hw["memory_bytes"]) > largest:
        plan["limit"] = "time"
    return plan


@replaces("deploy")
def de_divmod(model, customer, hw):
    """divmod"""
    largest = largest_batch(model, customer, hw)
    if largest == 0:
        return None
    full, rest = divmod(customer["users"], largest)
    devices = full + (rest > 0)
    each, more = divmod(customer["users"], devices)
    batch = each + bool(more)
    length = length_of(customer)
    if prefill_seconds(model, customer["prompt_tokens"], hw) > customer["max_ttft_s"]:
        return None
    limit = "memory" if max_batch(model, length, hw["memory_bytes"]) <= largest else "time"
    step = decode_step(model, batch, length, hw)
    return {"devices": devices, "batch": batch, "tpot_s": step["seconds"], "dollars_per_hour": devices * hw["dollars_per_hour"], "limit": limit}


@dataclass
class Plan:
    devices: int
    batch: int
    tpot_s: float
    dollars_per_hour: float
    limit: str


@replaces("deploy")
def de_dataclass(model, customer, hw):
    """a dataclass made into a dict"""
    B = largest_batch(model, customer, hw)
    ttft = prefill_seconds(model, customer["prompt_tokens"], hw)
    if B == 0 or ttft > customer["max_ttft_s"]:
        return None
    n = (customer["users"] - 1) // B + 1
    b = (customer["users"] - 1) // n + 1
    T = length_of(customer)
    # the next one fits, so time was what stopped it
    slow = max_batch(model, T, hw["memory_bytes"]) >= B + 1
    return asdict(Plan(n, b, decode_step(model, b, T, hw)["seconds"], n * hw["dollars_per_hour"], "time" if slow else "memory"))


@replaces("deploy")
def de_spread(model, customer, hw):
    """users are dealt to devices"""
    largest = largest_batch(model, customer, hw)
    if largest <= 0 or prefill_seconds(model, customer["prompt_tokens"], hw) > customer["max_ttft_s"]:
        return None
    users = range(customer["users"])
    devices = len(users[::largest])
    fullest = len(users[::devices])
    length = length_of(customer)
    return {
        "devices": devices,
        "batch": fullest,
        "tpot_s": decode_step(model, fullest, length, hw)["seconds"],
        "dollars_per_hour": devices * hw["dollars_per_hour"],
        "limit": ["time", "memory"][max_batch(model, length, hw["memory_bytes"]) == largest],
    }


@replaces("deploy")
def de_own(model, customer, hw):
    """without largest_batch"""
    length = customer["prompt_tokens"] + customer["new_tokens"]
    fits = max_batch(model, length, hw["memory_bytes"])
    low, high = 0, fits + 1
    while high - low > 1:
        b = (low + high) // 2
        if decode_step(model, b, length, hw)["seconds"] <= customer["max_tpot_s"]:
            low = b
        else:
            high = b
    if low == 0:
        return None
    if prefill_seconds(model, customer["prompt_tokens"], hw) > customer["max_ttft_s"]:
        return None
    devices = -(-customer["users"] // low)
    batch = -(-customer["users"] // devices)
    tpot = decode_step(model, batch, length, hw)["seconds"]
    return {"devices": devices, "batch": batch, "tpot_s": tpot, "dollars_per_hour": devices * hw["dollars_per_hour"], "limit": "memory" if low == fits else "time"}


@replaces("deploy")
def de_try(model, customer, hw):
    """a division by zero says that it cannot be done"""
    try:
        devices = -(-customer["users"] // largest_batch(model, customer, hw))
    except ZeroDivisionError:
        return None
    if customer["max_ttft_s"] < prefill_seconds(model, customer["prompt_tokens"], hw):
        return None
    batch = -(-customer["users"] // devices)
    one_more = max_batch(model, length_of(customer), hw["memory_bytes"]) - largest_batch(model, customer, hw)
    return {
        "limit": "time" if one_more > 0 else "memory",
        "dollars_per_hour": hw["dollars_per_hour"] * devices,
        "tpot_s": decode_step(model, batch, length_of(customer), hw)["seconds"],
        "batch": batch,
        "devices": devices,
    }


@replaces("deploy")
def de_search(model, customer, hw):
    """the smallest number of devices whose fullest can be served"""
    largest = largest_batch(model, customer, hw)
    if prefill_seconds(model, customer["prompt_tokens"], hw) > customer["max_ttft_s"] or largest < 1:
        return None
    users = customer["users"]
    fullest = lambda n: (users + n - 1) // n  # noqa: E731
    devices = bisect.bisect_left(range(1, users + 1), True, key=lambda n: fullest(n) <= largest) + 1
    seconds = decode_step(model, fullest(devices), length_of(customer), hw)["seconds"]
    limit = "time"
    if largest + 1 > max_batch(model, length_of(customer), hw["memory_bytes"]):
        limit = "memory"
    return {"devices": devices, "batch": fullest(devices), "tpot_s": seconds, "dollars_per_hour": devices * hw["dollars_per_hour"], "limit": limit}


@replaces("deploy")
def de_numpy(model, customer, hw):
    """NumPy's array_split of the users"""
    largest = largest_batch(model, customer, hw)
    if largest == 0 or prefill_seconds(model, customer["prompt_tokens"], hw) > customer["max_ttft_s"]:
        return None
    devices = int(np.ceil(customer["users"] / largest))
    batch = int(-np.floor_divide(-customer["users"], devices))
    T = length_of(customer)
    return {"devices": devices, "batch": batch, "tpot_s": float(decode_step(model, batch, T, hw)["seconds"]),
            "dollars_per_hour": float(devices * hw["dollars_per_hour"]), "limit": "memory" if not max_batch(model, T, hw["memory_bytes"]) > largest else "time"}


# ------------------------------------------------------------------ pick
@replaces("pick")
def pi_min(candidates, customer, hw):
    """min with a key"""
    plans = [(m, deploy(m, customer, hw)) for m in candidates if m["quality"] >= customer["min_quality"]]
    plans = [(m, p) for m, p in plans if p is not None]
    if not plans:
        return None
    return min(plans, key=lambda mp: (mp[1]["dollars_per_hour"], -mp[0]["quality"]))[0]["name"]


@replaces("pick")
def pi_sorted(candidates, customer, hw):
    """sorted triples"""
    rows = []
    for model in candidates:
        if model["quality"] >= customer["min_quality"]:
            plan = deploy(model, customer, hw)
            if plan:
                rows.append((plan["dollars_per_hour"], -model["quality"], model["name"]))
    return sorted(rows)[0][2] if rows else None


@replaces("pick")
def pi_best_first(candidates, customer, hw):
    """the best first; a cheaper one takes its place"""
    name, price = None, math.inf
    for model in sorted(candidates, key=lambda m: m["quality"], reverse=True):
        if model["quality"] < customer["min_quality"]:
            break
        plan = deploy(model, customer, hw)
        if plan is not None and (name is None or plan["dollars_per_hour"] < price):
            name, price = model["name"], plan["dollars_per_hour"]
    return name


@replaces("pick")
def pi_two_passes(candidates, customer, hw):
    """first the price, then the quality"""
    plans = {m["name"]: deploy(m, customer, hw) for m in candidates if not m["quality"] < customer["min_quality"]}
    prices = {name: plan["dollars_per_hour"] for name, plan in plans.items() if plan is not None}
    if not prices:
        return None
    cheapest = min(prices.values())
    quality = {m["name"]: m["quality"] for m in candidates}
    return max((name for name in prices if prices[name] == cheapest), key=quality.get)


@replaces("pick")
def pi_default(candidates, customer, hw):
    """min with a default"""
    def offers():
        for m in candidates:
            if m["quality"] >= customer["min_quality"] and (plan := deploy(m, customer, hw)) is not None:
                yield plan["dollars_per_hour"], -m["quality"], m["name"]

    return min(offers(), default=(None, None, None))[-1]


@replaces("pick")
def pi_compare(candidates, customer, hw):
    """compared one by one"""
    winner, cost = None, None
    for model in candidates:
        plan = deploy(model, customer, hw) if model["quality"] >= customer["min_quality"] else None
        if plan is None:
            continue
        price = plan["dollars_per_hour"]
        if winner is None or price < cost or (price == cost and model["quality"] > winner["quality"]):
            winner, cost = model, price
    return winner and winner["name"]


@replaces("pick")
def pi_stable(candidates, customer, hw):
    """two stable sorts"""
    good = [m for m in candidates if m["quality"] >= customer["min_quality"]]
    good = list(filter(lambda m: deploy(m, customer, hw) is not None, good))
    good.sort(key=lambda m: m["quality"], reverse=True)
    good.sort(key=lambda m: deploy(m, customer, hw)["dollars_per_hour"])
    return next((m["name"] for m in good), None)


@replaces("pick")
def pi_groups(candidates, customer, hw):
    """groups of one price"""
    groups = {}
    for m in candidates:
        plan = deploy(m, customer, hw)
        if plan is None or m["quality"] < customer["min_quality"]:
            continue
        groups.setdefault(plan["dollars_per_hour"], {})[m["quality"]] = m["name"]
    if not groups:
        return None
    cheapest = groups[min(groups)]
    return cheapest[max(cheapest)]


@replaces("pick")
def pi_numpy(candidates, customer, hw):
    """NumPy's lexsort"""
    rows = [(m, deploy(m, customer, hw)) for m in candidates]
    rows = [(m["name"], p["dollars_per_hour"], m["quality"]) for m, p in rows if p and m["quality"] >= customer["min_quality"]]
    if len(rows) == 0:
        return None
    names, prices, qualities = zip(*rows)
    return names[int(np.lexsort((-np.array(qualities), np.array(prices)))[0])]


@replaces("pick")
def pi_recursive(candidates, customer, hw):
    """the better of the first and of the rest"""
    def key(m):
        plan = deploy(m, customer, hw) if m["quality"] >= customer["min_quality"] else None
        return (math.inf, 0.0, None) if plan is None else (plan["dollars_per_hour"], -m["quality"], m["name"])

    def best(rest):
        if not rest:
            return (math.inf, 0.0, None)
        a, b = key(rest[0]), best(rest[1:])
        if a[2] is None or b[2] is None:
            return a if b[2] is None else b
        return a if a[:2] < b[:2] else b

    return best(list(candidates))[2]


# ------------------------------------------------------------------ regimes
@replaces("regimes")
def re_plain(candidates, customer, hw, most_users):
    """pick for every number of users"""
    result = []
    last = object()
    for users in range(1, most_users + 1):
        name = pick(candidates, {**customer, "users": users}, hw)
        if name != last:
            result.append((users, name))
            last = name
    return result


@replaces("regimes")
def re_pairs(candidates, customer, hw, most_users):
    """neighbours compared"""
    names = [pick(candidates, dict(customer, users=n), hw) for n in range(1, most_users + 1)]
    turns = [(n + 1, b) for n, (a, b) in enumerate(itertools.pairwise(names), 1) if a != b]
    return [(1, names[0]), *turns]


@replaces("regimes")
def re_groupby(candidates, customer, hw, most_users):
    """groupby"""
    choices = ((n, pick(candidates, dict(customer) | {"users": n}, hw)) for n in range(1, most_users + 1))
    return [next(group) for _, group in itertools.groupby(choices, key=lambda pair: pair[1])]


Able = namedtuple("Able", "name quality largest")


@replaces("regimes")
def re_events(candidates, customer, hw, most_users):
    """only where some model needs a device more"""
    able = [
        Able(m["name"], m["quality"], largest_batch(m, customer, hw))
        for m in candidates
        if m["quality"] >= customer["min_quality"] and prefill_seconds(m, customer["prompt_tokens"], hw) <= customer["max_ttft_s"]
    ]
    able = [a for a in able if a.largest > 0]
    turns = {1}
    for a in able:
        turns.update(range(1, most_users + 1, a.largest))
    out = []
    for n in sorted(turns):
        name = min(able, key=lambda a: (-(-n // a.largest) * hw["dollars_per_hour"], -a.quality)).name if able else None
        if not out or name != out[-1][1]:
            out.append((n, name))
    return out


@replaces("regimes")
def re_cached(candidates, customer, hw, most_users):
    """a cached number of sequences for each model"""
    @lru_cache(maxsize=None)
    def capacity(i):
        plan = deploy(candidates[i], {**customer, "users": 1}, hw)
        return 0 if plan is None else largest_batch(candidates[i], customer, hw)

    def choice(n):
        offers = [
            (math.ceil(n / capacity(i)) * hw["dollars_per_hour"], -m["quality"], m["name"])
            for i, m in enumerate(candidates)
            if m["quality"] >= customer["min_quality"] and capacity(i)
        ]
        return min(offers)[2] if offers else None

    out = [(1, choice(1))]
    for n in range(2, most_users + 1):
        now = choice(n)
        if now != out[-1][1]:
            out.append((n, now))
    return out


@replaces("regimes")
def re_generator(candidates, customer, hw, most_users):
    """a generator and a copy that is changed"""
    asked = dict(customer)

    def turns():
        before = None
        for users in range(1, most_users + 1):
            asked["users"] = users
            now = pick(candidates=candidates, customer=asked, hw=hw)
            if users == 1 or now != before:
                yield users, now
            before = now

    return list(turns())


@replaces("regimes")
def re_numpy(candidates, customer, hw, most_users):
    """a table of prices for all numbers of users"""
    able = [m for m in candidates if m["quality"] >= customer["min_quality"] and deploy(m, {**customer, "users": 1}, hw)]
    if not able:
        return [(1, None)]
    able.sort(key=lambda m: -m["quality"])
    users = np.arange(1, most_users + 1)
    largest = np.array([largest_batch(m, customer, hw) for m in able])
    prices = -(-users[:, None] // largest) * hw["dollars_per_hour"]
    who = prices.argmin(1)
    first = np.flatnonzero(np.r_[True, who[1:] != who[:-1]])
    return [(int(users[i]), able[who[i]]["name"]) for i in first]


@replaces("regimes")
def re_back(candidates, customer, hw, most_users):
    """from the largest number backwards"""
    out = []
    name = pick(candidates, {**customer, "users": most_users}, hw)
    for users in range(most_users, 0, -1):
        before = pick(candidates, {**customer, "users": users - 1}, hw) if users > 1 else None
        if users == 1 or before != name:
            out.insert(0, (users, name))
        name = before
    return out


@replaces("regimes")
def re_recursive(candidates, customer, hw, most_users):
    """lists joined over blocks of users"""
    def block(low, high):
        if high - low == 1:
            return [(low, pick(candidates, {**customer, "users": low}, hw))]
        middle = (low + high) // 2
        left, right = block(low, middle), block(middle, high)
        return left + (right[1:] if right[0][1] == left[-1][1] else right)

    return block(1, most_users + 1)
