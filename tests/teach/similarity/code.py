"""Code that nobody else would write by chance."""

OWN = """
def route(logits, k):
    \"\"\"My own way.\"\"\"
    order = logits.argsort(dim=-1, descending=True)
    chosen = order[..., :k]
    dropped = order[..., k:]
    kept = logits.double().scatter(-1, dropped, float("-inf"))
    shares = torch.softmax(kept, dim=-1)
    weights = shares.gather(-1, chosen)
    return weights.to(logits.dtype), chosen
"""
