import math
from collections import namedtuple
from functools import reduce

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from grader.testing import replaces


# ---------------------------------------------------------------- previous_token_score
@replaces("previous_token_score")
def prev_loop(weights):
    """loop over the queries"""
    T = weights.shape[-1]
    total = 0
    for i in range(1, T):
        total = total + weights[:, :, :, i, i - 1].sum(dim=1)
    return total / (weights.shape[1] * (T - 1))


@replaces("previous_token_score")
def prev_arange(weights):
    """advanced indexing"""
    i = torch.arange(1, weights.size(-1), device=weights.device)
    return weights[..., i, i - 1].mean(-1).mean(1)


@replaces("previous_token_score")
def prev_float(weights):
    """Python floats for each head"""
    L, B, H, T, _ = weights.shape
    out = torch.empty(L, H, dtype=weights.dtype)
    for l in range(L):
        for h in range(H):
            out[l, h] = weights[l, :, h].diagonal(-1, 1, 2).float().mean().item()
    return out if weights.dtype == torch.float32 else prev_double(weights)


def prev_double(weights):
    return weights.double().diagonal(-1, 3, 4).mean((1, 3)).to(weights.dtype)


@replaces("previous_token_score")
def prev_finer(weights):
    """float64 inside"""
    return prev_double(weights)


@replaces("previous_token_score")
def prev_numpy(weights):
    """NumPy's diagonal"""
    w = weights.detach().cpu().numpy()
    d = np.diagonal(w, offset=-1, axis1=3, axis2=4)
    return torch.from_numpy(np.ascontiguousarray(d.mean(axis=(1, 3)))).to(weights.dtype)


@replaces("previous_token_score")
def prev_trace(weights):
    """einsum over the cut square"""
    cut = weights[..., 1:, :-1]
    return torch.einsum("lbhii->lh", cut) / (cut.shape[1] * cut.shape[-1])


@replaces("previous_token_score")
def prev_mask(weights):
    """multiplied by a map of ones below the diagonal"""
    T = weights.shape[-1]
    pattern = torch.diag(torch.ones(T - 1, dtype=weights.dtype), -1)
    return (weights * pattern).sum((-1, -2)).mean(1) / (T - 1)


@replaces("previous_token_score")
def prev_gather(weights):
    """gather along the keys; by texts first"""
    L, B, H, T, _ = weights.shape
    index = torch.arange(T - 1).view(1, 1, 1, T - 1, 1).expand(L, B, H, T - 1, 1)
    picked = weights[:, :, :, 1:].gather(-1, index).squeeze(-1)
    return picked.mean(dim=1).mean(dim=-1)


@replaces("previous_token_score")
def prev_take(weights):
    """a flat row of T² numbers with a step of T + 1"""
    T = weights.shape[-1]
    flat = weights.reshape(*weights.shape[:3], T * T)[..., T :: T + 1]
    return flat.transpose(1, 2).flatten(2).mean(-1)


@replaces("previous_token_score")
def prev_bool(weights):
    """a boolean mask"""
    T = weights.shape[-1]
    i, j = torch.meshgrid(torch.arange(T), torch.arange(T), indexing="ij")
    return weights[..., i - 1 == j].permute(0, 2, 1, 3).mean((2, 3))


@replaces("previous_token_score")
def prev_lists(weights):
    """plain Python lists and fsum"""
    L, B, H, T, _ = weights.shape
    picked = torch.stack([weights[..., i, i - 1] for i in range(1, T)], dim=-1).tolist()
    rows = [[math.fsum(v for b in range(B) for v in picked[l][b][h]) / (B * (T - 1)) for h in range(H)] for l in range(L)]
    return torch.tensor(rows, dtype=weights.dtype)


@replaces("previous_token_score")
def prev_vmap(weights):
    """a helper per map, results not contiguous"""
    def one(head):
        return torch.stack([text.diag(-1) for text in head]).mean()

    columns = [torch.stack([one(weights[l, :, h]) for l in range(weights.shape[0])]) for h in range(weights.shape[2])]
    return torch.stack(columns).T


# ---------------------------------------------------------------- induction_score
@replaces("induction_score")
def ind_diagonal(weights, period):
    """a diagonal"""
    return weights.diagonal(1 - period, -2, -1)[..., 1:].mean((1, 3))


