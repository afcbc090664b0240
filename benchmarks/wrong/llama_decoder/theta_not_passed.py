# TRUE CAUSE: rope_theta is not passed on to the attention, which uses its default of 10000.
import torch
from decoder_block import rms_norm, swiglu
from grouped_query_attention import GroupedQueryAttention
from rope import interleaved_to_half
from torch import Tensor, nn


class _Norm(nn.Module):
    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, self.eps)


class _MLP(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(dim, hidden, bias=False)
        self.up_proj = nn.Linear(dim, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return swiglu(x, self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight)


class _Layer(nn.Module):
    def __init__(self, dim: int, heads: int, kv_heads: int, hidden: int, eps: float, theta: float) -> None:
        super().__init__()
        self.input_layernorm = _Norm(dim, eps)
        self.self_attn = GroupedQueryAttention(dim, heads, kv_heads)
        self.post_attention_layernorm = _Norm(dim, eps)
        self.mlp = _MLP(dim, hidden)

    def forward(self, x: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        attended, cache = self.self_attn(self.input_layernorm(x), cache)
        x = x + attended
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
            _Layer(hidden_size, num_heads, num_kv_heads, intermediate_size, rms_norm_eps, rope_theta)
            for _ in range(num_layers)
        )
        self.norm = _Norm(hidden_size, rms_norm_eps)

    def forward(self, input_ids: Tensor, cache: list[dict] | None = None) -> tuple[Tensor, list[dict]]:
        x = self.embed_tokens(input_ids)
        new_cache = []
        for i, layer in enumerate(self.layers):
            x, layer_cache = layer(x, None if cache is None else cache[i])
            new_cache.append(layer_cache)
        return self.norm(x) @ self.embed_tokens.weight.T, new_cache

    @torch.no_grad()
    def generate(
        self,
        input_ids: Tensor,
        max_new_tokens: int,
        eos_token_id: int | None = None,
        pad_token_id: int | None = None,
    ) -> Tensor:
        pad = eos_token_id if pad_token_id is None else pad_token_id
        done = torch.zeros(input_ids.shape[0], dtype=torch.bool)
        out, step, cache = input_ids, input_ids, None
        for _ in range(max_new_tokens):
            logits, cache = self(step, cache)
            token = logits[:, -1].argmax(-1)
            if eos_token_id is not None:
                token = torch.where(done, pad, token)
                done = done | (token == eos_token_id)
            step = token[:, None]
            out = torch.cat([out, step], dim=1)
            if done.all():
                break
        return out


_NAMES = {
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
    out = {}
    for name, tensor in state.items():
        if name == "token_embd.weight":
            out["embed_tokens.weight"] = tensor
        elif name == "output_norm.weight":
            out["norm.weight"] = tensor
        else:
            _, i, part, _ = name.split(".")
            if part == "attn_q":
                tensor = interleaved_to_half(tensor, num_heads)
            elif part == "attn_k":
                tensor = interleaved_to_half(tensor, num_kv_heads)
            out[f"layers.{i}.{_NAMES[part]}.weight"] = tensor
    return out
