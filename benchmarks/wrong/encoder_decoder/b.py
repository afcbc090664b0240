# TRUE CAUSE: The queries of the cross-attention are made from the input of the layer. They are made from the x that
# comes out of the self-attention and its norm.
import torch
from torch import Tensor, nn


def shift_right(labels: Tensor, decoder_start_token_id: int, pad_token_id: int) -> Tensor:
    start = torch.full_like(labels[:, :1], decoder_start_token_id)
    shifted = torch.cat([start, labels[:, :-1]], dim=1)
    return torch.where(shifted == -100, torch.full_like(shifted, pad_token_id), shifted)


class Seq2SeqDecoderBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, ffn_dim: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.num_heads = num_heads
        for part in ("self", "cross"):
            for role in ("q", "k", "v", "out"):
                setattr(self, f"{part}_{role}_proj", nn.Linear(d_model, d_model))
        self.fc1 = nn.Linear(d_model, ffn_dim)
        self.fc2 = nn.Linear(ffn_dim, d_model)
        self.self_norm = nn.LayerNorm(d_model, eps=eps)
        self.cross_norm = nn.LayerNorm(d_model, eps=eps)
        self.ffn_norm = nn.LayerNorm(d_model, eps=eps)

    def _heads(self, t: Tensor) -> Tensor:
        B, T, D = t.shape
        return t.reshape(B, T, self.num_heads, D // self.num_heads).transpose(1, 2)

    @staticmethod
    def _attend(q: Tensor, k: Tensor, v: Tensor, keep: Tensor) -> Tensor:
        """keep broadcasts to (B, H, T, S); a row without any key gives zeros. Returns (B, T, D)."""
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        scores = scores.masked_fill(~keep, torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=-1) * keep
        return (weights @ v).transpose(1, 2).flatten(2)

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
        causal = torch.ones(1, 1, T, T, dtype=torch.bool, device=x.device).tril()
        if target_mask is not None:
            causal = causal & target_mask.bool()[:, None, None, :]
        source = torch.ones(1, 1, 1, S, dtype=torch.bool, device=x.device)
        if memory_mask is not None:
            source = memory_mask.bool()[:, None, None, :]

        q, k, v = self._heads(self.self_q_proj(x)), self._heads(self.self_k_proj(x)), self._heads(self.self_v_proj(x))
        written = self.self_norm(x + self.self_out_proj(self._attend(q, k, v, causal)))

        q = self._heads(self.cross_q_proj(x))
        read = self.cross_norm(written + self.cross_out_proj(self._attend(q, memory_k, memory_v, source)))

        return self.ffn_norm(read + self.fc2(nn.functional.gelu(self.fc1(read))))

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        target_mask: Tensor | None = None,
    ) -> Tensor:
        memory_k, memory_v = self.memory_kv(memory)
        return self.decode(x, memory_k, memory_v, memory_mask, target_mask)
