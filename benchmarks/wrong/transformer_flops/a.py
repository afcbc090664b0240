# TRUE CAUSE: the causal pairs are computed with a float division, T (T + 1) / 2, and rounded back by int; large
# counts lose their last digits. It has to be a whole division, which keeps ints exact.
from typing import Any


def matmul_flops(m: int, k: int, n: int) -> int:
    return 2 * m * k * n


def _sizes(config: dict[str, Any]) -> tuple[int, int, int, int, int]:
    """D, H, G, K, F."""
    D, H = config["d_model"], config["n_heads"]
    return D, H, config.get("n_kv_heads", H), config.get("head_dim", D // H), config.get("d_ff", 4 * D)


def _mlp_matrices(config: dict[str, Any]) -> int:
    return 3 if config.get("mlp", "gelu") == "swiglu" else 2


def forward_flops(config: dict[str, Any], batch: int, seq_len: int, causal: bool = False) -> dict[str, int]:
    D, H, G, K, F = _sizes(config)
    L, V = config["n_layers"], config["vocab_size"]
    tokens = batch * seq_len
    pairs = seq_len * (seq_len + 1) / 2 if causal else seq_len * seq_len
    meetings = int(2 * K * batch * H * L * pairs)
    parts = {
        "qkv": L * matmul_flops(tokens, D, (H + 2 * G) * K),
        "scores": meetings,
        "values": meetings,
        "out": L * matmul_flops(tokens, H * K, D),
        "mlp": L * _mlp_matrices(config) * matmul_flops(tokens, D, F),
        "logits": matmul_flops(tokens, D, V),
    }
    parts["total"] = sum(parts.values())
    return parts


def train_flops(config: dict[str, Any], batch: int, seq_len: int, recompute: bool = False) -> int:
    passes = 4 if recompute else 3
    return passes * forward_flops(config, batch, seq_len)["total"]


def six_nd(n_params: float, n_tokens: float) -> float:
    return 6 * n_params * n_tokens


def attention_crossover(config: dict[str, Any]) -> float:
    D, H, G, K, F = _sizes(config)
    weights = D * (H + 2 * G) * K + H * K * D + _mlp_matrices(config) * D * F
    return 2 * weights / (4 * H * K)


def mfu(n_params: float, tokens_per_second: float, peak_flops: float) -> float:
    return six_nd(n_params, tokens_per_second) / peak_flops
