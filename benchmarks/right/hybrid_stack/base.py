import torch
import torch.nn.functional as F
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


class RMSNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6) * self.weight


class Attention(nn.Module):
    def __init__(self, config: dict[str, int]) -> None:
        super().__init__()
        d, self.heads, self.groups = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
        self.width = d // self.heads
        self.q_proj = nn.Linear(d, self.heads * self.width, bias=False)
        self.k_proj = nn.Linear(d, self.groups * self.width, bias=False)
        self.v_proj = nn.Linear(d, self.groups * self.width, bias=False)
        self.o_proj = nn.Linear(self.heads * self.width, d, bias=False)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        w = self.q_proj.weight
        shape = (batch, self.groups, 0, self.width)
        return {"k": w.new_zeros(shape), "v": w.new_zeros(shape)}

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        b, t, _ = x.shape
        q = self.q_proj(x).view(b, t, self.heads, self.width).transpose(1, 2)
        k = self.k_proj(x).view(b, t, self.groups, self.width).transpose(1, 2)
        v = self.v_proj(x).view(b, t, self.groups, self.width).transpose(1, 2)
        k, v = torch.cat([state["k"], k], dim=2), torch.cat([state["v"], v], dim=2)
        n = self.heads // self.groups
        scores = q @ k.repeat_interleave(n, dim=1).mT / self.width**0.5
        s = k.shape[2]
        later = torch.ones(t, s, dtype=torch.bool).triu(s - t + 1)
        out = scores.masked_fill(later, -torch.inf).softmax(-1) @ v.repeat_interleave(n, dim=1)
        return self.o_proj(out.transpose(1, 2).reshape(b, t, -1)), {"k": k, "v": v}


class Mamba(nn.Module):
    def __init__(self, config: dict[str, int]) -> None:
        super().__init__()
        d, self.n, self.w, self.r = (config[k] for k in ("hidden_size", "mamba_d_state", "mamba_d_conv", "mamba_dt_rank"))
        ch = self.ch = config["mamba_expand"] * d
        self.in_proj = nn.Linear(d, 2 * ch, bias=False)
        self.conv1d = nn.Conv1d(ch, ch, self.w, groups=ch)
        self.x_proj = nn.Linear(ch, self.r + 2 * self.n, bias=False)
        self.dt_proj = nn.Linear(self.r, ch)
        self.A_log = nn.Parameter(torch.arange(1, self.n + 1).float().log().repeat(ch, 1))
        self.D = nn.Parameter(torch.ones(ch))
        self.out_proj = nn.Linear(ch, d, bias=False)
        self.dt_norm, self.b_norm, self.c_norm = RMSNorm(self.r), RMSNorm(self.n), RMSNorm(self.n)

    def init_state(self, batch: int) -> dict[str, Tensor]:
        w = self.A_log
        return {"conv": w.new_zeros(batch, self.ch, self.w - 1), "ssm": w.new_zeros(batch, self.ch, self.n)}

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        u, z = self.in_proj(x).chunk(2, dim=-1)
        columns = torch.cat([state["conv"], u.transpose(1, 2)], dim=2)
        u = F.silu(self.conv1d(columns)).transpose(1, 2)
        dt, B, C = self.x_proj(u).split([self.r, self.n, self.n], dim=-1)
        dt = F.softplus(self.dt_proj(self.dt_norm(dt)))
        B, C = self.b_norm(B), self.c_norm(C)
        A = -self.A_log.exp()
        h, rows = state["ssm"], []
        for t in range(x.shape[1]):
            d = dt[:, t, :, None]
            h = torch.exp(d * A) * h + d * u[:, t, :, None] * B[:, t, None, :]
            rows.append((h * C[:, t, None, :]).sum(-1))
        y = torch.stack(rows, dim=1) + self.D * u
        return self.out_proj(y * F.silu(z)), {"conv": columns[:, :, -(self.w - 1) :], "ssm": h}


class SwiGLU(nn.Module):
    def __init__(self, d: int, f: int) -> None:
        super().__init__()
        self.w1, self.w3 = nn.Parameter(torch.randn(f, d) * d**-0.5), nn.Parameter(torch.randn(f, d) * d**-0.5)
        self.w2 = nn.Parameter(torch.randn(d, f) * f**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        return (F.silu(x @ self.w1.T) * (x @ self.w3.T)) @ self.w2.T


class Experts(nn.Module):
    def __init__(self, d: int, f: int, e: int, k: int) -> None:
        super().__init__()
        self.k = k
        self.gate = nn.Parameter(torch.randn(e, d) * d**-0.5)
        self.w1, self.w3 = nn.Parameter(torch.randn(e, f, d) * d**-0.5), nn.Parameter(torch.randn(e, f, d) * d**-0.5)
        self.w2 = nn.Parameter(torch.randn(e, d, f) * f**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        p, chosen = (flat @ self.gate.T).softmax(-1).topk(self.k, dim=-1)
        y = torch.zeros_like(flat)
        for e in range(self.gate.shape[0]):
            token, slot = torch.where(chosen == e)
            z = flat[token]
            out = (F.silu(z @ self.w1[e].T) * (z @ self.w3[e].T)) @ self.w2[e].T
            y = y.index_add(0, token, out * p[token, slot, None])
        return y.view(x.shape)


class Layer(nn.Module):
    def __init__(self, config: dict[str, int], i: int) -> None:
        super().__init__()
        d, f = config["hidden_size"], config["intermediate_size"]
        self.norm1, self.norm2 = RMSNorm(d), RMSNorm(d)
        attention = i % config["attn_layer_period"] == config["attn_layer_offset"]
        self.mixer = Attention(config) if attention else Mamba(config)
        sparse = i % config["expert_layer_period"] == config["expert_layer_offset"]
        self.ffn = Experts(d, f, config["num_experts"], config["num_experts_per_tok"]) if sparse else SwiGLU(d, f)


class HybridStack(nn.Module):
    def __init__(self, config: dict[str, int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config, i) for i in range(config["num_hidden_layers"]))
        self.norm = RMSNorm(config["hidden_size"])

    def init_state(self, batch: int) -> list[dict[str, Tensor]]:
        return [layer.mixer.init_state(batch) for layer in self.layers]

    def forward(
        self, x: Tensor, state: list[dict[str, Tensor]] | None = None
    ) -> tuple[Tensor, list[dict[str, Tensor]]]:
        if state is None:
            state = self.init_state(x.shape[0])
        new = []
        for layer, old in zip(self.layers, state):
            y, after = layer.mixer(layer.norm1(x), old)
            x = x + y
            x = x + layer.ffn(layer.norm2(x))
            new.append(after)
        return self.norm(x), new
