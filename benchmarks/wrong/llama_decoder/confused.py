# TRUE CAUSE: takes the conversion the wrong way round: it believes the file holds halves (rows r and r + K/2) and the
# model wants neighbours, so convert_gguf_state moves row r to 2r and row r + K/2 to 2r + 1 in attn_q and attn_k. It has to
# move rows 2r and 2r + 1 to r and r + K/2. The model itself (rotating halves) is right.
import torch
from decoder_block import rms_norm, swiglu
from grouped_query_attention import GroupedQueryAttention
from torch import nn


class Norm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return rms_norm(x, self.weight, self.eps)


class LlamaDecoder(nn.Module):
    def __init__(
        self,
        vocab_size,
        hidden_size,
        num_layers,
        num_heads,
        num_kv_heads,
        intermediate_size,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
    ):
        super().__init__()
        self.embed_tokens = nn.Embedding(vocab_size, hidden_size)
        self.layers = nn.ModuleList()
        for _ in range(num_layers):
            layer = nn.Module()
            layer.input_layernorm = Norm(hidden_size, rms_norm_eps)
            layer.post_attention_layernorm = Norm(hidden_size, rms_norm_eps)
            layer.self_attn = GroupedQueryAttention(hidden_size, num_heads, num_kv_heads, rope_theta=rope_theta)
            layer.mlp = nn.Module()
            layer.mlp.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
            layer.mlp.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
            layer.mlp.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)
            self.layers.append(layer)
        self.norm = Norm(hidden_size, rms_norm_eps)

    def forward(self, input_ids, cache=None):
        h = self.embed_tokens(input_ids)
        old = cache if cache is not None else [None] * len(self.layers)
        new = []
        for layer, memory in zip(self.layers, old):
            a, memory = layer.self_attn(layer.input_layernorm(h), memory)
            new.append(memory)
            h = h + a
            mlp = layer.mlp
            f = layer.post_attention_layernorm(h)
            h = h + swiglu(f, mlp.gate_proj.weight, mlp.up_proj.weight, mlp.down_proj.weight)
        logits = torch.nn.functional.linear(self.norm(h), self.embed_tokens.weight)
        return logits, new

    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        if pad_token_id is None:
            pad_token_id = eos_token_id
        text = input_ids.clone()
        finished = [False] * len(text)
        cache, piece = None, text
        with torch.inference_mode(False), torch.no_grad():
            for _ in range(max_new_tokens):
                logits, cache = self.forward(piece, cache)
                tokens = logits[:, -1, :].argmax(dim=-1).tolist()
                for row, token in enumerate(tokens):
                    if finished[row]:
                        tokens[row] = pad_token_id
                    elif eos_token_id is not None and token == eos_token_id:
                        finished[row] = True
                piece = torch.tensor(tokens).unsqueeze(1)
                text = torch.cat((text, piece), dim=1)
                if all(finished):
                    break
        return text


def to_neighbours(rows, heads):
    halves = rows.unflatten(0, (heads, 2, -1))
    return halves.transpose(1, 2).reshape(rows.shape)


def convert_gguf_state(state, num_heads, num_kv_heads):
    table = {
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        "attn_output": "self_attn.o_proj",
        "attn_v": "self_attn.v_proj",
        "attn_k": "self_attn.k_proj",
        "attn_q": "self_attn.q_proj",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    }
    result = {}
    for name, tensor in state.items():
        if name.startswith("blk."):
            number, part = name.split(".")[1:3]
            if part == "attn_q":
                tensor = to_neighbours(tensor, num_heads)
            if part == "attn_k":
                tensor = to_neighbours(tensor, num_kv_heads)
            result[f"layers.{number}.{table[part]}.weight"] = tensor
        else:
            result[{"token_embd.weight": "embed_tokens.weight", "output_norm.weight": "norm.weight"}[name]] = tensor
    return result
