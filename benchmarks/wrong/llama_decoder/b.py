# TRUE CAUSE: convert_gguf_state moves the rows of attn_v as well. Only queries and keys are rotated, so only the rows
# of attn_q and attn_k are moved; v has to stay as it is.
"""A whole Llama: an embedding, layers, a norm, and the embedding once more."""

import torch
from decoder_block import rms_norm, swiglu
from grouped_query_attention import GroupedQueryAttention
from rope import interleaved_to_half
from torch import Tensor, nn


class _Gain(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, self.eps)


class _MLP(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, hidden, bias=False)
        self.up_proj = nn.Linear(width, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return swiglu(x, self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight)


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, kv_heads: int, hidden: int, eps: float, theta: float) -> None:
        super().__init__()
        self.input_layernorm = _Gain(width, eps)
        self.self_attn = GroupedQueryAttention(width, heads, kv_heads, rope_theta=theta)
        self.post_attention_layernorm = _Gain(width, eps)
        self.mlp = _MLP(width, hidden)

    def forward(self, x: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        read, cache = self.self_attn(self.input_layernorm(x), cache)
        y = x + read
        return y + self.mlp(self.post_attention_layernorm(y)), cache


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
        sizes = (hidden_size, num_heads, num_kv_heads, intermediate_size, rms_norm_eps, rope_theta)
        self.layers = nn.ModuleList([_Layer(*sizes) for _ in range(num_layers)])
        self.norm = _Gain(hidden_size, rms_norm_eps)

    def forward(self, input_ids: Tensor, cache: list[dict] | None = None) -> tuple[Tensor, list[dict]]:
        x = self.embed_tokens(input_ids)
        past = [None] * len(self.layers) if cache is None else cache
        new_cache = []
        for layer, entry in zip(self.layers, past):
            x, entry = layer(x, entry)
            new_cache.append(entry)
        return self.norm(x) @ self.embed_tokens.weight.T, new_cache

    @torch.no_grad()
    def generate(
        self,
        input_ids: Tensor,
        max_new_tokens: int,
        eos_token_id: int | None = None,
        pad_token_id: int | None = None,
    ) -> Tensor:
        filler = eos_token_id if pad_token_id is None else pad_token_id
        text, piece, cache = input_ids, input_ids, None
        finished = torch.zeros(len(input_ids), dtype=torch.bool)
        for _ in range(max_new_tokens):
            logits, cache = self(piece, cache)
            token = logits[:, -1].argmax(dim=-1)
            if eos_token_id is not None:
                token = token.masked_fill(finished, filler)
                finished = finished | (token == eos_token_id)
            piece = token[:, None]
            text = torch.cat([text, piece], dim=1)
            if finished.all():
                break
        return text


_TOP = {"token_embd": "embed_tokens", "output_norm": "norm"}
_IN_LAYER = {
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
    heads = {"attn_q": num_heads, "attn_k": num_kv_heads, "attn_v": num_kv_heads}
    converted = {}
    for name, tensor in state.items():
        *front, kind, _ = name.split(".")
        if not front:
            converted[f"{_TOP[kind]}.weight"] = tensor
            continue
        if kind in heads:
            tensor = interleaved_to_half(tensor, heads[kind])
        converted[f"layers.{front[1]}.{_IN_LAYER[kind]}.weight"] = tensor
    return converted
