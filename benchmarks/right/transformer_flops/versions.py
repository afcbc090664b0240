import math
from collections import OrderedDict
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import reduce
from itertools import starmap
from operator import mul

from base import _sizes, forward_flops, matmul_flops, six_nd

from grader.testing import replaces


# ---- matmul_flops


@replaces("matmul_flops")
def matmul_sum(m, k, n):
    """multiplications and additions apart"""
    multiplications = m * k * n
    additions = m * n * k
    return multiplications + additions


@replaces("matmul_flops")
def matmul_prod(m, k, n):
    """math.prod"""
    return math.prod([2, m, k, n])


@replaces("matmul_flops")
def matmul_reduce(m, k, n):
    """reduce"""
    return reduce(mul, (m, k, n), 2)


@replaces("matmul_flops")
def matmul_shift(m, k, n):
    """a shift of bits"""
    return (m * k * n) << 1


@replaces("matmul_flops")
def matmul_entries(m, k, n):
    """entries of the result times their work"""
    entries = m * n
    work = 2 * k
    return entries * work


@replaces("matmul_flops")
def matmul_exact(m, k, n):
    """a Fraction, to an int"""
    return int(Fraction(2 * m) * k * n)


@replaces("matmul_flops")
def matmul_columns(m, k, n):
    """a matrix-vector product for each column"""
    vector = m * (2 * k)
    return vector * n


@replaces("matmul_flops")
def matmul_keyword(m, k, n):
    """another order"""
    return n * m * 2 * k


# ---- forward_flops


@replaces("forward_flops")
def forward_per_layer(config, batch, seq_len, causal=False):
    """layer by layer"""
    layers, d, h, g, k, f, v, mats = _sizes(config)
    total = dict.fromkeys(("qkv", "scores", "values", "out", "mlp", "logits"), 0)
    t = batch * seq_len
    for _ in range(layers):
        total["qkv"] += matmul_flops(t, d, h * k) + 2 * matmul_flops(t, d, g * k)
        pairs = (1 + seq_len) * seq_len // 2 if causal else seq_len * seq_len
        total["scores"] += 2 * k * batch * h * pairs
        total["values"] += 2 * k * batch * h * pairs
        total["out"] += matmul_flops(t, h * k, d)
        total["mlp"] += mats * matmul_flops(t, d, f)
    total["logits"] = matmul_flops(t, d, v)
    total["total"] = sum(total.values())
    return total


