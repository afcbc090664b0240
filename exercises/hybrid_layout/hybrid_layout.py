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
    raise NotImplementedError


def kv_cache_bytes(config: dict[str, int], context: int, batch: int = 1, bytes_per_value: int = 2) -> int:
    """The bytes of the keys and values that the whole model keeps of `batch` sequences of `context` tokens.

    config: as for layout.
    context: 0 or more. batch, bytes_per_value: 1 or more.

    >>> kv_cache_bytes(JAMBA, 262144)  # 4 GiB
    4294967296
    """
    raise NotImplementedError


def ssm_state_bytes(config: dict[str, int], batch: int = 1, bytes_per_value: int = 2) -> int:
    """The bytes of the states of all Mamba layers for `batch` sequences, however long these are.

    config: as for layout. batch, bytes_per_value: 1 or more.

    >>> ssm_state_bytes(JAMBA)  # 8.75 MiB
    9175040
    """
    raise NotImplementedError


def crossover_context(config: dict[str, int]) -> int:
    """The smallest number of tokens of which one attention layer keeps more numbers than one Mamba layer does.

    config: as for layout. The layout plays no part: one layer of each kind is compared, whether there is one or not.

    >>> crossover_context(JAMBA)  # with 80 tokens both keep 163840 numbers
    81
    """
    raise NotImplementedError


def count_params(config: dict[str, int]) -> dict[str, int]:
    """The parameters of the whole model, and those that one token uses: {"total": ..., "active": ...}.

    config: as for layout. Active are num_experts_per_tok experts in each MoE layer, and all that is not an expert.

    >>> count_params(JAMBA)
    {'total': 51570323328, 'active': 12110311296}
    """
    raise NotImplementedError