@replaces("induction_score")
def ind_cut(weights, period):
    """first the queries that count, then the diagonal"""
    return weights[..., period:, 1:].diagonal(dim1=-2, dim2=-1).mean(-1).mean(1)


@replaces("induction_score")
def ind_loop(weights, period):
    """loop over the queries, texts averaged first"""
    T = weights.shape[-1]
    mean = weights.mean(dim=1)
    columns = [mean[:, :, i, i - period + 1] for i in range(period, T)]
    return sum(columns) / len(columns)


@replaces("induction_score")
def ind_floats(weights, period):
    """Python numbers per head"""
    L, B, H, T, _ = weights.shape
    out = torch.zeros(L, H, dtype=weights.dtype)
    for l in range(L):
        for h in range(H):
            values = torch.stack([weights[l, :, h, i, i + 1 - period] for i in range(period, T)])
            out[l, h] = values.sum().item() / values.numel()
    return out


@replaces("induction_score")
def ind_numpy(weights, period):
    """NumPy"""
    w = np.asarray(weights.detach())
    i = np.arange(period, w.shape[-1])
    return torch.as_tensor(w[..., i, i - (period - 1)].mean(axis=(1, 3), dtype=np.float64)).to(weights.dtype)


@replaces("induction_score")
def ind_einsum(weights, period):
    """einsum with a pattern of 0 and 1"""
    T = weights.shape[-1]
    pattern = torch.zeros(T, T, dtype=weights.dtype)
    for i in range(period, T):
        pattern[i, i - period + 1] = 1
    return torch.einsum("lbhij,ij->lh", weights, pattern) / (weights.shape[1] * pattern.sum())


@replaces("induction_score")
def ind_gather(weights, period):
    """take_along_dim"""
    T = weights.shape[-1]
    keys = torch.arange(1, T - period + 1)[:, None]
    picked = torch.take_along_dim(weights[..., period:, :], keys.expand(*weights.shape[:3], -1, 1), dim=-1)
    return picked[..., 0].mean(dim=[1, 3])


@replaces("induction_score")
def ind_bool(weights, period):
    """a boolean map; fresh masked sums"""
    T = weights.shape[-1]
    pos = torch.arange(T)
    hit = (pos[None, :] == pos[:, None] - period + 1) & (pos[:, None] >= period)
    return weights.masked_fill(~hit, 0).sum((1, 3, 4)) / (hit.sum() * weights.shape[1])


@replaces("induction_score")
def ind_roll(weights, period):
    """keys are rolled so that the place lies on the diagonal"""
    T = weights.shape[-1]
    rolled = weights.roll(period - 1, dims=-1)
    return torch.diagonal(rolled, 0, -2, -1)[..., period:T].double().mean((1, 3)).to(weights.dtype)


@replaces("induction_score")
def ind_flat(weights, period):
    """flat index"""
    T = weights.shape[-1]
    index = torch.tensor([i * T + i - period + 1 for i in range(period, T)])
    flat = weights.flatten(-2).index_select(-1, index)
    return flat.sum((1, -1)).div(flat.shape[1] * flat.shape[-1])


@replaces("induction_score")
def ind_as_strided(weights, period):
    """unfold of the flat map"""
    T = weights.shape[-1]
    own = weights.contiguous()
    flat = own.view(*own.shape[:3], -1)[..., period * T + 1 :: T + 1]
    return flat.mean((1, 3), dtype=torch.float64).to(weights.dtype)


@replaces("induction_score")
def ind_fsum(weights, period):
    """fsum over a list"""
    L, B, H, T, _ = weights.shape
    d = weights[..., period:, 1:].diagonal(0, -2, -1).permute(0, 2, 1, 3).flatten(2).tolist()
    return torch.tensor([[math.fsum(x) / len(x) for x in row] for row in d], dtype=weights.dtype).view(L, H)


# ---------------------------------------------------------------- attention_entropy
@replaces("attention_entropy")
def ent_entr(weights):
    """torch.special.entr"""
    return torch.special.entr(weights).sum(-1).mean((1, 3))


@replaces("attention_entropy")
def ent_where(weights):
    """log only where it is above 0"""
    safe = torch.where(weights > 0, weights, torch.ones_like(weights))
    return -(weights * safe.log()).sum(-1).mean(-1).mean(1)


@replaces("attention_entropy")
def ent_clamp(weights):
    """clamped from below"""
    logs = weights.clamp_min(torch.finfo(weights.dtype).tiny).log()
    return (-weights * logs).sum(dim=-1).mean(dim=3).mean(dim=1)


