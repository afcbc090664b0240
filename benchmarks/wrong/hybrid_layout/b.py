# TRUE CAUSE: count_params takes the rank of Δ as D / 16, rounded up, the default of Mamba's paper code. The config
# says it: R is mamba_dt_rank, which happens to be D / 16 in Jamba.
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


def _kept_per_token(config: dict[str, int]) -> int:
    return 2 * config["num_key_value_heads"] * (config["hidden_size"] // config["num_attention_heads"])


def _kept_by_mamba(config: dict[str, int]) -> int:
    channels = config["mamba_expand"] * config["hidden_size"]
    return channels * (config["mamba_d_state"] + config["mamba_d_conv"])


def _layers(config: dict[str, int], kind: str) -> int:
    return sum(kind in pair for pair in layout(config))


def kv_cache_bytes(config: dict[str, int], context: int, batch: int = 1, bytes_per_value: int = 2) -> int:
    return _layers(config, "attention") * _kept_per_token(config) * context * batch * bytes_per_value


def ssm_state_bytes(config: dict[str, int], batch: int = 1, bytes_per_value: int = 2) -> int:
    return _layers(config, "mamba") * _kept_by_mamba(config) * batch * bytes_per_value


def crossover_context(config: dict[str, int]) -> int:
    return _kept_by_mamba(config) // _kept_per_token(config) + 1


def count_params(config: dict[str, int]) -> dict[str, int]:
    D, F, V = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    H, G = config["num_attention_heads"], config["num_key_value_heads"]
    E, k = config["num_experts"], config["num_experts_per_tok"]
    N, W = config["mamba_d_state"], config["mamba_d_conv"]
    Ch = config["mamba_expand"] * D
    R = -(-D // 16)

    attention = D * (D // H) * (2 * H + 2 * G)
    mamba = D * 2 * Ch + Ch * D
    mamba += Ch * W + Ch
    mamba += Ch * (R + 2 * N) + R * Ch + Ch
    mamba += Ch * N + Ch
    mamba += R + 2 * N
    expert = 3 * D * F

    total = active = 2 * V * D + D
    for mixer, ffn in layout(config):
        shared = 2 * D + (attention if mixer == "attention" else mamba)
        total += shared + (E * D + E * expert if ffn == "moe" else expert)
        active += shared + (E * D + k * expert if ffn == "moe" else expert)
    return {"total": total, "active": active}
