"""The parameters of a language model, dense or sparse, counted from its config: all of them, and those a token uses."""

from typing import Any


def _get(config: dict[str, Any], key: str, default: int = 0) -> int:
    """The value of a key, or the default where it is missing or None."""
    value: int | None = config.get(key)
    return default if value is None else value


def attention_params(config: dict[str, Any]) -> int:
    """The parameters of the attention of one layer, without the norm in front of it.

    config: the keys of the README, which _get reads; others are ignored.
        With kv_lora_rank the attention is MLA, without it GQA.
    Returns: an int.

    >>> attention_params({"hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8})  # Mixtral 8x7B
    41943040
    """
    D, H = _get(config, "hidden_size"), _get(config, "num_attention_heads")
    rank_q, rank_kv = _get(config, "q_lora_rank"), _get(config, "kv_lora_rank")
    if not rank_kv:
        G, K = _get(config, "num_key_value_heads", H), _get(config, "head_dim", D // H)
        qk_norms = 2 * K if _get(config, "qk_norm") else 0
        return D * K * (2 * H + 2 * G) + qk_norms  # q and o have H heads, k and v have G

    nope, rope, value = (_get(config, key) for key in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"))
    queries = D * rank_q + rank_q + rank_q * H * (nope + rope) if rank_q else D * H * (nope + rope)
    keys_and_values = D * (rank_kv + rope) + rank_kv + rank_kv * H * (nope + value)  # one rotary key for all heads
    return queries + keys_and_values + H * value * D


def count_params(config: dict[str, Any]) -> dict[str, int]:
    """The parameters of the whole model, and those that one token uses: {"total": ..., "active": ...}.

    config: the keys of the README, which _get reads; others are ignored.
        Without num_experts, or with 0, the model is dense and the two numbers are equal.
    Returns: two ints. Idle, and so not active, are the E - k routed experts of each sparse layer that a token
        does not choose, and nothing else.

    >>> mixtral = {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    ...            "num_attention_heads": 32, "num_key_value_heads": 8, "num_experts": 8, "num_experts_per_tok": 2}
    >>> count_params(mixtral)
    {'total': 46702792704, 'active': 12879925248}
    """
    V, D, F = (_get(config, key) for key in ("vocab_size", "hidden_size", "intermediate_size"))
    E, k, shared = (_get(config, key) for key in ("num_experts", "num_experts_per_tok", "n_shared_experts"))
    L = _get(config, "num_hidden_layers")
    dense_layers = _get(config, "first_k_dense_replace") if E else L
    sparse_layers = L - dense_layers

    dense_ffn = 3 * D * F
    expert = 3 * D * _get(config, "moe_intermediate_size", F)
    router = E * D
    tables = V * D if _get(config, "tie_word_embeddings") else 2 * V * D  # the embedding and the head

    always = tables + L * (2 * D + attention_params(config)) + D  # two norms in each layer, one behind the last
    always += dense_layers * dense_ffn + sparse_layers * (router + shared * expert)
    return {"total": always + sparse_layers * E * expert, "active": always + sparse_layers * k * expert}