@replaces("attention_entropy")
def ent_nan(weights):
    """NaN is replaced afterwards"""
    terms = (weights * weights.log()).nan_to_num(nan=0.0)
    return terms.sum(-1).neg().mean(dim=(1, -1))


@replaces("attention_entropy")
def ent_masked(weights):
    """masked_fill of the logarithm"""
    logs = weights.log().masked_fill(weights == 0, 0.0)
    per_query = torch.einsum("lbhij,lbhij->lbhi", weights, logs)
    return -per_query.mean((1, 3))


@replaces("attention_entropy")
def ent_loop(weights):
    """heads in a loop, causal prefix per query"""
    L, B, H, T, _ = weights.shape
    total = weights.new_zeros(L, H)
    for i in range(T):
        row = weights[..., i, : i + 1]
        total -= torch.xlogy(row, row).sum(-1).mean(1)
    return total / T


@replaces("attention_entropy")
def ent_numpy(weights):
    """NumPy with where="""
    w = weights.detach().numpy()
    logs = np.zeros_like(w)
    np.log(w, out=logs, where=w > 0)
    return torch.from_numpy(-(w * logs).sum(-1).mean(axis=(1, 3)))


@replaces("attention_entropy")
def ent_bits(weights):
    """in bits, then in nats; float64"""
    w = weights.double()
    bits = torch.where(w > 0, -w * torch.log2(w), 0.0).sum(-1)
    return (bits * math.log(2)).mean(3).mean(1).to(weights.dtype)


@replaces("attention_entropy")
def ent_float(weights):
    """a float per head"""
    L, B, H, T, _ = weights.shape
    values = [[torch.special.entr(weights[l, :, h]).sum().item() / (B * T) for h in range(H)] for l in range(L)]
    return torch.tensor(values).to(weights.dtype) if weights.dtype == torch.float32 else torch.tensor(values, dtype=weights.dtype)


@replaces("attention_entropy")
def ent_eps(weights):
    """an epsilon far below rounding"""
    return -(weights * (weights + 1e-30).log()).sum(-1).mean((1, 3))


@replaces("attention_entropy")
def ent_categorical(weights):
    """cross-entropy against itself with log-weights that are finite"""
    logs = weights.log().clamp(min=-1e4)
    flat = (weights * logs).transpose(1, 2).flatten(2)
    return flat.sum(-1) / -(weights.shape[1] * weights.shape[3])


@replaces("attention_entropy")
def ent_own(weights):
    """in place on an own copy"""
    out = weights.clone()
    positive = out > 0
    values = out[positive]
    out[positive] = values * values.log()
    return out.sum(dim=(1, 3, 4)).neg_().div_(weights.shape[1] * weights.shape[3])


# ---------------------------------------------------------------- ablate_heads
@replaces("ablate_heads")
def cut_clone(per_head, w_o, heads):
    """zeros written into a copy"""
    read = per_head.clone()
    read[:, heads] = 0
    return F.linear(read.transpose(1, 2).flatten(2), w_o)


@replaces("ablate_heads")
def cut_mask(per_head, w_o, heads):
    """multiplied by 0 and 1"""
    B, H, T, K = per_head.shape
    keep = torch.tensor([0.0 if h in heads else 1.0 for h in range(H)], dtype=per_head.dtype)
    return torch.einsum("bhtk,dhk,h->btd", per_head, w_o.unflatten(1, (H, K)), keep)


@replaces("ablate_heads")
def cut_columns(per_head, w_o, heads):
    """columns of the matrix are zeroed in a copy"""
    B, H, T, K = per_head.shape
    w = w_o.clone()
    for h in heads:
        w[:, h * K : (h + 1) * K] = 0
    return per_head.permute(0, 2, 1, 3).reshape(B, T, -1) @ w.t()


@replaces("ablate_heads")
def cut_select(per_head, w_o, heads):
    """only the heads that stay are multiplied"""
    B, H, T, K = per_head.shape
    stay = sorted(set(range(H)) - set(heads))
    columns = [c for h in stay for c in range(h * K, (h + 1) * K)]
    read = per_head[:, stay].transpose(1, 2).reshape(B, T, len(columns))
    return read @ w_o[:, columns].T


