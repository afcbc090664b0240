"""Your buffers, and what they drop."""

from grader.pictures import Table

TOKENS, EXPERTS, CHOSEN, FACTORS = 1000, 8, 2, (1.0, 1.5, 2.0)


def run(submission, rng):
    logits = rng.randn(TOKENS, EXPERTS) + rng.randn(EXPERTS) / 2
    indices = logits.topk(CHOSEN).indices
    rows = []
    for factor in FACTORS:
        capacity = submission.expert_capacity(TOKENS, EXPERTS, CHOSEN, factor)
        kept = (submission.assign_slots(indices, EXPERTS, capacity) >= 0).sum().item()
        dropped, empty = 1 - kept / (TOKENS * CHOSEN), 1 - kept / (EXPERTS * capacity)
        rows.append((f"factor {factor}", [f"{capacity:,}", f"{dropped:.0%}", f"{empty:.0%}"]))
    columns = ("slots of an expert", "choices dropped", "slots empty")
    yield Table("Your buffers under an uneven router", columns, rows)
