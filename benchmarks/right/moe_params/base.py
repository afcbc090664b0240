from typing import Any


def _get(config: dict[str, Any], key: str, default: int = 0) -> int:
    """The value of a key, or the default where it is missing or None."""
    value: int | None = config.get(key)
    return default if value is None else value


def attention_params(config: dict[str, Any]) -> int:
    d, h = config["hidden_size"], config["num_attention_heads"]
    rank_kv = _get(config, "kv_lora_rank")
    if rank_kv:
        rank_q = _get(config, "q_lora_rank")
        nope, rope, value = (config[k] for k in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"))
        if rank_q:
            queries = d * rank_q + rank_q + rank_q * h * (nope + rope)
        else:
            queries = d * h * (nope + rope)
        return queries + d * (rank_kv + rope) + rank_kv + rank_kv * h * (nope + value) + h * value * d
    g = _get(config, "num_key_value_heads", h)
    k = _get(config, "head_dim") or d // h
    return d * k * (2 * h + 2 * g) + (2 * k if _get(config, "qk_norm") else 0)


def count_params(config: dict[str, Any]) -> dict[str, int]:
    v, d, layers = config["vocab_size"], config["hidden_size"], config["num_hidden_layers"]
    f, e = config["intermediate_size"], _get(config, "num_experts")
    outside = v * d * (1 if _get(config, "tie_word_embeddings") else 2) + d
    rest = layers * (2 * d + attention_params(config))
    if not e:
        total = active = outside + rest + layers * 3 * d * f
    else:
        fe, k = _get(config, "moe_intermediate_size", f), config["num_experts_per_tok"]
        shared, dense = _get(config, "n_shared_experts"), _get(config, "first_k_dense_replace")
        sparse = layers - dense
        total = outside + rest + dense * 3 * d * f + sparse * (e * d + (e + shared) * 3 * d * fe)
        active = total - sparse * (e - k) * 3 * d * fe
    return {"total": total, "active": active}
