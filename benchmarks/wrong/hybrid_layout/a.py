# TRUE CAUSE: the caches count the attention layers as num_hidden_layers // attn_layer_period; the number follows from
# the offset too, and is wrong where the period does not divide the stack. The layout has to be counted.
JAMBA = {  # Jamba v0.1
    "vocab_size": 65536,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "attn_layer_period": 8,
    "attn_layer_offset": 4,
    "num_experts": 16,
    "num_experts_per_tok": 2,
    "expert_layer_period": 2,
    "expert_layer_offset": 1,
    "mamba_d_state": 16,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
    "mamba_dt_rank": 256,
}


def layout(config: dict[str, int]) -> list[list[str]]:
    pairs = []
    for i in range(config["num_hidden_layers"]):
        is_attention = i % config["attn_layer_period"] == config["attn_layer_offset"]
        is_moe = i % config["expert_layer_period"] == config["expert_layer_offset"]
        pairs.append(["attention" if is_attention else "mamba", "moe" if is_moe else "mlp"])
    return pairs


def _mixer_counts(config: dict[str, int]) -> tuple[int, int]:
    """Layers of attention, and layers of Mamba."""
    attention = config["num_hidden_layers"] // config["attn_layer_period"]
    return attention, config["num_hidden_layers"] - attention


def _kv_numbers(config: dict[str, int]) -> int:
    """What one attention layer keeps of one token."""
    head_dim = config["hidden_size"] // config["num_attention_heads"]
    return 2 * config["num_key_value_heads"] * head_dim


def _state_numbers(config: dict[str, int]) -> int:
    """What one Mamba layer keeps of one text."""
    channels = config["mamba_expand"] * config["hidden_size"]
    return channels * (config["mamba_d_state"] + config["mamba_d_conv"])


def kv_cache_bytes(config: dict[str, int], context: int, batch: int = 1, bytes_per_value: int = 2) -> int:
    attention, _ = _mixer_counts(config)
    return attention * _kv_numbers(config) * context * batch * bytes_per_value


def ssm_state_bytes(config: dict[str, int], batch: int = 1, bytes_per_value: int = 2) -> int:
    _, mamba = _mixer_counts(config)
    return mamba * _state_numbers(config) * batch * bytes_per_value


def crossover_context(config: dict[str, int]) -> int:
    return _state_numbers(config) // _kv_numbers(config) + 1


def count_params(config: dict[str, int]) -> dict[str, int]:
    D, F = config["hidden_size"], config["intermediate_size"]
    H, G = config["num_attention_heads"], config["num_key_value_heads"]
    E, k = config["num_experts"], config["num_experts_per_tok"]
    N, W, R = config["mamba_d_state"], config["mamba_d_conv"], config["mamba_dt_rank"]
    Ch = config["mamba_expand"] * D
    mixer = {
        "attention": D * (D // H) * (2 * H + 2 * G),
        "mamba": (
            D * 2 * Ch
            + Ch * D
            + Ch * W
            + Ch
            + Ch * (R + 2 * N)
            + R * Ch
            + Ch
            + Ch * N
            + Ch
            + R
            + 2 * N
        ),
    }
    swiglu = 3 * D * F
    total = active = 2 * config["vocab_size"] * D + D
    for mixer_kind, ffn_kind in layout(config):
        common = 2 * D + mixer[mixer_kind]
        if ffn_kind == "mlp":
            total += common + swiglu
            active += common + swiglu
        else:
            total += common + E * D + E * swiglu
            active += common + E * D + k * swiglu
    return {"total": total, "active": active}
