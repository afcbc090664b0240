# TRUE CAUSE: takes attention to be that of Llama: queries and keys are turned by rotary positions (base 10000), counted
# from the number of tokens in the cache, and the cache holds turned keys. In Jamba nothing is rotated, no position is
# encoded anywhere.
import torch
import torch.nn.functional as F
from hybrid_layout import layout
from torch import nn

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


def rope(x, start):
    half = x.shape[-1] // 2
    if half == 0:
        return x  # one number cannot be turned
    freq = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = (start + torch.arange(x.shape[-2]))[:, None] * freq
    cos, sin = torch.cos(angle).to(x.dtype), torch.sin(angle).to(x.dtype)
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], -1)


class RMSNorm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))

    def forward(self, x):
        return self.weight * x / torch.sqrt((x * x).mean(dim=-1, keepdim=True) + 1e-6)


class SelfAttention(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.heads, self.groups = cfg["num_attention_heads"], cfg["num_key_value_heads"]
        width = cfg["hidden_size"]
        self.head_dim = width // self.heads
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, self.groups * self.head_dim, bias=False)
        self.v_proj = nn.Linear(width, self.groups * self.head_dim, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)

    def empty(self, batch):
        dtype = self.q_proj.weight.dtype
        device = self.q_proj.weight.device
        return {n: torch.zeros(batch, self.groups, 0, self.head_dim, dtype=dtype, device=device) for n in ("k", "v")}

    def forward(self, x, memory):
        batch, length, width = x.shape
        past = memory["k"].shape[2]

        def cut(t):
            return t.reshape(batch, length, -1, self.head_dim).transpose(1, 2)

        q = rope(cut(self.q_proj(x)), past)
        k = torch.cat((memory["k"], rope(cut(self.k_proj(x)), past)), 2)
        v = torch.cat((memory["v"], cut(self.v_proj(x))), 2)
        reader = torch.arange(self.heads) * self.groups // self.heads
        scores = q @ k[:, reader].mT / self.head_dim**0.5
        later = torch.arange(past + length)[None, :] > past + torch.arange(length)[:, None]
        weights = scores.masked_fill(later, -torch.inf).softmax(-1)
        y = (weights @ v[:, reader]).transpose(1, 2).reshape(batch, length, width)
        return self.o_proj(y), {"k": k, "v": v}


class MambaMixer(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        width, n, rank = cfg["hidden_size"], cfg["mamba_d_state"], cfg["mamba_dt_rank"]
        inner, kernel = cfg["mamba_expand"] * width, cfg["mamba_d_conv"]
        self.sizes = [rank, n, n]
        self.kernel = kernel
        self.in_proj = nn.Linear(width, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, kernel, groups=inner)
        self.x_proj = nn.Linear(inner, rank + 2 * n, bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.A_log = nn.Parameter(torch.log(torch.arange(1, n + 1).float()).expand(inner, n).clone())
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, width, bias=False)
        self.dt_norm, self.b_norm, self.c_norm = RMSNorm(rank), RMSNorm(n), RMSNorm(n)

    def empty(self, batch):
        inner, n = self.A_log.shape
        return {"conv": self.A_log.new_zeros(batch, inner, self.kernel - 1), "ssm": self.A_log.new_zeros(batch, inner, n)}

    def forward(self, x, memory):
        u, gate = self.in_proj(x).chunk(2, -1)
        line = torch.cat((memory["conv"], u.mT), -1)
        u = F.silu(self.conv1d(line).mT)
        dt, b, c = self.x_proj(u).split(self.sizes, -1)
        dt = F.softplus(self.dt_proj(self.dt_norm(dt)))
        b, c = self.b_norm(b), self.c_norm(c)
        h = memory["ssm"]
        rows = []
        for i in range(x.size(1)):
            h = h * torch.exp(-self.A_log.exp() * dt[:, i].unsqueeze(-1))
            h = h + torch.einsum("bc,bn->bcn", dt[:, i] * u[:, i], b[:, i])
            rows.append(torch.einsum("bcn,bn->bc", h, c[:, i]))
        y = (torch.stack(rows, 1) + u * self.D) * F.silu(gate)
        return self.out_proj(y), {"conv": line[..., -(self.kernel - 1) :], "ssm": h}


class FeedForward(nn.Module):
    def __init__(self, cfg, experts):
        super().__init__()
        width, hidden = cfg["hidden_size"], cfg["intermediate_size"]
        lead = (cfg["num_experts"],) if experts else ()
        self.w1 = nn.Parameter(torch.randn(*lead, hidden, width) * 0.1)
        self.w3 = nn.Parameter(torch.randn(*lead, hidden, width) * 0.1)
        self.w2 = nn.Parameter(torch.randn(*lead, width, hidden) * 0.1)
        self.k = cfg["num_experts_per_tok"]
        if experts:
            self.gate = nn.Parameter(torch.randn(*lead, width) * 0.1)

    def forward(self, x):
        if not hasattr(self, "gate"):
            return F.linear(F.silu(F.linear(x, self.w1)) * F.linear(x, self.w3), self.w2)
        tokens = x.flatten(0, 1)
        p = torch.softmax(F.linear(tokens, self.gate), -1)
        chosen = p.topk(self.k, -1).indices
        out = torch.zeros_like(tokens)
        for e in range(len(self.gate)):
            who = (chosen == e).any(-1).nonzero().flatten()
            t = tokens[who]
            f = F.linear(F.silu(F.linear(t, self.w1[e])) * F.linear(t, self.w3[e]), self.w2[e])
            out = out.index_add(0, who, f * p[who, e].unsqueeze(1))
        return out.view_as(x)


class HybridStack(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layers = nn.ModuleList()
        for mixer, ffn in layout(config):
            layer = nn.Module()
            layer.norm1 = RMSNorm(config["hidden_size"])
            layer.norm2 = RMSNorm(config["hidden_size"])
            layer.mixer = SelfAttention(config) if mixer == "attention" else MambaMixer(config)
            layer.ffn = FeedForward(config, ffn == "moe")
            self.layers.append(layer)
        self.norm = RMSNorm(config["hidden_size"])

    def init_state(self, batch):
        return [layer.mixer.empty(batch) for layer in self.layers]

    def forward(self, x, state=None):
        memories = self.init_state(x.size(0)) if state is None else state
        after = []
        for layer, memory in zip(self.layers, memories):
            mixed, memory = layer.mixer(layer.norm1(x), memory)
            after.append(memory)
            x = x + mixed
            x = x + layer.ffn(layer.norm2(x))
        return self.norm(x), after
