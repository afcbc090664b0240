# TRUE CAUSE: takes the crossover for the length at which SCORES AND VALUES EACH, i.e. one of the two products alone, cost as
# much as the weights: attention_crossover divides by 2 H K in place of 4 H K and is twice too large. The rest is right.


def matmul_flops(m, k, n):
    return m * n * (k + k)


def _get(c):
    d, h = c["d_model"], c["n_heads"]
    k = c.get("head_dim") or d // h
    return dict(
        d=d, h=h, k=k, g=c.get("n_kv_heads", h), f=c.get("d_ff", 4 * d), mats={"gelu": 2, "swiglu": 3}[c.get("mlp", "gelu")]
    )


def _weights(c):
    s = _get(c)
    qkv = s["d"] * s["k"] * (s["h"] + 2 * s["g"])
    out = s["h"] * s["k"] * s["d"]
    mlp = s["mats"] * s["d"] * s["f"]
    return qkv, out, mlp


def forward_flops(config, batch, seq_len, causal=False):
    s, layers, n = _get(config), config["n_layers"], batch * seq_len
    qkv, out, mlp = (2 * n * layers * w for w in _weights(config))
    pairs = sum(range(seq_len + 1)) if causal else seq_len**2
    attn = 2 * s["k"] * s["h"] * batch * pairs * layers
    logits = matmul_flops(n, s["d"], config["vocab_size"])
    return {
        "qkv": qkv,
        "scores": attn,
        "values": attn,
        "out": out,
        "mlp": mlp,
        "logits": logits,
        "total": qkv + 2 * attn + out + mlp + logits,
    }


def train_flops(config, batch, seq_len, recompute=False):
    f = forward_flops(config, batch, seq_len)["total"]
    return f + 2 * f + (f if recompute else 0)


def six_nd(n_params, n_tokens):
    return n_params * n_tokens * 6


def attention_crossover(config):
    s = _get(config)
    per_token_weights = 2 * sum(_weights(config))
    per_token_and_length = 2 * s["h"] * s["k"]
    return per_token_weights / per_token_and_length


def mfu(n_params, tokens_per_second, peak_flops):
    achieved = six_nd(n_params, tokens_per_second)
    return achieved / peak_flops
