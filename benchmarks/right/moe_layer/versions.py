import functools
import itertools
import math
from collections import defaultdict

import torch
import torch.nn.functional as F
from base import moe_forward
from torch import nn

from grader.testing import replaces


def swiglu(h, w1, w2, w3):
    return F.linear(F.silu(F.linear(h, w1)) * F.linear(h, w3), w2)


@replaces("moe_forward")
def moe_tokens(x, gate, w1, w2, w3, k):
    """token by token, expert by expert"""
    rows = []
    for t in x:
        top, chosen = torch.topk(gate @ t, k)
        weights = torch.softmax(top, 0)
        rows.append(sum(w * (w2[e] @ (F.silu(w1[e] @ t) * (w3[e] @ t))) for w, e in zip(weights, chosen.tolist())))
    return torch.stack(rows)


@replaces("moe_forward")
def moe_sorted(x, gate, w1, w2, w3, k):
    """all pairs sorted by expert, split by counts, put back by the inverse"""
    T, D = x.shape
    values, experts = torch.sort(F.linear(x, gate), dim=1, descending=True)
    weights, experts = values[:, :k].softmax(1), experts[:, :k]
    order = experts.flatten().argsort(stable=True)
    counts = torch.bincount(experts.flatten(), minlength=gate.shape[0]).tolist()
    pieces = (x[order // k]).split(counts)
    outs = [swiglu(p, w1[e], w2[e], w3[e]) for e, p in enumerate(pieces) if len(p)]
    out = torch.cat(outs)[order.argsort()].view(T, k, D)
    return (out * weights.unsqueeze(-1)).sum(1)


@replaces("moe_forward")
def moe_stack_slots(x, gate, w1, w2, w3, k):
    """slot by slot, index_put"""
    logits = torch.einsum("td,ed->te", x, gate)
    top, idx = logits.topk(k)
    weights = torch.exp(top - torch.logsumexp(top, -1, keepdim=True))
    y = 0
    for s in range(k):
        out = torch.zeros_like(x)
        for e in idx[:, s].unique().tolist():
            rows = (idx[:, s] == e).nonzero().squeeze(1)
            out = out.index_put((rows,), swiglu(x[rows], w1[e], w2[e], w3[e]))
        y = y + weights[:, s : s + 1] * out
    return y


@replaces("moe_forward")
def moe_masks(x, gate, w1, w2, w3, k):
    """a dense row of weights, boolean masks, masked_scatter"""
    logits = x.matmul(gate.t())
    kth = logits.topk(k).values[:, -1:]
    dense = logits.masked_fill(logits < kth, -torch.inf).softmax(-1)
    y = torch.zeros(x.shape, dtype=x.dtype)
    for e in range(gate.size(0)):
        mine = (logits[:, e] >= kth[:, 0]).detach()
        if mine.any():
            out = dense[mine, e].unsqueeze(1) * swiglu(x[mine], w1[e], w2[e], w3[e])
            y = y + torch.zeros_like(y).masked_scatter(mine.unsqueeze(1).expand_as(y), out)
    return y


@replaces("moe_forward")
def moe_gathered(x, gate, w1, w2, w3, k):
    """the weights of the chosen experts gathered, 16 tokens at a time"""
    parts = []
    for h in x.split(16):
        top, idx = (h @ gate.T).topk(k, dim=-1)
        a = torch.einsum("tkfd,td->tkf", w1[idx], h)
        b = torch.einsum("tkfd,td->tkf", w3[idx], h)
        parts.append(torch.einsum("tk,tkdf,tkf->td", top.softmax(-1), w2[idx], F.silu(a) * b))
    return torch.cat(parts)


@replaces("moe_forward")
def moe_dict(x, gate, w1, w2, w3, k):
    """Python lists of tokens for each expert; outputs collected and added"""
    logits = x @ gate.mT
    idx = logits.argsort(dim=1, descending=True)[:, :k]
    weights = F.softmax(logits.gather(1, idx), dim=1)
    queue = defaultdict(list)
    for t, experts in enumerate(idx.tolist()):
        for s, e in enumerate(experts):
            queue[e].append((t, s))
    rows = [None] * len(x)
    for e, places in queue.items():
        tokens = [t for t, _ in places]
        for (t, s), out in zip(places, swiglu(x[tokens], w1[e], w2[e], w3[e])):
            term = weights[t, s] * out
            rows[t] = term if rows[t] is None else rows[t] + term
    return torch.stack(rows)


@replaces("moe_forward")
def moe_renormalised(x, gate, w1, w2, w3, k):
    """softmax over all experts, the k largest divided by their sum; unbind"""
    probs = (x @ gate.T).softmax(-1)
    idx = (x @ gate.T).topk(k).indices
    weights = probs.gather(-1, idx)
    weights = weights / weights.sum(-1, keepdim=True)
    outs = []
    for e, (a, b, c) in enumerate(zip(w1.unbind(), w2.unbind(), w3.unbind())):
        tokens, slots = (idx == e).nonzero(as_tuple=True)
        if tokens.numel():
            h = x.index_select(0, tokens)
            act = h @ a.T
            out = (act * torch.sigmoid(act) * (h @ c.T)) @ b.T
            outs.append((tokens, out * weights[tokens, slots].unsqueeze(-1)))
    tokens, values = torch.cat([t for t, _ in outs]), torch.cat([v for _, v in outs])
    return torch.zeros_like(x).scatter_add(0, tokens.unsqueeze(1).expand_as(values), values)


@replaces("moe_forward")
def moe_double(x, gate, w1, w2, w3, k):
    """float64 in the experts, cast at the end; empty experts run on nothing"""
    top, idx = torch.topk(x.double() @ gate.double().T, k, dim=1)
    weights = top.softmax(1)
    y = torch.zeros_like(x, dtype=torch.float64)
    for e in range(len(w1)):
        t, s = (idx == e).nonzero().unbind(1)
        y = y.index_add(0, t, swiglu(x[t].double(), w1[e].double(), w2[e].double(), w3[e].double()) * weights[t, s][:, None])
    return y.to(x.dtype)


@replaces("moe_forward")
def moe_sparse_combine(x, gate, w1, w2, w3, k):
    """outputs of all pairs, combined by a sparse (T, pairs) matrix"""
    T = len(x)
    top, idx = (x @ gate.T).topk(k, dim=-1, sorted=False)
    weights = top.softmax(-1)
    pairs = sorted((e, t, s) for t, row in enumerate(idx.tolist()) for s, e in enumerate(row))
    outs = []
    for e, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
        outs.append(swiglu(x[[t for _, t, _ in group]], w1[e], w2[e], w3[e]))
    t, s = torch.tensor([p[1] for p in pairs]), torch.tensor([p[2] for p in pairs])
    places = torch.stack([t, torch.arange(T * k)])
    matrix = torch.sparse_coo_tensor(places, weights[t, s], (T, T * k), check_invariants=False)
    return torch.sparse.mm(matrix, torch.cat(outs))


@replaces("moe_forward")
def moe_reduce(x, gate, w1, w2, w3, k):
    """functools.reduce over the experts that were chosen"""
    logits = x @ gate.transpose(0, 1)
    top, idx = logits.topk(k)
    z = torch.exp(top - top[:, :1])
    weights = z / z.sum(1, keepdim=True)

    def add(y, e):
        chosen = idx == e
        tokens = chosen.any(1).nonzero().flatten()
        share = torch.where(chosen[tokens], weights[tokens], 0.0).sum(1, keepdim=True)
        return y.index_add(0, tokens, share * swiglu(x[tokens], w1[e], w2[e], w3[e]))

    return functools.reduce(add, idx.unique().tolist(), torch.zeros_like(x))


@replaces("moe_forward")
def moe_padded(x, gate, w1, w2, w3, k):
    """chosen experts only, their tokens padded with zeros to the longest, bmm"""
    top, idx = (x @ gate.T).topk(k)
    weights = top.softmax(-1)
    active = idx.unique()
    tokens = [torch.where(idx == e) for e in active]
    longest = max(len(t) for t, _ in tokens)
    h = torch.stack([F.pad(x[t], (0, 0, 0, longest - len(t))) for t, _ in tokens])
    out = torch.bmm(F.silu(h.bmm(w1[active].mT)) * h.bmm(w3[active].mT), w2[active].mT)
    y = torch.zeros_like(x)
    for o, (t, s) in zip(out, tokens):
        y = y.index_add(0, t, o[: len(t)] * weights[t, s].unsqueeze(-1))
    return y


@replaces("moe_forward")
def moe_in_place(x, gate, w1, w2, w3, k):
    """index_add_ in place on an own tensor; w1 and w3 in one product"""
    F_ = w1.shape[1]
    scores = x @ gate.T
    idx = scores.detach().topk(k).indices
    weights = torch.take_along_dim(scores, idx, 1).softmax(dim=1)
    y = x.new_zeros(x.shape)
    for e in range(gate.shape[0]):
        token, slot = (idx == e).nonzero(as_tuple=True)
        if token.shape[0] > 0:
            both = x[token] @ torch.cat([w1[e], w3[e]]).T
            hidden = F.silu(both[:, :F_]) * both[:, F_:]
            y.index_add_(0, token, (weights[token, slot, None] * hidden) @ w2[e].T)
    return y


@replaces("MoELayer")
class LayerLoop(nn.Module):
    """uniform parameters in another order; forward of its own, text by text"""

    def __init__(self, d_model, d_ff, num_experts, k):
        super().__init__()
        uniform = lambda *s: nn.Parameter(torch.empty(*s).uniform_(-1, 1) / math.sqrt(s[-1]))
        self.w3 = uniform(num_experts, d_ff, d_model)
        self.w2 = uniform(num_experts, d_model, d_ff)
        self.w1 = uniform(num_experts, d_ff, d_model)
        self.gate = uniform(num_experts, d_model)
        self.k = k

    def forward(self, x):
        return torch.stack([moe_forward(text, self.gate, self.w1, self.w2, self.w3, self.k) for text in x])


@replaces("MoELayer")
class LayerKaiming(nn.Module):
    """kaiming initialisation for each expert; reshape"""

    def __init__(self, d_model: int, d_ff: int, num_experts: int, k: int) -> None:
        super().__init__()
        if not 1 <= k <= num_experts:
            raise ValueError("k")
        self.top_k = k
        shapes = {"gate": (num_experts, d_model), "w1": (num_experts, d_ff, d_model), "w2": (num_experts, d_model, d_ff)}
        shapes["w3"] = shapes["w1"]
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape)))
        for p in (self.w1, self.w2, self.w3):
            for expert in p:
                nn.init.kaiming_uniform_(expert, a=5**0.5)
        nn.init.normal_(self.gate, std=0.02)

    def forward(self, x):
        B, T, D = x.shape
        y = moe_forward(x=x.reshape(-1, D), gate=self.gate, w1=self.w1, w2=self.w2, w3=self.w3, k=self.top_k)
        return y.reshape(B, T, D)


