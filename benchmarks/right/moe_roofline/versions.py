import bisect
import itertools
import math
from collections import OrderedDict, namedtuple
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property, partial
from typing import TypedDict

import numpy as np
import torch
from base import decode_step, expected_experts, resident_bytes

from grader.testing import replaces


# ------------------------------------------------------------------ expected_experts
@replaces("expected_experts")
def ee_missed(num_experts, k, tokens):
    """all less those that are missed"""
    return num_experts - num_experts * ((num_experts - k) / num_experts) ** tokens


@replaces("expected_experts")
def ee_pow(num_experts, k, tokens):
    """math.pow"""
    return float(num_experts) * (1.0 - math.pow(1.0 - k / num_experts, tokens))


@replaces("expected_experts")
def ee_expm1(num_experts, k, tokens):
    """log1p and expm1"""
    if tokens == 0:
        return 0.0
    if k == num_experts:
        return float(num_experts)
    return -num_experts * math.expm1(tokens * math.log1p(-k / num_experts))


@replaces("expected_experts")
def ee_decimal(num_experts, k, tokens):
    """Decimal"""
    with localcontext() as ctx:
        ctx.prec = 40
        E = Decimal(num_experts)
        missed = ((E - k) / E) ** tokens if tokens else Decimal(1)
        return float(E * (1 - missed))


@replaces("expected_experts")
def ee_torch(num_experts, k, tokens):
    """torch in float64"""
    missed = torch.tensor(1 - k / num_experts, dtype=torch.float64).pow(tokens)
    return (num_experts * (1 - missed)).item()


@replaces("expected_experts")
def ee_numpy(num_experts, k, tokens):
    """NumPy"""
    return num_experts * (1 - np.power(1 - np.float64(k) / num_experts, tokens))


