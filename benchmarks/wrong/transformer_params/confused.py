# TRUE CAUSE: thinks that a SwiGLU has two matrices of the size of D x F, as an MLP with GELU has (the gate being one half of the
# first one): gate and up together count as one D x F, and its biases as F + D. All else is right.


def _attention(c, d):
    heads = c["n_heads"]
    width = c.get("head_dim", d // heads)
    n_q, n_kv = heads * width, c.get("n_kv_heads", heads) * width
    weights = 2 * d * n_q + 2 * d * n_kv
    bias = {"none": 0, "qkv": n_q + 2 * n_kv, "all": n_q + 2 * n_kv + d}[c.get("attn_bias", "none")]
    return weights + bias


def _mlp(c, d):
    hidden = c.get("d_ff", 4 * d)
    # one matrix in, one matrix out; swiglu splits the first in a gate and a value
    n = d * hidden + hidden * d
    if c.get("mlp_bias"):
        n += hidden + d
    return n


def count_params(config):
    d, layers, vocab = config["d_model"], config["n_layers"], config["vocab_size"]
    per_norm = {"layernorm": 2 * d, "rmsnorm": d}[config.get("norm", "layernorm")]
    out = {
        "embedding": d * (vocab + config.get("max_positions", 0)),
        "attention": layers * _attention(config, d),
        "mlp": layers * _mlp(config, d),
        "norm": per_norm * (1 + 2 * layers),
        "head": d * vocab * (not config.get("tied", False)),
    }
    out["non_embedding"] = out["attention"] + out["mlp"] + out["norm"]
    out["total"] = out["non_embedding"] + out["embedding"] + out["head"]
    return out
