"""Your count of the cache."""

from grader.pictures import Table

SHAPE = {"num_hidden_layers": 32, "num_attention_heads": 32, "head_dim": 128}
CONTEXTS = (8192, 32768, 131072)


def run(submission, rng):
    rows = []
    for name, heads in (("32 key heads (MHA)", 32), ("8 key heads (GQA)", 8), ("1 key head (MQA)", 1)):
        config = {**SHAPE, "num_key_value_heads": heads}
        sizes = [submission.config_cache_bytes(config, context) / 2**30 for context in CONTEXTS]
        rows.append((name, [f"{size:.2f}" for size in sizes]))
    columns = tuple(f"{context:,} tokens" for context in CONTEXTS)
    yield Table("GiB that one conversation takes in 32 layers, by your count", columns, rows)
