# TRUE CAUSE: count_params leaves out the norms of Δ, B and C, R + 2N numbers in each Mamba layer.
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
    layers = []
    for i in range(config["num_hidden_layers"]):
        attention = i % config["attn_layer_period"] == config["attn_layer_offset"]
        moe = i % config["expert_layer_period"] == config["expert_layer_offset"]
        layers.append(["attention" if attention else "mamba", "moe" if moe else "mlp"])
    return layers


def _count(config: dict[str, int], kind: str) -> int:
    return sum(kind in layer for layer in layout(config))


def _kv_numbers(config: dict[str, int]) -> int:
    """What one attention layer keeps of one token."""
    head_dim = config["hidden_size"] // config["num_attention_heads"]
    return 2 * config["num_key_value_heads"] * head_dim


def _state_numbers(config: dict[str, int]) -> int:
    """What one Mamba layer keeps of a sequence."""
    channels = config["mamba_expand"] * config["hidden_size"]
    return channels * (config["mamba_d_state"] + config["mamba_d_conv"])


def kv_cache_bytes(config: dict[str, int], context: int, batch: int = 1, bytes_per_value: int = 2) -> int:
    return _count(config, "attention") * _kv_numbers(config) * context * batch * bytes_per_value


def ssm_state_bytes(config: dict[str, int], batch: int = 1, bytes_per_value: int = 2) -> int:
    return _count(config, "mamba") * _state_numbers(config) * batch * bytes_per_value


def crossover_context(config: dict[str, int]) -> int:
    return _state_numbers(config) // _kv_numbers(config) + 1


def count_params(config: dict[str, int]) -> dict[str, int]:
    D, F = config["hidden_size"], config["intermediate_size"]
    H, G = config["num_attention_heads"], config["num_key_value_heads"]
    K = D // H
    N, W, R = config["mamba_d_state"], config["mamba_d_conv"], config["mamba_dt_rank"]
    Ch = config["mamba_expand"] * D
    attention = D * K * (2 * H + 2 * G)
    mamba = D * 2 * Ch + Ch * D
    mamba += Ch * W + Ch
    mamba += Ch * (R + 2 * N) + R * Ch + Ch
    mamba += Ch * N + Ch

    expert = 3 * D * F
    E, k = config["num_experts"], config["num_experts_per_tok"]
    rest = 2 * config["vocab_size"] * D + D + config["num_hidden_layers"] * 2 * D
    rest += _count(config, "attention") * attention + _count(config, "mamba") * mamba
    rest += _count(config, "mlp") * expert + _count(config, "moe") * E * D
    moe = _count(config, "moe")
    return {"total": rest + moe * E * expert, "active": rest + moe * k * expert}
