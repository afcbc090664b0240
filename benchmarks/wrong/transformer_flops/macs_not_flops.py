# TRUE CAUSE: matmul_flops counts a multiplication and an addition as one (MACs): m k n in place of 2 m k n.
from typing import Any


def matmul_flops(m: int, k: int, n: int) -> int:
    return m * k * n


def _sizes(config: dict[str, Any]) -> tuple[int, int, int, int, int, int]:
    D, H = config["d_model"], config["n_heads"]
    G = config.get("n_kv_heads", H)
    K = config["head_dim"] if "head_dim" in config else D // H
    F = config.get("d_ff", 4 * D)
    matrices = 3 if config.get("mlp", "gelu") == "swiglu" else 2
    return D, H, G, K, F, matrices


def forward_flops(config: dict[str, Any], batch: int, seq_len: int, causal: bool = False) -> dict[str, int]:
    D, H, G, K, F, matrices = _sizes(config)
    L = config["n_layers"]
    tokens = batch * seq_len
    pairs = seq_len * (seq_len + 1) // 2 if causal else seq_len * seq_len
    parts = {
        "qkv": L * matmul_flops(tokens, D, (H + 2 * G) * K),
        "scores": L * 2 * K * batch * H * pairs,
        "values": L * 2 * K * batch * H * pairs,
        "out": L * matmul_flops(tokens, H * K, D),
        "mlp": L * matrices * matmul_flops(tokens, D, F),
        "logits": matmul_flops(tokens, D, config["vocab_size"]),
    }
    parts["total"] = sum(parts.values())
    return parts


def train_flops(config: dict[str, Any], batch: int, seq_len: int, recompute: bool = False) -> int:
    forward = forward_flops(config, batch, seq_len)["total"]
    return (4 if recompute else 3) * forward


def six_nd(n_params: float, n_tokens: float) -> float:
    return 6 * n_params * n_tokens


def attention_crossover(config: dict[str, Any]) -> float:
    D, H, G, K, F, matrices = _sizes(config)
    weights = D * (H + 2 * G) * K + H * K * D + matrices * D * F
    return 2 * weights / (4 * H * K)


def mfu(n_params: float, tokens_per_second: float, peak_flops: float) -> float:
    return 6 * n_params * tokens_per_second / peak_flops
