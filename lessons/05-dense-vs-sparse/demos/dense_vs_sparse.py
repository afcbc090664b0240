"""Your dense twin of a mixture."""

from grader.pictures import Table

MIXTRAL = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "num_experts": 8,
    "num_experts_per_tok": 2,
}


def run(submission, rng):
    twin = submission.dense_twin(MIXTRAL)
    rows = []
    for name, config in (("Mixtral", MIXTRAL), ("its twin", twin)):
        flops = [submission.flops_per_token(config, context) / 1e9 for context in (1, 4096, 131072)]
        rows.append((name, [f"{config['intermediate_size']:,}", *(f"{each:.1f}" for each in flops)]))
    columns = ("FFN width", "1 position", "4,096", "131,072")
    yield Table("Billions of FLOPs for a token that attends to so many positions", columns, rows)
