# TRUE CAUSE: The shared experts are taken to be among the k that a token uses, so that k experts of a sparse layer
# are active. Active are k routed experts and, beside them, all shared ones.
from typing import Any


def _get(config: dict[str, Any], key: str, default: int = 0) -> int:
    """The value of a key, or the default where it is missing or None."""
    value: int | None = config.get(key)
    return default if value is None else value


def _mla(config: dict[str, Any]) -> int:
    D, H = config["hidden_size"], config["num_attention_heads"]
    rank_kv, rank_q = _get(config, "kv_lora_rank"), _get(config, "q_lora_rank")
    nope, rope, value = (config[key] for key in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"))
    if rank_q:
        queries = D * rank_q + rank_q + rank_q * H * (nope + rope)
    else:
        queries = D * H * (nope + rope)
    keys_values = D * (rank_kv + rope) + rank_kv + rank_kv * H * (nope + value)
    return queries + keys_values + H * value * D


def attention_params(config: dict[str, Any]) -> int:
    if _get(config, "kv_lora_rank"):
        return _mla(config)
    D, H = config["hidden_size"], config["num_attention_heads"]
    G = _get(config, "num_key_value_heads", H)
    K = _get(config, "head_dim", D // H)
    norms = 2 * K if _get(config, "qk_norm") else 0
    return D * K * (2 * H + 2 * G) + norms


def count_params(config: dict[str, Any]) -> dict[str, int]:
    D, V, L = config["hidden_size"], config["vocab_size"], config["num_hidden_layers"]
    F, E = config["intermediate_size"], _get(config, "num_experts")
    tables = V * D * (1 if _get(config, "tie_word_embeddings") else 2)
    common = tables + D + L * (2 * D + attention_params(config))
    if E == 0:
        size = common + L * 3 * D * F
        return {"total": size, "active": size}
    dense = _get(config, "first_k_dense_replace")
    sparse = L - dense
    expert = 3 * D * _get(config, "moe_intermediate_size", F)
    shared = _get(config, "n_shared_experts")
    common += dense * 3 * D * F + sparse * E * D
    stored = E + shared
    used = config["num_experts_per_tok"]
    return {"total": common + sparse * stored * expert, "active": common + sparse * used * expert}
