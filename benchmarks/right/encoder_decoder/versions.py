import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.testing import replaces


@replaces("shift_right")
def shift_empty(labels, decoder_start_token_id, pad_token_id):
    """an empty tensor, filled"""
    out = torch.empty_like(labels)
    out[:, 0] = decoder_start_token_id
    out[:, 1:] = labels[:, :-1]
    out[out == -100] = pad_token_id
    return out


@replaces("shift_right")
def shift_roll(labels, decoder_start_token_id, pad_token_id):
    """rolled"""
    out = labels.roll(1, dims=1)
    out = torch.where(out == -100, torch.full_like(out, pad_token_id), out)
    out[:, 0] = decoder_start_token_id
    return out


@replaces("shift_right")
def shift_pad(labels, decoder_start_token_id, pad_token_id):
    """F.pad with a negative right margin"""
    out = F.pad(labels, (1, -1), value=decoder_start_token_id)
    return out.masked_fill(out.eq(-100), pad_token_id)


@replaces("shift_right")
def shift_lists(labels, decoder_start_token_id, pad_token_id):
    """Python lists"""
    rows = [[decoder_start_token_id] + [pad_token_id if v == -100 else v for v in row[:-1]] for row in labels.tolist()]
    return torch.tensor(rows, dtype=torch.int64).view(labels.shape)


@replaces("shift_right")
def shift_new_full(labels, decoder_start_token_id, pad_token_id):
    """new_full and a slice"""
    out = labels.new_full(labels.shape, decoder_start_token_id)
    kept = labels[:, :-1].clone()
    kept[kept == -100] = pad_token_id
    out[:, 1:] = kept
    return out


@replaces("shift_right")
def shift_arithmetic(labels, decoder_start_token_id, pad_token_id):
    """multiplied by masks"""
    none = (labels == -100).long()
    clean = labels * (1 - none) + pad_token_id * none
    start = torch.tensor([[decoder_start_token_id]]).expand(len(labels), 1)
    return torch.hstack((start, clean[:, :-1]))


@replaces("shift_right")
def shift_numpy(labels, decoder_start_token_id, pad_token_id):
    """numpy"""
    a = np.where(labels.numpy() == -100, pad_token_id, labels.numpy())
    a = np.roll(a, 1, axis=1)
    a[:, 0] = decoder_start_token_id
    return torch.from_numpy(a.astype(np.int64))


@replaces("shift_right")
def shift_gather(labels, decoder_start_token_id, pad_token_id):
    """gathered from one wider tensor"""
    t = labels.shape[1]
    wide = torch.cat([labels, torch.full((labels.shape[0], 1), decoder_start_token_id)], 1)
    order = (torch.arange(t) - 1) % (t + 1)
    out = wide[:, order]
    return out.where(out != -100, torch.tensor(pad_token_id))


@replaces("shift_right")
def shift_transposed(labels, decoder_start_token_id, pad_token_id):
    """column by column; the result is not contiguous"""
    columns = [torch.full((labels.shape[0],), decoder_start_token_id, dtype=labels.dtype)]
    columns += [c.masked_fill(c == -100, pad_token_id) for c in labels.unbind(1)[:-1]]
    return torch.stack(columns).T


@replaces("shift_right")
def shift_scatter(labels, decoder_start_token_id, pad_token_id):
    """slice_scatter and index_put"""
    out = torch.full_like(labels, decoder_start_token_id).slice_scatter(labels[:, :-1], dim=1, start=1)
    return out.index_put((out == -100).nonzero(as_tuple=True), torch.tensor(pad_token_id))


@replaces("shift_right")
def shift_loop(labels, decoder_start_token_id, pad_token_id):
    """two loops"""
    out = torch.zeros_like(labels)
    for b in range(labels.shape[0]):
        out[b, 0] = decoder_start_token_id
        for t in range(1, labels.shape[1]):
            out[b, t] = pad_token_id if labels[b, t - 1] == -100 else labels[b, t - 1]
    return out


