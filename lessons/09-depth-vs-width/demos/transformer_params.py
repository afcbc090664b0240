"""Your count of a model."""

from grader.pictures import Table

GPT2 = {"vocab_size": 50257, "max_positions": 1024, "attn_bias": "all", "mlp_bias": True, "tied": True}
SIZES = {
    "GPT-2": (12, 768, 12),
    "GPT-2 medium": (24, 1024, 16),
    "GPT-2 large": (36, 1280, 20),
    "GPT-2 XL": (48, 1600, 25),
}
PARTS = ("embedding", "attention", "mlp", "total")


def run(submission, rng):
    rows = []
    for name, (layers, width, heads) in SIZES.items():
        count = submission.count_params({**GPT2, "n_layers": layers, "d_model": width, "n_heads": heads})
        rows.append((name, [f"{count[part] / 1e6:,.0f}" for part in PARTS]))
    yield Table("Where the parameters of GPT-2 are, in millions, by your count", PARTS, rows)