@replaces("expected_experts")
def ee_square(num_experts, k, tokens):
    """powers by squaring"""
    def power(x, n):
        if n == 0:
            return 1.0
        half = power(x, n // 2)
        return half * half * (x if n % 2 else 1.0)

    return num_experts * (1 - power(1 - k / num_experts, tokens))


@replaces("expected_experts")
def ee_early(num_experts, k, tokens):
    """special cases first, ints among the results"""
    if not tokens:
        return 0
    if tokens == 1:
        return k
    if k == num_experts:
        return num_experts
    return num_experts * (1 - (1 - k / num_experts) ** tokens)


@replaces("expected_experts")
def ee_loop(num_experts, k, tokens):
    """token after token, until nothing changes"""
    hit = 0.0
    for _ in range(tokens):
        more = hit + (num_experts - hit) * k / num_experts
        if more == hit:
            break
        hit = more
    return hit


@replaces("expected_experts")
def ee_mean(num_experts, k, tokens):
    """a sum of probabilities over experts"""
    p = 1 - (1 - k / num_experts) ** tokens
    return math.fsum(itertools.repeat(p, num_experts)) if num_experts < 10**5 else num_experts * p


# ------------------------------------------------------------------ resident_bytes
@replaces("resident_bytes")
def rb_unpack(model, bytes_per_param=2):
    """names first"""
    others, expert = model["shared_params"], model["expert_params"]
    L, E = model["num_layers"], model["num_experts"]
    return others * bytes_per_param + L * E * expert * bytes_per_param


@replaces("resident_bytes")
def rb_float(model, bytes_per_param=2):
    """a float"""
    return float(bytes_per_param) * float(model["shared_params"] + model["expert_params"] * model["num_experts"] * model["num_layers"])


@replaces("resident_bytes")
def rb_loop(model, bytes_per_param=2):
    """layer by layer"""
    params = model["shared_params"]
    for _ in range(model["num_layers"]):
        params += model["num_experts"] * model["expert_params"]
    return params * bytes_per_param


@replaces("resident_bytes")
def rb_prod(model, bytes_per_param=2):
    """math.prod"""
    keys = ("num_layers", "num_experts", "expert_params")
    return bytes_per_param * (math.prod(model[key] for key in keys) + model["shared_params"])


@replaces("resident_bytes")
def rb_fraction(model, bytes_per_param=2):
    """a Fraction, then a float"""
    params = model["shared_params"] + model["num_layers"] * model["num_experts"] * model["expert_params"]
    return float(Fraction(bytes_per_param) * params)


@replaces("resident_bytes")
def rb_bits(model, bytes_per_param=2):
    """in bits"""
    bits = 8 * bytes_per_param
    return (model["shared_params"] * bits + model["expert_params"] * bits * model["num_layers"] * model["num_experts"]) / 8


@replaces("resident_bytes")
def rb_numpy(model, bytes_per_param=2):
    """a dot product"""
    counts = np.array([1.0, float(model["num_layers"]) * model["num_experts"]])
    return float(counts @ np.array([model["shared_params"], model["expert_params"]], dtype=np.float64)) * bytes_per_param


@replaces("resident_bytes")
def rb_sum(model, bytes_per_param=2):
    """sum of a list"""
    return sum([model["shared_params"]] + [model["num_experts"] * model["expert_params"]] * model["num_layers"]) * bytes_per_param


# ------------------------------------------------------------------ decode_step
@replaces("decode_step")
def ds_names(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """everything written out"""
    others, expert = model["shared_params"], model["expert_params"]
    L, E, k = model["num_layers"], model["num_experts"], model["k"]
    hit = E * (1 - (1 - k / E) ** batch)
    read = bytes_per_param * (others + L * hit * expert)
    work = 2 * batch * (others + L * k * expert)
    t_read = read / bandwidth
    t_work = work / peak_flops
    if t_read >= t_work:
        return {"bytes": read, "flops": work, "seconds": t_read, "bound": "memory"}
    return {"bytes": read, "flops": work, "seconds": t_work, "bound": "compute"}


@replaces("decode_step")
def ds_max(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """a maximum of pairs; memory comes first where both are equal"""
    active = model["shared_params"] + model["num_layers"] * model["k"] * model["expert_params"]
    touched = model["shared_params"] + model["num_layers"] * expected_experts(model["num_experts"], model["k"], batch) * model["expert_params"]
    moved, flops = touched * bytes_per_param, 2 * active * batch
    seconds, bound = max([(moved / bandwidth, "memory"), (flops / peak_flops, "compute")], key=lambda pair: pair[0])
    return dict(bytes=moved, flops=flops, seconds=seconds, bound=bound)


@replaces("decode_step")
def ds_intensity(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """cross multiplied"""
    hit = expected_experts(model["num_experts"], k=model["k"], tokens=batch)
    b = bytes_per_param * (model["shared_params"] + hit * model["num_layers"] * model["expert_params"])
    f = 2 * batch * (model["shared_params"] + model["k"] * model["num_layers"] * model["expert_params"])
    memory = b * peak_flops >= f * bandwidth
    return {"bytes": b, "flops": f, "seconds": b / bandwidth if memory else f / peak_flops, "bound": ("compute", "memory")[memory]}


@replaces("decode_step")
def ds_numpy(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """NumPy's argmax, numbers of NumPy among the results"""
    m = model
    read = np.float64(bytes_per_param) * (m["shared_params"] + m["num_layers"] * expected_experts(m["num_experts"], m["k"], batch) * m["expert_params"])
    work = np.float64(2.0 * batch) * (m["shared_params"] + m["num_layers"] * m["k"] * m["expert_params"])
    times = np.array([read / bandwidth, work / peak_flops])
    which = int(times.argmax())
    return {"bytes": read, "flops": work, "seconds": times[which], "bound": ["memory", "compute"][which]}


@replaces("decode_step")
def ds_layers(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """summed over layers"""
    hit = expected_experts(model["num_experts"], model["k"], batch)
    params, used = model["shared_params"], model["shared_params"]
    for _ in range(model["num_layers"]):
        params = params + hit * model["expert_params"]
        used = used + model["k"] * model["expert_params"]
    step = {"bytes": params * bytes_per_param, "flops": used * 2 * batch}
    reading, computing = step["bytes"] / bandwidth, step["flops"] / peak_flops
    step["bound"] = "compute" if computing > reading else "memory"
    step["seconds"] = reading if reading > computing else computing
    return step


@replaces("decode_step")
def ds_missed(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """what is held less what is missed"""
    E, k = model["num_experts"], model["k"]
    missed = E * ((E - k) / E) ** batch
    read = resident_bytes(model, bytes_per_param) - bytes_per_param * missed * model["num_layers"] * model["expert_params"]
    work = 2 * batch * resident_bytes({**model, "num_experts": k}, 1)
    seconds = {"memory": read / bandwidth, "compute": work / peak_flops}
    bound = max(seconds, key=seconds.get)
    return {"bytes": read, "flops": work, "seconds": seconds[bound], "bound": bound}


class Step:
    def __init__(self, model, batch, size):
        self.model, self.batch, self.size = model, batch, size

    def params(self, experts):
        return self.model["shared_params"] + self.model["num_layers"] * experts * self.model["expert_params"]

    @cached_property
    def bytes(self):
        return self.size * self.params(expected_experts(self.model["num_experts"], self.model["k"], self.batch))

    @cached_property
    def flops(self):
        return 2 * self.batch * self.params(self.model["k"])


@replaces("decode_step")
def ds_class(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """a helper class"""
    step = Step(model, batch, bytes_per_param)
    reading, computing = step.bytes / bandwidth, step.flops / peak_flops
    return {"seconds": max(computing, reading), "bound": "memory" if not reading < computing else "compute", "flops": step.flops, "bytes": step.bytes}


class StepDict(TypedDict):
    bytes: float
    flops: float
    seconds: float
    bound: str


@replaces("decode_step")
def ds_typed(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """a TypedDict, floats only"""
    others, layers = float(model["shared_params"]), float(model["num_layers"] * model["expert_params"])
    read = float(bytes_per_param) * (others + layers * float(expected_experts(model["num_experts"], model["k"], batch)))
    work = 2.0 * float(batch) * (others + layers * float(model["k"]))
    slower = read / bandwidth - work / peak_flops
    return StepDict(bytes=read, flops=work, seconds=work / peak_flops if slower < 0 else read / bandwidth, bound="compute" if slower < 0 else "memory")


@replaces("decode_step")
def ds_tensor(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """torch in float64"""
    one = torch.ones((), dtype=torch.float64)
    hit = model["num_experts"] * (1 - (1 - one * model["k"] / model["num_experts"]) ** batch)
    per = float(model["num_layers"] * model["expert_params"])
    read = (model["shared_params"] + hit * per) * bytes_per_param
    work = (model["shared_params"] + one * model["k"] * per) * 2 * batch
    t = torch.stack([read / bandwidth, work / peak_flops])
    return {"bytes": read.item(), "flops": work.item(), "seconds": t.max().item(), "bound": "memory" if t[0] >= t[1] else "compute"}


@replaces("decode_step")
def ds_ordered(model, batch, bandwidth, peak_flops, bytes_per_param=2):
    """an OrderedDict; sorted times"""
    def count(experts):
        return model["shared_params"] + experts * (model["num_layers"] * model["expert_params"])

    out = OrderedDict(bytes=bytes_per_param * count(expected_experts(model["num_experts"], model["k"], batch)))
    out["flops"] = 2 * batch * count(model["k"])
    by_time = sorted([(out["flops"] / peak_flops, "compute"), (out["bytes"] / bandwidth, "memory")])
    out["seconds"], out["bound"] = by_time[-1]  # "memory" is behind "compute" where both are equal
    return out


# ------------------------------------------------------------------ crossover_batch
@replaces("crossover_batch")
def cb_fixed_point(model, bandwidth, peak_flops, bytes_per_param=2):
    """while memory decides, go to the first batch whose work exceeds what is read now"""
    others, per = model["shared_params"], model["num_layers"] * model["expert_params"]
    batch = 1
    while True:
        step = decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)
        if step["bound"] == "compute":
            return batch
        enough = step["bytes"] / bandwidth * peak_flops / (2 * (others + model["k"] * per))
        batch = max(batch + 1, math.floor(enough) - 1)


@replaces("crossover_batch")
def cb_bisect(model, bandwidth, peak_flops, bytes_per_param=2):
    """the bisect module, up to the batch at which even all experts are read faster"""
    active = model["shared_params"] + model["num_layers"] * model["k"] * model["expert_params"]
    top = math.ceil(resident_bytes(model, bytes_per_param) / bandwidth * peak_flops / (2 * active)) + 2

    def computes(batch):
        return decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)["bound"] == "compute"

    return bisect.bisect_left(range(1, top + 1), True, key=computes) + 1


@replaces("crossover_batch")
def cb_gallop(model, bandwidth, peak_flops, bytes_per_param=2):
    """steps that double, then halve"""
    def memory(batch):
        return batch < 1 or decode_step(model, batch, bandwidth, peak_flops, bytes_per_param)["bound"] == "memory"

    last, stride = 0, 1
    while memory(last + stride):
        last += stride
        stride *= 2
    while stride:
        if memory(last + stride):
            last += stride
        stride //= 2
    return last + 1


@replaces("crossover_batch")
def cb_bits(model, bandwidth, peak_flops, bytes_per_param=2):
    """the last memory-bound batch, bit by bit"""
    last = 0
    for bit in reversed(range(62)):
        trial = last | 1 << bit
        if decode_step(model, trial, bandwidth, peak_flops, bytes_per_param)["bound"] == "memory":
            last = trial
    return last + 1


@replaces("crossover_batch")
def cb_recursive(model, bandwidth, peak_flops, bytes_per_param=2):
    """recursive halves"""
    bound = partial(decode_step, model, bandwidth=bandwidth, peak_flops=peak_flops, bytes_per_param=bytes_per_param)

    def search(low, high):
        if high is None:
            return search(low, 2 * low) if bound(2 * low)["bound"] == "compute" else search(2 * low, None)
        if high - low == 1:
            return high
        mid = (low + high) // 2
        return search(low, mid) if bound(mid)["bound"] == "compute" else search(mid, high)

    return 1 if bound(1)["bound"] == "compute" else search(1, None)


@replaces("crossover_batch")
def cb_down(model, bandwidth, peak_flops, bytes_per_param=2):
    """from the dense bound downwards by Newton's steps, then one by one"""
    others, per, E, k = model["shared_params"], model["num_layers"] * model["expert_params"], model["num_experts"], model["k"]

    def computes(batch):
        hit = E * (1 - (1 - k / E) ** batch)
        return bytes_per_param * (others + hit * per) / bandwidth < 2 * batch * (others + k * per) / peak_flops

    def balance(batch):
        hit = E * (1 - (1 - k / E) ** batch)
        return bytes_per_param * (others + hit * per) / bandwidth * peak_flops / (2 * (others + k * per))

    batch = int(balance(10**9)) + 2
    for _ in range(200):
        lower = math.ceil(balance(batch)) + 1
        if lower >= batch:
            break
        batch = lower
    while not computes(batch):
        batch += 1
    while batch > 1 and computes(batch - 1):
        batch -= 1
    return batch


@replaces("crossover_batch")
def cb_vector(model, bandwidth, peak_flops, bytes_per_param=2):
    """a thousand batches at once"""
    others, per = model["shared_params"], float(model["num_layers"] * model["expert_params"])

    def slower(B):
        hit = model["num_experts"] * (1 - (1 - model["k"] / model["num_experts"]) ** B)
        return 2 * B * (others + model["k"] * per) / peak_flops > bytes_per_param * (others + hit * per) / bandwidth

    powers = 2.0 ** np.arange(60)
    high = int(powers[slower(powers).argmax()])
    low = high // 2
    while high - low > 1:
        marks = np.unique(np.linspace(low, high, 1001).astype(np.int64))[1:].astype(np.float64)
        first = int(slower(marks).argmax())
        low, high = int(marks[first - 1]) if first else low, int(marks[first])
    return high


@replaces("crossover_batch")
def cb_torch(model, bandwidth, peak_flops, bytes_per_param=2):
    """a number of places between two limits, again and again"""
    def computes(batch):
        return decode_step(model, int(batch), bandwidth, peak_flops, bytes_per_param)["bound"] == "compute"

    low, high = 0, 64
    while not computes(high):
        low, high = high, high * 64
    while high - low > 1:
        marks = [m for m in torch.linspace(low, high, 10, dtype=torch.float64).long().tolist() if low < m < high] or [low + 1]
        first = next((m for m in marks if computes(m)), high)
        low = max([low, *(m for m in marks if m < first)])
        high = first
    return high


@replaces("crossover_batch")
def cb_generator(model, bandwidth, peak_flops, bytes_per_param=2):
    """powers of two from a generator, halves by shift"""
    memory = lambda b: decode_step(model, b, bandwidth, peak_flops, bytes_per_param)["bound"] != "compute"  # noqa: E731
    high = next(b for b in (1 << n for n in itertools.count()) if not memory(b))
    low = high >> 1
    while low + 1 < high:
        middle = (low + high) >> 1
        low, high = (middle, high) if memory(middle) else (low, middle)
    return high


@replaces("crossover_batch")
def cb_times(model, bandwidth, peak_flops, bytes_per_param=2):
    """own formulas and times"""
    Model = namedtuple("Model", "shared_params expert_params num_layers num_experts k")
    m = Model(**{name: model[name] for name in Model._fields})
    weights = m.num_layers * m.expert_params
    per_token = 2 * (m.shared_params + m.k * weights) / peak_flops
    miss = 1 - m.k / m.num_experts

    def read(batch):
        return bytes_per_param * (m.shared_params + m.num_experts * (1 - miss**batch) * weights) / bandwidth

    low, high = 0, 1
    while read(high) >= per_token * high:
        low, high = high, high * 4
    while high > low + 1:
        mid = low + (high - low) // 2
        if read(mid) >= per_token * mid:
            low = mid
        else:
            high = mid
    return high