def _parameters(self, d, f, eps):
    for kind in ("self", "cross"):
        for part in ("q", "k", "v", "out"):
            self.add_module(f"{kind}_{part}_proj", nn.Linear(d, d))
    self.fc1, self.fc2 = nn.Linear(d, f), nn.Linear(f, d)
    self.self_norm, self.cross_norm, self.ffn_norm = (nn.LayerNorm(d, eps=eps) for _ in range(3))


class KeysValues(NamedTuple):
    keys: Tensor
    values: Tensor


@replaces("Seq2SeqDecoderBlock")
class BlockSDPA(nn.Module):
    """scaled_dot_product_attention; queries without a key see all, and are multiplied by 0"""

    def __init__(self, d_model, num_heads, ffn_dim, eps=1e-5):
        super().__init__()
        self.h = num_heads
        _parameters(self, d_model, ffn_dim, eps)

    def split(self, z):
        return z.unflatten(-1, (self.h, -1)).movedim(2, 1)

    def attention(self, q, k, v, mask):
        some = mask.any(-1, keepdim=True)
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask | ~some) * some.to(q.dtype)
        return o.movedim(1, 2).flatten(2)

    def memory_kv(self, memory):
        return KeysValues(self.split(self.cross_k_proj(memory)), self.split(self.cross_v_proj(memory)))

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        b, t, _ = x.shape
        s = memory_k.shape[2]
        mask = torch.tril(torch.ones(b, 1, t, t)).bool()
        if target_mask is not None:
            mask = mask & (target_mask != 0).view(b, 1, 1, t)
        a = self.attention(self.split(self.self_q_proj(x)), self.split(self.self_k_proj(x)), self.split(self.self_v_proj(x)), mask)
        x = self.self_norm(x + self.self_out_proj(a))
        mask = torch.ones(b, 1, t, s, dtype=torch.bool)
        if memory_mask is not None:
            mask = mask & (memory_mask != 0).view(b, 1, 1, s)
        x = self.cross_norm(x + self.cross_out_proj(self.attention(self.split(self.cross_q_proj(x)), memory_k, memory_v, mask)))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))

    def forward(self, x, memory, memory_mask=None, target_mask=None):
        kv = self.memory_kv(memory)
        return self.decode(x, kv.keys, kv.values, memory_mask=memory_mask, target_mask=target_mask)


@replaces("Seq2SeqDecoderBlock")
class BlockLoops(nn.Module):
    """a loop over texts, heads and queries; each query reads its own keys alone"""

    def __init__(self, d_model, num_heads, ffn_dim, eps=1e-5):
        super().__init__()
        self.ffn_norm, self.cross_norm, self.self_norm = (nn.LayerNorm(d_model, eps=eps) for _ in range(3))
        self.fc2, self.fc1 = nn.Linear(ffn_dim, d_model), nn.Linear(d_model, ffn_dim)
        self.cross_q_proj, self.cross_k_proj, self.cross_v_proj, self.cross_out_proj = (nn.Linear(d_model, d_model) for _ in range(4))
        self.self_q_proj, self.self_k_proj, self.self_v_proj, self.self_out_proj = (nn.Linear(d_model, d_model) for _ in range(4))
        self.num_heads, self.width = num_heads, d_model // num_heads

    def heads(self, z):
        return torch.stack(z.split(self.width, dim=-1), dim=1)

    def attend(self, q, k, v, keys_of):
        texts = []
        for b in range(q.shape[0]):
            rows = []
            for t in range(q.shape[2]):
                keys = keys_of(b, t)
                if not keys:
                    rows.append(q.new_zeros(self.num_heads * self.width))
                    continue
                out = []
                for h in range(self.num_heads):
                    s = (k[b, h, keys] @ q[b, h, t]) / math.sqrt(self.width)
                    out.append(s.softmax(0) @ v[b, h, keys])
                rows.append(torch.cat(out))
            texts.append(torch.stack(rows))
        return torch.stack(texts)

    def memory_kv(self, memory):
        return self.heads(self.cross_k_proj(memory)), self.heads(self.cross_v_proj(memory))

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        real = lambda mask, b, n: [i for i in range(n) if mask is None or bool(mask[b, i])]
        q, k, v = self.heads(self.self_q_proj(x)), self.heads(self.self_k_proj(x)), self.heads(self.self_v_proj(x))
        x = self.self_norm(x + self.self_out_proj(self.attend(q, k, v, lambda b, t: real(target_mask, b, t + 1))))
        q = self.heads(self.cross_q_proj(x))
        a = self.attend(q, memory_k, memory_v, lambda b, t: real(memory_mask, b, memory_k.shape[2]))
        x = self.cross_norm(x + self.cross_out_proj(a))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))

    def forward(self, x, memory, memory_mask=None, target_mask=None):
        return self.decode(x, *self.memory_kv(memory), memory_mask, target_mask)


