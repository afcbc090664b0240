# TRUE CAUSE: A Mamba layer keeps u after the convolution and silu (and what was kept before) as its "conv" state. The
# state has to hold the last W - 1 inputs of the convolution; so a text in pieces does not give what it gives at once.
"""A small Jamba that decodes."""

import torch
import torch.nn.functional as F
from grouped_query_attention import grouped_attention
from hybrid_layout import layout
from mamba_block import MambaBlock
from moe_layer import MoELayer
from torch import Tensor, nn

SMALL = {  # two layers, as small as they can be: Mamba with experts, then attention with one SwiGLU
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


class _Attention(nn.Module):
    def __init__(self, D: int, H: int, G: int) -> None:
        super().__init__()
        self.groups, self.width = G, D // H
        self.q_proj = nn.Linear(D, D, bias=False)
        self.k_proj = nn.Linear(D, G * self.width, bias=False)
        self.v_proj = nn.Linear(D, G * self.width, bias=False)
        self.o_proj = nn.Linear(D, D, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        nothing = self.k_proj.weight.new_zeros(batch, self.groups, 0, self.width)
        return {"k": nothing, "v": nothing.clone()}

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        projections = (self.q_proj, self.k_proj, self.v_proj)
        q, k, v = (project(x).unflatten(-1, (-1, self.width)).transpose(1, 2) for project in projections)
        k, v = torch.cat([state["k"], k], dim=2), torch.cat([state["v"], v], dim=2)
        T, S = x.shape[1], k.shape[2]
        mask = torch.ones(T, S, dtype=torch.bool, device=x.device).tril(S - T)
        out = grouped_attention(q, k, v, mask)
        return self.o_proj(out.transpose(1, 2).flatten(2)), {"k": k, "v": v}


class _Mamba(MambaBlock):
    def __init__(self, D: int, N: int, W: int, expand: int, R: int) -> None:
        super().__init__(D, d_state=N, d_conv=W, expand=expand, dt_rank=R)
        self.sizes = (expand * D, N, W, R)
        self.dt_norm = nn.RMSNorm(R, eps=1e-6)
        self.b_norm = nn.RMSNorm(N, eps=1e-6)
        self.c_norm = nn.RMSNorm(N, eps=1e-6)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        Ch, N, W, _ = self.sizes
        zeros = self.A_log.new_zeros
        return {"conv": zeros(batch, Ch, W - 1), "ssm": zeros(batch, Ch, N)}

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        Ch, N, W, R = self.sizes
        u, z = F.linear(x, self.in_proj.weight).transpose(1, 2).chunk(2, dim=1)  # (B, Ch, T)
        window = torch.cat([state["conv"], u], dim=2)
        u = F.silu(F.conv1d(window, self.conv1d.weight, self.conv1d.bias, groups=Ch))
        recent = torch.cat([state["conv"], u], dim=2)[:, :, 1 - W :]

        raw, B, C = F.linear(u.transpose(1, 2), self.x_proj.weight).split([R, N, N], dim=-1)
        delta = F.softplus(F.linear(self.dt_norm(raw), self.dt_proj.weight, self.dt_proj.bias))  # (B, T, Ch)
        B, C = self.b_norm(B), self.c_norm(C)
        A = -self.A_log.exp()
        h, outputs = state["ssm"], []
        for t in range(x.shape[1]):
            h = (delta[:, t, :, None] * A).exp() * h + (delta[:, t] * u[:, :, t])[:, :, None] * B[:, t, None, :]
            outputs.append((h * C[:, t, None, :]).sum(dim=-1) + self.D * u[:, :, t])
        y = torch.stack(outputs, dim=1) * F.silu(z.transpose(1, 2))
        return F.linear(y, self.out_proj.weight), {"conv": recent, "ssm": h}


class _SwiGLU(nn.Module):
    def __init__(self, D: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(hidden, D) / D**0.5)
        self.w3 = nn.Parameter(torch.randn(hidden, D) / D**0.5)
        self.w2 = nn.Parameter(torch.randn(D, hidden) / hidden**0.5)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.silu(F.linear(x, self.w1)) * F.linear(x, self.w3), self.w2)


class _Experts(MoELayer):
    def __init__(self, D: int, hidden: int, E: int, k: int) -> None:
        super().__init__(D, hidden, E, k)
        self.chosen = k

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(-1, x.shape[-1])
        weights, experts = F.linear(tokens, self.gate).softmax(dim=-1).topk(self.chosen, dim=-1)
        y = torch.zeros_like(tokens)
        for e in experts.unique().tolist():
            rows, place = (experts == e).nonzero(as_tuple=True)
            mine = tokens[rows]
            answer = F.linear(F.silu(F.linear(mine, self.w1[e])) * F.linear(mine, self.w3[e]), self.w2[e])
            y = y.index_add(0, rows, weights[rows, place, None] * answer)
        return y.view_as(x)


class _Layer(nn.Module):
    def __init__(self, config: dict[str, int], mixer: str, ffn: str) -> None:
        super().__init__()
        D, hidden = config["hidden_size"], config["intermediate_size"]
        self.norm1, self.norm2 = nn.RMSNorm(D, eps=1e-6), nn.RMSNorm(D, eps=1e-6)
        if mixer == "attention":
            self.mixer = _Attention(D, config["num_attention_heads"], config["num_key_value_heads"])
        else:
            sizes = (config[f"mamba_{name}"] for name in ("d_state", "d_conv", "expand", "dt_rank"))
            self.mixer = _Mamba(D, *sizes)
        if ffn == "moe":
            self.ffn = _Experts(D, hidden, config["num_experts"], config["num_experts_per_tok"])
        else:
            self.ffn = _SwiGLU(D, hidden)

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        mixed, state = self.mixer(self.norm1(x), state)
        x = x + mixed
        return x + self.ffn(self.norm2(x)), state


class HybridStack(nn.Module):
    def __init__(self, config: dict[str, int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(config, mixer, ffn) for mixer, ffn in layout(config))
        self.norm = nn.RMSNorm(config["hidden_size"], eps=1e-6)

    def init_state(self, batch: int) -> list[dict[str, Tensor]]:
        return [layer.mixer.init_state(batch) for layer in self.layers]

    def forward(
        self, x: Tensor, state: list[dict[str, Tensor]] | None = None
    ) -> tuple[Tensor, list[dict[str, Tensor]]]:
        if state is None:
            state = self.init_state(x.shape[0])
        states = []
        for layer, before in zip(self.layers, state):
            x, after = layer(x, before)
            states.append(after)
        return self.norm(x), states
