"""Your bias, which evens out the loads."""

import torch

from grader.pictures import Table

TOKENS, EXPERTS, CHOSEN, STEPS = 2000, 8, 2, (0, 50, 200)


def run(submission, rng):
    logits = rng.randn(TOKENS, EXPERTS) + rng.randn(EXPERTS) / 2
    bias, rows = torch.zeros(EXPERTS, dtype=logits.dtype), []
    for step in range(max(STEPS) + 1):
        _, indices = submission.deepseek_route(logits, bias, CHOSEN, n_group=1, topk_group=1)
        if step in STEPS:
            loads = indices.flatten().bincount(minlength=EXPERTS) / TOKENS
            rows.append((f"after {step} steps", [f"{load:.0%}" for load in loads.tolist()]))
        bias = submission.update_bias(bias, indices, gamma=0.005)
    columns = tuple(str(expert) for expert in range(EXPERTS))
    yield Table("Shares of the tokens at each expert, while you update the bias", columns, rows)
