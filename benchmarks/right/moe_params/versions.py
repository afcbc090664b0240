import math
from collections import Counter, OrderedDict
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

from base import _get, attention_params

from grader.testing import replaces


def _or(config, key, default):
    return default if config.get(key) is None else config[key]


# ---- attention_params


@replaces("attention_params")
def attention_matrices(config):
    """a list of shapes, multiplied"""
    d, h = config["hidden_size"], config["num_attention_heads"]
    if _or(config, "kv_lora_rank", None) is not None:
        r, n, p, v = (config[k] for k in ("kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"))
        q = _or(config, "q_lora_rank", None)
        shapes = [(d, h * (n + p))] if q is None else [(d, q), (q,), (q, h * (n + p))]
        shapes += [(d, r + p), (r,), (r, h * (n + v)), (h * v, d)]
    else:
        k, g = _or(config, "head_dim", d // h), _or(config, "num_key_value_heads", h)
        shapes = [(d, h * k), (d, g * k), (d, g * k), (h * k, d)]
        if _or(config, "qk_norm", False):
            shapes += [(k,), (k,)]
    return sum(math.prod(s) for s in shapes)


@replaces("attention_params")
def attention_split(config):
    """two helpers, MLA and GQA"""
    def mla():
        d, h, r, rope = config["hidden_size"], config["num_attention_heads"], config["kv_lora_rank"], config["qk_rope_head_dim"]
        head = config["qk_nope_head_dim"] + rope
        rank = _get(config, "q_lora_rank", 0)
        total = rank * (d + 1 + h * head) if rank > 0 else d * h * head
        total += r * (d + 1 + h * (config["qk_nope_head_dim"] + config["v_head_dim"])) + d * rope
        return total + h * config["v_head_dim"] * d

    def gqa():
        d, h = config["hidden_size"], config["num_attention_heads"]
        k = _get(config, "head_dim", d // h)
        return 2 * k * (d * (h + _get(config, "num_key_value_heads", h)) + (1 if _get(config, "qk_norm", 0) else 0))

    return mla() if _get(config, "kv_lora_rank", 0) > 0 else gqa()


@replaces("attention_params")
def attention_dict(config):
    """parts in a dict"""
    d, h = config["hidden_size"], config["num_attention_heads"]
    parts = {}
    rank = config.get("kv_lora_rank")
    if rank is None:
        k = config.get("head_dim")
        k = d // h if k is None else k
        g = config.get("num_key_value_heads")
        g = h if g is None else g
        parts = {"q": d * h * k, "k": d * g * k, "v": d * g * k, "o": h * k * d, "norm": 2 * k * bool(config.get("qk_norm"))}
    else:
        n, p, v = config["qk_nope_head_dim"], config["qk_rope_head_dim"], config["v_head_dim"]
        parts["kv_a"], parts["kv_norm"], parts["kv_b"] = d * (rank + p), rank, rank * h * (n + v)
        parts["o"] = d * h * v
        if config.get("q_lora_rank") is None:
            parts["q"] = d * h * (n + p)
        else:
            q = config["q_lora_rank"]
            parts["q_a"], parts["q_norm"], parts["q_b"] = d * q, q, q * h * (n + p)
    return sum(parts.values())


@replaces("attention_params")
def attention_match(config):
    """match on the two ranks"""
    d, h = config["hidden_size"], config["num_attention_heads"]
    match (config.get("kv_lora_rank"), config.get("q_lora_rank")):
        case (None, _):
            k = _get(config, "head_dim", d // h)
            return d * k * 2 * (h + _get(config, "num_key_value_heads", h)) + (k + k if config.get("qk_norm") else 0)
        case (r, None):
            head = config["qk_nope_head_dim"] + config["qk_rope_head_dim"]
            queries = d * h * head
        case (r, q):
            head = config["qk_nope_head_dim"] + config["qk_rope_head_dim"]
            queries = q * (d + h * head) + q
    return queries + (d + 1) * r + d * config["qk_rope_head_dim"] + r * h * (head - config["qk_rope_head_dim"] + config["v_head_dim"]) + d * h * config["v_head_dim"]


@dataclass
class _Attention:
    d: int
    h: int
    config: dict

    def linear(self, i, o):
        return i * o

    def low_rank(self, rank, out, past=0):
        return self.linear(self.d, rank + past) + rank + self.linear(rank, out)

    @property
    def params(self):
        c, h = self.config, self.h
        if not _get(c, "kv_lora_rank"):
            k, g = _get(c, "head_dim", self.d // h), _get(c, "num_key_value_heads", h)
            return 2 * self.linear(self.d, h * k) + 2 * self.linear(self.d, g * k) + (2 * k if _get(c, "qk_norm") else 0)
        n, p, v = c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"]
        q = self.low_rank(c["q_lora_rank"], h * (n + p)) if _get(c, "q_lora_rank") else self.linear(self.d, h * (n + p))
        return q + self.low_rank(c["kv_lora_rank"], h * (n + v), past=p) + self.linear(h * v, self.d)


@replaces("attention_params")
def attention_class(config):
    """a dataclass with a property"""
    return _Attention(config["hidden_size"], config["num_attention_heads"], config).params


@replaces("attention_params")
def attention_per_head(config):
    """counted head by head"""
    d, h = config["hidden_size"], config["num_attention_heads"]
    total = 0
    if _get(config, "kv_lora_rank", -1) == -1:
        k = _get(config, "head_dim", d // h)
        for _ in range(h):
            total += d * k + k * d
        for _ in range(_get(config, "num_key_value_heads", h)):
            total += 2 * d * k
        return total + (k * 2 if _get(config, "qk_norm", False) else 0)
    r, n, p, v = (config[x] for x in ("kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"))
    q = _get(config, "q_lora_rank", 0)
    for _ in range(h):
        total += (q or d) * (n + p) + r * (n + v) + v * d
    return total + q * (d + 1) + r * (d + 1) + d * p


@replaces("attention_params")
def attention_exact(config):
    """Fractions, for the width of a head"""
    d, h = config["hidden_size"], config["num_attention_heads"]
    if config.get("kv_lora_rank"):
        r, n, p, v, q = (config.get(x) or 0 for x in ("kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "q_lora_rank"))
        lines = [d * q + q + q * h * (n + p) if q else d * h * (n + p), d * (r + p) + r + r * h * (n + v), h * v * d]
        return sum(lines)
    k = Fraction(config.get("head_dim") or Fraction(d, h))
    g = config.get("num_key_value_heads") or h
    return int(k * (2 * d * (h + g) + (2 if config.get("qk_norm") else 0)))


@replaces("attention_params")
def attention_clean(config):
    """nulls removed first, then plain get"""
    c = {key: value for key, value in config.items() if value is not None}
    d, h = c["hidden_size"], c["num_attention_heads"]
    if "kv_lora_rank" not in c:
        k = c.get("head_dim", d // h)
        return d * k * (2 * h + 2 * c.get("num_key_value_heads", h)) + 2 * k * int(bool(c.get("qk_norm", False)))
    head = c["qk_nope_head_dim"] + c["qk_rope_head_dim"]
    total = h * c["v_head_dim"] * d
    total += c["kv_lora_rank"] * (1 + h * (c["qk_nope_head_dim"] + c["v_head_dim"])) + d * (c["kv_lora_rank"] + c["qk_rope_head_dim"])
    if "q_lora_rank" in c:
        total += c["q_lora_rank"] * (d + 1 + h * head)
    else:
        total += d * h * head
    return total


@replaces("attention_params")
def attention_generator(config):
    """a generator of terms"""
    def terms(d, h):
        r = _get(config, "kv_lora_rank")
        if not r:
            k = _get(config, "head_dim", d // h)
            for heads in (h, _get(config, "num_key_value_heads", h)):
                yield 2 * heads * k * d
            yield 2 * k if _get(config, "qk_norm") else 0
            return
        n, p, v, q = (_get(config, x) for x in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "q_lora_rank"))
        yield from ((d * q, q, q * h * n, q * h * p) if q else (d * h * n, d * h * p))
        yield from (d * r, d * p, r, r * h * n, r * h * v, h * v * d)

    return sum(terms(config["hidden_size"], config["num_attention_heads"]))


@replaces("attention_params")
def attention_try(config):
    """KeyError and TypeError tell what is missing"""
    d, h = config["hidden_size"], config["num_attention_heads"]

    def value(key, default):
        try:
            return config[key] + 0
        except (KeyError, TypeError):
            return default

    r = value("kv_lora_rank", 0)
    if r == 0:
        k = value("head_dim", d // h)
        return d * h * k + 2 * d * value("num_key_value_heads", h) * k + h * k * d + (2 * k if value("qk_norm", 0) else 0)
    n, p, v, q = (value(x, 0) for x in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "q_lora_rank"))
    queries = d * q + q + q * h * (n + p) if q else d * h * (n + p)
    return queries + d * (r + p) + r + r * h * (n + v) + h * v * d


# ---- count_params


def _ffn(config):
    """(dense, router, one expert)"""
    d, f = config["hidden_size"], config["intermediate_size"]
    return 3 * d * f, d * _get(config, "num_experts"), 3 * d * _get(config, "moe_intermediate_size", f)


@replaces("count_params")
def count_layers(config):
    """layer by layer"""
    d = config["hidden_size"]
    dense, router, expert = _ffn(config)
    e, shared = _get(config, "num_experts"), _get(config, "n_shared_experts")
    total = active = config["vocab_size"] * d + d
    if not _get(config, "tie_word_embeddings"):
        total, active = total + config["vocab_size"] * d, active + config["vocab_size"] * d
    for i in range(config["num_hidden_layers"]):
        both = 2 * d + attention_params(config)
        if e == 0 or i < _get(config, "first_k_dense_replace"):
            total, active = total + both + dense, active + both + dense
        else:
            total += both + router + (e + shared) * expert
            active += both + router + (config["num_experts_per_tok"] + shared) * expert
    return {"total": total, "active": active}


@replaces("count_params")
def count_function(config):
    """one function of the number of experts, called twice"""
    c = {key: value for key, value in config.items() if value is not None}
    d, n = c["hidden_size"], c["num_hidden_layers"]
    e = c.get("num_experts", 0)

    def size(experts):
        first = c.get("first_k_dense_replace", 0) if e else n
        sparse = d * e + (experts + c.get("n_shared_experts", 0)) * 3 * d * c.get("moe_intermediate_size", c["intermediate_size"])
        tables = c["vocab_size"] * d * (1 + (not c.get("tie_word_embeddings", False)))
        return tables + n * (2 * d + attention_params(c)) + first * 3 * d * c["intermediate_size"] + (n - first) * sparse + d

    return {"total": size(e), "active": size(c["num_experts_per_tok"] if e else 0)}


@replaces("count_params")
def count_idle(config):
    """total, less what is idle; active first in the dict"""
    d, n, e = config["hidden_size"], config["num_hidden_layers"], _get(config, "num_experts")
    dense, router, expert = _ffn(config)
    first = _get(config, "first_k_dense_replace") if e else n
    total = d + n * (2 * d + attention_params(config)) + first * dense
    total += config["vocab_size"] * d * (1 if _get(config, "tie_word_embeddings") else 2)
    total += (n - first) * (router + (e + _get(config, "n_shared_experts")) * expert)
    idle = (n - first) * (e - config["num_experts_per_tok"]) * expert if e else 0
    return {"active": total - idle, "total": total}


@replaces("count_params")
def count_counter(config):
    """a Counter of parts"""
    d, n = config["hidden_size"], config["num_hidden_layers"]
    dense, router, expert = _ffn(config)
    parts = Counter(embedding=config["vocab_size"] * d, norms=(2 * n + 1) * d, attention=n * attention_params(config))
    if not _get(config, "tie_word_embeddings"):
        parts["head"] = config["vocab_size"] * d
    e = _get(config, "num_experts")
    sparse = n - _get(config, "first_k_dense_replace") if e > 0 else 0
    parts["dense"] = (n - sparse) * dense
    if sparse:
        parts["router"], parts["shared"] = sparse * router, sparse * _get(config, "n_shared_experts") * expert
        parts["routed"] = sparse * e * expert
    used = Counter(parts)
    if sparse:
        used["routed"] = sparse * config["num_experts_per_tok"] * expert
    return dict(total=sum(parts.values()), active=sum(used.values()))


@replaces("count_params")
def count_ordered(config):
    """an OrderedDict; a dense model returns early"""
    d, n, f = config["hidden_size"], config["num_hidden_layers"], config["intermediate_size"]
    outside = d * (config["vocab_size"] + 1)
    if not config.get("tie_word_embeddings"):
        outside += d * config["vocab_size"]
    common = n * (attention_params(config) + d + d)
    if not config.get("num_experts"):
        return OrderedDict(total=outside + common + 3 * n * d * f, active=outside + common + 3 * n * d * f)
    e, k = config["num_experts"], config["num_experts_per_tok"]
    shared, first = config.get("n_shared_experts") or 0, config.get("first_k_dense_replace") or 0
    width = config.get("moe_intermediate_size") or f
    rest = outside + common + first * 3 * d * f + (n - first) * (e * d + shared * 3 * d * width)
    return OrderedDict((name, rest + (n - first) * m * 3 * d * width) for name, m in (("total", e), ("active", k)))


@replaces("count_params")
def count_shapes(config):
    """pairs (how many, size), summed twice"""
    d, n, v = config["hidden_size"], config["num_hidden_layers"], config["vocab_size"]
    dense, router, expert = _ffn(config)
    e = _get(config, "num_experts")
    first = n if e == 0 else _get(config, "first_k_dense_replace")
    table = [(1, v * d), (0 if _get(config, "tie_word_embeddings") else 1, v * d), (n, 2 * d), (n, attention_params(config)), (first, dense), (1, d)]
    if e:
        table += [(n - first, router), ((n - first) * _get(config, "n_shared_experts"), expert)]
    fixed = sum(a * b for a, b in table)
    routed = (n - first) * expert
    return {"total": fixed + routed * e, "active": fixed + routed * (config["num_experts_per_tok"] if e else 0)}


@replaces("count_params")
def count_reduce(config):
    """reduce over the kinds of layers"""
    d, n = config["hidden_size"], config["num_hidden_layers"]
    dense, router, expert = _ffn(config)
    e, s = _get(config, "num_experts"), _get(config, "n_shared_experts")
    kinds = ["dense" if not e or i < _get(config, "first_k_dense_replace") else "sparse" for i in range(n)]
    k = config["num_experts_per_tok"] if e else 0
    sizes = {"dense": (dense, dense), "sparse": (router + (e + s) * expert, router + (k + s) * expert)}
    both = reduce(lambda a, kind: (a[0] + sizes[kind][0], a[1] + sizes[kind][1]), kinds, (0, 0))
    other = n * (2 * d + attention_params(config)) + d + config["vocab_size"] * d * (2 - bool(_get(config, "tie_word_embeddings")))
    return {"total": both[0] + other, "active": both[1] + other}


@replaces("count_params")
def count_fill(config):
    """defaults filled into a copy first"""
    c = dict.fromkeys(("num_experts", "num_experts_per_tok", "n_shared_experts", "first_k_dense_replace", "tie_word_embeddings"), 0)
    c["moe_intermediate_size"] = config["intermediate_size"]
    c.update({key: value for key, value in config.items() if value is not None})
    if c["num_experts"] == 0:
        c.update(num_experts_per_tok=0, first_k_dense_replace=c["num_hidden_layers"])
    d, sparse = c["hidden_size"], c["num_hidden_layers"] - c["first_k_dense_replace"]
    result = {}
    for name, experts in (("total", c["num_experts"]), ("active", c["num_experts_per_tok"])):
        ffn = c["first_k_dense_replace"] * c["intermediate_size"] + sparse * (experts + c["n_shared_experts"]) * c["moe_intermediate_size"]
        result[name] = (
            d * c["vocab_size"] * (1 if c["tie_word_embeddings"] else 2)
            + c["num_hidden_layers"] * (2 * d + attention_params(config))
            + 3 * d * ffn
            + sparse * d * c["num_experts"]
            + d
        )
    return result


@replaces("count_params")
def count_average(config):
    """through the share of experts that are used, in exact fractions"""
    d, n, e = config["hidden_size"], config["num_hidden_layers"], _get(config, "num_experts")
    dense, router, expert = _ffn(config)
    base = d * (1 + 2 * n + config["vocab_size"] * (1 if _get(config, "tie_word_embeddings") else 2)) + n * attention_params(config)
    if not e:
        return {"total": base + n * dense, "active": base + n * dense}
    first = _get(config, "first_k_dense_replace")
    base += first * dense + (n - first) * (router + _get(config, "n_shared_experts") * expert)
    routed = (n - first) * e * expert
    return {"total": base + routed, "active": base + int(routed * Fraction(config["num_experts_per_tok"], e))}
