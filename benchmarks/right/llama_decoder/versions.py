import math
import re
from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from base import NAMES
from torch import Tensor, nn

from grader.testing import replaces


# ---- LlamaDecoder


def _table(v, d, n, h, g, f):
    k = d // h
    shapes = {"embed_tokens.weight": (v, d), "norm.weight": (d,)}
    for i in range(n):
        p = f"layers.{i}."
        for name, shape in (
            ("mlp.down_proj", (d, f)), ("mlp.up_proj", (f, d)), ("mlp.gate_proj", (f, d)), ("post_attention_layernorm", (d,)), ("input_layernorm", (d,)),
            ("self_attn.o_proj", (d, h * k)), ("self_attn.v_proj", (g * k, d)), ("self_attn.k_proj", (g * k, d)), ("self_attn.q_proj", (h * k, d)),
        ):  # fmt: skip
            shapes[f"{p}{name}.weight"] = shape
    return shapes


def _grow(root, shapes):
    for name, shape in shapes.items():
        *path, leaf = name.split(".")
        node = root
        for part in path:
            if part not in node._modules:
                node.add_module(part, nn.Module())
            node = node._modules[part]
        node.register_parameter(leaf, nn.Parameter(torch.ones(shape) if len(shape) == 1 else torch.randn(shape) * 0.02))


def _angles(start, stop, width, theta):
    frequencies = torch.exp(-math.log(theta) * torch.arange(0, width, 2, dtype=torch.float64) / width)
    return torch.outer(torch.arange(start, stop, dtype=torch.float64), frequencies)


