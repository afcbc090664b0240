import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RMSNorm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        z = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        return (z / torch.sqrt((z * z).mean(-1, keepdim=True) + self.eps)).to(x.dtype) * self.weight


class Attention(nn.Module):
    def __init__(self, d: int, heads: int, groups: int, theta: float) -> None:
        super().__init__()
        self.heads, self.groups, self.width, self.theta = heads, groups, d // heads, theta
        self.q_proj = nn.Linear(d, heads * self.width, bias=False)
        self.k_proj = nn.Linear(d, groups * self.width, bias=False)
        self.v_proj = nn.Linear(d, groups * self.width, bias=False)
        self.o_proj = nn.Linear(heads * self.width, d, bias=False)

    def rotate(self, x: Tensor, start: int) -> Tensor:
        half = self.width // 2
        theta = self.theta ** (-torch.arange(half, dtype=torch.float64) / half)
        angles = torch.arange(start, start + x.shape[2], dtype=torch.float64)[:, None] * theta
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)

    def forward(self, x: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        b, t, _ = x.shape
        past = 0 if cache is None else cache["k"].shape[2]
        q = self.q_proj(x).view(b, t, self.heads, self.width).transpose(1, 2)
        k = self.k_proj(x).view(b, t, self.groups, self.width).transpose(1, 2)
        v = self.v_proj(x).view(b, t, self.groups, self.width).transpose(1, 2)
        q, k = self.rotate(q, past), self.rotate(k, past)
        if cache is not None:
            k, v = torch.cat([cache["k"], k], dim=2), torch.cat([cache["v"], v], dim=2)
        n = self.heads // self.groups
        scores = q @ k.repeat_interleave(n, dim=1).mT / self.width**0.5
        later = torch.ones(t, past + t, dtype=torch.bool).triu(past + 1)
        out = scores.masked_fill(later, -torch.inf).softmax(-1) @ v.repeat_interleave(n, dim=1)
        return self.o_proj(out.transpose(1, 2).reshape(b, t, -1)), {"k": k, "v": v}


class MLP(nn.Module):
    def __init__(self, d: int, f: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(d, f, bias=False)
        self.up_proj = nn.Linear(d, f, bias=False)
        self.down_proj = nn.Linear(f, d, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, d: int, heads: int, groups: int, f: int, eps: float, theta: float) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(d, eps)
        self.self_attn = Attention(d, heads, groups, theta)
        self.post_attention_layernorm = RMSNorm(d, eps)
        self.mlp = MLP(d, f)

    def forward(self, x: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        y, cache = self.self_attn(self.input_layernorm(x), cache)
        x = x + y
        return x + self.mlp(self.post_attention_layernorm(x)), cache


class LlamaDecoder(nn.Module):
    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        num_kv_heads: int,
        intermediate_size: int,
        rms_norm_eps: float = 1e-5,
        rope_theta: float = 10000.0,
    ) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(vocab_size, hidden_size)
        self.layers = nn.ModuleList(
            Layer(hidden_size, num_heads, num_kv_heads, intermediate_size, rms_norm_eps, rope_theta)
            for _ in range(num_layers)
        )
        self.norm = RMSNorm(hidden_size, rms_norm_eps)

    def forward(self, input_ids: Tensor, cache: list[dict] | None = None) -> tuple[Tensor, list[dict]]:
        x = self.embed_tokens(input_ids)
        new = []
        for i, layer in enumerate(self.layers):
            x, entry = layer(x, None if cache is None else cache[i])
            new.append(entry)
        return self.norm(x) @ self.embed_tokens.weight.T, new

    @torch.no_grad()
    def generate(
        self,
        input_ids: Tensor,
        max_new_tokens: int,
        eos_token_id: int | None = None,
        pad_token_id: int | None = None,
    ) -> Tensor:
        pad = eos_token_id if pad_token_id is None else pad_token_id
        finished = torch.zeros(input_ids.shape[0], dtype=torch.bool)
        ids, step, cache = input_ids, input_ids, None
        for _ in range(max_new_tokens):
            logits, cache = self(step, cache)
            token = logits[:, -1].argmax(-1)
            if eos_token_id is not None:
                token = torch.where(finished, pad, token)
                finished = finished | (token == eos_token_id)
            step = token[:, None]
            ids = torch.cat([ids, step], dim=1)
            if finished.all():
                break
        return ids


NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def convert_gguf_state(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    result = {}
    for name, tensor in state.items():
        if name == "token_embd.weight":
            result["embed_tokens.weight"] = tensor
        elif name == "output_norm.weight":
            result["norm.weight"] = tensor
        else:
            _, i, part, _ = name.split(".")
            if part in ("attn_q", "attn_k"):
                heads = num_heads if part == "attn_q" else num_kv_heads
                tensor = tensor.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)
            result[f"layers.{i}.{NAMES[part]}.weight"] = tensor
    return result
