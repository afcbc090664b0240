"""A hybrid of attention and Mamba, read from its config: which layer is what, and what it keeps and holds."""

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
    """The mixer and the feed-forward network of every layer, the first layer first.

    config: the keys of JAMBA, all of them and all int. Each offset is at least 0 and less than its period. A period may
        be longer than the stack. num_attention_heads divides hidden_size.
    Returns: a list of num_hidden_layers pairs [mixer, ffn]. mixer is "attention" or "mamba", ffn is "moe" or "mlp".

    >>> layout(JAMBA)[:5]
    [['mamba', 'mlp'], ['mamba', 'moe'], ['mamba', 'mlp'], ['mamba', 'moe'], ['attention', 'mlp']]
    """
    layers = []
    for i in range(config["num_hidden_layers"]):
        is_attention = i % config["attn_layer_period"] == config["attn_layer_offset"]
        is_moe = i % config["expert_layer_period"] == config["expert_layer_offset"]
        layers.append(["attention" if is_attention else "mamba", "moe" if is_moe else "mlp"])
    return layers


def kv_cache_bytes(config: dict[str, int], context: int, batch: int = 1, bytes_per_value: int = 2) -> int:
    """The bytes of the keys and values that the whole model keeps of `batch` sequences of `context` tokens.

    config: as for layout.
    context: 0 or more. batch, bytes_per_value: 1 or more.

    >>> kv_cache_bytes(JAMBA, 262144)  # 4 GiB
    4294967296
    """
    attention_layers = sum(mixer == "attention" for mixer, _ in layout(config))
    return attention_layers * _kv_values(config) * context * batch * bytes_per_value


def ssm_state_bytes(config: dict[str, int], batch: int = 1, bytes_per_value: int = 2) -> int:
    """The bytes of the states of all Mamba layers for `batch` sequences, however long these are.

    config: as for layout. batch, bytes_per_value: 1 or more.

    >>> ssm_state_bytes(JAMBA)  # 8.75 MiB
    9175040
    """
    mamba_layers = sum(mixer == "mamba" for mixer, _ in layout(config))
    return mamba_layers * _state_values(config) * batch * bytes_per_value


def crossover_context(config: dict[str, int]) -> int:
    """The smallest number of tokens of which one attention layer keeps more numbers than one Mamba layer does.

    config: as for layout. The layout plays no part: one layer of each kind is compared, whether there is one or not.

    >>> crossover_context(JAMBA)  # with 80 tokens both keep 163840 numbers
    81
    """
    return _state_values(config) // _kv_values(config) + 1


def count_params(config: dict[str, int]) -> dict[str, int]:
    """The parameters of the whole model, and those that one token uses: {"total": ..., "active": ...}.

    config: as for layout. Active are num_experts_per_tok experts in each MoE layer, and all that is not an expert.

    >>> count_params(JAMBA)
    {'total': 51570323328, 'active': 12110311296}
    """
    V, D, F = config["vocab_size"], config["hidden_size"], config["intermediate_size"]
    H, G, K = config["num_attention_heads"], config["num_key_value_heads"], D // config["num_attention_heads"]
    E, k = config["num_experts"], config["num_experts_per_tok"]
    N, W, R = config["mamba_d_state"], config["mamba_d_conv"], config["mamba_dt_rank"]
    Ch = config["mamba_expand"] * D

    attention = D * K * (2 * H + 2 * G)
    mamba = D * 2 * Ch + Ch * D  # in_proj, out_proj
    mamba += Ch * W + Ch  # convolution, bias
    mamba += Ch * (R + 2 * N) + R * Ch + Ch  # x_proj, dt_proj, bias
    mamba += Ch * N + Ch  # A_log, D
    mamba += R + 2 * N  # the norms of dt, B and C
    swiglu = 3 * D * F

    total = active = 2 * V * D + D  # embedding, head, last norm
    for mixer, ffn in layout(config):
        both = 2 * D + (attention if mixer == "attention" else mamba)
        total += both + (E * D + E * swiglu if ffn == "moe" else swiglu)
        active += both + (E * D + k * swiglu if ffn == "moe" else swiglu)
    return {"total": total, "active": active}


def _kv_values(config: dict[str, int]) -> int:
    """What one attention layer keeps of one token: a key and a value for each of G heads."""
    head_dim = config["hidden_size"] // config["num_attention_heads"]
    return 2 * config["num_key_value_heads"] * head_dim


def _state_values(config: dict[str, int]) -> int:
    """What one Mamba layer keeps of any text: N numbers of state and W columns of the convolution in each channel."""
    channels = config["mamba_expand"] * config["hidden_size"]
    return channels * (config["mamba_d_state"] + config["mamba_d_conv"])
