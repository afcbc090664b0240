# TRUE CAUSE: With recompute, train_flops repeats scores and values only, the selective recomputation of Megatron.
# Here no activations were kept: the whole forward pass runs once more, so a step costs four forward passes.
from typing import Any


def _numbers(config: dict[str, Any]) -> tuple[int, ...]:
    L, D, H, V = (config[key] for key in ("n_layers", "d_model", "n_heads", "vocab_size"))
    G = config.get("n_kv_heads", H)
    K = config.get("head_dim", D // H)
    F = config.get("d_ff", 4 * D)
    matrices = 3 if config.get("mlp", "gelu") == "swiglu" else 2
    return L, D, H, V, G, K, F, matrices


def matmul_flops(m: int, k: int, n: int) -> int:
    return 2 * m * k * n


def forward_flops(config: dict[str, Any], batch: int, seq_len: int, causal: bool = False) -> dict[str, int]:
    L, D, H, V, G, K, F, matrices = _numbers(config)
    tokens = batch * seq_len
    pairs = seq_len * (seq_len + 1) // 2 if causal else seq_len * seq_len
    products = L * batch * H * pairs * 2 * K
    parts = {
        "qkv": L * matmul_flops(tokens, D, (H + 2 * G) * K),
        "scores": products,
        "values": products,
        "out": L * matmul_flops(tokens, H * K, D),
        "mlp": L * matrices * matmul_flops(tokens, D, F),
        "logits": matmul_flops(tokens, D, V),
    }
    return {**parts, "total": sum(parts.values())}


def train_flops(config: dict[str, Any], batch: int, seq_len: int, recompute: bool = False) -> int:
    forward = forward_flops(config, batch, seq_len)
    step = forward["total"] + 2 * forward["total"]
    if recompute:
        step += forward["scores"] + forward["values"]
    return step


def six_nd(n_params: float, n_tokens: float) -> float:
    return 6 * n_params * n_tokens


def attention_crossover(config: dict[str, Any]) -> float:
    _, D, H, _, G, K, F, matrices = _numbers(config)
    weights = D * (H + 2 * G) * K + H * K * D + matrices * D * F
    per_position = 4 * H * K
    return 2 * weights / per_position


def mfu(n_params: float, tokens_per_second: float, peak_flops: float) -> float:
    return six_nd(n_params, tokens_per_second) / peak_flops
