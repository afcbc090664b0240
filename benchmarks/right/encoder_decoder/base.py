import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def shift_right(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    rest = labels[:, :-1]
    return torch.cat([start, rest.masked_fill(rest == -100, pad_token_id)], dim=1)


class Seq2SeqDecoderBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, ffn_dim: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.num_heads = num_heads
        for kind in ("self", "cross"):
            for part in ("q", "k", "v", "out"):
                setattr(self, f"{kind}_{part}_proj", nn.Linear(d_model, d_model))
        self.fc1 = nn.Linear(d_model, ffn_dim)
        self.fc2 = nn.Linear(ffn_dim, d_model)
        self.self_norm = nn.LayerNorm(d_model, eps=eps)
        self.cross_norm = nn.LayerNorm(d_model, eps=eps)
        self.ffn_norm = nn.LayerNorm(d_model, eps=eps)

    def _split(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        return x.reshape(b, t, self.num_heads, d // self.num_heads).transpose(1, 2)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, allowed: Tensor) -> Tensor:
        """allowed: bool, broadcasts to (B, H, T, S)."""
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
        weights = scores.softmax(-1).masked_fill(~allowed, 0.0)
        out = weights @ v
        return out.transpose(1, 2).reshape(q.shape[0], q.shape[2], -1)

    def memory_kv(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        return self._split(self.cross_k_proj(memory)), self._split(self.cross_v_proj(memory))

    def decode(
        self,
        x: Tensor,
        memory_k: Tensor,
        memory_v: Tensor,
        memory_mask: Tensor | None = None,
        target_mask: Tensor | None = None,
    ) -> Tensor:
        t = x.shape[1]
        allowed = torch.ones(t, t, dtype=torch.bool).tril()[None, None]
        if target_mask is not None:
            allowed = allowed & target_mask.bool()[:, None, None, :]
        q, k, v = self._split(self.self_q_proj(x)), self._split(self.self_k_proj(x)), self._split(self.self_v_proj(x))
        x = self.self_norm(x + self.self_out_proj(self._attend(q, k, v, allowed)))
        if memory_mask is None:
            allowed = torch.ones(1, 1, 1, memory_k.shape[2], dtype=torch.bool)
        else:
            allowed = memory_mask.bool()[:, None, None, :]
        q = self._split(self.cross_q_proj(x))
        x = self.cross_norm(x + self.cross_out_proj(self._attend(q, memory_k, memory_v, allowed)))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        target_mask: Tensor | None = None,
    ) -> Tensor:
        return self.decode(x, *self.memory_kv(memory), memory_mask, target_mask)
