# TRUE CAUSE: all three functions take the T queries for the FIRST T of the S positions: with S > T query i sees only the
# keys 0 ... i, instead of 0 ... i + S - T. For T = S everything is right.
import torch


def _future(n_queries, n_keys):
    # query i is token i of the text, so everything right of column i is its future
    return torch.ones(n_queries, n_keys, dtype=torch.bool).triu(1)


def causal_mask(T, S=None):
    S = T if S is None else S
    if S < T:
        raise ValueError(f"{T} queries but only {S} keys")
    return _future(T, S).logical_not()


def additive_mask(keep, dtype=torch.float32):
    m = torch.full(keep.shape, -torch.inf, dtype=dtype)
    m[keep] = 0
    return m


def leaks_future(weights):
    fut = _future(weights.size(-2), weights.size(-1))
    leaked = weights.masked_select(fut)
    return leaked.count_nonzero().item() > 0
