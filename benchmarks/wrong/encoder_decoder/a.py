# TRUE CAUSE: a query without any key gets zeros after the output projection, so the bias of the projection is lost
# there; the zero vector belongs before the projection, whose bias stays.
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def shift_right(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    shifted = torch.cat([start, labels[:, :-1]], dim=1)
    return shifted.masked_fill(shifted == -100, pad_token_id)


class Seq2SeqDecoderBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, ffn_dim: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.num_heads = num_heads
        for kind in ("self", "cross"):
            for part in ("q", "k", "v", "out"):
                self.add_module(f"{kind}_{part}_proj", nn.Linear(d_model, d_model))
        self.fc1 = nn.Linear(d_model, ffn_dim)
        self.fc2 = nn.Linear(ffn_dim, d_model)
        self.self_norm = nn.LayerNorm(d_model, eps=eps)
        self.cross_norm = nn.LayerNorm(d_model, eps=eps)
        self.ffn_norm = nn.LayerNorm(d_model, eps=eps)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, keep: Tensor, out_proj: nn.Linear) -> Tensor:
        """keep: bool, broadcasts to (B, 1, T, S), True = may attend."""
        keep = keep.expand(q.shape[0], 1, q.shape[2], k.shape[2])
        has_key = keep.any(dim=-1, keepdim=True)
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        # an empty row would be NaN: let it see everything for the moment
        weights = scores.masked_fill(~(keep | ~has_key), float("-inf")).softmax(dim=-1)
        read = (weights @ v).transpose(1, 2).flatten(2)
        return out_proj(read) * has_key[:, 0].to(read.dtype)

    def memory_kv(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        return self._heads(self.cross_k_proj(memory)), self._heads(self.cross_v_proj(memory))

    def decode(
        self,
        x: Tensor,
        memory_k: Tensor,
        memory_v: Tensor,
        memory_mask: Tensor | None = None,
        target_mask: Tensor | None = None,
    ) -> Tensor:
        T, S = x.shape[1], memory_k.shape[2]
        causal = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()[None, None]
        if target_mask is not None:
            causal = causal & target_mask.bool()[:, None, None, :]
        q, k, v = self._heads(self.self_q_proj(x)), self._heads(self.self_k_proj(x)), self._heads(self.self_v_proj(x))
        x = self.self_norm(x + self._attend(q, k, v, causal, self.self_out_proj))

        if memory_mask is None:
            source = torch.ones(1, 1, 1, S, dtype=torch.bool, device=x.device)
        else:
            source = memory_mask.bool()[:, None, None, :]
        q = self._heads(self.cross_q_proj(x))
        x = self.cross_norm(x + self._attend(q, memory_k, memory_v, source, self.cross_out_proj))

        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        target_mask: Tensor | None = None,
    ) -> Tensor:
        return self.decode(x, *self.memory_kv(memory), memory_mask, target_mask)
