import functools
import math
import operator
import statistics
from collections import OrderedDict
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import accumulate, repeat

import numpy as np
import torch
from base import _get, active_params, cache_bytes, expected_experts, total_params, weight_bytes

from grader.testing import replaces


# ---------------------------------------------------------------- total_params
@replaces("total_params")
def total_if_in(m):
    """branches on the key"""
    if "n_experts" in m:
        return m["shared_params"] + m["n_experts"] * m["expert_params"]
    return m["shared_params"]


@replaces("total_params")
def total_loop(m):
    """adds expert by expert"""
    n = m["shared_params"]
    for _ in range(_get(m, "n_experts")):
        n += m["expert_params"]
    return n


@replaces("total_params")
def total_get(m):
    """dict.get with defaults, in another order"""
    return m.get("expert_params", 0) * m.get("n_experts", 0) + m.get("shared_params", 0)


@replaces("total_params")
def total_try(m):
    """asks forgiveness"""
    try:
        experts = m["n_experts"] * m["expert_params"]
    except KeyError:
        experts = 0
    return experts + m["shared_params"]


@replaces("total_params")
def total_sum(m):
    """sum of a list"""
    return sum([m["shared_params"]] + [_get(m, "expert_params")] * _get(m, "n_experts"))


@replaces("total_params")
def total_torch(m):
    """int64 tensors"""
    t = torch.tensor([m["shared_params"], _get(m, "n_experts") * _get(m, "expert_params")], dtype=torch.int64)
    return int(t.sum())


@replaces("total_params")
def total_numpy(m):
    """NumPy's int64, made a Python int"""
    return int(np.dot(np.array([1, _get(m, "n_experts")], dtype=np.int64), np.array([m["shared_params"], _get(m, "expert_params")], dtype=np.int64)))


@replaces("total_params")
def total_active_plus_idle(m):
    """active ones and the idle experts"""
    return active_params(m) + (_get(m, "n_experts") - _get(m, "top_k")) * _get(m, "expert_params")


@replaces("total_params")
def total_default_dict(m):
    """a copy with defaults"""
    full = {"n_experts": 0, "expert_params": 0, **m}
    return full["shared_params"] + math.prod((full["n_experts"], full["expert_params"]))


# ---------------------------------------------------------------- active_params
@replaces("active_params")
def active_if_in(m):
    """branches on the key"""
    if "top_k" in m:
        return m["shared_params"] + m["top_k"] * m["expert_params"]
    return m["shared_params"]


@replaces("active_params")
def active_from_total(m):
    """all of them without the idle ones"""
    return total_params(m) - (_get(m, "n_experts") - _get(m, "top_k")) * _get(m, "expert_params")


@replaces("active_params")
def active_as_total(m):
    """the total of a model with only top_k experts"""
    return total_params({**m, "n_experts": _get(m, "top_k")})


@replaces("active_params")
def active_loop(m):
    """a loop"""
    n = m["shared_params"]
    for _ in range(_get(m, "top_k")):
        n = n + m["expert_params"]
    return n


@replaces("active_params")
def active_setdefault(m):
    """setdefault on a copy"""
    own = dict(m)
    own.setdefault("top_k", 0)
    own.setdefault("expert_params", 0)
    return own["shared_params"] + own["top_k"] * own["expert_params"]


@replaces("active_params")
def active_reduce(m):
    """functools.reduce"""
    return functools.reduce(operator.add, repeat(_get(m, "expert_params"), _get(m, "top_k")), m["shared_params"])


@replaces("active_params")
def active_torch(m):
    """int64 tensors"""
    return (torch.tensor(m["shared_params"]) + _get(m, "top_k") * torch.tensor(_get(m, "expert_params"))).item()


@replaces("active_params")
def active_match(m):
    """match"""
    match m:
        case {"top_k": k, "expert_params": p}:
            return k * p + m["shared_params"]
        case _:
            return m["shared_params"]


# ---------------------------------------------------------------- expected_experts
@replaces("expected_experts")
def experts_minus(n_experts, top_k, tokens):
    """E - E (1 - k/E)^B"""
    return n_experts - n_experts * (1 - top_k / n_experts) ** tokens