@replaces("Seq2SeqDecoderBlock")
class BlockEinsum(nn.Module):
    """einsum; a softmax by hand, divided by a sum that is 1 where there is no key"""

    def __init__(self, d_model, num_heads, ffn_dim, eps=1e-5):
        super().__init__()
        _parameters(self, d_model, ffn_dim, eps)
        self.num_heads, self.eps = num_heads, eps
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)

    def attention(self, kind, x, k, v, allowed):
        q = getattr(self, kind + "_q_proj")(x).view(*x.shape[:2], self.num_heads, -1)
        s = torch.einsum("bthk,bhsk->bhts", q, k) * q.shape[-1] ** -0.5
        keep = allowed.to(s.dtype)
        e = torch.exp((s - s.masked_fill(~allowed, -1e30).amax(-1, keepdim=True).clamp(min=-1e29).detach()) * keep) * keep
        total = e.sum(-1, keepdim=True)
        w = e / (total + (total == 0))
        o = torch.einsum("bhts,bhsk->bthk", w, v).reshape(x.shape)
        return x + getattr(self, kind + "_out_proj")(o)

    def kv(self, kind, z):
        shape = (*z.shape[:2], self.num_heads, z.shape[2] // self.num_heads)
        return tuple(getattr(self, f"{kind}_{p}_proj")(z).view(shape).permute(0, 2, 1, 3).contiguous() for p in "kv")

    def memory_kv(self, memory):
        return self.kv("cross", memory)

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        b, t, s = x.shape[0], x.shape[1], memory_k.shape[-2]
        place = torch.arange(t)
        allowed = (place[None, :] <= place[:, None]).expand(b, self.num_heads, t, t)
        if target_mask is not None:
            allowed = allowed & target_mask.to(torch.bool)[:, None, None]
        x = self.self_norm(self.attention("self", x, *self.kv("self", x), allowed))
        read = torch.ones(b, s, dtype=torch.bool) if memory_mask is None else memory_mask.to(torch.bool)
        x = self.cross_norm(self.attention("cross", x, memory_k, memory_v, read[:, None, None].expand(b, self.num_heads, t, s)))
        u = self.fc1(x)
        return self.ffn_norm(x + self.fc2(0.5 * u * (1 + torch.erf(u / math.sqrt(2)))))

    def forward(self, x, memory, memory_mask=None, target_mask=None):
        k, v = self.memory_kv(memory)
        return self.decode(x=x, memory_k=k, memory_v=v, memory_mask=memory_mask, target_mask=target_mask)


@replaces("Seq2SeqDecoderBlock")
class BlockSink(nn.Module):
    """a key of score -inf-like and value 0 is put before the others: who has no key reads it"""

    def __init__(self, d_model, num_heads, ffn_dim, eps=1e-5):
        super().__init__()
        _parameters(self, d_model, ffn_dim, eps)
        self.n = num_heads

    def to_heads(self, z):
        return z.reshape(z.shape[0], z.shape[1], self.n, -1).swapaxes(1, 2)

    def attention(self, q, k, v, mask):
        s = (q / math.sqrt(q.size(-1))).matmul(k.mT)
        empty = ~mask.any(-1, keepdim=True)
        s = torch.where(mask, s, torch.tensor(-math.inf, dtype=s.dtype))
        sink = torch.zeros_like(s[..., :1]).masked_fill(~empty, -math.inf)
        p = torch.softmax(torch.cat([sink, s], -1), -1)[..., 1:]
        return p.matmul(v).swapaxes(1, 2).flatten(-2)

    def memory_kv(self, memory):
        kv = F.linear(memory, torch.cat([self.cross_k_proj.weight, self.cross_v_proj.weight]), torch.cat([self.cross_k_proj.bias, self.cross_v_proj.bias]))
        k, v = kv.chunk(2, -1)
        return self.to_heads(k), self.to_heads(v)

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        t, s = x.shape[1], memory_k.shape[2]
        mask = ~torch.ones(t, t, dtype=torch.bool).triu(1)
        mask = mask[None, None] if target_mask is None else mask & target_mask.ne(0)[:, None, None]
        q, k, v = map(self.to_heads, (self.self_q_proj(x), self.self_k_proj(x), self.self_v_proj(x)))
        x = self.self_norm(x + self.self_out_proj(self.attention(q, k, v, mask)))
        mask = torch.ones(1, 1, 1, s, dtype=torch.bool) if memory_mask is None else memory_mask.ne(0)[:, None, None]
        x = self.cross_norm(x + self.cross_out_proj(self.attention(self.to_heads(self.cross_q_proj(x)), memory_k, memory_v, mask)))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))

    def forward(self, x, memory, memory_mask=None, target_mask=None):
        return self.decode(x, *self.memory_kv(memory), memory_mask, target_mask)


