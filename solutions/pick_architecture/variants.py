"""Right solutions in other styles. None of them may lose a point."""

import math
from collections import OrderedDict
from functools import cmp_to_key
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from decode_roofline import cache_bytes, decode_step, max_batch, prefill_seconds, total_params
from pick_architecture import evaluate

from grader.testing import replaces


@replaces("evaluate")
def question_by_question(candidate, req, hw):
    """one if after the other"""
    end = req["prompt_tokens"] + req["new_tokens"]
    memory = total_params(candidate) * candidate["bytes_per_param"]
    tpot = 0
    if req["new_tokens"]:
        memory = memory + req["concurrency"] * cache_bytes(candidate, 1, end)
        tpot = decode_step(candidate, req["concurrency"], end, hw)["seconds"]
    ttft = prefill_seconds(candidate, req["prompt_tokens"], hw)
    violations = []
    if req["task"] not in candidate["tasks"]:
        violations.append("task")
    if candidate.get("max_context") and end > candidate["max_context"]:
        violations.append("context")
    if memory > hw["memory_bytes"]:
        violations.append("memory")
    if req.get("max_ttft_s") is not None and ttft > req["max_ttft_s"]:
        violations.append("ttft")
    if req.get("max_tpot_s") is not None and tpot > req["max_tpot_s"]:
        violations.append("tpot")
    if req.get("min_quality") is not None and candidate["quality"] < req["min_quality"]:
        violations.append("quality")
    price = hw["dollars_per_hour"] / 3600
    return {
        "violations": violations,
        "memory_bytes": float(memory),
        "ttft_s": ttft,
        "tpot_s": tpot,
        "cost": price * ttft + price * req["new_tokens"] * tpot / req["concurrency"],
    }


@replaces("evaluate")
def with_infinities(candidate, req, hw):
    """a limit that is not there is infinite; all six are compared as one array; a tuple of violations"""

    def limit(dictionary, key, default):
        value = dictionary.get(key)
        return default if value is None else value

    B, n = req["concurrency"], req["new_tokens"]
    end = req["prompt_tokens"] + n
    step = decode_step(candidate, B, end, hw)["seconds"] * (n > 0)
    memory = total_params(candidate) * candidate["bytes_per_param"] + cache_bytes(candidate, B, end) * (n > 0)
    ttft = prefill_seconds(candidate, req["prompt_tokens"], hw)
    values = [req["task"] not in candidate["tasks"], end, memory, ttft, step, -candidate["quality"]]
    bounds = [
        0,
        limit(candidate, "max_context", 0) or math.inf,
        hw["memory_bytes"],
        limit(req, "max_ttft_s", math.inf),
        limit(req, "max_tpot_s", math.inf),
        -limit(req, "min_quality", -math.inf),
    ]
    broken = np.array(values, dtype=float) > np.array(bounds, dtype=float)
    names = np.array(["task", "context", "memory", "ttft", "tpot", "quality"])
    batch = n * step + B * ttft  # of the device, for B requests
    return OrderedDict(
        cost=batch / B / 3600 * hw["dollars_per_hour"],
        memory_bytes=memory,
        ttft_s=ttft,
        tpot_s=float(step),
        violations=tuple(names[broken].tolist()),
    )


class Bill(NamedTuple):
    """What a request costs."""

    memory_bytes: float
    ttft_s: float
    tpot_s: float
    cost: float


