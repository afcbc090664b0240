"""Right solutions in other styles. None of them may lose a point."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from encoder_decoder import Seq2SeqDecoderBlock
from torch import Tensor, nn

from grader.testing import replaces


@replaces("shift_right")
def concatenated(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """cat, and where"""
    start = torch.full((labels.shape[0], 1), decoder_start_token_id)
    return torch.cat([start, torch.where(labels == -100, pad_token_id, labels)[:, :-1]], dim=1)


@replaces("shift_right")
def row_by_row(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """Python lists"""
    rows = [[decoder_start_token_id, *row[:-1]] for row in labels.tolist()]
    return torch.tensor([[pad_token_id if token == -100 else token for token in row] for row in rows])


@replaces("shift_right")
def numpy_copy(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    """NumPy; the result is a view of a longer array"""
    longer = np.pad(labels.numpy(), ((0, 0), (1, 0)), constant_values=decoder_start_token_id)
    longer[longer == -100] = pad_token_id
    return torch.from_numpy(longer)[:, :-1]


@replaces("Seq2SeqDecoderBlock")
class FusedAttention(Seq2SeqDecoderBlock):
    """torch's attention, which gives zeros to a query without keys; additive masks"""

    def memory_kv(self, memory):
        B, S, D = memory.shape
        H = self.num_heads
        both = torch.stack([self.cross_k_proj(memory), self.cross_v_proj(memory)])
        return both.reshape(2, B, S, H, D // H).transpose(2, 3).unbind(0)

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        B, T, D = x.shape
        minus_inf = torch.tensor(float("-inf"), dtype=x.dtype)
        bias = torch.zeros(B, 1, T, T, dtype=x.dtype) + torch.full((T, T), minus_inf).triu(1).to(x.dtype)
        if target_mask is not None:
            bias = torch.where(target_mask[:, None, None, :] != 0, bias, minus_inf)
        q, k, v = (
            layer(x).reshape(B, T, self.num_heads, -1).swapaxes(1, 2)
            for layer in (self.self_q_proj, self.self_k_proj, self.self_v_proj)
        )
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        x = self.self_norm(self.self_out_proj(a.swapaxes(1, 2).reshape(B, T, D)) + x)
        keep = None if memory_mask is None else (memory_mask != 0)[:, None, None, :]
        q = self.cross_q_proj(x).reshape(B, T, self.num_heads, -1).swapaxes(1, 2)
        a = F.scaled_dot_product_attention(q, memory_k, memory_v, attn_mask=keep)
        x = self.cross_norm(self.cross_out_proj(a.swapaxes(1, 2).reshape(B, T, D)) + x)
        return self.ffn_norm(self.fc2(F.gelu(self.fc1(x))) + x)


@replaces("Seq2SeqDecoderBlock")
class EinsumHeads(nn.Module):
    """a module of its own: parameters made in a loop and a buffer, einsum, the softmax by hand"""

    def __init__(self, d_model, num_heads, ffn_dim, eps=1e-5):
        super().__init__()
        if num_heads < 1 or d_model % num_heads != 0:
            raise ValueError("heads")
        self.H, self.K = num_heads, d_model // num_heads
        self.register_buffer("scale", torch.tensor(1 / math.sqrt(self.K), dtype=torch.float64))
        for part in ("cross", "self"):
            for name in "q", "k", "v", "out":
                setattr(self, f"{part}_{name}_proj", nn.Linear(d_model, d_model))
        self.fc2, self.fc1 = nn.Linear(ffn_dim, d_model), nn.Linear(d_model, ffn_dim)
        for part in ("ffn", "self", "cross"):
            self.add_module(f"{part}_norm", nn.LayerNorm(d_model, eps))

    def heads(self, name, x):
        linear = getattr(self, name)
        weight = linear.weight.view(self.H, self.K, -1)
        return torch.einsum("hkd,btd->bhtk", weight, x) + linear.bias.view(self.H, 1, self.K)

    def attend(self, part, x, k, v, keep):
        scores = torch.einsum("bhtk,bhsk->bhts", self.heads(f"{part}_q_proj", x), k) * self.scale
        scores = scores - scores.amax(-1, keepdim=True).detach()
        e = scores.exp() * keep
        weights = e / e.sum(-1, keepdim=True).clamp_min(1e-300)
        joined = torch.einsum("bhts,bhsk->bthk", weights, v).flatten(2)
        return getattr(self, f"{part}_norm")(x + getattr(self, f"{part}_out_proj")(joined))

    def memory_kv(self, memory):
        return [self.heads("cross_k_proj", memory), self.heads("cross_v_proj", memory)]

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        B, T, _ = x.shape
        if memory_mask is None:
            memory_mask = torch.ones(B, memory_k.shape[2])
        if target_mask is None:
            target_mask = torch.ones(B, T)
        seen = torch.tril(target_mask[:, None, :].expand(B, T, T).to(x.dtype))[:, None]
        x = self.attend("self", x, self.heads("self_k_proj", x), self.heads("self_v_proj", x), seen)
        x = self.attend("cross", x, memory_k, memory_v, memory_mask[:, None, None].to(x.dtype))
        hidden = self.fc1(x)
        return self.ffn_norm(x + self.fc2(hidden * 0.5 * (1 + torch.erf(hidden * 0.5**0.5))))

    def forward(self, x, memory, memory_mask=None, target_mask=None):
        k, v = self.memory_kv(memory)
        return self.decode(x, k, v, memory_mask=memory_mask, target_mask=target_mask)


@replaces("Seq2SeqDecoderBlock")
class QueryByQuery(Seq2SeqDecoderBlock):
    """one sequence, head and query at a time, and only the keys that it may see"""

    def attend(self, q, k, v, keep):
        B, H, T, _ = q.shape
        rows = []
        for b in range(B):
            for t in range(T):
                seen = keep(b, t).nonzero()[:, 0]
                for h in range(H):
                    weights = (k[b, h, seen] @ q[b, h, t] / q.shape[-1] ** 0.5).softmax(0)
                    rows.append(weights @ v[b, h, seen] if len(seen) else torch.zeros_like(q[b, h, t]))
        return torch.stack(rows).view(B, T, -1)

    def decode(self, x, memory_k, memory_v, memory_mask=None, target_mask=None):
        B, T, _ = x.shape
        target = torch.ones(B, T) if target_mask is None else target_mask
        source = torch.ones(B, memory_k.shape[2]) if memory_mask is None else memory_mask
        q, k, v = (
            torch.stack(layer(x).chunk(self.num_heads, dim=-1), dim=1)
            for layer in (self.self_q_proj, self.self_k_proj, self.self_v_proj)
        )
        own = self.attend(q, k, v, lambda b, t: target[b, : t + 1])
        x = self.self_norm(x + self.self_out_proj(own))
        q = torch.stack(self.cross_q_proj(x).chunk(self.num_heads, dim=-1), dim=1)
        read = self.attend(q, memory_k, memory_v, lambda b, t: source[b])
        x = self.cross_norm(x + self.cross_out_proj(read))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))
