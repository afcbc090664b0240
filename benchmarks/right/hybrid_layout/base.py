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
        attention = i % config["attn_layer_period"] == config["attn_layer_offset"]
        moe = i % config["expert_layer_period"] == config["expert_layer_offset"]
        pairs.append(["attention" if attention else "mamba", "moe" if moe else "mlp"])
    return pairs


def kv_numbers(config: dict[str, int]) -> int:
    """Of one token in one attention layer."""
    return 2 * config["num_key_value_heads"] * (config["hidden_size"] // config["num_attention_heads"])


def state_numbers(config: dict[str, int]) -> int:
    """Of one text in one Mamba layer."""
    channels = config["mamba_expand"] * config["hidden_size"]
    return channels * (config["mamba_d_state"] + config["mamba_d_conv"])


def kv_cache_bytes(config: dict[str, int], context: int, batch: int = 1, bytes_per_value: int = 2) -> int:
    layers = sum(mixer == "attention" for mixer, _ in layout(config))
    return layers * kv_numbers(config) * context * batch * bytes_per_value


def ssm_state_bytes(config: dict[str, int], batch: int = 1, bytes_per_value: int = 2) -> int:
    layers = sum(mixer == "mamba" for mixer, _ in layout(config))
    return layers * state_numbers(config) * batch * bytes_per_value


def crossover_context(config: dict[str, int]) -> int:
    return state_numbers(config) // kv_numbers(config) + 1


def mixer_params(config: dict[str, int], mixer: str) -> int:
    D, H, G = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
    if mixer == "attention":
        return D * (D // H) * (2 * H + 2 * G)
    N, W, R = config["mamba_d_state"], config["mamba_d_conv"], config["mamba_dt_rank"]
    Ch = config["mamba_expand"] * D
    return 3 * D * Ch + Ch * W + Ch + Ch * (R + 2 * N) + R * Ch + Ch + Ch * N + Ch + R + 2 * N


def count_params(config: dict[str, int]) -> dict[str, int]:
    V, D, E = config["vocab_size"], config["hidden_size"], config["num_experts"]
    expert = 3 * D * config["intermediate_size"]
    total = active = 2 * V * D + D
    for mixer, ffn in layout(config):
        shared = 2 * D + mixer_params(config, mixer)
        if ffn == "moe":
            total += shared + E * D + E * expert
            active += shared + E * D + config["num_experts_per_tok"] * expert
        else:
            total += shared + expert
            active += shared + expert
    return {"total": total, "active": active}