@replaces("LlamaDecoder")
class DecoderTable(nn.Module):
    """parameters from a table of shapes, the whole model in one function, grouped einsum, complex rotation"""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size, rms_norm_eps=1e-5, rope_theta=10000.0):
        super().__init__()
        self.sizes = num_layers, num_heads, num_kv_heads, hidden_size // num_heads
        self.eps, self.theta = rms_norm_eps, rope_theta
        _grow(self, _table(vocab_size, hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size))

    def rms(self, x, weight):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * weight

    def rotate(self, x, turn):
        z = torch.complex(*(part.to(torch.float64) for part in x.chunk(2, -1))) * turn
        return torch.cat([z.real, z.imag], -1).to(x.dtype)

    def forward(self, input_ids, cache=None):
        n, h, g, k = self.sizes
        w = dict(self.named_parameters())
        b, t = input_ids.shape
        past = cache[0]["k"].shape[-2] if cache else 0
        angles = _angles(past, past + t, k, self.theta)
        turn = torch.polar(torch.ones_like(angles), angles)
        visible = torch.arange(past + t) <= torch.arange(past, past + t)[:, None]
        x = w["embed_tokens.weight"][input_ids]
        new = []
        for i in range(n):
            p = lambda name: w[f"layers.{i}.{name}.weight"]
            z = self.rms(x, p("input_layernorm"))
            q = self.rotate((z @ p("self_attn.q_proj").T).view(b, t, g, h // g, k).permute(0, 2, 3, 1, 4), turn)
            key = self.rotate((z @ p("self_attn.k_proj").T).view(b, t, g, k).transpose(1, 2), turn)
            value = (z @ p("self_attn.v_proj").T).view(b, t, g, k).transpose(1, 2)
            if cache:
                key, value = torch.cat([cache[i]["k"], key], 2), torch.cat([cache[i]["v"], value], 2)
            s = torch.einsum("bgrtk,bgsk->bgrts", q, key) * k**-0.5
            a = torch.where(visible, s, torch.full_like(s, torch.finfo(s.dtype).min)).softmax(-1)
            o = torch.einsum("bgrts,bgsk->btgrk", a, value).reshape(b, t, h * k)
            x = x + o @ p("self_attn.o_proj").T
            z = self.rms(x, p("post_attention_layernorm"))
            u = z @ p("mlp.gate_proj").T
            x = x + (u * torch.sigmoid(u) * (z @ p("mlp.up_proj").T)) @ p("mlp.down_proj").T
            new.append({"v": value, "k": key})
        return F.linear(self.rms(x, w["norm.weight"]), w["embed_tokens.weight"]), new

    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        rows = [list(row) for row in input_ids.tolist()]
        if pad_token_id is None:
            pad_token_id = eos_token_id
        open_rows, cache, step = set(range(len(rows))), None, input_ids
        with torch.no_grad():
            for _ in range(max_new_tokens):
                if not open_rows:
                    break
                logits, cache = self.forward(step, cache)
                best = logits[:, -1, :].argmax(dim=-1).tolist()
                for r, row in enumerate(rows):
                    row.append(best[r] if r in open_rows else pad_token_id)
                    if eos_token_id is not None and row[-1] == eos_token_id:
                        open_rows.discard(r)
                step = torch.tensor([row[-1:] for row in rows])
        return torch.tensor(rows, dtype=torch.int64)


class _Norm(nn.Module):
    def __init__(self, d, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(d)), eps

    def forward(self, x):
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class _Layer(nn.Module):
    def __init__(self, d, h, g, f, eps):
        super().__init__()
        line = lambda i, o: nn.Linear(i, o, bias=False)
        k = d // h
        self.h, self.g = h, g
        self.mlp = nn.ModuleDict({"down_proj": line(f, d), "up_proj": line(d, f), "gate_proj": line(d, f)})
        self.self_attn = nn.ModuleDict({"o_proj": line(h * k, d), "q_proj": line(d, h * k), "v_proj": line(d, g * k), "k_proj": line(d, g * k)})
        self.post_attention_layernorm, self.input_layernorm = _Norm(d, eps), _Norm(d, eps)

    def forward(self, x, cos, sin, mask, cache):
        m, z = self.self_attn, self.input_layernorm(x)
        split = lambda y, n: y.unflatten(-1, (n, -1)).transpose(1, 2)

        def turn(y):
            a, b = y.chunk(2, -1)
            return y * cos + torch.cat([-b, a], -1) * sin

        q, k, v = turn(split(m["q_proj"](z), self.h)), turn(split(m["k_proj"](z), self.g)), split(m["v_proj"](z), self.g)
        if cache is not None:
            k, v = torch.cat([cache["k"], k], -2), torch.cat([cache["v"], v], -2)
        wide = lambda y: y.unsqueeze(2).expand(-1, -1, self.h // self.g, -1, -1).reshape(y.shape[0], self.h, *y.shape[2:])
        o = F.scaled_dot_product_attention(q, wide(k), wide(v), attn_mask=mask)
        x = x + m["o_proj"](o.transpose(1, 2).flatten(2))
        z = self.post_attention_layernorm(x)
        return x + self.mlp["down_proj"](F.silu(self.mlp["gate_proj"](z)) * self.mlp["up_proj"](z)), {"k": k, "v": v, "length": k.shape[2]}


class _DecoderSDPA(nn.Module):

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size, rms_norm_eps=1e-5, rope_theta=10000.0):
        super().__init__()
        self.norm = _Norm(hidden_size, rms_norm_eps)
        self.layers = nn.ModuleList([_Layer(hidden_size, num_heads, num_kv_heads, intermediate_size, rms_norm_eps) for _ in range(num_layers)])
        self.embed_tokens = nn.Embedding(vocab_size, hidden_size)
        self.width, self.theta = hidden_size // num_heads, rope_theta

    def forward(self, input_ids, cache=None):
        x = self.embed_tokens(input_ids)
        past, t = (cache[0]["k"].size(2) if cache is not None else 0), input_ids.size(1)
        angles = _angles(past, past + t, self.width, self.theta).repeat(1, 2)
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        mask = torch.ones(t, past + t, dtype=torch.bool).tril(past)
        new = []
        for layer, old in zip(self.layers, cache if cache is not None else [None] * len(self.layers)):
            x, entry = layer(x, cos, sin, mask, old)
            new.append(entry)
        return F.linear(self.norm(x), self.embed_tokens.weight), new

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        b, t = input_ids.shape
        pad = pad_token_id if pad_token_id is not None else eos_token_id
        ids = torch.zeros(b, t + max_new_tokens, dtype=torch.int64)
        ids[:, :t] = input_ids
        done = torch.zeros(b, dtype=torch.bool)
        cache, length, fresh = None, t, 0
        while length < ids.shape[1] and not done.all():
            logits, cache = self(ids[:, fresh:length], cache)
            ids[:, length] = logits[:, -1].max(-1).indices
            if eos_token_id is not None:
                ids[done, length] = pad
                done |= ids[:, length] == eos_token_id
            fresh, length = length, length + 1
        return ids[:, :length]


@replaces("LlamaDecoder")
class DecoderSDPA(_DecoderSDPA):
    """scaled_dot_product_attention, cos and sin made once for all layers, one more entry in a cache"""


@replaces("LlamaDecoder")
class DecoderNoCache(nn.Module):
    """generate reads the whole text again in each step; unfinished rows alone"""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size, rms_norm_eps=1e-5, rope_theta=10000.0):
        super().__init__()
        self.embed_tokens = nn.Embedding(vocab_size, hidden_size)
        nn.init.normal_(self.embed_tokens.weight, std=0.02)
        self.layers = nn.Sequential(*(_Layer(hidden_size, num_heads, num_kv_heads, intermediate_size, rms_norm_eps) for _ in range(num_layers)))
        self.norm = _Norm(hidden_size, rms_norm_eps)
        self.register_buffer("inverse", rope_theta ** (-torch.arange(0, hidden_size // num_heads, 2, dtype=torch.float64) / (hidden_size // num_heads)), persistent=False)
        self.width, self.theta = hidden_size // num_heads, rope_theta

    def forward(self, input_ids, cache=None):
        x = F.embedding(input_ids, self.embed_tokens.weight)
        past, t = (0 if cache is None else cache[0]["v"].shape[2]), input_ids.shape[1]
        angles = _angles(past, past + t, self.width, self.theta)
        angles = torch.cat([angles, angles], 1)
        mask = torch.full((t, past + t), -torch.inf, dtype=x.dtype).triu(past + 1)
        out = []
        for i, layer in enumerate(self.layers):
            x, entry = layer(x, angles.cos().to(x.dtype), angles.sin().to(x.dtype), mask, cache[i] if cache is not None else None)
            out.append({"k": entry["k"], "v": entry["v"]})
        return torch.einsum("btd,vd->btv", self.norm(x), self.embed_tokens.weight), out

    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        ids, alive = input_ids.clone(), torch.arange(input_ids.shape[0])
        pad = eos_token_id if pad_token_id is None else pad_token_id
        for _ in range(max_new_tokens):
            if alive.numel() == 0:
                break
            with torch.no_grad():
                logits, _ = self(ids[alive])
            token = logits[:, -1].argmax(-1)
            column = torch.full((len(ids), 1), 0 if pad is None else pad)
            column[alive, 0] = token
            ids = torch.hstack([ids, column])
            if eos_token_id is not None:
                alive = alive[token != eos_token_id]
        return ids


@replaces("LlamaDecoder")
class DecoderPerHead(nn.Module):
    """a loop over query heads; caches are views that are not contiguous; generate row by row"""

    def __init__(self, vocab_size, hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size, rms_norm_eps=1e-5, rope_theta=10000.0):
        nn.Module.__init__(self)
        _grow(self, _table(vocab_size, hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size))
        self.n, self.h, self.g, self.k = num_layers, num_heads, num_kv_heads, hidden_size // num_heads
        self.eps, self.theta = rms_norm_eps, rope_theta

    def _norm(self, x, module):
        return module.weight * x / (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt()

    def _turn(self, x, start):  # (B, T, heads, K)
        a = _angles(start, start + x.shape[1], self.k, self.theta)[:, None]
        c, s = a.cos().to(x.dtype), a.sin().to(x.dtype)
        one, two = x[..., : self.k // 2], x[..., self.k // 2 :]
        return torch.cat([one * c - two * s, one * s + two * c], -1)

    def forward(self, input_ids, cache=None):
        x = self.embed_tokens.weight.index_select(0, input_ids.reshape(-1)).view(*input_ids.shape, -1)
        past = 0 if cache is None else cache[0]["k"].shape[2]
        b, t, d = x.shape
        new = []
        for i in range(self.n):
            layer = self.layers.get_submodule(str(i))
            m = layer.self_attn
            z = self._norm(x, layer.input_layernorm)
            q = self._turn(F.linear(z, m.q_proj.weight).view(b, t, self.h, self.k), past)
            k = self._turn(F.linear(z, m.k_proj.weight).view(b, t, self.g, self.k), past)
            v = F.linear(z, m.v_proj.weight).view(b, t, self.g, self.k)
            if cache is not None:
                k, v = (torch.cat([cache[i][name].transpose(1, 2), new_], 1) for name, new_ in (("k", k), ("v", v)))
            later = torch.arange(past + t) > torch.arange(past, past + t)[:, None]
            for head in range(self.h):
                group = head * self.g // self.h
                s = (q[:, :, head] @ k[:, :, group].mT / math.sqrt(self.k)).masked_fill(later, -torch.inf)
                columns = m.o_proj.weight[:, head * self.k : (head + 1) * self.k]
                x = x + (s.softmax(-1) @ v[:, :, group]) @ columns.T
            z = self._norm(x, layer.post_attention_layernorm)
            x = x + F.linear(F.silu(F.linear(z, layer.mlp.gate_proj.weight)) * F.linear(z, layer.mlp.up_proj.weight), layer.mlp.down_proj.weight)
            new.append({"k": k.transpose(1, 2), "v": v.transpose(1, 2)})
        return self._norm(x, self.norm) @ self.embed_tokens.weight.T, new

    @torch.inference_mode()
    def _continue(self, row, steps, end):
        cache, step, tokens = None, row[None], []
        for _ in range(steps):
            logits, cache = self(step, cache)
            tokens.append(int(logits[0, -1].argmax()))
            if tokens[-1] == end:
                break
            step = torch.tensor([[tokens[-1]]])
        return tokens

    def generate(self, input_ids, max_new_tokens, eos_token_id=None, pad_token_id=None):
        rows = [self._continue(row, max_new_tokens, eos_token_id) for row in input_ids]
        longest = max(map(len, rows))
        fill = eos_token_id if pad_token_id is None else pad_token_id
        new = [row + [fill] * (longest - len(row)) for row in rows]
        return torch.cat([input_ids, torch.tensor(new, dtype=torch.int64).view(len(rows), longest)], dim=1)


@replaces("LlamaDecoder")
class DecoderPieces(_DecoderSDPA):
    """a subclass; forward runs in two pieces with a cache between them, the caches are copies"""

    def forward(self, input_ids, cache=None):
        half = input_ids.shape[1] // 2
        logits = []
        for part in (input_ids[:, :half], input_ids[:, half:]):
            if part.shape[1]:
                y, cache = super().forward(part, cache)
                logits.append(y)
        return torch.cat(logits, 1), [{"k": c["k"].contiguous(), "v": c["v"].contiguous()} for c in cache]


# ---- convert_gguf_state


def _rename(name):
    if name.startswith("token_embd"):
        return name.replace("token_embd", "embed_tokens")
    if name.startswith("output_norm"):
        return name.replace("output_norm", "norm")
    _, i, part, kind = name.split(".")
    return ".".join(["layers", i, NAMES[part], kind])


def _heads(name, h, g):
    return {"attn_q": h, "attn_k": g}.get(name.split(".")[2] if name.startswith("blk") else "", 0)


@replaces("convert_gguf_state")
def convert_order(state, num_heads, num_kv_heads):
    """an order of rows as an index"""
    out = {}
    for name, tensor in state.items():
        heads = _heads(name, num_heads, num_kv_heads)
        if heads:
            k = tensor.shape[0] // heads
            one = list(range(0, k, 2)) + list(range(1, k, 2))
            tensor = tensor[[h * k + r for h in range(heads) for r in one]]
        out[_rename(name)] = tensor
    return out


@replaces("convert_gguf_state")
def convert_strides(state, num_heads, num_kv_heads):
    """slices with stride 2, put together head by head"""
    def move(w, heads):
        return torch.cat([torch.cat([part[0::2], part[1::2]]) for part in w.chunk(heads)])

    return {_rename(n): move(w, _heads(n, num_heads, num_kv_heads)) if _heads(n, num_heads, num_kv_heads) else w for n, w in state.items()}


@replaces("convert_gguf_state")
def convert_clone(state, num_heads, num_kv_heads):
    """rows copied one by one into a clone"""
    out = {}
    for name, tensor in state.items():
        new, heads = tensor.clone(), _heads(name, num_heads, num_kv_heads)
        if heads:
            k = len(tensor) // heads
            for h in range(heads):
                for r in range(k // 2):
                    new[h * k + r] = tensor[h * k + 2 * r]
                    new[h * k + r + k // 2] = tensor[h * k + 2 * r + 1]
        out[_rename(name)] = new
    return out


@replaces("convert_gguf_state")
def convert_view(state, num_heads, num_kv_heads):
    """view, permute, reshape; an OrderedDict in the order of names"""
    out = OrderedDict()
    for name in sorted(state):
        w, heads = state[name], _heads(name, num_heads, num_kv_heads)
        if heads:
            w = w.reshape(heads, w.shape[0] // heads // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)
        out[_rename(name)] = w
    return out


@replaces("convert_gguf_state")
def convert_regex(state, num_heads, num_kv_heads):
    """regular expressions for the names"""
    whole = {"token_embd.weight": "embed_tokens.weight", "output_norm.weight": "norm.weight"}
    result = {}
    for old, tensor in state.items():
        new = whole.get(old) or re.sub(r"^blk\.(\d+)\.(\w+)\.weight$", lambda m: f"layers.{m[1]}.{NAMES[m[2]]}.weight", old)
        match = re.search(r"\.attn_([qk])\.", old)
        if match:
            heads = num_heads if match[1] == "q" else num_kv_heads
            tensor = torch.stack([tensor.view(heads, -1, *tensor.shape[1:])[:, i::2] for i in (0, 1)], 1).view(tensor.shape) if tensor.is_contiguous() else torch.cat([torch.cat((p[::2], p[1::2])) for p in tensor.chunk(heads)])
        result[new] = tensor
    return result


@replaces("convert_gguf_state")
def convert_numpy(state, num_heads, num_kv_heads):
    """the order of rows by numpy; index_select"""
    out = {}
    for name, w in state.items():
        heads = _heads(name, num_heads, num_kv_heads)
        if heads:
            order = np.arange(w.shape[0]).reshape(heads, -1, 2).transpose(0, 2, 1).ravel()
            w = w.index_select(0, torch.from_numpy(order.copy()))
        out[_rename(name)] = w
    return out


@replaces("convert_gguf_state")
def convert_inverse(state, num_heads, num_kv_heads):
    """the place where each row goes, written with index assignment"""
    out = {}
    for name, w in state.items():
        heads = _heads(name, num_heads, num_kv_heads)
        if heads:
            k = w.shape[0] // heads
            r = torch.arange(w.shape[0])
            to = r // k * k + r % k // 2 + r % 2 * (k // 2)
            moved = torch.empty_like(w)
            moved[to] = w
            w = moved
        out[_rename(name)] = w
    return out


@replaces("convert_gguf_state")
def convert_argsort(state, num_heads, num_kv_heads):
    """sorted by (head, parity), stable"""
    out = {}
    for name, w in state.items():
        heads = _heads(name, num_heads, num_kv_heads)
        if heads:
            r = torch.arange(w.shape[0])
            w = w[(r // (w.shape[0] // heads) * 2 + r % 2).argsort(stable=True)]
        out[_rename(name)] = w.detach().clone()
    return out


@replaces("convert_gguf_state")
def convert_layers(state, num_heads, num_kv_heads):
    """a table of all names, made from the number of layers in the file"""
    layers = {int(name.split(".")[1]) for name in state if name.startswith("blk.")}
    table = {f"blk.{i}.{a}.weight": f"layers.{i}.{b}.weight" for i in layers for a, b in NAMES.items()}
    table |= {"token_embd.weight": "embed_tokens.weight", "output_norm.weight": "norm.weight"}
    out = {table[name]: tensor for name, tensor in state.items()}
    for i in layers:
        for part, heads in (("q", num_heads), ("k", num_kv_heads)):
            key = f"layers.{i}.self_attn.{part}_proj.weight"
            if key in out:
                out[key] = out[key].unflatten(0, (heads, -1, 2)).movedim(2, 1).flatten(0, 2)
    return out


@replaces("convert_gguf_state")
def convert_einsum_like(state, num_heads, num_kv_heads):
    """columns instead of rows: transposed, cut, and transposed back; results may be views"""
    out = {}
    for name, w in state.items():
        heads = _heads(name, num_heads, num_kv_heads)
        if heads:
            z = w.movedim(0, -1)
            z = z.unflatten(-1, (heads, -1, 2)).transpose(-1, -2).flatten(-3)
            w = z.movedim(-1, 0)
        out[_rename(name)] = w
    return out


@replaces("convert_gguf_state")
def convert_recursive(state, num_heads, num_kv_heads):
    """a closure for the rows, a generator for the items"""
    def rows(w, heads):
        if heads > 1:
            k = w.shape[0] // heads
            return torch.cat([rows(w[:k], 1), rows(w[k:], heads - 1)])
        return torch.cat([w[::2], w[1::2]])

    def items():
        for name, w in state.items():
            heads = _heads(name, num_heads, num_kv_heads)
            yield _rename(name), rows(w, heads) if heads else w

    return dict(items())
