"""Right solutions in other styles. None of them may lose a point."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.testing import replaces


@replaces("moe_forward")
def token_by_token(x, gate, w1, w2, w3, k):
    """loops over tokens and choices"""
    rows = []
    for token in x:
        logits = gate @ token
        order = sorted(range(len(gate)), key=lambda e: -logits[e].item())[:k]
        p = torch.softmax(logits[order], dim=0)
        outputs = [w2[e] @ (F.silu(w1[e] @ token) * (w3[e] @ token)) for e in order]
        rows.append(p @ torch.stack(outputs))
    return torch.stack(rows)


@replaces("moe_forward")
def gathered_weights(x, gate, w1, w2, w3, k):
    """fetches the k matrices of every token, then einsum; softmax over all, divided by the sum of the chosen"""
    p = torch.softmax(torch.einsum("td,ed->te", x, gate), dim=-1)
    p, i = p.topk(k)
    p = p / p.sum(-1, keepdim=True)
    h = torch.einsum("td,tkfd->tkf", x, w1[i])
    h = h * torch.sigmoid(h) * torch.einsum("td,tkfd->tkf", x, w3[i])
    return torch.einsum("tk,tkf,tkdf->td", p, h, w2[i])


@replaces("moe_forward")
def sorted_choices(x, gate, w1, w2, w3, k):
    """all T k choices sorted by expert, one stretch for each, as grouped kernels do; then sorted back"""
    T, D = x.shape
    E = gate.shape[0]
    chosen, indices = torch.topk(F.linear(x, gate), k)
    weights = chosen.softmax(-1)
    order = indices.flatten().argsort(stable=True)  # (T * k,)
    sizes = torch.bincount(indices.flatten(), minlength=E).tolist()
    parts = []
    for e, h in enumerate(x[order // k].split(sizes)):
        parts.append(F.linear(F.silu(F.linear(h, w1[e])) * F.linear(h, w3[e]), w2[e]))
    back = torch.cat(parts)[order.argsort()].view(T, k, D)
    return (back * weights[..., None]).sum(1)


@replaces("moe_forward")
def padded_buffers(x, gate, w1, w2, w3, k):
    """a buffer of T places for every expert, and batched matrix products"""
    T, D = x.shape
    E = len(gate)
    chosen, indices = torch.topk(x @ gate.mT, k)
    hit = F.one_hot(indices, E).sum(1)  # (T, E)
    place = (hit.cumsum(0) - 1).gather(1, indices)  # (T, k): the how-manieth token of its expert
    buffer = x.new_zeros(E, T, D).index_put((indices, place), x[:, None].expand(-1, k, -1))
    h = F.silu(buffer @ w1.mT) * (buffer @ w3.mT)
    out = (h @ w2.mT)[indices, place]  # (T, k, D)
    return torch.einsum("tkd,tk->td", out, chosen.softmax(-1))


@replaces("moe_forward")
def slot_by_slot(x, gate, w1, w2, w3, k):
    """first choices first, in float64, with y[mask] += in place; a result that is not contiguous"""
    dtype = x.dtype
    x, gate, w1, w2, w3 = (t.double() for t in (x, gate, w1, w2, w3))
    logits = x @ gate.T
    left = logits.detach().clone()
    picks = []
    for _ in range(k):
        picks.append(left.argmax(-1))
        left[torch.arange(len(x)), picks[-1]] = float("-inf")
    scores = torch.stack([logits[torch.arange(len(x)), i] for i in picks])
    p = (scores - scores.logsumexp(0)).exp()
    y = torch.zeros(x.shape[::-1], dtype=torch.float64).T
    for s, pick in enumerate(picks):
        for e in pick.unique():
            mine = pick == e
            h = x[mine]
            y[mine] += p[s, mine].unsqueeze(1) * ((F.silu(h @ w1[e].T) * (h @ w3[e].T)) @ w2[e].T)
    return y.to(dtype)


class Expert(torch.autograd.Function):
    """SwiGLU with its derivative by hand."""

    @staticmethod
    def forward(ctx, h: Tensor, w1: Tensor, w2: Tensor, w3: Tensor) -> Tensor:
        ctx.save_for_backward(h, w1, w2, w3)
        a = h @ w1.T
        return (a * a.sigmoid() * (h @ w3.T)) @ w2.T

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor, ...]:
        h, w1, w2, w3 = ctx.saved_tensors
        a, b = h @ w1.T, h @ w3.T
        s = a.sigmoid()
        m = g @ w2
        da, db = m * b * (s + a * s * (1 - s)), m * a * s
        return da @ w1 + db @ w3, da.T @ h, g.T @ (a * s * b), db.T @ h


@replaces("moe_forward")
def own_backward(x, gate, w1, w2, w3, k):
    """a custom autograd Function, only for experts that have a token"""
    chosen, indices = torch.topk(x @ gate.T, k)
    weights = chosen.softmax(-1)
    y = x * 0
    for e in indices.unique().tolist():
        token, slot = (indices == e).nonzero(as_tuple=True)
        y = y.index_add(0, token, weights[token, slot].unsqueeze(-1) * Expert.apply(x[token], w1[e], w2[e], w3[e]))
    return y


@replaces("MoELayer")
class WithCounter(nn.Module):
    """self-contained, text by text, and a buffer that counts tokens"""

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__()
        self.num_chosen = k
        self.w3 = nn.Parameter(torch.empty(num_experts, d_ff, d_model).uniform_(-0.1, 0.1))
        self.w2 = nn.Parameter(torch.empty(num_experts, d_model, d_ff).uniform_(-0.1, 0.1))
        self.w1 = nn.Parameter(torch.empty(num_experts, d_ff, d_model).uniform_(-0.1, 0.1))
        self.gate = nn.Parameter(nn.Linear(d_model, num_experts).weight.detach().clone())
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.seen += x.shape[0] * x.shape[1]
        return torch.stack([self.of_text(text) for text in x])

    def of_text(self, x: Tensor) -> Tensor:
        logits = x @ self.gate.t()
        worst_kept = logits.sort(-1, descending=True).values[:, self.num_chosen - 1, None]
        p = torch.where(logits >= worst_kept, logits, float("-inf")).softmax(-1)  # (T, E)
        y = torch.zeros_like(x)
        for e, (a, b, c) in enumerate(zip(self.w1, self.w2, self.w3, strict=True)):
            rows = p[:, e].nonzero().flatten()
            if len(rows):
                h = x[rows]
                h = p[rows, e, None] * F.linear(F.silu(h @ a.T) * (h @ c.T), b)
                y = y + torch.zeros_like(x).index_copy(0, rows, h)
        return y
