# TRUE CAUSE: generate stops when all tokens of one step are the end token; rows that ended earlier are filled with
# the padding token, so with another pad_token_id it goes on. It has to stop when every row is finished.
import torch
import torch.nn.functional as F
from decoder_block import rms_norm, swiglu
from grouped_query_attention import GroupedQueryAttention
from rope import interleaved_to_half
from torch import Tensor, nn


class _Gain(nn.Module):
    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, self.eps)


class _Mlp(nn.Module):
    def __init__(self, hidden_size: int, intermediate_size: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return swiglu(x, self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight)


class _Layer(nn.Module):
    def __init__(self, D: int, H: int, G: int, F_: int, eps: float, theta: float) -> None:
        super().__init__()
        self.input_layernorm = _Gain(D, eps)
        self.self_attn = GroupedQueryAttention(D, H, G, rope_theta=theta)
        self.post_attention_layernorm = _Gain(D, eps)
        self.mlp = _Mlp(D, F_)

    def forward(self, x: Tensor, cache: dict | None) -> tuple[Tensor, dict]:
        read, cache = self.self_attn(self.input_layernorm(x), cache)
        x = x + read
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
        self.norm = _Gain(hidden_size, rms_norm_eps)

    def forward(self, input_ids: Tensor, cache: list[dict] | None = None) -> tuple[Tensor, list[dict]]:
        if cache is None:
            cache = [None] * len(self.layers)
        x = self.embed_tokens(input_ids)
        new_cache = []
        for layer, old in zip(self.layers, cache):
            x, new = layer(x, old)
            new_cache.append(new)
        return F.linear(self.norm(x), self.embed_tokens.weight), new_cache

    @torch.no_grad()
    def generate(
        self,
        input_ids: Tensor,
        max_new_tokens: int,
        eos_token_id: int | None = None,
        pad_token_id: int | None = None,
    ) -> Tensor:
        if pad_token_id is None:
            pad_token_id = eos_token_id
        text, unread, cache = input_ids, input_ids, None
        finished = torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
        for _ in range(max_new_tokens):
            logits, cache = self(unread, cache)
            token = logits[:, -1].argmax(dim=-1)
            if eos_token_id is not None:
                token = token.masked_fill(finished, pad_token_id)
                finished = finished | (token == eos_token_id)
            text = torch.cat([text, token[:, None]], dim=1)
            if eos_token_id is not None and (token == eos_token_id).all():
                break
            unread = token[:, None]
        return text


def convert_gguf_state(state: dict[str, Tensor], num_heads: int, num_kv_heads: int) -> dict[str, Tensor]:
    outer = {"token_embd": "embed_tokens", "output_norm": "norm"}
    inner = {
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
    result = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if parts[0] in outer:
            result[f"{outer[parts[0]]}.weight"] = tensor
            continue
        _, i, part, _ = parts
        if part == "attn_q":
            tensor = interleaved_to_half(tensor, num_heads)
        elif part == "attn_k":
            tensor = interleaved_to_half(tensor, num_kv_heads)
        result[f"layers.{i}.{inner[part]}.weight"] = tensor
    return result
