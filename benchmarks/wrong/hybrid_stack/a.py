# TRUE CAUSE: A_log goes through float32 before the exponential, as in Mamba's own code, so a float64 model computes
# its decays with the digits of float32; nothing may be rounded below the dtype of the parameters.
"""A small Jamba with its state."""

import torch
import torch.nn.functional as F
from grouped_query_attention import grouped_attention
from hybrid_layout import layout
from mamba_block import MambaBlock
from moe_layer import MoELayer
from torch import Tensor, nn

SMALL = {
    "vocab_size": 65536,
    "hidden_size": 2,
    "intermediate_size": 3,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "attn_layer_period": 2,
    "attn_layer_offset": 1,
    "num_experts": 3,
    "num_experts_per_tok": 2,
    "expert_layer_period": 2,
    "expert_layer_offset": 0,
    "mamba_d_state": 4,
    "mamba_d_conv": 3,
    "mamba_expand": 2,
    "mamba_dt_rank": 1,
}
EPS = 1e-6


class Attention(nn.Module):
    """Grouped heads without positions."""

    def __init__(self, config: dict[str, int]) -> None:
        super().__init__()
        D, H, G = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
        self.K, self.G = D // H, G
        self.q_proj = nn.Linear(D, H * self.K, bias=False)
        self.k_proj = nn.Linear(D, G * self.K, bias=False)
        self.v_proj = nn.Linear(D, G * self.K, bias=False)
        self.o_proj = nn.Linear(H * self.K, D, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        empty = self.q_proj.weight.detach().new_zeros(batch, self.G, 0, self.K)
        return {"k": empty, "v": empty.clone()}

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        q, k, v = (p(x).unflatten(-1, (-1, self.K)).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        k = torch.cat([state["k"], k], dim=2)
        v = torch.cat([state["v"], v], dim=2)
        T, S = q.shape[2], k.shape[2]
        mask = torch.ones(T, S, dtype=torch.bool, device=x.device).tril(S - T)
        read = grouped_attention(q, k, v, mask)
        return self.o_proj(read.transpose(1, 2).flatten(2)), {"k": k, "v": v}


class Mamba(MambaBlock):
    """Mamba with norms of dt, B and C."""

    def __init__(self, config: dict[str, int]) -> None:
        N, W, R = config["mamba_d_state"], config["mamba_d_conv"], config["mamba_dt_rank"]
        super().__init__(config["hidden_size"], N, W, config["mamba_expand"], R)
        self.sizes = [R, N, N]
        self.dt_norm = nn.RMSNorm(R, eps=EPS)
        self.b_norm = nn.RMSNorm(N, eps=EPS)
        self.c_norm = nn.RMSNorm(N, eps=EPS)

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        T = x.shape[1]
        u, z = self.in_proj(x).chunk(2, dim=-1)
        seen = torch.cat([state["conv"], u.transpose(1, 2)], dim=-1)
        u = F.silu(F.conv1d(seen, self.conv1d.weight, self.conv1d.bias, groups=seen.shape[1])).transpose(1, 2)
        dt, B, C = self.x_proj(u).split(self.sizes, dim=-1)
        dt = F.softplus(self.dt_proj(self.dt_norm(dt)))
        B, C = self.b_norm(B), self.c_norm(C)
        A = -torch.exp(self.A_log.float()).to(x.dtype)
        h = state["ssm"]
        rows = []
        for t in range(T):
            decay = torch.exp(dt[:, t, :, None] * A)
            h = decay * h + (dt[:, t] * u[:, t]).unsqueeze(-1) * B[:, t].unsqueeze(1)
            rows.append((h @ C[:, t].unsqueeze(-1)).squeeze(-1))
        y = torch.stack(rows, dim=1) + self.D * u
        return self.out_proj(y * F.silu(z)), {"conv": seen[..., T:], "ssm": h}


class SwiGLU(nn.Module):
    def __init__(self, D: int, width: int) -> None:
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(width, D) * D**-0.5)
        self.w3 = nn.Parameter(torch.randn(width, D) * D**-0.5)
        self.w2 = nn.Parameter(torch.randn(D, width) * width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.silu(F.linear(x, self.w1)) * F.linear(x, self.w3), self.w2)


class Experts(MoELayer):
    def __init__(self, D: int, width: int, num_experts: int, k: int) -> None:
        super().__init__(D, width, num_experts, k)
        self.top_k = k

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(-1, x.shape[-1])
        probabilities = F.linear(tokens, self.gate).softmax(dim=-1)
        weights, chosen = probabilities.topk(self.top_k, dim=-1)
        y = torch.zeros_like(tokens)
        for e in range(self.gate.shape[0]):
            row, place = (chosen == e).nonzero(as_tuple=True)
            if len(row):
                h = F.silu(F.linear(tokens[row], self.w1[e])) * F.linear(tokens[row], self.w3[e])
                y = y.index_add(0, row, weights[row, place, None] * F.linear(h, self.w2[e]))
        return y.view(x.shape)


class Layer(nn.Module):
    def __init__(self, config: dict[str, int], mixer: str, ffn: str) -> None:
        super().__init__()
        D, width = config["hidden_size"], config["intermediate_size"]
        self.norm1 = nn.RMSNorm(D, eps=EPS)
        self.mixer = Attention(config) if mixer == "attention" else Mamba(config)
        self.norm2 = nn.RMSNorm(D, eps=EPS)
        if ffn == "moe":
            self.ffn = Experts(D, width, config["num_experts"], config["num_experts_per_tok"])
        else:
            self.ffn = SwiGLU(D, width)

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        mixed, state = self.mixer(self.norm1(x), state)
        x = x + mixed
        return x + self.ffn(self.norm2(x)), state


class HybridStack(nn.Module):
    def __init__(self, config: dict[str, int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config, mixer, ffn) for mixer, ffn in layout(config))
        self.norm = nn.RMSNorm(config["hidden_size"], eps=EPS)

    def init_state(self, batch: int) -> list[dict[str, Tensor]]:
        return [layer.mixer.init_state(batch) for layer in self.layers]

    def forward(
        self, x: Tensor, state: list[dict[str, Tensor]] | None = None
    ) -> tuple[Tensor, list[dict[str, Tensor]]]:
        if state is None:
            state = self.init_state(x.shape[0])
        new_state = []
        for layer, old in zip(self.layers, state):
            x, new = layer(x, old)
            new_state.append(new)
        return self.norm(x), new_state