@replaces("MoELayer")
class LayerWhole(nn.Module):
    """routes (B, T, D) as it is, without flattening"""

    def __init__(self, d_model, d_ff, num_experts, k):
        super().__init__()
        E, D, W = num_experts, d_model, d_ff
        self.k, self.num_experts = k, E
        self.gate, self.w1, self.w2, self.w3 = (
            nn.Parameter(torch.randn(s) * 0.02) for s in ((E, D), (E, W, D), (E, D, W), (E, W, D))
        )

    def forward(self, x):
        top, idx = F.linear(x, self.gate).topk(self.k, dim=-1)
        weights = top.softmax(-1)
        y = torch.zeros_like(x)
        for e in range(self.num_experts):
            where = (idx == e).nonzero(as_tuple=True)
            b, t, s = where
            if len(b):
                out = swiglu(x[b, t], self.w1[e], self.w2[e], self.w3[e])
                y = y.index_put((b, t), weights[where].unsqueeze(-1) * out, accumulate=True)
        return y


@replaces("MoELayer")
class LayerTransposed(nn.Module):
    """the first axis of the flat tokens is time; xavier; parameters from Linear layers"""

    def __init__(self, d_model, d_ff, num_experts, k):
        super().__init__()
        self.k = k
        linear = lambda a, b: nn.Linear(a, b, bias=False).weight.detach()
        self.gate = nn.Parameter(linear(d_model, num_experts).clone())
        self.w1 = nn.Parameter(torch.stack([linear(d_model, d_ff) for _ in range(num_experts)]))
        self.w3 = nn.Parameter(torch.stack([linear(d_model, d_ff) for _ in range(num_experts)]))
        self.w2 = nn.Parameter(torch.stack([linear(d_ff, d_model) for _ in range(num_experts)]))

    def forward(self, x):
        flat = x.transpose(0, 1).reshape(-1, x.shape[-1])
        y = moe_forward(flat, self.gate, self.w1, self.w2, self.w3, self.k)
        return y.view(x.shape[1], x.shape[0], -1).transpose(0, 1)


@replaces("MoELayer")
class LayerTruncated(nn.Module):
    """one large draw, cut into parameters; hooks of its own"""

    def __init__(self, d_model, d_ff, num_experts, k):
        super().__init__()
        self.d_model, self.d_ff, self.num_experts, self.k = d_model, d_ff, num_experts, k
        draw = nn.init.trunc_normal_(torch.empty(num_experts, 3 * d_ff + 1, d_model), std=0.1)
        self.gate = nn.Parameter(draw[:, 0].clone())
        self.w1 = nn.Parameter(draw[:, 1 : 1 + d_ff].clone())
        self.w3 = nn.Parameter(draw[:, 1 + d_ff : 1 + 2 * d_ff].clone())
        self.w2 = nn.Parameter(draw[:, 1 + 2 * d_ff :].mT.contiguous())

    def extra_repr(self):
        return f"{self.num_experts} experts, k={self.k}"

    def forward(self, x):
        out = []
        for chunk in x.view(-1, self.d_model).split(64) if x.is_contiguous() else x.flatten(0, 1).split(64):
            out.append(moe_forward(chunk, self.gate, self.w1, self.w2, self.w3, self.k))
        return torch.cat(out).unflatten(0, x.shape[:2])
