"""Right solutions in other styles. None of them may lose a point."""

import numpy as np
import torch
import torch.nn.functional as F
from llama_decoder import LlamaDecoder
from torch import nn

from grader.testing import replaces


def bare(rows, columns):
    return nn.Linear(columns, rows, bias=False)


@replaces("LlamaDecoder")
class ByItself(nn.Module):
    """nothing of earlier exercises: containers of torch's layers, F.scaled_dot_product_attention, complex rotation"""

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
        D, self.H, self.G = hidden_size, num_heads, num_kv_heads
        K = self.K = D // num_heads
        self.norm = nn.RMSNorm(D, eps=rms_norm_eps)
        self.layers = nn.ModuleList()
        for _ in range(num_layers):
            attn = {"q_proj": bare(D, D), "k_proj": bare(self.G * K, D), "v_proj": bare(self.G * K, D)}
            mlp = {"gate_proj": bare(intermediate_size, D), "up_proj": bare(intermediate_size, D)}
            self.layers.append(
                nn.ModuleDict(
                    {
                        "mlp": nn.ModuleDict(mlp | {"down_proj": bare(D, intermediate_size)}),
                        "self_attn": nn.ModuleDict(attn | {"o_proj": bare(D, D)}),
                        "input_layernorm": nn.RMSNorm(D, eps=rms_norm_eps),
                        "post_attention_layernorm": nn.RMSNorm(D, eps=rms_norm_eps),
                    }
                )
            )
        self.embed_tokens = nn.Embedding(vocab_size, D)
        self.register_buffer("rate", rope_theta ** (-torch.arange(0, K, 2).double() / K), persistent=False)

    def heads(self, layer, name, x):
        return layer["self_attn"][name](x).unflatten(-1, (-1, self.K)).transpose(1, 2)

    def forward(self, input_ids, cache=None):
        T = input_ids.shape[1]
        P = 0 if cache is None else cache[0]["length"]
        angle = torch.outer(torch.arange(P, P + T).double(), self.rate.double())
        turn = torch.polar(torch.ones_like(angle), angle)
        keep = torch.ones(T, P + T, dtype=torch.bool).tril(P)
        x, caches = self.embed_tokens(input_ids), []
        for i, layer in enumerate(self.layers):
            h = layer["input_layernorm"](x)
            q, k, v = (self.heads(layer, f"{name}_proj", h) for name in "qkv")
            turned = (torch.complex(*y.double().chunk(2, dim=-1)) * turn for y in (q, k))
            q, k = (torch.cat([y.real, y.imag], dim=-1).to(v.dtype) for y in turned)
            if cache is not None:
                k, v = torch.cat([cache[i]["k"], k], dim=2), torch.cat([cache[i]["v"], v], dim=2)
            caches.append({"k": k, "v": v, "length": P + T})
            k, v = (y.repeat_interleave(self.H // self.G, dim=1) for y in (k, v))
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=keep)
            x = x + layer["self_attn"]["o_proj"](out.transpose(1, 2).flatten(2))
            h, mlp = layer["post_attention_layernorm"](x), layer["mlp"]
            x = x + mlp["down_proj"](F.silu(mlp["gate_proj"](h)) * mlp["up_proj"](h))
        return self.norm(x) @ self.embed_tokens.weight.T, caches

    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        """inference mode; the tokens of a step in a list"""
        filler = pad_token_id if pad_token_id is not None else eos_token_id
        columns, going = [], [True] * len(input_ids)
        with torch.inference_mode():
            new, cache = input_ids, None
            while len(columns) < max_new_tokens and any(going):
                logits, cache = self.forward(new, cache)
                chosen = logits[:, -1].topk(1).indices.flatten().tolist()
                chosen = [token if goes else filler for token, goes in zip(chosen, going, strict=True)]
                going = [goes and token != eos_token_id for token, goes in zip(chosen, going, strict=True)]
                new = torch.tensor(chosen)[:, None]
                columns.append(new)
            return torch.cat([input_ids, *columns], dim=1)


class Part(nn.Module):
    """A place for parameters."""

    def __init__(self, **shapes):
        super().__init__()
        for name, shape in shapes.items():
            part = nn.Module()
            part.weight = nn.Parameter(torch.full(shape, 0.02))
            self.add_module(name, part)


@replaces("LlamaDecoder")
class TokenByToken(nn.Module):
    """one token after another, so without a mask; einsum over groups; generate without a cache"""

    def __init__(
        self, vocab_size, hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size, *options, **more
    ):
        super().__init__()
        names = ("rms_norm_eps", "rope_theta")
        given = {"rms_norm_eps": 1e-5, "rope_theta": 1e4} | dict(zip(names, options, strict=False)) | more
        self.eps, self.theta = given["rms_norm_eps"], given["rope_theta"]
        D, F_, H, G = hidden_size, intermediate_size, num_heads, num_kv_heads
        self.G, self.K = G, D // H
        self.embed_tokens = nn.Embedding(vocab_size, D)
        layers = []
        for _ in range(num_layers):
            layer = Part(input_layernorm=(D,), post_attention_layernorm=(D,))
            rows = G * self.K
            layer.self_attn = Part(q_proj=(D, D), k_proj=(rows, D), v_proj=(rows, D), o_proj=(D, D))
            layer.mlp = Part(gate_proj=(F_, D), up_proj=(F_, D), down_proj=(D, F_))
            layers.append(layer)
        self.layers = nn.ModuleList(layers)
        self.norm = nn.Module()
        self.norm.register_parameter("weight", nn.Parameter(torch.ones(D)))

    def normed(self, x, part):
        return x / (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt() * part.weight

    def turn(self, x, position):
        """x (B, heads, K)"""
        half = self.K // 2
        angle = position * self.theta ** (-2 * torch.arange(half, dtype=torch.float64) / self.K)
        angle = torch.cat([angle, angle])
        other = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
        return x * angle.cos().to(x.dtype) + other * angle.sin().to(x.dtype)

    def step(self, tokens, caches):
        """tokens (B,): logits (B, V), and the caches of all layers"""
        x, longer = self.embed_tokens.weight[tokens], []
        for layer, (keys, values) in zip(self.layers, caches, strict=True):
            h, attn = self.normed(x, layer.input_layernorm), layer.self_attn
            q, k, v = (h @ getattr(attn, f"{name}_proj").weight.T for name in "qkv")
            q, k, v = (y.unflatten(-1, (-1, self.K)) for y in (q, k, v))
            keys, values = [*keys, self.turn(k, len(keys))], [*values, v]
            q = self.turn(q, len(keys) - 1).unflatten(1, (self.G, -1))  # (B, G, H/G, K)
            ks, vs = torch.stack(keys), torch.stack(values)  # (S, B, G, K)
            weights = torch.einsum("bgrk,sbgk->bgrs", q, ks).div(self.K**0.5).softmax(-1)
            x = x + torch.einsum("bgrs,sbgk->bgrk", weights, vs).flatten(1) @ attn.o_proj.weight.T
            h, mlp = self.normed(x, layer.post_attention_layernorm), layer.mlp
            gate, up = h @ mlp.gate_proj.weight.T, h @ mlp.up_proj.weight.T
            x = x + (gate * torch.sigmoid(gate) * up) @ mlp.down_proj.weight.T
            longer.append((keys, values))
        return torch.einsum("bd,vd->bv", self.normed(x, self.norm), self.embed_tokens.weight), longer

    def forward(self, input_ids, cache=None):
        caches = [([], [])] * len(self.layers)
        if cache is not None:
            caches = [(list(each["k"].unbind(2)), list(each["v"].unbind(2))) for each in cache]
        rows = []
        for tokens in input_ids.unbind(1):
            logits, caches = self.step(tokens, caches)
            rows.append(logits)
        cache = [{"k": torch.stack(keys, 2), "v": torch.stack(values, 2)} for keys, values in caches]
        return torch.stack(rows, dim=1), cache

    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        if max_new_tokens == 0:
            return input_ids
        texts = []
        for prompt in input_ids:  # each row alone
            ids = prompt[None]
            for _ in range(max_new_tokens):
                ids = torch.cat([ids, self(ids)[0][:, -1].argmax(-1, keepdim=True)], dim=1)
                if eos_token_id is not None and ids[0, -1] == eos_token_id:
                    break
            texts.append(ids[0])
        filler = eos_token_id if pad_token_id is None else pad_token_id
        return nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=0 if filler is None else filler)


@replaces("LlamaDecoder")
class FilledAfterwards(LlamaDecoder):
    """all rows go on to the last step, and what stands behind an end token is overwritten; the prompt in two pieces"""

    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        T = input_ids.shape[1]
        ids = torch.zeros(len(input_ids), T + max_new_tokens, dtype=torch.int64)
        ids[:, :T] = input_ids
        cache = None
        if T > 1 and max_new_tokens:
            cache = self(ids[:, : T - 1])[1]
        for t in range(T, T + max_new_tokens):
            logits, cache = self(ids[:, t - 1 : t], cache)
            ids[:, t] = logits.squeeze(1).max(dim=-1).indices
        if eos_token_id is None or not max_new_tokens:
            return ids
        ends = ids[:, T:] == eos_token_id
        first = torch.where(ends.any(1), ends.int().argmax(1), max_new_tokens)  # of each row
        behind = torch.arange(max_new_tokens) > first[:, None]
        ids[:, T:][behind] = eos_token_id if pad_token_id is None else pad_token_id
        return ids[:, : T + min(max_new_tokens, int(first.max()) + 1)]


@replaces("convert_gguf_state")
def layer_by_layer(state, num_heads, num_kv_heads):
    """asks for what a layer has, until there is no more; copies; swapaxes"""
    names = {
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
    }
    whole = {"token_embd.weight": "embed_tokens.weight", "output_norm.weight": "norm.weight"}
    result = {whole[name]: state[name].clone() for name in whole.keys() & state.keys()}
    for i in range(len(state)):
        for old, new in names.items():
            tensor = state.get(f"blk.{i}.{old}.weight")
            if tensor is None:
                continue
            n = num_heads if old == "attn_q" else num_kv_heads
            if old in ("attn_q", "attn_k"):
                shape = tensor.shape
                tensor = tensor.reshape(n, shape[0] // n // 2, 2, *shape[1:]).swapaxes(1, 2).reshape(shape)
            result[f"layers.{i}.{new}.weight"] = tensor.clone()
    return result


@replaces("convert_gguf_state")
def numpy_rows(state, num_heads, num_kv_heads):
    """NumPy moves the rows; chained replacements"""

    def move(tensor, heads):
        blocks = np.split(tensor.numpy(), heads)
        return torch.from_numpy(np.concatenate([rows for block in blocks for rows in (block[::2], block[1::2])]))

    result = {}
    for name, tensor in state.items():
        if ".attn_q." in name:
            tensor = move(tensor, num_heads)
        if ".attn_k." in name:
            tensor = move(tensor, num_kv_heads)
        name = name.replace("token_embd", "embed_tokens").replace("output_norm", "norm").replace("blk", "layers")
        name = name.replace("attn_norm", "input_layernorm").replace("ffn_norm", "post_attention_layernorm")
        name = name.replace("attn_output", "self_attn.o_proj")
        for part in "qkv":
            name = name.replace(f"attn_{part}.", f"self_attn.{part}_proj.")
        for part in ("gate", "up", "down"):
            name = name.replace(f"ffn_{part}", f"mlp.{part}_proj")
        result[name] = tensor
    return result
