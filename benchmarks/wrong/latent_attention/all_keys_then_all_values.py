# TRUE CAUSE: split_up_projection takes the first H·N rows for the keys of all heads and the rest for the
# values, in place of N + V rows for each head.
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def equivalent_groups(kv_rank: int, rope_dim: int, head_dim: int) -> float:
    return (kv_rank + rope_dim) / (2 * head_dim)


def split_up_projection(weight: Tensor, num_heads: int, nope_dim: int) -> tuple[Tensor, Tensor]:
    keys, values = weight[: num_heads * nope_dim], weight[num_heads * nope_dim :]
    return keys.reshape(num_heads, nope_dim, -1), values.reshape(num_heads, -1, weight.shape[1])


def _causal_softmax(scores: Tensor) -> Tensor:
    T, S = scores.shape[-2:]
    keep = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    return scores.masked_fill(~keep, float("-inf")).softmax(dim=-1)


def absorbed_attention(
    q_nope: Tensor, q_rope: Tensor, latent: Tensor, k_rope: Tensor, w_k: Tensor, w_v: Tensor
) -> Tensor:
    scale = (q_nope.shape[-1] + q_rope.shape[-1]) ** -0.5
    B, H, T, _ = q_nope.shape
    query = torch.einsum("bhtn,hnc->bhtc", q_nope, w_k)
    # the heads as further queries of one key per token, so that no latent is repeated
    scores = query.flatten(1, 2) @ latent.transpose(1, 2) + q_rope.flatten(1, 2) @ k_rope.transpose(1, 2)
    weights = _causal_softmax(scores.view(B, H, T, -1) * scale)
    mean = (weights.flatten(1, 2) @ latent).view(B, H, T, -1)
    return torch.einsum("bhtc,hvc->bhtv", mean, w_v)


class _RMSNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(dim=-1, keepdim=True) + 1e-6) * self.weight


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
            raise ValueError("rope_dim has to be even")
        self.heads, self.rank, self.nope, self.rope = num_heads, kv_rank, nope_dim, rope_dim
        self.theta, self.q_rank = rope_theta, q_rank
        q_width = num_heads * (nope_dim + rope_dim)
        if q_rank is None:
            self.q_proj = nn.Linear(hidden_size, q_width, bias=False)
        else:
            self.q_a_proj = nn.Linear(hidden_size, q_rank, bias=False)
            self.q_a_layernorm = _RMSNorm(q_rank)
            self.q_b_proj = nn.Linear(q_rank, q_width, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(hidden_size, kv_rank + rope_dim, bias=False)
        self.kv_a_layernorm = _RMSNorm(kv_rank)
        self.kv_b_proj = nn.Linear(kv_rank, num_heads * (nope_dim + v_dim), bias=False)
        self.o_proj = nn.Linear(num_heads * v_dim, hidden_size, bias=False)

    def _turn(self, x: Tensor, start: int) -> Tensor:
        """x: (..., T, R), the first token at position start."""
        positions = torch.arange(start, start + x.shape[-2], dtype=torch.float64)
        pairs = torch.arange(0, self.rope, 2, dtype=torch.float64)
        angles = positions[:, None] * self.theta ** (-pairs / self.rope)
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)

    def forward(
        self, x: Tensor, cache: dict[str, Tensor] | None = None, absorb: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        batch, T, _ = x.shape
        past = 0 if cache is None else cache["latent"].shape[1]
        if self.q_rank is None:
            q = self.q_proj(x)
        else:
            q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x)))
        q = q.view(batch, T, self.heads, -1).transpose(1, 2)
        q_nope, q_rope = q.split([self.nope, self.rope], dim=-1)
        q_rope = self._turn(q_rope, past)
        latent, k_rope = self.kv_a_proj_with_mqa(x).split([self.rank, self.rope], dim=-1)
        latent = self.kv_a_layernorm(latent)
        k_rope = self._turn(k_rope, past)
        if cache is not None:
            latent = torch.cat([cache["latent"], latent], dim=1)
            k_rope = torch.cat([cache["k_rope"], k_rope], dim=1)
        w_k, w_v = split_up_projection(self.kv_b_proj.weight, self.heads, self.nope)
        if absorb:
            out = absorbed_attention(q_nope, q_rope, latent, k_rope, w_k, w_v)
        else:
            keys = torch.einsum("bsc,hnc->bhsn", latent, w_k)
            values = torch.einsum("bsc,hvc->bhsv", latent, w_v)
            scores = q_nope @ keys.transpose(2, 3) + q_rope @ k_rope[:, None].transpose(2, 3)
            out = _causal_softmax(scores * (self.nope + self.rope) ** -0.5) @ values
        y = self.o_proj(out.transpose(1, 2).reshape(batch, T, -1))
        return y, {"latent": latent, "k_rope": k_rope}
