# TRUE CAUSE: in MLA the norm of keys and values is counted over rank_kv + rope numbers; it normalises the rank_kv
# compressed ones only, the rope numbers go past it.
from typing import Any


def _get(config: dict[str, Any], key: str, default: int = 0) -> int:
    value: int | None = config.get(key)
    return default if value is None else value


def _mla(config: dict[str, Any], D: int, H: int) -> int:
    nope, rope = _get(config, "qk_nope_head_dim"), _get(config, "qk_rope_head_dim")
    value = _get(config, "v_head_dim")
    rank_q, rank_kv = _get(config, "q_lora_rank"), _get(config, "kv_lora_rank")
    if rank_q:
        queries = D * rank_q + rank_q + rank_q * H * (nope + rope)
    else:
        queries = D * H * (nope + rope)
    compress, norm = D * (rank_kv + rope), rank_kv + rope
    expand = rank_kv * H * (nope + value)
    return queries + compress + norm + expand + H * value * D


def attention_params(config: dict[str, Any]) -> int:
    D, H = _get(config, "hidden_size"), _get(config, "num_attention_heads")
    if _get(config, "kv_lora_rank"):
        return _mla(config, D, H)
    G = _get(config, "num_key_value_heads", H)
    K = _get(config, "head_dim", D // H)
    weights = D * K * (2 * H + 2 * G)
    return weights + 2 * K if _get(config, "qk_norm") else weights


def count_params(config: dict[str, Any]) -> dict[str, int]:
    V, D, L = (_get(config, key) for key in ("vocab_size", "hidden_size", "num_hidden_layers"))
    F = _get(config, "intermediate_size")
    E = _get(config, "num_experts")
    tables = V * D if _get(config, "tie_word_embeddings") else 2 * V * D
    backbone = tables + D + L * (2 * D + attention_params(config))
    if E == 0:
        total = backbone + L * 3 * D * F
        return {"total": total, "active": total}
    k, shared = _get(config, "num_experts_per_tok"), _get(config, "n_shared_experts")
    expert = 3 * D * _get(config, "moe_intermediate_size", F)
    dense_layers = _get(config, "first_k_dense_replace")
    sparse_layers = L - dense_layers
    total = backbone + dense_layers * 3 * D * F + sparse_layers * (E * D + (E + shared) * expert)
    return {"total": total, "active": total - sparse_layers * (E - k) * expert}
