# TRUE CAUSE: LatentAttention reads the rows of q_proj (and q_b_proj) as the unturned parts of all heads, then the
# turned parts of all heads. They go by heads: head h has N + R neighbouring rows, first its N, then its R.
"""Multi-head latent attention."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def equivalent_groups(kv_rank: int, rope_dim: int, head_dim: int) -> float:
    return (kv_rank + rope_dim) / (2 * head_dim)


def split_up_projection(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    per_head = weight.unflatten(0, (num_heads, -1))
    return per_head[:, :nope_dim], per_head[:, nope_dim:]


def _future(T: int, S: int) -> Tensor:
    return torch.ones(T, S, dtype=torch.bool).triu(S - T + 1)


def absorbed_attention(
    q_nope: Tensor, q_rope: Tensor, latent: Tensor, k_rope: Tensor, w_k: Tensor, w_v: Tensor
) -> Tensor:
    B, H, T, N = q_nope.shape
    S, R = latent.shape[1], q_rope.shape[-1]
    asked = torch.einsum("bhtn,hnc->bhtc", q_nope, w_k).reshape(B, H * T, -1)
    scores = asked @ latent.mT + q_rope.reshape(B, H * T, R) @ k_rope.mT
    scores = scores.view(B, H, T, S) / (N + R) ** 0.5
    weights = scores.masked_fill(_future(T, S), -torch.inf).softmax(dim=-1)
    mean = (weights.view(B, H * T, S) @ latent).view(B, H, T, -1)
    return torch.einsum("bhtc,hvc->bhtv", mean, w_v)


def _turn(x: Tensor, positions: Tensor, theta: float) -> Tensor:
    half = x.shape[-1] // 2
    angles = positions[:, None] * theta ** (-torch.arange(half, dtype=torch.float64) / half)
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
        self.H, self.C, self.N, self.R, self.V = num_heads, kv_rank, nope_dim, rope_dim, v_dim
        self.theta, self.low_rank = rope_theta, q_rank is not None
        rows = num_heads * (nope_dim + rope_dim)
        if self.low_rank:
            self.q_a_proj = nn.Linear(hidden_size, q_rank, bias=False)
            self.q_a_layernorm = nn.RMSNorm(q_rank, eps=1e-6)
            self.q_b_proj = nn.Linear(q_rank, rows, bias=False)
        else:
            self.q_proj = nn.Linear(hidden_size, rows, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(hidden_size, kv_rank + rope_dim, bias=False)
        self.kv_a_layernorm = nn.RMSNorm(kv_rank, eps=1e-6)
        self.kv_b_proj = nn.Linear(kv_rank, num_heads * (nope_dim + v_dim), bias=False)
        self.o_proj = nn.Linear(num_heads * v_dim, hidden_size, bias=False)

    def _queries(self, x: Tensor) -> tuple[Tensor, Tensor]:
        q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x))) if self.low_rank else self.q_proj(x)
        nope, rope = q.split([self.H * self.N, self.H * self.R], dim=-1)
        nope, rope = nope.unflatten(-1, (self.H, self.N)), rope.unflatten(-1, (self.H, self.R))
        return nope.transpose(1, 2), rope.transpose(1, 2)

    def _rebuilt(
        self, q_nope: Tensor, q_rope: Tensor, latent: Tensor, k_rope: Tensor, w_k: Tensor, w_v: Tensor
    ) -> Tensor:
        k = torch.einsum("bsc,hnc->bhsn", latent, w_k)
        v = torch.einsum("bsc,hvc->bhsv", latent, w_v)
        shared = k_rope[:, None].expand(-1, self.H, -1, -1)
        q, k = torch.cat([q_nope, q_rope], dim=-1), torch.cat([k, shared], dim=-1)
        seen = ~_future(q.shape[2], k.shape[2])
        scores = (q @ k.mT / (self.N + self.R) ** 0.5).masked_fill(~seen, -torch.inf)
        return F.softmax(scores, dim=-1) @ v

    def forward(
        self, x: Tensor, cache: dict[str, Tensor] | None = None, absorb: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        past = 0 if cache is None else cache["latent"].shape[1]
        positions = torch.arange(past, past + x.shape[1])
        q_nope, q_rope = self._queries(x)
        q_rope = _turn(q_rope, positions, self.theta)
        latent, k_rope = self.kv_a_proj_with_mqa(x).split([self.C, self.R], dim=-1)
        latent, k_rope = self.kv_a_layernorm(latent), _turn(k_rope, positions, self.theta)
        if cache is not None:
            latent = torch.cat([cache["latent"], latent], dim=1)
            k_rope = torch.cat([cache["k_rope"], k_rope], dim=1)
        w_k, w_v = split_up_projection(self.kv_b_proj.weight, self.H, self.N)
        attend = absorbed_attention if absorb else self._rebuilt
        out = attend(q_nope, q_rope, latent, k_rope, w_k, w_v)
        return self.o_proj(out.transpose(1, 2).flatten(2)), {"latent": latent, "k_rope": k_rope}
