# TRUE CAUSE: takes the normaliser to be the sum of all keys of the text, for every token: the parallel form divides by
# the weights of the whole row (before the causal mask), and the recurrence by n after the last token. It has to be
# the sum over s <= t only.
import torch


def feature_map(x):
    positive = torch.relu(x)
    negative = x - positive
    return positive + negative.exp()


def linear_attention_parallel(q, k, v):
    phi_q, phi_k = feature_map(q), feature_map(k)
    scores = torch.einsum("...tk,...sk->...ts", phi_q, phi_k)
    denominator = scores.sum(dim=-1, keepdim=True)
    length = q.shape[-2]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    scores = scores.masked_fill(~causal, 0)
    return (scores @ v) / denominator


def linear_attention_recurrent(q, k, v, state=None):
    phi_q, phi_k = feature_map(q), feature_map(k)
    total = phi_k.sum(dim=-2)  # n after the last token
    S = torch.zeros(k.shape[:-2] + (k.shape[-1], v.shape[-1]), dtype=v.dtype)
    if state is not None:
        S = state["S"]
        total = total + state["n"]
    rows = []
    for t in range(q.shape[-2]):
        S = S + torch.einsum("...k,...v->...kv", phi_k[..., t, :], v[..., t, :])
        numerator = torch.einsum("...k,...kv->...v", phi_q[..., t, :], S)
        rows.append(numerator / torch.einsum("...k,...k->...", phi_q[..., t, :], total).unsqueeze(-1))
    return torch.stack(rows, -2), {"S": S, "n": total}