@replaces("expected_experts")
def experts_ratio(n_experts, top_k, tokens):
    """(E - k)/E"""
    miss = ((n_experts - top_k) / n_experts) ** tokens
    return (1.0 - miss) * n_experts


@replaces("expected_experts")
def experts_recurrence(n_experts, top_k, tokens):
    """each token adds k/E of those that are still unused"""
    used = 0.0
    for _ in range(tokens):
        used += (n_experts - used) * top_k / n_experts
    return used


@replaces("expected_experts")
def experts_product(n_experts, top_k, tokens):
    """the miss probability as a product"""
    return n_experts * (1 - math.prod([1 - top_k / n_experts] * tokens))


@replaces("expected_experts")
def experts_fraction(n_experts, top_k, tokens):
    """exact fractions"""
    return float(n_experts * (1 - Fraction(n_experts - top_k, n_experts) ** min(tokens, 20000)))


@replaces("expected_experts")
def experts_logs(n_experts, top_k, tokens):
    """log space"""
    if tokens == 0:
        return 0.0
    if top_k == n_experts:
        return float(n_experts)
    return -n_experts * math.expm1(tokens * math.log1p(-top_k / n_experts))


@replaces("expected_experts")
def experts_geometric(n_experts, top_k, tokens):
    """k times a geometric sum"""
    q = 1 - top_k / n_experts
    return float(top_k * sum(q**i for i in range(tokens)))


@replaces("expected_experts")
def experts_numpy(n_experts, top_k, tokens):
    """NumPy"""
    return float(n_experts * (1 - np.power(1 - np.float64(top_k) / n_experts, tokens)))


@replaces("expected_experts")
def experts_torch(n_experts, top_k, tokens):
    """a float64 tensor"""
    miss = torch.tensor(1 - top_k / n_experts, dtype=torch.float64).pow(tokens)
    return (n_experts * (1 - miss)).item()


@replaces("expected_experts")
def experts_sum_each(n_experts, top_k, tokens):
    """linearity: a sum over the experts"""
    p = 1 - math.pow(1 - top_k / n_experts, tokens)
    return math.fsum(p for _ in range(n_experts))


