# TRUE CAUSE: The norm of the compressed queries (rank_q numbers) is forgotten, while that of the keys and
# values is counted.
from typing import Any


def _get(config: dict[str, Any], key: str, default: int = 0) -> int:
    value: int | None = config.get(key)
    return default if value is None else value


def attention_params(config: dict[str, Any]) -> int:
    D, H = _get(config, "hidden_size"), _get(config, "num_attention_heads")
    rank = _get(config, "kv_lora_rank")
    if rank:
        nope, rope = _get(config, "qk_nope_head_dim"), _get(config, "qk_rope_head_dim")
        value, rank_q = _get(config, "v_head_dim"), _get(config, "q_lora_rank")
        if rank_q:
            queries = D * rank_q + rank_q * H * (nope + rope)
        else:
            queries = D * H * (nope + rope)
        keys_values = D * (rank + rope) + rank + rank * H * (nope + value)
        return queries + keys_values + H * value * D
    G = _get(config, "num_key_value_heads", H)
    K = _get(config, "head_dim", D // H)
    norms = 2 * K if _get(config, "qk_norm") else 0
    return D * K * (2 * H + 2 * G) + norms


def count_params(config: dict[str, Any]) -> dict[str, int]:
    V, D, L = _get(config, "vocab_size"), _get(config, "hidden_size"), _get(config, "num_hidden_layers")
    F = _get(config, "intermediate_size")
    E = _get(config, "num_experts")
    heads = 1 if _get(config, "tie_word_embeddings") else 2
    total = heads * V * D + D + L * (2 * D + attention_params(config))
    if E == 0:
        total += L * 3 * D * F
        return {"total": total, "active": total}
    dense = _get(config, "first_k_dense_replace")
    sparse = L - dense
    expert = 3 * D * _get(config, "moe_intermediate_size", F)
    shared = _get(config, "n_shared_experts")
    total += dense * 3 * D * F + sparse * (E * D + (E + shared) * expert)
    idle = sparse * (E - _get(config, "num_experts_per_tok")) * expert
    return {"total": total, "active": total - idle}