@replaces("ablate_heads")
def cut_sum(per_head, w_o, heads):
    """a sum over heads, cut ones with factor 0"""
    H, K = per_head.shape[1], per_head.shape[3]
    gone = set(heads)
    terms = (
        (0 if h in gone else 1) * (per_head[:, h] @ w_o[:, h * K : (h + 1) * K].T) for h in range(H)
    )
    return reduce(torch.add, terms)


@replaces("ablate_heads")
def cut_list(per_head, w_o, heads):
    """heads one by one, zeros_like for the cut"""
    parts = [torch.zeros_like(x) if h in heads else x for h, x in enumerate(per_head.unbind(1))]
    out = torch.cat(parts, dim=-1) @ w_o.T
    return out + 0 * (per_head.sum() + w_o.sum())


@replaces("ablate_heads")
def cut_fill(per_head, w_o, heads):
    """masked_fill"""
    H = per_head.shape[1]
    gone = torch.isin(torch.arange(H), torch.tensor(heads, dtype=torch.long))
    read = per_head.masked_fill(gone.view(1, H, 1, 1), 0.0)
    return nn.functional.linear(read.permute(0, 2, 1, 3).flatten(-2, -1), w_o)


@replaces("ablate_heads")
def cut_index_fill(per_head, w_o, heads):
    """index_fill, bmm over heads"""
    B, H, T, K = per_head.shape
    read = per_head.index_fill(1, torch.tensor(heads, dtype=torch.int64), 0.0)
    w = w_o.reshape(-1, H, K).permute(1, 2, 0)  # (H, K, D)
    per = torch.bmm(read.transpose(0, 1).reshape(H, B * T, K), w)
    return per.sum(0).view(B, T, -1)


@replaces("ablate_heads")
def cut_double(per_head, w_o, heads):
    """float64 inside, the transposed matrix first"""
    B, H, T, K = per_head.shape
    hook = frozenset(map(int, heads))
    keep = torch.tensor([float(h not in hook) for h in range(H)], dtype=torch.float64)
    read = per_head.to(torch.float64) * keep[None, :, None, None]
    out = w_o.double() @ read.permute(0, 1, 3, 2).reshape(B, H * K, T)
    return out.transpose(1, 2).to(per_head.dtype)


@replaces("ablate_heads")
def cut_view(per_head, w_o, heads):
    """a result that is a transposed view"""
    B, H, T, K = per_head.shape
    keep = torch.ones(H).to(per_head)
    keep[heads] = 0
    w = w_o.reshape(-1, H, K) * keep.reshape(1, H, 1)
    return torch.einsum("dhk,bhtk->bdt", w, per_head).mT


@replaces("ablate_heads")
def cut_onehot(per_head, w_o, heads):
    """one_hot"""
    B, H, T, K = per_head.shape
    gone = F.one_hot(torch.as_tensor(heads, dtype=torch.long), H).sum(0)
    scale = (1 - gone).to(per_head.dtype).repeat_interleave(K)
    return torch.matmul(per_head.movedim(1, 2).reshape(B, T, H * K) * scale, w_o.mT)


class Cut(torch.autograd.Function):
    @staticmethod
    def forward(ctx, per_head, w_o, keep):
        B, H, T, K = per_head.shape
        x = (per_head * keep[:, None, None]).transpose(1, 2).reshape(B * T, H * K)
        ctx.save_for_backward(x, w_o, keep)
        ctx.sizes = (B, H, T, K)
        return (x @ w_o.T).view(B, T, -1)

    @staticmethod
    def backward(ctx, g):
        x, w_o, keep = ctx.saved_tensors
        B, H, T, K = ctx.sizes
        g = g.reshape(B * T, -1)
        back = (g @ w_o).view(B, T, H, K).transpose(1, 2) * keep[:, None, None]
        return back, g.T @ x, None


@replaces("ablate_heads")
def cut_function(per_head, w_o, heads):
    """a gradient written by hand"""
    keep = torch.ones(per_head.shape[1], dtype=per_head.dtype)
    for h in heads:
        keep[h] = 0
    return Cut.apply(per_head, w_o, keep)


@replaces("ablate_heads")
def cut_batch(per_head, w_o, heads):
    """texts one by one"""
    H = per_head.shape[1]
    keep = [h not in heads for h in range(H)]

    def one(read):  # (H, T, K)
        return torch.where(torch.tensor(keep)[:, None, None], read, torch.zeros_like(read)).movedim(0, 1).flatten(1) @ w_o.T

    return torch.stack([one(read) for read in per_head])
