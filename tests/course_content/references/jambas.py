"""The config of a small Jamba, to compare references with."""

SMALL = {
    "vocab_size": 50,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 7,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "attn_layer_period": 3,
    "attn_layer_offset": 1,
    "num_experts": 5,
    "num_experts_per_tok": 3,
    "expert_layer_period": 4,
    "expert_layer_offset": 0,
    "mamba_d_state": 9,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
    "mamba_dt_rank": 7,
}