class _Shared:
    """Attention as a helper object that holds no parameters."""

    def __init__(self, heads):
        self.heads = heads

    def __call__(self, q, k, v, mask):
        b, h, t, c = q.shape
        scores = torch.baddbmm(torch.zeros((), dtype=q.dtype), q.reshape(b * h, t, c), k.reshape(b * h, -1, c).mT, beta=0, alpha=c**-0.5)
        scores = scores.view(b, h, t, -1)
        none = mask.logical_not().all(-1, keepdim=True)
        scores = scores.masked_fill(mask.logical_not() & ~none, -torch.inf)
        log = F.log_softmax(scores, -1)
        return (log.exp().masked_fill(none, 0) @ v).permute(0, 2, 1, 3).reshape(b, t, h * c)


@replaces("Seq2SeqDecoderBlock")
class BlockHelper(nn.Module):
    """a helper object, log_softmax, the result (B, T, D) as a transposed view"""

    def __init__(self, d_model, num_heads, ffn_dim, eps=1e-5):
        super().__init__()
        _parameters(self, d_model, ffn_dim, eps)
        self.attention = _Shared(num_heads)
        self.num_heads = num_heads

    def _heads(self, z):
        return z.view(z.shape[0], z.shape[1], self.num_heads, -1).transpose(1, 2).contiguous()

    def memory_kv(self, memory):
        return tuple(self._heads(p(memory)) for p in (self.cross_k_proj, self.cross_v_proj))

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        if memory_mask is None:
            memory_mask = torch.ones(x.shape[0], memory_k.shape[2], dtype=torch.int64)
        if target_mask is None:
            target_mask = torch.ones(x.shape[:2], dtype=torch.int64)
        causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.int64).tril()
        mask = (causal * target_mask.long()[:, None, None, :]) > 0
        q, k, v = (self._heads(p(x)) for p in (self.self_q_proj, self.self_k_proj, self.self_v_proj))
        x = self.self_norm(x + self.self_out_proj(self.attention(q, k, v, mask)))
        mask = memory_mask.long()[:, None, None, :] == 1
        x = self.cross_norm(x + self.cross_out_proj(self.attention(self._heads(self.cross_q_proj(x)), memory_k, memory_v, mask)))
        y = self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))
        return y.transpose(0, 1).contiguous().transpose(0, 1)

    def forward(self, x, memory, memory_mask=None, target_mask=None):
        k, v = self.memory_kv(memory)
        return self.decode(x, k, v, memory_mask, target_mask)