@replaces("forward_flops")
def forward_get(config, batch, seq_len, causal=False):
    """all written out with get"""
    L, D, H, V = config["n_layers"], config["d_model"], config["n_heads"], config["vocab_size"]
    G, K, F = config.get("n_kv_heads", H), config.get("head_dim", D // H), config.get("d_ff", 4 * D)
    token = batch * seq_len
    attended = 2 * L * K * batch * H * (seq_len * (seq_len + 1) // 2 if causal else seq_len**2)
    qkv, out = 2 * L * token * D * (H + 2 * G) * K, 2 * L * token * H * K * D
    mlp = 2 * L * token * D * F * {"gelu": 2, "swiglu": 3}[config.get("mlp", "gelu")]
    logits = 2 * token * D * V
    return {"qkv": qkv, "scores": attended, "values": attended, "out": out, "mlp": mlp, "logits": logits, "total": qkv + 2 * attended + out + mlp + logits}


@dataclass
class _Flops:
    total: int
    logits: int
    mlp: int
    out: int
    values: int
    scores: int
    qkv: int


@replaces("forward_flops")
def forward_dataclass(config, batch, seq_len, causal=False):
    """a dataclass, the keys in another order"""
    layers, d, h, g, k, f, v, mats = _sizes(config)
    n = batch * seq_len
    pairs = seq_len * seq_len if not causal else (seq_len * seq_len + seq_len) // 2
    x = [2 * n * d * v, 2 * n * d * f * mats * layers, 2 * n * h * k * d * layers, *[2 * k * batch * h * pairs * layers] * 2, 2 * n * d * (h + g + g) * k * layers]
    return asdict(_Flops(sum(x), *x))


@replaces("forward_flops")
def forward_tokens(config, batch, seq_len, causal=False):
    """FLOPs of one token, times tokens"""
    layers, d, h, g, k, f, v, mats = _sizes(config)
    per_token = {"qkv": 2 * d * k * (h + 2 * g), "out": 2 * h * k * d, "mlp": 2 * mats * d * f}
    parts = {name: layers * batch * seq_len * n for name, n in per_token.items()}
    first, last = (1 if causal else seq_len), seq_len  # keys of the first and the last token
    keys = seq_len * (first + last) // 2
    parts["scores"] = parts["values"] = layers * batch * h * keys * 2 * k
    parts["logits"] = 2 * batch * seq_len * d * v
    return {**parts, "total": sum(parts.values())}


@replaces("forward_flops")
def forward_products(config, batch, seq_len, causal=False):
    """a list of products (how many, m, k, n)"""
    layers, d, h, g, k, f, v, mats = _sizes(config)
    n, rows = batch * seq_len, math.comb(seq_len + 1, 2) if causal else seq_len * seq_len
    table = [
        ("qkv", layers, n, d, (h + 2 * g) * k), ("scores", layers * batch * h, rows, k, 1), ("values", layers * batch * h, rows, 1, k),
        ("out", layers, n, h * k, d), ("mlp", layers * mats, n, d, f), ("logits", 1, n, d, v),
    ]  # fmt: skip
    result = OrderedDict((name, times * matmul_flops(a, b, c)) for name, times, a, b, c in table)
    result["total"] = sum(result.values())
    return result


@replaces("forward_flops")
def forward_sequences(config, batch, seq_len, causal=False):
    """one sequence, times the batch"""
    layers, d, h, g, k, f, v, mats = _sizes(config)
    attend = matmul_flops(seq_len, k, seq_len) * h * layers
    if causal:
        attend = attend * (seq_len + 1) // (2 * seq_len)
    one = dict(
        qkv=layers * sum(matmul_flops(seq_len, d, heads * k) for heads in (h, g, g)),
        scores=attend,
        values=attend,
        out=layers * matmul_flops(seq_len, h * k, d),
        mlp=layers * sum(matmul_flops(seq_len, d, f) for _ in range(mats)),
        logits=matmul_flops(seq_len, d, v),
    )
    one = {name: batch * number for name, number in one.items()}
    return one | {"total": sum(one.values())}


@replaces("forward_flops")
def forward_exact(config, batch, seq_len, causal=False):
    """Fractions until the end"""
    layers, d, h, g, k, f, v, mats = _sizes(config)
    pairs = Fraction(seq_len) * (Fraction(seq_len + 1, 2) if causal else seq_len)
    n = Fraction(2 * batch * seq_len)
    parts = {
        "qkv": n * layers * d * (h + 2 * g) * k,
        "scores": 2 * k * batch * h * pairs * layers,
        "values": 2 * k * batch * h * pairs * layers,
        "out": n * layers * h * k * d,
        "mlp": n * layers * mats * d * f,
        "logits": n * d * v,
    }
    parts["total"] = sum(parts.values())
    return {name: int(number) for name, number in parts.items()}


@replaces("forward_flops")
def forward_closure(config, batch, seq_len, causal=False):
    """closures for each part"""
    layers, d, h, g, k, f, v, mats = _sizes(config)
    line = lambda i, o: 2 * batch * seq_len * i * o

    def attend():
        full = seq_len**2
        return 2 * k * batch * h * ((full + seq_len) // 2 if causal else full)

    parts = {
        "qkv": lambda: layers * (line(d, h * k) + line(d, g * k) + line(d, g * k)),
        "scores": lambda: layers * attend(),
        "values": lambda: layers * attend(),
        "out": lambda: layers * line(h * k, d),
        "mlp": lambda: layers * (line(d, f) * (mats - 1) + line(f, d)),
        "logits": lambda: line(d, v),
    }
    counted = {name: part() for name, part in parts.items()}
    counted["total"] = reduce(lambda a, b: a + b, counted.values())
    return counted


@replaces("forward_flops")
def forward_halves(config, batch, seq_len, causal=False):
    """multiplications first, doubled at the end; causal pairs as T choose 2 and the diagonal"""
    layers, d, h, g, k, f, v, mats = _sizes(config)
    n = batch * seq_len
    pairs = seq_len * (seq_len - 1) // 2 + seq_len if causal else seq_len * seq_len
    macs = {"qkv": n * d * h * k + 2 * n * d * g * k, "scores": k * pairs * batch * h, "values": pairs * k * h * batch, "out": n * d * h * k, "mlp": n * d * f * mats}
    flops = {name: 2 * layers * value for name, value in macs.items()}
    flops["logits"] = 2 * n * d * v
    flops["total"] = sum(flops[name] for name in ("qkv", "scores", "values", "out", "mlp", "logits"))
    return flops


# ---- train_flops


@replaces("train_flops")
def train_sum(config, batch, seq_len, recompute=False):
    """forward, backward, and forward again"""
    forward = forward_flops(config, batch, seq_len)["total"]
    backward = 2 * forward
    return forward + backward + (forward if recompute else 0)


@replaces("train_flops")
def train_bool(config, batch, seq_len, recompute=False):
    """a bool added"""
    return (3 + bool(recompute)) * forward_flops(config, batch, seq_len, causal=False)["total"]


@replaces("train_flops")
def train_parts(config, batch, seq_len, recompute=False):
    """part by part"""
    parts = forward_flops(config, batch, seq_len)
    times = 4 if recompute else 3
    return sum(times * flops for name, flops in parts.items() if name != "total")


@replaces("train_flops")
def train_loop(config, batch, seq_len, recompute=False):
    """a list of passes"""
    passes = ["forward", "input", "weight"] + ["forward"] * int(recompute)
    return sum(forward_flops(config, batch, seq_len)["total"] for _ in passes)


@replaces("train_flops")
def train_direct(config, batch, seq_len, recompute=False):
    """a formula of its own"""
    layers, d, h, g, k, f, v, mats = _sizes(config)
    token = layers * (2 * d * k * (2 * h + 2 * g) + 4 * k * h * seq_len + 2 * mats * d * f) + 2 * d * v
    return (4 if recompute else 3) * batch * seq_len * token


@replaces("train_flops")
def train_batch(config, batch, seq_len, recompute=False):
    """one sequence, times the batch"""
    one = forward_flops(config, batch=1, seq_len=seq_len)["total"]
    return batch * (one * 4 if recompute else one * 3)


@replaces("train_flops")
def train_dict(config, batch, seq_len, recompute=False):
    """a factor from a dict"""
    return {False: 3, True: 4}[bool(recompute)] * sum([n for p, n in forward_flops(config, batch, seq_len, False).items() if p not in {"total"}])


@replaces("train_flops")
def train_branches(config, batch, seq_len, recompute=False):
    """two branches"""
    flops = forward_flops(config, batch, seq_len)
    if recompute:
        return flops["total"] * 2 + flops["total"] * 2
    return flops["total"] + flops["total"] * 2


# ---- six_nd


@replaces("six_nd")
def six_order(n_params, n_tokens):
    """another order"""
    return n_tokens * n_params * 6


@replaces("six_nd")
def six_two_and_four(n_params, n_tokens):
    """2 forward and 4 backward"""
    return 2 * n_params * n_tokens + 4 * n_params * n_tokens


@replaces("six_nd")
def six_prod(n_params, n_tokens):
    """math.prod"""
    return math.prod((6, n_params, n_tokens))


@replaces("six_nd")
def six_nested(n_params, n_tokens):
    """parentheses elsewhere"""
    return 6 * (n_params * n_tokens)


@replaces("six_nd")
def six_three_products(n_params, n_tokens):
    """three products of 2 N D"""
    return sum([2 * n_params * n_tokens] * 3)


@replaces("six_nd")
def six_branches(n_params, n_tokens):
    """ints and floats apart"""
    if isinstance(n_params, int) and isinstance(n_tokens, int):
        return 6 * n_params * n_tokens
    return 6.0 * float(n_params) * float(n_tokens)


@replaces("six_nd")
def six_reduce(n_params, n_tokens):
    """reduce"""
    return reduce(mul, [n_params, 6, n_tokens])


@replaces("six_nd")
def six_token(n_params, n_tokens):
    """the cost of a token first"""
    per_token = n_params * 6
    return per_token * n_tokens


# ---- attention_crossover


@replaces("attention_crossover")
def crossover_ratio(config):
    """forward_flops at two lengths is linear and quadratic"""
    parts = forward_flops(config, 1, 1)
    return (parts["qkv"] + parts["out"] + parts["mlp"]) / (parts["scores"] + parts["values"])


@replaces("attention_crossover")
def crossover_exact(config):
    """a Fraction, to a float"""
    _, d, h, g, k, f, _, mats = _sizes(config)
    return float(Fraction(d * k * (2 * h + 2 * g) + mats * d * f, 2 * h * k))


@replaces("attention_crossover")
def crossover_terms(config):
    """simplified: D (1 + G/H) + mats D F / (2 H K)"""
    _, d, h, g, k, f, _, mats = _sizes(config)
    return d * (1 + g / h) + mats * d * f / (2 * h * k)


@replaces("attention_crossover")
def crossover_get(config):
    """read from the config by hand"""
    d, h = config["d_model"], config["n_heads"]
    k = config.get("head_dim", d // h)
    weights = 2 * d * h * k + 2 * d * config.get("n_kv_heads", h) * k
    weights += (3 if config.get("mlp") == "swiglu" else 2) * d * config.get("d_ff", 4 * d)
    return weights / (2 * h * k)


@replaces("attention_crossover")
def crossover_layers(config):
    """over all layers, per token"""
    layers, d, h, g, k, f, _, mats = _sizes(config)
    linear = sum(2 * (d * (h + 2 * g) * k + h * k * d + mats * d * f) for _ in range(layers))
    per_key = sum(4 * h * k for _ in range(layers))
    return float(linear) / float(per_key)


@replaces("attention_crossover")
def crossover_solve(config):
    """bisection of the difference"""
    _, d, h, g, k, f, _, mats = _sizes(config)
    weights = 2 * (d * (h + 2 * g) * k + h * k * d + mats * d * f)
    lo, hi = 0.0, 1.0
    while 4 * h * k * hi < weights:
        hi *= 2
    for _ in range(200):
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if 4 * h * k * mid < weights else (lo, mid)
    return hi


@replaces("attention_crossover")
def crossover_two_lengths(config):
    """from forward_flops of 1000 tokens"""
    parts = forward_flops(config, batch=1, seq_len=1000)
    weights = parts["total"] - parts["logits"] - parts["scores"] - parts["values"]
    return 1000 * weights / (parts["scores"] + parts["values"])


@replaces("attention_crossover")
def crossover_shapes(config):
    """a list of the shapes of the matrices"""
    _, d, h, g, k, f, _, mats = _sizes(config)
    shapes = [(d, h * k), (d, g * k), (d, g * k), (h * k, d)] + [(d, f)] * mats
    return sum(starmap(mul, shapes)) * 2 / (h * k * 4)


# ---- mfu


@replaces("mfu")
def mfu_six(n_params, tokens_per_second, peak_flops):
    """six_nd"""
    return six_nd(n_params, tokens_per_second) / peak_flops


@replaces("mfu")
def mfu_tokens(n_params, tokens_per_second, peak_flops):
    """tokens a second against those at the peak"""
    return tokens_per_second / (peak_flops / (6 * n_params))


@replaces("mfu")
def mfu_order(n_params, tokens_per_second, peak_flops):
    """divided first"""
    return tokens_per_second / peak_flops * n_params * 6.0


@replaces("mfu")
def mfu_exact(n_params, tokens_per_second, peak_flops):
    """Fractions"""
    return float(6 * Fraction(n_params) * Fraction(tokens_per_second) / Fraction(peak_flops))


@replaces("mfu")
def mfu_logs(n_params, tokens_per_second, peak_flops):
    """logarithms"""
    return math.exp(math.log(6) + math.log(n_params) + math.log(tokens_per_second) - math.log(peak_flops))


@replaces("mfu")
def mfu_floats(n_params, tokens_per_second, peak_flops):
    """floats first"""
    return 6.0 * float(n_params) * float(tokens_per_second) / float(peak_flops)


@replaces("mfu")
def mfu_seconds(n_params, tokens_per_second, peak_flops):
    """the time of a token at the peak, against the one that it takes"""
    ideal = 6 * n_params / peak_flops
    real = 1 / tokens_per_second
    return ideal / real


@replaces("mfu")
def mfu_sum(n_params, tokens_per_second, peak_flops):
    """forward and backward"""
    forward = 2 * n_params * tokens_per_second
    return (forward + 2 * forward) / peak_flops
