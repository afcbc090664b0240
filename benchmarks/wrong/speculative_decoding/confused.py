# TRUE CAUSE: thinks that each draft is judged on its own and a rejected one is only replaced: the drafts behind a rejection are
# kept where they are accepted (or replaced, too), so verify always fills all G + 1 places, and `accepted` is the number of all
# accepted drafts. The other functions are right.
import torch


def acceptance_rate(p, q):
    return torch.where(p < q, p, q).sum(-1)


def residual(p, q):
    extra = torch.relu(p - q)
    s = extra.sum(-1, keepdim=True)
    return torch.where(s > 0, extra / s.clamp(min=torch.finfo(p.dtype).tiny), p)


def pick(probs, r):
    c = probs.cumsum(-1)
    n = (c <= r.unsqueeze(-1)).sum(-1)  # how many do not exceed r
    V = probs.size(-1)
    ids = torch.arange(V).expand_as(probs)
    last_possible = torch.where(probs > 0, ids, -1).amax(-1)
    return torch.minimum(n, last_possible)


def verify(draft, q, p, u, u_last):
    B, G = draft.shape
    tokens = torch.full((B, G + 1), -1, dtype=torch.int64)
    accepted = torch.zeros(B, dtype=torch.int64)
    for i in range(G):
        x = draft[:, i : i + 1]
        ratio = (p[:, i].gather(1, x) / q[:, i].gather(1, x)).squeeze(1)
        ok = u[:, i] < ratio.clamp(max=1.0)
        tokens[:, i] = torch.where(ok, x.squeeze(1), pick(residual(p[:, i], q[:, i]), u_last))
        accepted += ok
    tokens[:, G] = pick(p[:, G], u_last)
    return tokens, accepted


def expected_tokens(alpha, gamma):
    total, power = 0.0, 1.0
    for _ in range(gamma + 1):
        total += power
        power *= alpha
    return total