@replaces("evaluate")
def with_a_class(candidate, req, hw):
    """a named tuple that becomes a dict, and a generator of violations"""
    generates, B = req["new_tokens"] > 0, req["concurrency"]
    end = sum((req["prompt_tokens"], req["new_tokens"]))
    weights = total_params(candidate) * candidate["bytes_per_param"]
    ttft = prefill_seconds(candidate, req["prompt_tokens"], hw)
    if generates:
        step = decode_step(candidate, B, end, hw)
        dollars = hw["dollars_per_hour"] * (ttft + req["new_tokens"] / step["tokens_per_s"]) / 3600
        bill = Bill(weights + cache_bytes(candidate, B, end), ttft, step["seconds"], dollars)
    else:
        bill = Bill(weights, ttft, 0.0, hw["dollars_per_hour"] * ttft / 3600)

    def broken():
        if not set(candidate["tasks"]) & {req["task"]}:
            yield "task"
        if 0 < (candidate.get("max_context") or 0) < end:
            yield "context"
        if bill.memory_bytes > hw["memory_bytes"]:
            yield "memory"
        for name, value in (("ttft", bill.ttft_s), ("tpot", bill.tpot_s)):
            most = req.get(f"max_{name}_s")
            if most is not None and not value <= most:
                yield name
        least = req.get("min_quality")
        if least is not None and least > candidate["quality"]:
            yield "quality"

    return {**bill._asdict(), "violations": list(broken())}


@replaces("evaluate")
def memory_by_batch(candidate, req, hw):
    """asks max_batch whether the users fit"""
    result = evaluate(candidate, req, {**hw, "memory_bytes": math.inf})
    fits = total_params(candidate) * candidate["bytes_per_param"] <= hw["memory_bytes"]
    if fits and req["new_tokens"] > 0:
        end = req["prompt_tokens"] + req["new_tokens"]
        fits = req["concurrency"] <= max_batch(candidate, end, hw["memory_bytes"])
    broken = set(result["violations"]) | (set() if fits else {"memory"})
    order = ("task", "context", "memory", "ttft", "tpot", "quality")
    return {**result, "violations": [name for name in order if name in broken]}


@replaces("pick")
def three_sorts(candidates, req, hw):
    """three stable sorts, the most important last"""
    if len(candidates) == 0:
        raise ValueError("nothing to pick from")
    rejected, good = {}, []
    for candidate in candidates:
        result = evaluate(candidate, req, hw)
        if result["violations"]:
            rejected[candidate["name"]] = list(result["violations"])
        else:
            good.append((candidate["name"], candidate["quality"], result["cost"]))
    good.sort()
    good.sort(key=lambda entry: entry[1], reverse=True)
    good.sort(key=lambda entry: entry[2])
    names = [name for name, _, _ in good]
    return {"choice": next(iter(names), None), "ranking": names, "rejected": rejected}


@replaces("pick")
def by_comparison(candidates, req, hw):
    """a comparison of two, and a tuple for the ranking"""
    if candidates == []:
        raise ValueError("empty")
    bills = {c["name"]: (evaluate(c, req, hw), c["quality"]) for c in candidates}

    def before(a, b):
        (x, p), (y, q) = bills[a], bills[b]
        if x["cost"] != y["cost"]:
            return -1 if x["cost"] < y["cost"] else 1
        return (q > p) - (q < p) if p != q else (a > b) - (a < b)

    ranking = sorted((n for n, (bill, _) in bills.items() if not bill["violations"]), key=cmp_to_key(before))
    result = {"rejected": {n: bill["violations"] for n, (bill, _) in bills.items() if bill["violations"]}}
    result["ranking"] = tuple(ranking)
    result["choice"] = None
    if ranking:
        result["choice"] = ranking[0]
    return result


@replaces("pick")
def selection(candidates, req, hw):
    """takes the best out until none is left; read-only copies of what comes in"""
    left = {c["name"]: MappingProxyType(dict(c)) for c in candidates}
    if not left:
        raise ValueError("no candidate")
    results = {name: evaluate(c, req, hw) for name, c in left.items()}
    rejected = {}
    for name in list(left):
        if len(results[name]["violations"]) > 0:
            rejected[name] = results[name]["violations"]
            del left[name]
    ranking = []
    while left:
        best = min(left, key=lambda name: (results[name]["cost"], -left[name]["quality"], name))
        ranking.append(best)
        del left[best]
    return {"choice": ranking[0] if ranking else None, "ranking": ranking, "rejected": rejected}
