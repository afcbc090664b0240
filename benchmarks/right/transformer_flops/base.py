from typing import Any


def _sizes(config: dict[str, Any]) -> tuple[int, ...]:
    """L, D, H, G, K, F, V and the number of matrices in the MLP."""
    d, h = config["d_model"], config["n_heads"]
    k = config["head_dim"] if "head_dim" in config else d // h
    mats = 3 if config.get("mlp", "gelu") == "swiglu" else 2
    return config["n_layers"], d, h, config.get("n_kv_heads", h), k, config.get("d_ff", 4 * d), config["vocab_size"], mats


def matmul_flops(m: int, k: int, n: int) -> int:
    return 2 * m * k * n


def forward_flops(config: dict[str, Any], batch: int, seq_len: int, causal: bool = False) -> dict[str, int]:
    layers, d, h, g, k, f, v, mats = _sizes(config)
    n = batch * seq_len
    pairs = batch * h * (seq_len * (seq_len + 1) // 2 if causal else seq_len**2)
    parts = {
        "qkv": layers * matmul_flops(n, d, (h + 2 * g) * k),
        "scores": layers * 2 * k * pairs,
        "values": layers * 2 * k * pairs,
        "out": layers * matmul_flops(n, h * k, d),
        "mlp": layers * mats * matmul_flops(n, d, f),
        "logits": matmul_flops(n, d, v),
    }
    parts["total"] = sum(parts.values())
    return parts


def train_flops(config: dict[str, Any], batch: int, seq_len: int, recompute: bool = False) -> int:
    return (4 if recompute else 3) * forward_flops(config, batch, seq_len)["total"]


def six_nd(n_params: float, n_tokens: float) -> float:
    return 6 * n_params * n_tokens


def attention_crossover(config: dict[str, Any]) -> float:
    _, d, h, g, k, f, _, mats = _sizes(config)
    weights = d * (h + 2 * g) * k + h * k * d + mats * d * f
    return 2 * weights / (4 * h * k)


def mfu(n_params: float, tokens_per_second: float, peak_flops: float) -> float:
    return 6 * n_params * tokens_per_second / peak_flops
