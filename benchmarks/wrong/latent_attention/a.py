# TRUE CAUSE: the layer keeps the latents as they come from the projection and normalises them anew at every reading;
# the cache has to hold the latents after their norm.
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def equivalent_groups(kv_rank: int, rope_dim: int, head_dim: int) -> float:
    return (kv_rank + rope_dim) / (2 * head_dim)


def split_up_projection(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    by_head = weight.unflatten(0, (num_heads, -1))  # (H, N + V, C)
    return by_head[:, :nope_dim], by_head[:, nope_dim:]


def _causal(T: int, S: int, device: torch.device) -> Tensor:
    return torch.ones(T, S, dtype=torch.bool, device=device).tril(S - T)


def absorbed_attention(
    q_nope: Tensor, q_rope: Tensor, latent: Tensor, k_rope: Tensor, w_k: Tensor, w_v: Tensor
) -> Tensor:
    T, S = q_nope.shape[2], latent.shape[1]
    width = q_nope.shape[-1] + q_rope.shape[-1]
    q_latent = torch.einsum("bhtn,hnc->bhtc", q_nope, w_k)
    B, H = q_nope.shape[:2]
    scores = q_latent.flatten(1, 2) @ latent.mT + q_rope.flatten(1, 2) @ k_rope.mT  # (B, H T, S)
    scores = scores.view(B, H, T, S) / math.sqrt(width)
    scores = scores.masked_fill(~_causal(T, S, scores.device), float("-inf"))
    mixed = scores.softmax(dim=-1).flatten(1, 2) @ latent  # (B, H T, C)
    return torch.einsum("bhtc,hvc->bhtv", mixed.view(B, H, T, -1), w_v)


def _turn(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    half = x.shape[-1] // 2
    freq = theta ** (-torch.arange(half, dtype=torch.float64, device=x.device) / half)
    angles = positions[:, None] * freq
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class LatentAttention(nn.Module):
    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        kv_rank: int,
        nope_dim: int,
        rope_dim: int,
        v_dim: int,
        q_rank: int | None = None,
        rope_theta: float = 10000.0,
    ) -> None:
        super().__init__()
        if rope_dim % 2:
            raise ValueError("rope_dim must be even")
        self.H, self.C, self.N, self.R = num_heads, kv_rank, nope_dim, rope_dim
        self.theta = rope_theta
        q_out = num_heads * (nope_dim + rope_dim)
        self.q_rank = q_rank
        if q_rank is None:
            self.q_proj = nn.Linear(hidden_size, q_out, bias=False)
        else:
            self.q_a_proj = nn.Linear(hidden_size, q_rank, bias=False)
            self.q_a_layernorm = nn.RMSNorm(q_rank, eps=1e-6)
            self.q_b_proj = nn.Linear(q_rank, q_out, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(hidden_size, kv_rank + rope_dim, bias=False)
        self.kv_a_layernorm = nn.RMSNorm(kv_rank, eps=1e-6)
        self.kv_b_proj = nn.Linear(kv_rank, num_heads * (nope_dim + v_dim), bias=False)
        self.o_proj = nn.Linear(num_heads * v_dim, hidden_size, bias=False)

    def _queries(self, x: Tensor) -> Tensor:
        if self.q_rank is None:
            q = self.q_proj(x)
        else:
            q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x)))
        return q.unflatten(-1, (self.H, self.N + self.R)).transpose(1, 2)

    def _rebuilt_attention(
        self, q_nope: Tensor, q_rope: Tensor, latent: Tensor, k_rope: Tensor, w_k: Tensor, w_v: Tensor
    ) -> Tensor:
        k_nope = torch.einsum("bsc,hnc->bhsn", latent, w_k)
        v = torch.einsum("bsc,hvc->bhsv", latent, w_v)
        k = torch.cat([k_nope, k_rope[:, None].expand(-1, self.H, -1, -1)], dim=-1)
        q = torch.cat([q_nope, q_rope], dim=-1)
        mask = _causal(q.shape[2], k.shape[2], q.device)
        scores = (q @ k.mT / math.sqrt(self.N + self.R)).masked_fill(~mask, float("-inf"))
        return scores.softmax(dim=-1) @ v

    def forward(
        self, x: Tensor, cache: dict[str, Tensor] | None = None, absorb: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        T = x.shape[1]
        past = 0 if cache is None else cache["latent"].shape[1]
        positions = torch.arange(past, past + T, device=x.device)

        q_nope, q_rope = self._queries(x).split([self.N, self.R], dim=-1)
        q_rope = _turn(q_rope, positions, self.theta)
        compressed, k_rope = self.kv_a_proj_with_mqa(x).split([self.C, self.R], dim=-1)
        k_rope = _turn(k_rope, positions, self.theta)
        if cache is not None:
            compressed = torch.cat([cache["latent"], compressed], dim=1)
            k_rope = torch.cat([cache["k_rope"], k_rope], dim=1)

        latent = self.kv_a_layernorm(compressed)
        w_k, w_v = split_up_projection(self.kv_b_proj.weight, self.H, self.N)
        attend = absorbed_attention if absorb else self._rebuilt_attention
        heads = attend(q_nope, q_rope, latent, k_rope, w_k, w_v)
        y = self.o_proj(heads.transpose(1, 2).flatten(2))
        return y, {"latent": compressed, "k_rope": k_rope}
