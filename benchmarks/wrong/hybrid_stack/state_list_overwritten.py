# TRUE CAUSE: The new states are written into the list that was passed in, so it cannot be continued a second
# time.
import torch
import torch.nn.functional as F
from grouped_query_attention import grouped_attention
from hybrid_layout import layout
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


class Norm(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


def matrix(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(*shape) * shape[-1] ** -0.5)


class Attention(nn.Module):
    def __init__(self, c: dict[str, int]) -> None:
        super().__init__()
        D, self.H, self.G = c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"]
        self.K = D // self.H
        self.q_proj = nn.Linear(D, self.H * self.K, bias=False)
        self.k_proj = nn.Linear(D, self.G * self.K, bias=False)
        self.v_proj = nn.Linear(D, self.G * self.K, bias=False)
        self.o_proj = nn.Linear(self.H * self.K, D, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        empty = self.k_proj.weight.new_zeros(batch, self.G, 0, self.K)
        return {"k": empty, "v": empty.clone()}

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        q = self.q_proj(x).unflatten(-1, (self.H, self.K)).transpose(1, 2)
        k = self.k_proj(x).unflatten(-1, (self.G, self.K)).transpose(1, 2)
        v = self.v_proj(x).unflatten(-1, (self.G, self.K)).transpose(1, 2)
        k, v = torch.cat([state["k"], k], dim=2), torch.cat([state["v"], v], dim=2)
        T, S = q.shape[2], k.shape[2]
        mask = torch.ones(T, S, dtype=torch.bool).tril(S - T)
        y = grouped_attention(q, k, v, mask).transpose(1, 2).flatten(2)
        return self.o_proj(y), {"k": k, "v": v}


class Mamba(nn.Module):
    def __init__(self, c: dict[str, int]) -> None:
        super().__init__()
        D, self.N, self.W, self.R = c["hidden_size"], c["mamba_d_state"], c["mamba_d_conv"], c["mamba_dt_rank"]
        self.Ch = c["mamba_expand"] * D
        self.in_proj = nn.Linear(D, 2 * self.Ch, bias=False)
        self.conv1d = nn.Conv1d(self.Ch, self.Ch, self.W, groups=self.Ch)
        self.x_proj = nn.Linear(self.Ch, self.R + 2 * self.N, bias=False)
        self.dt_proj = nn.Linear(self.R, self.Ch)
        self.A_log = nn.Parameter(torch.arange(1.0, self.N + 1).log().repeat(self.Ch, 1))
        self.D = nn.Parameter(torch.ones(self.Ch))
        self.out_proj = nn.Linear(self.Ch, D, bias=False)
        self.dt_norm, self.b_norm, self.c_norm = Norm(self.R), Norm(self.N), Norm(self.N)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        new = self.D.new_zeros
        return {"conv": new(batch, self.Ch, self.W - 1), "ssm": new(batch, self.Ch, self.N)}

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        u, z = self.in_proj(x).chunk(2, dim=-1)
        columns = torch.cat([state["conv"], u.transpose(1, 2)], dim=2)
        u = F.silu(self.conv1d(columns)).transpose(1, 2)
        delta, B, C = self.x_proj(u).split([self.R, self.N, self.N], dim=-1)
        delta = F.softplus(self.dt_proj(self.dt_norm(delta)))
        B = self.b_norm(B)
        C = self.c_norm(C)
        A = -torch.exp(self.A_log)
        h, ys = state["ssm"], []
        for t in range(x.shape[1]):
            h = torch.exp(delta[:, t, :, None] * A) * h + (delta[:, t] * u[:, t])[..., None] * B[:, t, None, :]
            ys.append((h * C[:, t, None, :]).sum(-1))
        y = torch.stack(ys, dim=1) + self.D * u
        return self.out_proj(y * F.silu(z)), {"conv": columns[:, :, columns.shape[2] - self.W + 1 :], "ssm": h}


def swiglu(x: Tensor, w1: Tensor, w2: Tensor, w3: Tensor) -> Tensor:
    return (F.silu(x @ w1.T) * (x @ w3.T)) @ w2.T


class MLP(nn.Module):
    def __init__(self, c: dict[str, int]) -> None:
        super().__init__()
        D, hidden = c["hidden_size"], c["intermediate_size"]
        self.w1, self.w2, self.w3 = matrix(hidden, D), matrix(D, hidden), matrix(hidden, D)

    def forward(self, x: Tensor) -> Tensor:
        return swiglu(x, self.w1, self.w2, self.w3)


class MoE(nn.Module):
    def __init__(self, c: dict[str, int]) -> None:
        super().__init__()
        D, hidden, E = c["hidden_size"], c["intermediate_size"], c["num_experts"]
        self.k = c["num_experts_per_tok"]
        self.gate = matrix(E, D)
        self.w1, self.w2, self.w3 = matrix(E, hidden, D), matrix(E, D, hidden), matrix(E, hidden, D)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        p, chosen = (flat @ self.gate.T).softmax(-1).topk(self.k, dim=-1)
        y = torch.zeros_like(flat)
        for e in range(self.gate.shape[0]):
            token, slot = torch.where(chosen == e)
            out = swiglu(flat[token], self.w1[e], self.w2[e], self.w3[e])
            y = y.index_add(0, token, p[token, slot, None] * out)
        return y.reshape(x.shape)


class Layer(nn.Module):
    def __init__(self, c: dict[str, int], mixer: str, ffn: str) -> None:
        super().__init__()
        self.norm1 = Norm(c["hidden_size"])
        self.mixer = Attention(c) if mixer == "attention" else Mamba(c)
        self.norm2 = Norm(c["hidden_size"])
        self.ffn = MoE(c) if ffn == "moe" else MLP(c)

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        mixed, state = self.mixer(self.norm1(x), state)
        x = x + mixed
        return x + self.ffn(self.norm2(x)), state


class HybridStack(nn.Module):
    def __init__(self, config: dict[str, int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config, mixer, ffn) for mixer, ffn in layout(config))
        self.norm = Norm(config["hidden_size"])

    def init_state(self, batch: int) -> list[dict[str, Tensor]]:
        return [layer.mixer.init_state(batch) for layer in self.layers]

    def forward(
        self, x: Tensor, state: list[dict[str, Tensor]] | None = None
    ) -> tuple[Tensor, list[dict[str, Tensor]]]:
        if state is None:
            state = self.init_state(x.shape[0])
        for i, layer in enumerate(self.layers):
            x, state[i] = layer(x, state[i])
        return self.norm(x), state