@replaces("expected_experts")
def experts_recursive(n_experts, top_k, tokens):
    """recursion by squaring"""

    def power(q, n):
        if n == 0:
            return 1.0
        half = power(q, n // 2)
        return half * half * (q if n % 2 else 1.0)

    return n_experts * (1.0 - power(1.0 - top_k / n_experts, tokens))


@replaces("expected_experts")
def experts_accumulate(n_experts, top_k, tokens):
    """itertools.accumulate"""
    *_, miss = accumulate(repeat(1 - top_k / n_experts, tokens), operator.mul, initial=1.0)
    return n_experts * (1 - miss)


# ---------------------------------------------------------------- weight_bytes
@replaces("weight_bytes")
def weights_if_in(m, tokens):
    """branches"""
    if "n_experts" not in m:
        return m["shared_params"] * m["bytes_per_param"]
    used = expected_experts(n_experts=m["n_experts"], top_k=m["top_k"], tokens=tokens)
    return (m["shared_params"] + used * m["expert_params"]) * m["bytes_per_param"]


@replaces("weight_bytes")
def weights_inline(m, tokens):
    """the formula written out"""
    n, k = _get(m, "n_experts"), _get(m, "top_k")
    used = n * (1 - (1 - k / n) ** tokens) if n > 0 else 0
    return m["bytes_per_param"] * (m["shared_params"] + used * _get(m, "expert_params"))


@replaces("weight_bytes")
def weights_two_parts(m, tokens):
    """bytes of both parts apart"""
    size = m["bytes_per_param"]
    shared = size * m["shared_params"]
    if not m.get("n_experts"):
        return float(shared)
    return shared + size * m["expert_params"] * expected_experts(m["n_experts"], m["top_k"], tokens)


@replaces("weight_bytes")
def weights_from_total(m, tokens):
    """all without those that are left out"""
    out = 0
    if _get(m, "n_experts"):
        out = m["n_experts"] * (1 - m["top_k"] / m["n_experts"]) ** tokens
    return (total_params(m) - out * _get(m, "expert_params")) * m["bytes_per_param"]


@replaces("weight_bytes")
def weights_or_one(m, tokens):
    """a dense model as one with E = 1, k = 1 and experts of size 0"""
    experts = expected_experts(m.get("n_experts", 1), m.get("top_k", 1), tokens)
    return (m["shared_params"] + experts * m.get("expert_params", 0)) * m["bytes_per_param"]


@replaces("weight_bytes")
def weights_round_to_float(m, tokens):
    """always a float"""
    params = float(m["shared_params"])
    if _get(m, "top_k"):
        params += float(m["expert_params"]) * expected_experts(m["n_experts"], m["top_k"], tokens)
    return float(params * m["bytes_per_param"])


@replaces("weight_bytes")
def weights_numpy_dot(m, tokens):
    """NumPy dot"""
    used = expected_experts(m["n_experts"], m["top_k"], tokens) if "top_k" in m else 0
    return float(np.dot([1.0, used], [float(m["shared_params"]), float(_get(m, "expert_params"))]) * m["bytes_per_param"])


@replaces("weight_bytes")
def weights_fsum(m, tokens):
    """math.fsum over a generator"""

    def parts():
        yield m["shared_params"] * m["bytes_per_param"]
        if "expert_params" in m:
            yield expected_experts(m["n_experts"], m["top_k"], tokens) * m["expert_params"] * m["bytes_per_param"]

    return math.fsum(parts())


@replaces("weight_bytes")
def weights_try(m, tokens):
    """KeyError for a dense model"""
    try:
        e, k, p = m["n_experts"], m["top_k"], m["expert_params"]
    except KeyError:
        return m["shared_params"] * m["bytes_per_param"]
    return (m["shared_params"] + p * (e - e * ((e - k) / e) ** tokens)) * m["bytes_per_param"]


# ---------------------------------------------------------------- cache_bytes
@replaces("cache_bytes")
def cache_two_terms(m, batch, context):
    """caches and states apart"""
    kv = 2 * m["attn_layers"] * m["n_kv_heads"] * m["head_dim"] * m["kv_bytes"] * context * batch
    return kv + batch * m.get("state_bytes", 0)


@replaces("cache_bytes")
def cache_prod(m, batch, context):
    """math.prod"""
    per_token = math.prod(m[key] for key in ("attn_layers", "n_kv_heads", "head_dim", "kv_bytes")) * 2
    return batch * (per_token * context + _get(m, "state_bytes"))


@replaces("cache_bytes")
def cache_float(m, batch, context):
    """always a float, as the annotation says"""
    numbers = 2 * m["attn_layers"] * m["n_kv_heads"] * m["head_dim"]
    return float(batch * (context * numbers * m["kv_bytes"] + _get(m, "state_bytes")))


@replaces("cache_bytes")
def cache_loop(m, batch, context):
    """adds layer by layer"""
    one = 0
    for _ in range(m["attn_layers"]):
        keys = context * m["n_kv_heads"] * m["head_dim"] * m["kv_bytes"]
        values = keys
        one += keys + values
    if "state_bytes" in m:
        one += m["state_bytes"]
    return one * batch


@replaces("cache_bytes")
def cache_get_all(m, batch, context):
    """_get for every key"""
    width = _get(m, "n_kv_heads") * _get(m, "head_dim")
    return batch * (context * 2 * _get(m, "attn_layers") * width * _get(m, "kv_bytes") + _get(m, "state_bytes"))


@replaces("cache_bytes")
def cache_sequences(m, batch, context):
    """a sum over the sequences"""
    one = context * (2 * m["attn_layers"] * m["n_kv_heads"] * m["head_dim"] * m["kv_bytes"]) + _get(m, "state_bytes")
    return sum(one for _ in range(batch))


@replaces("cache_bytes")
def cache_no_attention(m, batch, context):
    """attention only where there is some"""
    total = _get(m, "state_bytes") * batch
    if m["attn_layers"] > 0:
        total += batch * context * m["attn_layers"] * 2 * m["kv_bytes"] * (m["n_kv_heads"] * m["head_dim"])
    return total


@replaces("cache_bytes")
def cache_reduce(m, batch, context):
    """functools.reduce"""
    kv = functools.reduce(operator.mul, [2, m["attn_layers"], m["n_kv_heads"], m["head_dim"], context, m["kv_bytes"]])
    return (kv + _get(m, "state_bytes")) * batch


@replaces("cache_bytes")
def cache_dataclass(m, batch, context):
    """a helper class"""

    @dataclass
    class Sequence:
        tokens: int

        @property
        def size(self):
            return 2 * self.tokens * m["attn_layers"] * m["n_kv_heads"] * m["head_dim"] * m["kv_bytes"] + _get(m, "state_bytes")

    return batch * Sequence(context).size


# ---------------------------------------------------------------- decode_step
@replaces("decode_step")
def step_dict_call(m, batch, context, hw):
    """dict(...)"""
    nbytes = weight_bytes(m, batch) + cache_bytes(m, batch, context)
    flops = 2 * active_params(m) * batch + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context * batch
    tm, tc = nbytes / hw["bandwidth"], flops / hw["peak_flops"]
    t = tm if tm >= tc else tc
    return dict(bytes=nbytes, flops=flops, t_memory=tm, t_compute=tc, seconds=t, bound="memory" if tm >= tc else "compute", tokens_per_s=batch / t)


@replaces("decode_step")
def step_inline(m, batch, context, hw):
    """everything written out"""
    e, k, p = _get(m, "n_experts"), _get(m, "top_k"), _get(m, "expert_params")
    used = e * (1 - (1 - k / e) ** batch) if e else 0
    weights = (m["shared_params"] + used * p) * m["bytes_per_param"]
    caches = batch * (context * 2 * m["attn_layers"] * m["n_kv_heads"] * m["head_dim"] * m["kv_bytes"] + _get(m, "state_bytes"))
    flops = batch * (2 * (m["shared_params"] + k * p) + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context)
    out = {}
    out["bytes"] = weights + caches
    out["flops"] = flops
    out["t_memory"] = out["bytes"] / hw["bandwidth"]
    out["t_compute"] = out["flops"] / hw["peak_flops"]
    out["seconds"] = max(out["t_memory"], out["t_compute"])
    out["bound"] = "compute" if out["t_compute"] > out["t_memory"] else "memory"
    out["tokens_per_s"] = batch / out["seconds"]
    return out


@replaces("decode_step")
def step_floats(m, batch, context, hw):
    """floats throughout"""
    nbytes = float(weight_bytes(m, batch)) + float(cache_bytes(m, batch, context))
    attention = 4.0 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context
    flops = float(batch) * (2.0 * active_params(m) + attention)
    times = {"memory": nbytes / hw["bandwidth"], "compute": flops / hw["peak_flops"]}
    bound = max(times, key=times.get)  # the first of equals
    return {
        "tokens_per_s": batch / times[bound],
        "bound": bound,
        "seconds": times[bound],
        "t_compute": times["compute"],
        "t_memory": times["memory"],
        "flops": flops,
        "bytes": nbytes,
    }


@replaces("decode_step")
def step_ordered(m, batch, context, hw):
    """an OrderedDict"""
    nbytes = cache_bytes(m, batch=batch, context=context) + weight_bytes(m, tokens=batch)
    flops = sum(2 * active_params(m) + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context for _ in range(batch))
    tm = nbytes / hw["bandwidth"]
    tc = flops / hw["peak_flops"]
    return OrderedDict(
        bytes=nbytes, flops=flops, t_memory=tm, t_compute=tc, seconds=max(tc, tm), bound=["compute", "memory"][tm >= tc], tokens_per_s=batch / max(tc, tm)
    )


@replaces("decode_step")
def step_dataclass(m, batch, context, hw):
    """asdict of a dataclass"""

    @dataclass
    class Step:
        bytes: float
        flops: float
        t_memory: float
        t_compute: float
        seconds: float
        bound: str
        tokens_per_s: float

    nbytes = weight_bytes(m, batch) + cache_bytes(m, batch, context)
    flops = batch * (2 * active_params(m)) + batch * (4 * context * m["attn_layers"] * m["n_heads"] * m["head_dim"])
    tm, tc = nbytes / hw["bandwidth"], flops / hw["peak_flops"]
    seconds = sorted([tm, tc])[1]
    return asdict(Step(nbytes, flops, tm, tc, seconds, "memory" if not tm < tc else "compute", batch * (1 / seconds)))


@replaces("decode_step")
def step_min_rate(m, batch, context, hw):
    """the rate as the lower of two rates"""
    nbytes = weight_bytes(m, batch) + cache_bytes(m, batch, context)
    flops = batch * (2 * active_params(m) + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context)
    t_memory, t_compute = nbytes / hw["bandwidth"], flops / hw["peak_flops"]
    rate = min(batch * hw["bandwidth"] / nbytes, batch * hw["peak_flops"] / flops)
    result = {"bytes": nbytes, "flops": flops, "t_memory": t_memory, "t_compute": t_compute, "tokens_per_s": rate}
    result.update(seconds=max(t_memory, t_compute), bound="memory" if t_memory >= t_compute else "compute")
    return result


@replaces("decode_step")
def step_zip(m, batch, context, hw):
    """names and values zipped"""
    h = m["n_heads"] * m["head_dim"]
    scores = 2 * h * context  # q.k
    mix = 2 * h * context  # weights times values
    flops = batch * (2 * active_params(m) + m["attn_layers"] * (scores + mix))
    nbytes = weight_bytes(m, batch) + cache_bytes(m, batch, context)
    t_memory, t_compute = nbytes / hw["bandwidth"], flops / hw["peak_flops"]
    seconds, bound = (t_memory, "memory") if t_memory >= t_compute else (t_compute, "compute")
    keys = ["bytes", "flops", "t_memory", "t_compute", "seconds", "bound", "tokens_per_s"]
    return dict(zip(keys, [nbytes, flops, t_memory, t_compute, seconds, bound, batch / seconds], strict=True))


@replaces("decode_step")
def step_numpy(m, batch, context, hw):
    """NumPy for the two times, Python floats out"""
    nbytes = float(weight_bytes(m, batch) + cache_bytes(m, batch, context))
    flops = int(batch * (2 * active_params(m) + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context))
    times = np.array([nbytes, flops], dtype=np.float64) / np.array([hw["bandwidth"], hw["peak_flops"]], dtype=np.float64)
    i = int(times.argmax())
    tm, tc = times.tolist()
    return {
        "bytes": nbytes,
        "flops": flops,
        "t_memory": tm,
        "t_compute": tc,
        "seconds": float(times[i]),
        "bound": ("memory", "compute")[i],
        "tokens_per_s": float(batch / times[i]),
    }


@replaces("decode_step")
def step_helpers(m, batch, context, hw):
    """closures"""

    def nbytes():
        return weight_bytes(m, batch) + cache_bytes(m, batch, context)

    def flops():
        return 2 * batch * (active_params(m) + 2 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context)

    t = [nbytes() / hw["bandwidth"], flops() / hw["peak_flops"]]
    return {
        "bytes": nbytes(),
        "flops": flops(),
        "t_memory": t[0],
        "t_compute": t[1],
        "seconds": max(t),
        "bound": "memory" if t.index(max(t)) == 0 else "compute",
        "tokens_per_s": batch / max(t),
    }


class _Result(dict):
    """a dict with methods"""

    def finish(self, batch):
        self["seconds"] = max(self["t_memory"], self["t_compute"])
        self["bound"] = "memory" if self["t_memory"] == self["seconds"] else "compute"
        self["tokens_per_s"] = batch / self["seconds"]
        return self


@replaces("decode_step")
def step_subclass(m, batch, context, hw):
    """a subclass of dict"""
    r = _Result(bytes=weight_bytes(m, batch) + cache_bytes(m, batch, context))
    r["flops"] = batch * (2 * active_params(m) + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * context)
    r["t_memory"] = r["bytes"] / hw["bandwidth"]
    r["t_compute"] = r["flops"] / hw["peak_flops"]
    return r.finish(batch)


# ---------------------------------------------------------------- critical_batch
@replaces("critical_batch")
def critical_intensity(hw, bytes_per_param):
    """machine balance first"""
    return hw["peak_flops"] / hw["bandwidth"] * bytes_per_param / 2


@replaces("critical_batch")
def critical_two_times(hw, bytes_per_param):
    """time to read one parameter by time to use it"""
    read = bytes_per_param / hw["bandwidth"]
    use = 2 / hw["peak_flops"]
    return read / use


@replaces("critical_batch")
def critical_half(hw, bytes_per_param):
    """0.5 as a factor"""
    return 0.5 * bytes_per_param * (hw["peak_flops"] / hw["bandwidth"])


@replaces("critical_batch")
def critical_fraction(hw, bytes_per_param):
    """exact fractions"""
    return float(Fraction(hw["peak_flops"]) * Fraction(bytes_per_param) / (2 * Fraction(hw["bandwidth"])))


@replaces("critical_batch")
def critical_model(hw, bytes_per_param):
    """from a model of a billion parameters"""
    n = 1e9
    return (n * bytes_per_param / hw["bandwidth"]) / (2 * n / hw["peak_flops"])


@replaces("critical_batch")
def critical_logs(hw, bytes_per_param):
    """log space"""
    return math.exp(math.log(hw["peak_flops"]) + math.log(bytes_per_param) - math.log(2) - math.log(hw["bandwidth"]))


@replaces("critical_batch")
def critical_torch(hw, bytes_per_param):
    """float64 tensors"""
    t = torch.tensor([hw["peak_flops"], bytes_per_param, hw["bandwidth"]], dtype=torch.float64)
    return (t[0] * t[1] / t[2] / 2).item()


@replaces("critical_batch")
def critical_mean(hw, bytes_per_param):
    """statistics, for once"""
    ratio = hw["peak_flops"] * bytes_per_param / hw["bandwidth"]
    return statistics.fmean([ratio, 0.0])


# ---------------------------------------------------------------- max_batch
@replaces("max_batch")
def fit_max_zero(m, context, memory_bytes):
    """max(0, floor)"""
    free = memory_bytes - total_params(m) * m["bytes_per_param"]
    return max(0, math.floor(free / cache_bytes(m, 1, context)))


@replaces("max_batch")
def fit_floordiv(m, context, memory_bytes):
    """// and int"""
    weights = m["bytes_per_param"] * total_params(m)
    return max(int((memory_bytes - weights) // cache_bytes(m, batch=1, context=context)), 0)


@replaces("max_batch")
def fit_fraction(m, context, memory_bytes):
    """exact fractions"""
    free = Fraction(memory_bytes) - Fraction(total_params(m)) * Fraction(m["bytes_per_param"])
    return max(0, free // Fraction(cache_bytes(m, 1, context)))


@replaces("max_batch")
def fit_bisect(m, context, memory_bytes):
    """doubles, then bisects"""

    def fits(batch):
        return total_params(m) * m["bytes_per_param"] + cache_bytes(m, batch, context) <= memory_bytes

    if not fits(1):
        return 0
    low = 1
    while fits(2 * low):
        low *= 2
    high = 2 * low
    while high - low > 1:
        mid = (low + high) // 2
        low, high = (mid, high) if fits(mid) else (low, mid)
    return low


@replaces("max_batch")
def fit_divmod(m, context, memory_bytes):
    """divmod"""
    free = memory_bytes - total_params(m) * m["bytes_per_param"]
    if free < 0:
        return 0
    n, _ = divmod(free, cache_bytes(m, 1, context))
    return int(n)


@replaces("max_batch")
def fit_inline(m, context, memory_bytes):
    """written out"""
    weights = (m["shared_params"] + _get(m, "n_experts") * _get(m, "expert_params")) * m["bytes_per_param"]
    one = 2 * m["attn_layers"] * m["n_kv_heads"] * m["head_dim"] * m["kv_bytes"] * context + _get(m, "state_bytes")
    if weights > memory_bytes:
        return 0
    return int((memory_bytes - weights) // one)


@replaces("max_batch")
def fit_if_weights_only(m, context, memory_bytes):
    """two early returns"""
    free = memory_bytes - total_params(m) * m["bytes_per_param"]
    one = cache_bytes(m, 1, context)
    if free < one:
        return 0
    return int(free // one)


@replaces("max_batch")
def fit_numpy(m, context, memory_bytes):
    """NumPy's floor_divide"""
    free = np.float64(memory_bytes) - np.float64(total_params(m) * m["bytes_per_param"])
    return int(np.maximum(np.floor_divide(free, np.float64(cache_bytes(m, 1, context))), 0))


@replaces("max_batch")
def fit_trunc(m, context, memory_bytes):
    """truncation of a clamped quotient"""
    free = max(memory_bytes - total_params(m) * m["bytes_per_param"], 0)
    return math.trunc(free / cache_bytes(m, 1, context))


# ---------------------------------------------------------------- prefill_seconds
@replaces("prefill_seconds")
def prefill_pairs_sum(m, prompt, hw):
    """pairs by a sum"""
    pairs = sum(range(1, prompt + 1))
    flops = 2 * active_params(m) * prompt + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * pairs
    return max(weight_bytes(m, prompt) / hw["bandwidth"], flops / hw["peak_flops"])


@replaces("prefill_seconds")
def prefill_floats(m, prompt, hw):
    """floats"""
    p = float(prompt)
    flops = 2.0 * active_params(m) * p + 2.0 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * p * (p + 1)
    t = weight_bytes(m, prompt) / hw["bandwidth"], flops / hw["peak_flops"]
    return max(*t)


@replaces("prefill_seconds")
def prefill_comb(m, prompt, hw):
    """pairs as a binomial coefficient"""
    attention = 4 * math.comb(prompt + 1, 2) * m["attn_layers"] * m["n_heads"] * m["head_dim"]
    compute = (2 * prompt * active_params(m) + attention) / hw["peak_flops"]
    memory = weight_bytes(m, tokens=prompt) / hw["bandwidth"]
    return compute if compute > memory else memory


@replaces("prefill_seconds")
def prefill_per_token(m, prompt, hw):
    """adds token by token, integers"""
    flops = 0
    for i in range(1, prompt + 1):
        flops += 2 * active_params(m) + 4 * i * m["attn_layers"] * m["n_heads"] * m["head_dim"]
    return max(flops / hw["peak_flops"], weight_bytes(m, prompt) / hw["bandwidth"])


@replaces("prefill_seconds")
def prefill_mean_context(m, prompt, hw):
    """the mean context of a token is (P + 1)/2"""
    per_token = 2 * active_params(m) + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * (prompt + 1) / 2
    return max(prompt * per_token / hw["peak_flops"], weight_bytes(m, prompt) / hw["bandwidth"])


@replaces("prefill_seconds")
def prefill_inline(m, prompt, hw):
    """written out"""
    e, k, p = m.get("n_experts", 0), m.get("top_k", 0), m.get("expert_params", 0)
    used = e - e * (1 - k / e) ** prompt if e else 0
    read = (m["shared_params"] + used * p) * m["bytes_per_param"]
    flops = 2 * (m["shared_params"] + k * p) * prompt + 2 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * prompt * (prompt + 1)
    return max(read / hw["bandwidth"], flops / hw["peak_flops"])


@replaces("prefill_seconds")
def prefill_split_compute(m, prompt, hw):
    """the two parts of the computation in seconds"""
    linear = 2 * active_params(m) * prompt / hw["peak_flops"]
    attention = m["attn_layers"] * 4 * m["n_heads"] * m["head_dim"] * (prompt**2 + prompt) / 2 / hw["peak_flops"]
    return max([linear + attention, weight_bytes(m, prompt) / hw["bandwidth"]])


@replaces("prefill_seconds")
def prefill_arange(m, prompt, hw):
    """pairs by torch.arange"""
    pairs = int(torch.arange(1, prompt + 1).sum())
    flops = 2 * active_params(m) * prompt + 4 * m["attn_layers"] * m["n_heads"] * m["head_dim"] * pairs
    return float(np.maximum(weight_bytes(m, prompt) / hw["bandwidth"], flops / hw["peak_flops"]))
