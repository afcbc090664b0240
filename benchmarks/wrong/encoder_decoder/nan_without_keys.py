# TRUE CAUSE: Rows without any key are masked with -inf and not set to zero afterwards: the softmax of such a
# row is NaN.
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def shift_right(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    out = torch.full_like(labels, decoder_start_token_id)
    out[:, 1:] = labels[:, :-1]
    return out.masked_fill(out == -100, pad_token_id)


def _attend(q: Tensor, k: Tensor, v: Tensor, allowed: Tensor) -> Tensor:
    """q (B, H, T, K), k and v (B, H, S, K), allowed broadcasts to (B, 1, T, S). Rows without a key give zeros."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    scores = scores.masked_fill(~allowed, float("-inf"))
    weights = scores.softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2)


class Seq2SeqDecoderBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, ffn_dim: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.H = num_heads
        self.self_q_proj = nn.Linear(d_model, d_model)
        self.self_k_proj = nn.Linear(d_model, d_model)
        self.self_v_proj = nn.Linear(d_model, d_model)
        self.self_out_proj = nn.Linear(d_model, d_model)
        self.cross_q_proj = nn.Linear(d_model, d_model)
        self.cross_k_proj = nn.Linear(d_model, d_model)
        self.cross_v_proj = nn.Linear(d_model, d_model)
        self.cross_out_proj = nn.Linear(d_model, d_model)
        self.fc1 = nn.Linear(d_model, ffn_dim)
        self.fc2 = nn.Linear(ffn_dim, d_model)
        self.self_norm = nn.LayerNorm(d_model, eps=eps)
        self.cross_norm = nn.LayerNorm(d_model, eps=eps)
        self.ffn_norm = nn.LayerNorm(d_model, eps=eps)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.H, -1)).transpose(1, 2)

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
        T, S = x.shape[1], memory_k.shape[2]
        own = torch.ones(T, T, dtype=torch.bool).tril()[None, None]
        if target_mask is not None:
            own = own & target_mask.bool()[:, None, None, :]
        source = torch.ones(1, 1, T, S, dtype=torch.bool)
        if memory_mask is not None:
            source = source & memory_mask.bool()[:, None, None, :]

        q, k, v = self._split(self.self_q_proj(x)), self._split(self.self_k_proj(x)), self._split(self.self_v_proj(x))
        x = self.self_norm(x + self.self_out_proj(_attend(q, k, v, own)))
        q = self._split(self.cross_q_proj(x))
        x = self.cross_norm(x + self.cross_out_proj(_attend(q, memory_k, memory_v, source)))
        return self.ffn_norm(x + self.fc2(F.gelu(self.fc1(x))))

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        target_mask: Tensor | None = None,
    ) -> Tensor:
        k, v = self.memory_kv(memory)
        return self.decode(x, k, v, memory_mask, target_mask)
