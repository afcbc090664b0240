"""Your count of a hybrid's memory."""

from grader.pictures import Table

JAMBA = {
    "vocab_size": 65536,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "num_experts": 16,
    "num_experts_per_tok": 2,
    "expert_layer_period": 2,
    "expert_layer_offset": 1,
    "mamba_d_state": 16,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
    "mamba_dt_rank": 256,
}
CONTEXTS = (4096, 65536, 262144)


def run(submission, rng):
    rows = []
    for name, period, offset in (("attention in every layer", 1, 0), ("in one of 4", 4, 0), ("in one of 8", 8, 4)):
        config = {**JAMBA, "attn_layer_period": period, "attn_layer_offset": offset}
        states = submission.ssm_state_bytes(config)
        sizes = [(submission.kv_cache_bytes(config, context) + states) / 2**30 for context in CONTEXTS]
        rows.append((name, [f"{size:.2f}" for size in sizes]))
    columns = tuple(f"{context:,} tokens" for context in CONTEXTS)
    yield Table("GiB of caches and states for one text, in Jamba's 32 layers", columns, rows)
